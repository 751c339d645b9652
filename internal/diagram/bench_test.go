package diagram

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os/exec"
	"slices"
	"testing"
	"time"

	"github.com/nightcall-sh/nightcall/internal/link"
)

// platform is a large fleet as people build them: 20 groups of hosts in tiers,
// where each host talks to some of later tiers.
func platform(hosts, links int) link.Map {
	rnd := rand.New(rand.NewPCG(uint64(hosts), uint64(links)))
	kinds := []string{"haproxy", "nginx", "spring", "kafka", "redis", "mysql", "minio"}
	const groups = 20
	var m link.Map
	for i := range hosts {
		group := i * groups / hosts
		m.Hosts = append(m.Hosts, link.Node{Name: fmt.Sprintf("host%d", i), Runs: kinds[group*len(kinds)/groups], Group: fmt.Sprintf("group %d", group), Visited: true, Address: fmt.Sprintf("10.0.%d.%d", group, i)})
	}
	for len(m.Links) < links {
		a, b := rnd.IntN(hosts), rnd.IntN(hosts)
		if a*groups/hosts < b*groups/hosts {
			m.Links = append(m.Links, link.Link{From: link.End{Host: m.Hosts[a].Name}, To: link.End{Host: m.Hosts[b].Name}, Port: 80, State: link.Established})
		}
	}
	return m
}

// BenchmarkAgainstDot draws 200 hosts with 400 links, unfolded, and has Graphviz
// draw the DOT of the same picture, in turn. dot-svg and dot-png are how many
// times as long dot takes, medians of the rounds.
func BenchmarkAgainstDot(b *testing.B) {
	p := drawn(platform(200, 400), Options{Title: "a platform", FoldAbove: 1000})
	text := DOT(p)
	dot := func(format string) func() {
		return func() {
			cmd := exec.Command("dot", "-T"+format, "-Gsplines=spline")
			cmd.Stdin = bytes.NewReader(text)
			if _, err := cmd.Output(); err != nil {
				b.Fatalf("dot: %v", err)
			}
		}
	}
	ours := func() {
		if _, err := PNG(p, 0); err != nil {
			b.Fatal(err)
		}
	}
	took := map[string][]float64{}
	for b.Loop() {
		for _, do := range []struct {
			name string
			run  func()
		}{{"svg", func() { SVG(p) }}, {"dot-svg", dot("svg")}, {"png", ours}, {"dot-png", dot("png")}} {
			began := time.Now()
			do.run()
			took[do.name] = append(took[do.name], float64(time.Since(began).Microseconds())/1000)
		}
	}
	median := func(name string) float64 {
		slices.Sort(took[name])
		return took[name][len(took[name])/2]
	}
	b.ReportMetric(0, "ns/op")
	for _, format := range []string{"svg", "png"} {
		b.ReportMetric(median(format), format+"-ms")
		b.ReportMetric(median("dot-"+format), "dot-"+format+"-ms")
		b.ReportMetric(median("dot-"+format)/median(format), "times-"+format)
	}
}
