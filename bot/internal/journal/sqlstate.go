package journal

import (
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// states has the remedies by SQLSTATE, or by class, its first two characters
// (postgresql.org/docs/current/errcodes-appendix.html).
var states = map[string]string{
	"28P01": "Correct the password in DATABASE_URL: the server knows the user, and refuses the password",
	"28000": "Check the user in DATABASE_URL, and whether the server's pg_hba.conf lets it in from here, with TLS or without",
	"3D000": "Create the database that DATABASE_URL names (CREATE DATABASE), or correct its name",
	"3F000": "Create the schema that the role's search_path names, or correct the search_path",
	"42501": "Give the bot's user the right to make, read and write its tables, or make it the owner of a database of its own",
	"42704": "Remove that parameter from DATABASE_URL: the server doesn't know it",
	"22023": "Correct that parameter in DATABASE_URL",
	"42P07": "Use a database or a schema of the bot's own: another program has tables of these names there",
	"42710": "Use a database or a schema of the bot's own: another program has objects of these names there",
	"42P01": "Use a database that the bot has made its tables in, or start the bot once",
	"42703": "Use the version of the bot that made this journal, or a newer one",
	"25006": problems[Standby].remedy,
	"53300": "Raise the server's max_connections, or the connection limit of the role or the database: each replica uses up to 8, and 3 are kept for superusers",
	"53100": "Make room on the server's disk: it is full",
	"53200": "Give the server more memory, or let it do less",
	"55P03": "Try again in a minute: another session holds a lock on the journal's tables. pg_stat_activity shows which",
	"55006": "Try again in a minute: the server is in use for something else",
	"57014": "Try again in a minute: the server took longer than the bot's time-outs allow. pg_stat_activity shows the cause",
	"57P03": "Try again in a minute: the server is starting, stopping or recovering",
	"57P01": "Try again in a minute: the server is being stopped",
	"57P02": "Try again in a minute: the server crashed, and starts again",
	"42P05": problems[PoolerTransaction].remedy,
	"26000": problems[PoolerTransaction].remedy,
	"08":    "Check the server at the address in DATABASE_URL: it doesn't answer like a Postgres server, or a connection pooler refuses",
	"28":    "Check the user and the password in DATABASE_URL",
	"53":    "Give the server more resources",
	"58":    "Look into the server's log: it has trouble with its disk",
	"XX":    "Look into the server's log: it has met an error of its own, or a damaged file",
}

// diagnoseState explains an error from the server, or from a pooler.
func diagnoseState(answer *pgconn.PgError) *Error {
	text := strings.ToLower(answer.Message)
	switch {
	case strings.Contains(text, "unsupported startup parameter"):
		return problem(PoolerRefuses, answer, answer.Message)
	case strings.Contains(text, "statement pooling"), answer.Code == "42P05", answer.Code == "26000":
		return problem(PoolerTransaction, answer)
	}
	remedy := states[answer.Code]
	if remedy == "" && len(answer.Code) == len("XX000") {
		remedy = states[answer.Code[:2]]
	}
	if remedy == "" {
		remedy = "Look into the server's log for the reason, and check DATABASE_URL"
	}
	return &Error{Kind: Kind(answer.Code), Found: "the server says: " + answer.Message, Remedy: remedy, Err: answer}
}
