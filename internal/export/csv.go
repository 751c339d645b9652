package export

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/nightcall-sh/nightcall/internal/inventory"
	"github.com/nightcall-sh/nightcall/internal/word"
)

// csvColumns is the frozen header: columns are only ever added at its end.
var csvColumns = []string{
	"name", "address", "port", "user", "jump", "class", "reason", "seen",
	"os", "os_version", "kernel", "arch", "kind", "hypervisor", "vendor", "model", "serial",
	"cpus", "memory_bytes", "addresses",
}

// CSV renders the hosts as RFC 4180 text with a header. Times are RFC 3339 in
// UTC, sizes bytes, lists separated by blanks. What was not observed is empty. A
// cell that a spreadsheet would calculate begins with an apostrophe.
func CSV(hosts []inventory.Host) ([]byte, error) {
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	w.UseCRLF = true
	_ = w.Write(csvColumns) // a buffer takes everything
	for _, h := range byName(hosts) {
		row := csvRow(h)
		for i := range row {
			row[i] = cell(row[i])
		}
		_ = w.Write(row)
	}
	w.Flush()
	return b.Bytes(), w.Error()
}

func csvRow(h inventory.Host) []string {
	f := h.Facts
	return []string{
		h.Name, h.Access.Address, number(h.Access.Port), h.Access.User, jumpText(h.Access.Jump),
		string(h.Class), h.Reason, moment(h.Seen),
		f.OS.Value.ID, f.OS.Value.Version, f.Kernel.Value.Release, f.Kernel.Value.Arch,
		f.Platform.Value.Kind, f.Platform.Value.Hypervisor, f.Platform.Value.Vendor, f.Platform.Value.Model, f.Platform.Value.Serial,
		number(f.CPU.Value.Count), number(f.Memory.Value.Total), addressText(h),
	}
}

// cell makes s harmless in a spreadsheet: one printable line, and no formula.
// Spreadsheets look behind leading blanks, too.
func cell(s string) string {
	s = word.OneLine(s)
	if trimmed := strings.TrimLeft(s, " ?"); trimmed != "" && strings.ContainsRune("=+-@", rune(trimmed[0])) {
		return "'" + s
	}
	return s
}

// number is n, or nothing where 0 means that it is not known.
func number[N int | int64](n N) string {
	if n == 0 {
		return ""
	}
	return strconv.FormatInt(int64(n), 10)
}

func moment(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

func jumpText(hops []inventory.Hop) string {
	words := make([]string, len(hops))
	for i, hop := range hops {
		words[i] = hopText(hop)
	}
	return strings.Join(words, " ")
}

// hopText is a hop as ProxyJump writes it.
func hopText(hop inventory.Hop) string {
	text := hop.Address
	if strings.Contains(text, ":") {
		text = "[" + text + "]"
	}
	if hop.User != "" {
		text = hop.User + "@" + text
	}
	if hop.Port != 0 {
		text = fmt.Sprintf("%s:%d", text, hop.Port)
	}
	return text
}

func addressText(h inventory.Host) string {
	addrs := Addresses(h)
	words := make([]string, len(addrs))
	for i, a := range addrs {
		words[i] = a.String()
	}
	return strings.Join(words, " ")
}
