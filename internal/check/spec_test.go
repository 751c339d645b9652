package check

import (
	"errors"
	"reflect"
	"strings"
	"testing"
)

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(*Spec)
		part   string
		offset int
		says   string
		near   string
	}{
		"name":                  {func(s *Spec) { s.Name = "Full Disk" }, "check", 0, "a name is made of", ""},
		"path as name":          {func(s *Spec) { s.Name = "../full" }, "check", 0, "a name is made of", ""},
		"no title":              {func(s *Spec) { s.Title = "" }, "title", 0, "missing", ""},
		"no business":           {func(s *Spec) { s.Business = "" }, "business", 0, "missing", ""},
		"no summary":            {func(s *Spec) { s.Summary = "" }, "summary", 0, "missing", ""},
		"no facts":              {func(s *Spec) { s.Facts = nil }, "facts", 0, "missing", ""},
		"no condition":          {func(s *Spec) { s.Critical, s.Warning = "", "" }, "critical", 0, "needs a critical", ""},
		"no evidence":           {func(s *Spec) { s.Evidence = nil }, "evidence", 0, "missing", ""},
		"no command":            {func(s *Spec) { s.Evidence[0].Run = "" }, "evidence[0]", 0, "run is missing", ""},
		"scope":                 {func(s *Spec) { s.Scope = "hosts" }, "scope", 0, "unknown scope hosts", "host"},
		"weight":                {func(s *Spec) { s.Weight = 101 }, "weight", 0, "0 to 100", ""},
		"unknown fact":          {func(s *Spec) { s.Facts = append(s.Facts, "filesystem") }, "facts[1]", 0, "unknown fact filesystem", "filesystems"},
		"fact twice":            {func(s *Spec) { s.Facts = append(s.Facts, "filesystems") }, "facts[1]", 0, "listed twice", ""},
		"each of no list":       {func(s *Spec) { s.Facts, s.Each = []string{"memory"}, "memory" }, "each", 0, "memory is a object, not a list", ""},
		"each without names":    {func(s *Spec) { s.Facts, s.Each = []string{"dns"}, "dns.servers" }, "each", 0, "no name to tell them apart", ""},
		"each not listed":       {func(s *Spec) { s.Each = "services" }, "each", 0, "fact services is used but not listed", ""},
		"each misspelt":         {func(s *Spec) { s.Facts, s.Each = []string{"sockets"}, "sockets.listener" }, "each", 0, "unknown field listener of sockets", "listeners"},
		"misspelt field":        {func(s *Spec) { s.Critical = "used_percnt >= 95" }, "critical", 0, "unknown name used_percnt", "used_percent"},
		"field further in":      {func(s *Spec) { s.Critical = "read_only or\n  used_pct > 3" }, "critical", 15, "unknown name used_pct", "used_percent"},
		"field of a fact":       {func(s *Spec) { s.Facts = append(s.Facts, "memory"); s.Critical = "memory.totl > 3" }, "critical", 7, "unknown field totl of memory", "total"},
		"field of a field":      {func(s *Spec) { s.Critical = "mount.name == 'x'" }, "critical", 6, "mount is a string and has no field name", ""},
		"fact not listed":       {func(s *Spec) { s.Critical = "used_percent > load.one" }, "critical", 15, "fact load is used but not listed under facts", ""},
		"derived not listed":    {func(s *Spec) { s.Critical = "skew.least > duration('1s')" }, "critical", 0, "derived fact skew is used but not listed", ""},
		"function":              {func(s *Spec) { s.Critical = "available < Gib(2)" }, "critical", 12, "unknown function Gib", "GiB"},
		"clock":                 {func(s *Spec) { s.Critical = "now().Year() > 2020" }, "critical", 0, "", ""},
		"repeat":                {func(s *Spec) { s.Critical = "len(repeat(mount, 1000000)) > 0" }, "critical", 4, "function repeat is not available", ""},
		"method":                {func(s *Spec) { s.Facts = append(s.Facts, "boot"); s.Critical = "boot.at.IsZero()" }, "critical", 0, "values have no methods", ""},
		"nested predicates":     {func(s *Spec) { s.Critical = "any(filesystems, any(filesystems, true))" }, "critical", 17, "any inside another function", ""},
		"range":                 {func(s *Spec) { s.Critical = "len(1..100000000) > 0" }, "critical", 0, "operator .. is not accepted", ""},
		"division":              {func(s *Spec) { s.Critical = "available / size < 1" }, "critical", 0, "division is written ratio", ""},
		"power":                 {func(s *Spec) { s.Critical = "size ** size > 1" }, "critical", 0, "operator ** is not accepted", ""},
		"no question":           {func(s *Spec) { s.Critical = "used_percent" }, "critical", 0, "expected bool", ""},
		"types":                 {func(s *Spec) { s.Critical = "mount > 3" }, "critical", 6, "invalid operation", ""},
		"syntax":                {func(s *Spec) { s.Critical = "used_percent >=" }, "critical", 0, "unexpected token", ""},
		"variable":              {func(s *Spec) { s.Critical = "let x = 1; x > 0" }, "critical", 0, "not accepted in a condition", ""},
		"item field in closure": {func(s *Spec) { s.Critical = "any(filesystems, .used_pct > 3)" }, "critical", 0, "unknown field used_pct", ""},
		"too long":              {func(s *Spec) { s.Critical = strings.Repeat(" ", maxCondition) + "true" }, "critical", 0, "at most", ""},
		"too many nodes":        {func(s *Spec) { s.Critical = strings.Repeat("not ", 300) + "true" }, "critical", 0, "", ""},
		"bytes":                 {func(s *Spec) { s.Critical = "mount == '\xff'" }, "critical", 0, "not valid UTF-8", ""},
		"unknown condition":     {func(s *Spec) { s.Unknown = "nothing" }, "unknown", 0, "unknown name nothing", ""},
		"text name":             {func(s *Spec) { s.Summary = "ä {mont} is full" }, "summary", 3, "unknown name mont", "mount"},
		"text field":            {func(s *Spec) { s.Facts = append(s.Facts, "memory"); s.Business = "{memory.totl}" }, "business", 8, "unknown field totl of memory", "total"},
		"text format":           {func(s *Spec) { s.Summary = "{size:byte}" }, "summary", 6, "unknown format byte", "bytes"},
		"text format and type":  {func(s *Spec) { s.Summary = "{mount:bytes}" }, "summary", 7, "format bytes does not fit a string", ""},
		"text object":           {func(s *Spec) { s.Summary = "{filesystems}" }, "summary", 1, "name one of its fields", ""},
		"text open":             {func(s *Spec) { s.Summary = "awk '{print'" }, "summary", 5, "{ without }", ""},
		"run name":              {func(s *Spec) { s.Evidence[0].Run = "df {mountpoint}" }, "evidence[0].run", 4, "unknown name mountpoint", ""},
		"show name":             {func(s *Spec) { s.Evidence[0].Show = []string{"mount", "sise"} }, "evidence[0].show[1]", 0, "unknown name sise", "size"},
		"confidence":            {func(s *Spec) { s.Confidence = "probably" }, "confidence", 0, "want one of certain", "probable"},
		"confidence name":       {func(s *Spec) { s.Confidence = "{trust}" }, "confidence", 1, "unknown name trust", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			spec := full()
			c.change(&spec)
			_, err := New(spec)
			var wrong *SpecError
			if !errors.As(err, &wrong) {
				t.Fatalf("error %v", err)
			}
			if wrong.Part != c.part || !strings.Contains(wrong.Message, c.says) || c.near != wrong.Near {
				t.Errorf("got %s at %d, near %q: %s", wrong.Part, wrong.Offset, wrong.Near, wrong.Message)
			}
			if c.offset > 0 && wrong.Offset != c.offset {
				t.Errorf("offset %d, want %d: %s", wrong.Offset, c.offset, wrong.Message)
			}
		})
	}
}

func TestNewNamesTheNearest(t *testing.T) {
	t.Parallel()
	spec := full()
	spec.Critical = "used_percnt >= 95"
	_, err := New(spec)
	if want := "critical: unknown name used_percnt, did you mean used_percent?"; err == nil || err.Error() != want {
		t.Errorf("error %v", err)
	}
}

func TestNearest(t *testing.T) {
	t.Parallel()
	names := []string{"filesystems", "firewall", "memory", "os"}
	for word, want := range map[string]string{
		"filesystem": "filesystems", "memroy": "memory", "firewal": "firewall", "banana": "", "o": "os",
		strings.Repeat("x", 1000): "",
	} {
		if got := Nearest(word, names); got != want {
			t.Errorf("%.20q: %q, want %q", word, got, want)
		}
	}
}

func FuzzTemplate(f *testing.F) {
	for _, text := range []string{"{mount}", "{{x}", "{size:bytes} {", "{mount.x}", "{:}", "{}", "{a.b.c:d}", "}{"} {
		f.Add(text)
	}
	s := newScope([]string{"filesystems", "memory"}, itemOf(f, "filesystems"))
	f.Fuzz(func(t *testing.T, text string) {
		parsed, err := parseTemplate(text, s)
		if err != nil {
			if err.offset < 0 || err.offset > len([]rune(text)) {
				t.Errorf("%q: offset %d", text, err.offset)
			}
			return
		}
		if got := parsed.words(map[string]any{}); len(parsed.uses()) == 0 && strings.ReplaceAll(text, "{{", "{") != got {
			t.Errorf("%q became %q", text, got)
		}
	})
}

func FuzzCondition(f *testing.F) {
	for _, text := range []string{
		"used_percent >= 95", "any(filesystems, .mount == '/')", "ratio(1, 0) > 1", "memory.total in [1, 2]",
		"mount matches '('", "not not not true", "filesystems[9].size > 0", "lower(mount) contains 'x' ? true : false",
	} {
		f.Add(text)
	}
	s := newScope([]string{"filesystems", "memory"}, itemOf(f, "filesystems"))
	f.Fuzz(func(t *testing.T, text string) {
		c, err := compile(text, s)
		if err != nil {
			if err.offset < 0 || err.message == "" {
				t.Errorf("%q: offset %d, message %q", text, err.offset, err.message)
			}
			return
		}
		if _, err := c.holds(map[string]any{"host": "x"}); err != nil && err.Error() == "" {
			t.Errorf("%q: an error without words", text)
		}
	})
}

// itemOf is the type of the items of a list.
func itemOf(t testing.TB, path string) reflect.Type {
	t.Helper()
	item, err := itemType(path, []string{path})
	if err != nil {
		t.Fatal(err)
	}
	return item
}
