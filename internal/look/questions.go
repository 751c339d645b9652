package look

import (
	"bufio"
	"context"
	"encoding/binary"
	"io"
	"net"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/nightcall-sh/nightcall/internal/fact"
)

// A question is how one kind of service is asked whether it is open.
type question struct {
	service   string
	processes []string // that are this and nothing else
	ports     []int    // usual ones
	why       string   // what whoever reaches it can do when it is open
	reads     string   // and when it only shows itself

	// A protocol of its own; nil for HTTP.
	protocol func(context.Context, Dial, target) answer

	// Over HTTP: marks of the first page, headers first; then the page to ask for,
	// and what is in it when it is open. Codes 401 and 403, and a way to a login,
	// mean guarded.
	header, mark string
	page, open   string
	read, shows  string // a second page, which tells whether a stranger may look
	version      func(home, p page) string
}

// questions are asked in this order: the exact ones first.
var questions = []question{
	{service: "Redis", processes: []string{"redis-server", "valkey-server", "keydb-server"}, ports: []int{6379}, protocol: askRedis, why: "read and change all data, and write files on the host"},
	{service: "memcached", processes: []string{"memcached"}, ports: []int{11211}, protocol: askMemcached, why: "read and change cached data, sessions among them"},
	{service: "MongoDB", processes: []string{"mongod", "mongos"}, ports: []int{27017, 27018, 27019}, protocol: askMongo, why: "read and change all data"},
	{service: "ZooKeeper", ports: []int{2181}, protocol: askZooKeeper, why: "read and change the cluster's configuration"},

	{
		service: "Jenkins", header: "x-jenkins", mark: "[Jenkins]", page: "/script", open: "Script Console", read: "/api/json", shows: `"_class"`,
		why: "run any command on the build server, which holds the keys to deploy", reads: "read every job and its log on the build server",
		version: func(home, p page) string { return first(home.header("x-jenkins"), p.header("x-jenkins")) },
	},
	{
		service: "Elasticsearch", ports: []int{9200}, mark: "lucene_version", page: "/", open: "lucene_version", why: "read and delete every index",
		version: func(_, p page) string { return quoted(p.body, `"number"`) },
	},
	{
		service: "Docker API", processes: []string{"dockerd"}, ports: []int{2375}, page: "/version", open: `"ApiVersion"`, why: "become root on the host",
		version: func(_, p page) string { return quoted(p.body, `"Version"`) },
	},
	{service: "etcd", processes: []string{"etcd"}, ports: []int{2379}, page: "/v2/keys/", open: `"action"`, why: "read and change the cluster's configuration and secrets"},
	{service: "Consul", processes: []string{"consul"}, ports: []int{8500}, header: "x-consul-default-acl-policy", mark: "<title>Consul", page: "/v1/agent/self", open: `"Config"`, why: "read and change the cluster's configuration, and often run commands"},
	{service: "Kibana", ports: []int{5601}, header: "kbn-name", mark: "kbn-injected-metadata", page: "/api/spaces/space", open: `"id"`, why: "read and change what Elasticsearch holds"},
	{service: "RabbitMQ management", ports: []int{15672}, mark: "RabbitMQ Management", page: "/api/overview", open: `"rabbitmq_version"`, why: "read and empty every queue"},
	{service: "Solr", ports: []int{8983}, mark: "Solr Admin", page: "/solr/admin/info/system?wt=json", open: `"lucene"`, why: "read and change every index, and often run commands"},
	{service: "Prometheus", ports: []int{9090}, mark: "<title>Prometheus", read: "/api/v1/status/buildinfo", shows: `"goVersion"`, reads: "read every metric, names and addresses of all hosts among them"},
	{service: "Grafana", mark: "<title>Grafana", read: "/api/org", shows: `"name"`, reads: "read every dashboard, and through it its databases"},
	{service: "MinIO", processes: []string{"minio"}, header: "x-minio-deployment-id", page: "/", open: "ListAllMyBucketsResult", why: "read every file in the store"},
	{service: "CouchDB", processes: []string{"couchdb"}, ports: []int{5984}, mark: `"couchdb":"Welcome"`, page: "/_all_dbs", open: "[", why: "read every database"},
	{service: "phpMyAdmin", mark: "phpMyAdmin", page: "/phpmyadmin/", open: "server_databases", why: "read and change every database"},
	{service: "Spring actuator", mark: "Whitelabel Error Page", read: "/actuator/env", shows: `"propertySources"`, reads: "read the configuration of the application"},
}

// HTTP is spoken by these, among other things, and asked of no one else: to a
// database, a stranger's line is a failed login.
var (
	speakHTTP = []string{
		"java", "node", "nodejs", "python*", "ruby*", "php*", "nginx", "apache2", "httpd", "beam.smp", "prometheus", "grafana*", "gunicorn*", "uwsgi",
		"docker-proxy", "rootlessport", "conmon", "jenkins", "caddy", "traefik", "kibana", "perl", "busybox", "haproxy", "dotnet", "lighttpd", "puma*", "unicorn*",
	}
	webPorts = []int{80, 3000, 5601, 8000, 8080, 8081, 8888, 9000, 9001, 9090}
	neverAsk = []string{"sshd", "mysqld", "mariadbd", "postgres", "postmaster", "systemd*", "chronyd", "named", "master", "exim*", "smbd", "rpc*", "slapd", "oracle", "tnslsnr"}
)

// worthAsking reports whether a question is known for what listens there.
func worthAsking(l fact.Listener) bool {
	name := path.Base(l.Process)
	switch {
	case unaskable(l):
		return false
	case named(speakHTTP, name), slices.Contains(webPorts, l.Port):
		return true
	}
	return slices.ContainsFunc(questions, func(q question) bool { return q.knows(l) })
}

// unaskable reports whether a stranger's words would be counted as an attack
// there, or disturb.
func unaskable(l fact.Listener) bool {
	return l.Process != "" && named(neverAsk, path.Base(l.Process)) || slices.Contains([]int{22, 25, 1433, 1521, 3306, 5432}, l.Port)
}

func named(patterns []string, name string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool {
		start, any := strings.CutSuffix(p, "*")
		return name == p || any && strings.HasPrefix(name, start)
	})
}

// knows reports whether the listener is this service: by its process; by its
// port where that may be any program's or is not known.
func (q question) knows(l fact.Listener) bool {
	return q.certain(l) || slices.Contains(q.ports, l.Port) && (l.Process == "" || len(q.processes) == 0 || named(speakHTTP, path.Base(l.Process)))
}

func (q question) certain(l fact.Listener) bool {
	return l.Process != "" && slices.Contains(q.processes, path.Base(l.Process))
}

// recognise reports whether a first page is this service's.
func (q question) recognise(home page) bool {
	return q.header != "" && home.header(q.header) != "" || q.mark != "" && home.has(q.mark)
}

// judge asks for the page that tells; where that is shut, for the one that tells
// whether a stranger may look.
func (q question) judge(ctx context.Context, dial Dial, t target, home page) answer {
	r := fact.Reply{Access: fact.ReplyUnclear}
	for _, try := range []struct{ path, mark, access string }{{q.page, q.open, fact.ReplyOpen}, {q.read, q.shows, fact.ReplyReadable}} {
		if try.path == "" {
			continue
		}
		p, err := get(ctx, dial, t.address, try.path)
		if err != nil {
			p = page{} // which says nothing
		}
		now := access(p, try.mark)
		if now == fact.ReplyOpen {
			now = try.access
		}
		if r.Asked == "" || now == fact.ReplyReadable {
			r.Access, r.Asked, r.Said = now, "GET "+try.path, p.said(try.mark)
		}
		if q.version != nil && r.Version == "" {
			r.Version = q.version(home, p)
		}
		if now == fact.ReplyOpen {
			break
		}
	}
	return answer{reply: r}
}

// access is what a page says of who may see it.
func access(p page, mark string) string {
	switch {
	case p.status == 200 && p.has(mark):
		return fact.ReplyOpen
	case p.status == 401 || p.status == 403, p.status/100 == 3 && strings.Contains(strings.ToLower(p.header("location")), "login"):
		return fact.ReplyGuarded
	default:
		return fact.ReplyUnclear
	}
}

// said is the part of a page that proves what it is.
func (p page) said(mark string) string {
	if p.status == 0 {
		return "no answer"
	}
	said := "HTTP " + strconv.Itoa(p.status)
	if p.status == 200 && p.has(mark) {
		said += ", with " + strings.Trim(mark, `"`) + " in it"
	}
	return said
}

// quoted is the string that stands behind a key of a JSON text.
func quoted(body, key string) string {
	_, rest, ok := strings.Cut(body, key)
	if !ok {
		return ""
	}
	rest = strings.TrimLeft(rest, " :\t")
	value, _, ok := strings.Cut(strings.TrimPrefix(rest, `"`), `"`)
	if !ok {
		return ""
	}
	return value
}

func first(values ...string) string {
	for _, v := range values {
		if v != "" {
			return v
		}
	}
	return ""
}

// askRedis asks for INFO, which a server with a password refuses.
func askRedis(ctx context.Context, dial Dial, t target) answer {
	a := answer{reply: fact.Reply{Access: fact.ReplyUnclear, Asked: "INFO"}}
	_ = talk(ctx, dial, t.address, func(c net.Conn) error {
		if _, err := io.WriteString(c, "INFO\r\n"); err != nil {
			return err
		}
		r := bufio.NewReaderSize(c, 4096)
		head, err := line(r)
		if err != nil {
			return err
		}
		a.reply.Said = head
		length, isBulk := strings.CutPrefix(head, "$")
		n, err := strconv.Atoi(length)
		switch {
		case isBulk && err == nil && n > 0:
			text, _ := io.ReadAll(io.LimitReader(r, int64(min(n, maxAnswer))))
			a.cache = parseInfo(string(text), t.listener.Port)
			a.reply.Access, a.reply.Version = fact.ReplyOpen, a.cache.Version
			a.reply.Said = "redis_version:" + a.cache.Version + " role:" + a.cache.Role
		case strings.HasPrefix(head, "-NOAUTH"), strings.HasPrefix(head, "-DENIED"), strings.HasPrefix(head, "-NOPERM"), strings.Contains(head, "operation not permitted"):
			a.reply.Access = fact.ReplyGuarded
		}
		return nil
	})
	return a
}

// parseInfo reads Redis' description of itself.
func parseInfo(text string, port int) fact.Cache {
	values := map[string]string{}
	for l := range strings.Lines(text) {
		if key, value, ok := strings.Cut(strings.TrimSpace(l), ":"); ok && len(value) < 200 {
			values[key] = strings.ToValidUTF8(value, "")
		}
	}
	number := func(key string) int64 {
		n, _ := strconv.ParseInt(values[key], 10, 64)
		return max(n, 0)
	}
	c := fact.Cache{
		Port: port, Version: plainWord(first(values["valkey_version"], values["redis_version"])), Role: "main", Lag: -1,
		Replicas: int(min(number("connected_slaves"), 1e6)), Memory: number("used_memory"), MemoryMax: number("maxmemory"), Policy: plainWord(values["maxmemory_policy"]),
		Evicted: number("evicted_keys"), SaveFailed: values["rdb_last_bgsave_status"] == "err" || values["aof_last_write_status"] == "err",
	}
	if values["role"] == "slave" || values["role"] == "replica" {
		c.Role, c.Linked = "replica", values["master_link_status"] == "up"
		c.Source = plainWord(values["master_host"]) + ":" + plainWord(values["master_port"])
		if n, err := strconv.ParseInt(values["master_last_io_seconds_ago"], 10, 64); err == nil && n >= 0 {
			c.Lag = n
		}
		if n, err := strconv.ParseInt(values["master_link_down_since_seconds"], 10, 64); err == nil && n >= 0 {
			c.Lag = n
		}
	}
	return c
}

// plainWord keeps what a version or a name may hold.
func plainWord(s string) string {
	return strings.Map(func(r rune) rune {
		if r > 0x20 && r < 0x7f {
			return r
		}
		return -1
	}, s)
}

func askMemcached(ctx context.Context, dial Dial, t target) answer {
	return askLine(ctx, dial, t, "version\r\n", "VERSION ")
}

func askZooKeeper(ctx context.Context, dial Dial, t target) answer {
	return askLine(ctx, dial, t, "srvr", "Zookeeper version: ")
}

// askLine says a word and knows an open service by how its answer begins.
func askLine(ctx context.Context, dial Dial, t target, say, open string) answer {
	a := answer{reply: fact.Reply{Access: fact.ReplyUnclear, Asked: strings.TrimSpace(say)}}
	_ = talk(ctx, dial, t.address, func(c net.Conn) error {
		if _, err := io.WriteString(c, say); err != nil {
			return err
		}
		head, err := line(bufio.NewReaderSize(c, 4096))
		if err != nil {
			return err
		}
		a.reply.Said = head
		if version, ok := strings.CutPrefix(head, open); ok {
			a.reply.Access, a.reply.Version = fact.ReplyOpen, version
		}
		return nil
	})
	return a
}

// listDatabases is the command {listDatabases: 1, nameOnly: true, $db: "admin"}
// as MongoDB's OP_MSG carries it.
var listDatabases = opMessage("\x10listDatabases\x00\x01\x00\x00\x00" + "\x08nameOnly\x00\x01" + "\x02$db\x00\x06\x00\x00\x00admin\x00")

func opMessage(elements string) string {
	document := le(uint32(len(elements)+5)) + elements + "\x00"
	body := "\x00\x00\x00\x00" + "\x00" + document // flags, kind of section
	return le(uint32(16+len(body))) + le(1) + le(0) + le(2013) + body
}

func le(n uint32) string { return string(binary.LittleEndian.AppendUint32(nil, n)) }

// askMongo lists the names of the databases, which takes a login where logins are
// required: error 13.
func askMongo(ctx context.Context, dial Dial, t target) answer {
	a := answer{reply: fact.Reply{Access: fact.ReplyUnclear, Asked: "listDatabases"}}
	_ = talk(ctx, dial, t.address, func(c net.Conn) error {
		if _, err := io.WriteString(c, listDatabases); err != nil {
			return err
		}
		var head [16]byte
		if _, err := io.ReadFull(c, head[:]); err != nil {
			return err
		}
		n := int(binary.LittleEndian.Uint32(head[:]))
		if n < 16 || n > maxAnswer {
			return nil
		}
		body := make([]byte, n-16)
		if _, err := io.ReadFull(c, body); err != nil {
			return err
		}
		switch text := string(body); {
		case strings.Contains(text, "totalSize") || strings.Contains(text, "\x04databases\x00"):
			a.reply.Access, a.reply.Said = fact.ReplyOpen, "the names of its databases"
		case strings.Contains(text, "\x10code\x00\x0d\x00\x00\x00"), strings.Contains(text, "Unauthorized"):
			a.reply.Access, a.reply.Said = fact.ReplyGuarded, "command listDatabases requires authentication"
		}
		return nil
	})
	return a
}
