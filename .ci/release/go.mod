module github.com/cancelbot/cancelbot/ci/release

go 1.26.0

toolchain go1.26.8

require gopkg.in/yaml.v3 v3.0.1
