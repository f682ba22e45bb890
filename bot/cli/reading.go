package cli

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"reflect"
	"regexp"
	"strconv"
	"strings"

	"github.com/kelseyhightower/envconfig"

	"github.com/cancelbot/cancelbot/bot/cli/internal/environ"
	"github.com/cancelbot/cancelbot/bot/internal/secret"
)

const isMissing = "is missing"

// read sets one field from its variable, or from the file that holds it.
func (s setting) read(cfg *config, found *findings) {
	field := s.field(cfg)
	if into, isSecret := field.(*secret.Value); isSecret {
		content, isFile, wrong := secretFile(s.name)
		if wrong != nil {
			found.put(*wrong)
		}
		if *into = content; isFile {
			return
		}
		// The Slack CLI leaves a variable alone that is set, even to nothing,
		// and hands its token over under a name of its own as well.
		if handed := os.Getenv(s.slackCLI); handed != "" && os.Getenv(s.name) == "" {
			*into = secret.New(handed)
			return
		}
	} else if os.Getenv(s.name+"_FILE") != "" {
		// If it were ignored, a restriction would restrict nobody.
		found.put(environ.Problem{
			Variable: s.name, Found: s.name + "_FILE is no variable of the bot's: only the tokens, the key and DATABASE_URL can be read from a file",
			Remedy: "Set " + s.name + " itself, and remove " + s.name + "_FILE",
		})
	}
	value := reflect.ValueOf(field).Elem()
	wrong := s.parse(value)
	if _, isSecret := field.(*secret.Value); !isSecret {
		wrong = cmp.Or(misread(os.Getenv(s.name), value.Kind() == reflect.Slice), wrong)
	}
	if wrong != "" {
		found.add(s.name, wrong)
	}
}

// placeholder is what is left where a template, a script or a person should have
// put a value.
var placeholder = regexp.MustCompile(`^(\$\{.*\}|\$\(.*\)|\$\w+|\{\{.*\}\}|%\w+%|<.*>|(?i:none|null|nil|undefined|changeme|todo|tbd))$`)

// misread says what is wrong with a value that was put into the variable in
// another way than meant. Entries of a list may have blanks around them, and a
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

// parse sets a value from the variable, and says what is wrong with it.
//
// envconfig stops at its first error, so it gets a struct with one field. It
// takes an empty variable for a value, but Compose files and Kubernetes patches
// leave variables empty where they mean none, so then it gets another name.
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

// expected names a type the way an operator would.
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

// suggestion completes a time that lacks its unit.
func suggestion(typeName, value string) string {
	unit := map[string]string{"time.Duration": "s", "cli.days": "d"}[typeName]
	if _, err := strconv.ParseUint(value, 10, 32); err != nil || unit == "" {
		return ""
	}
	return "; did you mean " + value + unit + "?"
}

// secretFile reads the secret that NAME_FILE points to, as Docker and
// Kubernetes mount them, without the line break at its end. It reports false
// if the variable is not set. The path is not quoted: it may be the secret
// itself, in the wrong variable.
func secretFile(name string) (value secret.Value, found bool, wrong *environ.Problem) {
	path := os.Getenv(name + "_FILE")
	if path == "" {
		return secret.Value{}, false, nil
	}
	problem := func(what, remedy string) (secret.Value, bool, *environ.Problem) {
		return secret.Value{}, true, &environ.Problem{Variable: name, Found: what, Remedy: remedy}
	}
	if os.Getenv(name) != "" {
		return problem(name+" and "+name+"_FILE are both set: which one is meant?", "Remove "+name+", or "+name+"_FILE")
	}
	raw, err := os.ReadFile(path)
	var cause *os.PathError
	if errors.As(err, &cause) {
		err = cause.Err
	}
	if err != nil {
		return problem(fmt.Sprintf("%s_FILE names a file that cannot be read: %v", name, err),
			"Correct the path in "+name+"_FILE, or let the user that runs the bot read that file")
	}
	text := strings.TrimRight(string(raw), "\r\n")
	if text == "" {
		return problem(name+"_FILE names a file that is empty", "Write the value of "+name+" into that file")
	}
	return secret.New(text), true, nil
}
