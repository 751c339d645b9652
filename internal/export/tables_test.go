package export

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/nightcall-sh/nightcall/internal/fact"
	"github.com/nightcall-sh/nightcall/internal/inventory"
	"github.com/nightcall-sh/nightcall/internal/word"
)

func TestCSV(t *testing.T) {
	t.Parallel()
	text, err := CSV(fleet())
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "fleet.csv", text)
	rows, err := csv.NewReader(bytes.NewReader(text)).ReadAll()
	if err != nil || len(rows) != len(fleet())+1 {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
}

func TestCellIsNoFormula(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"web1": "web1", "": "", "10.0.0.1": "10.0.0.1",
		"=1+1": "'=1+1", "+1": "'+1", "-1": "'-1", "@SUM(A1)": "'@SUM(A1)", "  =1": "'  =1", "\t=1": "'?=1", "\r\n=1": "'??=1",
	} {
		if got := cell(in); got != want {
			t.Errorf("%q becomes %q, want %q", in, got, want)
		}
	}
}

func FuzzCSV(f *testing.F) {
	for _, value := range hostile {
		f.Add(value)
	}
	f.Add("=cmd|'/c calc'!A1")
	f.Fuzz(func(t *testing.T, value string) {
		text, err := CSV([]inventory.Host{seen(value, value, system(value, value, value), behind(inventory.Hop{User: value, Address: value}))})
		if err != nil {
			t.Fatal(err)
		}
		rows, err := csv.NewReader(bytes.NewReader(text)).ReadAll()
		if err != nil || len(rows) != 2 || len(rows[1]) != len(csvColumns) {
			t.Fatalf("%d rows, %v", len(rows), err)
		}
		for _, cell := range rows[1] {
			if cell != "" && strings.ContainsAny(cell[:1], "=+-@\t\r") || strings.ContainsAny(cell, "\n\x1b") {
				t.Errorf("cell %q", cell)
			}
		}
	})
}

func TestHostsFile(t *testing.T) {
	t.Parallel()
	text, warnings, err := HostsFile(fleet(), "checkout\nis down")
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "fleet.hosts", text)
	if len(warnings) != 3 {
		t.Errorf("warnings: %v", warnings)
	}
	if _, _, err := HostsFile([]inventory.Host{seen("a", "10.0.0.1"), seen("A", "10.0.0.2")}, ""); err == nil {
		t.Error("a collision was written")
	}
}

func TestPrimaryAddress(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		host inventory.Host
		want string
	}{
		{"dialled", seen("a", "10.0.0.1", interfaces("eth0", "10.0.0.2/24")), "10.0.0.1"},
		{"by name", seen("a", "a.example", interfaces("eth0", "10.0.0.2/24")), "10.0.0.2"},
		{"IPv4 first", seen("a", "a.example", interfaces("eth0", "2001:db8::1/64", "10.0.0.2/24")), "10.0.0.2"},
		{"IPv6 only", seen("a", "a.example", interfaces("eth0", "fe80::1/64", "2001:db8::1/64")), "2001:db8::1"},
		{"tunnel", seen("a", "127.0.0.1", interfaces("lo", "127.0.0.1/8"), interfaces("eth0", "10.0.0.2/24")), "10.0.0.2"},
		{"tunnel, nothing else", seen("a", "127.0.0.1"), "127.0.0.1"},
		{"nothing", seen("a", "a.example"), "invalid IP"},
	} {
		if got := PrimaryAddress(tt.host).String(); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
}

func TestAnsible(t *testing.T) {
	t.Parallel()
	text, warnings, err := Ansible(fleet(), "checkout is down", options().Client)
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "fleet.ansible.yaml", text)
	if len(warnings) != 2 {
		t.Errorf("warnings: %v", warnings)
	}

	read := ansibleRead(t, text)
	db1 := read.Meta.HostVars["db1"]
	if db1["ansible_host"] != "10.0.0.7" || db1["ansible_user"] != "admin" || db1["ansible_port"] != 22.0 ||
		db1["ansible_ssh_common_args"] != "-o ProxyJump=admin@192.0.2.10:22,ops@10.0.0.2:2222" {
		t.Errorf("db1: %v", db1)
	}
	if got := read.group(t, "os_rhel"); !slices.Equal(got, []string{"db1", "museum"}) {
		t.Errorf("os_rhel: %v", got)
	}
	if got := read.group(t, "class_unreachable"); !slices.Equal(got, []string{"10.0.0.44"}) {
		t.Errorf("class_unreachable: %v", got)
	}
}

// TestAnsibleReadsEveryName has Ansible itself read names that YAML or Ansible
// would take for something else.
func TestAnsibleReadsEveryName(t *testing.T) {
	t.Parallel()
	var hosts []inventory.Host
	want := map[string]string{}
	for _, name := range slices.Concat(hostile, []string{
		"yes", "on", "Null", "0x10", "1e3", "017", "12_30", "12:30:45", "2024-01-01", "NaN", "1_000", "web[1:3]", "{{ 7*7 }}",
	}) {
		if collision(append(hosts, inventory.Host{Name: name})) != nil {
			continue
		}
		hosts = append(hosts, seen(name, "1:2:3:4:5:6:7:8", func(h *inventory.Host) { h.Access.User = name }))
		if word.CheckName(name) == nil && word.CheckUser(name) == nil && name != "all" {
			want[name] = name
		}
	}
	hosts = append(hosts, seen("python", "10.0.0.1", func(h *inventory.Host) {
		h.Facts.Packages.Value = []fact.Package{{Name: "python3", Manager: "dpkg"}}
		h.Access.User = `CORP\kim`
	}))
	want["python"] = `CORP\kim`
	text, _, err := Ansible(hosts, "{{ 7*7 }}", Client{})
	if err != nil {
		t.Fatal(err)
	}
	read := ansibleRead(t, text)
	if len(read.Meta.HostVars) != len(want) {
		t.Errorf("%d hosts read, %d written", len(read.Meta.HostVars), len(want))
	}
	for name, user := range want {
		if got := read.Meta.HostVars[name]["ansible_user"]; got != user {
			t.Errorf("%s: user %v, want %v", name, got, user)
		}
	}
	if got := read.Meta.HostVars["python"]["ansible_python_interpreter"]; got != "/usr/bin/python3" {
		t.Errorf("interpreter %v", got)
	}
}

type ansibleList struct {
	Meta struct {
		HostVars map[string]map[string]any `json:"hostvars"`
	} `json:"_meta"`
	groups map[string]json.RawMessage
}

func (l ansibleList) group(t *testing.T, name string) []string {
	t.Helper()
	var group struct {
		Hosts []string `json:"hosts"`
	}
	if err := json.Unmarshal(l.groups[name], &group); err != nil {
		t.Fatalf("group %s: %v", name, err)
	}
	return group.Hosts
}

// ansibleRead has ansible-inventory read an inventory.
func ansibleRead(t *testing.T, text []byte) ansibleList {
	t.Helper()
	dir := t.TempDir()
	path := filepath.Join(dir, "inventory.yaml")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("ansible-inventory", "-i", path, "--list")
	cmd.Env = append(os.Environ(), "ANSIBLE_INVENTORY_UNPARSED_FAILED=true", "ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED=true", "ANSIBLE_LOCAL_TEMP="+dir, "HOME="+dir)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if stderr.Len() > 0 {
		t.Logf("ansible-inventory: %s", stderr.String())
	}
	if err != nil {
		t.Fatalf("ansible-inventory: %v\n%s", err, text)
	}
	var list ansibleList
	if err := json.Unmarshal(out, &list); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(out, &list.groups); err != nil {
		t.Fatal(err)
	}
	return list
}
