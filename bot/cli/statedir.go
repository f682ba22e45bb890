package cli

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/cancelbot/cancelbot/bot/cli/internal/environ"
	"github.com/cancelbot/cancelbot/bot/internal/secret"
)

// fillIn sets the defaults that depend on the machine.
func (cfg *config) fillIn(found *findings) {
	if cfg.DatabaseURL.Reveal() != "" || found.has("DATABASE_URL") {
		return
	}
	dir, err := stateDirectory()
	if err != nil {
		found.put(environ.Problem{
			Variable: "DATABASE_URL", Found: "DATABASE_URL is missing, and there is no directory for the journal: " + err.Error(),
			Remedy: "Set DATABASE_URL to sqlite:PATH, or to postgres://user:password@host:5432/database",
		})
		return
	}
	cfg.DatabaseURL = secret.New("sqlite:" + filepath.Join(dir, "cancelbot.db"))
}

// stateDirectory returns systemd's StateDirectory, or the user's state
// directory. The path is absolute, so that the journal doesn't depend on the
// working directory.
func stateDirectory() (string, error) {
	if dir, _, _ := strings.Cut(os.Getenv("STATE_DIRECTORY"), ":"); filepath.IsAbs(dir) {
		return dir, nil
	}
	if dir := os.Getenv("XDG_STATE_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "cancelbot"), nil
	}
	if runtime.GOOS == "windows" {
		dir, err := os.UserCacheDir() // %LocalAppData%
		return filepath.Join(dir, "cancelbot"), err
	}
	home, err := os.UserHomeDir()
	return filepath.Join(home, ".local", "state", "cancelbot"), err
}
