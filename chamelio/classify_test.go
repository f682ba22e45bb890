package chamelio

import (
	"errors"
	"net/http"
	"testing"
)

// Every way in which a request can end, and its meaning. Other statuses fall
// under the last row of their class.
func TestEveryEndOfARequestHasAMeaning(t *testing.T) {
	type row struct {
		kind                error
		ambiguous, inFlight bool
	}
	var (
		certain   = func(kind error) row { return row{kind, false, false} }
		settled   = func(kind error) row { return row{kind, true, false} }
		uncertain = func(kind error) row { return row{kind, true, true} }
	)
	fromAPI := map[int]row{
		401: certain(ErrUnauthorized), 404: certain(ErrNotFound), 409: certain(ErrConflict),
		429: certain(ErrRateLimited), 408: uncertain(ErrRefused), 500: settled(ErrServer),
	}
	notFromAPI := map[int]row{
		401: uncertain(ErrUnauthorized), 404: uncertain(ErrNotFound), 409: uncertain(ErrConflict),
		429: certain(ErrRateLimited), 0: uncertain(ErrUnreachable), 200: uncertain(ErrMalformed),
	}
	for status := range 600 {
		for _, api := range []bool{false, true} {
			var want row
			named, ok := notFromAPI[status]
			if api {
				named, ok = fromAPI[status]
			}
			switch {
			case status > 0 && status < 100, api && (status == 0 || status == 200):
				continue // cannot happen
			case ok:
				want = named
			case status >= 500:
				want = uncertain(ErrServer)
			case status >= 400 && api:
				want = certain(ErrRefused)
			default:
				want = uncertain(ErrRefused)
			}
			got := classify(outcome{sent: true, status: status, fromAPI: api})
			if got != (meaning{kind: want.kind, ambiguous: want.ambiguous, inFlight: want.inFlight}) {
				t.Errorf("%d, from the API %v: got %+v, want %+v", status, api, got, want)
			}
		}
	}
	if got := classify(outcome{}); got != (meaning{kind: ErrUnreachable, notSent: true}) {
		t.Errorf("not sent: got %+v", got)
	}
}

// Laws that hold for the whole table.
func TestMeaningsAreConsistent(t *testing.T) {
	cause := errors.New("cause")
	for _, method := range []string{http.MethodGet, http.MethodPost} {
		for _, sent := range []bool{false, true} {
			for status := range 600 {
				for _, api := range []bool{false, true} {
					e := (&Error{Method: method}).means(outcome{sent, status, api}, cause)
					switch {
					case e.InFlight && !e.Ambiguous:
						t.Errorf("%+v may come, but cannot have come", e)
					case method == http.MethodGet && e.Ambiguous:
						t.Errorf("%+v: a look changes nothing", e)
					case e.NotSent && e.Ambiguous, e.NotSent == sent:
						t.Errorf("%+v: sent or not?", e)
					case e.Kind == nil || errors.Is(e.Kind, ErrAmbiguous) || !errors.Is(e, e.Kind) || !errors.Is(e, cause):
						t.Errorf("%+v: errors.Is does not work", e)
					case errors.Is(e, ErrAmbiguous) != e.Ambiguous || errors.Is(e, ErrNotSent) != e.NotSent:
						t.Errorf("%+v: flags and errors.Is disagree", e)
					}
				}
			}
		}
	}
}
