package ssh_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/nightcall-sh/nightcall/internal/host/ssh"
)

// home makes a home directory with these files.
func home(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func load(t *testing.T, text string) *ssh.Config {
	t.Helper()
	dir := home(t, map[string]string{"config": text})
	c, err := ssh.LoadConfig(filepath.Join(dir, "config"), dir, "me")
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// describe is a route as one line.
func describe(r ssh.Route) string {
	var hops []string
	for _, h := range r {
		hops = append(hops, fmt.Sprintf("%s@%s:%d", h.User, h.Address, h.Port))
	}
	return strings.Join(hops, " -> ")
}

func TestRoute(t *testing.T) {
	t.Parallel()
	const text = `
Host web*
    HostName %h.example.org
    User deploy
    Port 2222
Host bastion
    HostName 192.0.2.1
    User jump
Host inner
    HostName 10.0.0.1
    ProxyJump bastion
Host db1
    HostName 10.0.13.1
    ProxyJump inner
Host both
    ProxyJump bastion,ops@10.9.9.9:2022
Host loop
    ProxyJump loop
Host direct
    ProxyJump none
Host *
    User everybody
`
	tests := []struct{ target, want, err string }{
		{target: "web1", want: "deploy@web1.example.org:2222"},
		{target: "root@web1:22", want: "root@web1.example.org:22"},
		{target: "10.0.0.9", want: "everybody@10.0.0.9:22"},
		{target: "inner", want: "jump@192.0.2.1:22 -> everybody@10.0.0.1:22"},
		{target: "db1", want: "jump@192.0.2.1:22 -> everybody@10.0.0.1:22 -> everybody@10.0.13.1:22"},
		{target: "both", want: "jump@192.0.2.1:22 -> ops@10.9.9.9:2022 -> everybody@both:22"},
		{target: "direct", want: "everybody@direct:22"},
		{target: "loop", err: "jump"},
	}
	// The same questions through our parser, and through ssh itself, which a
	// Match makes necessary.
	for name, prefix := range map[string]string{"parsed": "", "asked of ssh": "Match exec false\n    User nobody\n"} {
		c := load(t, prefix+text)
		for _, tt := range tests {
			t.Run(name+"/"+tt.target, func(t *testing.T) {
				t.Parallel()
				target, err := ssh.ParseTarget(tt.target)
				if err != nil {
					t.Fatal(err)
				}
				route, err := c.Route(t.Context(), target)
				if tt.err != "" {
					if err == nil || !strings.Contains(err.Error(), tt.err) {
						t.Errorf("err = %v, want %q", err, tt.err)
					}
					return
				}
				if err != nil {
					t.Fatal(err)
				}
				if got := describe(route); got != tt.want {
					t.Errorf("got  %s\nwant %s", got, tt.want)
				}
			})
		}
	}
}

func TestSettings(t *testing.T) {
	t.Parallel()
	c := load(t, `
Host web1
    IdentityFile ~/.ssh/first
    IdentityFile /keys/%r@%h
    IdentitiesOnly yes
    HostKeyAlias pinned
    UserKnownHostsFile ~/kh1 /kh2
    IdentityAgent none
`)
	route, err := c.Route(t.Context(), ssh.Target{Host: "web1"})
	if err != nil {
		t.Fatal(err)
	}
	h := route.Last()
	if want := []string{filepath.Join(c.Home, ".ssh/first"), "/keys/me@web1"}; !slices.Equal(h.Identities, want) {
		t.Errorf("identities %q, want %q", h.Identities, want)
	}
	if want := []string{filepath.Join(c.Home, "kh1"), "/kh2"}; !slices.Equal(h.KnownHosts, want) {
		t.Errorf("known hosts %q, want %q", h.KnownHosts, want)
	}
	if !h.OnlyThese || h.KeyName != "pinned" || h.Agent != "none" {
		t.Errorf("hop %+v", h)
	}
}

func TestAliases(t *testing.T) {
	t.Parallel()
	dir := home(t, map[string]string{
		".ssh/config":          "Include conf.d/*\nHost web1 web2 *.example.org !web3\nHost web1\nMatch user x\nhost=web4\n",
		".ssh/conf.d/more":     "Host db1\n",
		".ssh/conf.d/nested":   "Include ~/elsewhere\n",
		"elsewhere":            "Host far\n",
		".ssh/conf.d/zz-loop":  "Include ~/.ssh/conf.d/quiet\n",
		".ssh/conf.d/quiet":    "# nothing\n",
		".ssh/known_hosts":     "",
		".ssh/conf.d/bad-name": "Host -oProxyCommand=x a'b ok\n",
	})
	c, err := ssh.LoadConfig("", dir, "me")
	if err != nil {
		t.Fatal(err)
	}
	names, err := c.Aliases()
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"ok", "db1", "far", "web1", "web2", "web4"}; !slices.Equal(names, want) {
		t.Errorf("aliases %q, want %q", names, want)
	}
}

// As nightcall ssh-config --write spells it, also where incidents are kept in
// "Application Support".
func TestQuotedInclude(t *testing.T) {
	t.Parallel()
	dir := home(t, map[string]string{
		"of incidents/ssh_config": "Host web1\n    HostName 192.0.2.7\n    User deploy\n",
		"plain":                   "Host db1\n    HostName \"192.0.2.8\"\n",
	})
	config := fmt.Sprintf("Include \"%s/of incidents/ssh_config\"\n  include = \"%s/plain\" # more\nHost *\n    Port 2222\n", dir, dir)
	c := load(t, config)
	for name, want := range map[string]string{"web1": "deploy@192.0.2.7:2222", "db1": "me@192.0.2.8:2222"} {
		r, err := c.Route(t.Context(), ssh.Target{Host: name})
		if got := describe(r); err != nil || got != want {
			t.Errorf("%s is %s, want %s: %v", name, got, want, err)
		}
	}
	if names, err := c.Aliases(); err != nil || !slices.Equal(names, []string{"web1", "db1"}) {
		t.Errorf("aliases %q: %v", names, err)
	}
}

func TestLoadConfigRefusesWhatIsNotThere(t *testing.T) {
	t.Parallel()
	if _, err := ssh.LoadConfig("/nightcall/none", t.TempDir(), "me"); err == nil {
		t.Error("a named configuration that is not there was accepted")
	}
}

func TestParseTarget(t *testing.T) {
	t.Parallel()
	tests := []struct {
		text string
		want ssh.Target
		err  string
	}{
		{text: "web1", want: ssh.Target{Host: "web1"}},
		{text: "admin@10.0.0.7:2222", want: ssh.Target{User: "admin", Host: "10.0.0.7", Port: 2222}},
		{text: "ssh://a@b:1/", want: ssh.Target{User: "a", Host: "b", Port: 1}},
		{text: "2001:db8::1", want: ssh.Target{Host: "2001:db8::1"}},
		{text: "u@[2001:db8::1]:2200", want: ssh.Target{User: "u", Host: "2001:db8::1", Port: 2200}},
		{text: "a@b@c", want: ssh.Target{User: "a@b", Host: "c"}},
		{text: "", err: "empty"},
		{text: "@web1", err: "user is empty"},
		{text: "web1:0", err: "port"},
		{text: "web1:70000", err: "port"},
		{text: "-oProxyCommand=touch", err: "dash"},
		{text: "web 1", err: `no ' '`},
		{text: "web1;id", err: `no ';'`},
		{text: "$(id)", err: "no '$'"},
		{text: strings.Repeat("a", 300), err: "longer"},
	}
	for _, tt := range tests {
		got, err := ssh.ParseTarget(tt.text)
		if tt.err != "" {
			if err == nil || !strings.Contains(err.Error(), tt.err) {
				t.Errorf("%q: err = %v, want %q", tt.text, err, tt.err)
			}
			continue
		}
		if err != nil || got != tt.want {
			t.Errorf("%q: %+v, %v; want %+v", tt.text, got, err, tt.want)
		}
	}
}

func FuzzParseTarget(f *testing.F) {
	for _, s := range []string{"web1", "a@b:22", "[::1]:22", "u@[fe80::1%eth0]", "x@", ":", "[", "[]:", "ssh://"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		target, err := ssh.ParseTarget(text)
		if err != nil {
			return
		}
		if strings.HasPrefix(target.Host, "-") || strings.ContainsAny(target.Host, " \t\n'\"\\$`;|&<>") {
			t.Errorf("%q gave host %q", text, target.Host)
		}
		again, err := ssh.ParseTarget(target.String())
		if err != nil || again.Host != target.Host || again.User != target.User {
			t.Errorf("%q -> %+v -> %q -> %+v, %v", text, target, target.String(), again, err)
		}
	})
}

// Tokens are wanted where the configuration says so, whoever reads it, and "none"
// takes a general word back.
func TestTokens(t *testing.T) {
	t.Parallel()
	const text = "Host web1\n  PKCS11Provider none\nHost *\n  PKCS11Provider /usr/lib/token.so\n"
	const readBySSH = text + "Match user nobody\n  Port 1\n"
	for _, c := range []*ssh.Config{load(t, text), load(t, readBySSH)} {
		for host, want := range map[string]string{"web1": "", "web2": "/usr/lib/token.so"} {
			route, err := c.Route(t.Context(), ssh.Target{Host: host})
			if err != nil || route.Last().Tokens != want {
				t.Errorf("%s: %q, %v, want %q", host, route.Last().Tokens, err, want)
			}
		}
	}
}
