package socketmode

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"
)

func TestOnlyAddressesOfSlackAreConnectedTo(t *testing.T) {
	const slack, loopback, proxy = "https://slack.com/api/", "http://127.0.0.1:8080/api/", "https://slack.acme.example:8443/api/"
	for _, c := range []struct {
		api, address string
		fine         bool
	}{
		{slack, "wss://wss-primary.slack.com/link/?ticket=x", true},
		{slack, "wss://WSS-Backup.Slack.com/link/?ticket=x", true},
		{slack, "wss://wss.slack-gov.com/link/?ticket=x", true},
		{slack, "wss://cerberus.lb.slack-msgs.com/link/?ticket=x", true},
		{slack, "ws://wss-primary.slack.com/link/?ticket=x", false},
		{slack, "https://wss-primary.slack.com/link/?ticket=x", false},
		{slack, "wss://evilslack.com/link", false},
		{slack, "wss://slack.com.evil.example/link", false},
		{slack, "wss://evil.example/slack.com", false},
		{slack, "wss://slack.com@evil.example/link", false},
		{slack, "wss://me:pw@wss-primary.slack.com/link", false},
		{slack, "wss://127.0.0.1/link", false},
		{slack, "ws://127.0.0.1/link", false},
		{slack, "wss:///link", false},
		{slack, "wss://[::1", false},
		{slack, "", false},
		{loopback, "ws://127.0.0.1:9090/link", true},
		{loopback, "ws://localhost:9090/link", true},
		{loopback, "ws://[::1]:9090/link", true},
		{loopback, "wss://127.0.0.1:9090/link", true},
		{loopback, "ws://evil.example/link", false},
		{loopback, "ws://slack.com/link", false},
		{proxy, "wss://slack.acme.example:8443/link", true},
		{proxy, "wss://wss-primary.slack.com/link", true},
		{proxy, "wss://slack.acme.example:9999/link", false},
		{proxy, "ws://slack.acme.example:8443/link", false},
		{proxy, "wss://127.0.0.1/link", false},
	} {
		api, err := checkAPIURL(c.api)
		if err != nil {
			t.Fatal(err)
		}
		err = checkAddress(c.address, api)
		if (err == nil) != c.fine {
			t.Errorf("%s from %s: %v", c.address, c.api, err)
		}
		if err != nil && c.address != "" && strings.Contains(err.Error(), c.address) {
			t.Errorf("the address is in the error: %v", err)
		}
	}
}

func TestOptionsAreChecked(t *testing.T) {
	for name, change := range map[string]func(*Options){
		"no handler":      func(o *Options) { o.Handler = nil },
		"no token":        func(o *Options) { o.AppToken = "" },
		"bot token":       func(o *Options) { o.AppToken = "xoxb-1-secret" },
		"broken token":    func(o *Options) { o.AppToken = "xapp-1-secret\n" },
		"many":            func(o *Options) { o.Connections = 11 },
		"negative":        func(o *Options) { o.Connections = -1 },
		"backwards":       func(o *Options) { o.Stagger = -time.Second },
		"http":            func(o *Options) { o.APIURL = "http://slack.com/api/" },
		"no scheme":       func(o *Options) { o.APIURL = "slack.com/api/" },
		"password in URL": func(o *Options) { o.APIURL = "https://me:secret@slack.com/api/" },
		"query in URL":    func(o *Options) { o.APIURL = "https://slack.com/api/?token=secret" },
		"not a URL":       func(o *Options) { o.APIURL = "https://secret slack/%" },
	} {
		o := Options{AppToken: testToken, Handler: nothing}
		if _, err := New(o); err != nil {
			t.Fatal(err)
		}
		change(&o)
		if _, err := New(o); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestPrintedOptionsHideTheToken(t *testing.T) {
	o := Options{AppToken: testToken}
	var log logged
	log.logger().Info("x", slog.Any("options", o))
	if all := fmt.Sprintf("%v %+v %#v %s", o, o, o, o) + log.String(); strings.Contains(all, testToken) {
		t.Error(all)
	}
}
