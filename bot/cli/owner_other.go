//go:build !unix

package cli

import (
	"io/fs"
	"os"
)

// keepOwner does nothing: the new file inherits its directory's permissions.
func keepOwner(*os.File, fs.FileInfo) error { return nil }
