package catalog

import (
	"fmt"
	"slices"
	"time"

	"github.com/goccy/go-yaml/ast"

	"github.com/nightcall-sh/nightcall/internal/check"
)

// ParseEOL reads an end-of-life table. Errors are *Error and name file as the
// place.
func ParseEOL(file string, text []byte) (check.EOL, error) {
	doc, err := parse(file, text)
	if err != nil {
		return check.EOL{}, err
	}
	t := eolTable{document: doc}
	err = t.mapping(t.root, "the table", map[string]reader{
		"as_of": t.dateInto(&t.eol.AsOf, "as_of"),
		"distributions": func(node ast.Node) error {
			return t.list(node, "distributions", t.distribution)
		},
	})
	if err != nil {
		return check.EOL{}, err
	}
	if t.eol.AsOf.IsZero() {
		return check.EOL{}, t.errorAt(1, 1, "as_of is missing: when was the table held against the vendors' pages?", "")
	}
	return t.eol, nil
}

// An eolTable is a table on its way to its value.
type eolTable struct {
	document
	eol check.EOL
	ids []string // all so far, because each belongs to one distribution
}

// distribution reads one family.
func (t *eolTable) distribution(_ int, node ast.Node) error {
	d := check.Distribution{Parts: 1}
	var releases ast.Node
	err := t.mapping(node, "a distribution", map[string]reader{
		"ids":      func(node ast.Node) error { return t.list(node, "ids", t.id(&d)) },
		"name":     t.textInto(&d.Name, "name"),
		"parts":    t.numberInto(&d.Parts, "parts"),
		"extended": t.textInto(&d.Extended, "extended"),
		"paid":     t.flagInto(&d.Paid, "paid"),
		"releases": func(node ast.Node) error { releases = node; return nil },
	})
	switch {
	case err != nil:
		return err
	case len(d.IDs) == 0 || d.Name == "" || releases == nil:
		return t.errorFor(node, "a distribution needs ids, name and releases", "")
	case d.Parts < 1 || d.Parts > 4:
		return t.errorFor(node, "parts is a number from 1 to 4", "")
	}
	err = t.list(releases, "releases", func(_ int, node ast.Node) error { return t.release(&d, node) })
	t.eol.Distributions = append(t.eol.Distributions, d)
	return err
}

// id reads one of a family's names.
func (t *eolTable) id(d *check.Distribution) func(int, ast.Node) error {
	return func(_ int, node ast.Node) error {
		var id string
		if err := t.textInto(&id, "an id")(node); err != nil {
			return err
		}
		if slices.Contains(t.ids, id) {
			return t.errorFor(node, "id "+id+" is named twice", "")
		}
		t.ids = append(t.ids, id)
		d.IDs = append(d.IDs, id)
		return nil
	}
}

// release reads one release's dates.
func (t *eolTable) release(d *check.Distribution, node ast.Node) error {
	var r check.Release
	err := t.mapping(node, "a release", map[string]reader{
		"version":        t.textInto(&r.Version, "version"),
		"until":          t.dateInto(&r.Until, "until"),
		"extended_until": t.dateInto(&r.ExtendedUntil, "extended_until"),
	})
	switch {
	case err != nil:
		return err
	case r.Version == "" || r.Until.IsZero():
		return t.errorFor(node, "a release needs version and until", "")
	case !r.ExtendedUntil.IsZero() && d.Extended == "":
		return t.errorFor(node, "extended_until needs the distribution to say what extended support is called", "")
	case r.ExtendedUntil.Before(r.Until) && !r.ExtendedUntil.IsZero():
		return t.errorFor(node, "extended_until lies before until", "")
	case slices.ContainsFunc(d.Releases, func(old check.Release) bool { return old.Version == r.Version }):
		return t.errorFor(node, fmt.Sprintf("release %s is written twice", r.Version), "")
	}
	d.Releases = append(d.Releases, r)
	return nil
}

// dateInto is a reader of a day, written 2006-01-02.
func (t *eolTable) dateInto(into *time.Time, what string) reader {
	return func(node ast.Node) error {
		text, err := t.scalar(node, what)
		if err != nil {
			return err
		}
		day, err := time.Parse(time.DateOnly, text)
		if err != nil {
			return t.errorFor(node, what+" must be a day like 2012-02-29", "")
		}
		*into = day
		return nil
	}
}

// flagInto is a reader of true or false.
func (t *eolTable) flagInto(into *bool, what string) reader {
	return func(node ast.Node) error {
		b, ok := node.(*ast.BoolNode)
		if !ok {
			return t.errorFor(node, what+" must be true or false", "")
		}
		*into = b.Value
		return nil
	}
}
