package slacktest

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Surface is where blocks are shown. Some blocks are allowed on one surface
// only.
type Surface string

// The surfaces.
const (
	InMessage Surface = "message" // at most 50 blocks
	InModal   Surface = "modal"   // at most 100 blocks
)

// Problem is a reason why Slack rejects blocks, in the form that
// blocks.validate returns (docs.slack.dev/reference/methods/blocks.validate).
type Problem struct {
	Pointer string `json:"pointer"` // JSON pointer to the culprit, such as "/0/text/text"
	Code    string `json:"code"`    // "failed_constraint", "missing_field", "unknown_field", …
	Message string `json:"message"`
}

// String returns the problem as one line.
func (p Problem) String() string { return p.Pointer + ": " + p.Message }

// ValidateBlocks checks a JSON list of Block Kit blocks by the rules of
// docs.slack.dev/reference/block-kit: types, unknown and missing properties,
// lengths in characters, counts, duplicate IDs. It returns the problems in the
// order of the blocks. An absent list and null are valid.
func ValidateBlocks(raw json.RawMessage, on Surface) []Problem {
	c := checker{surface: on}
	c.blocks("", raw)
	return c.problems
}

// The codes of a Problem.
const (
	failedConstraint = "failed_constraint"
	missingField     = "missing_field"
	unknownField     = "unknown_field"
	wrongType        = "invalid_type"
)

// checker collects problems while it walks through decoded JSON.
type checker struct {
	surface  Surface
	problems []Problem
}

func (c *checker) add(at, code, format string, args ...any) {
	c.problems = append(c.problems, Problem{at, code, fmt.Sprintf(format, args...)})
}

func (c *checker) blocks(at string, raw json.RawMessage) {
	if absent(raw) {
		return
	}
	var list []any
	if err := json.Unmarshal(raw, &list); err != nil {
		c.add(at, wrongType, "must be a list of blocks")
		return
	}
	c.list(at, list)
}

func (c *checker) list(at string, list []any) {
	limit := map[Surface]int{InMessage: maxBlocks, InModal: maxModalBlocks}[c.surface]
	if len(list) > limit {
		c.add(at, failedConstraint, "no more than %d items allowed, got %d", limit, len(list))
	}
	ids := map[string]bool{}
	for i, v := range list {
		here := at + "/" + strconv.Itoa(i)
		checkBlock(c, here, v)
		block, _ := v.(map[string]any)
		id, _ := block["block_id"].(string)
		if id != "" && ids[id] {
			c.add(here+"/block_id", failedConstraint, "block_id %q is used twice", id)
		}
		ids[id] = true
	}
	if tables := count(list, "table"); tables > 1 {
		c.add(at, failedConstraint, "only one table allowed, got %d", tables)
	}
}

func count(list []any, kind string) (n int) {
	for _, v := range list {
		if block, _ := v.(map[string]any); block["type"] == kind {
			n++
		}
	}
	return n
}

func absent(raw json.RawMessage) bool { return len(raw) == 0 || string(raw) == "null" }

// rule checks one decoded JSON value.
type rule func(c *checker, at string, v any)

// shape describes the properties of an object.
type shape struct {
	required map[string]rule
	optional map[string]rule
	also     rule // a rule for several properties together; may be nil
}

func (s shape) check(c *checker, at string, v any) {
	object, ok := v.(map[string]any)
	if !ok {
		c.add(at, wrongType, "must be an object")
		return
	}
	for _, name := range sortedKeys(s.required) {
		if _, ok := object[name]; !ok {
			c.add(at, missingField, "missing required field: %s", name)
		}
	}
	for _, name := range sortedKeys(object) {
		check := s.required[name]
		if check == nil {
			check = s.optional[name]
		}
		if check == nil {
			c.add(at+"/"+pointerToken(name), unknownField, "unknown field: %s", name)
			continue
		}
		check(c, at+"/"+pointerToken(name), object[name])
	}
	if s.also != nil {
		s.also(c, at, object)
	}
}

// pointerToken escapes a property's name (RFC 6901, section 3).
func pointerToken(name string) string {
	return strings.ReplaceAll(strings.ReplaceAll(name, "~", "~0"), "/", "~1")
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// length checks a string's length in characters.
func length(least, most int) rule {
	return func(c *checker, at string, v any) {
		s, ok := v.(string)
		n := utf8.RuneCountInString(s)
		switch {
		case !ok:
			c.add(at, wrongType, "must be a string")
		case n < least:
			c.add(at, failedConstraint, "must be more than %d characters", least-1)
		case n > most:
			c.add(at, failedConstraint, "must be less than %d characters, got %d", most+1, n)
		}
	}
}

func oneOf(words ...string) rule {
	return func(c *checker, at string, v any) {
		if s, _ := v.(string); !slices.Contains(words, s) {
			c.add(at, failedConstraint, "must be one of %s, got %v", strings.Join(words, ", "), v)
		}
	}
}

func boolean(c *checker, at string, v any) {
	if _, ok := v.(bool); !ok {
		c.add(at, wrongType, "must be a boolean")
	}
}

func number(c *checker, at string, v any) {
	if _, ok := v.(float64); !ok {
		c.add(at, wrongType, "must be a number")
	}
}

// anything accepts every value, because its rules aren't documented or aren't
// checked here.
func anything(*checker, string, any) {}

func listOf(least, most int, item rule) rule {
	return func(c *checker, at string, v any) {
		list, ok := v.([]any)
		switch {
		case !ok:
			c.add(at, wrongType, "must be a list")
		case len(list) < least:
			c.add(at, failedConstraint, "no fewer than %d items allowed, got %d", least, len(list))
		case len(list) > most:
			c.add(at, failedConstraint, "no more than %d items allowed, got %d", most, len(list))
		}
		for i, one := range list {
			item(c, at+"/"+strconv.Itoa(i), one)
		}
	}
}

// exactlyOne requires exactly one of several properties.
func exactlyOne(names ...string) rule {
	return func(c *checker, at string, v any) {
		object := v.(map[string]any)
		n := 0
		for _, name := range names {
			if _, ok := object[name]; ok {
				n++
			}
		}
		if n != 1 {
			c.add(at, failedConstraint, "needs exactly one of %s", strings.Join(names, ", "))
		}
	}
}
