package journal

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// serverTimeouts are set in each session. The server gives up before we do, so
// that it doesn't carry out for long what we gave up on. A DATABASE_URL may
// have other values. They aren't startup parameters, which poolers reject.
var serverTimeouts = []struct{ name, value string }{
	{"statement_timeout", "4000"}, {"lock_timeout", "3000"}, {"idle_in_transaction_session_timeout", "10000"},
}

// postgresConfig returns how to connect to a Postgres server, and the statement
// that sets the time-outs of a session. It bounds how long connecting may take
// and how long sent data may stay unacknowledged. The error is read after the
// URL's name and never quotes the URL, which has a password.
func postgresConfig(databaseURL string) (config *pgx.ConnConfig, set string, err error) {
	databaseURL = lowerScheme(databaseURL)
	if misplaced := misplacedPassword(databaseURL); misplaced != nil {
		return nil, "", misplaced
	}
	config, err = pgx.ParseConfig(databaseURL)
	if err != nil {
		return nil, "", parseReason(err)
	}
	if strings.Contains(config.Host, "@") {
		return nil, "", errors.New(`has a second "@" before the host: ` + encoding)
	}
	if err := encrypted(config, sslMode(databaseURL)); err != nil {
		return nil, "", err
	}
	config.ConnectTimeout = callTimeout
	config.DialFunc = dial
	var statement strings.Builder
	for _, timeout := range serverTimeouts {
		value := timeout.value
		if own := config.RuntimeParams[timeout.name]; own != "" {
			value = own
		}
		delete(config.RuntimeParams, timeout.name)
		fmt.Fprintf(&statement, "SET %s = '%s';", timeout.name, strings.ReplaceAll(value, "'", "''"))
	}
	return config, statement.String(), nil
}

// lowerScheme returns the URL with its scheme in lower case: RFC 3986 doesn't
// distinguish the cases, but the driver does.
func lowerScheme(databaseURL string) string {
	scheme, rest, found := strings.Cut(databaseURL, ":")
	if !found {
		return databaseURL
	}
	return strings.ToLower(scheme) + ":" + rest
}

const encoding = "in a user name or password, write @ as %40, / as %2F, : as %3A, ? as %3F and % as %25"

// misplacedPassword reports blanks, which the driver would drop, and an "@"
// after the first slash: the driver would take the user for the host, and part
// of the password for the name of the database.
func misplacedPassword(databaseURL string) error {
	_, rest, _ := strings.Cut(databaseURL, "://")
	if strings.ContainsAny(rest, " \t\r\n") {
		return errors.New("has a blank or a line break in it: write a blank as %20")
	}
	rest, _, _ = strings.Cut(rest, "?")
	if slash, at := strings.Index(rest, "/"), strings.LastIndex(rest, "@"); slash >= 0 && at > slash {
		return errors.New(`has a "/" before an "@": ` + encoding)
	}
	return nil
}

// sslMode returns the sslmode that the URL itself names, "" if it names none.
func sslMode(databaseURL string) (mode string) {
	_, rest, _ := strings.Cut(databaseURL, "://")
	if at := strings.IndexAny(rest, "@/"); at >= 0 && rest[at] == '@' {
		rest = rest[at+1:]
	}
	_, query, _ := strings.Cut(rest, "?")
	values, _ := url.ParseQuery(query)
	if all := values["sslmode"]; len(all) > 0 {
		mode = all[len(all)-1] // the last one counts
	}
	return mode
}

// encrypted requires TLS in every attempt to connect to another machine. It
// judges the parsed configuration, since hosts also come from PGHOST, a service
// file or a query parameter. Left alone, the driver would try TLS and then fall
// back to plain text. Only sslmode=disable in the URL itself allows plain text.
func encrypted(config *pgx.ConnConfig, mode string) error {
	switch mode {
	case "prefer", "allow":
		return errors.New("has an sslmode that falls back to plain text: write sslmode=require or verify-full, or sslmode=disable if that is meant")
	case "disable":
		return nil
	}
	attempts := append([]*pgconn.FallbackConfig{{Host: config.Host, Port: config.Port, TLSConfig: config.TLSConfig}}, config.Fallbacks...)
	withTLS := map[string]bool{}
	for _, attempt := range attempts {
		withTLS[attempt.Host] = withTLS[attempt.Host] || attempt.TLSConfig != nil
	}
	var kept []*pgconn.FallbackConfig
	for _, attempt := range attempts {
		switch {
		case attempt.TLSConfig != nil || isLocal(attempt.Host):
			kept = append(kept, attempt)
		case !withTLS[attempt.Host]:
			return fmt.Errorf("would connect to %s in plain text, because PGSSLMODE or a service file says sslmode=disable: write sslmode=require or verify-full into the URL, or sslmode=disable if that is meant", attempt.Host)
		}
	}
	config.Host, config.Port, config.TLSConfig, config.Fallbacks = kept[0].Host, kept[0].Port, kept[0].TLSConfig, kept[1:]
	return nil
}

// isLocal reports whether a host is this machine, by loopback or a Unix socket.
func isLocal(host string) bool {
	if network, _ := pgconn.NetworkAddress(host, 0); network == "unix" || host == "localhost" {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// postgresPlace names the servers of a URL, for people.
func postgresPlace(databaseURL string) string {
	config, err := pgx.ParseConfig(lowerScheme(databaseURL))
	if err != nil {
		return "Postgres"
	}
	var places []string
	seen := map[string]bool{}
	for _, one := range append([]*pgconn.FallbackConfig{{Host: config.Host, Port: config.Port}}, config.Fallbacks...) {
		_, address := pgconn.NetworkAddress(one.Host, one.Port)
		if !seen[address] {
			places = append(places, address)
		}
		seen[address] = true
	}
	return "Postgres at " + strings.Join(places, ", ")
}

// parseReasons maps parts of pgx's parser errors to explanations. The errors
// themselves may quote a password.
var parseReasons = []struct{ part, reason string }{
	{"percent-encoded", `has a "%" that isn't followed by two hexadecimal digits: ` + encoding},
	{"forbidden value %00", "has a NUL character"},
	{"NUL byte", "has a NUL character"},
	{"unexpected spaces", "has a blank in it: write it as %20"},
	{"invalid port", "has a port that isn't a number from 1 to 65535, or a password that isn't encoded: " + encoding},
	{"port numbers to", "has another number of ports than of hosts"},
	{`missing key/value separator`, `has a parameter after the "?" without a value, or a password that isn't encoded: ` + encoding},
	{`extra key/value separator`, `has a parameter after the "?" with a second "=": write it as %3D`},
	{"IPv6 host", "has an IPv6 address without a closing bracket, or an empty one"},
	{"unexpected character", "has something other than a port or a path after an IPv6 address"},
	{"sslmode is invalid", "has an sslmode that doesn't exist: write sslmode=require (TLS without checking the certificate, elsewhere called no-verify), verify-ca, verify-full or disable"},
	{"unable to add CA", "names an sslrootcert file that holds no certificate in PEM form"},
	{`both "sslcert"`, "names one of sslcert and sslkey: write both, or neither"},
	{"failed to decode sslkey", "names an sslkey file that holds no key in PEM form"},
	{"unable to find sslpassword", "names an sslkey file that is encrypted: add sslpassword"},
	{"unable to decrypt key", "names an sslkey file that sslpassword doesn't decrypt"},
	{"unable to load cert", "names an sslcert file that holds no certificate in PEM form, or not the one of sslkey"},
	{"unable to find service", "names a service that the service file doesn't have"},
	{"service file", "names a service, and the service file (PGSERVICEFILE, ~/.pg_service.conf) can't be read"},
	{"target_session_attrs", "has an unknown target_session_attrs: write any, read-write or primary"},
	{"protocol_version", "has an unknown or contradictory min_protocol_version or max_protocol_version"},
	{"channel_binding", "has an unknown channel_binding: write disable, prefer or require"},
	{"require_auth", "has an unknown require_auth"},
	{"sslcertmode", "has an unknown sslcertmode"},
	{"connect_timeout", "has a connect_timeout that isn't a number of seconds"},
}

// parseReason explains an error of pgx's parser, without quoting the URL.
func parseReason(err error) error {
	cause := errors.Unwrap(err)
	var file *fs.PathError
	if errors.As(cause, &file) {
		return fmt.Errorf("names a file for TLS that can't be read: %s: %w", file.Path, file.Err)
	}
	// Without a cause, the reason follows the redacted URL in backquotes.
	text := err.Error()
	text = text[strings.LastIndex(text, "`")+1:]
	if cause != nil {
		text += cause.Error()
	}
	for _, known := range parseReasons {
		if strings.Contains(text, known.part) {
			return errors.New(known.reason)
		}
	}
	return errors.New("is not a Postgres URL: write postgres://user:password@host:5432/database")
}
