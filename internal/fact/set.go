package fact

import (
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// A Set is everything observed on one host. Fields nobody asked for have the
// zero State.
type Set struct {
	OS             Observed[OS]              `json:"os"`
	Kernel         Observed[Kernel]          `json:"kernel"`
	Boot           Observed[Boot]            `json:"boot"`
	Platform       Observed[Platform]        `json:"platform"`
	MachineID      Observed[string]          `json:"machine_id"`
	CPU            Observed[CPU]             `json:"cpu"`
	Load           Observed[Load]            `json:"load"`
	Memory         Observed[Memory]          `json:"memory"`
	Filesystems    Observed[[]Filesystem]    `json:"filesystems"`
	Disks          Observed[[]Disk]          `json:"disks"`
	Interfaces     Observed[[]Interface]     `json:"interfaces"`
	Routes         Observed[[]Route]         `json:"routes"`
	DNS            Observed[DNS]             `json:"dns"`
	Sockets        Observed[Sockets]         `json:"sockets"`
	Processes      Observed[[]Process]       `json:"processes"`
	Services       Observed[[]Service]       `json:"services"`
	Schedules      Observed[[]Schedule]      `json:"schedules"`
	Firewall       Observed[Firewall]        `json:"firewall"`
	Packages       Observed[[]Package]       `json:"packages"`
	Libraries      Observed[[]Library]       `json:"libraries"`
	Certs          Observed[[]Cert]          `json:"certs"`
	Balancers      Observed[[]Balancer]      `json:"balancers"`
	Dependencies   Observed[[]Dependency]    `json:"dependencies"`
	Configurations Observed[[]Configuration] `json:"configurations"`
	Upstreams      Observed[[]Upstream]      `json:"upstreams"`
	VirtualRouters Observed[[]VirtualRouter] `json:"virtual_routers"`
	RedisSettings  Observed[[]Setting]       `json:"redis_settings"`
	Clock          Observed[Clock]           `json:"clock"`
	Changes        Observed[[]Change]        `json:"changes"`
	Network        Observed[Network]         `json:"network"`
	DiskRates      Observed[[]DiskRate]      `json:"disk_rates"`

	// What only a deep look asks.
	Databases       Observed[[]Database]       `json:"databases"`
	BalancerServers Observed[[]BalancerServer] `json:"balancer_servers"`
	Caches          Observed[[]Cache]          `json:"caches"`
	Replies         Observed[[]Reply]          `json:"replies"`
	Heartbeats      Observed[[]Heartbeat]      `json:"heartbeats"`
}

// OS is the operating system by name and version.
type OS struct {
	ID      string `json:"id"`      // as os-release spells it: debian, ubuntu, rhel, centos, alpine, freebsd, sles …
	Name    string `json:"name"`    // for people: "Debian GNU/Linux", "Red Hat Enterprise Linux AS"
	Version string `json:"version"` // "12", "6.0.10", "4", "22.04", "13.2"; as exact as the host tells
	Text    string `json:"text"`    // the raw line it was read from
}

// Kernel is what uname says.
type Kernel struct {
	Name    string `json:"name"`    // Linux, FreeBSD, SunOS
	Release string `json:"release"` // 6.1.0-18-amd64
	Version string `json:"version"` // #1 SMP …
	Arch    string `json:"arch"`    // x86_64, i686, aarch64 …
	Host    string `json:"host"`    // the host's own name for itself
}

// Boot is when the host started, by its own clock.
type Boot struct {
	At     time.Time     `json:"at"`
	Uptime time.Duration `json:"uptime"` // nanoseconds
}

// Platform is what the host runs on.
type Platform struct {
	Kind       string   `json:"kind"`       // physical, virtual, container
	Hypervisor string   `json:"hypervisor"` // kvm, vmware, hyperv, xen, virtualbox, amazon, lxc, docker, systemd-nspawn, openvz …; empty when physical
	Evidence   []string `json:"evidence"`   // each: source=what it says
	Vendor     string   `json:"vendor"`
	Model      string   `json:"model"`
	Serial     string   `json:"serial"` // empty for vendors' placeholders, which identify nothing
	UUID       string   `json:"uuid"`   // likewise
	BIOS       string   `json:"bios"`
}

// CPU is the processors the kernel uses.
type CPU struct {
	Count int    `json:"count"` // online logical CPUs
	Model string `json:"model"`
}

// Load is the run queue, averaged over 1, 5 and 15 minutes, and the CPU's use
// between the two readings of the visit.
type Load struct {
	One         float64 `json:"one"`
	Five        float64 `json:"five"`
	Fifteen     float64 `json:"fifteen"`
	BusyPercent float64 `json:"busy_percent"` // of all CPUs; -1 when not sampled
	WaitPercent float64 `json:"wait_percent"` // waiting for disks; -1 when not sampled
}

// Memory is in bytes.
type Memory struct {
	Total     int64 `json:"total"`
	Available int64 `json:"available"` // the kernel's estimate, or free + buffers + cache before Linux 3.14; and what ZFS would give back
	SwapTotal int64 `json:"swap_total"`
	SwapFree  int64 `json:"swap_free"`

	AvailablePercent float64 `json:"available_percent"`
	SwapUsedPercent  float64 `json:"swap_used_percent"` // 0 without swap
}

// A Filesystem is a mounted one that stores something: no proc, no cgroup.
// Sizes are bytes. Percentages are as an unprivileged writer meets them.
type Filesystem struct {
	Mount    string `json:"mount"`
	Device   string `json:"device"`
	Type     string `json:"type"`
	ReadOnly bool   `json:"read_only"`
	Fstab    string `json:"fstab"` // "rw" or "ro" as /etc/fstab wants it; empty when it says nothing
	Network  bool   `json:"network"`

	Size        int64   `json:"size"`
	Available   int64   `json:"available"`
	UsedPercent float64 `json:"used_percent"`

	Inodes            int64   `json:"inodes"` // 0 where the type has no fixed number
	InodesFree        int64   `json:"inodes_free"`
	InodesUsedPercent float64 `json:"inodes_used_percent"`
}

// Key names the item among its siblings.
func (f Filesystem) Key() string { return f.Mount }

// A Disk is a block device.
type Disk struct {
	Name       string   `json:"name"`
	Size       int64    `json:"size"` // bytes
	Model      string   `json:"model"`
	Rotational bool     `json:"rotational"`
	Removable  bool     `json:"removable"`
	ReadOnly   bool     `json:"read_only"`
	Kind       string   `json:"kind"` // disk, raid, lvm, crypt, loop
	State      string   `json:"state"`
	Holders    []string `json:"holders,omitempty"` // for raid: its members
}

// Key names the item among its siblings.
func (d Disk) Key() string { return d.Name }

// An Interface is a network interface with its addresses.
type Interface struct {
	Name      string         `json:"name"`
	MAC       string         `json:"mac"`
	State     string         `json:"state"` // up, down, unknown …
	MTU       int            `json:"mtu"`
	SpeedMbit int            `json:"speed_mbit"` // 0 when the kernel does not say
	Kind      string         `json:"kind"`       // physical, bond, bridge, vlan, virtual, loopback
	Master    string         `json:"master"`     // the bond or bridge it belongs to
	Addresses []netip.Prefix `json:"addresses"`
}

// Key names the item among its siblings.
func (i Interface) Key() string { return i.Name }

// A Route is one line of the main routing table.
type Route struct {
	To     netip.Prefix `json:"to"`
	Via    netip.Addr   `json:"via,omitzero"`
	Device string       `json:"device"`
	Metric int          `json:"metric"`
}

// Key names the item among its siblings.
func (r Route) Key() string { return r.To.String() + " " + r.Device }

// DNS is how the host resolves names.
type DNS struct {
	Servers []string `json:"servers"`
	Search  []string `json:"search"`
	Hosts   []string `json:"hosts"` // lines of /etc/hosts that name something beside localhost
}

// Sockets are the host's IP sockets.
type Sockets struct {
	Listeners   []Listener   `json:"listeners"`
	Connections []Connection `json:"connections"`

	// Named says whether the owners of all sockets could be seen (root), or only
	// the login user's own.
	Named bool `json:"named"`
}

// A Listener is a socket that waits for others. Port 0 never occurs.
type Listener struct {
	Proto   string     `json:"proto"` // tcp, udp
	Addr    netip.Addr `json:"addr"`  // unspecified (0.0.0.0, ::) means every address
	Port    int        `json:"port"`
	Process string     `json:"process"` // empty when we may not see it
	PID     int        `json:"pid"`
	User    string     `json:"user"`
	All     bool       `json:"all"`     // listens on every address
	Local   bool       `json:"local"`   // listens on loopback only
	Backlog int        `json:"backlog"` // connections waiting to be accepted
	Limit   int        `json:"limit"`   // and how many may; 0 when not told
	Command string     `json:"command"` // the process's command line, scrubbed
}

// Key names the item among its siblings.
func (l Listener) Key() string {
	return l.Proto + " " + netip.AddrPortFrom(l.Addr, uint16(l.Port)).String()
}

// A Connection is a TCP connection that is not listening. Equal ones (same
// state, process, remote address and service port) are folded with a count.
type Connection struct {
	State   string         `json:"state"` // established, syn-sent, time-wait, close-wait …
	Local   netip.AddrPort `json:"local"`
	Remote  netip.AddrPort `json:"remote"`
	Process string         `json:"process"`
	PID     int            `json:"pid"` // the lowest of those folded
	Count   int            `json:"count"`
	Inbound bool           `json:"inbound"` // the local port is one the host listens on
}

// Key names the item among its siblings.
func (c Connection) Key() string { return c.State + " " + c.Local.String() + " " + c.Remote.String() }

// A Process is one line of the process table. Secrets in the command line are
// scrubbed by the parser, before anything is stored.
type Process struct {
	PID     int           `json:"pid"`
	Parent  int           `json:"parent"`
	User    string        `json:"user"`
	Name    string        `json:"name"`
	Command string        `json:"command"`
	State   string        `json:"state"`   // R S D Z T
	Elapsed time.Duration `json:"elapsed"` // since it started; 0 when not told
	CPUTime time.Duration `json:"cpu_time"`
	RSS     int64         `json:"rss"` // bytes
}

// Key names the item among its siblings.
func (p Process) Key() string { return p.Name }

// A Service is what the host's service manager looks after.
type Service struct {
	Name    string `json:"name"`
	Manager string `json:"manager"` // systemd, sysvinit, openrc, rc.d
	State   string `json:"state"`   // running, exited, failed, stopped, enabled (started at boot, state not told)
	Detail  string `json:"detail"`
}

// Key names the item among its siblings.
func (s Service) Key() string { return s.Name }

// A Schedule is something that starts by the clock: a cron line, a timer.
type Schedule struct {
	Kind    string `json:"kind"`   // cron, timer, anacron, at
	Source  string `json:"source"` // the file, or the unit
	When    string `json:"when"`
	User    string `json:"user"`
	Command string `json:"command"` // scrubbed
}

// Key names the item among its siblings.
func (s Schedule) Key() string { return s.Source + " " + s.Command }

// Firewall is what filters packets on the host itself.
type Firewall struct {
	Kind   string   `json:"kind"`   // nftables, iptables, pf, none
	Active bool     `json:"active"` // there is at least one rule or a policy that drops
	Rules  int      `json:"rules"`
	Policy string   `json:"policy"` // of input: accept, drop; empty when not told
	Text   []string `json:"text"`   // the rules, one each, for comparison and people
}

// A Package is an installed one of interest.
type Package struct {
	Name    string `json:"name"`
	Version string `json:"version"` // exact, with the distribution's revision
	Arch    string `json:"arch"`
	Manager string `json:"manager"` // dpkg, rpm, apk, pkg
}

// Key names the item among its siblings.
func (p Package) Key() string { return p.Name }

// A Library is a file that a running process has mapped and that matters: a TLS
// library, or any library whose file was deleted or replaced since.
type Library struct {
	Path      string   `json:"path"`
	Name      string   `json:"name"` // libssl, libcrypto …
	Deleted   bool     `json:"deleted"`
	Processes []string `json:"processes"` // names, sorted, each once
	PIDs      []int    `json:"pids"`
}

// Key names the item among its siblings.
func (l Library) Key() string { return l.Path }

// A Cert is an X.509 certificate found in a service's configuration directory.
type Cert struct {
	Path      string    `json:"path"`
	Subject   string    `json:"subject"`
	Issuer    string    `json:"issuer"`
	Names     []string  `json:"names"`
	NotBefore time.Time `json:"not_before"`
	NotAfter  time.Time `json:"not_after"`
	CA        bool      `json:"ca"`
	SelfMade  bool      `json:"self_made"` // issuer and subject are the same
}

// Key names the item among its siblings.
func (c Cert) Key() string { return c.Path + " " + c.Subject }

// A Balancer is a section of HAProxy's configuration that spreads requests over
// servers.
type Balancer struct {
	Backend   string   `json:"backend"`
	Mode      string   `json:"mode"`      // http, tcp
	Method    string   `json:"method"`    // of the checks: connect, httpchk, tcp-check, mysql-check …
	Servers   []string `json:"servers"`   // those that are not disabled
	Unchecked []string `json:"unchecked"` // those of them that get requests whether they work or not
	Targets   []Target `json:"targets"`   // where those in Servers are, in their order
	File      string   `json:"file"`      // that has the section
	Files     []string `json:"files"`     // that HAProxy reads together with it, in its order
}

// A Target is one server of a balancer and the line that names it.
type Target struct {
	Server string `json:"server"`
	Host   string `json:"host"` // name or address, as written; empty for a socket, or what is filled in later
	Port   int    `json:"port"` // 0 where none is written
	File   string `json:"file"`
	Line   int    `json:"line"`
	Text   string `json:"text"` // the line, with its indentation, scrubbed
}

// Key names the item among its siblings.
func (b Balancer) Key() string { return b.Backend }

// AnyDatabase is the scheme of a database of which nothing tells the kind.
const AnyDatabase = "database"

// A Dependency is a service that a configuration names. Users, passwords and
// paths never come this far.
type Dependency struct {
	Host    string `json:"host"`    // name or address, as written
	Port    int    `json:"port"`    // as written, or the usual one; 0 where neither is known
	Scheme  string `json:"scheme"`  // what is spoken: mysql, redis, http …; database where only that is told; empty where nothing tells
	Process string `json:"process"` // the program whose configuration it is; empty where several may read it
	File    string `json:"file"`    // or "environment of 4711", a process
	Line    int    `json:"line"`    // 0 in an environment
}

// Key names the item among its siblings.
func (d Dependency) Key() string { return d.Place() + " " + d.Host }

// Place is where it stands.
func (d Dependency) Place() string {
	if d.Line == 0 {
		return d.File
	}
	return d.File + ":" + strconv.Itoa(d.Line)
}

// A Configuration is a file that a running program reads. Its checksum is
// POSIX's cksum, which anybody can compare on the host.
type Configuration struct {
	File     string `json:"file"`
	Process  string `json:"process"` // the program whose it is; empty where several may read it
	Checksum string `json:"checksum"`
	Size     int64  `json:"size"` // bytes
}

// Key names the item among its siblings.
func (c Configuration) Key() string { return c.File }

// An Upstream is servers that nginx sends requests to. By itself it asks none of
// them how they are: it takes one out for a while after requests failed there.
type Upstream struct {
	Name      string   `json:"name"`
	Servers   []string `json:"servers"`   // as written; those that are not down
	Unchecked []string `json:"unchecked"` // those of them that are never taken out: max_fails=0, and nothing asks them
	Backup    []string `json:"backup"`    // those of them that get requests only when the others are out
	Down      []string `json:"down"`      // those marked as down
	Next      string   `json:"next"`      // when the same file passes a request on to another server; empty for nginx's own way
	Lines     []string `json:"lines"`     // each server with its settings, scrubbed
	File      string   `json:"file"`
	Line      int      `json:"line"`

	asks     bool     // something asks its servers how they are
	includes []string // the files that its servers stand in, as patterns
}

// Key names the item among its siblings.
func (u Upstream) Key() string { return u.Name }

// A VirtualRouter is what a host does for addresses that move between hosts by
// VRRP, as its configuration says.
type VirtualRouter struct {
	Name      string   `json:"name"`
	ID        int      `json:"id"`
	State     string   `json:"state"`    // it begins in: master, backup
	Priority  int      `json:"priority"` // the highest that is there has the addresses
	Interface string   `json:"interface"`
	Addresses []string `json:"addresses"`
	File      string   `json:"file"`
	Line      int      `json:"line"`
}

// Key names the item among its siblings.
func (v VirtualRouter) Key() string { return v.Name }

// A Setting is one line of a configuration.
type Setting struct {
	File string `json:"file"`
	Line int    `json:"line"`
	Name string `json:"name"`
	Text string `json:"text"` // the line, with its indentation
}

// Key names the item among its siblings.
func (s Setting) Key() string { return s.File + ":" + strconv.Itoa(s.Line) }

// Clock is the host's clock against the laptop's.
type Clock struct {
	Offset time.Duration `json:"offset"` // positive: the host is ahead
	Error  time.Duration `json:"error"`  // the offset is known to plus or minus this
	Zone   string        `json:"zone"`   // +0400
}

// A Change is something that happened on the host lately, by its own clock.
type Change struct {
	At   time.Time `json:"at"`
	Kind string    `json:"kind"` // package, file, login, reboot
	What string    `json:"what"`
	Who  string    `json:"who"`
}

// Key names the item among its siblings.
func (c Change) Key() string { return c.Kind + " " + c.What }

// Network is TCP's health as rates between the two readings of the visit.
type Network struct {
	Interval          time.Duration `json:"interval"`
	SegmentsOut       float64       `json:"segments_out"`       // per second
	Retransmits       float64       `json:"retransmits"`        // per second
	RetransmitPercent float64       `json:"retransmit_percent"` // of segments out in the interval; 0 when none were sent
	SinceBootPercent  float64       `json:"since_boot_percent"` // the same over the whole uptime
	ListenDrops       int64         `json:"listen_drops"`       // since boot: connections lost to full backlogs
	Interfaces        []NetworkRate `json:"interfaces"`
}

// A NetworkRate is the traffic of one interface.
type NetworkRate struct {
	Name   string  `json:"name"`
	RxByte float64 `json:"rx_byte"` // per second
	TxByte float64 `json:"tx_byte"`
	Errors float64 `json:"errors"` // errors and drops of both directions, per second
}

// Key names the item among its siblings.
func (n NetworkRate) Key() string { return n.Name }

// A DiskRate is the work of one block device between the two readings.
type DiskRate struct {
	Name           string        `json:"name"`
	Interval       time.Duration `json:"interval"`
	ReadsPerSec    float64       `json:"reads_per_sec"`
	WritesPerSec   float64       `json:"writes_per_sec"`
	ServiceTimeMS  float64       `json:"service_time_ms"`  // mean per request in the interval; 0 when there was none
	BusyPercent    float64       `json:"busy_percent"`     // of the interval
	LifetimeMeanMS float64       `json:"lifetime_mean_ms"` // mean per request since boot
}

// Key names the item among its siblings.
func (d DiskRate) Key() string { return d.Name }

// A Database is a database server as it describes itself to the host's root.
type Database struct {
	Kind      string `json:"kind"`    // mysql, mariadb, postgresql
	Version   string `json:"version"` // 10.11.6-MariaDB-0+deb12u1-log
	Port      int    `json:"port"`
	Directory string `json:"directory"` // where its data lies
	ReadOnly  bool   `json:"read_only"`

	Bytes       int64   `json:"bytes"`      // of rows and indexes, by the server's own statistics
	Unused      int64   `json:"unused"`     // allocated in tables, and free
	BlobBytes   int64   `json:"blob_bytes"` // of the tables that have columns for large binary values
	BlobPercent float64 `json:"blob_percent"`
	Tables      []Table `json:"tables"` // the largest

	Replication []Replication `json:"replication"` // what it follows; none on a main
}

// Key names the item among its siblings.
func (d Database) Key() string { return d.Kind + " " + strconv.Itoa(d.Port) }

// A Table is one table of a database.
type Table struct {
	Name  string `json:"name"`  // schema.table
	Bytes int64  `json:"bytes"` // rows and indexes
	Rows  int64  `json:"rows"`  // estimated
	Blobs string `json:"blobs"` // columns for large binary values; empty when there are none
}

// Key names the item among its siblings.
func (t Table) Key() string { return t.Name }

// Replication is how a server follows another.
type Replication struct {
	Source  string `json:"source"`  // host:port
	Channel string `json:"channel"` // empty for the only one
	State   string `json:"state"`   // running, connecting, broken, stopped
	Lag     int64  `json:"lag"`     // seconds behind; -1 when the server does not say
	Error   string `json:"error"`   // its own words, without secrets
}

// Key names the item among its siblings.
func (r Replication) Key() string { return strings.TrimSpace(r.Source + " " + r.Channel) }

// A BalancerServer is one server of a running HAProxy, as that sees it now.
type BalancerServer struct {
	Backend string `json:"backend"`
	Server  string `json:"server"`
	State   string `json:"state"`  // up, down, maintenance, drain, unchecked
	Check   string `json:"check"`  // how the last check ended: L4OK, L4TOUT, L7STS/500 …; empty when there is none
	Detail  string `json:"detail"` // in words
	Backup  bool   `json:"backup"`

	Since    time.Duration `json:"since"`    // in this state
	Sessions int64         `json:"sessions"` // now
	Total    int64         `json:"total"`    // since HAProxy started
	Failures int64         `json:"failures"` // connections and answers that failed, likewise
}

// Key names the item among its siblings.
func (b BalancerServer) Key() string { return b.Backend + "/" + b.Server }

// A Cache is a Redis as its INFO describes it.
type Cache struct {
	Port       int    `json:"port"`
	Version    string `json:"version"`
	Role       string `json:"role"`   // main, replica
	Source     string `json:"source"` // of a replica: host:port
	Linked     bool   `json:"linked"` // of a replica: it is connected with its source
	Lag        int64  `json:"lag"`    // of a replica: seconds since it heard from its source; -1 when not told
	Replicas   int    `json:"replicas"`
	Memory     int64  `json:"memory"`     // bytes
	MemoryMax  int64  `json:"memory_max"` // 0: no limit
	Policy     string `json:"policy"`     // what happens at the limit
	Evicted    int64  `json:"evicted"`    // keys, since its start
	SaveFailed bool   `json:"save_failed"`
}

// Key names the item among its siblings.
func (c Cache) Key() string { return "redis " + strconv.Itoa(c.Port) }

// A Reply is what a service answered to one harmless question that nobody had
// authenticated.
type Reply struct {
	Service  string   `json:"service"` // Jenkins
	Port     int      `json:"port"`
	Address  string   `json:"address"` // that was asked, from the host itself
	Process  string   `json:"process"`
	Access   string   `json:"access"` // open, readable (it shows itself, and lets nobody change anything), guarded, unclear
	Version  string   `json:"version"`
	Asked    string   `json:"asked"`    // the question
	Said     string   `json:"said"`     // the part of the answer that tells
	Why      string   `json:"why"`      // what whoever reaches it can do
	Everyone bool     `json:"everyone"` // it listens on more than loopback
	OpenTo   []string `json:"open_to"`  // other places from which it was asked and was as open
	ShutTo   []string `json:"shut_to"`  // those from which it was not
}

// Key names the item among its siblings.
func (r Reply) Key() string { return r.Service + " " + strconv.Itoa(r.Port) }

// What a service's reply says of who may use it.
const (
	ReplyOpen     = "open"
	ReplyReadable = "readable"
	ReplyGuarded  = "guarded"
	ReplyUnclear  = "unclear"
)

// A Heartbeat is how a TLS service took a heartbeat that claims one byte more
// than it has (CVE-2014-0160).
type Heartbeat struct {
	Port    int    `json:"port"`
	Process string `json:"process"`
	Verdict string `json:"verdict"` // vulnerable, fixed, unaffected, unknown
	Proof   string `json:"proof"`
}

// Key names the item among its siblings.
func (h Heartbeat) Key() string { return "port " + strconv.Itoa(h.Port) }
