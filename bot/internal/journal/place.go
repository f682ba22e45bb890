package journal

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// checkPlace reports whether SQLite can store a journal at a path. It creates
// nothing. SQLite keeps recent commits in a second file next to the first one,
// so both must survive together: neither may be a mount of its own.
func checkPlace(path string) error {
	path = absolute(path)
	if target, err := filepath.EvalSymlinks(path); err == nil {
		path = target // SQLite puts its other files next to the real one
	}
	dir := nearest(filepath.Dir(path))
	switch info, err := os.Stat(path); {
	case err == nil && !info.Mode().IsRegular():
		return problem(NotAFile, nil, path)
	case err == nil || errors.Is(err, fs.ErrNotExist):
	default:
		return problem(NotWritable, err, path, cause(err))
	}
	if err := writableBy(path, dir); err != nil {
		return err
	}
	for _, one := range []string{path, path + "-wal", path + "-shm"} {
		if mountedAlone(one, dir) {
			return problem(FileAlone, nil, one, filepath.Dir(path))
		}
	}
	if system := networkFileSystem(dir); system != "" {
		return problem(NetworkFiles, nil, path, system)
	}
	return nil
}

// nearest returns the nearest directory above that exists.
func nearest(dir string) string {
	for {
		_, err := os.Stat(dir)
		above := filepath.Dir(dir)
		if err == nil || above == dir {
			return dir
		}
		dir = above
	}
}
