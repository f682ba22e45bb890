package journal_test

import (
	"database/sql"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/cancelbot/cancelbot/bot/internal/journal"
)

// TestNoStatementScansATableInPostgres asks Postgres for its plan of every
// statement, with table scans allowed only if no index helps.
func TestNoStatementScansATableInPostgres(t *testing.T) {
	url := postgres(t)
	j, err := journal.Open(t.Context(), url, journal.Options{Audit: true})
	must(t, err)
	t.Cleanup(func() { _ = j.Close() })
	all := journal.EveryStatement(t, j)
	db, err := sql.Open("pgx", url)
	must(t, err)
	t.Cleanup(func() { _ = db.Close() })
	conn, err := db.Conn(t.Context())
	must(t, err)
	defer conn.Close()
	for _, set := range []string{"SET enable_seqscan = off", "SET plan_cache_mode = force_generic_plan"} {
		_, err := conn.ExecContext(t.Context(), set)
		must(t, err)
	}
	seen := 0
	for i, query := range all {
		if strings.Contains(query, "UPDATE set_aside SET retry = 1") || strings.HasPrefix(query, "LOCK TABLE") {
			continue // the test's own, and one without a plan
		}
		seen++
		for _, line := range postgresPlan(t, conn, fmt.Sprint("s", i), query) {
			if scans.MatchString(line) {
				t.Errorf("%s\nof\n%s", line, query)
			}
		}
	}
	if seen < 40 {
		t.Errorf("only %d statements were seen", seen)
	}
}

var (
	scans    = regexp.MustCompile(`Seq Scan on (decisions|tasks|audit|requests|asked|set_aside)\b`)
	argument = regexp.MustCompile(`\$(\d+)`)
)

func postgresPlan(t *testing.T, conn *sql.Conn, name, query string) (lines []string) {
	t.Helper()
	most := 0
	for _, m := range argument.FindAllStringSubmatch(query, -1) {
		n, _ := strconv.Atoi(m[1])
		most = max(most, n)
	}
	_, err := conn.ExecContext(t.Context(), "PREPARE "+name+" AS "+query)
	must(t, err)
	call := name
	if most > 0 {
		call += "(" + strings.TrimSuffix(strings.Repeat("NULL, ", most), ", ") + ")"
	}
	rows, err := conn.QueryContext(t.Context(), "EXPLAIN EXECUTE "+call)
	must(t, err)
	defer rows.Close()
	for rows.Next() {
		var line string
		must(t, rows.Scan(&line))
		lines = append(lines, line)
	}
	must(t, rows.Err())
	return lines
}
