package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"debug/buildinfo"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/v1/layout"
)

var made = flag.String("made", "", "the directory with a release that .ci/release/build has made")

// assets are the files of the release to look into, and its version.
func assets(t *testing.T) (dir, version string) {
	t.Helper()
	if *made == "" {
		t.Skip(".ci/release/build makes a release, and looks into it")
	}
	var metadata struct{ Version string }
	raw, err := os.ReadFile(filepath.Join(*made, "metadata.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(raw, &metadata); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(*made, "assets"), metadata.Version
}

func TestReleaseHasArchivesBillsAndImage(t *testing.T) {
	dir, version := assets(t)
	all, err := platforms()
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"SHA256SUMS", "image.txt", "cancelbot_" + version + "_image_linux_amd64.sbom.json", "cancelbot_" + version + "_image_linux_arm64.sbom.json"}
	for _, platform := range all {
		want = append(want, archive(version, platform), archive(version, platform)+".sbom.json")
	}
	var got []string
	sums := map[string]string{}
	raw, err := os.ReadFile(filepath.Join(dir, "SHA256SUMS"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(raw)) {
		sum, name, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "  ")
		sums[name] = sum
	}
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		got = append(got, file.Name())
		text, err := os.ReadFile(filepath.Join(dir, file.Name()))
		if err != nil {
			t.Fatal(err)
		}
		if file.Name() != "SHA256SUMS" && sums[file.Name()] != fmt.Sprintf("%x", sha256.Sum256(text)) {
			t.Errorf("%s has not the checksum %q", file.Name(), sums[file.Name()])
		}
	}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("it has\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func archive(version, platform string) string {
	name := "cancelbot_" + version + "_" + strings.Replace(platform, "/", "_", 1)
	if strings.HasPrefix(platform, "windows/") {
		return name + ".zip"
	}
	return name + ".tar.gz"
}

// unpack gives an archive's files, without the directory that they are in.
func unpack(t *testing.T, path string) map[string][]byte {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{}
	add := func(name string, r io.Reader) {
		dir, inside, _ := strings.Cut(name, "/")
		if !strings.HasPrefix(filepath.Base(path), dir+".") {
			t.Errorf("%s is not in the archive's directory", name)
		}
		if files[inside], err = io.ReadAll(r); err != nil {
			t.Fatal(err)
		}
	}
	if strings.HasSuffix(path, ".zip") {
		r, err := zip.NewReader(bytes.NewReader(raw), int64(len(raw)))
		if err != nil {
			t.Fatal(err)
		}
		for _, entry := range r.File {
			f, err := entry.Open()
			if err != nil {
				t.Fatal(err)
			}
			add(entry.Name, f)
		}
		return files
	}
	plain, err := gzip.NewReader(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	for r := tar.NewReader(plain); ; {
		header, err := r.Next()
		if errors.Is(err, io.EOF) {
			return files
		} else if err != nil {
			t.Fatal(err)
		}
		add(header.Name, r)
	}
}

// Each archive has the files of this commit, and a binary whose modules have
// their licences in the archive and are in its bill of materials.
func TestReleaseListsItsContents(t *testing.T) {
	dir, version := assets(t)
	all, err := platforms()
	if err != nil {
		t.Fatal(err)
	}
	tracked, err := exec.Command("git", "ls-files", "deploy", "docs/*.md").Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, platform := range all {
		name := archive(version, platform)
		files := unpack(t, filepath.Join(dir, name))
		for _, file := range append(strings.Fields(string(tracked)), "LICENSE", "README.md", "CHANGELOG.md", "SECURITY.md", "manifest.yml") {
			if strings.HasPrefix(file, "docs/design/") {
				continue
			}
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(files[file], text) {
				t.Errorf("%s has another %s, or none", name, file)
			}
		}
		program := files["cancelbot"]
		if strings.HasPrefix(platform, "windows/") {
			program = files["cancelbot.exe"]
		}
		if len(program) == 0 || len(program) > 24_000_000 {
			t.Errorf("%s: the program has %d bytes", name, len(program))
		}
		linked := modulesOf(t, program)
		for _, module := range linked {
			if !bytes.Contains(files["THIRD_PARTY_LICENSES"], []byte("\n"+module+"\n===")) {
				t.Errorf("%s lacks the terms of %s", name, module)
			}
		}
		billed(t, filepath.Join(dir, name+".sbom.json"), linked)
	}
}

// modulesOf are the modules that a binary says are linked into it.
func modulesOf(t *testing.T, program []byte) []string {
	t.Helper()
	info, err := buildinfo.Read(bytes.NewReader(program))
	if err != nil {
		t.Fatal(err)
	}
	var linked []string
	for _, dep := range info.Deps {
		linked = append(linked, dep.Path+" "+dep.Version)
	}
	slices.Sort(linked)
	return linked
}

// billed holds that a bill of materials names these modules and no other, each
// with a licence.
func billed(t *testing.T, file string, linked []string) {
	t.Helper()
	var bill struct {
		Packages []struct{ Name, VersionInfo, LicenseConcluded, LicenseDeclared, SourceInfo string }
	}
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(raw, &bill); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	var got []string
	for _, p := range bill.Packages {
		if !strings.Contains(p.SourceInfo, "go module information") || p.Name == "stdlib" || p.Name == "github.com/cancelbot/cancelbot" {
			continue // the archive, the image or the program itself, and Go's library
		}
		got = append(got, p.Name+" "+p.VersionInfo)
		if p.LicenseConcluded == "NOASSERTION" && p.LicenseDeclared == "NOASSERTION" {
			t.Errorf("%s: %s has no licence", filepath.Base(file), p.Name)
		}
	}
	slices.Sort(got)
	if !slices.Equal(got, linked) {
		t.Errorf("%s names\n%s\nbut linked are\n%s", filepath.Base(file), strings.Join(got, "\n"), strings.Join(linked, "\n"))
	}
}

// The image has the same programs as the archives.
func TestReleaseImageHasTheArchivesPrograms(t *testing.T) {
	dir, version := assets(t)
	text, err := os.ReadFile(filepath.Join(dir, "image.txt"))
	if err != nil {
		t.Fatal(err)
	}
	written, err := layout.ImageIndexFromPath(filepath.Join(*made, "image"))
	if err != nil {
		t.Fatal(err)
	}
	only, err := written.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	if len(only.Manifests) != 1 || "ghcr.io/cancelbot/cancelbot@"+only.Manifests[0].Digest.String()+"\n" != string(text) {
		t.Fatalf("%s is not what there is: %+v", text, only.Manifests)
	}
	index, err := written.ImageIndex(only.Manifests[0].Digest)
	if err != nil {
		t.Fatal(err)
	}
	manifest, err := index.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	revision, err := exec.Command("git", "rev-parse", "HEAD").Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range manifest.Manifests {
		platform := entry.Platform.String()
		one, err := index.Image(entry.Digest)
		if err != nil {
			t.Fatal(err)
		}
		_, contents := content(t, one)
		if !bytes.Equal(contents["cancelbot"], unpack(t, filepath.Join(dir, archive(version, platform)))["cancelbot"]) {
			t.Errorf("%s: the image has another program than the archive", platform)
		}
		config, err := one.ConfigFile()
		if err != nil {
			t.Fatal(err)
		}
		labels := config.Config.Labels
		if labels["org.opencontainers.image.revision"] != strings.TrimSpace(string(revision)) || labels["org.opencontainers.image.version"] != version {
			t.Errorf("%s: labels %v", platform, labels)
		}
		billed(t, filepath.Join(dir, "cancelbot_"+version+"_image_"+strings.Replace(platform, "/", "_", 1)+".sbom.json"), modulesOf(t, contents["cancelbot"]))
	}
}

// The test runs the commands of docs/verify.md, except those that need GitHub or
// Sigstore.
func TestReleaseVerifiesAsDocumented(t *testing.T) {
	dir, version := assets(t)
	page, err := os.ReadFile("docs/verify.md")
	if err != nil {
		t.Fatal(err)
	}
	var script strings.Builder
	for _, block := range regexp.MustCompile("(?ms)^```\n(.*?)^```$").FindAllStringSubmatch(string(page), -1) {
		for line := range strings.Lines(block[1]) {
			if !strings.HasPrefix(line, "gh ") && !strings.HasPrefix(line, "cosign ") {
				script.WriteString(line)
			}
		}
	}
	text := strings.Replace(script.String(), "version=0.1.0\n", "version="+version+"\n", 1)
	for _, step := range []string{"sha256sum --check", "git clone", "cmp ", "test "} {
		if !strings.Contains(text, step) {
			t.Errorf("the page does not say %s", step)
		}
	}
	// The page's clone is this one, under the name of the release.
	root, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	origin := filepath.Join(t.TempDir(), "origin")
	if out, err := exec.Command("git", "clone", "--quiet", "--bare", root, origin).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if exec.Command("git", "-C", origin, "rev-parse", "--verify", "v"+version).Run() != nil {
		if out, err := exec.Command("git", "-C", origin, "branch", "v"+version, "HEAD").CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	here := t.TempDir()
	if err := os.CopyFS(here, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	run := exec.Command("bash", "-euxo", "pipefail", "-c", text)
	run.Dir = here
	run.Env = append(os.Environ(), "GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=url."+origin+".insteadOf", "GIT_CONFIG_VALUE_0=https://github.com/cancelbot/cancelbot")
	out, err := run.CombinedOutput()
	if err != nil {
		t.Errorf("%v", err)
	}
	t.Logf("%s", out)
}
