package check

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
)

// A Spec is a check as its author wrote it. docs/catalogue.md tells what each
// part means.
type Spec struct {
	Name       string      `json:"check"`
	Title      string      `json:"title"`
	Business   string      `json:"business"`
	Summary    string      `json:"summary"`
	Scope      string      `json:"scope"`
	Weight     int         `json:"weight"`
	Facts      []string    `json:"facts"`
	Each       string      `json:"each,omitempty"`
	Critical   string      `json:"critical,omitempty"`
	Warning    string      `json:"warning,omitempty"`
	Unknown    string      `json:"unknown,omitempty"`
	Confidence string      `json:"confidence"`
	Evidence   []ProofSpec `json:"evidence"`
	Correction string      `json:"correction,omitempty"` // the name of what would put it right
}

// A ProofSpec is where a person sees the same again, and what to show of it.
type ProofSpec struct {
	Run  string   `json:"run"`
	Show []string `json:"show"`
}

// ScopeHost is a check that looks at one host by itself.
const ScopeHost = "host"

// DefaultWeight is the weight of a check that names none.
const DefaultWeight = 50

// maxEvidence bounds the proofs of one check.
const maxEvidence = 8

// A SpecError says which part of a spec is wrong, and where in it.
type SpecError struct {
	Part    string // "critical", "facts[2]", "evidence[0].show[1]"
	Offset  int    // runes into the part's text
	Message string
	Near    string // the name that was probably meant; may be empty
}

func (e *SpecError) Error() string {
	text := e.Part + ": " + e.Message
	if e.Near != "" {
		text += ", did you mean " + e.Near + "?"
	}
	return text
}

// A Check is a compiled Spec.
type Check struct {
	Spec Spec

	critical, warning, unknown *condition
	business, summary          template
	confidence                 template
	evidence                   []proof
	uses                       []string // the inputs whose values are needed
}

// proof is a compiled ProofSpec.
type proof struct {
	run  template
	show []piece
}

// New compiles a spec. The error is a *SpecError.
func New(spec Spec) (Check, error) {
	if spec.Scope == "" {
		spec.Scope = ScopeHost
	}
	if spec.Confidence == "" {
		spec.Confidence = string(Certain)
	}
	if err := checkWords(spec); err != nil {
		return Check{}, err
	}
	b := builder{check: Check{Spec: spec}}
	b.names()
	b.conditions()
	b.texts()
	b.proofs()
	if b.err != nil {
		return Check{}, b.err
	}
	return b.check, nil
}

// checkWords holds what needs no compiling against its rules.
func checkWords(spec Spec) error {
	switch {
	case !plainName(spec.Name):
		return &SpecError{Part: "check", Message: "a name is made of a-z, 0-9 and -, and begins with a letter"}
	case spec.Title == "":
		return &SpecError{Part: "title", Message: "is missing"}
	case spec.Business == "":
		return &SpecError{Part: "business", Message: "is missing: one plain sentence for people who are not technicians"}
	case spec.Summary == "":
		return &SpecError{Part: "summary", Message: "is missing: one technical sentence with the numbers"}
	case spec.Scope != ScopeHost:
		return &SpecError{Part: "scope", Message: "unknown scope " + spec.Scope, Near: Nearest(spec.Scope, []string{ScopeHost})}
	case spec.Weight < 0 || spec.Weight > 100:
		return &SpecError{Part: "weight", Message: "is a number from 0 to 100"}
	case len(spec.Facts) == 0:
		return &SpecError{Part: "facts", Message: "is missing: what does the check look at?"}
	case spec.Critical == "" && spec.Warning == "" && spec.Unknown == "":
		return &SpecError{Part: "critical", Message: "a check needs a critical, warning or unknown condition"}
	case len(spec.Evidence) == 0:
		return &SpecError{Part: "evidence", Message: "is missing: what would a person type to see it?"}
	case spec.Correction != "" && correctors[spec.Correction] == nil:
		names := slices.Collect(maps.Keys(correctors))
		return &SpecError{Part: "correction", Message: "unknown correction " + spec.Correction, Near: Nearest(spec.Correction, names)}
	case len(spec.Evidence) > maxEvidence:
		return &SpecError{Part: "evidence", Message: fmt.Sprintf("at most %d proofs are accepted", maxEvidence)}
	}
	return nil
}

// plainName reports whether a check's name is a file name everywhere and needs
// no quoting anywhere.
func plainName(name string) bool {
	if name == "" || len(name) > 64 || name[0] < 'a' || name[0] > 'z' {
		return false
	}
	return strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789-") == ""
}

// A builder compiles a spec part by part and stops at the first mistake.
type builder struct {
	check Check
	scope scope
	err   error
}

func (b *builder) fail(part string, err *sourceError) {
	b.err = &SpecError{Part: part, Offset: err.offset, Message: err.message, Near: err.near}
}

// names resolves the inputs and the list.
func (b *builder) names() {
	spec := b.check.Spec
	for i, name := range spec.Facts {
		if _, ok := inputs()[name]; !ok {
			b.err = &SpecError{Part: fmt.Sprintf("facts[%d]", i), Message: "unknown fact " + name, Near: Nearest(name, inputNames())}
			return
		}
		if slices.Contains(spec.Facts[:i], name) {
			b.err = &SpecError{Part: fmt.Sprintf("facts[%d]", i), Message: "fact " + name + " is listed twice"}
			return
		}
	}
	var item reflect.Type
	if spec.Each != "" {
		t, err := itemType(spec.Each, spec.Facts)
		if err != nil {
			b.err = &SpecError{Part: "each", Message: err.message, Near: err.near}
			return
		}
		item = t
	}
	b.scope = newScope(spec.Facts, item)
}

func inputNames() []string {
	var names []string
	for name := range inputs() {
		names = append(names, name)
	}
	return names
}

// conditions compiles the three of them.
func (b *builder) conditions() {
	for _, part := range []struct {
		name, text string
		into       **condition
	}{
		{"critical", b.check.Spec.Critical, &b.check.critical},
		{"warning", b.check.Spec.Warning, &b.check.warning},
		{"unknown", b.check.Spec.Unknown, &b.check.unknown},
	} {
		if b.err != nil || part.text == "" {
			continue
		}
		c, err := compile(part.text, b.scope)
		if err != nil {
			b.fail(part.name, err)
			return
		}
		*part.into = c
		b.use(c.uses)
	}
}

// texts compiles the sentences.
func (b *builder) texts() {
	b.check.business = b.template("business", b.check.Spec.Business)
	b.check.summary = b.template("summary", b.check.Spec.Summary)
	b.check.confidence = b.template("confidence", b.check.Spec.Confidence)
	if b.err != nil || len(b.check.confidence.uses()) > 0 {
		return
	}
	if _, err := parseConfidence(b.check.Spec.Confidence); err != nil {
		b.err = &SpecError{
			Part: "confidence", Message: err.Error(),
			Near: Nearest(b.check.Spec.Confidence, []string{string(Certain), string(Probable), string(Possible)}),
		}
	}
}

func (b *builder) template(part, text string) template {
	if b.err != nil {
		return nil
	}
	t, err := parseTemplate(text, b.scope)
	if err != nil {
		b.fail(part, err)
		return nil
	}
	b.use(t.uses())
	return t
}

// proofs compiles the evidence.
func (b *builder) proofs() {
	for i, spec := range b.check.Spec.Evidence {
		part := fmt.Sprintf("evidence[%d]", i)
		if spec.Run == "" && b.err == nil {
			b.err = &SpecError{Part: part, Message: "run is missing: the command a person would type"}
		}
		p := proof{run: b.template(part+".run", spec.Run)}
		for j, place := range spec.Show {
			if b.err != nil {
				return
			}
			shown, err := parsePlace(place, b.scope)
			if err != nil {
				b.fail(fmt.Sprintf("%s.show[%d]", part, j), err)
				return
			}
			b.use(template{shown}.uses())
			p.show = append(p.show, shown)
		}
		b.check.evidence = append(b.check.evidence, p)
	}
}

// use remembers which inputs the judge has to convert. A field of the item
// hides an input of the same name.
func (b *builder) use(names []string) {
	for _, name := range names {
		hidden := b.scope.item != nil && fieldNamed(b.scope.item, name) != nil
		if slices.Contains(b.check.Spec.Facts, name) && !hidden && !slices.Contains(b.check.uses, name) {
			b.check.uses = append(b.check.uses, name)
		}
	}
}
