package journal

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/cancelbot/cancelbot/bot/internal/transport"
)

// Kind is why a journal can't be used, in one word. Each kind has one remedy.
type Kind string

// The kinds that aren't an SQLSTATE or a Failure of the network. The others
// are named by those.
const (
	PoolerTransaction Kind = "pooler_transaction"
	PoolerTooSmall    Kind = "pooler_too_small"
	PoolerRefuses     Kind = "pooler_refuses"
	Standby           Kind = "standby"
	ReadOnly          Kind = "read_only"
	NoSchema          Kind = "no_schema"
	NoCreate          Kind = "no_create"
	NoAccess          Kind = "no_access"
	NoTLS             Kind = "no_tls"
	OlderVersion      Kind = "older_version"
	NotAJournal       Kind = "not_a_journal"

	FileAlone    Kind = "file_alone"
	NetworkFiles Kind = "network_files"
	NotAFile     Kind = "not_a_file"
	NotWritable  Kind = "not_writable"
	NotADatabase Kind = "not_a_database"
	OtherProgram Kind = "other_program"
	Damaged      Kind = "damaged"
	CannotOpen   Kind = "cannot_open"
	Locked       Kind = "locked"
	DiskFull     Kind = "disk_full"
	FailingDisk  Kind = "failing_disk"
	Unusable     Kind = "unusable" // SQLite, for a reason without a kind
)

// Error is why a journal can't be used, and what to do about it.
type Error struct {
	Kind   Kind
	Found  string // a clause without a full stop
	Remedy string // the same
	Err    error  // the cause, if there is one
}

func (p *Error) Error() string { return p.Found }

// Unwrap returns the cause.
func (p *Error) Unwrap() error { return p.Err }

// words are the texts of a kind: Found, and Remedy. Arguments go to both.
type words struct{ found, remedy string }

var problems = map[Kind]words{
	PoolerTransaction: {
		"a connection pooler in transaction mode is in between: each transaction may run in another session, so that time-outs, locks and prepared statements don't hold",
		"Connect to the server itself in DATABASE_URL, or set the pooler to session mode for the bot (pgbouncer: pool_mode=session)",
	},
	PoolerTooSmall: {
		"the connection pooler in between lends the bot no second session",
		"Give the bot's user as many sessions for each replica as DATABASE_MAX_CONNS says (pgbouncer: default_pool_size), or connect to the server itself",
	},
	PoolerRefuses: {
		"the connection pooler in between refuses the bot's session: %s",
		"Remove that parameter from DATABASE_URL or PGOPTIONS, or connect to the server itself",
	},
	Standby: {
		"the server is a standby, which only reads",
		"Set DATABASE_URL to the primary server, or list all servers with target_session_attrs=read-write",
	},
	ReadOnly: {
		"transactions of %q are read-only on this server",
		"Let %[1]s write: ALTER ROLE %[1]q SET default_transaction_read_only = off, or the same setting of the database or the server",
	},
	NoSchema: {
		"%q has no schema to make tables in: its search_path names none that exists and that it may use",
		"Make a schema for the bot (CREATE SCHEMA cancelbot AUTHORIZATION %[1]q), or correct the role's search_path",
	},
	NoCreate: {
		"%q may not make tables in the schema %q",
		"Let it, as the schema's owner: GRANT CREATE ON SCHEMA %[2]q TO %[1]q; or make the bot the owner of a database of its own",
	},
	NoAccess: {
		"%q may not read and write the journal's tables: %s",
		"Let it, as the tables' owner: GRANT SELECT, INSERT, UPDATE, DELETE ON %[2]s TO %[1]q; or use the role that made them",
	},
	NoTLS: {
		"the server offers no TLS",
		"Switch TLS on at the server (ssl = on), or write sslmode=disable into DATABASE_URL if plain text is meant",
	},
	OlderVersion: {
		"the journal was last used by an older version of the bot",
		"Start the bot once, which brings it up to date",
	},
	NotAJournal: {
		"there is no journal there",
		"Check DATABASE_URL. The bot makes the journal at its first start",
	},
	FileAlone: {
		"%s is a mount point of its own: SQLite writes to further files next to it (%[1]s-wal), which don't survive there",
		"Mount the directory instead of the file, such as a volume at %[2]s",
	},
	NetworkFiles: {
		"%s is on a network file system (%s), where SQLite's locks and syncs don't hold",
		"Put the file on a disk of the machine, or use Postgres",
	},
	NotAFile: {"%s is not a file", "Name a file in DATABASE_URL, such as sqlite:/var/lib/cancelbot/cancelbot.db"},
	NotWritable: {
		"the journal %s cannot be written: %s",
		"Check DATABASE_URL: the directory and the file must be writable for the user that runs the bot",
	},
	NotADatabase: {"%s is not a SQLite database", "Name another file in DATABASE_URL, or restore the journal from a backup"},
	OtherProgram: {"%s is a database of another program", "Name the bot's own file in DATABASE_URL"},
	Damaged:      {"the journal %s is damaged", "Stop every replica, and restore the journal from a backup"},
	CannotOpen: {
		"SQLite cannot open the files of the journal %s",
		"Check that the directory is there and writable for the user that runs the bot, and how many files the process may open (ulimit -n)",
	},
	Locked: {
		"another process holds a lock on the journal %s",
		"Let it finish, or end it: a backup, or an open sqlite3 shell, for example. fuser -v %[1]s shows which processes have the file open",
	},
	DiskFull: {
		"there is no space for the journal %s: the disk is full, or a quota is used up",
		"Make room in %[2]s: df -h %[2]s shows its disk",
	},
	FailingDisk: {
		"the journal %s cannot be read or written: %s",
		"Look into the system's log (dmesg): the disk or its file system has trouble",
	},
	Unusable: {"%s", "Check DATABASE_URL: it must name a file, or a place for one, that the bot may write"},
}

func problem(kind Kind, err error, args ...any) *Error {
	say := func(format string) string {
		if !strings.Contains(format, "%") {
			return format
		}
		text := fmt.Sprintf(format, args...)
		text, _, _ = strings.Cut(text, "%!(EXTRA")
		return text
	}
	return &Error{Kind: kind, Found: say(problems[kind].found), Remedy: say(problems[kind].remedy), Err: err}
}

// Diagnose explains why opening or using the journal at a DATABASE_URL failed,
// and what to do about it. Its words never quote the URL. err must not be nil.
func Diagnose(databaseURL string, err error) *Error {
	var known *Error
	isProblem := errors.As(err, &known)
	if path, isSQLite := SQLitePath(databaseURL); isSQLite {
		switch {
		case isProblem:
			return known
		case errors.Is(err, fs.ErrPermission), noSpace(err):
			return unwritable(path, err)
		}
		return diagnoseSQLite(path, err)
	}
	if !isProblem {
		known = diagnosePostgres(err)
	}
	place := postgresPlace(databaseURL)
	return &Error{Kind: known.Kind, Found: place + ": " + known.Found, Remedy: known.Remedy, Err: err}
}

// unwritable explains why the operating system refuses to write a file at a path.
func unwritable(path string, err error) *Error {
	path = absolute(path)
	if noSpace(err) {
		return problem(DiskFull, err, path, filepath.Dir(path))
	}
	return problem(NotWritable, err, path, cause(err))
}

func noSpace(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}

// cause returns the operating system's part of a file's error.
func cause(err error) string {
	var file *fs.PathError
	if errors.As(err, &file) {
		return file.Err.Error()
	}
	return err.Error()
}

func diagnosePostgres(err error) *Error {
	var answer *pgconn.PgError
	if errors.As(err, &answer) {
		return diagnoseState(answer)
	}
	if strings.Contains(err.Error(), "server refused TLS connection") {
		return problem(NoTLS, err)
	}
	e := transport.Explain(rootCause(err))
	remedy := cmp.Or(e.Remedy, "Check DATABASE_URL: the Postgres server must be up, and reachable from here")
	if e.Failure == transport.UnknownAuthority {
		remedy = "Name the file with the authority's certificate by sslrootcert in DATABASE_URL"
	}
	return &Error{Kind: Kind(e.Failure), Found: e.Found, Remedy: remedy, Err: err}
}

// rootCause drops pgx's wrapper, which quotes user, database and every address
// tried.
func rootCause(err error) error {
	var connect *pgconn.ConnectError
	if errors.As(err, &connect) {
		return connect.Unwrap()
	}
	return err
}
