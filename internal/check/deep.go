package check

import (
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/nightcall-sh/nightcall/internal/fact"
	"github.com/nightcall-sh/nightcall/internal/link"
)

// deepInputs are the inputs made of what only a deep look asks.
func deepInputs() []input {
	return []input{
		derive("stores", "database servers beside the filesystem that their data lies on", []string{"databases", "filesystems"}, readStores),
		derive("followers", "replications, of databases and of Redis", []string{"databases", "caches"}, readFollowers),
		derive("balanced", "servers as the running HAProxy sees them, beside its configuration", []string{"balancer_servers", "balancers"}, readBalanced),
	}
}

// A Store is a database server and the room that it has.
type Store struct {
	Service   string `json:"service"` // MariaDB
	Version   string `json:"version"`
	Port      int    `json:"port"`
	Directory string `json:"directory"`

	Mount       string  `json:"mount"` // the filesystem under the directory
	Size        int64   `json:"size"`
	Available   int64   `json:"available"`
	UsedPercent float64 `json:"used_percent"`

	Bytes       int64   `json:"bytes"`        // of rows and indexes
	BlobBytes   int64   `json:"blob_bytes"`   // of the tables with columns for large binary values
	BlobPercent float64 `json:"blob_percent"` // of bytes
	Rest        int64   `json:"rest"`         // bytes without those tables
	Pictures    string  `json:"pictures"`     // the largest such table and its columns; empty when there is none
}

// Key names the item among its siblings.
func (s Store) Key() string { return fmt.Sprintf("%s %d", s.Service, s.Port) }

func readStores(s Subject) fact.Observed[[]Store] {
	filesystems := s.Host.Facts.Filesystems
	out := follow(s.Host.Facts.Databases, func(databases []fact.Database) []Store {
		stores := []Store{}
		for _, d := range databases {
			stores = append(stores, storeOf(d, filesystems.Value))
		}
		return stores
	})
	if out.Known() && !filesystems.Known() {
		out.State, out.Reason = fact.Unknown, "the filesystems were not read"
	}
	return out
}

func storeOf(d fact.Database, filesystems []fact.Filesystem) Store {
	s := Store{
		Service: link.TitleOf(d.Kind), Version: d.Version, Port: d.Port, Directory: d.Directory,
		Bytes: d.Bytes, BlobBytes: d.BlobBytes, BlobPercent: d.BlobPercent, Rest: d.Bytes - d.BlobBytes,
	}
	if f, ok := under(d.Directory, filesystems); ok {
		s.Mount, s.Size, s.Available, s.UsedPercent = f.Mount, f.Size, f.Available, f.UsedPercent
	}
	if n := slices.IndexFunc(d.Tables, func(t fact.Table) bool { return t.Blobs != "" }); n >= 0 {
		s.Pictures = fmt.Sprintf("%s (%s)", d.Tables[n].Name, d.Tables[n].Blobs)
	}
	return s
}

// under finds the filesystem that a directory lies on: the one with the longest
// mount point above it.
func under(directory string, filesystems []fact.Filesystem) (best fact.Filesystem, ok bool) {
	directory = path.Clean(directory)
	for _, f := range filesystems {
		above := strings.TrimSuffix(f.Mount, "/") + "/"
		if strings.HasPrefix(directory+"/", above) && len(f.Mount) > len(best.Mount) {
			best, ok = f, true
		}
	}
	return best, ok
}

// A Follower is one server that copies another.
type Follower struct {
	Service string `json:"service"`
	Port    int    `json:"port"`
	Source  string `json:"source"`
	Channel string `json:"channel"`
	State   string `json:"state"` // running, connecting, broken, stopped
	Lag     int64  `json:"lag"`   // seconds; -1 when it does not say
	Error   string `json:"error"` // in its own words
}

// Key names the item among its siblings.
func (f Follower) Key() string {
	return strings.TrimSpace(fmt.Sprintf("%s %d %s", f.Service, f.Port, f.Channel))
}

// readFollowers takes Redis too where it let itself be asked.
func readFollowers(s Subject) fact.Observed[[]Follower] {
	from := s.Host.Facts.Databases
	if s.Host.Facts.Caches.Known() && len(s.Host.Facts.Caches.Value) > 0 && !from.Known() {
		from = fact.Observed[[]fact.Database]{State: fact.Partial, Reason: "databases: " + from.Reason, At: s.Host.Facts.Caches.At}
	}
	return follow(from, func(databases []fact.Database) []Follower {
		all := []Follower{}
		for _, d := range databases {
			for _, r := range d.Replication {
				all = append(all, Follower{link.TitleOf(d.Kind), d.Port, r.Source, r.Channel, r.State, r.Lag, r.Error})
			}
		}
		for _, c := range s.Host.Facts.Caches.Value {
			f := Follower{Service: "Redis", Port: c.Port, Source: c.Source, State: "running", Lag: c.Lag}
			if !c.Linked {
				f.State, f.Error = "connecting", "master_link_status:down"
			}
			if c.Role == "replica" {
				all = append(all, f)
			}
		}
		return all
	})
}

// A Balanced is one server behind a running HAProxy.
type Balanced struct {
	Backend string        `json:"backend"`
	Server  string        `json:"server"`
	State   string        `json:"state"`
	Check   string        `json:"check"`
	Detail  string        `json:"detail"`
	Since   time.Duration `json:"since"`
	Others  []string      `json:"others"` // servers of the backend that get requests
	Wanted  bool          `json:"wanted"` // the configuration has it as one in use
}

// Key names the item among its siblings.
func (b Balanced) Key() string { return b.Backend + "/" + b.Server }

func readBalanced(s Subject) fact.Observed[[]Balanced] {
	return follow(s.Host.Facts.BalancerServers, func(servers []fact.BalancerServer) []Balanced {
		all := []Balanced{}
		for _, b := range servers {
			item := Balanced{Backend: b.Backend, Server: b.Server, State: b.State, Check: b.Check, Detail: b.Detail, Since: b.Since, Others: []string{}}
			for _, o := range servers {
				if o.Backend == b.Backend && o.Server != b.Server && (o.State == "up" || o.State == "unchecked") {
					item.Others = append(item.Others, o.Server)
				}
			}
			item.Wanted = slices.ContainsFunc(s.Host.Facts.Balancers.Value, func(c fact.Balancer) bool {
				return c.Backend == b.Backend && slices.Contains(c.Servers, b.Server)
			})
			all = append(all, item)
		}
		return all
	})
}
