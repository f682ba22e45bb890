package bot

import (
	"errors"
	"net"

	"github.com/slack-go/slack"
)

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// slackCode is Slack's word for what is wrong; "" if the error holds none.
func slackCode(err error) string {
	var answer slack.SlackErrorResponse
	if errors.As(err, &answer) {
		return answer.Err
	}
	return ""
}
