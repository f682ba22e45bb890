package journal

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
)

// Wherever a host comes from and whatever an sslmode says, no attempt connects
// to another machine in plain text, unless DATABASE_URL itself says so.
func TestRemoteHostsAreEncrypted(t *testing.T) {
	dir := t.TempDir()
	services := filepath.Join(dir, "services")
	var file strings.Builder
	for _, mode := range []string{"", "disable", "allow", "prefer", "require"} {
		fmt.Fprintf(&file, "[%s]\nhost=db.example\nsslmode=%s\n", "s"+mode, mode)
	}
	if err := os.WriteFile(services, []byte(strings.ReplaceAll(file.String(), "sslmode=\n", "")), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PGSERVICEFILE", services)
	type from struct{ url, pghost string }
	sources := []from{
		{"postgres://u@db.example/d?", ""}, {"postgres:///d?user=u", "db.example"}, {"postgres://u@localhost/d?host=db.example", ""},
		{"postgres://u@db.example,localhost/d?", ""}, {"postgres://u@localhost,db.example/d?", ""}, {"postgres:///d?host=/tmp,db.example", ""},
		{"postgres://u@127.0.0.1,10.0.0.1:6432/d?", ""}, {"postgres://u@127.1/d?", ""}, {"postgres://u@localhost.example/d?", ""},
		{"postgres://u@[2001:db8::1]/d?", ""}, {"postgres:///d?service=s", ""}, {"postgres:///d?service=sdisable", ""}, {"postgres:///d?service=sprefer", ""},
		{"postgres:///d?service=sallow", ""}, {"POSTGRES://u@db.example/d?", ""}, {"postgres://localhost%2Cdb.example/d?", ""},
		{"postgres://sslmode=disable@db.example/d?", ""}, {"postgres://u:p?sslmode=disable@db.example/d?", ""}, {"postgres://u@db.example/sslmode=disable?", ""},
	}
	for _, source := range sources {
		for _, mode := range []string{"", "allow", "prefer", "require", "verify-full", "disable"} {
			for _, env := range []string{"", "disable", "allow", "prefer"} {
				t.Setenv("PGHOST", source.pghost)
				t.Setenv("PGSSLMODE", env)
				at := source.url
				if mode != "" {
					at += "&sslmode=" + mode
				}
				at = strings.Replace(at, "?&", "?", 1)
				config, _, err := postgresConfig(at)
				if err != nil {
					continue
				}
				attempts := append([]*pgconn.FallbackConfig{{Host: config.Host, TLSConfig: config.TLSConfig}}, config.Fallbacks...)
				for _, a := range attempts {
					if a.TLSConfig == nil && !isLocal(a.Host) && mode != "disable" {
						t.Errorf("%s, PGSSLMODE=%q, PGHOST=%q: %s in plain text", at, env, source.pghost, a.Host)
					}
				}
			}
		}
	}
}

func TestLocalHostsNeedNoTLS(t *testing.T) {
	for _, at := range []string{
		"postgres://u@localhost/d", "postgres://u@127.0.0.1/d", "postgres://u@127.9.9.9/d", "postgres://u@[::1]/d",
		"postgres:///d?host=/tmp", "postgres://%2Ftmp/d", "PostgreSQL://u@localhost/d",
	} {
		if _, _, err := postgresConfig(at); err != nil {
			t.Errorf("%s: %v", at, err)
		}
		if _, _, err := postgresConfig(at + map[bool]string{true: "&", false: "?"}[strings.Contains(at, "?")] + "sslmode=disable"); err != nil {
			t.Errorf("%s: %v", at, err)
		}
	}
}

// Any password works if it's encoded. If it isn't, either it's taken as it is
// or the error says how to write it, and never shows it.
func TestPasswordsAreTakenOrExplained(t *testing.T) {
	for _, middle := range []string{"", "#", "/", "?", "%", "%2", "%zz", "@", ":", "&", "=", " ", "+", "[", "]", "\\", "ü", "`", "'", "\"", "<", ",", "%00", ";", "/?", "?/", "@/", "/@"} {
		for _, password := range []string{"Hush" + middle + "Quiet", middle + "HushQuiet", "1234" + middle + "HushQuiet"} {
			encoded := "postgres://bot:" + url.QueryEscape(password) + "@db.example:5432/d"
			encoded = strings.ReplaceAll(encoded, "+", "%20")
			if config, _, err := postgresConfig(encoded); middle != "%00" && (err != nil || config.Password != password) {
				t.Errorf("%q encoded: %v", password, err)
			}
			config, _, err := postgresConfig("postgres://bot:" + password + "@db.example:5432/d")
			switch {
			case err == nil && (config.Password != password || config.Host != "db.example"):
				t.Errorf("%q: taken as %q at %q", password, config.Password, config.Host)
			case err == nil:
			case strings.Contains(err.Error(), "Hush"), strings.Contains(err.Error(), "Quiet"):
				t.Errorf("%q: the error shows it: %v", password, err)
			case !strings.Contains(err.Error(), "%2F") && !strings.Contains(err.Error(), "%20") && !strings.Contains(err.Error(), "NUL"):
				t.Errorf("%q: not explained: %v", password, err)
			}
		}
	}
}

func TestURLReasons(t *testing.T) {
	empty := filepath.Join(t.TempDir(), "empty.pem")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	const at = "postgres://bot:hush@db.example/d?"
	for text, want := range map[string]string{
		at + "sslmode=no-verify":                               "no-verify",
		at + "sslmode=verify-full&sslrootcert=/nowhere/ca.pem": "/nowhere/ca.pem: no such file",
		at + "sslmode=verify-full&sslrootcert=" + empty:        "holds no certificate",
		at + "sslmode=prefer":                                  "falls back to plain text",
		at + "sslcert=/nowhere/c.pem":                          "sslcert and sslkey",
		at + "service=nowhere":                                 "service",
		at + "target_session_attrs=leader":                     "target_session_attrs",
		at + "sslmode":                                         "without a value",
		"postgres://bot:hush@db.example:port/d":                "port",
		"postgres://bot:hush@[::1/d":                           "bracket",
		"postgres:bot:hush@db.example/d":                       "two slashes",
		`"postgres://bot:hush@db.example/d"`:                   "quotation marks",
		"“postgres://bot:hush@db.example/d”":                   "quotation marks",
		"'sqlite:j.db'":                                        "quotation marks",
		"mysql://bot:hush@db.example/d":                        "must start with sqlite: or postgres://",
		"sqlite:~/j.db":                                        `"~"`,
		"sqlite:$HOME/j.db":                                    `"$"`,
		"sqlite:/data/${NAME}.db":                              `"$"`,
		"sqlite::memory:":                                      "in memory",
		"sqlite://data/j.db":                                   "two slashes",
	} {
		if err := CheckURL(text); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hush") {
			t.Errorf("%s: %v; want %q", text, err, want)
		}
	}
	for _, text := range []string{"POSTGRES://u@localhost/d", "PostgreSQL://u@localhost/d", "SQLite:j.db", "sqlite:///data/j.db", "sqlite:a~b.db"} {
		if err := CheckURL(text); err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// Each session that can't be written to is refused for its own reason, the
// nearest to the cause first.
func TestReadOnlySessions(t *testing.T) {
	good := session{user: "bot", schema: "public", create: true}
	for want, s := range map[Kind]session{
		"":       good,
		Standby:  {user: "bot", schema: "public", standby: true, readOnly: true},
		ReadOnly: {user: "bot", schema: "public", create: true, readOnly: true},
		NoSchema: {user: "bot"},
		NoCreate: {user: "bot", schema: "public"},
		NoAccess: {user: "bot", schema: "public", version: newestVersion(), denied: []string{"tasks"}},
	} {
		err := s.writable()
		var got *Error
		if (err == nil) != (want == "") || errors.As(err, &got) && got.Kind != want {
			t.Errorf("%+v: %v, want %q", s, err, want)
		}
	}
	if newestVersion() < 1 || len(tables()) < 8 {
		t.Errorf("version %d, tables %v", newestVersion(), tables())
	}
}
