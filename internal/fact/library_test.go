package fact

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestLibraries(t *testing.T) {
	t.Parallel()
	out := recorded(t, "libraries/debian12")
	none := []string{}
	want := []Library{
		{Path: "/opt/shop app/docker-shop", Name: "docker-shop", Deleted: true, Processes: none, PIDs: []int{900}},
		{Path: "/usr/lib/libcrypto.so.1.0.0", Name: "libcrypto", Deleted: true, Processes: none, PIDs: []int{900}},
		{Path: "/usr/lib/x86_64-linux-gnu/libssl.so.3", Name: "libssl", Processes: none, PIDs: []int{700, 701}},
		{Path: "/usr/lib/x86_64-linux-gnu/libssl.so.3", Name: "libssl", Deleted: true, Processes: none, PIDs: []int{800}},
		{Path: "/usr/lib64/libc-2.17.so", Name: "libc", Deleted: true, Processes: none, PIDs: []int{800}},
	}
	root := observe(librariesFact(), Raw{Out: out, Root: true}).Libraries
	if diff := cmp.Diff(want, root.Value); diff != "" || root.State != OK {
		t.Errorf("%s: %s", root.State, diff)
	}
	if user := observe(librariesFact(), Raw{Out: out}).Libraries; user.State != Partial || user.Reason == "" {
		t.Errorf("without root: %+v", user)
	}
	if nothing := observe(librariesFact(), Raw{Root: true}).Libraries; nothing.State != Unknown {
		t.Errorf("without /proc: %+v", nothing)
	}
}

func FuzzLibraries(f *testing.F) { fuzzOut(f, librariesFact()) }
