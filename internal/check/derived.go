package check

import (
	"slices"
	"time"

	"github.com/nightcall-sh/nightcall/internal/fact"
	"github.com/nightcall-sh/nightcall/internal/host"
	"github.com/nightcall-sh/nightcall/internal/inventory"
)

// derivedInputs are the inputs that take a table or an algorithm.
func derivedInputs() []input {
	return []input{
		derive("lifecycle", "where the operating system stands in its vendor's support, by checks/eol.yaml", []string{"os"}, readLifecycle),
		derive("heartbleed", "each OpenSSL on the host, judged for CVE-2014-0160", []string{"os", "kernel", "packages", "libraries", "heartbeats"}, readHeartbleed),
		derive("exposures", "services that listen on every address and rarely should", []string{"sockets", "processes", "firewall"}, readExposures),
		derive("skew", "how far the host's clock is off, with the measurement's error taken out", []string{"clock"}, readSkew),
		derive("restart", "the last start of the host beside the opening of the incident", []string{"boot"}, readRestart),
		derive("visit", "how the last visit to the host ended", nil, readVisit),
		derive("ssh", "what the host's SSH server needs of its clients", nil, readSSH),
	}
}

// Skew is how far a host's clock is off.
type Skew struct {
	Offset time.Duration `json:"offset"` // positive: the host is ahead of the laptop
	Error  time.Duration `json:"error"`  // of the measurement
	Least  time.Duration `json:"least"`  // how far it is off in any case, without sign
}

func readSkew(s Subject) fact.Observed[Skew] {
	return follow(s.Host.Facts.Clock, func(c fact.Clock) Skew {
		least := max(c.Offset, -c.Offset) - max(c.Error, 0)
		return Skew{Offset: c.Offset, Error: c.Error, Least: max(least, 0)}
	})
}

// Restart is when a host last started, on the laptop's clock.
type Restart struct {
	At          time.Time     `json:"at"`
	Uptime      time.Duration `json:"uptime"`
	AfterOpen   bool          `json:"after_open"`   // it started after the incident was opened
	HoursBefore float64       `json:"hours_before"` // hours from the start to the opening; negative when after
}

// readRestart counts back from the moment of the reading: the host's own clock
// may be wrong, its uptime hardly.
func readRestart(s Subject) fact.Observed[Restart] {
	boot := s.Host.Facts.Boot
	out := follow(boot, func(b fact.Boot) Restart {
		at := boot.At.Add(-b.Uptime)
		return Restart{At: at, Uptime: b.Uptime, AfterOpen: at.After(s.T0), HoursBefore: s.T0.Sub(at).Hours()}
	})
	if out.Known() && s.T0.IsZero() {
		out.State, out.Reason = fact.Unknown, "the incident's opening is not known"
	}
	return out
}

// Visit is how the last visit to a host ended.
type Visit struct {
	Class   string    `json:"class"` // ok, partial, sudo, timeout, refused, auth, hostkey, unreachable
	Reason  string    `json:"reason"`
	Reached bool      `json:"reached"`
	Address string    `json:"address"`
	Port    int       `json:"port"`
	Seen    time.Time `json:"seen"` // when it was last reached
	Ever    bool      `json:"ever"` // whether it ever was
}

func readVisit(s Subject) fact.Observed[Visit] {
	h := s.Host
	if h.Class == "" {
		return fact.Observed[Visit]{}
	}
	return fact.Observed[Visit]{
		Value: Visit{
			Class: string(h.Class), Reason: h.Reason, Reached: h.Class.Reached(), Address: h.Access.Address,
			Port: h.Access.Port, Seen: h.Seen, Ever: !h.Seen.IsZero(),
		},
		State: stateOf(h.Class), Source: "the last visit", At: h.Visited,
	}
}

// stateOf refuses to judge a class that this version does not know.
func stateOf(class host.Class) fact.State {
	if slices.Contains(host.Classes, class) {
		return fact.OK
	}
	return fact.Unknown
}

// SSH is what a host's SSH server needs of its clients.
type SSH struct {
	Server string   `json:"server"` // the version line it greets with
	Legacy []string `json:"legacy"` // algorithms it needs that today's clients refuse
}

func readSSH(s Subject) fact.Observed[SSH] {
	h := s.Host
	if h.Seen.IsZero() {
		return fact.Observed[SSH]{}
	}
	return fact.Observed[SSH]{
		Value: SSH{Server: h.Access.Server, Legacy: names(h.Access.Legacy)},
		State: fact.OK, Source: "the SSH handshake", At: h.Seen,
	}
}

// names lists algorithms of every kind, each once.
func names(a inventory.Algorithms) []string {
	all := slices.Concat(a.KeyExchange, a.HostKey, a.Cipher, a.MAC, a.Signature)
	slices.Sort(all)
	return slices.Compact(all)
}

// follow derives a value and keeps how well its source is known.
func follow[T, U any](from fact.Observed[T], make func(T) U) fact.Observed[U] {
	out := fact.Observed[U]{State: from.State, Source: from.Source, Reason: from.Reason, At: from.At}
	if from.Known() {
		out.Value = make(from.Value)
	}
	return out
}
