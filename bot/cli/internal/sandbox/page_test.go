package sandbox

import (
	"io/fs"
	"regexp"
	"testing"
)

// The page's scripts share one scope, in which a second function of the same name
// replaces the first without an error.
func TestScriptsNameEachFunctionOnce(t *testing.T) {
	files, err := fs.Glob(pageFiles, "page/*.js")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	name := regexp.MustCompile(`(?m)^(?:async )?(?:function|const|let) (\w+)`)
	in := map[string]string{}
	for _, file := range files {
		for _, found := range name.FindAllStringSubmatch(join(file), -1) {
			if first, taken := in[found[1]]; taken {
				t.Errorf("%s and %s both name something %q", first, file, found[1])
			}
			in[found[1]] = file
		}
	}
}
