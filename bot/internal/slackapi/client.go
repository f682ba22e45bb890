package slackapi

import (
	"context"
	"net/http"
	"sync/atomic"

	"github.com/slack-go/slack"
)

// Client is Slack's Web API with a bot token that can be replaced while the bot
// runs. A call in progress keeps the token that it started with.
type Client struct {
	address string
	http    *http.Client
	current atomic.Pointer[slack.Client]
}

// NewClient returns a client of the Web API at address.
func NewClient(botToken, address string, h *http.Client) *Client {
	w := &Client{address: address, http: h}
	w.current.Store(w.With(botToken))
	return w
}

// With returns slack-go's client for another token.
func (w *Client) With(botToken string) *slack.Client {
	return slack.New(botToken, slack.OptionAPIURL(w.address), slack.OptionHTTPClient(w.http), slack.OptionRetry(0))
}

// Use replaces the token for all calls from now on.
func (w *Client) Use(botToken string) { w.current.Store(w.With(botToken)) }

// The methods that the bot calls, under the names that slack-go gives them.

func (w *Client) AuthTestContext(ctx context.Context) (*slack.AuthTestResponse, error) {
	return w.current.Load().AuthTestContext(ctx)
}

func (w *Client) GetBotInfoContext(ctx context.Context, p slack.GetBotInfoParameters) (*slack.Bot, error) {
	return w.current.Load().GetBotInfoContext(ctx, p)
}

func (w *Client) GetUserInfoContext(ctx context.Context, user string, o ...slack.GetUserInfoOption) (*slack.User, error) {
	return w.current.Load().GetUserInfoContext(ctx, user, o...)
}

func (w *Client) GetUserByEmailContext(ctx context.Context, email string) (*slack.User, error) {
	return w.current.Load().GetUserByEmailContext(ctx, email)
}

func (w *Client) GetUserGroupMembersContext(ctx context.Context, group string, o ...slack.GetUserGroupMembersOption) ([]string, error) {
	return w.current.Load().GetUserGroupMembersContext(ctx, group, o...)
}

func (w *Client) GetConversationInfoContext(ctx context.Context, input *slack.GetConversationInfoInput) (*slack.Channel, error) {
	return w.current.Load().GetConversationInfoContext(ctx, input)
}

func (w *Client) PostMessageContext(ctx context.Context, channel string, o ...slack.MsgOption) (string, string, error) {
	return w.current.Load().PostMessageContext(ctx, channel, o...)
}

func (w *Client) UpdateMessageContext(ctx context.Context, channel, ts string, o ...slack.MsgOption) (string, string, string, error) {
	return w.current.Load().UpdateMessageContext(ctx, channel, ts, o...)
}

func (w *Client) OpenViewContext(ctx context.Context, trigger string, view slack.ModalViewRequest) (*slack.ViewResponse, error) {
	return w.current.Load().OpenViewContext(ctx, trigger, view)
}

func (w *Client) UpdateViewContext(ctx context.Context, view slack.ModalViewRequest, externalID, hash, viewID string) (*slack.ViewResponse, error) {
	return w.current.Load().UpdateViewContext(ctx, view, externalID, hash, viewID)
}

func (w *Client) GetPermalinkContext(ctx context.Context, p *slack.PermalinkParameters) (string, error) {
	return w.current.Load().GetPermalinkContext(ctx, p)
}
