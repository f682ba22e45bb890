package slackapi

import (
	"net/url"
	"testing"
)

func TestOnlySlackGetsAnAnswer(t *testing.T) {
	p := NewPoster(nil, nil, &url.URL{Scheme: "https", Host: "slack.com"})
	for address, want := range map[string]bool{
		"https://hooks.slack.com/commands/T/1/x": true, "https://hooks.slack-gov.com/actions/x": true,
		"http://hooks.slack.com/x": false, "https://hooks.slack.com.evil.example/x": false, "https://u@hooks.slack.com/": false,
		"http://127.0.0.1:8080/x": false, "http://169.254.169.254/": false, "file:///etc/passwd": false, "": false, "::": false,
	} {
		if got := p.check(address) == nil; got != want {
			t.Errorf("%q: accepted = %v", address, got)
		}
	}
}
