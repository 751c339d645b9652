package redact_test

import (
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nightcall-sh/nightcall/internal/redact"
)

// Each line holds the secret hunter2, perhaps with more around it; want is what
// may be stored.
var textCases = []struct{ in, want string }{
	{`password=hunter2`, `password=[secret]`},
	{`password = hunter2 # the old one`, `password = [secret] # the old one`},
	{`--password=hunter2 --host=db1`, `--password=[secret] --host=db1`},
	{`PGPASSWORD=hunter2 psql -h db1`, `PGPASSWORD=[secret] psql -h db1`},
	{`MYSQL_PWD=hunter2 mysqldump shop`, `MYSQL_PWD=[secret] mysqldump shop`},
	{`REDISCLI_AUTH_TOKEN='hunter2 x' redis-cli`, `REDISCLI_AUTH_TOKEN='[secret]' redis-cli`},
	{`{"password":"hunter2","user":"shop"}`, `{"password":"[secret]","user":"shop"}`},
	{`{"password": "hun\"ter2", "user":"shop"}`, `{"password": "[secret]", "user":"shop"}`},
	{`password: "hunter2 without end`, `password: "[secret]`},
	{`$config['password'] = 'hunter2';`, `$config['password'] = '[secret]';`},
	{`-Djavax.net.ssl.keyStorePassword=hunter2 -jar a.jar`, `-Djavax.net.ssl.keyStorePassword=[secret] -jar a.jar`},
	{`jdbc:mysql://db1/shop?user=a&password=hunter2&useSSL=true`, `jdbc:mysql://db1/shop?user=a&password=[secret]&useSSL=true`},
	{`Server=db1;Uid=a;Pwd=hunter2;Database=shop`, `Server=db1;Uid=a;Pwd=[secret];Database=shop`},
	{`mount -o username=a,password=hunter2,uid=0`, `mount -o username=a,password=[secret],uid=0`},
	{`dbPass=hunter2`, `dbPass=[secret]`},
	{`db_pass: hunter2`, `db_pass: [secret]`},
	{`client_secret=hunter2`, `client_secret=[secret]`},
	{`API_KEY=hunter2`, `API_KEY=[secret]`},
	{`x-api-key: hunter2`, `x-api-key: [secret]`},
	{`aws_secret_access_key = hunter2`, `aws_secret_access_key = [secret]`},
	{`AccountKey=hunter2==;EndpointSuffix=x`, `AccountKey=[secret]`},
	{`https://user:hunter2@repo.example/x`, `https://user:[secret]@repo.example/x`},
	{`redis://:hunter2@cache:6379/0`, `redis://:[secret]@cache:6379/0`},
	{`amqp://a:hunter2@mq1,amqp://a:hunter2@mq2`, `amqp://a:[secret]@mq1,amqp://a:[secret]@mq2`},
	{`postgres://a:hun@ter2@db/shop`, `postgres://a:[secret]@db/shop`},
	{`Authorization: Basic aHVudGVyMg==`, `Authorization: Basic [secret]`},
	{`-H "Authorization: Bearer hunter2" https://x`, `-H "Authorization: Bearer [secret]" https://x`},
	{`{"authorization":"hunter2"}`, `{"authorization":"[secret]"}`},
	{`bearer hunter2`, `bearer [secret]`},
	{`requirepass hunter2`, `requirepass [secret]`},
	{`GRANT ALL ON *.* TO 'a'@'%' IDENTIFIED BY 'hunter2'`, `GRANT ALL ON *.* TO 'a'@'%' IDENTIFIED BY '[secret]'`},
	{"-----BEGIN RSA PRIVATE KEY-----\nhunter2\n-----END RSA PRIVATE KEY-----\nx", "-----BEGIN RSA PRIVATE KEY-----[secret]-----END RSA PRIVATE KEY-----\nx"},
	{"-----BEGIN PRIVATE KEY-----\nhunter2 cut off", "-----BEGIN PRIVATE KEY-----[secret]"},
	{"password=hunter2\npassword=hunter2", "password=[secret]\npassword=[secret]"},
	{`we ran mysql -u root -phunter2 shop, and it worked`, `we ran mysql -u root -p[secret] shop, and it worked`},
	{`curl -s -u admin:hunter2 https://x`, `curl -s -u admin:[secret] https://x`},
	{`try --password hunter2 --host db1`, `try --password [secret] --host db1`},
	{"mysqldump \\\n  --password \\\n  hunter2 shop", "mysqldump \\\n  --password \\\n  [secret] shop"},
	{`{\"password\":\"hunter2\",\"user\":\"shop\"}`, `{\"password\":\"[secret]\",\"user\":\"shop\"}`},
	{`{\\\"token\\\":\\\"hunter2\\\"}`, `{\\\"token\\\":\\\"[secret]\\\"}`},
	{"password = \\\n  hunter2\nuser = x", "password = \\\n  [secret]\nuser = x"},
	{"password=hun\\\nter2 x", "password=[secret] x"},
	{"password: |\n  hunter2\n  ter3\nuser: x", "password: |\n  [secret]\nuser: x"},
	{`<password>hunter2</password>`, `<password>[secret]</password>`},
	{`SET PASSWORD FOR 'a'@'%' = PASSWORD('hunter2');`, `SET PASSWORD FOR 'a'@'%' = PASSWORD('[secret]');`},
	{`ALTER USER a WITH ENCRYPTED PASSWORD 'hunter2';`, `ALTER USER a WITH ENCRYPTED PASSWORD '[secret]';`},
	{`IDENTIFIED WITH mysql_native_password AS '*hunter2'`, `IDENTIFIED WITH mysql_native_password AS '[secret]'`},
	{`user admin insecure-password hunter2`, `user admin insecure-password [secret]`},
	{`    stats auth admin:hunter2`, `    stats auth admin:[secret]`},
	{`machine x login shop password hunter2`, `machine x login shop password [secret]`},
	{`shop:$6$hunter2$abcdefghijklmnopqrstuvwxyz0123456789:19000:0`, `shop:[secret]:19000:0`},
	{"a AKIAABCDEFGHIJKLMNOP b", "a [secret] b"},
	{"ghp_abcdefghijklmnopqrstuvwxyz0123456789", "[secret]"},
	{"xoxb-1234567890-abcdef", "[secret]"},
	{"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abc-DEF_x", "[secret]"},
}

func TestText(t *testing.T) {
	t.Parallel()
	for _, c := range textCases {
		if got := redact.Text(c.in); got != c.want {
			t.Errorf("Text(%q)\n got %q\nwant %q", c.in, got, c.want)
		}
		if got := redact.Args(c.in); got != c.want {
			t.Errorf("Args(%q)\n got %q\nwant %q", c.in, got, c.want)
		}
	}
}

var argsCases = []struct{ in, want string }{
	{`mysql -u root -phunter2 shop`, `mysql -u root -p[secret] shop`},
	{`/usr/bin/mysqldump -uroot -phunter2 --all-databases`, `/usr/bin/mysqldump -uroot -p[secret] --all-databases`},
	{`mariadb-dump -p'hunter2' shop`, `mariadb-dump -p'[secret]' shop`},
	{`/bin/sh -c mysqldump -phunter2 shop | gzip`, `/bin/sh -c mysqldump -p[secret] shop | gzip`},
	{`mysql -p shop`, `mysql -p shop`}, // asks for it; shop is the database
	{`mysqladmin --password hunter2 ping`, `mysqladmin --password [secret] ping`},
	{`redis-cli -h cache -a hunter2 info`, `redis-cli -h cache -a [secret] info`},
	{`redis-cli --pass hunter2 info`, `redis-cli --pass [secret] info`},
	{`redis-server --requirepass hunter2`, `redis-server --requirepass [secret]`},
	{`sshpass -p hunter2 ssh web1`, `sshpass -p [secret] ssh web1`},
	{`sshpass -phunter2 ssh -p 2222 web1`, `sshpass -p[secret] ssh -p 2222 web1`},
	{`curl -u admin:hunter2 https://x`, `curl -u admin:[secret] https://x`},
	{`curl -s -uadmin:hunter2 https://x`, `curl -s -uadmin:[secret] https://x`},
	{`curl --user admin:hunter2 https://x`, `curl --user admin:[secret] https://x`},
	{`curl --user=admin:hunter2 https://x`, `curl --user=admin:[secret] https://x`},
	{`curl -u admin https://x`, `curl -u admin https://x`},
	{`curl -H Authorization: Bearer hunter2 https://x`, `curl -H Authorization: Bearer [secret] https://x`},
	{`mongodump -u a -p hunter2 --out /b`, `mongodump -u a -p [secret] --out /b`},
	{`ldapsearch -x -D cn=a -w hunter2 -b dc=x`, `ldapsearch -x -D cn=a -w [secret] -b dc=x`},
	{`smbclient //fs/x -U a%hunter2`, `smbclient //fs/x -U a%[secret]`},
	{`openssl rsa -in k -passin pass:hunter2`, `openssl rsa -in k -passin [secret]`},
	{`docker login -u a -p hunter2 reg.example`, `docker login -u a -p [secret] reg.example`},
	{`docker run -p 8080:80 nginx`, `docker run -p 8080:80 nginx`},
	{`snmpwalk -v2c -c hunter2 sw1`, `snmpwalk -v2c -c [secret] sw1`},
	{`beam.smp -setcookie hunter2 -noinput`, `beam.smp -setcookie [secret] -noinput`},
	{`vault login --token hunter2`, `vault login --token [secret]`},
	{`influx -username a -password hunter2`, `influx -username a -password [secret]`},
	{`7z a -phunter2 b.7z /srv`, `7z a -p[secret] b.7z /srv`},
	{`psql --no-password shop`, `psql --no-password shop`},
	{`ansible-playbook --ask-pass site.yml`, `ansible-playbook --ask-pass site.yml`},
	{`sshpass -p hunter2 mysql -phunter2`, `sshpass -p [secret] mysql -p[secret]`},
	{"tool\t--token  hunter2\n", "tool\t--token  [secret]\n"},
}

func TestArgs(t *testing.T) {
	t.Parallel()
	for _, c := range argsCases {
		if got := redact.Args(c.in); got != c.want {
			t.Errorf("Args(%q)\n got %q\nwant %q", c.in, got, c.want)
		}
	}
}

func TestArgv(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ in, want []string }{
		{[]string{"echo", "--token", "hunter2", "x"}, []string{"echo", "--token", "[secret]", "x"}},
		{[]string{"tool", "--password", "two words", "x"}, []string{"tool", "--password", "[secret]", "x"}},
		{[]string{"mysql", "-phunter2", "shop"}, []string{"mysql", "-p[secret]", "shop"}},
		{[]string{"sh", "-c", "mysql -phunter2 shop"}, []string{"sh", "-c", "mysql -p[secret] shop"}},
		{[]string{"tool", "", "a b"}, []string{"tool", "", "a b"}},
		{nil, []string{}},
	} {
		if got := redact.Argv(c.in); !slices.Equal(got, c.want) {
			t.Errorf("Argv(%q) = %q, want %q", c.in, got, c.want)
		}
	}
}

// What holds no secret stays byte for byte.
var harmless = []string{
	"", " ", "a  b\t c \n",
	"/usr/sbin/sshd -D -o AuthorizedKeysFile=/etc/x",
	"PWD=/srv/shop HOME=/root", "OLDPWD=/root",
	"bypass=1 compass: north", "token_ttl=60 password_file=/run/secrets/db",
	"PasswordAuthentication no", "max_password_age: 30",
	"--password-file=/etc/restic", "--tokens 5", "tar -p -xf a.tar",
	"ssh -p 2222 admin@web1", "rsync admin@web1:/srv /b", "http://registry:5000/shop@sha256:abc",
	"https://user@host/x", "sshd: admin [priv]", "nginx: master process nginx -g daemon off;",
	"java -Xmx2g -jar jenkins.war --httpPort=8080", "mysqld --port=3306 -p3306",
	"password=", "password = \nnext line", "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----",
	"\x00\xff\xfe not UTF-8", "[secret]", "grep -p x",
}

func TestHarmlessTextStays(t *testing.T) {
	t.Parallel()
	for _, in := range harmless {
		if got := redact.Text(in); got != in {
			t.Errorf("Text(%q) = %q", in, got)
		}
		if got := redact.Args(in); got != in {
			t.Errorf("Args(%q) = %q", in, got)
		}
	}
}

func TestLiterals(t *testing.T) {
	t.Parallel()
	r := redact.New("", "abc", "abcdef", "secret", "pass word")
	for _, c := range []struct{ in, want string }{
		{"xabcdefx", "x[secret]x"},
		{"abc abcde", "[secret] [secret]de"},
		{"the secret [secret]", "the [secret] [secret]"},
		{"say pass word=1", "say [secret]=1"},
		{"nothing here", "nothing here"},
		{"-p abc --token=xyz", "-p [secret] --token=[secret]"},
	} {
		if got := r.Text(c.in); got != c.want {
			t.Errorf("Text(%q) = %q, want %q", c.in, got, c.want)
		}
	}
	if got := redact.New().Text("abc"); got != "abc" {
		t.Errorf("a redactor without literals made %q", got)
	}
}

// BenchmarkHostile measures texts that are nothing but beginnings of secrets: times
// is how much longer four times the text takes, which is 4 for work that grows as
// its input and 16 for what is quadratic.
func BenchmarkHostile(b *testing.B) {
	for _, piece := range []string{
		"password", "password=", "password = '", "a://b:", "a://b:c@", "-----BEGIN PRIVATE KEY-----",
		"authorization: ", "eyJaaaaaaaa.", "; mysql -p ", "secret]=", "'\"", "a", "?token=", "bearer ", "x -p\\\n", "-\n", "password: |\n  x\n", "password=x\\\n", `\\\"token\\\":\\\"`, "$6$x",
	} {
		b.Run(strconv.Quote(piece), func(b *testing.B) {
			var few, many time.Duration
			for b.Loop() {
				few += spent(strings.Repeat(piece, (1<<14)/len(piece)))
				many += spent(strings.Repeat(piece, (1<<16)/len(piece)))
			}
			b.ReportMetric(float64(many)/float64(few), "times")
			b.ReportMetric(0, "ns/op")
		})
	}
}

func spent(text string) time.Duration {
	began := time.Now()
	redact.Args(text)
	return time.Since(began)
}

func FuzzRedact(f *testing.F) {
	for _, c := range append(textCases, argsCases...) {
		f.Add(c.in, "hunter2")
	}
	for _, in := range harmless {
		f.Add(in, "x")
	}
	f.Fuzz(func(t *testing.T, text, literal string) {
		if len(text) > 4096 {
			return
		}
		for name, mask := range map[string]func(string) string{
			"Text": redact.Text, "Args": redact.Args,
		} {
			got := mask(text)
			if again := mask(got); again != got {
				t.Errorf("%s(%q) = %q, and again %q", name, text, got, again)
			}
		}
		r := redact.New(literal)
		got := r.Text(text)
		if literal != "" && !strings.Contains(redact.Mask, literal) && strings.Contains(strings.ReplaceAll(got, redact.Mask, "\x00"), literal) && !strings.Contains(literal, "\x00") {
			t.Errorf("%q is still in %q", literal, got)
		}
	})
}
