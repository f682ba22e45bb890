package journal_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cancelbot/cancelbot/bot/internal/journal"
	"github.com/cancelbot/cancelbot/bot/internal/pgtest"
)

// refusedAs returns the kind with which every way to open the journal fails,
// "" if none does. It fails the test if Preflight and Open disagree.
func refusedAs(t *testing.T, url string) journal.Kind {
	t.Helper()
	var said [2]*journal.Error
	if err := journal.Preflight(t.Context(), url); err != nil {
		said[0] = journal.Diagnose(url, err)
	}
	j, err := journal.Open(t.Context(), url, journal.Options{})
	if err != nil {
		said[1] = journal.Diagnose(url, err)
	} else {
		defer j.Close()
		if err := j.Writable(t.Context()); err != nil {
			t.Errorf("%s: opened, and not writable: %v", url, err)
		}
	}
	if (said[0] == nil) != (said[1] == nil) {
		t.Fatalf("Preflight says %v, Open %v", said[0], said[1])
	}
	if said[0] == nil {
		return ""
	}
	if said[0].Found != said[1].Found || said[0].Remedy != said[1].Remedy {
		t.Errorf("Preflight says %q (%s), Open %q (%s)", said[0].Found, said[0].Remedy, said[1].Found, said[1].Remedy)
	}
	if strings.Contains(said[0].Found, "%!") || strings.Contains(said[0].Remedy, "%!") || said[0].Remedy == "" {
		t.Errorf("badly worded: %q, %q", said[0].Found, said[0].Remedy)
	}
	t.Logf("%s → %s", said[0].Found, said[0].Remedy)
	return said[0].Kind
}

func TestPoolerModes(t *testing.T) {
	for name, want := range map[string]journal.Kind{
		"pool_mode = session":     "",
		"pool_mode = transaction": journal.PoolerTransaction,
		"pool_mode = statement":   journal.PoolerTransaction,
		"pool_mode = transaction\nignore_startup_parameters = options,extra_float_digits\nserver_round_robin = 1": journal.PoolerTransaction,
		"pool_mode = transaction\ndefault_pool_size = 1":                                                          journal.PoolerTransaction,
		"pool_mode = session\ndefault_pool_size = 1":                                                              journal.PoolerTooSmall,
	} {
		t.Run(strings.ReplaceAll(name, "\n", ","), func(t *testing.T) {
			t.Parallel()
			pooler := pgtest.Pooler(t, postgres(t), name)
			if got := refusedAs(t, pooler); got != want {
				t.Errorf("got %q, want %q", got, want)
			}
		})
	}
}

// With prepared statements and without, by the client and by the pooler, a
// session is what counts: time-outs and the migrations' lock are a session's.
// pgbouncer keeps prepared statements across servers since version 1.21.
func TestPoolerModesWithAndWithoutPreparedStatements(t *testing.T) {
	for mode, want := range map[string]journal.Kind{"session": "", "transaction": journal.PoolerTransaction} {
		for _, kept := range []string{"", "\nmax_prepared_statements = 0", "\nmax_prepared_statements = 200"} {
			for _, client := range []string{"cache_statement", "exec", "simple_protocol"} {
				t.Run(strings.TrimSpace(mode+kept+" "+client), func(t *testing.T) {
					t.Parallel()
					if kept != "" && !pgtest.PoolerIsAtLeast(t, 1, 21) {
						t.Skip("this pgbouncer knows no prepared statements")
					}
					at := pgtest.Pooler(t, postgres(t), "pool_mode = "+mode+kept) + "&default_query_exec_mode=" + client
					if got := refusedAs(t, at); got != want {
						t.Errorf("got %q, want %q", got, want)
					}
				})
			}
		}
	}
}

// Other clients keep the pooler busy, so that connections get other servers
// than before.
func TestTransactionPoolerIsFoundUnderLoad(t *testing.T) {
	for _, order := range []string{"", "\nserver_round_robin = 1"} {
		for _, clients := range []int{1, 6} {
			t.Run(fmt.Sprintf("%d clients%s", clients, strings.TrimSpace(order)), func(t *testing.T) {
				t.Parallel()
				pooler := pgtest.Pooler(t, postgres(t), "pool_mode = transaction"+order)
				useBusily(t, pooler, clients)
				for range 100 {
					err := journal.Preflight(t.Context(), pooler)
					var p *journal.Error
					if !errors.As(err, &p) || p.Kind != journal.PoolerTransaction {
						t.Fatalf("got %v", err)
					}
				}
			})
		}
	}
}

// useBusily runs short queries at a database until the test ends.
func useBusily(t *testing.T, url string, clients int) {
	db, err := sql.Open("pgx", url+"&default_query_exec_mode=simple_protocol")
	if err != nil {
		t.Fatal(err)
	}
	db.SetMaxIdleConns(clients)
	ctx, cancel := context.WithCancel(t.Context())
	var busy sync.WaitGroup
	t.Cleanup(func() {
		cancel()
		busy.Wait()
		_ = db.Close()
	})
	for range clients {
		busy.Go(func() {
			for ctx.Err() == nil {
				_, _ = db.ExecContext(ctx, "SELECT pg_sleep(0.002)")
			}
		})
	}
}

// A table is locked by someone else. If the server's time-outs are in force,
// the server gives up before the bot does, with an error that says so.
func TestServerTimeoutsAreInForce(t *testing.T) {
	for name, through := range map[string]func(string) string{
		"directly": func(url string) string { return url },
		"pooler":   func(url string) string { return pgtest.Pooler(t, url, "pool_mode = session") },
		"its own":  func(url string) string { return url + "&lock_timeout=2000" },
	} {
		server := postgres(t)
		at := through(server)
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			j, err := journal.Open(t.Context(), at, journal.Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer j.Close()
			locker, err := sql.Open("pgx", server)
			if err != nil {
				t.Fatal(err)
			}
			defer locker.Close()
			tx, err := locker.Begin()
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = tx.Rollback() }()
			if _, err := tx.Exec("LOCK TABLE audit IN ACCESS EXCLUSIVE MODE"); err != nil {
				t.Fatal(err)
			}
			began := time.Now()
			err = j.Writable(t.Context())
			if err == nil || journal.Diagnose(at, err).Kind != "55P03" {
				t.Errorf("after %s: %v", time.Since(began), err)
			}
		})
	}
}

// withUser returns the URL with another user.
func withUser(t *testing.T, server, user string) string {
	t.Helper()
	u, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	u.User = url.User(user)
	return u.String()
}

func TestPrivilegesAndLimitsAreNamed(t *testing.T) {
	for name, one := range map[string]struct {
		prepare []string // statements of the superuser; BOT is the bot's user
		journal bool     // the superuser has made the journal before
		want    journal.Kind
	}{
		"all rights":                {[]string{"GRANT CREATE ON SCHEMA public TO BOT"}, false, ""},
		"no CREATE":                 {nil, false, journal.NoCreate},
		"no schema":                 {[]string{"ALTER ROLE BOT SET search_path = nowhere"}, false, journal.NoSchema},
		"no rights in the tables":   {nil, true, "42501"},
		"some rights in the tables": {[]string{"GRANT SELECT ON ALL TABLES IN SCHEMA public TO BOT", "GRANT ALL ON decisions, tasks TO BOT"}, true, journal.NoAccess},
		"rights in the tables":      {[]string{"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO BOT"}, true, ""},
		"read-only":                 {[]string{"GRANT CREATE ON SCHEMA public TO BOT", "ALTER ROLE BOT SET default_transaction_read_only = on"}, false, journal.ReadOnly},
		"too many connections":      {[]string{"ALTER ROLE BOT CONNECTION LIMIT 0"}, false, "53300"},
		"may not log in":            {[]string{"ALTER ROLE BOT NOLOGIN"}, false, "28000"},
		"another's tables":          {[]string{"GRANT CREATE ON SCHEMA public TO BOT", "CREATE TABLE decisions (id int)"}, false, "42P07"},
		"no such role":              {[]string{"DROP ROLE BOT"}, false, "28000"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := postgres(t)
			role := "r" + strings.ToLower(strings.TrimPrefix(server[strings.LastIndex(server, "/t")+1:strings.Index(server, "?")], "t"))
			pgtest.Exec(t, server, "CREATE ROLE "+role+" LOGIN")
			if one.journal {
				j, err := journal.Open(t.Context(), server, journal.Options{})
				if err != nil {
					t.Fatal(err)
				}
				_ = j.Close()
			}
			for _, statement := range one.prepare {
				pgtest.Exec(t, server, strings.ReplaceAll(statement, "BOT", role))
			}
			at := withUser(t, server, role)
			if one.want == "42P07" { // only migrating finds it
				_, err := journal.Open(t.Context(), at, journal.Options{})
				if err == nil || journal.Diagnose(at, err).Kind != one.want {
					t.Errorf("got %v", err)
				}
				return
			}
			if got := refusedAs(t, at); got != one.want {
				t.Errorf("got %q, want %q", got, one.want)
			}
		})
	}
}

func TestServerWithoutTLSIsNamed(t *testing.T) {
	at := strings.Replace(postgres(t), "sslmode=disable", "sslmode=require", 1)
	if got := refusedAs(t, at); got != journal.NoTLS {
		t.Errorf("got %q", got)
	}
	nowhere := strings.Replace(postgres(t), "/t", "/nowhere", 1)
	if got := refusedAs(t, nowhere); got != "3D000" {
		t.Errorf("got %q", got)
	}
}
