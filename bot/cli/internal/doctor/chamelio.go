package doctor

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"github.com/cancelbot/cancelbot/bot/internal/journal"
	"github.com/cancelbot/cancelbot/bot/internal/transport"
	"github.com/cancelbot/cancelbot/chamelio"
)

func (c *checkup) apiKey(ctx context.Context) []Result {
	client, err := chamelio.New(c.Chamelio)
	if err != nil {
		return []Result{bad(APIKey, err.Error(), "Correct CHAMELIO_API_KEY or CHAMELIO_API_URL")}
	}
	info, err := client.OrgInfo(ctx)
	if err == nil {
		err = SameOrganisation(<-c.organisation, info)
	}
	if err != nil {
		return []Result{APIKeyFailed(err)}
	}
	return []Result{good(APIKey, "organisation %s, %d calls a minute", cmp.Or(info.Name, "without a name"), info.RateLimitPerMinute)}
}

// errUnknownOrganisation means that nothing shows whether a key is of the journal's
// organisation.
var errUnknownOrganisation = errors.New("Chamelio doesn't say whose key it is")

// SameOrganisation returns nil if a key, about which Chamelio has said info, is of the
// journal's organisation. If it certainly isn't, the error is a *chamelio.Error with
// KeyForeign: with such a key, a prompt that is open would cancel a task that no one has
// seen.
func SameOrganisation(has journal.Organisation, info chamelio.OrgInfo) error {
	switch {
	case has.Is(journal.Organisation{Name: info.Name, KeyID: info.APIKeyID}):
		return nil
	case info.Name == "":
		return errUnknownOrganisation
	}
	return &chamelio.Error{
		Method: http.MethodGet, Path: "/users/org-info", Kind: chamelio.ErrUnauthorized, FromAPI: true, Reason: chamelio.KeyForeign,
		Detail: fmt.Sprintf("the journal is about the tasks of %q, and the key is one of %q", has.Name, info.Name),
	}
}

// passes reports whether an error says nothing about key or address: Chamelio
// is busy, in trouble, or can't be reached.
func passes(err error) bool {
	return errors.Is(err, chamelio.ErrServer) || errors.Is(err, chamelio.ErrRateLimited) || errors.Is(err, chamelio.ErrUnreachable)
}

// KeyForeign reports whether the key was refused because it is one of another
// organisation than the journal.
func KeyForeign(err error) bool {
	var e *chamelio.Error
	return errors.As(err, &e) && e.Reason == chamelio.KeyForeign
}

// KeyRefused reports whether the key was refused: by Chamelio itself, and not by a
// gateway, or because it is foreign.
func KeyRefused(err error) bool {
	var e *chamelio.Error
	return errors.As(err, &e) && errors.Is(e, chamelio.ErrUnauthorized) && e.FromAPI
}

// ExplainKey explains the result of asking Chamelio about the key.
func ExplainKey(err error) string {
	var e *chamelio.Error
	switch {
	case !errors.As(err, &e):
		return Explain(err)
	case KeyForeign(err):
		return e.Detail
	case KeyRefused(err):
		return "Chamelio refuses the key: " + e.Detail
	case errors.Is(e, chamelio.ErrUnreachable) && e.Err != nil:
		return "Chamelio does not answer: " + Explain(e.Err)
	case errors.Is(e, chamelio.ErrMalformed):
		return "the answer is not Chamelio's"
	case errors.Is(e, chamelio.ErrRateLimited):
		return "Chamelio says that the key is used too often"
	case e.Detail != "":
		return "Chamelio answers " + status(e.Status) + ": " + e.Detail
	}
	return "the answer is " + status(e.Status) + ", and not Chamelio's own"
}

// KeyRemedy returns what to do about it.
func KeyRemedy(err error) string {
	var e *chamelio.Error
	switch {
	case KeyForeign(err):
		return "Put a key of the journal's organisation into CHAMELIO_API_KEY or, for another organisation, use another journal (DATABASE_URL)"
	case KeyRefused(err):
		return "Ask an administrator of your Chamelio organisation for a new key, and put it into CHAMELIO_API_KEY"
	case errors.Is(err, errUnknownOrganisation):
		return "Ask an administrator of your Chamelio organisation which one the key is of; the bot waits until Chamelio says it"
	case errors.Is(err, chamelio.ErrServer), errors.Is(err, chamelio.ErrRateLimited):
		return "Chamelio is busy or in trouble: try again in a minute"
	case errors.As(err, &e) && e.Status != 0:
		return "Check CHAMELIO_API_URL: the server there isn't Chamelio's API, or is in front of it"
	}
	const network = "Check the machine's network, its proxy (HTTPS_PROXY) and CHAMELIO_API_URL"
	return cmp.Or(transport.Explain(err).Remedy, network)
}

// host returns an address without its path and query, which may contain a
// secret.
func host(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Host
}
