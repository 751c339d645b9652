package netbox

import (
	"slices"
	"strings"
	"testing"

	"github.com/nightcall-sh/nightcall/internal/inventory"
)

// A tag goes when its check found nothing, and stays when nobody could say.
func TestFindingsStayUntilTheyAreFine(t *testing.T) {
	t.Parallel()
	hosts := []inventory.Host{guest("web1", "u1", "10.0.0.11")}
	full := Finding{ID: "f1", Check: "filesystem-full", Critical: true, Summary: "/var is 97% full", Business: "web1 fills up"}
	notes := func(findings []Finding, fine ...string) Notes {
		return Notes{Incident: "01ABC", Findings: map[string][]Finding{"web1": findings}, Fine: map[string][]string{"web1": fine}}
	}
	there, memory := filled(Map(hosts, Placing{Site: "dc1"}, notes([]Finding{full})))
	for _, test := range []struct {
		name  string
		notes Notes
		want  string
	}{
		{"found again, with other numbers", notes([]Finding{{ID: "f1", Check: "filesystem-full", Critical: true, Summary: "/var is 99% full"}}), ""},
		{"nobody could say", notes(nil), ""},
		{"nobody judged", Notes{Incident: "01ABC"}, ""},
		{"repaired", notes(nil, "filesystem-full"), "findings nightcall-filesystem-full -> "},
		{"repaired, and something else", notes([]Finding{{ID: "f2", Check: "load-high"}}, "filesystem-full"), "findings nightcall-filesystem-full -> nightcall-load-high"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := find(t, Compare(Map(hosts, Placing{Site: "dc1"}, test.notes), there, memory), VM, "web1")
			var got []string
			for _, c := range s.Changes {
				got = append(got, c.Field+" "+text(c.Before)+" -> "+text(c.After))
			}
			if strings.Join(got, ", ") != test.want {
				t.Errorf("%v, want %q", got, test.want)
			}
		})
	}
}

// What hosts say of themselves is text in a journal entry, and no markup.
func TestJournalQuotes(t *testing.T) {
	t.Parallel()
	notes := Notes{Incident: "01ABC", Findings: map[string][]Finding{"web1": {{ID: "f1", Check: "c", Summary: "<script> [x](http://evil) `id` | ![i](u)"}}}}
	wanted := Map([]inventory.Host{guest("web1", "u1", "10.0.0.11")}, Placing{Site: "dc1"}, notes)
	n := slices.IndexFunc(wanted, func(w Wanted) bool { return w.Kind == Journal })
	said := text(wanted[n].Fields["comments"])
	for _, bad := range []string{"<script>", "[x](", "`id", "![i]"} {
		if strings.Contains(strings.NewReplacer("\\[", "", "\\`", "", "\\!", "").Replace(said), bad) {
			t.Errorf("%q is in %q", bad, said)
		}
	}
	if !strings.HasSuffix(said, markOf(wanted[n].Key)) {
		t.Errorf("%q does not end with its mark %q", said, markOf(wanted[n].Key))
	}
}
