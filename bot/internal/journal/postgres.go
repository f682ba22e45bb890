package journal

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

const (
	// DefaultMaxConns is how many connections a process opens at most, unless
	// Options say otherwise. MinMaxConns is the fewest that suffice: a
	// migration takes one for its lock and one for its work.
	DefaultMaxConns = 8
	MinMaxConns     = 2

	// A connection is closed after a while, so that one that leads nowhere
	// doesn't stay.
	maxConnectionLife = 5 * time.Minute
	maxConnectionIdle = time.Minute
)

// postgres is a journal on a Postgres server, for replicas on several
// machines.
type postgres struct {
	dialect  dialect
	db       *sql.DB
	maxConns int
}

func openPostgres(ctx context.Context, databaseURL string, maxConns int, readOnly bool) (engine, error) {
	config, set, err := postgresConfig(databaseURL)
	if err != nil {
		return nil, err
	}
	found, err := inspect(ctx, config)
	if err == nil && !readOnly {
		err = found.writable()
	}
	if err != nil {
		return nil, fmt.Errorf("opening the journal in %s: %w", postgresPlace(databaseURL), rootCause(err))
	}
	db := stdlib.OpenDB(*config, stdlib.OptionAfterConnect(func(ctx context.Context, conn *pgx.Conn) error {
		_, err := conn.PgConn().Exec(ctx, set).ReadAll()
		return wrap("setting time-outs", err)
	}))
	db.SetMaxOpenConns(maxConns)
	db.SetMaxIdleConns(maxConns)
	db.SetConnMaxLifetime(maxConnectionLife)
	db.SetConnMaxIdleTime(maxConnectionIdle)
	p := &postgres{
		db: db, maxConns: maxConns,
		dialect: dialect{
			now:        "CAST(extract(epoch FROM pg_catalog.clock_timestamp()) OPERATOR(pg_catalog.*) 1000 AS BIGINT)",
			greatest:   "GREATEST",
			forUpdate:  " FOR UPDATE",
			skipLocked: "FOR UPDATE SKIP LOCKED",
			noted:      " FOR KEY SHARE",                  // takes ROW SHARE on the table, before the statement's snapshot (postgresql.org/docs: explicit-locking)
			afterNoted: "LOCK TABLE %s IN EXCLUSIVE MODE", // excludes ROW SHARE, but no plain reader, such as pg_dump
			place:      func(alias, key string) string { return alias + "." + key },
			same:       func(column string, arg int) string { return fmt.Sprintf("%s = $%d", column, arg) },
			exact:      func(text string) any { return text },
			length:     func(column string) string { return "octet_length(CAST(" + column + " AS TEXT))" },
			pack:       postgresPack, packAll: postgresPackAll, unpack: postgresUnpack, unpackAll: postgresUnpackAll,
			randomID: "CAST(gen_random_uuid() AS TEXT)",
			// then waits for first because it reads what first returns. It
			// does so in a subquery that doesn't depend on its own row: if
			// that row was changed in the meantime, Postgres evaluates the
			// condition again, and can't run first again.
			chain: func(first, then string, also ...string) []string {
				const changed = " AND EXISTS (SELECT 1 FROM changed)"
				with := "WITH changed AS (" + first + " RETURNING 1)"
				for i, one := range also {
					with += fmt.Sprintf(", also%d AS (%s%s)", i, one, changed)
				}
				return []string{with + " " + then + changed}
			},
			ids: func(arg int) string {
				return fmt.Sprintf("SELECT value FROM json_array_elements_text(CAST($%d AS json))", arg)
			},
			element: func(arg int, index string) string {
				return fmt.Sprintf("CAST($%d AS json)->>CAST(%s AS INTEGER)", arg, index)
			},
			time: func(arg int) string { return fmt.Sprintf("CAST($%d AS TIMESTAMPTZ)", arg) },
			millis: func(column string) string {
				return fmt.Sprintf("CASE WHEN isfinite(%[1]s) THEN CAST(extract(epoch FROM %[1]s) * 1000 AS BIGINT) END", column)
			},
			items: func(arg int) string {
				return fmt.Sprintf(`SELECT * FROM json_to_recordset(CAST($%d AS json)) AS item(position BIGINT, task_id BIGINT,
					title TEXT, url TEXT, step TEXT, sent BOOLEAN, tries BIGINT, outcome TEXT, detail TEXT, outcome_mac TEXT)`, arg)
			},
		},
	}
	if readOnly {
		err = upToDate(ctx, db, goose.DialectPostgres, "postgres")
	} else {
		err = p.migrate(ctx)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("preparing the journal in %s: %w", postgresPlace(databaseURL), rootCause(err)), db.Close())
	}
	return p, nil
}

func (p *postgres) migrate(ctx context.Context) error {
	locker, err := lock.NewPostgresSessionLocker()
	if err != nil {
		return fmt.Errorf("preparing the migrations' lock: %w", err)
	}
	return migrate(ctx, p.db, goose.DialectPostgres, "postgres", goose.WithSessionLocker(locker))
}

func (p *postgres) Engine() string { return "postgres" }

// Healthy runs a query on the server itself.
func (p *postgres) Healthy(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	_, err := p.read().query1(ctx, `SELECT count(*) FROM decisions WHERE announced_at IS NULL`)
	return err
}

func (p *postgres) Close() error { return p.db.Close() }

func (p *postgres) pool() *sql.DB { return p.db }

func (p *postgres) read() querier { return querier{dialect: &p.dialect, on: p.db} }

// write commits a single statement, in one round trip.
func (p *postgres) write(ctx context.Context, do work) (any, error) {
	out, err := do(ctx, p.read())
	p.reconsider(err)
	return out, err
}

func (p *postgres) together(ctx context.Context, do work) (any, error) {
	out, err := p.transact(ctx, do)
	p.reconsider(err)
	return out, err
}

// reconsider drops all idle connections if a write had no answer in time: the others may
// be half-open, too, and each would delay a call. It also does if a write failed because
// the session is read-only: after a failover, connections through a proxy that keeps them
// open can still lead to the former primary. New ones lead to the new primary.
func (p *postgres) reconsider(err error) {
	var answer *pgconn.PgError
	if errors.Is(err, context.DeadlineExceeded) || errors.As(err, &answer) && answer.Code == readOnlyTransaction {
		p.db.SetMaxIdleConns(0)
		p.db.SetMaxIdleConns(p.maxConns)
	}
}

// readOnlyTransaction is SQLSTATE 25006.
const readOnlyTransaction = "25006"

func (p *postgres) transact(ctx context.Context, do work) (any, error) {
	tx, err := p.db.BeginTx(ctx, nil)
	if err != nil {
		return nil, fmt.Errorf("beginning a transaction: %w", err)
	}
	defer func() { _ = tx.Rollback() }() // no effect after a commit
	out, err := do(ctx, querier{dialect: &p.dialect, on: tx})
	if err != nil {
		return nil, err
	}
	return out, wrap("committing", tx.Commit())
}
