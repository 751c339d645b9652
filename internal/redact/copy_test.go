package redact_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/nightcall-sh/nightcall/internal/redact"
)

// A stream is masked as the same text in one piece, wherever it is cut.
func TestCopy(t *testing.T) {
	t.Parallel()
	key := "-----BEGIN PRIVATE KEY-----\n" + strings.Repeat("hunter2hunter2hunter2\n", 100) + "-----END PRIVATE KEY-----\n"
	for _, before := range []int{0, 1<<20 - 1500, 1<<20 - 30, 1<<20 - 5, 1 << 20} {
		filler := strings.Repeat("x", 99) + "\n"
		text := strings.Repeat(filler, before/100) + strings.Repeat("y", before%100) + "\n" + key + "password=hunter2\r\n\x00\xff no end"
		var out bytes.Buffer
		if err := redact.New("no end").Copy(&out, iotest.HalfReader(strings.NewReader(text))); err != nil {
			t.Fatal(err)
		}
		if want := redact.New("no end").Text(text); out.String() != want {
			t.Errorf("%d bytes before the key: %d bytes, want %d", before, out.Len(), len(want))
		}
		if strings.Contains(out.String(), "hunter2") {
			t.Errorf("%d bytes before the key: the secret is there", before)
		}
	}
}

func TestFound(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		in   string
		want []string
	}{
		{"password=Hunter2xyz user=a token=Abc-123-def", []string{"Hunter2xyz", "Abc-123-def"}},
		{"password=changeit", nil}, // a word of any text
		{"password=x1", nil},
		{"mysql -pHunter2xyz shop", []string{"Hunter2xyz"}},
		{"nothing", nil},
	} {
		got := slices.Compact(slices.Sorted(slices.Values(redact.Found(c.in))))
		want := slices.Sorted(slices.Values(c.want))
		if !slices.Equal(got, want) {
			t.Errorf("Found(%q) = %q, want %q", c.in, got, want)
		}
	}
}
