package input

import (
	"net/url"
	"strings"
)

// isTaskHost reports whether u is an https address on a host of chamelio.ai, or
// on one of hosts.
func isTaskHost(u *url.URL, hosts []string) bool {
	if u.Scheme != "https" || u.User != nil {
		return false
	}
	host := strings.ToLower(u.Hostname())
	for _, own := range hosts {
		if host == own {
			return true
		}
	}
	return host == "chamelio.ai" || strings.HasSuffix(host, ".chamelio.ai")
}

// IsID reports whether id is a Slack ID of one of the kinds, which are the first
// letters: "UW" for people.
func IsID(id, kinds string) bool {
	return len(id) > 1 && strings.ContainsRune(kinds, rune(id[0])) && strings.IndexFunc(id, func(r rune) bool {
		return (r < 'A' || r > 'Z') && (r < '0' || r > '9')
	}) < 0
}

// IsChannelID reports whether id is the ID of a channel, and not a name
// (docs.slack.dev: conversations).
func IsChannelID(id string) bool { return len(id) > 2 && IsID(id, "CG") }
