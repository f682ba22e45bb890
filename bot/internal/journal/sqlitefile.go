package journal

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	driver "modernc.org/sqlite"
)

// SQLite's result codes (sqlite.org/rescode.html) that say what is wrong with a
// file. All but the last one are primary codes.
const (
	sqliteBusy     = 5
	sqliteReadOnly = 8
	sqliteIOErr    = 10
	sqliteCorrupt  = 11
	sqliteFull     = 13
	sqliteCantOpen = 14
	sqliteNotADB   = 26

	sqliteIOErrSHMSize = sqliteIOErr | 19<<8 // the file of the WAL's index can't grow
)

// diagnoseSQLite explains an error from SQLite with the journal at a path.
func diagnoseSQLite(path string, err error) *Error {
	var said *driver.Error
	if !errors.As(err, &said) {
		return problem(Unusable, err, err.Error())
	}
	path = absolute(path)
	if said.Code() == sqliteIOErrSHMSize {
		return problem(DiskFull, err, path, filepath.Dir(path))
	}
	switch said.Code() & 0xff { // only the primary code
	case sqliteBusy:
		return problem(Locked, err, path)
	case sqliteFull:
		return problem(DiskFull, err, path, filepath.Dir(path))
	case sqliteIOErr:
		return problem(FailingDisk, err, path, said.Error())
	case sqliteReadOnly:
		return problem(NotWritable, err, path, "the file, or the directory "+filepath.Dir(path)+" in which SQLite makes further files, is read-only for this user")
	case sqliteCorrupt:
		return problem(Damaged, err, path)
	case sqliteCantOpen:
		return problem(CannotOpen, err, path)
	case sqliteNotADB:
		return problem(NotADatabase, err, path)
	}
	return problem(Unusable, err, err.Error())
}

// foreign reports whether the file has tables that no version of the bot has
// made. On Postgres the bot may share a database, since each program has its
// schema.
func (s *sqlite) foreign(ctx context.Context) error {
	var all, own int
	err := s.reader.QueryRowContext(ctx, `SELECT count(*), count(CASE WHEN name = 'goose_db_version' THEN 1 END)
		FROM sqlite_master WHERE type = 'table'`).Scan(&all, &own)
	switch {
	case err != nil:
		return fmt.Errorf("preparing the journal in %s: %w", absolute(s.path), err)
	case all > 0 && own == 0:
		return problem(OtherProgram, nil, absolute(s.path))
	}
	return nil
}
