package journal

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	// poolerRounds is how often two connections through a pooler are compared.
	// One round suffices unless others use the pooler at the same moment.
	poolerRounds = 4

	// poolerPatience is how long a pooler may take to lend a second session.
	poolerPatience = 3 * time.Second
)

// session is what one connection to a server reveals. Nothing is changed.
type session struct {
	user     string
	schema   string // where tables would be made, "" if there is none
	create   bool   // tables may be made there
	standby  bool
	readOnly bool // transactions are read-only
	version  int64
	denied   []string // tables of the journal that can't be read and written
}

// inspect connects to a server and finds out whether the journal can work
// there. The error is a *Error where the reason is known.
func inspect(ctx context.Context, config *pgx.ConnConfig) (session, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*callTimeout)
	defer cancel()
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return session{}, err
	}
	defer func() { _ = conn.Close(ctx) }()
	if err := ownSession(ctx, conn, config); err != nil {
		return session{}, err
	}
	return querySession(ctx, conn)
}

// ownSession reports whether a connection is a session of its own. If a pooler
// lends a server for each transaction, time-outs aren't in force, the lock that
// keeps migrations apart isn't held, and settings reach strangers. Two
// connections to the server itself, or in session mode, never share a server.
func ownSession(ctx context.Context, conn *pgx.Conn, config *pgx.ConnConfig) error {
	own, err := backend(ctx, conn)
	if err != nil {
		return err
	}
	other, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return err
	}
	defer func() { _ = other.Close(ctx) }()
	for range poolerRounds {
		shared, err := sharesServer(ctx, conn, other, own)
		if err != nil {
			return err
		}
		if shared {
			return problem(PoolerTransaction, nil)
		}
	}
	return nil
}

// sharesServer reports whether the pooler lent the same server to both
// connections, or another server to the first.
func sharesServer(ctx context.Context, conn, other *pgx.Conn, own int64) (bool, error) {
	borrowing, cancel := context.WithTimeout(ctx, poolerPatience)
	defer cancel()
	_, err := other.PgConn().Exec(borrowing, "BEGIN").ReadAll()
	if err != nil && borrowing.Err() != nil && ctx.Err() == nil {
		return false, problem(PoolerTooSmall, nil)
	}
	if err != nil {
		return false, err
	}
	held, err := backend(ctx, other)
	if err != nil {
		return false, err
	}
	shared := held == own
	if !shared { // otherwise the query could wait for the server that other holds
		if shared, err = moved(ctx, conn, own); err != nil {
			return false, err
		}
	}
	if _, err = other.PgConn().Exec(ctx, "ROLLBACK").ReadAll(); err != nil {
		return false, err
	}
	// A pooler lends the server that was released last, or first. By either
	// order conn can get its own again in each round while other holds one, but
	// not twice more once that one was released too.
	for n := 0; n < 2 && !shared; n++ {
		if shared, err = moved(ctx, conn, own); err != nil {
			return false, err
		}
	}
	return shared, nil
}

// moved reports whether a connection is now at another server than its own.
func moved(ctx context.Context, conn *pgx.Conn, own int64) (bool, error) {
	now, err := backend(ctx, conn)
	return err == nil && now != own, err
}

// backend returns the process ID of the server behind a connection.
func backend(ctx context.Context, conn *pgx.Conn) (int64, error) {
	row, err := oneRow(ctx, conn, "SELECT pg_backend_pid()")
	if err != nil {
		return 0, err
	}
	return strconv.ParseInt(row[0], 10, 64)
}

// oneRow runs a query by the simple protocol, which works through any pooler.
func oneRow(ctx context.Context, conn *pgx.Conn, query string) ([]string, error) {
	results, err := conn.PgConn().Exec(ctx, query).ReadAll()
	if err != nil {
		return nil, err
	}
	if len(results) == 0 || len(results[0].Rows) == 0 {
		return nil, errors.New("the server answered without a row")
	}
	var row []string
	for _, value := range results[0].Rows[0] {
		row = append(row, string(value))
	}
	return row, nil
}

func querySession(ctx context.Context, conn *pgx.Conn) (session, error) {
	row, err := oneRow(ctx, conn, `
		SELECT current_user, coalesce(current_schema(), ''),
			coalesce(has_schema_privilege(current_schema(), 'CREATE'), false),
			pg_is_in_recovery(), current_setting('transaction_read_only'),
			to_regclass('goose_db_version') IS NOT NULL`)
	if err != nil {
		return session{}, err
	}
	s := session{user: row[0], schema: row[1], create: row[2] == "t", standby: row[3] == "t", readOnly: row[4] == "on"}
	if row[5] != "t" {
		return s, nil
	}
	row, err = oneRow(ctx, conn, `SELECT coalesce(max(version_id), 0) FROM goose_db_version WHERE is_applied`)
	if err != nil {
		return s, err
	}
	if s.version, err = strconv.ParseInt(row[0], 10, 64); err != nil {
		return s, fmt.Errorf("reading the journal's version: %w", err)
	}
	row, err = oneRow(ctx, conn, fmt.Sprintf(`
		SELECT coalesce(string_agg(relname, ', ' ORDER BY relname), '') FROM pg_class
		WHERE relnamespace = current_schema()::regnamespace AND relkind = 'r' AND relname IN ('%s')
		AND NOT (has_table_privilege(oid, 'SELECT') AND has_table_privilege(oid, 'INSERT')
			AND has_table_privilege(oid, 'UPDATE') AND has_table_privilege(oid, 'DELETE'))`, strings.Join(tables(), "', '")))
	if err == nil && row[0] != "" {
		s.denied = strings.Split(row[0], ", ")
	}
	return s, err
}

// writable returns an error if the bot couldn't open the journal and write to it.
func (s session) writable() error {
	switch newest := newestVersion(); {
	case s.standby:
		return problem(Standby, nil)
	case s.readOnly:
		return problem(ReadOnly, nil, s.user)
	case s.schema == "":
		return problem(NoSchema, nil, s.user)
	case s.version < newest && !s.create:
		return problem(NoCreate, nil, s.user, s.schema)
	case len(s.denied) > 0:
		return problem(NoAccess, nil, s.user, strings.Join(s.denied, ", "))
	}
	return nil
}

var tableName = regexp.MustCompile(`(?m)^CREATE TABLE (\w+)`)

// tables lists the journal's tables, as the migrations make them.
func tables() []string {
	var names []string
	for _, text := range migrationTexts() {
		for _, match := range tableName.FindAllStringSubmatch(text, -1) {
			names = append(names, match[1])
		}
	}
	return names
}

// SchemaVersion returns the version of the schema that Open brings a journal to;
// it is the same on both engines.
func SchemaVersion() int64 { return newestVersion() }

// newestVersion returns the version that the migrations bring a journal to.
func newestVersion() (newest int64) {
	for name := range migrationTexts() {
		number, _, _ := strings.Cut(name, "_")
		if version, err := strconv.ParseInt(number, 10, 64); err == nil {
			newest = max(newest, version)
		}
	}
	return newest
}

// migrationTexts returns the migrations for Postgres by file name.
func migrationTexts() map[string]string {
	files, _ := fs.Glob(migrations, "migrations/postgres/*.sql")
	texts := map[string]string{}
	for _, file := range files {
		if raw, err := migrations.ReadFile(file); err == nil {
			texts[file[strings.LastIndex(file, "/")+1:]] = string(raw)
		}
	}
	return texts
}
