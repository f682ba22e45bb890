package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"debug/buildinfo"
	"debug/elf"
	"encoding/pem"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"golang.org/x/crypto/x509roots/fallback/bundle"
)

// user is whom the bot runs as in a container. It has no name there.
const user = 65532

// settings are how a container of the image starts. The Dockerfile says the
// same.
func settings() v1.Config {
	return v1.Config{
		User:       fmt.Sprintf("%d:%[1]d", user),
		WorkingDir: "/data",
		Volumes:    map[string]struct{}{"/data": {}},
		Env:        []string{"DATABASE_URL=sqlite:/data/cancelbot.db", "HTTP_ADDR=127.0.0.1:8080"},
		Healthcheck: &v1.HealthConfig{
			Test:        []string{"CMD", "/cancelbot", "healthcheck"},
			Interval:    30 * time.Second,
			Timeout:     5 * time.Second,
			StartPeriod: 20 * time.Second,
		},
		Entrypoint: []string{"/cancelbot"},
	}
}

// program is a static binary for Linux, with its build information.
type program struct {
	content  []byte
	platform v1.Platform
	revision string
	at       time.Time
}

// open reads a binary that can run in an image with nothing else in it.
func open(file string) (program, error) {
	content, err := os.ReadFile(file)
	if err != nil {
		return program{}, err
	}
	info, err := buildinfo.Read(bytes.NewReader(content))
	if err != nil {
		return program{}, fmt.Errorf("%s: %w", file, err)
	}
	p := program{content: content, at: time.Unix(0, 0).UTC()}
	for _, setting := range info.Settings {
		switch setting.Key {
		case "GOOS":
			p.platform.OS = setting.Value
		case "GOARCH":
			p.platform.Architecture = setting.Value
		case "vcs.revision":
			p.revision = setting.Value
		case "vcs.modified":
			if setting.Value == "true" {
				return program{}, fmt.Errorf("%s has changes that are not committed", file)
			}
		case "vcs.time":
			if p.at, err = time.Parse(time.RFC3339, setting.Value); err != nil {
				return program{}, fmt.Errorf("%s: %w", file, err)
			}
		}
	}
	executable, err := elf.NewFile(bytes.NewReader(content))
	if err != nil {
		return program{}, fmt.Errorf("%s is for %s: %w", file, p.platform, err)
	}
	for _, part := range executable.Progs {
		if part.Type == elf.PT_INTERP {
			return program{}, fmt.Errorf("%s is linked to libraries that the image does not have", file)
		}
	}
	return p, nil
}

// image writes an OCI layout, in a new directory, with the image of a release
// for the platforms of the binaries, and returns its digest. The same binaries
// give the same digest.
func image(ctx context.Context, dir, version string, binaries []string) (v1.Hash, error) {
	var terms bytes.Buffer
	if err := licenses(ctx, &terms); err != nil {
		return v1.Hash{}, err
	}
	index := mutate.IndexMediaType(empty.Index, types.OCIImageIndex)
	for _, file := range binaries {
		p, err := open(file)
		if err != nil {
			return v1.Hash{}, err
		}
		one, err := p.image(version, terms.Bytes())
		if err != nil {
			return v1.Hash{}, fmt.Errorf("the image for %s: %w", p.platform, err)
		}
		index = mutate.AppendManifests(index, mutate.IndexAddendum{Add: plain{one}, Descriptor: v1.Descriptor{Platform: &p.platform}})
		index = mutate.Annotations(index, p.labels(version)).(v1.ImageIndex)
	}
	if err := os.Mkdir(dir, 0o755); err != nil {
		return v1.Hash{}, err // don't mix with existing files, or lose them
	}
	out, err := layout.Write(dir, empty.Index)
	if err != nil {
		return v1.Hash{}, err
	}
	if err := out.AppendIndex(index, layout.WithAnnotations(map[string]string{"org.opencontainers.image.ref.name": version})); err != nil {
		return v1.Hash{}, err
	}
	return index.Digest()
}

// plain is an image whose entry in the index does not call it an artifact of
// the type of its configuration: skopeo does not know that field, and would
// drop it, which changes the digest.
type plain struct{ v1.Image }

func (plain) ArtifactType() (string, error) { return "", nil }

// labels returns the image's labels, which are also its annotations.
func (p program) labels(version string) map[string]string {
	labels := map[string]string{
		"org.opencontainers.image.title":       "cancelbot",
		"org.opencontainers.image.description": "Cancel Chamelio tasks from Slack, with a confirmation and the result in the channel.",
		"org.opencontainers.image.source":      "https://github.com/cancelbot/cancelbot",
		"org.opencontainers.image.licenses":    "MIT",
		"org.opencontainers.image.version":     version,
		"org.opencontainers.image.created":     p.at.Format(time.RFC3339),
	}
	if p.revision != "" {
		labels["org.opencontainers.image.revision"] = p.revision
	}
	return labels
}

// image is the program's image: what changes least comes first.
func (p program) image(version string, terms []byte) (v1.Image, error) {
	own, err := os.ReadFile("LICENSE")
	if err != nil {
		return nil, err
	}
	config := settings()
	config.Labels = p.labels(version)
	made := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	made, err = mutate.ConfigFile(made, &v1.ConfigFile{
		OS: p.platform.OS, Architecture: p.platform.Architecture, Created: v1.Time{Time: p.at}, Config: config,
		RootFS: v1.RootFS{Type: "layers"},
	})
	if err != nil {
		return nil, err
	}
	for _, part := range []struct {
		what  string
		files []file
	}{
		{"certificates, and directories for the journal and temporary files", []file{
			{name: "data/", mode: 0o755, owner: user},
			{name: "etc/", mode: 0o755},
			{name: "etc/ssl/", mode: 0o755},
			{name: "etc/ssl/certs/", mode: 0o755},
			{name: "etc/ssl/certs/ca-certificates.crt", mode: 0o444, content: certificates()},
			{name: "tmp/", mode: 0o1777},
		}},
		{"licences", []file{
			{name: "licenses/", mode: 0o755},
			{name: "licenses/LICENSE", mode: 0o444, content: own},
			{name: "licenses/THIRD_PARTY_LICENSES", mode: 0o444, content: terms},
		}},
		{"cancelbot " + version, []file{{name: "cancelbot", mode: 0o555, content: p.content}}},
	} {
		packed, err := layer(part.files)
		if err != nil {
			return nil, err
		}
		made, err = mutate.Append(made, mutate.Addendum{Layer: packed, History: v1.History{Created: v1.Time{Time: p.at}, CreatedBy: part.what}})
		if err != nil {
			return nil, err
		}
	}
	return mutate.Annotations(made, p.labels(version)).(v1.Image), nil
}

// A file of the image; a directory's name ends with a slash.
type file struct {
	name    string
	mode    int64
	owner   int
	content []byte
}

// layer packs files without a time, so that a layer whose files stay the same
// is the same in the next release.
func layer(files []file) (v1.Layer, error) {
	var packed bytes.Buffer
	w := tar.NewWriter(&packed)
	for _, f := range files {
		kind := byte(tar.TypeReg)
		if strings.HasSuffix(f.name, "/") {
			kind = tar.TypeDir
		}
		header := tar.Header{
			Typeflag: kind, Name: f.name, Size: int64(len(f.content)), Mode: f.mode,
			Uid: f.owner, Gid: f.owner, ModTime: time.Unix(0, 0),
		}
		if err := w.WriteHeader(&header); err != nil {
			return nil, err
		}
		if _, err := w.Write(f.content); err != nil {
			return nil, err
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	open := func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(packed.Bytes())), nil }
	return tarball.LayerFromOpener(open, tarball.WithMediaType(types.OCILayer), tarball.WithCompressionLevel(gzip.DefaultCompression))
}

// certificates are the authorities that Mozilla trusts without conditions. A
// file cannot carry a condition, such as not to trust what is newer than some
// day.
func certificates() []byte {
	var all bytes.Buffer
	for root := range bundle.Roots() {
		if root.Constraint == nil {
			all.Write(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: root.Certificate}))
		}
	}
	return all.Bytes()
}
