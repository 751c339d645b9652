package fact

import (
	"cmp"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// AnyDatabase is the Scheme of a dependency that is a database of unknown kind.
const AnyDatabase = "database"

// A Dependency is a service that a configuration names. Users, passwords and
// paths never come this far.
type Dependency struct {
	Host    string `json:"host"`    // name or address, as written
	Port    int    `json:"port"`    // as written, or the usual one; 0 where neither is known
	Scheme  string `json:"scheme"`  // what is spoken: mysql, redis, http …; database where only that is told; empty where nothing tells
	Process string `json:"process"` // the program whose configuration it is; empty where several may read it
	File    string `json:"file"`    // or "environment of 4711", a process
	Line    int    `json:"line"`    // 0 in an environment
}

// Key names the item in its list.
func (d Dependency) Key() string { return d.Place() + " " + d.Host }

// Place is where it is named: file:line, or the File alone where there is no line.
func (d Dependency) Place() string {
	if d.Line == 0 {
		return d.File
	}
	return d.File + ":" + strconv.Itoa(d.Line)
}

func dependenciesFact() Fact {
	return define("dependencies", "what the configurations of running programs call", Probe{Script: dependenciesScript, Timeout: 10 * time.Second},
		func(s *Set) *Observed[[]Dependency] { return &s.Dependencies }, parseDependencies)
}

// maxConfigurations is how many files the script reads.
const maxConfigurations = 60

// dependenciesScript goes where running programs point, and nowhere else: the
// usual files of the servers we know, and for programs that the customer wrote
// the directory they run in, that of their program, and the files that their
// command line names. It prints only lines that may name a host or a port, those
// that say where they belong, and where Redis is told to listen; and of each file
// that it read, its checksum.
//
// On a host that runs what comes with every system nothing is started, and one
// short file for each process is read. A program in a container is looked at through its own
// root. Files that are none (a pipe would keep us waiting) are left out, and so
// is what comes after sixty.
//
// What nginx, Apache and Redis include from elsewhere, and what HAProxy was started
// with when that is not where it usually is, is read by processes of its own, so that
// a host that has none of it does not pay for it. The usual files of
// HAProxy are only summed here: they are read as a whole with those of all facts.
// Redis writes over its command line, so that the unit that starts it and the
// directory it runs in tell its file. Where nginx was built to look for a relative
// one, its program's text says. A secret of AJP is cut off before it leaves.
// Their workers, which have another user's rights or a root without /etc, tell
// nothing that their main process does not.
//
// Last come the environments of processes that no terminal has and that no system
// has by itself, each once for a program and its workers, of which only what
// environmentProgram lets out leaves the host.
var dependenciesScript = `if [ -d /proc/self/fd ]; then
set -- ; seen=' ' apps= away= ours=0 names=comm envs= others= balancer= theirs= lf='
'
[ -e /proc/self/comm ] || names=status
for p in /proc/[0-9]*; do
read -r x w <$p/$names || continue
[ -n "$w" ] || w=$x
l= list=
case $w in
java|node|nodejs|MainThread|python*|gunicorn*|uwsgi|uvicorn|ruby*|puma*|unicorn*|apache2|httpd) envs="$envs $p/environ" ;;
nginx|haproxy)
case $seen in *" $w:"*) [ -O $p ] || [ ! $p/root -ef / ] || continue ;; esac
[ -d $p/root/etc ] || continue
read -r l <$p/cmdline
case $l in 'nginx: worker'*|'nginx: cache'*) continue ;; esac
l=${l%%-sf*} ;;
php-fpm*|redis-*|valkey-*|mysqld|mariadbd|postgres|postmaster|keepalived) ;;
init|systemd*|*sd-pam*|dbus*|sh|bash|dash|ash|ksh*|zsh|fish|su|sudo*|doas|ssh*|login|*getty|*cron*|atd|*syslog*|*udevd|chronyd|ntpd|auditd|polkitd|sleep|busybox) continue ;;
*)
[ -e $p/exe ] && envs="$envs $p/environ"
continue ;;
esac
r=$p/root k=
if [ $r -ef / ]; then r=; else [ -n "$away" ] && [ $r -ef $away/root ] || away=$p; k=$away; fi
cd -P $p/cwd || cd /
case $seen in *" $w:$k$l$PWD "*) continue ;; esac
seen="$seen$w:$k$l$PWD "
say "#cwd $p $PWD $w"
case $w in
nginx)
a= d=
list="$r/etc/nginx/nginx.conf $r/etc/nginx/conf.d/*.conf $r/etc/nginx/sites-enabled/* $r/usr/local/etc/nginx/nginx.conf $r/usr/local/nginx/conf/nginx.conf $r/usr/local/openresty/nginx/conf/nginx.conf"
case $l in *' -p '*) d=${l#* -p }; d=${d%% *}; case $d in /*) ;; *) d=$PWD/$d ;; esac; [ -f "$r${d%/}/conf/nginx.conf" ] && a=conf/nginx.conf ;; esac
case $l in *' -c '*) a=${l#* -c }; a=${a%% *} ;; esac
case $a in
''|/etc/nginx/nginx.conf) ;;
*)
case $a in
/*) ;;
*)
[ -n "$d" ] || d=$(tr '\000' '\n' <$p/exe | grep -aoe '--prefix=[^ ]*')
a=${d#*=}/$a ;;
esac
list=$r$a others=$others$r$a=$r${a%/*}$lf
[ -f "$list" ] || say "#unread $l"
say "#is $w:$r$a" ;;
esac ;;
apache2|httpd) list="$r/etc/apache2/apache2.conf $r/etc/apache2/httpd.conf $r/etc/apache2/[cs]*-enabled/*.conf $r/etc/apache2/mods-enabled/proxy*.conf $r/etc/httpd/conf/httpd.conf $r/etc/httpd/conf.d/*.conf $r/usr/local/apache2/conf/httpd.conf" ;;
redis-*|valkey-*)
list="$r/etc/redis/*.conf $r/etc/redis.conf $r/etc/redis-sentinel.conf $r/etc/valkey/*.conf $r/usr/local/etc/redis/*.conf $p/cwd/*.conf"
read -r l <$p/cmdline
for f in ${l#*$w} $(grep -hs ^Exec.*$w $r/etc/systemd/system/*.service); do
case $f in /*.conf*) a=${f%%.conf*}.conf
list="$list $r$a"
say "#is $w:$r$a" ;; esac
done ;;
mysqld|mariadbd)
list="$r/etc/my.cnf $r/etc/mysql/my.cnf $r/etc/my.cnf.d/*.cnf $r/etc/mysql/conf.d/*.cnf $r/etc/mysql/*.conf.d/*.cnf"
for f in $r/var/lib/mysql/master.info $r/var/lib/mysql/*.master.info $r/var/lib/mysql/master-*.info; do
[ -f "$f" ] || continue
n=0; while [ $n -lt 7 ] && read -r v; do n=$((n + 1)); case $n in 4|7) say "$f:$n:$v" ;; esac; done <"$f"; v=
done ;;
php-fpm*) list="$r/etc/php/*/fpm/pool.d/*.conf $r/etc/php-fpm.d/*.conf" ;;
keepalived)
for f in $r/etc/keepalived/keepalived.conf $r/etc/keepalived/conf.d/*.conf; do
[ -f "$f" ] && said && grep -nE -e '^[[:space:]]*(vrrp_instance|state|interface|priority|virtual_router_id|nopreempt|virtual_ipaddress(_excluded)?)([[:space:]{]|$)' -e '^[[:space:]]*[0-9A-Fa-f.:]+(/[0-9]+)?([[:space:]]|$)' -e '^[[:space:]]*}[[:space:]]*$' /dev/null "$f"
done ;;
haproxy)
d=/etc/haproxy
case $l in *-f/usr/local/etc/haproxy/*) d=/usr/local/etc/haproxy ;; esac
a=${l#*-f$d/haproxy.cfg}
case $r${l%%-f$d/haproxy.cfg*}${a#-f$d/conf.d} in
/proc/*|*-f*)
IFS=$lf; set -f; w= d=$p/cwd
for a in $(tr '\000' '\n' <$p/cmdline); do
case $w in
-f|--)
[ "$w" = -- ] || w=
case $a in /*) a=$r$a ;; *) a=$d/$a ;; esac
set +f
for f in "$a" "$a"/*.cfg; do
[ -f "$f" ] || continue
if [ -r "$f" ]; then theirs=$theirs$f$lf; say "#haproxy $p $f"; else say "#denied $f"; fi
done
set -f
continue ;;
-C) case $a in /*) d=$r$a ;; *) d=$d/$a ;; esac ;;
esac
w=$a
done
set +f; IFS=' 	
' ;;
*)
say "#haproxy"
for f in $d/haproxy.cfg $d/conf.d/*.cfg; do [ -f "$f" ] && balancer=$balancer$f$lf; done ;;
esac ;;
postgres|postmaster) list="$p/cwd/postgresql.auto.conf $p/cwd/recovery.conf $p/cwd/postgresql.conf" ;;
*)
[ $ours -lt 16 ] || continue
ours=$((ours + 1)) apps="$apps:$p/cmdline"
d=$p/cwd
[ "$PWD" = / ] || list="$d/.env $d/*.properties $d/*.y*ml $d/config.json $d/config/*.properties $d/config/*.y*ml" ;;
esac
for f in $list; do [ -f "$f" ] && [ $# -lt 60 ] && set -- "$@" "$f"; done
done
if [ -n "$apps" ]; then
IFS=':	
'
set -f; d= last=
for a in $(grep -as '' /dev/null $apps | tr '\000' '\n'); do
set +f
case $a in
/proc/[0-9]*/cmdline) p=${a%/*} r=$p/root; [ $r -ef / ] && r=; continue ;;
-Dcatalina.base=/*)
d=$r${a#*=}
for f in $d/conf/context.xml $d/conf/server.xml $d/webapps/*/META-INF/context.xml $d/webapps/*/WEB-INF/classes/*.properties $d/webapps/*/WEB-INF/classes/*.y*ml; do [ -f "$f" ] && [ $# -lt 60 ] && set -- "$@" "$f"; done
continue ;;
-*=*) a=${a#*=} ;;
esac
case $a in /*/) d=$r${a%/} ;; /*.jar|/*.war|/*.js|/*.py|/*.rb) d=$r${a%/*} ;; *.properties|*.yml|*.yaml|*.env|*.toml|*.ini|*.json) d= ;; *) continue ;; esac
if [ -n "$d" ]; then
[ "$d" = "$last" ] && continue
last=$d
for f in $d/.env $d/*.properties $d/*.y*ml $d/config.json $d/config/*.properties $d/config/*.y*ml; do [ -f "$f" ] && [ $# -lt 60 ] && set -- "$@" "$f"; done
continue
fi
case $a in /*) f=$r$a ;; *) f=$p/cwd/$a ;; esac
[ -f "$f" ] && [ $# -lt 60 ] && set -- "$@" "$f"
done
fi
IFS=$lf; set -f; more="$*" had="$lf$*$lf" n=0
while [ -n "$more" ]; do
c=$(grep -isnE -e '^[^#]*://' -e '^[^#]*(host|hosts|hostname|port|addr|address|addresses|server|servers|nodes|brokers|connect|endpoint|endpoints)["'\'']?[]]?[[:space:]]*[:=]' -e '^[[:space:]{]*["'\'']?[a-z0-9_.-]+["'\'']?:[[:space:]{]*$' -e '^[[:space:]]*(upstream|server|[a-z]+_(pass|next_upstream)|(health_)?check|replicaof|slaveof|sentinel[[:space:]]+monitor|primary_conninfo|bind|protected-mode|port|include(optional)?)[[:space:]=;]' -e '^[^#]*}' -e '^[^#]*` + kindKeys + `["'\'']?[[:space:]]*[:=][[:space:]]*["'\'']?[a-z0-9_.+]*(` + kindWords + `)[a-z0-9_.+]*["'\'']?[;,[:space:]]*$' /dev/null $more)
case $c in *ecret=*) c=$(printf '%s\n' "$c" | sed 's/ecret=.*/ecret=/') ;; esac
said; printf '%s\n' "$c"; more= n=$((n + 1))
case $n$c in [1-4]*nclude*) ;; *) break ;; esac
for l in $c; do
case $l in *nclude*) ;; *) continue ;; esac
x=${l%%:*} w= IFS=' 	;"'\'
for a in ${l#*:*:}; do [ -z "$w" ] || break; w=$a; done
IFS=$lf
case $w:$a in
*mime.types|*_params|*fastcgi.conf|*fastcgi-php.conf|*[/:.]modules*|*mods-*|*/letsencrypt/*|*snakeoil.conf|*:ports.conf) continue ;;
[Ii]nclude*) ;;
*) continue ;;
esac
case $lf$others in
*"$lf$x="*) b=$lf$others b=${b#*"$lf$x="} b=${b%%"$lf"*} ;;
*)
b=${x%/*} b=${b%/conf.d} b=${b%/*-enabled}
case $x in */httpd.conf) b=${b%/conf} ;; esac ;;
esac
case $a in
/*) case $x in /proc/[0-9]*) p=${x#/proc/}; a=/proc/${p%%/*}/root$a ;; esac ;;
*) a=$b/$a ;;
esac
set +f
for f in $a; do
case $had in *"$lf$f$lf"*) continue ;; esac
[ -f "$f" ] && [ $# -lt 60 ] && set -- "$@" "$f" && had=$had$f$lf more=$more$f$lf others=$others$f=$b$lf && say "#is $x:$f"
done
set -f
done
done
said; [ -z "$theirs" ] || grep -snE '^[[:space:]]*(global|defaults|frontend|backend|listen|userlist|peers|resolvers|mailers|program|cache|ring|http-errors|fcgi-app|crt-store|log-forward|traces|mode|option|server|server-template|default-server)([[:space:]]|$)' /dev/null $theirs
set -- "$@" $balancer $theirs
[ $# = 0 ] || { echo "#sums $#"; cksum "$@"; }
set +f; IFS=' 	
'
env= had=' '
[ -z "$envs" ] || for f in $(grep -lasE '(HOSTS?|UR[IL]|DSN|ADDR(ESS(ES)?)?|ENDPOINTS?|SERVERS?|NODES|BROKERS)=' /dev/null $envs); do
p=${f%/environ}
read -r l <$p/stat || continue
w=${l#*\(}; w=${w%\)*}
set -- ${l##*\) }
[ "$5" = 0 ] || continue
case $w in tini|dumb-init|docker-init|catatonit|conmon|containerd*|supervisord|runsv*|s6-*) continue ;; esac
x=$had had="$had${p#/proc/}/$w "
case $x in *" $2/$w "*) continue ;; esac
set -- $env
[ $# -lt 32 ] || break
env="$env $p/environ"
say "#env $p $w"
done
said; [ -z "$env" ] || grep -as '' /dev/null $env | tr '\000' '\n' | awk '` + environmentProgram + `'
cd /; say "#end"
fi`

// kindKeys are what settings are called that say what a database is, and
// kindWords what they say: those that run on no server among them.
const (
	kindKeys  = `(connection|driver|driver[-_.]?class[-_.]?name|engine|dialect|adapter|platform|client|dbms|type)`
	kindWords = `mysql|mariadb|postgres|pgsql|sqlserver|sqlsrv|mssql|oracle|mongo|redis|sqlite|pg`
)

// environmentProgram lets only those settings leave the host that say where
// something is, as NAME=SCHEME://HOST:PORT or NAME=HOST:PORT: no user, no path,
// and nothing at all where that cannot be told apart with certainty; or what a
// database is, as the one word of it that we know. A setting
// that says by its name that it is a secret stays there, and so does what Docker
// and Kubernetes set in every container, whether it is called or not.
var environmentProgram = `BEGIN { at = sprintf("%c", 64) }
{
if (match($0, /^\/proc\/[0-9]+\/environ:/)) { f = substr($0, 1, RLENGTH); $0 = substr($0, RLENGTH + 1); if (f != file) count = 0; file = f }
i = index($0, "="); if (i < 2) next
n = toupper(substr($0, 1, i - 1)); v = substr($0, i + 1); s = ""
if (n !~ /^[A-Z0-9_.]+$/ || 80 < length(n) || n == "HOST" || n == "PORT") next
if (n ~ /PASS|PWD|TOKEN|SECRET|KEY|CRED|PRIVATE|_SERVICE_HOST$|_SERVICE_PORT|_PORT_[0-9]+_/) next
url = n ~ /(UR[IL]|DSN)$/
where = n ~ /(HOSTS?|ADDR|ADDRESS(ES)?|ENDPOINTS?|SERVERS?|NODES|BROKERS)$/
if (n ~ /(CONNECTION|DRIVER(_CLASS_NAME)?|ENGINE|DIALECT|ADAPTER|PLATFORM|CLIENT|DBMS|TYPE)$/) { v = tolower(v); if (!match(v, /` + kindWords + `/)) next; v = substr(v, RSTART, RLENGTH) }
else if (n ~ /PORT$/) { if (v !~ /^[0-9]+$/) next }
else if (!url && !where) next
if (match(v, /tcp\([A-Za-z0-9._-]+:[0-9]+\)\//)) { s = "tcp://"; v = substr(v, RSTART + 4, RLENGTH - 6); if (url) s = "mysql://" }
else if (i = index(v, "://")) {
s = substr(v, 1, i + 2); v = substr(v, i + 3); rest = ""
if (s !~ /^[A-Za-z][A-Za-z0-9:+.-]*:\/\/$/ || 40 < length(s) || s ~ /^(tcp|udp):/) next
if (match(v, /[\/?#;]/)) { rest = substr(v, RSTART); v = substr(v, 1, RSTART - 1) }
if (index(rest, at)) next
while (i = index(v, at)) v = substr(v, i + 1)
}
else if (url) next
m = split(v, one, ","); if (m < 1 || 250 < length(v)) next
for (i = 1; i <= m; i++) if (one[i] !~ /^([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]+)?$/) next
if (count++ < 60) print file count ":" n "=" s v
}`

// parseDependencies keeps of each line the host, the port and what is spoken
// there. Whatever else stands in it, passwords first, is dropped here.
func parseDependencies(r Raw) Observed[[]Dependency] {
	d := r.configurations()
	return configured(d, r, d.list, "/proc")
}

// adder keeps what the lines of a program's file name.
func (d *configurationReader) adder(process, file string) adder {
	return func(n int, scheme, host string, port int) {
		host, ok := hostName(host)
		if !ok || len(d.list) >= maxItems {
			return
		}
		d.list = append(d.list, Dependency{Host: host, Port: cmp.Or(port, usualPorts[scheme]), Scheme: scheme, Process: process, File: file, Line: n})
	}
}

// environmentFile is the environment of a process.
var environmentFile = regexp.MustCompile(`^(/proc/(\d+))/environ$`)

// environment reads settings as those of a file. Their order means nothing, so
// that a host and its port are put beside each other, and lines have no number.
func (d *configurationReader) environment(pid, process string, lines []numbered) {
	slices.SortFunc(lines, func(a, b numbered) int { return strings.Compare(a.text, b.text) })
	for n := range lines {
		lines[n].number = 0
	}
	settings(lines, d.adder(clean(process), "environment of "+pid))
}
