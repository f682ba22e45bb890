package socketmode

import (
	"errors"
	"net"
	"net/url"
	"strings"
)

// isSlackHost reports whether a host is one of Slack's: slack.com, GovSlack
// (docs.slack.dev, "GovSlack"), and slack-msgs.com, which Slack's help centre
// lists for WebSockets ("Manage Slack connection issues").
func isSlackHost(host string) bool {
	host = strings.ToLower(host)
	for _, domain := range []string{"slack.com", "slack-gov.com", "slack-msgs.com"} {
		if host == domain || strings.HasSuffix(host, "."+domain) {
			return true
		}
	}
	return false
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// checkAPIURL parses the API's address, and rejects one to which the token
// would be sent unencrypted.
func checkAPIURL(address string) (*url.URL, error) {
	api, err := url.Parse(address)
	switch {
	case err != nil || api.Host == "" || api.User != nil || api.RawQuery != "" || api.Fragment != "":
		// The address might contain a password, so the error doesn't quote it.
		return nil, errors.New("socketmode: APIURL must be a plain URL such as https://slack.com/api/")
	case api.Scheme != "https" && (api.Scheme != "http" || !isLoopback(api.Hostname())):
		return nil, errors.New("socketmode: APIURL must be https (http is for loopback only)")
	}
	if !strings.HasSuffix(api.Path, "/") {
		api.Path += "/"
	}
	return api, nil
}

// checkAddress rejects an address that is neither Slack's nor the API's own
// host. On loopback the ports may differ.
func checkAddress(address string, api *url.URL) error {
	u, err := url.Parse(address)
	if err != nil || u.User != nil {
		return errAddress
	}
	host := u.Hostname()
	switch {
	case u.Scheme == "ws" && api.Scheme == "http" && isLoopback(host):
		return nil // a fake server: checkAPIURL has made sure that it is on loopback too
	case u.Scheme != "wss":
		return errAddress
	case isSlackHost(host), strings.EqualFold(u.Host, api.Host), isLoopback(host) && isLoopback(api.Hostname()):
		return nil
	}
	return errAddress
}

// errAddress doesn't quote the address, which contains a ticket.
var errAddress = errors.New("socketmode: refused to connect to the address that was given: it is not Slack's, or not encrypted")
