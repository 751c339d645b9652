package export

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/nightcall-sh/nightcall/internal/inventory"
)

func TestSSHConfig(t *testing.T) {
	t.Parallel()
	config, err := SSHConfig(fleet(), options())
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "fleet.ssh_config", config.Text)
	golden(t, "fleet.ssh_known_hosts", config.Pinned)

	shuffled := fleet()
	slices.Reverse(shuffled)
	again, err := SSHConfig(shuffled, options())
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(config.Text, again.Text) || !bytes.Equal(config.Pinned, again.Pinned) {
		t.Error("the order of the hosts changes the files")
	}
}

func TestSSHConfigWarnings(t *testing.T) {
	t.Parallel()
	config, err := SSHConfig(fleet(), options())
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, w := range config.Warnings {
		got = append(got, w.String())
	}
	want := []string{
		"evil?ProxyCommand touch /tmp/owned: left out: the name contains '\\n'",
		"laptop: left out: it is this machine, and no ssh is needed",
		"museum: needs host key ssh-dss, cipher arcfour, which OpenSSH_9.2p1 lacks",
	}
	if !slices.Equal(got, want) {
		t.Errorf("warnings:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestSSHConfigSpellsForOldClients(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		major, minor int
		want         string
	}{
		{8, 4, "PubkeyAcceptedKeyTypes +ssh-rsa"},
		{8, 5, "PubkeyAcceptedAlgorithms +ssh-rsa"},
		{10, 0, "PubkeyAcceptedAlgorithms +ssh-rsa"},
	} {
		o := options()
		o.Client.major, o.Client.minor = tt.major, tt.minor
		config, err := SSHConfig(fleet(), o)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(config.Text), "    "+tt.want+"\n") {
			t.Errorf("OpenSSH %d.%d: no line %q", tt.major, tt.minor, tt.want)
		}
	}
}

func TestSSHConfigRefusesCollisions(t *testing.T) {
	t.Parallel()
	_, err := SSHConfig([]inventory.Host{seen("Web1", "10.0.0.1"), seen("web1", "10.0.0.2")}, options())
	if err == nil || !strings.Contains(err.Error(), `both "Web1" and "web1"`) {
		t.Errorf("got %v, want an error that names both", err)
	}
}

func TestSSHConfigRefusesDirectories(t *testing.T) {
	t.Parallel()
	for _, dir := range []string{"", "relative", "/a\nProxyCommand x", `/a"b`, "/a${HOME}", "/\xff"} {
		o := options()
		o.Dir = dir
		if _, err := SSHConfig(fleet(), o); err == nil {
			t.Errorf("directory %q was accepted", dir)
		}
	}
}

func TestSocketsTooLongAreNotShared(t *testing.T) {
	t.Parallel()
	if got := socketDir("/home/kim/.ssh"); got != "/home/kim/.ssh/nc" {
		t.Errorf("got %q", got)
	}
	if got := socketDir("/home/" + strings.Repeat("k", 40)); got != "" {
		t.Errorf("a socket at %q would be too long", got)
	}
}

func TestWindowsSharesNoConnections(t *testing.T) {
	t.Parallel()
	o := options()
	o.Client.Version = "OpenSSH_for_Windows_9.5p1"
	config, err := SSHConfig(fleet(), o)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(config.Text), "ControlMaster") {
		t.Error("a client that cannot share connections is told to")
	}
}

// oneHost is a fleet of one host that a single value was put into.
func oneHost(change func(*inventory.Host)) []inventory.Host {
	return []inventory.Host{seen("web1", "10.0.0.7", change)}
}

// hostile are values that mean something to ssh, a shell or a terminal.
var hostile = []string{
	"", " ", "*", "?", "!web", "-oProxyCommand=touch /tmp/x", "a b", "a\tb", "a\nb", "a\r\nProxyCommand x", "a\x00b",
	"#a", "a#b", `"a"`, `a"b`, "a'b", `a\`, `a\b`, "%h", "a%%b", "100%", "$(id)", "`id`", "${HOME}", "a;b", "a|b", "a,b", "a@b",
	"a/b", "a=b", "none", "NONE", "\x1b[31mred", "\u202egnp", "\xff\xfe", "é", "[::1]", "::1", "fe80::1%eth0", "fe80::1%e th",
	"10.0.0.7:2222", strings.Repeat("a", 300), strings.Repeat("é", 2000), "~", "~/x", ".", "..", "all", "exec", "Host", "0", "-1",
	"0x7f.1", "010.0.0.1", "2001:DB8:0::1", "::ffff:10.0.0.1", "WEB1", "web1.",
}

// places are where an inventory can carry a value into the file.
var places = map[string]func(*inventory.Host, string){
	"name":        func(h *inventory.Host, s string) { h.Name = s },
	"address":     func(h *inventory.Host, s string) { h.Access.Address = s },
	"user":        func(h *inventory.Host, s string) { h.Access.User = s },
	"identity":    func(h *inventory.Host, s string) { h.Access.Identities = []string{s} },
	"hop alias":   func(h *inventory.Host, s string) { h.Access.Jump = []inventory.Hop{{Alias: s, Address: "10.0.0.1"}} },
	"hop address": func(h *inventory.Host, s string) { h.Access.Jump = []inventory.Hop{{Address: s}} },
	"hop user":    func(h *inventory.Host, s string) { h.Access.Jump = []inventory.Hop{{Address: "10.0.0.1", User: s}} },
	"legacy":      func(h *inventory.Host, s string) { h.Access.Legacy.Cipher = []string{s} },
	"key type":    func(h *inventory.Host, s string) { h.Access.HostKeys[0].Type = s },
	"key":         func(h *inventory.Host, s string) { h.Access.HostKeys[0].Key = s },
	"os":          func(h *inventory.Host, s string) { h.Facts.OS.Value.Name = s },
}

// TestHostileValues has the installed client read what became of each hostile
// value in each place.
func TestHostileValues(t *testing.T) {
	t.Parallel()
	client, err := FindClient(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	for place, put := range places {
		t.Run(place, func(t *testing.T) {
			t.Parallel()
			o := options()
			o.Client, o.Dir, o.Sockets = client, t.TempDir(), "/tmp"
			for _, value := range hostile {
				config, err := SSHConfig(oneHost(func(h *inventory.Host) { put(h, value) }), o)
				if err != nil {
					t.Fatalf("%q: %v", value, err)
				}
				if err := wellFormed(config); err != nil {
					t.Errorf("%q: %v\n%s", value, err, config.Text)
				}
				if err := config.Write(t.Context(), o.Dir, client); err != nil {
					t.Errorf("%q: %v\n%s", value, err, config.Text)
				}
			}
		})
	}
}

func FuzzSSHConfig(f *testing.F) {
	for i, value := range hostile {
		f.Add(value, "10.0.0.7", value, value, hostile[len(hostile)-1-i], "ssh-ed25519", value, i)
		f.Add("web1", value, "admin", "~/.ssh/id", value, value, value, 22)
	}
	f.Fuzz(func(t *testing.T, name, address, user, identity, hop, algorithm, text string, port int) {
		o := options()
		o.Incident, o.By = text, text
		hosts := []inventory.Host{
			seen(name, address, system(text, text, text), func(h *inventory.Host) {
				h.Access.User, h.Access.Port = user, port
				h.Access.Identities = []string{identity, "~/.ssh/id"}
				h.Access.Jump = []inventory.Hop{{Alias: hop, Address: "10.1.0.1"}, {Address: hop, User: user}}
				h.Access.HostKeys = append(h.Access.HostKeys, inventory.HostKey{Type: algorithm, Key: text, Fingerprint: text})
				h.Access.Legacy = inventory.Algorithms{KeyExchange: []string{algorithm, text}, Signature: []string{hop}}
			}),
			seen("safe", "10.0.0.8", behind(inventory.Hop{Alias: name, Address: hop, Port: port, User: user})),
			seen("also-safe", "10.0.0.9"),
		}
		for _, client := range []Client{o.Client, {}} {
			o.Client = client
			config, err := SSHConfig(hosts, o)
			if err != nil {
				if collision(hosts) == nil {
					t.Fatal(err)
				}
				continue
			}
			if !config.Has("also-safe") {
				t.Error("a hostile host took a safe one with it")
			}
			if err := wellFormed(config); err != nil {
				t.Errorf("%v\n%s", err, config.Text)
			}
		}
	})
}

// wellFormed reads the file line by line, as ssh does, and says where it is not
// exactly what its blocks mean.
func wellFormed(config Config) error {
	blocks, err := readConfig(string(config.Text))
	if err != nil {
		return err
	}
	if len(blocks) != len(config.blocks) {
		return fmt.Errorf("%d Host lines for %d blocks", len(blocks), len(config.blocks))
	}
	for i, b := range config.blocks {
		if err := sameBlock(blocks[i], b); err != nil {
			return fmt.Errorf("block %s: %w", b.alias, err)
		}
	}
	return wellPinned(config)
}

// A readLine is one directive with its arguments, quotes removed.
type readLine struct {
	keyword string
	args    []string
}

// readConfig splits the file at its Host lines.
func readConfig(text string) (blocks [][]readLine, err error) {
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		for _, r := range line {
			if r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 {
				return nil, fmt.Errorf("control character in %q", line)
			}
		}
		line = strings.TrimLeft(line, " ")
		if line == "" || line[0] == '#' {
			continue
		}
		read, err := readDirective(line)
		if err != nil {
			return nil, err
		}
		if read.keyword == "Host" {
			blocks = append(blocks, nil)
		}
		if len(blocks) == 0 {
			return nil, fmt.Errorf("%q stands before the first Host", line)
		}
		blocks[len(blocks)-1] = append(blocks[len(blocks)-1], read)
	}
	return blocks, nil
}

func readDirective(line string) (readLine, error) {
	keyword, rest, _ := strings.Cut(line, " ")
	read := readLine{keyword: keyword}
	for rest != "" {
		if rest[0] != '"' {
			var word string
			word, rest, _ = strings.Cut(rest, " ")
			if word == "" || strings.ContainsAny(word, "\"'#=") {
				return read, fmt.Errorf("bare word %q in %q", word, line)
			}
			read.args = append(read.args, word)
			continue
		}
		word, after, closed := strings.Cut(rest[1:], `"`)
		if !closed || after != "" && after[0] != ' ' {
			return read, fmt.Errorf("open quote in %q", line)
		}
		read.args = append(read.args, word)
		rest = strings.TrimPrefix(after, " ")
	}
	return read, nil
}

// keywords are all that a block may hold.
var keywords = []string{
	"Host", "HostName", "Port", "User", "IdentityFile", "ProxyJump", "HostKeyAlias", "UserKnownHostsFile",
	"GlobalKnownHostsFile", "StrictHostKeyChecking", "UpdateHostKeys", "CheckHostIP", "KexAlgorithms",
	"HostKeyAlgorithms", "Ciphers", "MACs", "PubkeyAcceptedAlgorithms", "ControlMaster", "ControlPath", "ControlPersist",
}

// sameBlock compares what was read with what was meant.
func sameBlock(lines []readLine, b block) error {
	values := map[string]string{}
	for _, line := range lines {
		if !slices.Contains(keywords, line.keyword) {
			return fmt.Errorf("keyword %q", line.keyword)
		}
		if len(line.args) != 1 && !strings.HasSuffix(line.keyword, "KnownHostsFile") {
			return fmt.Errorf("%s has arguments %q", line.keyword, line.args)
		}
		if _, twice := values[line.keyword]; twice && line.keyword != "IdentityFile" {
			return fmt.Errorf("%s stands there twice", line.keyword)
		}
		values[line.keyword] = line.args[0]
	}
	if got := values["Host"]; got != b.alias || strings.ContainsAny(got, "*?!%,\"' ") {
		return fmt.Errorf("host %q", got)
	}
	if got := strings.ReplaceAll(values["HostName"], "%%", "%"); got != b.address || got == "" {
		return fmt.Errorf("address %q is written %q", b.address, got)
	}
	if values["User"] != b.user || values["HostKeyAlias"] != b.keyAlias || values["StrictHostKeyChecking"] != "yes" {
		return errors.New("user or host key differ from what was meant")
	}
	if got := values["ProxyJump"]; got != spellJump(b.jump) || strings.ContainsAny(got, "%@$") {
		return fmt.Errorf("jump %q", got)
	}
	return nil
}

// wellPinned reads the known_hosts of a configuration.
func wellPinned(config Config) error {
	for line := range strings.Lines(string(config.Pinned)) {
		words := strings.Fields(line)
		if len(words) != 3 || strings.Join(words, " ")+"\n" != line || !config.Has(words[0]) {
			return fmt.Errorf("pinned line %q", line)
		}
	}
	return nil
}

// TestWriteKeepsTheOldFile: what the client refuses never replaces what works.
func TestWriteKeepsTheOldFile(t *testing.T) {
	t.Parallel()
	client, err := FindClient(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	file := filepath.Join(dir, ConfigFile)
	if err := os.WriteFile(file, []byte("# old\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	o := options()
	o.Dir, o.Client = dir, Client{} // asks nobody, so the unknown cipher is written
	config, err := SSHConfig(oneHost(func(h *inventory.Host) { h.Access.Legacy.Cipher = []string{"enigma"} }), o)
	if err != nil {
		t.Fatal(err)
	}
	err = config.Write(t.Context(), dir, client)
	if err == nil || !strings.Contains(err.Error(), "alias web1") {
		t.Errorf("got %v, want the client's refusal of alias web1", err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(file); err != nil || string(text) != "# old\n" || len(entries) != 1 {
		t.Errorf("the directory changed: %q, %v, %v", text, entries, err)
	}
}

// TestCheckComparesMeaning: a file that the client accepts and reads as another
// machine is refused too.
func TestCheckComparesMeaning(t *testing.T) {
	t.Parallel()
	client, err := FindClient(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	o := options()
	o.Client = client
	config, err := SSHConfig([]inventory.Host{seen("web1", "10.0.0.7")}, o)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "config")
	text := strings.Replace(string(config.Text), "HostName 10.0.0.7", "HostName 10.0.0.8", 1)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	err = client.Check(t.Context(), file, config)
	if err == nil || !strings.Contains(err.Error(), `hostname as "10.0.0.8"`) {
		t.Errorf("got %v", err)
	}
}
