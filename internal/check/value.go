package check

import (
	"encoding"
	"reflect"
	"strings"
	"sync"
	"time"

	"github.com/expr-lang/expr/types"
)

var (
	timeType     = reflect.TypeFor[time.Time]()
	durationType = reflect.TypeFor[time.Duration]()
	textType     = reflect.TypeFor[encoding.TextMarshaler]()
)

// A field is one JSON field of a Go struct.
type field struct {
	name  string
	index int
	value reflect.Type
}

var fieldCache sync.Map // reflect.Type to []field

// fieldsOf lists the fields of a struct that have a JSON name.
func fieldsOf(t reflect.Type) []field {
	if cached, ok := fieldCache.Load(t); ok {
		return cached.([]field)
	}
	var fields []field
	for i := range t.NumField() {
		if f := t.Field(i); f.IsExported() {
			fields = append(fields, field{jsonName(f), i, f.Type})
		}
	}
	fieldCache.Store(t, fields)
	return fields
}

// jsonName is the name a struct field has in JSON.
func jsonName(f reflect.StructField) string {
	name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
	if name == "" {
		return f.Name
	}
	return name
}

// isStruct reports whether t is a struct that conditions see as fields, not as
// one value.
func isStruct(t reflect.Type) bool {
	return t.Kind() == reflect.Struct && t != timeType && !t.Implements(textType)
}

// typeOf is the type that conditions are checked against for a Go type: JSON
// names, one kind of integer, addresses as strings, times and durations as they
// are.
func typeOf(t reflect.Type) types.Type {
	switch {
	case t == timeType:
		return types.TypeOf(time.Time{})
	case t == durationType:
		return types.TypeOf(time.Duration(0))
	case t.Implements(textType):
		return types.String
	}
	switch t.Kind() {
	case reflect.Struct:
		fields := types.Map{}
		for _, f := range fieldsOf(t) {
			fields[f.name] = typeOf(f.value)
		}
		return fields
	case reflect.Slice:
		return types.Array(typeOf(t.Elem()))
	case reflect.Bool:
		return types.Bool
	case reflect.String:
		return types.String
	case reflect.Float64:
		return types.Float64
	default:
		return types.Int
	}
}

// describeType is a type's name in the reference.
func describeType(t reflect.Type) string {
	switch {
	case t == timeType:
		return "time"
	case t == durationType:
		return "duration"
	case t.Implements(textType):
		return "string"
	}
	switch t.Kind() {
	case reflect.Struct:
		return "object"
	case reflect.Slice:
		return "list of " + describeType(t.Elem())
	case reflect.Bool:
		return "boolean"
	case reflect.String:
		return "string"
	default:
		return "number"
	}
}

// valueOf turns a Go value into what conditions of typeOf its type expect.
func valueOf(v reflect.Value) any {
	t := v.Type()
	switch {
	case t == timeType, t == durationType:
		return v.Interface()
	case t.Implements(textType):
		text, err := v.Interface().(encoding.TextMarshaler).MarshalText()
		if err != nil {
			return ""
		}
		return string(text)
	}
	switch t.Kind() {
	case reflect.Struct:
		fields := make(map[string]any, t.NumField())
		for _, f := range fieldsOf(t) {
			fields[f.name] = valueOf(v.Field(f.index))
		}
		return fields
	case reflect.Slice:
		list := make([]any, v.Len())
		for i := range list {
			list[i] = valueOf(v.Index(i))
		}
		return list
	case reflect.Bool:
		return v.Bool()
	case reflect.String:
		return v.String()
	case reflect.Float64:
		return v.Float()
	default:
		return int(v.Int())
	}
}
