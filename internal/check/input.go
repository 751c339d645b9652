package check

import (
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/nightcall-sh/nightcall/internal/fact"
)

// An input is one named thing a check can look at: a fact, or what is derived
// from facts.
type input struct {
	name    string
	title   string       // for the reference, empty for plain facts
	value   reflect.Type // of the value
	needs   []string     // the facts it is made of
	derived bool
	read    func(Subject) observed
}

// observed is an input's value as it stands for one subject.
type observed struct {
	value  any
	state  fact.State
	source string
	reason string
	at     time.Time
}

// inputs holds every input by name.
var inputs = sync.OnceValue(func() map[string]input {
	all := factInputs()
	for _, in := range slices.Concat(derivedInputs(), deepInputs(), siteInputs()) {
		all[in.name] = in
	}
	return all
})

// factInputs makes an input of every field of a fact set. The names are those
// of its JSON, which are the facts' own.
func factInputs() map[string]input {
	all := make(map[string]input)
	set := reflect.TypeFor[fact.Set]()
	for i := range set.NumField() {
		name := jsonName(set.Field(i))
		value, _ := set.Field(i).Type.FieldByName("Value")
		all[name] = input{
			name: name, value: value.Type, needs: []string{name},
			read: func(s Subject) observed { return readFact(reflect.ValueOf(&s.Host.Facts).Elem().Field(i)) },
		}
	}
	return all
}

// readFact takes a fact.Observed apart.
func readFact(field reflect.Value) observed {
	return observed{
		value:  field.FieldByName("Value").Interface(),
		state:  field.FieldByName("State").Interface().(fact.State),
		source: field.FieldByName("Source").String(),
		reason: field.FieldByName("Reason").String(),
		at:     field.FieldByName("At").Interface().(time.Time),
	}
}

// derive makes an input out of a function over facts.
func derive[T any](name, title string, needs []string, read func(Subject) fact.Observed[T]) input {
	return input{
		name: name, title: title, value: reflect.TypeFor[T](), needs: needs, derived: true,
		read: func(s Subject) observed {
			o := read(s)
			return observed{value: o.Value, state: o.State, source: o.Source, reason: o.Reason, at: o.At}
		},
	}
}

// An Input describes what a check may name under facts, for the reference.
type Input struct {
	Name    string   `json:"name"`
	Title   string   `json:"title,omitempty"`
	Derived bool     `json:"derived"`
	Needs   []string `json:"needs"`  // the facts it is read from
	Fields  []Field  `json:"fields"` // those of one item, when it is a list
	List    bool     `json:"list"`
}

// A Field is one value of an input.
type Field struct {
	Name string `json:"name"` // dotted where it lies deeper
	Type string `json:"type"`
}

// Inputs describes every input, sorted by name.
func Inputs() []Input {
	var all []Input
	for _, in := range inputs() {
		t, list := in.value, false
		if t.Kind() == reflect.Slice {
			t, list = t.Elem(), true
		}
		all = append(all, Input{
			Name: in.name, Title: in.title, Derived: in.derived, Needs: in.needs, List: list, Fields: listFields("", t),
		})
	}
	slices.SortFunc(all, func(a, b Input) int { return strings.Compare(a.Name, b.Name) })
	return all
}

// listFields names the fields of a struct and of the structs in it.
func listFields(prefix string, t reflect.Type) []Field {
	if !isStruct(t) {
		return nil
	}
	var fields []Field
	for _, f := range fieldsOf(t) {
		name := prefix + f.name
		fields = append(fields, Field{name, describeType(f.value)})
		inner := f.value
		if inner.Kind() == reflect.Slice {
			inner = inner.Elem()
			name += "[]"
		}
		fields = append(fields, listFields(name+".", inner)...)
	}
	return fields
}

// Needs returns the facts under the named inputs, each once, in their order.
func Needs(names []string) []string {
	var needs []string
	for _, name := range names {
		for _, need := range inputs()[name].needs {
			if !slices.Contains(needs, need) {
				needs = append(needs, need)
			}
		}
	}
	return needs
}
