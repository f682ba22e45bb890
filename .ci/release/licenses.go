package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// platforms are what .goreleaser.yaml builds for, each as linux/amd64.
func platforms() ([]string, error) {
	raw, err := os.ReadFile(".goreleaser.yaml")
	if err != nil {
		return nil, err
	}
	var config struct {
		Builds []struct{ Goos, Goarch []string }
	}
	if err := yaml.Unmarshal(raw, &config); err != nil {
		return nil, fmt.Errorf(".goreleaser.yaml: %w", err)
	}
	var all []string
	for _, build := range config.Builds {
		for _, os := range build.Goos {
			for _, arch := range build.Goarch {
				all = append(all, os+"/"+arch)
			}
		}
	}
	return all, nil
}

// A module is where its files are, and in which directories of it what gets
// into the program has a licence.
type module struct {
	root string
	dirs map[string]bool
}

// modules are known by their path and version.
type modules map[string]module

// add adds what the program links on a platform.
func (m modules) add(ctx context.Context, platform string) error {
	goos, goarch, _ := strings.Cut(platform, "/")
	list := exec.CommandContext(ctx, "go", "list", "-deps", "-json=Dir,Module", ".")
	list.Env = append(os.Environ(), "GOOS="+goos, "GOARCH="+goarch, "CGO_ENABLED=0")
	list.Stderr = os.Stderr
	out, err := list.Output()
	if err != nil {
		return fmt.Errorf("listing the packages that %s links: %w", platform, err)
	}
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var pkg struct {
			Dir    string
			Module *struct {
				Path, Version, Dir string
				Main               bool
			}
		}
		if err := dec.Decode(&pkg); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("listing the packages that %s links: %w", platform, err)
		}
		if pkg.Module == nil || pkg.Module.Main {
			continue // the standard library, or the bot
		}
		name := pkg.Module.Path + " " + pkg.Module.Version
		if _, known := m[name]; !known {
			m[name] = module{pkg.Module.Dir, map[string]bool{}}
		}
		// A licence holds for all below it.
		for dir := pkg.Dir; len(dir) >= len(pkg.Module.Dir); dir = filepath.Dir(dir) {
			m[name].dirs[dir] = true
		}
	}
}

// addGo adds Go's own library, which is in each binary as well.
func (m modules) addGo(ctx context.Context) error {
	out, err := exec.CommandContext(ctx, "go", "env", "GOROOT", "GOVERSION").Output()
	if err != nil {
		return fmt.Errorf("looking for Go's own licence: %w", err)
	}
	root, version, _ := strings.Cut(strings.TrimSpace(string(out)), "\n")
	m["Go's standard library "+version] = module{root, map[string]bool{root: true}}
	return nil
}

// licenses writes the terms of everything that is in the program, on any
// platform.
func licenses(ctx context.Context, w io.Writer) error {
	all, err := platforms()
	if err != nil {
		return err
	}
	m := modules{}
	for _, platform := range all {
		if err := m.add(ctx, platform); err != nil {
			return err
		}
	}
	if err := m.addGo(ctx); err != nil {
		return err
	}
	rule := strings.Repeat("=", 80)
	fmt.Fprint(w, "cancelbot contains the following, each under the terms below it.\n")
	for _, name := range slices.Sorted(maps.Keys(m)) {
		fmt.Fprintf(w, "\n%s\n%s\n%s\n", rule, name, rule)
		if err := m[name].terms(w); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

var (
	termsFile   = regexp.MustCompile(`(?i)(licen[cs]e|copying|copyright|notice|patents)[^/]*$`)
	licenseFile = regexp.MustCompile(`(?i)(licen[cs]e|copying)[^/]*$`)
	codeFile    = regexp.MustCompile(`\.(go|s|c|h)$`)
)

// terms writes the texts of a module's terms. One that has no licence at its
// root may not be passed on.
func (m module) terms(w io.Writer) error {
	licensed := false
	for _, dir := range slices.Sorted(maps.Keys(m.dirs)) {
		files, err := os.ReadDir(dir)
		if err != nil {
			return err
		}
		for _, file := range files {
			if !file.Type().IsRegular() || !termsFile.MatchString(file.Name()) || codeFile.MatchString(file.Name()) {
				continue
			}
			path := filepath.Join(dir, file.Name())
			text, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			name, err := filepath.Rel(m.root, path)
			if err != nil {
				return err
			}
			licensed = licensed || licenseFile.MatchString(name) && dir == m.root
			fmt.Fprintf(w, "\n%s:\n\n%s\n", filepath.ToSlash(name), strings.TrimSpace(string(text)))
		}
	}
	if !licensed {
		return errors.New("it has no licence")
	}
	return nil
}
