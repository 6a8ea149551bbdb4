// Copyright The Rampart Authors.
// SPDX-License-Identifier: Apache-2.0

package drift

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Step is one step down into an object: into a field of a map, or to an item of a list.
type Step struct {
	// Field is the key of a map; empty when the step goes to an item of a list.
	Field string
	// Item is the merge key of an item; empty when the step goes into a field.
	Item []Key
}

// Key is one part of the merge key of a list item.
type Key struct {
	// Name of the field: containerPort.
	Name string
	// Value of the field as text: 8080.
	Value string
}

// Path leads from the top of an object to a field. It identifies list items by their
// merge key, not by index, so that it means the same in both versions of an object.
type Path []Step

// String writes the path as people read it, and as ParsePath reads it back:
// spec.template.spec.containers[name=shop].image. A map key that holds more than letters,
// digits, - and _ stands in brackets: metadata.annotations[example.com/owner]. A value
// that would be ambiguous in brackets is quoted as in Go.
func (p Path) String() string {
	var out strings.Builder
	for _, step := range p {
		switch {
		case step.Item != nil:
			parts := make([]string, 0, len(step.Item))
			for _, k := range step.Item {
				parts = append(parts, k.Name+"="+bracketed(k.Value))
			}
			out.WriteString("[" + strings.Join(parts, ",") + "]")
		case !isPlain(step.Field):
			out.WriteString("[" + bracketed(step.Field) + "]")
		default:
			if out.Len() > 0 {
				out.WriteByte('.')
			}
			out.WriteString(step.Field)
		}
	}
	return out.String()
}

// Field is the path to a field below p.
func (p Path) Field(name string) Path { return p.with(Step{Field: name}) }

// ListItem is the path to an item of the list p.
func (p Path) ListItem(key []Key) Path { return p.with(Step{Item: key}) }

func (p Path) with(step Step) Path { return append(slices.Clone(p), step) }

// Within says whether p is outer, or lies below it.
func (p Path) Within(outer Path) bool {
	return len(p) >= len(outer) && slices.EqualFunc(p[:len(outer)], outer, Step.equal)
}

func (s Step) equal(other Step) bool {
	return s.Field == other.Field && slices.Equal(s.Item, other.Item)
}

// ParsePath reads what Path.String wrote.
func ParsePath(text string) (Path, error) {
	var path Path
	for rest := text; rest != ""; {
		if rest[0] == '[' {
			step, tail, err := parseBrackets(rest)
			if err != nil {
				return nil, fmt.Errorf("path %q: %w", text, err)
			}
			path, rest = append(path, step), tail
			continue
		}
		if len(path) > 0 {
			if rest[0] != '.' {
				return nil, fmt.Errorf("path %q: expected . or [ before %q", text, rest)
			}
			rest = rest[1:]
		}
		end := strings.IndexAny(rest, ".[")
		if end < 0 {
			end = len(rest)
		}
		if !isPlain(rest[:end]) {
			return nil, fmt.Errorf("path %q: %q is no field name", text, rest[:end])
		}
		path, rest = append(path, Step{Field: rest[:end]}), rest[end:]
	}
	return path, nil
}

// parseBrackets reads [key], or [name=value,name=value], and returns what follows it.
func parseBrackets(text string) (step Step, rest string, err error) {
	rest = text
	for rest[0] != ']' {
		rest = rest[1:] // the opening bracket, or a comma
		var first string
		var quoted bool
		if first, quoted, rest, err = parseValue(rest, ",=]"); err != nil {
			return Step{}, "", err
		}
		if rest[0] != '=' {
			if step.Item != nil || rest[0] != ']' || (first == "" && !quoted) {
				return Step{}, "", fmt.Errorf("expected name=value in %q", text)
			}
			return Step{Field: first}, rest[1:], nil
		}
		var value string
		if value, _, rest, err = parseValue(rest[1:], ",]"); err != nil {
			return Step{}, "", err
		}
		step.Item = append(step.Item, Key{Name: first, Value: value})
	}
	return step, rest[1:], nil
}

// parseValue reads a value, quoted or not, up to one of the stops, which is left in rest.
func parseValue(text, stops string) (value string, quoted bool, rest string, err error) {
	if strings.HasPrefix(text, `"`) {
		prefix, err := strconv.QuotedPrefix(text)
		if err != nil {
			return "", false, "", fmt.Errorf("unterminated quote in %q", text)
		}
		value, err := strconv.Unquote(prefix)
		rest = text[len(prefix):]
		if err != nil || rest == "" || !strings.ContainsRune(stops, rune(rest[0])) {
			return "", false, "", fmt.Errorf("malformed quote in %q", text)
		}
		return value, true, rest, nil
	}
	end := strings.IndexAny(text, stops)
	if end < 0 {
		return "", false, "", fmt.Errorf("missing ] in %q", text)
	}
	return text[:end], false, text[end:], nil
}

// bracketed is a value as it stands in brackets: quoted where it would be misread.
func bracketed(value string) string {
	quoted := strconv.Quote(value)
	if value == "" || len(quoted) != len(value)+2 || strings.ContainsAny(value, "[],=") {
		return quoted
	}
	return value
}

func isPlain(field string) bool {
	return field != "" && strings.IndexFunc(field, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '_' || r == '-')
	}) < 0
}
