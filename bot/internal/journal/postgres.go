package journal

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

const (
	connectionsAtOnce = 8

	// A connection is given up after a while, so that one that leads nowhere
	// any more does not stay.
	maxConnectionLife = 5 * time.Minute
	maxConnectionIdle = time.Minute
)

// postgres is a journal on a server, for replicas on several machines.
type postgres struct {
	dialect  dialect
	db       *sql.DB
	prepared *statements
}

func openPostgres(ctx context.Context, databaseURL string, readOnly bool) (engine, error) {
	config, err := postgresConfig(databaseURL)
	if err != nil {
		return nil, err
	}
	db := stdlib.OpenDB(*config)
	db.SetMaxOpenConns(connectionsAtOnce)
	db.SetMaxIdleConns(connectionsAtOnce)
	db.SetConnMaxLifetime(maxConnectionLife)
	db.SetConnMaxIdleTime(maxConnectionIdle)
	p := &postgres{
		db: db, prepared: newStatements(db),
		dialect: dialect{
			now:        "CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT)",
			greatest:   "GREATEST",
			forUpdate:  " FOR UPDATE",
			skipLocked: "FOR UPDATE SKIP LOCKED",
			// then waits for first because it reads what first returns. It does so
			// in a subquery that doesn't depend on its own row: when that row was
			// changed meanwhile, Postgres evaluates the condition again, and can't
			// run first again.
			chain: func(first, then string) []string {
				return []string{"WITH changed AS (" + first + " RETURNING 1) " + then + " AND EXISTS (SELECT 1 FROM changed)"}
			},
			ids: func(arg int) string {
				return fmt.Sprintf("SELECT value FROM json_array_elements_text(CAST($%d AS json))", arg)
			},
		},
	}
	if readOnly {
		err = upToDate(ctx, db, goose.DialectPostgres, "postgres")
	} else {
		err = p.migrate(ctx)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("preparing the journal in Postgres at %s: %w", config.Host, plain(err)), db.Close())
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

// postgresConfig bounds whatever can wait: connecting, each statement and each
// lock at the server, and data that nobody acknowledges on the way.
func postgresConfig(databaseURL string) (*pgx.ConnConfig, error) {
	secured, err := secure(databaseURL)
	if err != nil {
		return nil, err
	}
	config, err := pgx.ParseConfig(secured)
	if err != nil {
		return nil, errors.New("is not a Postgres URL: write postgres://user:password@host:5432/database")
	}
	config.ConnectTimeout = callTimeout
	config.DialFunc = dial
	// The server gives up before we do, so that what we gave up on is not
	// carried out behind our back for long.
	for name, value := range map[string]string{
		"statement_timeout": "4000", "lock_timeout": "3000", "idle_in_transaction_session_timeout": "10000",
	} {
		if config.RuntimeParams[name] == "" {
			config.RuntimeParams[name] = value
		}
	}
	return config, nil
}

// secure asks for TLS wherever the URL does not say otherwise in so many
// words. Left alone, the driver would try TLS and fall back to plain text.
func secure(databaseURL string) (string, error) {
	u, err := url.Parse(databaseURL)
	if err != nil {
		return "", errors.New("is not a Postgres URL: write postgres://user:password@host:5432/database")
	}
	query := u.Query()
	switch query.Get("sslmode") {
	case "prefer", "allow":
		return "", errors.New("has an sslmode that falls back to plain text: write sslmode=require or verify-full, or sslmode=disable if that is meant")
	case "":
		if !local(u, query) {
			query.Set("sslmode", "require")
			u.RawQuery = query.Encode()
		}
	}
	return u.String(), nil
}

// local tells a server on this machine, by loopback or by a socket's directory.
func local(u *url.URL, query url.Values) bool {
	host := u.Hostname()
	if host == "" {
		host = query.Get("host")
	}
	ip := net.ParseIP(host)
	return host == "" || host == "localhost" || strings.HasPrefix(host, "/") || ip != nil && ip.IsLoopback()
}

// plain cuts a Postgres connection error down to its cause, since the wrapper
// quotes user, database and every address tried; and says of a pooler what it
// is.
func plain(err error) error {
	var connect *pgconn.ConnectError
	if errors.As(err, &connect) {
		err = connect.Unwrap()
	}
	if strings.Contains(err.Error(), "unsupported startup parameter") {
		return errors.New("this is a connection pooler that does not pass on time-outs (pgbouncer in transaction mode): connect to the server itself, or use a pooler in session mode")
	}
	return err
}

func (p *postgres) Engine() string { return "postgres" }

// Healthy asks for something on the server itself.
func (p *postgres) Healthy(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	_, err := p.read().query1(ctx, `SELECT count(*) FROM decisions WHERE announced_at IS NULL`)
	return err
}

func (p *postgres) Close() error { return p.db.Close() }

func (p *postgres) pool() *sql.DB { return p.db }

func (p *postgres) read() querier { return querier{dialect: &p.dialect, prepared: p.prepared} }

// write commits the statement by itself, in one round trip.
func (p *postgres) write(ctx context.Context, do work) (any, error) {
	return do(ctx, p.read())
}

func (p *postgres) together(ctx context.Context, do work) (any, error) {
	tx, err := p.db.BeginTx(ctx, nil)
	if err != nil {
		return nil, fmt.Errorf("beginning a transaction: %w", err)
	}
	defer func() { _ = tx.Rollback() }() // after a commit it does nothing
	q := p.read()
	q.tx = tx
	out, err := do(ctx, q)
	if err != nil {
		return nil, err
	}
	return out, wrap("committing", tx.Commit())
}
