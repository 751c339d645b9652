package fact

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// fromConfigurations are the facts that the script for configurations tells.
func fromConfigurations() []Fact {
	return slices.DeleteFunc(slices.Clone(All()), func(f Fact) bool {
		return f.Name != "dependencies" && f.Probe.From != "dependencies"
	})
}

// manySettings is the script's answer on a host with much to tell.
func manySettings() Raw {
	var out strings.Builder
	for n := range 2000 {
		fmt.Fprintf(&out, "/srv/app%d/application.yml:%d:  url: jdbc:mysql://db%d:3306/shop\n", n%50, n+1, n)
	}
	return Raw{Out: out.String() + "#sums 50\n42 7 /srv/app1/application.yml\n#end\n", Root: true}
}

// What one script prints is taken apart once for all the facts that it tells: six
// of them allocate hardly more than one. Not parallel, because it counts.
func TestConfigurationsAreParsedOnce(t *testing.T) {
	facts, raw := fromConfigurations(), manySettings()
	if len(facts) != 6 {
		t.Fatalf("%d facts", len(facts))
	}
	allocated := func(facts []Fact) float64 {
		return testing.AllocsPerRun(2, func() { Read(facts, func(Fact) Raw { return raw }, at) })
	}
	one, all := allocated(facts[:1]), allocated(facts)
	if one < 2000 || all > one*1.1 {
		t.Errorf("one fact: %.0f allocations, all six: %.0f", one, all)
	}
}

// Facts that are read together are what they are when each is read alone, whether
// their answers are the same or not.
func TestConfigurationsReadTogether(t *testing.T) {
	t.Parallel()
	facts := fromConfigurations()
	var answers []Raw
	for _, f := range facts {
		for _, x := range fixtures(t, f.Name) {
			answers = append(answers, raw(x.archive))
		}
	}
	for n := range answers {
		same := func(Fact) Raw { return answers[n] }
		each := func(f Fact) Raw {
			at := slices.IndexFunc(facts, func(o Fact) bool { return o.Name == f.Name })
			return answers[(n+at)%len(answers)]
		}
		for _, answer := range []func(Fact) Raw{same, each} {
			var alone Set
			for _, f := range facts {
				f.Read(answer(f), at, &alone)
			}
			if got, want := encoded(t, Read(facts, answer, at)), encoded(t, alone); got != want {
				t.Errorf("together\n%s\nalone\n%s", got, want)
			}
		}
	}
}

func encoded(t *testing.T, set Set) string {
	t.Helper()
	data, err := json.Marshal(set)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func BenchmarkConfigurations(b *testing.B) {
	facts, raw := fromConfigurations(), manySettings()
	for b.Loop() {
		Read(facts, func(Fact) Raw { return raw }, at)
	}
}
