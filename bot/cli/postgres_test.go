package cli_test

import (
	"strings"
	"testing"

	"github.com/cancelbot/cancelbot/bot/internal/pgtest"
)

// check and the start report a server's errors in the same words.
func TestCheckAndStartAgreeOnPostgres(t *testing.T) {
	server := pgtest.Start(t)
	role := strings.NewReplacer("cancelbot@", "clerk@")
	pgtest.Exec(t, server, "CREATE ROLE clerk LOGIN")
	for name, one := range map[string]struct {
		prepare       string
		url           func(t *testing.T, database string) string
		found, remedy string
	}{
		"no CREATE": {"", func(_ *testing.T, at string) string { return role.Replace(at) }, `"clerk" may not make tables in the schema "public"`, "GRANT CREATE ON SCHEMA"},
		"read-only": {"GRANT CREATE ON SCHEMA public TO clerk", func(_ *testing.T, at string) string {
			return role.Replace(at) + "&default_transaction_read_only=on"
		}, `transactions of "clerk" are read-only`, "default_transaction_read_only = off"},
		"no such database": {"", func(_ *testing.T, at string) string { return strings.Replace(at, "/t", "/nowhere", 1) }, "does not exist", "CREATE DATABASE"},
		"no TLS":           {"", func(_ *testing.T, at string) string { return strings.Replace(at, "=disable", "=require", 1) }, "the server offers no TLS", "ssl = on"},
		"a pooler in transaction mode": {"", func(t *testing.T, at string) string { return pgtest.Pooler(t, at, "pool_mode = transaction") },
			"a connection pooler in transaction mode is in between", "pool_mode=session"},
	} {
		t.Run(name, func(t *testing.T) {
			database := pgtest.Database(t, server)
			if one.prepare != "" {
				pgtest.Exec(t, database, one.prepare)
			}
			m := misconfigured{found: one.found, remedy: one.remedy}
			env := newFakes(t).env(t, "DATABASE_URL="+one.url(t, database))
			check := run(t, env, nil, "check")
			check.says(t, m)
			start := run(t, env, nil)
			start.says(t, m)
			if check.code != 1 || start.code != 1 {
				t.Errorf("exit codes %d, %d", check.code, start.code)
			}
		})
	}
}
