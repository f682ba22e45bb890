package policy

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/slack-go/slack"
)

func TestSharedChannels(t *testing.T) {
	missing := slack.SlackErrorResponse{Err: "missing_scope"}
	for _, c := range []struct {
		rule     SharedChannels
		moment   Moment
		channel  ChannelID
		fails    error
		want     Code
		untitled bool
		asks     bool
	}{
		{rule: "", moment: AtCommand, channel: "C0SHARED", want: CodeAllowed},
		{rule: SharedFull, moment: AtCommand, channel: "C0SHARED", want: CodeAllowed},
		{rule: SharedFull, moment: AtClick, channel: "D0ADA", want: CodeAllowed},

		{rule: SharedUntitled, moment: AtCommand, channel: "C0INSIDE", want: CodeAllowed, asks: true},
		{rule: SharedUntitled, moment: AtCommand, channel: "C0SHARED", want: CodeAllowed, untitled: true, asks: true},
		{rule: SharedUntitled, moment: AtCommand, channel: "D0ADA", want: CodeAllowed, untitled: true, asks: true},
		{rule: SharedUntitled, moment: AtCommand, channel: "C0INSIDE", fails: missing, want: CodeAllowed, untitled: true, asks: true},
		{rule: SharedUntitled, moment: AtClick, channel: "C0SHARED", want: CodeAllowed, untitled: true, asks: true},

		{rule: SharedRefused, moment: AtCommand, channel: "C0INSIDE", want: CodeAllowed, asks: true},
		{rule: SharedRefused, moment: AtCommand, channel: "C0SHARED", want: CodeSharedChannel, asks: true},
		{rule: SharedRefused, moment: AtClick, channel: "C0SHARED", want: CodeSharedChannel, asks: true},
		{rule: SharedRefused, moment: AtCommand, channel: "D0ADA", want: CodeHiddenChannel, asks: true},
		{rule: SharedRefused, moment: AtClick, channel: "C0INSIDE", fails: missing, want: CodeCannotCheckScope, asks: true},
		{rule: SharedRefused, moment: AtClick, channel: "C0INSIDE", fails: errors.New("timed out"), want: CodeCannotCheck, asks: true},
	} {
		inTime(t, func(t *testing.T, api *fakeSlack) {
			if c.fails != nil {
				api.fail("conversations.info", c.fails)
			}
			q := questionBy("U0ADA", c.moment, "U0ADA")
			q.Place.Channel = c.channel
			cleared, v := remembering(Rules{Shared: c.rule}, api).Standing(t.Context(), q, begun)
			if v.Code != c.want || cleared.Untitled != c.untitled {
				t.Errorf("%q in %s, moment %d: %q, untitled %t; want %q, %t", c.rule, c.channel, c.moment, v.Code, cleared.Untitled, c.want, c.untitled)
			}
			asked := slices.Contains(api.calls, "conversations.info "+string(c.channel))
			if asked != c.asks {
				t.Errorf("%q in %s, moment %d: calls %q", c.rule, c.channel, c.moment, api.calls)
			}
		})
	}
}

// A person who may not cancel anything causes no lookup of the channel.
func TestAudienceIsJudgedLast(t *testing.T) {
	inTime(t, func(t *testing.T, api *fakeSlack) {
		q := questionBy("U0GRACE", AtCommand, "")
		q.Place.Channel, q.Several = "C0SHARED", true
		k := remembering(Rules{Mode: Listed, Users: []UserID{"U0ADA"}, Shared: SharedRefused}, api)
		if _, v := k.Standing(t.Context(), q, begun); v.Code != CodeNotListed {
			t.Errorf("%q", v.Code)
		}
		api.wantCalls(t, "users.info U0GRACE")
	})
}

// A channel that is opened to others while a prompt is open counts at the click.
func TestChannelSharedAfterThePrompt(t *testing.T) {
	inTime(t, func(t *testing.T, api *fakeSlack) {
		k := remembering(Rules{Shared: SharedRefused}, api)
		q := questionBy("U0ADA", AtCommand, "")
		q.Place.Channel = "C0INSIDE"
		if _, v := k.Standing(t.Context(), q, begun); !v.Allowed() {
			t.Errorf("%q", v.Code)
		}
		api.shared["C0INSIDE"] = true
		q = questionBy("U0ADA", AtClick, "U0ADA")
		q.Place.Channel = "C0INSIDE"
		time.Sleep(MaxFactsAge + 1)
		if v, _ := k.Confirm(t.Context(), q, 1); v.Code != CodeSharedChannel {
			t.Errorf("%q", v.Code)
		}
	})
}
