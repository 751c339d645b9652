package diagram

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/nightcall-sh/nightcall/internal/inventory"
	"github.com/nightcall-sh/nightcall/internal/link"
	"github.com/nightcall-sh/nightcall/internal/timeline"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// formats is every way to write a picture.
var formats = map[string]func(Picture) []byte{"svg": SVG, "dot": DOT, "mmd": Mermaid, "d2": D2, "py": Python, "go": Go, "txt": Text}

// example is the platform of the story as people would declare it.
func example() link.Map {
	var d link.Draft
	host := func(group, runs string, names ...string) {
		for n, name := range names {
			d.Hosts = append(d.Hosts, timeline.HostDraft{Name: name, Runs: runs, Group: group, Address: fmt.Sprintf("10.0.%d.%d", 10+len(group), n+1)})
		}
	}
	host("Entrypoint", "haproxy", "lb1", "lb2")
	host("Backend Cluster", "spring", "be1", "be2", "be3")
	host("Frontend Cluster", "nginx", "fe1", "fe2", "fe3")
	host("Cache HA", "redis", "redis1", "redis2")
	host("Database HA", "mysql", "db1", "db2")
	add := func(from, to string, port int, label, style, color string) {
		d.Links = append(d.Links, timeline.LinkDraft{From: from, To: to, Port: port, Label: label, Style: style, Color: color})
	}
	add("lb1", "lb2", 0, "standby", "dashed", "red")
	add("redis2", "redis1", 6379, "replica", "dashed", "red")
	add("db2", "db1", 3306, "replica", "dashed", "red")
	for n := 1; n <= 3; n++ {
		add("lb1", fmt.Sprintf("be%d", n), 8080, "", "solid", "darkgreen")
		add("lb1", fmt.Sprintf("fe%d", n), 80, "", "solid", "red")
		add(fmt.Sprintf("be%d", n), "redis1", 6379, "", "solid", "brown")
		add(fmt.Sprintf("be%d", n), "db1", 3306, "", "solid", "black")
	}
	return link.Join(inventory.Fleet{}, nil, d)
}

func drawn(m link.Map, o Options) Picture { return Of(m, m.Groups(), o) }

// observed is the same platform after a visit: one link fails, one host is worse
// than its siblings.
func observed() Picture {
	m := example()
	for n := range m.Hosts {
		m.Hosts[n].Visited = m.Hosts[n].Name != "db2"
	}
	for n := range m.Links {
		l := &m.Links[n]
		l.State, l.Observed, l.Style, l.Color, l.Label = link.Established, true, "", "", ""
		if l.From.Host == "be2" && l.To.Host == "db1" {
			l.State = link.Attempted
		}
	}
	m.Links = append(m.Links,
		link.Link{From: link.End{Address: link.Internet}, To: link.End{Host: "lb1"}, Port: 443, State: link.Established},
		link.Link{From: link.End{Host: "be3"}, To: link.End{Address: "10.0.99.9"}, Port: 9092, Kind: "kafka", State: link.Established})
	return drawn(m, Options{Title: "checkout is down", FoldAbove: 40, Marks: map[string]Mark{
		"db1": {Status: "critical", Count: 3, Old: true}, "fe3": {Status: "warning", Count: 1},
	}})
}

// changed is the platform at two moments: a backend is new, a frontend is gone, the
// cache's replica no longer follows, a database got worse.
func changed() Picture {
	m := example()
	links := make([]link.Change, len(m.Links))
	for n, l := range m.Links {
		m.Links[n].State, m.Links[n].Observed, m.Links[n].Style, m.Links[n].Color = link.Established, true, "", ""
		switch {
		case l.From.Host == "be3" || l.To.Host == "be3":
			links[n] = link.Added
		case l.From.Host == "fe3" || l.To.Host == "fe3" || l.From.Host == "redis2":
			links[n] = link.Gone
		case l.From.Host == "be1" && l.To.Host == "db1":
			m.Links[n].State, links[n] = link.Attempted, link.Changed
		}
	}
	return drawn(m, Options{
		Title: "what changed", FoldAbove: 40, Links: links, Marks: map[string]Mark{"db1": {Status: "critical", Count: 1}},
		Hosts: map[string]link.Change{"be3": link.Added, "fe3": link.Gone, "db1": link.Changed},
	})
}

var iconBytes = regexp.MustCompile(`base64,[A-Za-z0-9+/=]+`)

func TestGolden(t *testing.T) {
	t.Parallel()
	for name, p := range map[string]Picture{"draft": drawn(example(), Options{Title: "Example for blog", FoldAbove: 40}), "observed": observed(), "changed": changed()} {
		for format, write := range formats {
			golden(t, filepath.Join("testdata", name+"."+format), iconBytes.ReplaceAllString(string(write(p)), "base64,…"))
		}
	}
}

// golden compares a text with a file. A program has another ending there, so
// that no tool takes it for ours.
func golden(t *testing.T, file, got string) {
	t.Helper()
	file += ".golden"
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s differs; -update writes it anew (-want +got):\n%s", file, diff)
	}
}

// cloud is a fleet of n hosts in boxes of five, with links to random others.
func cloud(n, links int) link.Map {
	rnd := rand.New(rand.NewPCG(uint64(n), uint64(links)))
	var m link.Map
	kinds := []string{"haproxy", "nginx", "spring", "kafka", "redis", "mysql", "minio"}
	for i := range n {
		m.Hosts = append(m.Hosts, link.Node{Name: fmt.Sprintf("host%d", i), Runs: kinds[i/5%len(kinds)], Group: fmt.Sprintf("group %d", i/5), Visited: true})
	}
	for range links {
		a, b := rnd.IntN(n), rnd.IntN(n)
		if a == b {
			continue
		}
		l := link.Link{From: link.End{Host: m.Hosts[a].Name}, To: link.End{Host: m.Hosts[b].Name}, Port: 80, State: link.Established}
		if rnd.IntN(8) == 0 {
			l.State = link.Attempted
		}
		m.Links = append(m.Links, l)
	}
	return m
}

func TestEqualBytes(t *testing.T) {
	t.Parallel()
	for format, write := range formats {
		first := write(drawn(cloud(60, 90), Options{FoldAbove: 1000}))
		for range 3 {
			if again := write(drawn(cloud(60, 90), Options{FoldAbove: 1000})); string(again) != string(first) {
				t.Fatalf("%s: the same picture gave other bytes", format)
			}
		}
	}
}

// A fleet of hundreds is a few nodes, and the one that differs stays apart.
func TestFold(t *testing.T) {
	t.Parallel()
	var m link.Map
	for n := range 500 {
		name := fmt.Sprintf("app%d", n)
		m.Hosts = append(m.Hosts, link.Node{Name: name, Runs: "spring", Group: "app", Visited: true})
		m.Links = append(m.Links, link.Link{From: link.End{Host: name}, To: link.End{Host: "db1"}, Port: 3306, Kind: "mysql", State: link.Established})
	}
	m.Hosts = append(m.Hosts, link.Node{Name: "db1", Runs: "mysql", Visited: true})
	m.Links[7].State = link.Attempted
	p := drawn(m, Options{FoldAbove: 40, Marks: map[string]Mark{"app9": {Status: "critical", Count: 2}}})
	var got []string
	for _, n := range p.Nodes {
		got = append(got, n.Name)
	}
	if want := []string{"app0 … ×498", "app7", "app9", "db1"}; !slices.Equal(got, want) {
		t.Errorf("nodes %v, want %v", got, want)
	}
	if len(p.Edges) != 3 {
		t.Errorf("edges: %+v", p.Edges)
	}
}

// Two that are drawn as one are both named; without names, they are counted.
func TestFoldOfTwo(t *testing.T) {
	t.Parallel()
	var m link.Map
	for n := range 3 {
		name := fmt.Sprintf("be%d", n+1)
		m.Hosts = append(m.Hosts, link.Node{Name: name, Runs: "spring", Group: "be", Visited: true}, link.Node{Name: name + strings.Repeat("-long", 5), Runs: "redis", Group: "long", Visited: true})
	}
	marks := map[string]Mark{"be2": {Status: "critical", Count: 1}, "be2" + strings.Repeat("-long", 5): {Status: "critical", Count: 1}}
	for anonymise, want := range map[bool][]string{
		false: {"be1, be3", "be1-long-long-long-long-long … ×2", "be2", "be2-long-long-long-long-long"},
		true:  {"spring 1 … ×2", "redis 1 … ×2", "spring 2", "redis 2"},
	} {
		var got []string
		for _, n := range drawn(m, Options{FoldAbove: 1, Marks: marks, Anonymise: anonymise}).Nodes {
			got = append(got, n.Name)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
}

func TestBundle(t *testing.T) {
	t.Parallel()
	p := drawn(example(), Options{FoldAbove: 40})
	name := map[string]string{}
	for _, b := range p.Boxes {
		name[b.ID] = "[" + b.Name + "]"
	}
	for _, n := range p.Nodes {
		name[n.ID] = n.Name
	}
	var got []string
	for _, e := range p.Edges {
		got = append(got, fmt.Sprintf("%s -> %s %d", name[e.From], name[e.To], e.Count))
	}
	slices.Sort(got)
	want := []string{
		"[Backend Cluster] -> db1 3", "[Backend Cluster] -> redis1 3", "db2 -> db1 1", "lb1 -> [Backend Cluster] 3",
		"lb1 -> [Frontend Cluster] 3", "lb1 -> lb2 1", "redis2 -> redis1 1",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// secretMap is a platform whose every text holds a word, and whose every address
// has the same beginning.
func secretMap(word, net string) (link.Map, Options) {
	m := example()
	for n := range m.Hosts {
		h := &m.Hosts[n]
		h.Name, h.Group, h.Domain, h.Address = h.Name+word, h.Group+word, "rack"+word, fmt.Sprintf("%s.1.%d", net, n)
		m.Services = append(m.Services, link.Service{Host: h.Name, Port: 1 + n, Kind: h.Runs, Title: word, Version: word, Role: word, Process: word})
	}
	for n := range m.Links {
		l := &m.Links[n]
		l.From.Host, l.To.Host, l.Label = l.From.Host+word, l.To.Host+word, word
		l.From.Process, l.To.Process, l.Doubt, l.Test = word, word, word, word
	}
	m.Links = append(m.Links, link.Link{From: link.End{Host: "be1" + word}, To: link.End{Address: net + ".9.9"}, Port: 80, Kind: word + "d"},
		link.Link{From: link.End{Host: "be2" + word}, To: link.End{Host: "db1" + word}, Port: 40999, State: link.Attempted},
		link.Link{From: link.End{Host: "db2" + word}, To: link.End{Host: "db1" + word}, Port: 3306, State: link.Established, Role: link.Replica, Label: "copy " + word})
	m.Hosts = append(m.Hosts, link.Node{Name: "x" + word, Runs: word + "d", Address: net + ".9.8"})
	changes := make([]link.Change, len(m.Links))
	changes[0] = link.Added
	return m, Options{
		Title: word, FoldAbove: 40, Anonymise: true, Links: changes, Hosts: map[string]link.Change{"be1" + word: link.Changed},
		Marks: map[string]Mark{"be1" + word: {Status: "critical", Count: 2, Old: true}},
	}
}

// Nothing of a name survives in any format: pictures of platforms that differ in
// nothing but names and addresses are the same, byte for byte.
func TestAnonymise(t *testing.T) {
	t.Parallel()
	m, o := secretMap("secret", "10.9")
	other, oo := secretMap("hidden", "172.16")
	p, q := drawn(m, o), drawn(other, oo)
	for format, write := range formats {
		text := iconBytes.ReplaceAllString(string(write(p)), "")
		for _, word := range []string{"secret", "10.9.", "40999", "rack"} {
			if strings.Contains(text, word) {
				t.Errorf("%s tells %q:\n%s", format, word, text)
			}
		}
		if string(write(p)) != string(write(q)) {
			t.Errorf("%s depends on names", format)
		}
	}
	one, err := PNG(p, 1)
	two, err2 := PNG(q, 1)
	if err != nil || err2 != nil || !bytes.Equal(one, two) {
		t.Errorf("png depends on names: %v, %v", err, err2)
	}
	if len(p.Nodes) != len(m.Hosts)+1 {
		t.Errorf("%d nodes of %d hosts", len(p.Nodes), len(m.Hosts))
	}
}

func TestIconsAreThere(t *testing.T) {
	t.Parallel()
	for kind, name := range iconFiles {
		if len(iconData(name)) == 0 {
			t.Errorf("%s has no icon %s", kind, name)
		}
	}
}

// An empty picture is a picture too.
func TestNothingToDraw(t *testing.T) {
	t.Parallel()
	for format, write := range formats {
		if format != "txt" && len(write(Picture{})) == 0 {
			t.Errorf("%s wrote nothing", format)
		}
	}
}

func BenchmarkSVG(b *testing.B) {
	for _, size := range [][2]int{{12, 15}, {200, 400}} {
		p := drawn(cloud(size[0], size[1]), Options{FoldAbove: 1000})
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			for b.Loop() {
				SVG(p)
			}
		})
	}
}
