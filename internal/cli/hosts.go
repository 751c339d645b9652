package cli

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/nightcall-sh/nightcall/internal/host"
	"github.com/nightcall-sh/nightcall/internal/inventory"
)

type hostsOptions struct {
	classes []string
}

func newHostsCmd(a *app) *cobra.Command {
	var opts hostsOptions
	cmd := &cobra.Command{
		Use:     "hosts",
		GroupID: groupLook,
		Short:   "List the hosts of the incident",
		Long: `List every host of the incident with what the last visit found: address, how the
visit ended, operating system, virtual or physical, CPUs, memory, load, the fullest
filesystem, when it was last reached, and why it was not.

Private addresses that hosts talk to and that belong to none of them are listed as
"not visited": "nightcall scan --not-visited" goes there.

A dash means that the value is not known. Facts are from the last visit that could
read them; "nightcall host show" tells their age.

EXIT STATUS
  0  the list was printed, also when it is empty
  1  the incident cannot be read
  2  usage`,
		Example: `  nightcall hosts
  nightcall hosts --class unreachable,auth
  nightcall hosts --json | jq -r '.hosts[] | select(.memory_bytes != null and .memory_bytes < 1e9) | .name'`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return runHosts(cmd.Context(), a, opts) },
	}
	cmd.Flags().StringSliceVar(&opts.classes, "class", nil, "only hosts whose last visit ended so: "+classWords(", "))
	_ = cmd.RegisterFlagCompletionFunc("class", completeWords(strings.Split(classWords(","), ",")...))
	return cmd
}

// classWords are the classes a visit can end in.
func classWords(separator string) string {
	words := make([]string, len(host.Classes))
	for i, c := range host.Classes {
		words[i] = string(c)
	}
	return strings.Join(words, separator)
}

func runHosts(ctx context.Context, a *app, opts hostsOptions) error {
	for _, c := range opts.classes {
		if !slices.Contains(host.Classes, host.Class(c)) {
			return usageError("classes: "+classWords(", "), "unknown class %q", c)
		}
	}
	incident, err := a.openCurrent(ctx)
	if err != nil {
		return err
	}
	defer incident.Close()
	fleet, err := incident.Fleet(ctx)
	if err != nil {
		return err
	}
	rows := []hostRow{}
	for _, h := range fleet.Hosts {
		if len(opts.classes) == 0 || slices.Contains(opts.classes, string(h.Class)) {
			rows = append(rows, newHostRow(h))
		}
	}
	others := []inventory.Address{}
	if len(opts.classes) == 0 {
		others = append(others, inventory.NotVisited(fleet)...)
	}
	if a.json {
		return printJSON(a.io, map[string]any{"hosts": rows, "not_visited": others})
	}
	if len(fleet.Hosts) == 0 {
		fmt.Fprintln(a.io.Err, "nightcall: hint: this incident has no hosts yet: nightcall scan web1 web2")
	}
	if err := printHosts(a, append(rows, notVisitedRows(others)...)); err != nil {
		return err
	}
	if len(others) > 0 {
		a.say("%d addresses were seen only in other hosts' connections: nightcall scan --not-visited", len(others))
	}
	return nil
}

// notVisitedRows are addresses as lines of the list.
func notVisitedRows(addresses []inventory.Address) []hostRow {
	var rows []hostRow
	for _, addr := range addresses {
		reason := strings.Join(addr.By[:min(3, len(addr.By))], ", ")
		if more := len(addr.By) - 3; more > 0 {
			reason += fmt.Sprintf(" and %d more", more)
		}
		if len(addr.Ports) > 0 {
			ports := fmt.Sprint(addr.Ports[:min(5, len(addr.Ports))])
			reason += " connect to its ports " + strings.Trim(ports, "[]")
		} else {
			reason += " are connected to from it"
		}
		rows = append(rows, hostRow{Name: addr.Addr.String(), Address: addr.Addr.String(), Class: "not visited", Reason: reason})
	}
	return rows
}

// A hostRow is one line of the list, and one object of --json. What is not known
// is null there.
type hostRow struct {
	Name       string     `json:"name"`
	Address    string     `json:"address"`
	Port       int        `json:"port"`
	User       string     `json:"user"`
	Class      string     `json:"class"`
	Reason     string     `json:"reason"`
	OS         *string    `json:"os"`
	OSVersion  *string    `json:"os_version"`
	Kind       *string    `json:"kind"` // physical, virtual, container
	Hypervisor *string    `json:"hypervisor"`
	CPUs       *int       `json:"cpus"`
	Memory     *int64     `json:"memory_bytes"`
	Load       *float64   `json:"load"` // over one minute
	Disk       *diskWorst `json:"disk_worst"`
	Seen       *time.Time `json:"seen"`
	Visited    *time.Time `json:"visited"`

	name string // of the operating system, for people
}

// A diskWorst is the filesystem with the least room.
type diskWorst struct {
	Mount       string  `json:"mount"`
	UsedPercent float64 `json:"used_percent"`
}

func newHostRow(h inventory.Host) hostRow {
	row := hostRow{
		Name: h.Name, Address: h.Access.Address, Port: h.Access.Port, User: h.Access.User,
		Class: string(h.Class), Reason: h.Reason,
		Seen: timeOrNil(h.Seen), Visited: timeOrNil(h.Visited), Disk: fullest(h),
	}
	f := h.Facts
	if f.OS.Known() {
		row.OS, row.OSVersion, row.name = &f.OS.Value.ID, &f.OS.Value.Version, f.OS.Value.Name
	}
	if f.Platform.Known() {
		row.Kind, row.Hypervisor = &f.Platform.Value.Kind, &f.Platform.Value.Hypervisor
	}
	if f.CPU.Known() {
		row.CPUs = &f.CPU.Value.Count
	}
	if f.Memory.Known() {
		row.Memory = &f.Memory.Value.Total
	}
	if f.Load.Known() {
		row.Load = &f.Load.Value.One
	}
	return row
}

func timeOrNil(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// fullest is the filesystem on which space or inodes will end first. Read-only
// ones are meant to be full: images, CD-ROMs.
func fullest(h inventory.Host) *diskWorst {
	var worst *diskWorst
	for _, f := range h.Facts.Filesystems.Value {
		used := max(f.UsedPercent, f.InodesUsedPercent)
		if f.ReadOnly && f.Fstab != "rw" || worst != nil && used <= worst.UsedPercent {
			continue
		}
		worst = &diskWorst{Mount: f.Mount, UsedPercent: used}
	}
	return worst
}

func printHosts(a *app, rows []hostRow) error {
	table := newTable(a.io, "NAME", "ADDRESS", "CLASS", "OS", "KIND", "CPUS", "MEMORY", "LOAD", "DISK", "SEEN", "REASON")
	for _, r := range rows {
		table.row(r.Name, endpointText(r.Address, r.Port), r.Class, r.system(), r.kind(), r.cpus(), r.memory(),
			r.load(), r.disk(), ageText(r.Seen, a.now()), r.Reason)
	}
	return table.flush()
}

// unknownCell stands for what is not known.
const unknownCell = "-"

// endpointText leaves the usual port out.
func endpointText(address string, port int) string {
	if address == "" {
		return unknownCell
	}
	if port == 0 || port == 22 {
		return address
	}
	if strings.Contains(address, ":") {
		address = "[" + address + "]"
	}
	return fmt.Sprintf("%s:%d", address, port)
}

func (r hostRow) system() string {
	if r.OS == nil {
		return unknownCell
	}
	return strings.TrimSpace(r.name + " " + *r.OSVersion)
}

func (r hostRow) kind() string {
	if r.Kind == nil {
		return unknownCell
	}
	if *r.Hypervisor != "" {
		return *r.Kind + " (" + *r.Hypervisor + ")"
	}
	return *r.Kind
}

func (r hostRow) cpus() string {
	if r.CPUs == nil {
		return unknownCell
	}
	return fmt.Sprint(*r.CPUs)
}

func (r hostRow) memory() string {
	if r.Memory == nil {
		return unknownCell
	}
	return humanBytes(*r.Memory)
}

func (r hostRow) load() string {
	if r.Load == nil {
		return unknownCell
	}
	return fmt.Sprintf("%.2f", *r.Load)
}

func (r hostRow) disk() string {
	if r.Disk == nil {
		return unknownCell
	}
	return fmt.Sprintf("%.0f%% %s", r.Disk.UsedPercent, r.Disk.Mount)
}

// humanBytes is a size in the binary unit that fits it: 1.9 GiB.
func humanBytes(n int64) string {
	size, unit := float64(n), 0
	units := []string{"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"}
	for math.Abs(size) >= 1024 {
		size /= 1024
		unit++
	}
	if unit > 0 && math.Abs(size) < 10 {
		return fmt.Sprintf("%.1f %s", size, units[unit])
	}
	return fmt.Sprintf("%.0f %s", size, units[unit])
}

// ageText is how long ago something was, in one unit.
func ageText(t *time.Time, now time.Time) string {
	if t == nil {
		return "never"
	}
	return durationText(now.Sub(*t)) + " ago"
}

// durationText is a duration in the unit that fits it.
func durationText(d time.Duration) string {
	switch {
	case d < 0:
		return "-" + durationText(-d)
	case d < time.Second:
		return d.Round(time.Millisecond).String()
	case d < 2*time.Minute:
		return fmt.Sprintf("%ds", d/time.Second)
	case d < 2*time.Hour:
		return fmt.Sprintf("%dm", d/time.Minute)
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh", d/time.Hour)
	default:
		return fmt.Sprintf("%dd", d/(24*time.Hour))
	}
}
