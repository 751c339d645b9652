package catalog

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"

	"github.com/nightcall-sh/nightcall/internal/check"
	"github.com/nightcall-sh/nightcall/internal/plain"
)

// A document is a YAML file taken apart by hand. Only plain mappings, lists and
// scalars are accepted: no anchors, tags or second documents, which a check
// does not need and which hide what a file says.
type document struct {
	file string
	text []byte
	root *ast.MappingNode
}

// parse reads the file's outer mapping.
func parse(file string, text []byte) (doc document, err error) {
	text = bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n"))
	doc = document{file: file, text: text}
	if before, _, found := bytes.Cut(text, []byte("\r")); found {
		return doc, doc.errorAt(bytes.Count(before, []byte("\n"))+1, 1, "a carriage return without a line feed", "")
	}
	defer func() {
		// The YAML parser has panicked on malformed input before; a bad file of
		// one user must not end the program.
		if p := recover(); p != nil {
			err = doc.errorAt(1, 1, "not a YAML file that can be read", "")
		}
	}()
	parsed, err := parser.ParseBytes(text, 0)
	if err != nil {
		return doc, doc.syntaxError(err)
	}
	if len(parsed.Docs) == 0 || parsed.Docs[0].Body == nil {
		return doc, doc.errorAt(1, 1, "the file is empty", "")
	}
	if len(parsed.Docs) > 1 {
		return doc, doc.errorAt(1, 1, "one file holds one document", "")
	}
	root, ok := parsed.Docs[0].Body.(*ast.MappingNode)
	if !ok {
		return doc, doc.errorFor(parsed.Docs[0].Body, "the file must be a list of key: value", "")
	}
	doc.root = root
	return doc, nil
}

// syntaxError takes the place out of the parser's own error.
func (d document) syntaxError(err error) error {
	var y yaml.Error
	if errors.As(err, &y) && y.GetToken() != nil && y.GetToken().Position != nil {
		at := y.GetToken().Position
		return d.errorAt(at.Line, at.Column, y.GetMessage(), "")
	}
	return d.errorAt(1, 1, err.Error(), "")
}

func (d document) errorAt(line, column int, message, near string) error {
	return &Error{File: d.file, Line: line, Column: column, Message: message, Near: near, Text: lineOf(d.text, line)}
}

func (d document) errorFor(node ast.Node, message, near string) error {
	line, column := 1, 1
	if at := position(node); at != nil {
		line, column = at.Line, at.Column
	}
	return d.errorAt(line, column, message, near)
}

// position is where a node begins. A mapping's own token is its first colon.
func position(node ast.Node) *token.Position {
	if m, ok := node.(*ast.MappingNode); ok && len(m.Values) > 0 && !m.IsFlowStyle {
		return position(m.Values[0].Key)
	}
	if t := node.GetToken(); t != nil {
		return t.Position
	}
	return nil
}

// A reader takes one known key's value.
type reader func(ast.Node) error

// mapping hands the values of a mapping to the readers of their keys. A key
// without a reader and a key written twice are errors.
func (d document) mapping(node ast.Node, what string, known map[string]reader) error {
	m, ok := node.(*ast.MappingNode)
	if !ok {
		return d.errorFor(node, what+" must be a list of key: value", "")
	}
	var seen []string
	for _, pair := range m.Values {
		key, err := d.scalar(pair.Key, "a key")
		if err != nil {
			return err
		}
		read, ok := known[key]
		switch {
		case !ok:
			return d.errorFor(pair.Key, "unknown key "+quoted(key), check.Nearest(key, keys(known)))
		case slices.Contains(seen, key):
			return d.errorFor(pair.Key, "key "+key+" is written twice", "")
		}
		seen = append(seen, key)
		if err := read(pair.Value); err != nil {
			return err
		}
	}
	return nil
}

func keys(known map[string]reader) []string {
	var names []string
	for name := range known {
		names = append(names, name)
	}
	return names
}

// quoted shows a key that may hold anything.
func quoted(key string) string {
	return plain.Clip(key, 60)
}

// scalar reads a value that is one text, number or date, as it was written.
func (d document) scalar(node ast.Node, what string) (string, error) {
	switch n := node.(type) {
	case *ast.StringNode:
		return n.Value, nil
	case *ast.LiteralNode:
		return strings.TrimSuffix(n.Value.Value, "\n"), nil
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode:
		return n.GetToken().Value, nil
	case nil:
		return "", d.errorAt(1, 1, what+" is missing", "")
	}
	return "", d.errorFor(node, what+" must be a text", "")
}

// text is a reader of a scalar that must not be empty.
func (d document) textInto(into *string, what string) reader {
	return func(node ast.Node) error {
		value, err := d.scalar(node, what)
		if err != nil {
			return err
		}
		if strings.TrimSpace(value) == "" {
			return d.errorFor(node, what+" is empty", "")
		}
		*into = value
		return nil
	}
}

// numberInto is a reader of a whole number.
func (d document) numberInto(into *int, what string) reader {
	return func(node ast.Node) error {
		n, ok := node.(*ast.IntegerNode)
		if !ok {
			return d.errorFor(node, what+" must be a whole number", "")
		}
		if _, err := fmt.Sscan(n.GetToken().Value, into); err != nil {
			return d.errorFor(node, what+" must be a whole number", "")
		}
		return nil
	}
}

// list hands each item of a list to read.
func (d document) list(node ast.Node, what string, read func(int, ast.Node) error) error {
	s, ok := node.(*ast.SequenceNode)
	if !ok {
		return d.errorFor(node, what+" must be a list", "")
	}
	for i, item := range s.Values {
		if err := read(i, item); err != nil {
			return err
		}
	}
	return nil
}
