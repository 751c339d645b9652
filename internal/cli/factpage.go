package cli

import (
	"fmt"
	"net/netip"
	"reflect"
	"strings"
	"time"

	"github.com/mattn/go-runewidth"

	"github.com/nightcall-sh/nightcall/internal/fact"
	"github.com/nightcall-sh/nightcall/internal/stdio"
)

// A factPage lays facts out for people. A fact that is one value becomes lines,
// a list becomes a table; columns that say nothing are left out. Names and units
// follow from the fields' names in JSON, so that a new fact needs no layout of
// its own. Everything that came from a host is made printable.
type factPage struct {
	out   stdio.Streams
	now   time.Time
	limit int    // items of a list; 0 for all
	host  string // for the advice on how to see the rest
	begun bool   // something was printed
	err   error  // the first error of printing
}

// facts shows the facts that were read, then names those that were not.
func (p *factPage) facts(facts []fact.Fact, set *fact.Set) error {
	var unknown, unasked []string
	for _, f := range facts {
		status := f.Status(set)
		switch status.State {
		case fact.OK, fact.Partial:
			p.fact(f, status, f.Value(set))
		case fact.Unknown:
			unknown = append(unknown, fmt.Sprintf("%s: %s (%s)", f.Name, status.Reason, ageText(timeOrNil(status.At), p.now)))
		default:
			unasked = append(unasked, f.Name)
		}
	}
	if len(unknown) > 0 {
		p.title("Unknown", "")
		for _, line := range unknown {
			p.line(line)
		}
	}
	if len(unasked) > 0 {
		p.title("Never asked", "")
		p.line(strings.Join(unasked, ", "))
	}
	return p.err
}

func (p *factPage) fact(f fact.Fact, status fact.Status, value any) {
	p.title(f.Title, fmt.Sprintf("%s, %s", orDash(status.Source), ageText(timeOrNil(status.At), p.now)))
	if status.State == fact.Partial {
		p.line("incomplete: " + status.Reason)
	}
	p.value(f.Name, reflect.ValueOf(value))
}

func (p *factPage) value(name string, v reflect.Value) {
	switch {
	case v.Kind() == reflect.Slice && v.Type().Elem().Kind() == reflect.Struct && !plainType(v.Type().Elem()):
		p.list(name, v)
	case v.Kind() == reflect.Struct && !plainType(v.Type()):
		p.fields(name, v)
	default:
		p.line(cellText(name, v))
	}
}

// fields shows a struct as lines, and the lists in it as tables behind them.
func (p *factPage) fields(name string, v reflect.Value) {
	var lists []int
	for i := range v.NumField() {
		field, key := v.Field(i), jsonName(v.Type().Field(i))
		switch {
		case field.Kind() == reflect.Slice && field.Type().Elem().Kind() == reflect.Struct && !plainType(field.Type().Elem()):
			lists = append(lists, i)
		case field.Kind() == reflect.Slice && field.Len() > 1:
			p.items(name, key, field)
		default:
			p.pair(words(key), cellText(key, field))
		}
	}
	for _, i := range lists {
		p.line(words(jsonName(v.Type().Field(i))) + ":")
		p.list(name, v.Field(i))
	}
}

// items shows a list of plain values, one to a line.
func (p *factPage) items(name, key string, v reflect.Value) {
	shown := p.shown(v.Len())
	for i := range shown {
		p.pair(words(key), cellText(key, v.Index(i)))
	}
	p.more(name, v.Len()-shown)
}

// list shows structs as a table.
func (p *factPage) list(name string, v reflect.Value) {
	if v.Len() == 0 {
		p.line("none")
		return
	}
	var headers []string
	var columns []int
	for i := range v.Type().Elem().NumField() {
		if field := v.Type().Elem().Field(i); saysSomething(v, i) {
			headers = append(headers, strings.ToUpper(words(jsonName(field))))
			columns = append(columns, i)
		}
	}
	table := newTable(p.out, headers...)
	shown := p.shown(v.Len())
	for n := range shown {
		item := v.Index(n)
		cells := make([]string, len(columns))
		for c, i := range columns {
			cells[c] = p.clip(orDash(cellText(jsonName(item.Type().Field(i)), item.Field(i))))
		}
		table.row(cells...)
	}
	if err := table.flush(); err != nil && p.err == nil {
		p.err = err
	}
	p.more(name, v.Len()-shown)
}

// clip keeps a cell short where the list is cut, too.
func (p *factPage) clip(cell string) string {
	if p.limit > 0 {
		return runewidth.Truncate(cell, 60, "…")
	}
	return cell
}

func (p *factPage) shown(n int) int {
	if p.limit > 0 {
		return min(n, p.limit)
	}
	return n
}

func (p *factPage) more(name string, n int) {
	if n > 0 {
		p.line(fmt.Sprintf("and %d more: nightcall host show %s --fact %s", n, p.host, name))
	}
}

// saysSomething reports whether any item has a value in its field i.
func saysSomething(list reflect.Value, i int) bool {
	for n := range list.Len() {
		if !list.Index(n).Field(i).IsZero() {
			return true
		}
	}
	return false
}

func (p *factPage) title(text, where string) {
	if where != "" {
		where = "  (" + printable(where) + ")"
	}
	gap := "\n"
	if !p.begun {
		gap, p.begun = "", true
	}
	p.print(gap + strings.ToUpper(printable(text)) + where + "\n")
}

func (p *factPage) pair(key, value string) {
	if value != "" {
		p.print(fmt.Sprintf("  %-20s %s\n", key, printable(value)))
	}
}

func (p *factPage) line(text string) { p.print("  " + printable(text) + "\n") }

func (p *factPage) print(text string) {
	if _, err := fmt.Fprint(p.out.Out, text); err != nil && p.err == nil {
		p.err = err
	}
}

func orDash(s string) string {
	if s == "" {
		return unknownCell
	}
	return s
}

func jsonName(f reflect.StructField) string {
	name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
	return name
}

// words makes a JSON key readable.
func words(key string) string { return strings.ReplaceAll(key, "_", " ") }

// byteFields are the whole numbers that count bytes.
var byteFields = map[string]bool{"total": true, "available": true, "swap_total": true, "swap_free": true, "size": true, "rss": true}

// plainType holds for structs that are one value to people.
func plainType(t reflect.Type) bool {
	switch t {
	case reflect.TypeFor[time.Time](), reflect.TypeFor[netip.Addr](), reflect.TypeFor[netip.Prefix](), reflect.TypeFor[netip.AddrPort]():
		return true
	}
	return false
}

// cellText is one value with its unit. What is not known is empty.
func cellText(key string, v reflect.Value) string {
	switch value := v.Interface().(type) {
	case time.Time:
		if value.IsZero() {
			return ""
		}
		return value.UTC().Format("2006-01-02 15:04:05Z")
	case time.Duration:
		return durationText(value)
	case fmt.Stringer:
		return addressCell(value)
	case bool:
		return yesNo(value)
	case int64:
		if byteFields[key] {
			return humanBytes(value)
		}
	case float64:
		return floatCell(key, value)
	}
	if v.Kind() == reflect.Slice {
		cells := make([]string, v.Len())
		for i := range cells {
			cells[i] = cellText(key, v.Index(i))
		}
		return strings.Join(cells, " ")
	}
	return fmt.Sprint(v.Interface())
}

// addressCell is an address, or nothing where there is none.
func addressCell(value fmt.Stringer) string {
	if v, ok := value.(interface{ IsValid() bool }); ok && !v.IsValid() {
		return ""
	}
	return value.String()
}

func floatCell(key string, value float64) string {
	switch {
	case !strings.HasSuffix(key, "percent"):
		return fmt.Sprintf("%.2f", value)
	case value < 0:
		return ""
	default:
		return fmt.Sprintf("%.1f%%", value)
	}
}
