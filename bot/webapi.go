package bot

import (
	"context"
	"net/http"
	"sync/atomic"

	"github.com/slack-go/slack"
)

// webAPI is Slack's Web API behind a bot token that can be replaced while the
// bot runs. A call that is under way ends with the token that it began with.
type webAPI struct {
	address string
	http    *http.Client
	current atomic.Pointer[slack.Client]
}

func newWebAPI(botToken, address string, h *http.Client) *webAPI {
	w := &webAPI{address: address, http: h}
	w.current.Store(w.with(botToken))
	return w
}

// with is the client for a token.
func (w *webAPI) with(botToken string) *slack.Client {
	return slack.New(botToken, slack.OptionAPIURL(w.address), slack.OptionHTTPClient(w.http), slack.OptionRetry(0))
}

// use makes another token the one for all calls from now on.
func (w *webAPI) use(botToken string) { w.current.Store(w.with(botToken)) }

// The methods that the bot calls, each of Slack's that its name says.

func (w *webAPI) AuthTestContext(ctx context.Context) (*slack.AuthTestResponse, error) {
	return w.current.Load().AuthTestContext(ctx)
}

func (w *webAPI) GetUserInfoContext(ctx context.Context, user string, o ...slack.GetUserInfoOption) (*slack.User, error) {
	return w.current.Load().GetUserInfoContext(ctx, user, o...)
}

func (w *webAPI) GetUserByEmailContext(ctx context.Context, email string) (*slack.User, error) {
	return w.current.Load().GetUserByEmailContext(ctx, email)
}

func (w *webAPI) GetUserGroupMembersContext(ctx context.Context, group string, o ...slack.GetUserGroupMembersOption) ([]string, error) {
	return w.current.Load().GetUserGroupMembersContext(ctx, group, o...)
}

func (w *webAPI) PostMessageContext(ctx context.Context, channel string, o ...slack.MsgOption) (string, string, error) {
	return w.current.Load().PostMessageContext(ctx, channel, o...)
}

func (w *webAPI) UpdateMessageContext(ctx context.Context, channel, ts string, o ...slack.MsgOption) (string, string, string, error) {
	return w.current.Load().UpdateMessageContext(ctx, channel, ts, o...)
}

func (w *webAPI) OpenViewContext(ctx context.Context, trigger string, view slack.ModalViewRequest) (*slack.ViewResponse, error) {
	return w.current.Load().OpenViewContext(ctx, trigger, view)
}

func (w *webAPI) GetPermalinkContext(ctx context.Context, p *slack.PermalinkParameters) (string, error) {
	return w.current.Load().GetPermalinkContext(ctx, p)
}
