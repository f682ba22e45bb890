package input

import (
	"net/url"
	"strings"
	"unicode"

	"github.com/cancelbot/cancelbot/chamelio"
)

// parseTask parses an ID or a link. The ID's digits must appear in word as
// they are, as a whole run: a number that an encoding hides isn't what people
// see.
func parseTask(word string, hosts []string) (chamelio.TaskID, error) {
	word = strings.TrimRight(strings.TrimLeft(word, openers), closers)
	if link, ok := strings.CutPrefix(word, "<"); ok {
		link, _, _ = strings.Cut(strings.TrimSuffix(link, ">"), "|")
		word = unescape(link)
	}
	task, err := parsePlain(word, hosts)
	if err == nil && !hasNumber(word, task.String()) {
		return 0, ErrNotATask
	}
	return task, err
}

func parsePlain(word string, hosts []string) (chamelio.TaskID, error) {
	if number, ok := withoutLabel(word); ok {
		return parseID(number)
	}
	before, _, hasSlash := strings.Cut(word, "/")
	switch {
	case strings.Contains(word, "://"):
		return parseLink(word, hosts, 0)
	case hasSlash && looksLikeHost(before, hosts):
		return parseLink("https://"+word, hosts, 0)
	}
	return parseID(strings.TrimPrefix(word, "#"))
}

// withoutLabel returns the number in "task#12345" or "TASK-12345".
func withoutLabel(word string) (number string, ok bool) {
	start := strings.IndexFunc(word, isDigit)
	if start <= 0 {
		return "", false
	}
	label := strings.TrimRight(word[:start], "#:=-–_/.")
	separator := word[len(label):start]
	switch strings.ToLower(label) { // its length may change: Ⱥ grows
	case "task", "tasks", "task-id", "task_id", "taskid", "id":
	default:
		return "", false
	}
	switch separator {
	case "", "#", ":", ":#", "=", "-", "–", "_", "/", "-#", ".":
		return word[start:], true
	}
	return "", false
}

// looksLikeHost reports whether text, without a scheme and before a slash, can
// be a host.
func looksLikeHost(text string, hosts []string) bool {
	name, _, _ := strings.Cut(text, ":")
	if strings.Contains(strings.Trim(name, "."), ".") {
		return true
	}
	for _, host := range hosts {
		if strings.EqualFold(host, name) {
			return true
		}
	}
	return false
}

// maxRedirects is how many redirectors may be around a link, such as a mail
// server's around a search engine's.
const maxRedirects = 2

// parseLink returns the ID in https://app.chamelio.ai/workflows/tasks/12345,
// regardless of what follows in the path, query or fragment. It accepts http:
// Slack puts http:// before an address without a scheme, and the link is never
// followed. It rejects a path that a browser or a server may read as another one. It
// looks into the redirectors that mail servers and others put around links, depth of
// them so far.
func parseLink(link string, hosts []string, depth int) (chamelio.TaskID, error) {
	u, err := url.Parse(link)
	if err != nil {
		return 0, ErrForeignLink
	}
	if u.Scheme == "http" {
		u.Scheme = "https"
	}
	if !isTaskHost(u, hosts) {
		if target := redirectTarget(u); target != "" && depth < maxRedirects {
			if task, err := parseLink(target, hosts, depth+1); err == nil {
				return task, nil
			}
		}
		return 0, ErrForeignLink
	}
	return taskOf(u)
}

// IsLinkOf reports whether address is an https link to the task, on a host of
// chamelio.ai or on one of hosts.
func IsLinkOf(address string, task chamelio.TaskID, hosts []string) bool {
	u, err := url.Parse(address)
	if err != nil || !isTaskHost(u, hosts) {
		return false
	}
	id, err := taskOf(u)
	return err == nil && id == task && hasNumber(address, task.String())
}

// taskOf returns the ID in the path of u.
func taskOf(u *url.URL) (chamelio.TaskID, error) {
	if !isPlainPath(u) {
		return 0, ErrForeignLink
	}
	segments := strings.Split(u.Path, "/")
	for i := range len(segments) - 1 {
		if segments[i] == "tasks" {
			return parseID(segments[i+1])
		}
	}
	return 0, ErrForeignLink
}

// isPlainPath reports whether the segments of u's path are what they look like: none
// begins with a dot, such as "..", which removes the one before it. A browser decodes the
// dots and takes a backslash for a slash. A server may also decode slashes, or twice, and
// ignore control characters (url.spec.whatwg.org, "path state").
func isPlainPath(u *url.URL) bool {
	return !strings.Contains(u.Path, "/.") && !strings.ContainsAny(u.Path, `\%`) && !strings.ContainsFunc(u.Path, unicode.IsControl) &&
		!strings.Contains(strings.ToLower(u.RawPath), "%2f")
}

// redirectParameters returns the parameters that may have the link in the
// address of a redirector, nil for another address.
func redirectParameters(u *url.URL) []string {
	host := strings.ToLower(u.Hostname())
	switch {
	case u.Scheme != "https" || u.User != nil:
		return nil
	case strings.HasSuffix(host, ".safelinks.protection.outlook.com"), strings.HasSuffix(host, ".safelinks.protection.office365.us"),
		host == "statics.teams.cdn.office.net", host == "slack-redir.net" && u.Path == "/link":
		return []string{"url"}
	case (host == "www.google.com" || host == "google.com") && u.Path == "/url":
		return []string{"q", "url"}
	}
	return nil
}

// redirectTarget returns the link that a redirector leads to, "" if u is none
// or names several.
func redirectTarget(u *url.URL) (target string) {
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return ""
	}
	for _, name := range redirectParameters(u) {
		for _, one := range query[name] {
			if target != "" && one != target {
				return ""
			}
			target = one
		}
	}
	return target
}
