package netboxtest_test

import (
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nightcall-sh/nightcall/internal/netbox/netboxtest"
)

// play sends every request and returns what came back, without the server's own
// address.
func play(t *testing.T, p *netboxtest.Player, url string) []netboxtest.Exchange {
	t.Helper()
	list := exchanges()
	for i := range list {
		status, reply, err := p.Play(list[i])
		if err != nil {
			t.Fatalf("%s: %v", list[i].Name, err)
		}
		list[i].Status = status
		if strings.HasPrefix(strings.TrimSpace(string(reply)), "<") {
			reply = nil // a page for people
		}
		list[i].Reply = clean(t, reply, url)
	}
	return list
}

var moments = regexp.MustCompile(`\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d\.\d+Z)?`)

var secrets = regexp.MustCompile(`"(key|token|hostname|email)":"[^"]*"`)

// clean takes out of a reply what is nobody's business, and what is long and of no
// use to us: how each field may be sent.
func clean(t *testing.T, reply []byte, url string) json.RawMessage {
	t.Helper()
	reply = []byte(secrets.ReplaceAllString(strings.ReplaceAll(string(reply), url, "https://netbox.example"), `"$1":"x"`))
	reply = moments.ReplaceAll(reply, []byte("2026-01-01T00:00"))
	var options map[string]any
	if json.Unmarshal(reply, &options) != nil || options["actions"] == nil || options["renders"] == nil {
		return reply
	}
	actions := options["actions"].(map[string]any)
	for method := range actions {
		actions[method] = map[string]any{}
	}
	reply, err := json.Marshal(options)
	if err != nil {
		t.Fatal(err)
	}
	return reply
}

// TestServerAnswersAsRecorded holds the server in memory to what a real NetBox
// answered.
func TestServerAnswersAsRecorded(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(netboxtest.New())
	t.Cleanup(server.Close)
	compare(t, play(t, &netboxtest.Player{URL: server.URL, Admin: netboxtest.AdminToken}, server.URL))
}

// compare holds replies to the recorded ones.
func compare(t *testing.T, got []netboxtest.Exchange) {
	t.Helper()
	want := netboxtest.Recorded()
	if len(want) != len(got) {
		t.Fatalf("%d exchanges are recorded and %d are played: scripts/netbox record", len(want), len(got))
	}
	for i := range got {
		if want[i].Name != got[i].Name || want[i].Status != got[i].Status {
			t.Errorf("%s: status %d, recorded is %s: %d; %s", got[i].Name, got[i].Status, want[i].Name, want[i].Status, got[i].Reply)
			continue
		}
		if strings.HasPrefix(got[i].Path, "users/") {
			continue // how an administrator lets somebody in is no business of our client
		}
		if diff := cmp.Diff(comparable(want[i].Reply), comparable(got[i].Reply)); diff != "" {
			t.Errorf("%s: -recorded +told\n%s", got[i].Name, diff)
		}
	}
}

// passing are fields that differ from run to run, or that count what is elsewhere.
var passing = regexp.MustCompile(`^(id|url|display_url|created|last_updated|created_by|key|token|last_used|date_joined|image|next|previous|parent_object_id|assigned_object_id|object_id|scope_id|count_.*|.*_count|tagged_items|POST|PUT|_depth|username|hostname|date_joined|display_name|last_login|first_name|is_primary)$`)

var numbers = regexp.MustCompile(`\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d|ID \d+|pk "\d+"|/\d+/|\(\d+\)`)

// comparable is a reply without what may differ; what only its presence tells is
// kept as that.
func comparable(reply json.RawMessage) any {
	var value any
	if json.Unmarshal(reply, &value) != nil {
		return string(reply)
	}
	return stripped(value)
}

// sorted is a list whose order means nothing.
func sorted(value any) any {
	list, _ := value.([]any)
	slices.SortFunc(list, func(a, b any) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
	return list
}

func stripped(value any) any {
	switch v := value.(type) {
	case map[string]any:
		for name, field := range v {
			switch {
			case passing.MatchString(name):
				v[name] = field != nil
			case name == "object_types" || name == "permissions":
				v[name] = sorted(stripped(field))
			default:
				v[name] = stripped(field)
			}
		}
	case []any:
		for i := range v {
			v[i] = stripped(v[i])
		}
	case string:
		return numbers.ReplaceAllString(v, "N")
	}
	return value
}
