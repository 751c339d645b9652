package check

import (
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/nightcall-sh/nightcall/internal/host"
	"github.com/nightcall-sh/nightcall/internal/plain"
)

// A template is a text with places to fill: {name}, {name.field}, {name:format}.
type template []piece

// A piece is a literal, or a place.
type piece struct {
	literal string
	path    string
	format  string
}

// maxValue bounds one value shown to people, in runes.
const maxValue = 200

// The formats that a place may ask for.
var formats = []string{"bytes", "date"}

// parseTemplate takes a text apart and holds its names against the scope.
func parseTemplate(text string, s scope) (template, *sourceError) {
	if !utf8.ValidString(text) {
		return nil, &sourceError{message: "text is not valid UTF-8"}
	}
	var t template
	for rest := text; rest != ""; {
		offset := utf8.RuneCountInString(text[:len(text)-len(rest)])
		before, after, found := strings.Cut(rest, "{")
		if before != "" {
			t = append(t, piece{literal: before})
		}
		if !found {
			break
		}
		offset += utf8.RuneCountInString(before)
		if escaped, ok := strings.CutPrefix(after, "{"); ok {
			t, rest = append(t, piece{literal: "{"}), escaped
			continue
		}
		inside, next, closed := strings.Cut(after, "}")
		if !closed {
			return nil, &sourceError{offset: offset, message: "{ without }; write {{ for the character itself"}
		}
		p, err := parsePlace(inside, s)
		if err != nil {
			err.offset += offset + 1
			return nil, err
		}
		t, rest = append(t, p), next
	}
	return t, nil
}

// parsePlace reads what stands between the braces.
func parsePlace(inside string, s scope) (piece, *sourceError) {
	path, format, _ := strings.Cut(inside, ":")
	t, err := s.resolve(path)
	if err != nil {
		parts := strings.SplitN(path, ".", err.part+1)
		before := strings.Join(parts[:err.part], ".")
		offset := utf8.RuneCountInString(before)
		if err.part > 0 {
			offset++
		}
		return piece{}, &sourceError{offset: offset, message: err.message, near: err.near}
	}
	if isStruct(t) || t.Kind() == reflect.Slice && isStruct(t.Elem()) {
		return piece{}, &sourceError{message: fmt.Sprintf("%s is a %s; name one of its fields", path, describeType(t))}
	}
	if message, near := badFormat(format, t); message != "" {
		return piece{}, &sourceError{offset: utf8.RuneCountInString(path) + 1, message: message, near: near}
	}
	return piece{path: path, format: format}, nil
}

// badFormat says what is wrong with a format for a type, and the nearest one.
func badFormat(format string, t reflect.Type) (message, near string) {
	switch format {
	case "":
		return "", ""
	case "bytes":
		if describeType(t) == "number" {
			return "", ""
		}
	case "date":
		if t == timeType {
			return "", ""
		}
	default:
		return "unknown format " + format, Nearest(format, formats)
	}
	return fmt.Sprintf("format %s does not fit a %s", format, describeType(t)), ""
}

// uses lists the top-level names in the template.
func (t template) uses() []string {
	var names []string
	for _, p := range t {
		if p.path != "" {
			first, _, _ := strings.Cut(p.path, ".")
			names = append(names, first)
		}
	}
	return names
}

// words fills the places with values for people to read.
func (t template) words(env map[string]any) string {
	return t.fill(env, func(text string) string { return text })
}

// command fills the places with values that a shell takes as they are: a name
// that a stranger's machine gave never becomes shell text.
func (t template) command(env map[string]any) string {
	return t.fill(env, func(text string) string { return host.Quote(text) })
}

func (t template) fill(env map[string]any, wrap func(string) string) string {
	var b strings.Builder
	for _, p := range t {
		if p.path == "" {
			b.WriteString(p.literal)
			continue
		}
		b.WriteString(wrap(plain.Clip(p.show(env), maxValue)))
	}
	return b.String()
}

// show renders the value of a place.
func (p piece) show(env map[string]any) string {
	value := lookup(env, p.path)
	switch p.format {
	case "bytes":
		return sizeText(number(value))
	case "date":
		at, _ := value.(time.Time)
		return at.UTC().Format(time.DateOnly)
	}
	return valueText(value)
}

// lookup follows a dotted path through maps; New has proved that it is there.
func lookup(env map[string]any, path string) any {
	first, rest, deeper := strings.Cut(path, ".")
	value := env[first]
	for deeper {
		var name string
		name, rest, deeper = strings.Cut(rest, ".")
		fields, _ := value.(map[string]any)
		value = fields[name]
	}
	return value
}

// listShown is how many items of a list are written out.
const listShown = 8

// valueText renders a value for people.
func valueText(value any) string {
	switch v := value.(type) {
	case string:
		return v
	case float64:
		return strings.TrimSuffix(strconv.FormatFloat(v, 'f', 1, 64), ".0")
	case time.Time:
		return v.UTC().Format("2006-01-02 15:04 UTC")
	case time.Duration:
		return span(v)
	case []any:
		return listText(v)
	default:
		return fmt.Sprint(v)
	}
}

func listText(list []any) string {
	if len(list) == 0 {
		return "none"
	}
	var parts []string
	for _, item := range list[:min(len(list), listShown)] {
		parts = append(parts, valueText(item))
	}
	text := strings.Join(parts, ", ")
	if more := len(list) - listShown; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

// sizeText writes a number of bytes with the unit that fits.
func sizeText(bytes float64) string {
	units := []string{"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"}
	i := 0
	for math.Abs(bytes) >= 1024 && i < len(units)-1 {
		bytes /= 1024
		i++
	}
	return valueText(bytes) + " " + units[i]
}

// span writes a duration with at most two units.
func span(d time.Duration) string {
	if d < 0 {
		return "-" + span(-max(d, -math.MaxInt64))
	}
	switch {
	case d >= 24*time.Hour:
		return units(d, 24*time.Hour, "d", time.Hour, "h")
	case d >= time.Hour:
		return units(d, time.Hour, "h", time.Minute, "m")
	case d >= time.Minute:
		return units(d, time.Minute, "m", time.Second, "s")
	case d >= time.Second:
		return d.Round(100 * time.Millisecond).String()
	default:
		return d.Round(100 * time.Microsecond).String()
	}
}

func units(d, large time.Duration, largeName string, small time.Duration, smallName string) string {
	text := fmt.Sprintf("%d%s", d/large, largeName)
	if rest := d % large / small; rest > 0 {
		text += fmt.Sprintf(" %d%s", rest, smallName)
	}
	return text
}
