package sqlite

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"github.com/nightcall-sh/nightcall/internal/fact"
	"github.com/nightcall-sh/nightcall/internal/inventory"
)

// busyHost is a host with much to tell: 250 processes, 120 connections, 150
// services. The n-th visit meets other process ids, times and loads than the one
// before; what rarely changes stays.
func busyHost(name string, n int, at time.Time) inventory.Host {
	rnd := rand.New(rand.NewPCG(1, uint64(n)))
	h := reached(fmt.Sprintf("scan-%06d", n), at)
	h.Name = name
	s := &h.Facts
	s.OS = seen(fact.OS{ID: "debian", Name: "Debian GNU/Linux", Version: "12.5", Text: `PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"`}, at)
	s.Load = seen(fact.Load{One: rnd.Float64(), Five: rnd.Float64(), Fifteen: rnd.Float64(), BusyPercent: 100 * rnd.Float64()}, at)
	s.Memory = seen(fact.Memory{Total: 8 << 30, Available: rnd.Int64N(8 << 30)}, at)
	s.Processes = seen(busyProcesses(rnd), at)
	s.Sockets = seen(busySockets(rnd), at)
	s.Services = seen(many(150, func(i int) fact.Service {
		return fact.Service{Name: fmt.Sprintf("service-%03d.service", i), Manager: "systemd", State: "running", Detail: "active"}
	}), at)
	s.Packages = seen(many(60, func(i int) fact.Package {
		return fact.Package{Name: fmt.Sprintf("package-%02d", i), Version: fmt.Sprintf("1:%d.2.3-4+deb12u%d", i, i), Arch: "amd64", Manager: "dpkg"}
	}), at)
	s.Firewall = seen(fact.Firewall{Kind: "nftables", Active: true, Rules: 80, Policy: "drop", Text: many(80, func(i int) string {
		return fmt.Sprintf("ip saddr 10.0.%d.0/24 tcp dport %d accept", i, 8000+i)
	})}, at)
	return h
}

func seen[T any](value T, at time.Time) fact.Observed[T] {
	return fact.Observed[T]{Value: value, State: fact.OK, Source: "script", At: at}
}

func many[T any](n int, one func(int) T) []T {
	all := make([]T, n)
	for i := range all {
		all[i] = one(i)
	}
	return all
}

func busyProcesses(rnd *rand.Rand) []fact.Process {
	return many(250, func(i int) fact.Process {
		return fact.Process{
			PID: rnd.IntN(1 << 22), Parent: 1, User: "www-data", Name: fmt.Sprintf("worker-%d", i%20),
			Command: fmt.Sprintf("/usr/lib/worker/bin/worker --pool %d --socket /run/worker/%d.sock", i%20, i), State: "S",
			Elapsed: time.Duration(rnd.Int64N(1e15)), CPUTime: time.Duration(rnd.Int64N(1e12)), RSS: rnd.Int64N(1 << 30),
		}
	})
}

func busySockets(rnd *rand.Rand) fact.Sockets {
	return fact.Sockets{
		Named: true,
		Listeners: many(20, func(i int) fact.Listener {
			return fact.Listener{Proto: "tcp", Addr: netip.IPv4Unspecified(), Port: 8000 + i, Process: "worker", PID: rnd.IntN(1 << 22), All: true}
		}),
		Connections: many(120, func(i int) fact.Connection {
			return fact.Connection{
				State: "established", Local: netip.MustParseAddrPort("10.0.0.1:8000"), Process: "worker", Inbound: true, Count: 1 + rnd.IntN(9),
				Remote: netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 1, byte(i), byte(rnd.IntN(256))}), uint16(rnd.IntN(1<<16))),
			}
		}),
	}
}

func BenchmarkAppend(b *testing.B) {
	db := openTemp(b)
	for n := 0; b.Loop(); n++ {
		if err := db.Append(context.Background(), note("checkout answers again", n)); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSaveVisit(b *testing.B) {
	db := openTemp(b)
	n := 0
	for ; b.Loop(); n++ {
		save(b, db, busyHost(fmt.Sprint("web", n%20), n, t0.Add(time.Duration(n))))
	}
}

// BenchmarkSaveVisits stores a dozen hosts at a time, and counts hosts.
func BenchmarkSaveVisits(b *testing.B) {
	const hosts = 12
	db := openTemp(b)
	var visits []Visit
	for n := 0; b.Loop(); n++ {
		visits = append(visits, Visit{Host: busyHost(fmt.Sprint("web", n%20), n, t0.Add(time.Duration(n)))})
		if len(visits) < hosts {
			continue
		}
		if err := db.SaveVisits(context.Background(), visits); err != nil {
			b.Fatal(err)
		}
		visits = visits[:0]
	}
}

func BenchmarkHosts(b *testing.B) {
	for _, hosts := range []int{10, 100, 1000} {
		b.Run(fmt.Sprint(hosts), func(b *testing.B) {
			db := openTemp(b)
			for n := range hosts {
				save(b, db, busyHost(fmt.Sprint("web", n), n, t0))
			}
			for b.Loop() {
				if all, err := db.Hosts(context.Background()); err != nil || len(all) != hosts {
					b.Fatal(len(all), err)
				}
			}
		})
	}
}

// BenchmarkSize reports what the database takes per host and scan.
func BenchmarkSize(b *testing.B) {
	for b.Loop() {
		b.ReportMetric(float64(sizeAfter(b, 5, 10))/50, "bytes/visit")
	}
}
