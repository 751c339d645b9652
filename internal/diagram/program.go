package diagram

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// A symbol is the name of an icon in a library: module and class.
type symbol struct{ module, class string }

// mingrammer's names.
var mingrammer = map[string]symbol{
	"haproxy": {"onprem.network", "HAProxy"}, "traefik": {"onprem.network", "Traefik"}, "nginx": {"onprem.network", "Nginx"},
	"apache": {"onprem.network", "Apache"}, "tomcat": {"onprem.network", "Tomcat"}, "zookeeper": {"onprem.network", "Zookeeper"},
	"etcd": {"onprem.network", "ETCD"}, "consul": {"onprem.network", "Consul"}, "internet": {"onprem.network", "Internet"},
	"jenkins": {"onprem.ci", "Jenkins"}, "elasticsearch": {"elastic.elasticsearch", "Elasticsearch"}, "kafka": {"onprem.queue", "Kafka"},
	"activemq": {"onprem.queue", "ActiveMQ"}, "rabbitmq": {"onprem.queue", "RabbitMQ"}, "cassandra": {"onprem.database", "Cassandra"},
	"mariadb": {"onprem.database", "MariaDB"}, "mysql": {"onprem.database", "MySQL"}, "postgresql": {"onprem.database", "PostgreSQL"},
	"mongodb": {"onprem.database", "MongoDB"}, "redis": {"onprem.inmemory", "Redis"}, "sentinel": {"onprem.inmemory", "Redis"},
	"memcached": {"onprem.inmemory", "Memcached"}, "docker": {"onprem.container", "Docker"}, "spring": {"programming.framework", "Spring"}, "angular": {"programming.framework", "Angular"},
	"java": {"programming.language", "Java"}, "php": {"programming.language", "PHP"}, "node": {"programming.language", "NodeJS"},
	"python": {"programming.language", "Python"}, "ruby": {"programming.language", "Ruby"}, "minio": {"generic.storage", "Storage"},
	"nfs": {"generic.storage", "Storage"}, "samba": {"generic.storage", "Storage"},
}

// goDiagrams' names: package, and the node within it.
var goDiagrams = map[string]symbol{
	"haproxy": {"apps", "Network.Haproxy"}, "traefik": {"apps", "Network.Traefik"}, "nginx": {"apps", "Network.Nginx"},
	"apache": {"apps", "Network.Apache"}, "tomcat": {"apps", "Network.Tomcat"}, "zookeeper": {"apps", "Network.Zookeeper"},
	"etcd": {"apps", "Network.Etcd"}, "consul": {"apps", "Network.Consul"}, "internet": {"apps", "Network.Internet"},
	"jenkins": {"apps", "Ci.Jenkins"}, "kafka": {"apps", "Queue.Kafka"}, "activemq": {"apps", "Queue.Activemq"}, "rabbitmq": {"apps", "Queue.Rabbitmq"},
	"cassandra": {"apps", "Database.Cassandra"}, "mariadb": {"apps", "Database.Mariadb"}, "mysql": {"apps", "Database.Mysql"},
	"postgresql": {"apps", "Database.Postgresql"}, "mongodb": {"apps", "Database.Mongodb"}, "redis": {"apps", "Inmemory.Redis"},
	"sentinel": {"apps", "Inmemory.Redis"}, "memcached": {"apps", "Inmemory.Memcached"}, "docker": {"apps", "Container.Docker"},
	"spring": {"programming", "Framework.Spring"}, "angular": {"programming", "Framework.Angular"}, "java": {"programming", "Language.Java"}, "php": {"programming", "Language.Php"},
	"node": {"programming", "Language.Nodejs"}, "python": {"programming", "Language.Python"}, "ruby": {"programming", "Language.Ruby"},
	"minio": {"generic", "Storage.Storage"}, "nfs": {"generic", "Storage.Storage"}, "samba": {"generic", "Storage.Storage"},
}

// symbolOf finds a kind's symbol, or the one of a host.
func symbolOf(symbols map[string]symbol, kind string, host symbol) symbol {
	if s, ok := symbols[kind]; ok {
		return s
	}
	return host
}

var (
	mingrammerHost = symbol{"onprem.compute", "Server"}
	goDiagramsHost = symbol{"apps", "Compute.Server"}
)

// Python writes a program that draws the picture with mingrammer's diagrams.
func Python(p Picture) []byte {
	var b strings.Builder
	say := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	say("#!/usr/bin/env python3")
	say("# Drawn by nightcall; needs: pip install diagrams, and Graphviz.\n")
	say("from diagrams import Cluster, Diagram, Edge")
	var imports []string
	for _, n := range p.Nodes {
		s := symbolOf(mingrammer, n.Kind, mingrammerHost)
		imports = append(imports, fmt.Sprintf("from diagrams.%s import %s", s.module, s.class))
	}
	slices.Sort(imports)
	for _, line := range slices.Compact(imports) {
		say("%s", line)
	}
	say("\nwith Diagram(name=%s, filename=\"arch\", show=False, direction=\"LR\", graph_attr={\"splines\": \"spline\"}):", pythonText(p.Title))
	p.nested(nest{
		open: func(depth int, _, name string, _ Box) {
			say("%swith Cluster(%s):", strings.Repeat("    ", depth+1), pythonText(name))
		},
		node: func(depth int, n Node) {
			s := symbolOf(mingrammer, n.Kind, mingrammerHost)
			say("%s%s = %s(%s)", strings.Repeat("    ", depth+1), n.ID, s.class, pythonText(twoLines(n)))
		},
		close: func(int) {},
	})
	if len(p.Nodes) == 0 {
		say("    pass")
	}
	p.eachPair(func(from, to Node, e Edge) {
		pen := penOf(e)
		say("    %s >> Edge(label=%s, color=%s, style=%s) >> %s", from.ID, pythonText(e.Label), pythonText(pen.color), pythonText(styleWord(pen)), to.ID)
	})
	return []byte(b.String())
}

// eachPair visits the edges between single nodes that the picture's edges stand
// for, where a box may be an end.
func (p Picture) eachPair(do func(from, to Node, e Edge)) {
	for _, e := range p.Edges {
		for _, from := range p.members(e.From) {
			for _, to := range p.members(e.To) {
				do(from, to, e)
			}
		}
	}
}

// twoLines is what is written under an icon.
func twoLines(n Node) string {
	sub := strings.TrimSpace(n.Sub + " " + changeWords[n.Change])
	if sub == "" {
		return n.Name
	}
	return n.Name + "\n" + sub
}

func styleWord(p pen) string {
	switch {
	case p.dash == "":
		return "solid"
	case strings.HasPrefix(p.dash, "2"):
		return "dotted"
	}
	return "dashed"
}

// pythonText is a literal of Python. Graphviz would read a label that looks like
// HTML as markup, and a backslash as an escape: both are made harmless.
func pythonText(text string) string {
	if strings.HasPrefix(text, "<") {
		text = " " + text
	}
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range strings.ReplaceAll(text, `\`, `\\`) {
		switch {
		case r == '\n':
			b.WriteString(`\n`)
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r < 0x20 || r > 0x7e:
			fmt.Fprintf(&b, `\U%08x`, r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// Go writes a program that draws the picture with go-diagrams. That library
// hands labels to DOT as they are, so they are handed over quoted.
func Go(p Picture) []byte {
	var b strings.Builder
	say := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	say("// Drawn by nightcall; go run it, then: cd go-diagrams && dot -Tpng arch.dot >arch.png\npackage main\n\nimport (\n\t\"log\"\n")
	packages := []string{"diagram"}
	for _, n := range p.Nodes {
		packages = append(packages, "nodes/"+symbolOf(goDiagrams, n.Kind, goDiagramsHost).module)
	}
	slices.Sort(packages)
	for _, name := range slices.Compact(packages) {
		say("\t\"github.com/blushft/go-diagrams/%s\"", name)
	}
	// Both libraries ask Graphviz for orthogonal lines, which lose their labels and
	// which it aborts on at times.
	say(")\n\nfunc main() {\n\tcurved := func(o *diagram.Options) { o.Splines = \"spline\" }\n\td, err := diagram.New(diagram.Filename(\"arch\"), diagram.Label(%s), diagram.Direction(\"LR\"), curved)\n\tif err != nil {\n\t\tlog.Fatal(err)\n\t}", goText(p.Title))
	if len(p.Edges) > 0 {
		say("\tedge := func(label, color, style string) diagram.EdgeOption {\n\t\treturn func(o *diagram.EdgeOptions) { o.Label, o.Color, o.Style, o.Forward = label, color, style, true }\n\t}")
	}
	for _, n := range p.Nodes {
		s := symbolOf(goDiagrams, n.Kind, goDiagramsHost)
		say("\t%s := %s.%s(diagram.NodeLabel(%s))", n.ID, s.module, s.class, goText(twoLines(n)))
		if n.Box == "" {
			say("\td.Add(%s)", n.ID)
		}
	}
	for _, box := range p.Boxes {
		say("\t%s := diagram.NewGroup(%q).Label(%s)", box.ID, box.ID, goText(box.Name))
		for _, part := range p.Parts {
			if part.Box == box.ID {
				say("\t%s := %s.NewGroup(%q).Label(%s)", part.ID, box.ID, part.ID, goText(part.Name))
			}
		}
		for _, n := range p.inside(box.ID) {
			say("\t%s.Add(%s)", cmp.Or(n.Part, n.Box), n.ID)
		}
		say("\td.Group(%s)", box.ID)
	}
	p.eachPair(func(from, to Node, e Edge) {
		pen := penOf(e)
		say("\td.Connect(%s, %s, edge(%s, %s, %q))", from.ID, to.ID, goText(e.Label), goText(pen.color), styleWord(pen))
	})
	say("\tif err := d.Render(); err != nil {\n\t\tlog.Fatal(err)\n\t}\n}")
	return []byte(b.String())
}

// goText is a Go literal of a text that is quoted for DOT.
func goText(text string) string {
	return strconv.QuoteToASCII(strings.ReplaceAll(dotText(text), "\n", `\n`))
}
