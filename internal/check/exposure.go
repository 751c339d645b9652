package check

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/nightcall-sh/nightcall/internal/fact"
	"github.com/nightcall-sh/nightcall/internal/plain"
)

// An Exposure is a service that listens on every address of a host and that
// few people mean to show to everyone.
type Exposure struct {
	Service    string   `json:"service"` // Redis
	Proto      string   `json:"proto"`
	Port       int      `json:"port"`
	Addresses  []string `json:"addresses"` // 0.0.0.0, ::
	Process    string   `json:"process"`   // empty when we may not see it
	Risk       string   `json:"risk"`      // open: asks for no password by default; guarded: it does
	Why        string   `json:"why"`       // what whoever reaches it can do
	Firewall   string   `json:"firewall"`  // what the host's own packet filter says
	Confidence string   `json:"confidence"`
}

// Key names the item among its siblings.
func (e Exposure) Key() string { return fmt.Sprintf("%s %s/%d", e.Service, e.Proto, e.Port) }

// The risks.
const (
	riskOpen    = "open"
	riskGuarded = "guarded"
)

// A known service is recognised by the process, or by the port where the process
// cannot be seen.
type knownService struct {
	name      string
	ports     []int
	processes []string
	risk      string
	why       string
}

var knownServices = []knownService{
	{"Redis", []int{6379}, []string{"redis-server", "valkey-server", "keydb-server"}, riskOpen, "read and change all data, and write files on the host"},
	{"MongoDB", []int{27017, 27018, 27019}, []string{"mongod", "mongos"}, riskOpen, "read and change all data"},
	{"memcached", []int{11211}, []string{"memcached"}, riskOpen, "read and change cached data, sessions among them"},
	{"Elasticsearch", []int{9200, 9300}, []string{"elasticsearch", "opensearch"}, riskOpen, "read and delete every index"},
	{"Docker API", []int{2375}, []string{"dockerd"}, riskOpen, "become root on the host"},
	{"Docker API (TLS)", []int{2376}, nil, riskGuarded, "become root on the host with a client certificate"},
	{"etcd", []int{2379, 2380}, []string{"etcd"}, riskOpen, "read and change the cluster's configuration and secrets"},
	{"ZooKeeper", []int{2181}, nil, riskOpen, "read and change the cluster's configuration"},
	{"Kafka", []int{9092}, nil, riskGuarded, "read and write every topic where no authentication was set up"},
	{"RabbitMQ management", []int{15672}, []string{"beam.smp"}, riskGuarded, "try passwords on the message broker"},
	{"MySQL", []int{3306}, []string{"mysqld", "mariadbd"}, riskGuarded, "try passwords on the database"},
	{"PostgreSQL", []int{5432}, []string{"postgres", "postmaster"}, riskGuarded, "try passwords on the database"},
	{"CouchDB", []int{5984}, []string{"couchdb"}, riskGuarded, "read the database where no administrator was set up"},
	{"X11", []int{6000, 6001, 6002, 6003, 6004, 6005}, []string{"Xorg", "X"}, riskOpen, "see the screen and type into it"},
	{"VNC", []int{5900, 5901, 5902}, []string{"Xvnc", "x11vnc", "vino-server"}, riskGuarded, "try passwords on the remote screen"},
	{"rsync", []int{873}, []string{"rsync"}, riskGuarded, "list and fetch the shared modules"},
	{"NFS", []int{2049}, nil, riskGuarded, "mount what is exported to its address"},
}

// forwarders carry a port to another process, so their own name says nothing
// about the service.
var forwarders = []string{"docker-proxy", "java", "systemd", "xinetd", "inetd", "rootlessport", "conmon"}

// Jenkins is known by what its process runs.
const (
	jenkins    = "Jenkins"
	jenkinsWar = "jenkins.war"
)

// readExposures derives the exposures from the listeners. The process table and
// the firewall make the judgement better; without them it is still made.
func readExposures(s Subject) fact.Observed[[]Exposure] {
	facts := s.Host.Facts
	wars := jenkinsPIDs(facts.Processes)
	wall, holds := firewallText(facts.Firewall)
	return follow(facts.Sockets, func(sockets fact.Sockets) []Exposure {
		var found []Exposure
		for _, l := range sockets.Listeners {
			e, ok := recognise(l, wars)
			if !l.All || !ok {
				continue
			}
			e.Firewall = wall
			if e.Risk == riskOpen && guarded(facts.Replies, l.Port) {
				e.Risk, e.Why = riskGuarded, "try passwords on it"
			}
			if holds {
				e.Confidence = string(Confidence(e.Confidence).lower())
			}
			found = addExposure(found, e)
		}
		return found
	})
}

// guarded reports whether the service was asked and wants a password.
func guarded(replies fact.Observed[[]fact.Reply], port int) bool {
	return slices.ContainsFunc(replies.Value, func(r fact.Reply) bool { return r.Port == port && r.Access == fact.ReplyGuarded })
}

// addExposure folds the listeners of one service on one port into one item.
func addExposure(found []Exposure, e Exposure) []Exposure {
	i := slices.IndexFunc(found, func(f Exposure) bool { return f.Key() == e.Key() })
	if i < 0 {
		return append(found, e)
	}
	if !slices.Contains(found[i].Addresses, e.Addresses[0]) {
		found[i].Addresses = append(found[i].Addresses, e.Addresses[0])
	}
	return found
}

// recognise names the service behind a listener.
func recognise(l fact.Listener, wars []int) (Exposure, bool) {
	e := Exposure{Proto: l.Proto, Port: l.Port, Addresses: []string{l.Addr.String()}, Process: l.Process}
	if l.Proto == "tcp" && (strings.Contains(l.Command, jenkinsWar) || l.PID != 0 && slices.Contains(wars, l.PID)) {
		e.Service, e.Risk, e.Confidence = jenkins, riskGuarded, string(Certain)
		e.Why = "try passwords on the build server, which holds the keys to deploy"
		return e, true
	}
	for _, known := range knownServices {
		confidence, ok := known.matches(l)
		if !ok {
			continue
		}
		e.Service, e.Risk, e.Why, e.Confidence = known.name, known.risk, known.why, string(confidence)
		return e, true
	}
	return Exposure{}, false
}

// matches reports whether a listener is the service, and how surely. A process
// that is known to be something else on a well-known port is only possible.
func (k knownService) matches(l fact.Listener) (Confidence, bool) {
	name := path.Base(l.Process)
	onPort := slices.Contains(k.ports, l.Port)
	switch {
	case l.Process != "" && slices.Contains(k.processes, name):
		return Certain, onPort || k.anyPort(l)
	case !onPort || l.Proto == "udp" && k.name != "memcached":
		return "", false
	case l.Process == "" || len(k.processes) == 0 || slices.Contains(forwarders, name):
		return Probable, true
	default:
		return Possible, true
	}
}

// anyPort reports whether the process means the service wherever it listens. An
// Erlang machine, an X server or a Docker daemon has other doors too.
func (k knownService) anyPort(l fact.Listener) bool {
	switch k.name {
	case "Redis", "MongoDB", "memcached", "MySQL", "PostgreSQL", "CouchDB":
		return l.Proto == "tcp"
	}
	return false
}

// jenkinsPIDs finds the processes that run Jenkins, for sources of listeners that
// do not tell the command line.
func jenkinsPIDs(processes fact.Observed[[]fact.Process]) []int {
	if !processes.Known() {
		return nil
	}
	var pids []int
	for _, p := range processes.Value {
		if strings.Contains(p.Command, jenkinsWar) {
			pids = append(pids, p.PID)
		}
	}
	return pids
}

// firewallText says what the packet filter means for a listener, and whether it
// may be holding visitors back.
func firewallText(f fact.Observed[fact.Firewall]) (text string, holds bool) {
	switch {
	case !f.Known():
		return "the host's packet filter could not be read", false
	case f.Value.Active:
		return fmt.Sprintf("the host has an active packet filter (%s, %d rules) that may hold it back", plain.Clip(f.Value.Kind, 40), f.Value.Rules), true
	default:
		return "the host has no active packet filter", false
	}
}
