package catalog

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"

	"github.com/nightcall-sh/nightcall/internal/check"
)

// Parse reads one check file. Errors are *Error and name file as the place.
func Parse(file string, text []byte) (check.Check, error) {
	doc, err := parse(file, text)
	if err != nil {
		return check.Check{}, err
	}
	f := checkFile{document: doc, parts: make(map[string]ast.Node)}
	if err := f.read(); err != nil {
		return check.Check{}, err
	}
	c, err := check.New(f.spec)
	if err != nil {
		return check.Check{}, f.locate(err)
	}
	return c, nil
}

// A checkFile is a check file on its way to a spec. It remembers where each
// part was written.
type checkFile struct {
	document
	spec  check.Spec
	parts map[string]ast.Node
}

func (f *checkFile) read() error {
	f.spec.Weight = check.DefaultWeight
	spec := &f.spec
	return f.mapping(f.root, "a check", map[string]reader{
		"check":      f.part("check", &spec.Name),
		"title":      f.part("title", &spec.Title),
		"business":   f.part("business", &spec.Business),
		"summary":    f.part("summary", &spec.Summary),
		"scope":      f.part("scope", &spec.Scope),
		"each":       f.part("each", &spec.Each),
		"critical":   f.part("critical", &spec.Critical),
		"warning":    f.part("warning", &spec.Warning),
		"unknown":    f.part("unknown", &spec.Unknown),
		"confidence": f.part("confidence", &spec.Confidence),
		"correction": f.part("correction", &spec.Correction),
		"weight":     f.noted("weight", f.numberInto(&spec.Weight, "weight")),
		"facts":      f.noted("facts", f.words("facts", &spec.Facts)),
		"evidence":   f.noted("evidence", f.evidence),
	})
}

// noted remembers the place of a part before reading it.
func (f *checkFile) noted(part string, read reader) reader {
	return func(node ast.Node) error {
		f.parts[part] = node
		return read(node)
	}
}

// part reads a text.
func (f *checkFile) part(part string, into *string) reader {
	return f.noted(part, f.textInto(into, part))
}

// words reads a list of texts.
func (f *checkFile) words(part string, into *[]string) reader {
	return func(node ast.Node) error {
		return f.list(node, part, func(i int, item ast.Node) error {
			var word string
			if err := f.part(fmt.Sprintf("%s[%d]", part, i), &word)(item); err != nil {
				return err
			}
			*into = append(*into, word)
			return nil
		})
	}
}

// evidence reads the list of proofs.
func (f *checkFile) evidence(node ast.Node) error {
	return f.list(node, "evidence", func(i int, item ast.Node) error {
		part := fmt.Sprintf("evidence[%d]", i)
		f.parts[part] = item
		var proof check.ProofSpec
		err := f.mapping(item, "an evidence", map[string]reader{
			"run":  f.part(part+".run", &proof.Run),
			"show": f.noted(part+".show", f.words(part+".show", &proof.Show)),
		})
		f.spec.Evidence = append(f.spec.Evidence, proof)
		return err
	})
}

// locate gives a mistake in a spec its place in the file.
func (f *checkFile) locate(err error) error {
	var wrong *check.SpecError
	if !errors.As(err, &wrong) {
		return err
	}
	node, written := f.parts[wrong.Part]
	if !written {
		return f.errorAt(1, 1, wrong.Part+" "+wrong.Message, wrong.Near)
	}
	line, column := f.place(node, wrong.Offset)
	return f.errorAt(line, column, wrong.Message, wrong.Near)
}

// place finds the character of a value that lies offset characters in. In a
// value of several lines or with escapes the characters cannot be counted, and
// the value's beginning has to do.
func (f *checkFile) place(node ast.Node, offset int) (line, column int) {
	if literal, ok := node.(*ast.LiteralNode); ok && strings.HasPrefix(literal.Start.Value, "|") {
		return f.placeInBlock(literal, offset)
	}
	at := position(node)
	t := node.GetToken()
	switch {
	case t.Type == token.StringType && !strings.Contains(strings.TrimSpace(t.Origin), "\n"):
		return at.Line, at.Column + offset
	case quotedPlainly(t):
		return at.Line, at.Column + 1 + offset
	}
	return at.Line, at.Column
}

// quotedPlainly reports whether what stands between the quotes is the value
// itself.
func quotedPlainly(t *token.Token) bool {
	if t.Type != token.SingleQuoteType && t.Type != token.DoubleQuoteType {
		return false
	}
	return strings.Contains(t.Origin, t.Value) && utf8.RuneCountInString(strings.TrimSpace(t.Origin)) == utf8.RuneCountInString(t.Value)+2
}

// placeInBlock finds a character in a literal block, whose lines all have the
// indentation of its first.
func (f *checkFile) placeInBlock(node *ast.LiteralNode, offset int) (line, column int) {
	at := position(node)
	runes := []rune(node.Value.Value)
	before := string(runes[:min(offset, len(runes))])
	down := strings.Count(before, "\n")
	across := utf8.RuneCountInString(before[strings.LastIndexByte(before, '\n')+1:])
	first := lineOf(f.text, at.Line+1)
	indent := len(first) - len(strings.TrimLeft(first, " "))
	return at.Line + 1 + down, indent + across + 1
}
