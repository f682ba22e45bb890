package slackapi

import (
	"cmp"
	"context"
	"net/http"
	"strings"
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

// The methods that the bot calls, under the names that slack-go gives them. An answer
// that isn't about what was asked is an OtherAnswerError.

func (w *Client) AuthTestContext(ctx context.Context) (*slack.AuthTestResponse, error) {
	return w.current.Load().AuthTestContext(ctx)
}

func (w *Client) GetBotInfoContext(ctx context.Context, p slack.GetBotInfoParameters) (*slack.Bot, error) {
	found, err := w.current.Load().GetBotInfoContext(ctx, p)
	if err == nil {
		err = about(p.Bot, found.ID)
	}
	return found, err
}

func (w *Client) GetUserInfoContext(ctx context.Context, user string, o ...slack.GetUserInfoOption) (*slack.User, error) {
	found, err := w.current.Load().GetUserInfoContext(ctx, user, o...)
	if err == nil {
		err = aboutUser(user, found)
	}
	return found, err
}

func (w *Client) GetUserByEmailContext(ctx context.Context, email string) (*slack.User, error) {
	found, err := w.current.Load().GetUserByEmailContext(ctx, email)
	if err == nil && !strings.EqualFold(found.Profile.Email, email) {
		err = about("the address asked for", "") // addresses don't belong in logs
	}
	return found, err
}

// GetUserGroupMembersContext returns an error if the answer has no list. An empty one is
// an answer.
func (w *Client) GetUserGroupMembersContext(ctx context.Context, group string, o ...slack.GetUserGroupMembersOption) ([]string, error) {
	members, err := w.current.Load().GetUserGroupMembersContext(ctx, group, o...)
	if err == nil && members == nil {
		err = about(group, "")
	}
	return members, err
}

func (w *Client) GetConversationInfoContext(ctx context.Context, input *slack.GetConversationInfoInput) (*slack.Channel, error) {
	found, err := w.current.Load().GetConversationInfoContext(ctx, input)
	if err == nil {
		err = about(input.ChannelID, found.ID)
	}
	return found, err
}

func (w *Client) PostMessageContext(ctx context.Context, channel string, o ...slack.MsgOption) (ts string, err error) {
	in, ts, err := w.current.Load().PostMessageContext(ctx, channel, o...)
	if err == nil {
		err = aboutPost(channel, in, ts)
	}
	return ts, err
}

func (w *Client) UpdateMessageContext(ctx context.Context, channel, ts string, o ...slack.MsgOption) error {
	in, updated, _, err := w.current.Load().UpdateMessageContext(ctx, channel, ts, o...)
	if err == nil {
		err = cmp.Or(about(channel, in), about(ts, updated))
	}
	return err
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
