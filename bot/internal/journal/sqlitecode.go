package journal

import (
	"errors"
	"path/filepath"

	driver "modernc.org/sqlite"
)

// SQLite's primary result codes (sqlite.org/rescode.html) that say what is wrong
// with a file.
const (
	sqliteReadOnly = 8
	sqliteCorrupt  = 11
	sqliteCantOpen = 14
	sqliteNotADB   = 26
)

// diagnoseSQLite explains an error of SQLite's with the journal at a path.
func diagnoseSQLite(path string, err error) *Error {
	var said *driver.Error
	if !errors.As(err, &said) {
		return problem(Unusable, err, err.Error())
	}
	path = absolute(path)
	switch said.Code() & 0xff { // without what extends the primary code
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
