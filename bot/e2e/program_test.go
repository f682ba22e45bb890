package e2e

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"testing"
)

// program is the built binary; TestMain builds it.
var program string

// TestMain builds the program as these tests are built, with the race
// detector where they have it, and runs them from the repository's root.
func TestMain(m *testing.M) {
	if api := os.Getenv("ONLY_ACKNOWLEDGE"); api != "" {
		onlyAcknowledge(api)
		return
	}
	os.Exit(run(m))
}

func run(m *testing.M) int {
	flag.Parse()
	if testing.Short() {
		fmt.Println("skipped: with -short no processes are started")
		return 0
	}
	// The tests wait for processes far more than they compute.
	if err := flag.Set("test.parallel", strconv.Itoa(max(6, runtime.GOMAXPROCS(0)))); err != nil {
		panic(err)
	}
	if err := os.Chdir(filepath.Join("..", "..")); err != nil {
		panic(err)
	}
	dir, err := os.MkdirTemp("", "cancelbot-e2e-")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	program = filepath.Join(dir, "cancelbot")
	if runtime.GOOS == "windows" {
		program += ".exe"
	}
	build := exec.Command("go", append([]string{"build", "-o", program}, append(buildFlags, ".")...)...)
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "building the program: %v\n%s", err, out)
		return 1
	}
	return m.Run()
}
