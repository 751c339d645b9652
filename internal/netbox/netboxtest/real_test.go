//go:build netbox

package netboxtest_test

import (
	"encoding/json"
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/nightcall-sh/nightcall/internal/netbox/netboxtest"
)

var record = flag.Bool("record", false, "write recorded.json anew")

// TestRealNetBoxAnswersAsRecorded plays the exchanges against the empty NetBox that
// scripts/netbox started.
func TestRealNetBoxAnswersAsRecorded(t *testing.T) {
	token, err := os.ReadFile(os.Getenv("NIGHTCALL_NETBOX_TOKEN_FILE"))
	if err != nil {
		t.Fatal(err)
	}
	url := os.Getenv("NIGHTCALL_NETBOX_URL")
	got := play(t, &netboxtest.Player{URL: url, Admin: strings.TrimSpace(string(token))}, url)
	if !*record {
		compare(t, got)
		return
	}
	var b strings.Builder
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	b.WriteString("[\n")
	for n, e := range got {
		if n > 0 {
			b.WriteString(",")
		}
		if err := encoder.Encode(e); err != nil {
			t.Fatal(err)
		}
	}
	b.WriteString("]\n")
	if err := os.WriteFile("recorded.json", []byte(b.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}
