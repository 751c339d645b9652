package fact_test

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"

	"github.com/nightcall-sh/nightcall/internal/fact"
)

// looksOnly proves by its syntax that a probe's script can only look: every
// command it may reach is one of lookers, used as allowed there, and nothing is
// redirected anywhere but to /dev/null. It returns every objection.
func looksOnly(script string) error {
	file, err := syntax.NewParser(syntax.Variant(syntax.LangPOSIX)).Parse(strings.NewReader(script), "")
	if err != nil {
		return fmt.Errorf("parse: %w", err)
	}
	var errs []error
	syntax.Walk(file, func(node syntax.Node) bool {
		if err := objection(node); err != nil {
			errs = append(errs, fmt.Errorf("line %d: %w", node.Pos().Line(), err))
		}
		return true
	})
	return errors.Join(errs...)
}

// objection is what is wrong with one node by itself.
func objection(node syntax.Node) error {
	switch n := node.(type) {
	case *syntax.Stmt:
		if n.Background || n.Coprocess {
			return errors.New("leaves a process in the background")
		}
	case *syntax.Redirect:
		return redirection(n)
	case *syntax.Assign:
		return assignment(n)
	case *syntax.FuncDecl:
		if !slices.Contains([]string{"has", "say", "said"}, n.Name.Value) {
			return fmt.Errorf("defines %s, which may hide a command", n.Name.Value)
		}
	case *syntax.CallExpr:
		if len(n.Args) > 0 {
			return command(n.Args)
		}
	}
	return nil
}

// redirection allows reading, /dev/null, and copies of descriptors.
func redirection(r *syntax.Redirect) error {
	to := shellText(r.Word)
	switch r.Op {
	case syntax.RdrIn, syntax.DplIn, syntax.Hdoc, syntax.DashHdoc:
		return nil
	case syntax.DplOut:
		if regexp.MustCompile(`^(\d|-)$`).MatchString(to) {
			return nil
		}
	case syntax.RdrOut, syntax.AppOut:
		if to == "/dev/null" {
			return nil
		}
	}
	return fmt.Errorf("redirects %s%s", r.Op, to)
}

// assignment refuses what changes which program a name stands for.
func assignment(a *syntax.Assign) error {
	name := a.Name.Value
	if slices.Contains([]string{"PATH", "ENV", "SHELL", "BASH_ENV", "PAGER"}, name) || strings.HasPrefix(name, "LD_") {
		return fmt.Errorf("assigns %s", name)
	}
	return nil
}

// command allows what lookers name, with arguments that they allow.
func command(words []*syntax.Word) error {
	if words[0].Lit() == "exec" && len(words) > 1 {
		words = words[1:]
	}
	name := words[0].Lit()
	allowed, ok := lookers[name]
	if !ok {
		return fmt.Errorf("runs %q", shellText(words[0]))
	}
	args := make([]string, 0, len(words))
	for _, w := range words[1:] {
		args = append(args, shellText(w))
	}
	if !allowed(args) {
		return fmt.Errorf("runs %s %s", name, strings.Join(args, " "))
	}
	return nil
}

// shellText is what a word says after quoting, with $ for each expansion.
func shellText(w *syntax.Word) string {
	var b strings.Builder
	var add func([]syntax.WordPart)
	add = func(parts []syntax.WordPart) {
		for _, part := range parts {
			switch p := part.(type) {
			case *syntax.Lit:
				b.WriteString(p.Value)
			case *syntax.SglQuoted:
				b.WriteString(p.Value)
			case *syntax.DblQuoted:
				add(p.Parts)
			default:
				b.WriteByte('$')
			}
		}
	}
	add(w.Parts)
	return b.String()
}

// An allowance says whether a command with these arguments can only look.
type allowance func(args []string) bool

func anything([]string) bool { return true }

// only allows arguments that match, joined by blanks.
func only(pattern string) allowance {
	re := regexp.MustCompile(`^(?:` + pattern + `)$`)
	return func(args []string) bool { return re.MatchString(strings.Join(args, " ")) }
}

// awkLooks refuses the ways out of awk: files, pipes and commands. What follows
// the program are variables and files to read.
func awkLooks(args []string) bool {
	if len(args) > 2 && args[0] == "-F" {
		args = args[2:]
	} else if len(args) > 1 && strings.HasPrefix(args[0], "-F") {
		args = args[1:]
	}
	if len(args) == 0 || strings.HasPrefix(args[0], "-") || strings.Contains(args[0], "$$") {
		return false
	}
	program := regexp.MustCompile(`(~ |, )/(\\.|[^/\\])*/`).ReplaceAllString(args[0], "")
	program = strings.ReplaceAll(program, "||", "")
	for _, way := range []string{">", "|", "system", "getline", "close", "fflush", "@"} {
		if strings.Contains(program, way) {
			return false
		}
	}
	return true
}

// mysqlLooks allows a client that logs in by a file or as who it is, with
// statements that only look.
func mysqlLooks(args []string) bool {
	args = slices.DeleteFunc(slices.Clone(args), func(arg string) bool { return arg == "-N" })
	login := []string{"--defaults-file=$", "--socket=$", "--connect-timeout=5", "-B", "-e"}
	return len(args) == len(login)+1 && slices.Equal(args[:len(login)], login) && sqlLooks(args[len(login)])
}

func psqlLooks(args []string) bool {
	login := strings.Split("-u postgres -- psql -X -A -t -F \t -d postgres -h $ -p $ -c", " ")
	if n := slices.Index(args, "-d"); n > 0 && n+1 < len(args) && args[n+1] == "$" { // another database of the server
		args = slices.Clone(args)
		args[n+1] = "postgres"
	}
	return len(args) == len(login)+1 && slices.Equal(args[:len(login)], login) && sqlLooks(args[len(login)])
}

// sqlLooks allows queries without a way out of them, and settings of the session.
func sqlLooks(text string) bool {
	looks := regexp.MustCompile(`^(SELECT [^;/]*|SHOW [A-Z ]+STATUS|SET SESSION (TRANSACTION READ ONLY|[a-z_]+=\d+))$`)
	writes := regexp.MustCompile(`(?i)\b(into|outfile|dumpfile|load_file|for update|nextval|pg_terminate_backend|pg_read_file|lo_export|dblink|sleep|set_config|kill|get_lock)\b`)
	conditional := regexp.MustCompile(`^/\*M?!\d+ (.*) \*/$`) // for some versions only
	for _, statement := range strings.Split(strings.ReplaceAll(text, "\\G", ";"), ";") {
		statement = conditional.ReplaceAllString(strings.TrimSpace(statement), "$1")
		if statement != "" && (!looks.MatchString(statement) || writes.MatchString(statement)) {
			return false
		}
	}
	return true
}

// lookers are the commands a probe may run, and how.
var lookers = map[string]allowance{
	// The shell's own.
	":": anything, "[": anything, "break": only(``), "case": anything, "continue": only(``), "echo": anything,
	"cd": only(`-P \$/cwd|/(proc)?`), "false": only(``), "has": only(`[a-z0-9$-]+`), "printf": anything, "say": anything, "said": only(``), "read": anything, "return": only(`\d?`), "test": anything, "true": only(``),
	"set": only(`-- ?.*|[-+]f`), "shift": only(`\$?`), "tr": only(`\\000 \\n`), "command": only(`-v .*`),

	// Text.
	"awk": awkLooks, "cat": anything, "cksum": anything, "grep": anything, "head": anything, "tail": only(`-n \d+ /dev/null \$`),
	"sed": only(`(-n )?s/[^/]*/[^/]*/[gp0-9]*|-n \d+(,\d+)?p`),

	// The system.
	"date": only(`\+.*`), "df": only(`(-[PkiTl] ?)+( \$)?`), "find": only(`(/\S+ )+-xdev( -type f| -mtime -\d+| -name \S+)*( -printf %T@ %p\\n)?`),
	"freebsd-version": only(``), "kenv": only(`-q \S+`), "last": only(`(-n \d+( -F)?)?`), "ls": anything, "mount": only(`-p`), "ps": anything,
	"stat": anything, "swapinfo": only(`-k`), "sysctl": only(`(-n )?[a-z0-9_.]+( [a-z0-9_.]+)*`), "uname": anything, "dmidecode": only(`-s \S+`),

	// The network.
	"ifconfig": only(`-a`), "ip": only(`-o addr show`), "netstat": only(`-antup?|-rn`), "sockstat": only(`-46`), "ss": only(`-antup`),
	"ip6tables-save": only(``), "iptables-save": only(``), "nft": only(`list ruleset`), "pfctl": only(`-s[ir]`),
	"ip6tables-legacy-save": only(``), "iptables-legacy-save": only(``), "ip6tables-nft-save": only(``), "iptables-nft-save": only(``),

	// Databases and balancers: what they may be asked is spelled out.
	"mariadb": mysqlLooks, "mysql": mysqlLooks, "runuser": psqlLooks,
	"perl": only(regexp.QuoteMeta("-MIO::Socket::UNIX -e " + fact.HAProxyAsk + " $")),

	// Services and packages.
	"pkg": only(`query .*`), "rc-status": only(`-a -q`), "rpm": only(`-q (--nosignature --nodigest )?--qf (%\{[A-Z]+\}[ -])+installed\\n( [A-Za-z0-9][\w.-]*)+`), "runlevel": only(``), "service": only(`-e`), "initctl": only(`list`),
	"systemctl": only(`list-units( --[a-z-]+(=[a-z]+)?)*`),
}
