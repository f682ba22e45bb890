package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/kelseyhightower/envconfig"

	"github.com/cancelbot/cancelbot/bot/cli/internal/environ"
	"github.com/cancelbot/cancelbot/bot/internal/secret"
)

const isMissing = "is missing"

// read sets a field from its variable, or from the file that the variable
// names.
func (s setting) read(ctx context.Context, cfg *config, found *findings) {
	field := s.field(cfg)
	if into, isSecret := field.(*secret.Value); isSecret {
		reading, cancel := context.WithTimeout(ctx, startReadTimeout)
		content, isFile, wrong := newSecretFile(s.name).read(reading)
		cancel()
		if wrong != nil {
			found.put(*wrong)
		}
		if *into = content; isFile {
			return
		}
		// The Slack CLI leaves a variable alone that is set, even to "", and
		// also passes its token under a name of its own.
		if handed := os.Getenv(s.slackCLI); handed != "" && os.Getenv(s.name) == "" {
			*into = secret.New(handed)
			return
		}
	} else if os.Getenv(s.name+"_FILE") != "" {
		// An ignored restriction would restrict no one.
		found.put(environ.Problem{
			Variable: s.name, Found: s.name + "_FILE is not supported: only the tokens, the key and DATABASE_URL can be read from a file",
			Remedy: "Set " + s.name + " itself, and remove " + s.name + "_FILE",
		})
	}
	value := reflect.ValueOf(field).Elem()
	wrong := s.parse(value)
	if _, isSecret := field.(*secret.Value); !isSecret {
		wrong = cmp.Or(misread(os.Getenv(s.name), value.Kind() == reflect.Slice), wrong)
		if text := os.Getenv(s.name); wrong == "" && value.Type() == reflect.TypeFor[int]() && text != "" && !plainNumber.MatchString(text) {
			wrong = "is not a whole number without leading zeros"
		}
	}
	if wrong != "" {
		found.add(s.name, wrong)
	}
}

// plainNumber matches a number that everyone reads alike. envconfig also takes 010 for 8,
// and 0x0A for 10.
var plainNumber = regexp.MustCompile(`^[-+]?(0|[1-9][0-9]*)$`)

// placeholder matches what is left if a template, a script or a person has
// inserted no value.
var placeholder = regexp.MustCompile(`^(\$\{.*\}|\$\(.*\)|\$\w+|\{\{.*\}\}|%\w+%|<.*>|(?i:none|null|nil|undefined|changeme|todo|tbd))$`)

// misread returns what is wrong with a value that reached the variable in an
// unintended form. Entries of a list may have spaces around them, and a
// workflow's name quotation marks.
func misread(value string, isList bool) string {
	trimmed := strings.TrimSpace(value)
	quoted := len(trimmed) > 1 && strings.ContainsRune("\"'`", rune(trimmed[0])) && trimmed[0] == trimmed[len(trimmed)-1]
	switch {
	case placeholder.MatchString(trimmed):
		return "has a placeholder instead of a value"
	case quoted && !isList:
		return "is in quotation marks: leave them out"
	case trimmed != value && trimmed != "" && !isList:
		return "begins or ends with a blank or a line break"
	}
	return ""
}

// parse sets a value from the variable, and returns what is wrong with it.
//
// envconfig stops at its first error, so it gets a struct with one field. It
// treats an empty variable as a value, but Compose files and Kubernetes
// patches use empty variables to mean none, so it gets another name then.
func (s setting) parse(value reflect.Value) (wrong string) {
	name := s.name
	if os.Getenv(name) == "" {
		name += "_IS_EMPTY"
	}
	tag := fmt.Sprintf("envconfig:%q default:%q required:%q", name, s.fallback, strconv.FormatBool(s.required))
	one := reflect.New(reflect.StructOf([]reflect.StructField{{Name: "Value", Type: value.Type(), Tag: reflect.StructTag(tag)}}))
	err := envconfig.Process("", one.Interface())
	var parse *envconfig.ParseError
	switch {
	case errors.As(err, &parse):
		return "is not " + expected(parse.TypeName) + suggestion(parse.TypeName, os.Getenv(s.name))
	case err != nil:
		return isMissing
	}
	value.Set(one.Elem().Field(0))
	return ""
}

// expected describes a type in the operator's words.
func expected(typeName string) string {
	switch typeName {
	case "time.Duration":
		return "a duration such as 10s"
	case "bool":
		return "true or false"
	case "int":
		return "a whole number"
	case "slog.Level":
		return "one of debug, info, warn, error"
	case "cli.days":
		return "a number of days such as 365d"
	case "cli.workflowNames":
		return "a list of workflows' names, separated by commas, in quotation marks that are closed"
	}
	return "a " + typeName
}

// suggestion completes a duration that lacks its unit.
func suggestion(typeName, value string) string {
	unit := map[string]string{"time.Duration": "s", "cli.days": "d"}[typeName]
	if _, err := strconv.ParseUint(value, 10, 32); err != nil || unit == "" {
		return ""
	}
	return "; did you mean " + value + unit + "?"
}

// filePatience is how long a bot goes on whose token, from a file, is refused.
// Kubernetes takes up to two minutes to update the file of a changed secret.
const filePatience = 3 * time.Minute

// tokenPatience returns how long a refused token is tried again: filePatience if it is in
// a file, in which it can change.
func tokenPatience(variable string) time.Duration {
	if os.Getenv(variable+"_FILE") != "" {
		return filePatience
	}
	return 0
}
