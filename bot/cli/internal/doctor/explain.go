package doctor

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/slack-go/slack"

	"github.com/cancelbot/cancelbot/bot/internal/transport"
	"github.com/cancelbot/cancelbot/bot/socketmode"
)

// Explain explains an error from the network or from Slack in plain words.
func Explain(err error) string {
	if text := explainAnswer(err); text != "" {
		return text
	}
	return explainNetwork(err)
}

// explainAnswer explains an error that is an answer.
func explainAnswer(err error) string {
	var code slack.StatusCodeError
	var limited *slack.RateLimitedError
	var socket *socketmode.APIError
	var disconnected *socketmode.DisconnectError
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case errors.As(err, &code):
		return status(code.Code)
	case errors.As(err, &limited):
		return "Slack asks to be asked less often"
	case errors.As(err, &socket) && socket.Needed != "":
		return fmt.Sprintf("%s (%s)", socket.Code, socket.Needed)
	case errors.As(err, &socket) && socket.Code == "" && socket.Status != http.StatusOK:
		return status(socket.Status)
	case errors.As(err, &socket) && socket.Code == "", errors.As(err, &syntax), errors.As(err, &kind):
		return "the answer is not Slack's"
	case errors.As(err, &disconnected):
		return string(disconnected.Reason)
	}
	return safeCode(slackCode(err))
}

// explainNetwork explains an error without an answer.
func explainNetwork(err error) string {
	var request *url.Error
	switch e := transport.Explain(err); {
	case errors.Is(err, errSlow):
		return errSlow.Error()
	case e.Failure == transport.Slow:
		return "nothing came in time"
	case strings.Contains(err.Error(), http.StatusText(http.StatusProxyAuthRequired)): // net/http has no type for it
		return "the proxy asks for a user and a password (HTTPS_PROXY)"
	case e.Failure != transport.Other:
		return e.Found
	case errors.As(err, &request):
		return strings.ToLower(request.Err.Error()[:1]) + request.Err.Error()[1:]
	}
	return err.Error()
}

func status(code int) string {
	return strings.TrimSpace(fmt.Sprintf("HTTP status %d %s", code, http.StatusText(code)))
}

// safeCode returns text only if it looks like one of Slack's codes, which are
// short and plain, so that no text from elsewhere is quoted.
func safeCode(code string) string {
	if code == codeTrouble {
		return "Slack is in trouble"
	}
	plain := func(r rune) bool {
		return r == '_' || r == ':' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
	}
	if len(code) > 64 || strings.ContainsFunc(code, func(r rune) bool { return !plain(r) }) {
		return "an error that is none of Slack's"
	}
	return code
}
