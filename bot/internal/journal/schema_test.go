package journal

import (
	"io/fs"
	"testing"
)

func TestBothEnginesHaveOneSchemaVersion(t *testing.T) {
	for _, engine := range []string{"sqlite", "postgres"} {
		files, err := fs.Glob(migrations, "migrations/"+engine+"/*.sql")
		if err != nil || int64(len(files)) != SchemaVersion() {
			t.Errorf("%s has %d migrations, and the version is %d (%v)", engine, len(files), SchemaVersion(), err)
		}
	}
}
