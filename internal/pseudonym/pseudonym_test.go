package pseudonym_test

import (
	"strings"
	"testing"

	"github.com/nightcall-sh/nightcall/internal/pseudonym"
)

func known() *pseudonym.Map {
	m := pseudonym.New("copy")
	m.Learn(pseudonym.Host, "web1.prod.acme.com")
	m.Learn(pseudonym.Host, "db-main")
	m.Learn(pseudonym.User, "jdoe")
	m.Learn(pseudonym.User, "root")
	m.Learn(pseudonym.Person, "Jane Doe")
	m.Learn(pseudonym.Word, "Acme")
	return m
}

func TestText(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ in, want string }{
		{"web1 is down, web10 is not", "host1 is down, web10 is not"},
		{"WEB1.prod.acme.com", "host1.domain1.example"},
		{"api.acme.com and shop.prod.acme.com.", "api.domain2.example and shop.domain1.example."},
		{"/backup/db-web1-old/db-main.sql", "/backup/db-host1-old/host2.sql"},
		{"jdoe@web1:/home/jdoe root", "user1@host1:/home/user1 root"},
		{"Jane Doe said so; jane did not", "person1 said so; jane did not"},
		{"ACME pays", "word1 pays"},
		{"10.0.0.7:3306 10.0.0.7, 10.0.0.70/24", "240.0.0.1:3306 240.0.0.1, 240.0.0.2/24"},
		{"8.8.8.8 [2a00:1450::5]:443 fe80::1%eth0", "198.18.0.1 [2001:db8::0:1]:443 2001:db8::0:2%eth0"},
		{"127.0.0.1 0.0.0.0:22 255.255.255.0 ::1 [::]:80 224.0.0.1", "127.0.0.1 0.0.0.0:22 255.255.255.0 ::1 [::]:80 224.0.0.1"},
		{"12:30:45 1.2.3.4.5 v1.2.3 999.1.1.1 std::string", "12:30:45 1.2.3.4.5 v1.2.3 999.1.1.1 std::string"},
		{"link/ether 52:54:00:ab:cd:ef brd ff:ff:ff:ff:ff:ff", "link/ether 02:00:00:00:00:01 brd ff:ff:ff:ff:ff:ff"},
		{"\x00\xffweb1\xff", "\x00\xffhost1\xff"},
		{"host1 240.0.0.1 domain1.example", "host1 240.0.0.1 domain1.example"},
	} {
		m := known()
		got := m.Text(c.in)
		if got != c.want {
			t.Errorf("Text(%q)\n got %q\nwant %q", c.in, got, c.want)
		}
		if again := m.Text(got); again != got {
			t.Errorf("%q, and again %q", got, again)
		}
	}
}

func TestMapIsStable(t *testing.T) {
	t.Parallel()
	m := known()
	first := m.Text("web1 10.0.0.7 jdoe")
	encoded, err := m.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	again, err := pseudonym.Read(encoded)
	if err != nil {
		t.Fatal(err)
	}
	again.Learn(pseudonym.Host, "another")
	if got := again.Text("10.9.9.9 another web1 10.0.0.7 jdoe"); got != "240.0.0.2 host3 "+first {
		t.Errorf("%q after %q", got, first)
	}
	for _, text := range []string{"", "{}", "null", `{"incident":"x","names":null}`} {
		if _, err := pseudonym.Read([]byte(text)); err == nil {
			t.Errorf("%q was read", text)
		}
	}
}

func FuzzText(f *testing.F) {
	for _, text := range []string{"web1 10.0.0.7", "::1::", "a::b 1.2.3.4", "52:54:00:ab:cd:ef:", "\xffİweb1", "Jane Doe"} {
		f.Add(text, "x")
	}
	f.Fuzz(func(t *testing.T, text, name string) {
		m := known()
		m.Learn(pseudonym.Host, name)
		got := m.Text(text)
		if strings.Contains(text, " web1 ") && strings.Contains(got, " web1 ") {
			t.Errorf("%q became %q", text, got)
		}
	})
}
