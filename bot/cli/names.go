package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/slack-go/slack"

	"github.com/cancelbot/cancelbot/bot/cli/internal/doctor"
)

// names maps people's IDs to their names.
type names map[string]string

// namesTimeout bounds the lookups of --names for a page.
const namesTimeout = 20 * time.Second

// directory looks up people's names, until a lookup fails. It remembers the names that
// it has found.
type directory struct {
	known  names
	closed bool
	failed func(error)
}

// of returns the names of people that are known, after looking up the others.
func (d *directory) of(ctx context.Context, ids []string) names {
	ids = slices.DeleteFunc(distinct(ids), func(id string) bool { return d.known[id] != "" })
	if d.closed || len(ids) == 0 {
		return d.known
	}
	found, err := askNames(ctx, ids)
	if d.closed = err != nil; d.closed {
		d.failed(err)
	}
	if d.known == nil {
		d.known = names{}
	}
	maps.Copy(d.known, found)
	return d.known
}

// askNames gets names from Slack. With an error, which says why some are
// missing, it returns those that it has.
func askNames(ctx context.Context, ids []string) (names, error) {
	cfg, problems := readConfig(ctx)
	for _, p := range problems {
		if p.Variable == "SLACK_BOT_TOKEN" || p.Variable == "SLACK_API_URL" {
			return nil, errors.New(p.Found)
		}
	}
	ctx, cancel := context.WithTimeout(ctx, namesTimeout)
	defer cancel()
	address := strings.TrimSuffix(cfg.SlackAPIURL, "/") + "/"
	client := &http.Client{Transport: cfg.redactors().answers.Transport(http.DefaultTransport)}
	api := slack.New(cfg.SlackBotToken.Reveal(), slack.OptionAPIURL(address), slack.OptionHTTPClient(client), slack.OptionRetry(1))
	found := names{}
	for _, id := range ids {
		name, err := askName(ctx, api, id)
		if err != nil {
			return found, fmt.Errorf("asking Slack for names (users.info): %s", doctor.Explain(err))
		}
		if name != "" {
			found[id] = name
		}
	}
	return found, nil
}

// distinct sorts the IDs and removes duplicates and empty ones.
func distinct(ids []string) []string {
	slices.Sort(ids)
	return slices.DeleteFunc(slices.Compact(ids), func(id string) bool { return id == "" })
}

// askName returns "" for a person who doesn't exist in Slack any more.
func askName(ctx context.Context, api *slack.Client, id string) (string, error) {
	u, err := api.GetUserInfoContext(ctx, id)
	var answer slack.SlackErrorResponse
	switch {
	case errors.As(err, &answer) && answer.Err == "user_not_found":
		return "", nil
	case err != nil:
		return "", err
	}
	return cmp.Or(u.RealName, u.Profile.DisplayName, u.Name), nil
}
