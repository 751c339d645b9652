package check

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/expr-lang/expr/types"
)

// keyer is what the items of a list must be, so that a finding can name one.
type keyer interface{ Key() string }

var keyerType = reflect.TypeFor[keyer]()

// A scope is the names that the texts and conditions of one check may use: the
// fields of the item it judges, then the inputs it lists, and the host's name.
type scope struct {
	names map[string]reflect.Type
	item  reflect.Type // nil when the check judges the host as a whole
}

// newScope collects the names of a check. The inputs are known to exist.
func newScope(listed []string, item reflect.Type) scope {
	names := map[string]reflect.Type{"host": reflect.TypeFor[string]()}
	for _, name := range listed {
		names[name] = inputs()[name].value
	}
	if item != nil {
		names["key"] = reflect.TypeFor[string]()
		for _, f := range fieldsOf(item) {
			names[f.name] = f.value
		}
	}
	return scope{names, item}
}

// env is the scope as the type that conditions are compiled against.
func (s scope) env() types.Map {
	env := types.Map{
		"days_until": types.TypeOf(func(time.Time) float64 { return 0 }),
		"days_since": types.TypeOf(func(time.Time) float64 { return 0 }),
	}
	for name, t := range s.names {
		env[name] = typeOf(t)
	}
	return env
}

// A nameError is a name that a scope does not have.
type nameError struct {
	message string
	near    string
	part    int // which part of the dotted path is wrong
}

func (e *nameError) Error() string { return e.message }

// resolve finds the type behind a dotted path.
func (s scope) resolve(path string) (reflect.Type, *nameError) {
	first, rest, _ := strings.Cut(path, ".")
	t, ok := s.names[first]
	if !ok {
		return nil, s.unknownName(first)
	}
	return resolveIn(first, t, rest)
}

// resolveIn follows the rest of a dotted path into a type.
func resolveIn(walked string, t reflect.Type, rest string) (reflect.Type, *nameError) {
	for part := 1; rest != ""; part++ {
		var name string
		name, rest, _ = strings.Cut(rest, ".")
		if !isStruct(t) {
			return nil, &nameError{message: fmt.Sprintf("%s is a %s and has no field %s", walked, describeType(t), name), part: part}
		}
		next := fieldNamed(t, name)
		if next == nil {
			return nil, &nameError{fmt.Sprintf("unknown field %s of %s", name, walked), Nearest(name, fieldNames(t)), part}
		}
		t, walked = next, walked+"."+name
	}
	return t, nil
}

// unknownName says why a name is not there: perhaps it only needs listing.
func (s scope) unknownName(name string) *nameError {
	if in, ok := inputs()[name]; ok {
		kind := "fact"
		if in.derived {
			kind = "derived fact"
		}
		return &nameError{message: fmt.Sprintf("%s %s is used but not listed under facts", kind, name)}
	}
	known := slices.Collect(maps.Keys(s.names))
	return &nameError{message: "unknown name " + name, near: Nearest(name, known)}
}

func fieldNamed(t reflect.Type, name string) reflect.Type {
	for _, f := range fieldsOf(t) {
		if f.name == name {
			return f.value
		}
	}
	return nil
}

func fieldNames(t reflect.Type) []string {
	var names []string
	for _, f := range fieldsOf(t) {
		names = append(names, f.name)
	}
	return names
}

// itemType finds the type of the items that a check judges one by one.
func itemType(path string, listed []string) (reflect.Type, *nameError) {
	t, err := newScope(listed, nil).resolve(path)
	if err != nil {
		return nil, err
	}
	if t.Kind() != reflect.Slice {
		return nil, &nameError{message: fmt.Sprintf("%s is a %s, not a list", path, describeType(t))}
	}
	if !t.Elem().Implements(keyerType) || !isStruct(t.Elem()) {
		return nil, &nameError{message: fmt.Sprintf("the items of %s have no name to tell them apart", path)}
	}
	return t.Elem(), nil
}
