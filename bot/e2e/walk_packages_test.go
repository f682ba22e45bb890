//go:build linux

package e2e

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

// sourceFiles are the repository's own, as they are now.
func sourceFiles(tb testing.TB) []string {
	tb.Helper()
	out, err := exec.CommandContext(tb.Context(), "git", "ls-files", "-z", "--cached", "--others", "--exclude-standard").Output()
	if err != nil {
		tb.Skipf("no clone of the repository to install from: git ls-files: %v", err)
	}
	return slices.DeleteFunc(strings.Split(string(out), "\x00"), func(file string) bool {
		info, err := os.Lstat(file)
		return err != nil || !info.Mode().IsRegular()
	})
}

// goInstall takes the program from a module proxy of its own, which has the
// repository's files as its only version.
func (w *walk) goInstall() {
	const module = "github.com/cancelbot/cancelbot"
	proxy := w.TempDir()
	versions := filepath.Join(proxy, module, "@v")
	files := sourceFiles(w)
	modules := map[string]bool{} // directories that are modules of their own
	for _, file := range files {
		if dir := filepath.Dir(file); filepath.Base(file) == "go.mod" && dir != "." {
			modules[dir+"/"] = true
		}
	}
	var archive bytes.Buffer
	packed := zip.NewWriter(&archive)
	for _, file := range files {
		nested := false
		for dir := range modules {
			nested = nested || strings.HasPrefix(file, dir)
		}
		if nested {
			continue
		}
		to, err := packed.Create(module + "@v" + release + "/" + file)
		if err != nil {
			w.Fatal(err)
		}
		if _, err := io.WriteString(to, read(w, file)); err != nil {
			w.Fatal(err)
		}
	}
	if err := packed.Close(); err != nil {
		w.Fatal(err)
	}
	w.write(filepath.Join(versions, "list"), "v"+release+"\n", 0o644)
	w.write(filepath.Join(versions, "v"+release+".info"), `{"Version":"v`+release+`","Time":"2026-01-01T00:00:00Z"}`, 0o644)
	w.write(filepath.Join(versions, "v"+release+".mod"), read(w, "go.mod"), 0o644)
	w.write(filepath.Join(versions, "v"+release+".zip"), archive.String(), 0o644)

	w.began = time.Now()
	cache := strings.TrimSpace(w.do(".", nil, "go", "env", "GOMODCACHE"))
	others := strings.TrimSpace(w.do(".", nil, "go", "env", "GOPROXY"))
	w.do(w.dir, []string{
		"GOBIN=" + w.dir, "GOMODCACHE=" + w.TempDir(), "GOFLAGS=-modcacherw -trimpath", "CGO_ENABLED=0", "GONOSUMDB=*",
		"GOPROXY=file://" + proxy + ",file://" + filepath.Join(cache, "cache", "download") + "," + others,
	}, "go", "install", module+"@latest")
	w.step("installed")
	bin := filepath.Join(w.dir, "cancelbot")
	if said := w.do(w.dir, nil, bin, "--version"); !strings.Contains(said, release) {
		w.Errorf("it says that it is %s", said)
	}
	w.run(bin)
}

// archive builds and packs what .goreleaser.yaml says, unpacks it and runs it.
func (w *walk) archive() (unpacked string) {
	var config struct {
		Builds []struct {
			Binary              string
			Env, Flags, Ldflags []string
		}
		Archives []struct {
			Files []struct{ Src string }
		}
	}
	decode(w, ".goreleaser.yaml", &config)
	sources := sourceFiles(w)
	build := config.Builds[0]
	scratch := w.TempDir()
	bin := filepath.Join(scratch, build.Binary)
	ldflags := strings.ReplaceAll(strings.Join(build.Ldflags, " "), "{{ .Version }}", release)
	w.do(".", build.Env, "go", slices.Concat([]string{"build"}, build.Flags, []string{"-ldflags", ldflags, "-o", bin, "."})...)
	name := fmt.Sprintf("cancelbot_%s_linux_%s", release, runtime.GOARCH)
	var packed bytes.Buffer
	compressed := gzip.NewWriter(&packed)
	all := tar.NewWriter(compressed)
	dir := name // what .goreleaser.yaml wraps it in
	pack := func(name, from string, mode int64) {
		text := read(w, from)
		err := all.WriteHeader(&tar.Header{Name: filepath.Join(dir, name), Size: int64(len(text)), Mode: mode, Format: tar.FormatPAX})
		if _, werr := io.WriteString(all, text); err != nil || werr != nil {
			w.Fatal(err, werr)
		}
	}
	pack(build.Binary, bin, 0o755)
	for _, entry := range config.Archives[0].Files {
		pattern := globbed(entry.Src)
		for _, file := range sources {
			if pattern.MatchString(file) {
				pack(file, file, 0o644)
			}
		}
	}
	if err := errors.Join(all.Close(), compressed.Close()); err != nil {
		w.Fatal(err)
	}
	w.write(filepath.Join(w.dir, name+".tar.gz"), packed.String(), 0o644)

	w.began = time.Now()
	w.do(w.dir, nil, "tar", "-xzf", name+".tar.gz")
	w.step("unpacked")
	unpacked = filepath.Join(w.dir, dir)
	w.run(filepath.Join(unpacked, build.Binary))
	return unpacked
}

// globbed is a pattern of .goreleaser.yaml: *, ** and {a,b}.
func globbed(pattern string) *regexp.Regexp {
	return regexp.MustCompile("^" + strings.NewReplacer(
		".", `\.`, "**/", "(?:.*/)?", "*", "[^/]*", "{", "(?:", "}", ")", ",", "|",
	).Replace(pattern) + "$")
}
