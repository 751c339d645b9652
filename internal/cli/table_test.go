package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"testing"

	"github.com/nightcall-sh/nightcall/internal/stdio"
)

func sampleTable(io stdio.Streams) *table {
	t := newTable(io, "HOST", "CLASS", "REASON")
	t.row("web1", "ok")
	t.row("結帳", "unreachable", "dial tcp: \x1b[31mrefused\x1b[0m\n")
	t.row("a", "partial", "tab\there", "one cell too many")
	return t
}

func TestTable(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		tty  bool
		want string
	}{
		{"terminal", true, "" +
			"HOST  CLASS        REASON\n" +
			"web1  ok\n" +
			"結帳  unreachable  dial tcp: \\x1b[31mrefused\\x1b[0m\\n\n" +
			"a     partial      tab here\n"},
		{"pipe", false, "" +
			"HOST\tCLASS\tREASON\n" +
			"web1\tok\t\n" +
			"結帳\tunreachable\tdial tcp: \\x1b[31mrefused\\x1b[0m\\n\n" +
			"a\tpartial\ttab here\n"},
	} {
		var out bytes.Buffer
		if err := sampleTable(stdio.Streams{Out: &out, OutTTY: tt.tty}).flush(); err != nil {
			t.Fatal(err)
		}
		if got := out.String(); got != tt.want {
			t.Errorf("%s: got\n%s\nwant\n%s", tt.name, got, tt.want)
		}
	}
}

func TestTableEmpty(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	if err := newTable(stdio.Streams{Out: &out, OutTTY: true}, "A", "B").flush(); err != nil {
		t.Fatal(err)
	}
	if got := out.String(); got != "A  B\n" {
		t.Errorf("got %q", got)
	}
}

// full is an output that takes nothing.
type full struct{}

var errFull = errors.New("no space")

func (full) Write([]byte) (int, error) { return 0, errFull }

func TestPrintingReportsTheOutput(t *testing.T) {
	t.Parallel()
	io := stdio.Streams{Out: full{}}
	for name, err := range map[string]error{
		"table": sampleTable(io).flush(),
		"JSON":  printJSON(io, "x"),
	} {
		if !errors.Is(err, errFull) {
			t.Errorf("%s: %v, want %v", name, err, errFull)
		}
	}
}

func TestPrintJSON(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	io := stdio.Streams{Out: &out}
	if err := printJSON(io, map[string]any{"name": "a<b>\u009b\x1b"}); err != nil {
		t.Fatal(err)
	}
	want := "{\n  \"name\": \"a<b>\\u009b\\u001b\"\n}\n"
	if out.String() != want {
		t.Errorf("got %q, want %q", out.String(), want)
	}
	out.Reset()
	if err := printJSONLine(io, []int{1, 2}); err != nil || out.String() != "[1,2]\n" {
		t.Errorf("line: %q, %v", out.String(), err)
	}
	var unsupported *json.UnsupportedTypeError
	if err := printJSON(io, make(chan int)); !errors.As(err, &unsupported) {
		t.Errorf("a channel: %v", err)
	}
}
