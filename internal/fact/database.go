package fact

import (
	"cmp"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/nightcall-sh/nightcall/internal/redact"
)

// A Database is a database server as it describes itself to the host's root.
type Database struct {
	Kind      string `json:"kind"`    // mysql, mariadb, postgresql
	Version   string `json:"version"` // 10.11.6-MariaDB-0+deb12u1-log
	Port      int    `json:"port"`
	Directory string `json:"directory"` // where its data lies
	ReadOnly  bool   `json:"read_only"`

	Bytes       int64   `json:"bytes"`      // of rows and indexes, by the server's own statistics
	Unused      int64   `json:"unused"`     // allocated in tables, and free
	BlobBytes   int64   `json:"blob_bytes"` // of the tables that have columns for large binary values
	BlobPercent float64 `json:"blob_percent"`
	Tables      []Table `json:"tables"` // the largest

	Replication []Replication `json:"replication"` // what it follows; none on a main
}

// Key names the item in its list.
func (d Database) Key() string { return d.Kind + " " + strconv.Itoa(d.Port) }

// A Table is one table of a database.
type Table struct {
	Name  string `json:"name"`  // schema.table
	Bytes int64  `json:"bytes"` // rows and indexes
	Rows  int64  `json:"rows"`  // estimated
	Blobs string `json:"blobs"` // columns for large binary values; empty when there are none
}

// Key names the item in its list.
func (t Table) Key() string { return t.Name }

// Replication is how a server follows another.
type Replication struct {
	Source  string `json:"source"`  // host:port
	Channel string `json:"channel"` // empty for the only one
	State   string `json:"state"`   // running, connecting, broken, stopped
	Lag     int64  `json:"lag"`     // seconds behind; -1 when the server does not say
	Error   string `json:"error"`   // its own words, without secrets
}

// Key names the item in its list.
func (r Replication) Key() string { return strings.TrimSpace(r.Source + " " + r.Channel) }

func databasesFact() Fact {
	return define("databases", "what database servers say of themselves to the host's root", Probe{
		Script: databasesScript, Deep: true, Timeout: 10 * time.Second,
	}, func(s *Set) *Observed[[]Database] { return &s.Databases }, parseDatabases)
}

// maxTables is how many of a database's tables are kept; the server tells of
// maxTableRows at most.
const maxTables = 20

// mysqlQuestions read what the server knows anyway: no table is opened for its
// rows, the session cannot write where the server knows such sessions, and each
// answer has eight seconds. Words of one version or of MariaDB alone stand in the
// comments that only those read.
const mysqlQuestions = `/*!50605 SET SESSION TRANSACTION READ ONLY */; /*!50503 SET SESSION lock_wait_timeout=3 */; ` +
	`/*M!100101 SET SESSION max_statement_time=8 */; /*!50708 SET SESSION max_execution_time=8000 */; ` +
	`SELECT "#server", @@version, @@port, @@datadir, @@read_only; ` +
	`SELECT "#blobs", TABLE_SCHEMA, TABLE_NAME, COLUMN_NAME FROM information_schema.COLUMNS WHERE DATA_TYPE IN ("blob","mediumblob","longblob") AND TABLE_SCHEMA NOT IN ("mysql","information_schema","performance_schema","sys") LIMIT 5000; ` +
	`SELECT "#table", TABLE_SCHEMA, TABLE_NAME, DATA_LENGTH, INDEX_LENGTH, DATA_FREE, TABLE_ROWS FROM information_schema.TABLES WHERE TABLE_TYPE="BASE TABLE" AND TABLE_SCHEMA NOT IN ("information_schema","performance_schema","sys") ORDER BY DATA_LENGTH+INDEX_LENGTH DESC LIMIT 5000`

// threadsQuestion asks what the threads of a replication do, and whether somebody
// else's question about it is stuck: a replica whose disk is full lets such a
// question hang until there is room, and ours would be one more.
const threadsQuestion = `SELECT "#thread", COMMAND, TIME, STATE FROM information_schema.PROCESSLIST WHERE USER="system user" OR (INFO LIKE "SHOW%STATUS%" AND TIME > 15)`

// fileQuestions ask for the sizes of InnoDB's files: the statistics lag behind a
// table that grows fast. MariaDB and MySQL 5.7 know the first, MySQL 8 the second.
var fileQuestions = []string{
	`SELECT "#file", NAME, FILE_SIZE FROM information_schema.INNODB_SYS_TABLESPACES LIMIT 20000`,
	`SELECT "#file", NAME, FILE_SIZE FROM information_schema.INNODB_TABLESPACES LIMIT 20000`,
}

// replicationQuestions are one question in the words of each server: MariaDB's
// for all it follows, the new ones of both, and the old ones.
var replicationQuestions = []string{`SHOW ALL SLAVES STATUS\G`, `SHOW REPLICA STATUS\G`, `SHOW SLAVE STATUS\G`}

// postgresQuestions ask the catalogue, one by one: clients before 15 tell only the
// last of several answers, and what one version does not know must not cost the
// others. The words for the log changed with version 10.
var postgresQuestions = []string{
	`SELECT '#server', current_setting('server_version'), current_setting('port'), current_setting('data_directory'), pg_is_in_recovery()`,
	`SELECT '#database', datname, pg_database_size(oid) FROM pg_database WHERE datallowconn ORDER BY 3 DESC LIMIT 5000`,
	`SELECT '#source', substring(setting from 'host=([^ ]+)'), substring(setting from 'port=([0-9]+)') FROM pg_settings WHERE name='primary_conninfo' AND pg_is_in_recovery()`,
	`SELECT '#receiver', status, substring(conninfo from 'host=([^ ]+)'), substring(conninfo from 'port=([0-9]+)') FROM pg_stat_wal_receiver`,
	`SELECT '#paused' WHERE CASE WHEN pg_is_in_recovery() THEN pg_is_wal_replay_paused() END`,
	`SELECT '#paused' WHERE CASE WHEN pg_is_in_recovery() THEN pg_is_xlog_replay_paused() END`,
	`SELECT '#lag', CASE WHEN pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn() THEN 0 ELSE floor(extract(epoch FROM now() - pg_last_xact_replay_timestamp())) END`,
	`SELECT '#lag', CASE WHEN pg_last_xlog_receive_location() = pg_last_xlog_replay_location() THEN 0 ELSE floor(extract(epoch FROM now() - pg_last_xact_replay_timestamp())) END`,
}

// postgresNames are the largest databases, by names that no client takes for more
// than a name; postgresTables asks each for its largest tables and their columns
// for binary values. What lies in TOAST counts as its table's.
const (
	postgresNames  = `SELECT datname FROM pg_database WHERE datallowconn AND NOT datistemplate AND datname ~ '^[A-Za-z0-9_-]+$' ORDER BY pg_database_size(oid) DESC LIMIT 16`
	postgresTables = `SELECT '#table', current_database() || '.' || n.nspname, c.relname, pg_table_size(c.oid), pg_indexes_size(c.oid), 0, greatest(c.reltuples, 0)::bigint, ` +
		`(SELECT string_agg(attname, ', ') FROM pg_attribute WHERE attrelid = c.oid AND atttypid = 17 AND attnum > 0 AND NOT attisdropped) ` +
		`FROM (SELECT t.oid, t.relname, t.relnamespace, t.reltuples, t.relpages FROM pg_class t LEFT JOIN pg_class x ON x.oid = t.reltoastrelid WHERE t.relkind IN ('r', 'm') ORDER BY t.relpages + coalesce(x.relpages, 0) DESC LIMIT 300) c ` +
		`JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname NOT IN ('pg_catalog', 'information_schema') OR c.relname = 'pg_largeobject' AND c.relpages > 100`
)

// postgres asks a server through its socket, in sessions that cannot write; one
// that lets nobody in is asked once.
func postgres() string {
	in := func(database, question string) string {
		return `PGOPTIONS="-c default_transaction_read_only=on -c statement_timeout=8000" ` +
			`runuser -u postgres -- psql -X -A -t -F "	" -d ` + database + ` -h "${s%/*}" -p "${s##*.}" -c "` + question + `" 2>&1`
	}
	ask := func(question string) string { return in("postgres", question) }
	text := "e=$(" + ask(postgresQuestions[0]) + ")\necho \"$e\"\ncase $e in '#server'*)\n"
	for _, q := range postgresQuestions[1:] {
		text += ask(q) + "\n"
	}
	text += "for b in $(" + ask(strings.ReplaceAll(postgresNames, "$", `\$`)) + "); do\ncase $b in *[!A-Za-z0-9_-]*) continue ;; esac\n" + in(`"$b"`, postgresTables) + "\ndone\n"
	return text + ";;\nesac"
}

// databasesScript logs in as root does there: by the socket, or by the files that
// hold root's password; and first by a login that stands on its standard input, as
// a file of options for the client, to whom a pipe hands it on. A server without a
// socket in our sight is passed over.
var databasesScript = `set -f
l=; while read -r a; do l="$l$a
"; done
for s in $(awk '$4 == "00010000" && ($8 ~ /my[a-z]*[0-9]*\.sock$/ || $8 ~ /maria[a-z]*[0-9]*\.sock$/) && $8 !~ /mysqlx/ {print $8}' /proc/net/unix); do
for f in /proc/self/fd/0 /root/.my.cnf /dev/null /etc/mysql/debian.cnf; do
[ -r "$f" ] || continue
[ "$f" != /proc/self/fd/0 ] || [ -n "$l" ] || continue
if has mariadb; then
` + mysqlBy("mariadb") + `
elif has mysql; then
` + mysqlBy("mysql") + `
else echo "#denied mysql $s there is no client"
fi
done
done
for s in $(awk '$4 == "00010000" && $8 ~ /\/\.s\.PGSQL\.[0-9]+$/ {print $8}' /proc/net/unix); do
echo "#postgresql $s"
` + postgres() + `
done
set +f`

// MySQLLogin returns an option file of MySQL's client with this login, which the
// script of the fact databases reads from its standard input. It refuses a user or a
// password with a line break or a NUL.
func MySQLLogin(user, password string) ([]byte, error) {
	if strings.ContainsAny(user+password, "\n\r\x00") {
		return nil, errors.New("a login of MySQL has no line breaks")
	}
	quote := func(s string) string {
		return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
	}
	return []byte("[client]\nuser=" + quote(user) + "\npassword=" + quote(password) + "\n"), nil
}

func mysqlBy(client string) string {
	begin := `printf %s "$l" | ` + client + ` --defaults-file="$f" --socket="$s" --connect-timeout=5 -B`
	text := `e=$(` + begin + ` -N -e 'SELECT 1' 2>&1)
case $e in
*1) echo "#mysql $s"
` + begin + ` -N -e '` + mysqlQuestions + "'\n"
	for _, q := range fileQuestions {
		text += begin + ` -N -e '` + q + "'\n"
	}
	text += `p=$(` + begin + ` -N -e '` + threadsQuestion + `')
case $p in
*"free space"*|*Query*) echo "#stuck"; echo "$p" ;;
*) `
	for _, q := range replicationQuestions {
		text += begin + ` -e '` + q + "'\n"
	}
	return text + `;;
esac
break ;;
*) echo "#denied mysql $s $e" ;;
esac`
}

// parseDatabases reads the answers one line after another.
func parseDatabases(r Raw) Observed[[]Database] {
	d := databaseReader{list: []Database{}, blobs: map[string]string{}, files: map[string]int64{}}
	for line := range strings.Lines(r.Out) {
		d.line(strings.TrimRight(line, "\r\n"))
	}
	d.end()
	source := "information_schema"
	switch denied := strings.Join(d.denied, "; "); {
	case denied == "":
		return found(d.list, source)
	case len(d.list) == 0:
		return unknown[[]Database]("%s", denied)
	default:
		return partly(d.list, source, denied)
	}
}

type databaseReader struct {
	list   []Database
	denied []string
	socket string // refused by every login so far
	words  string // of the last refusal

	now    *Database
	blobs  map[string]string // columns by table
	files  map[string]int64  // sizes by table
	tables []Table
	sizes  []Table           // of whole databases, where the server tells
	status map[string]string // of the replication that is being read
}

func (d *databaseReader) line(line string) {
	f := strings.Split(line, "\t")
	switch kind, rest, _ := strings.Cut(line, " "); {
	case kind == "#mysql" || kind == "#postgresql":
		d.end()
		d.now, d.socket = &Database{Kind: strings.TrimPrefix(kind, "#"), Tables: []Table{}, Replication: []Replication{}}, rest
	case kind == "#denied":
		d.end()
		_, d.words, _ = strings.Cut(rest, " ")
		d.socket, d.words, _ = strings.Cut(d.words, " ")
	case d.now == nil:
	case f[0] == "#server" && len(f) == 5:
		d.server(f)
	case f[0] == "#blobs" && len(f) == 4:
		d.blob(f[1]+"."+f[2], f[3])
	case f[0] == "#database" && len(f) == 3:
		size, _ := number(f[2])
		d.sizes = append(d.sizes, Table{Name: clean(f[1]), Bytes: claimed(size)})
	case f[0] == "#table" && len(f) == 8: // with its columns for binary values
		if f[7] != "" {
			d.blob(f[1]+"."+f[2], f[7])
		}
		d.table(f)
	case f[0] == "#table" && len(f) == 7:
		d.table(f)
	case f[0] == "#file" && len(f) == 3:
		d.file(f[1], f[2])
	case f[0] == "#thread" && len(f) == 4:
		d.thread(clean(f[1]), clean(f[3]))
	case f[0] == "#source" && len(f) == 3 && d.now.ReadOnly:
		d.now.Replication = append(d.now.Replication, Replication{Source: clean(f[1] + ":" + cmp.Or(f[2], "5432")), State: connecting, Lag: -1})
	case f[0] == "#receiver" && len(f) == 4:
		d.receiver(f)
	case f[0] == "#paused" && len(d.now.Replication) > 0:
		d.now.Replication[0].State, d.now.Replication[0].Error = stopped, "replay is paused: it gets what is written, and does not apply it"
	case f[0] == "#lag" && len(f) == 2:
		d.lag(f[1])
	case strings.HasPrefix(line, "**********"):
		d.endStatus()
		d.status = map[string]string{}
	case d.status != nil:
		key, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		d.status[key] = clean(value)
	case d.now.Version == "" && d.words == "":
		d.words = line // of a psql that was refused
	}
}

func (d *databaseReader) server(f []string) {
	d.now.Version, d.now.Port, d.now.Directory = clean(f[1]), integer(f[2]), clean(f[3])
	d.now.ReadOnly = slices.Contains([]string{"1", "t", "ON"}, clean(f[4]))
	if strings.Contains(strings.ToLower(f[1]), "mariadb") {
		d.now.Kind = "mariadb"
	}
}

func (d *databaseReader) blob(table, column string) {
	table, column = clean(table), clean(column)
	if old, ok := d.blobs[table]; ok {
		column = clip(old+", "+column, 200)
	}
	d.blobs[table] = column
}

func (d *databaseReader) table(f []string) {
	data, _ := number(f[3])
	index, _ := number(f[4])
	unused, _ := number(f[5])
	rows, _ := number(f[6])
	name := clean(f[1] + "." + f[2])
	if f[2] == "" {
		name = clean(f[1])
	}
	d.now.Unused += claimed(unused)
	if len(d.tables) < maxItems {
		d.tables = append(d.tables, Table{Name: name, Bytes: claimed(data) + claimed(index), Rows: max(rows, 0), Blobs: d.blobs[name]})
	}
}

// file notes a file of InnoDB's: "shop/orders", or one for each partition.
func (d *databaseReader) file(name, text string) {
	schema, table, ok := strings.Cut(clean(name), "/")
	for _, mark := range []string{"#P#", "#p#"} {
		table, _, _ = strings.Cut(table, mark)
	}
	if n, isSize := number(text); ok && isSize && len(d.files) < maxItems {
		d.files[schema+"."+table] = claimed(d.files[schema+"."+table] + claimed(n))
	}
}

// sum adds up the tables of a server, by their files where these are larger than
// what the statistics know.
func (d *databaseReader) sum() {
	if len(d.tables) == 0 {
		d.tables, d.sizes = d.sizes, nil
	}
	for n := range d.tables {
		t := &d.tables[n]
		t.Bytes = max(t.Bytes, d.files[t.Name])
		d.now.Bytes += t.Bytes
		if t.Blobs != "" {
			d.now.BlobBytes += t.Bytes
		}
	}
	if len(d.sizes) > 0 { // they hold what tables do not tell: catalogues, and what lies between rows
		d.now.Bytes = 0
		for _, s := range d.sizes {
			d.now.Bytes += s.Bytes
		}
	}
	slices.SortStableFunc(d.tables, func(a, b Table) int { return cmp.Compare(b.Bytes, a.Bytes) })
	d.now.Tables = append(d.now.Tables, d.tables[:min(len(d.tables), maxTables)]...)
	d.now.BlobPercent = percent(float64(d.now.BlobBytes), float64(d.now.Bytes))
}

// claimed is a number of bytes that a server may claim: five thousand of the largest
// still add up to a number.
func claimed(n int64) int64 { return min(max(n, 0), 1<<46) }

// thread notes a thread of a replication that no question may be asked about.
func (d *databaseReader) thread(command, state string) {
	if len(d.now.Replication) == 0 {
		d.now.Replication = append(d.now.Replication, Replication{Source: "its source", State: broken, Lag: -1})
	}
	r := &d.now.Replication[0]
	r.Error = clip(strings.TrimPrefix(r.Error+"; "+command+": "+withoutRows(state), "; "), 500)
}

// end closes the answers of one server, or of one that let nobody in.
func (d *databaseReader) end() {
	d.endStatus()
	switch {
	case d.now != nil && d.now.Version != "":
		d.sum()
		d.list = append(d.list, *d.now)
		d.denied = slices.DeleteFunc(d.denied, func(text string) bool { return strings.HasPrefix(text, d.socket+": ") })
	case d.socket != "":
		d.words, _, _ = strings.Cut(d.words, " (using password") // whether one was sent is not what it was
		text := clean(clip(d.socket+": "+redact.Text(cmp.Or(d.words, "no answer")), 300))
		if !slices.Contains(d.denied, text) && len(d.denied) < 20 {
			d.denied = append(d.denied, text)
		}
	}
	d.now, d.socket, d.words, d.tables, d.sizes = nil, "", "", nil, nil
	d.blobs, d.files = map[string]string{}, map[string]int64{}
}

// endStatus keeps a replication that was read, once.
func (d *databaseReader) endStatus() {
	s := d.status
	d.status = nil
	if len(s) == 0 || d.now == nil || len(d.now.Replication) >= maxTables {
		return
	}
	// MySQL 8.0.22 and MariaDB 10.5 found new words.
	word := func(names ...string) string {
		for _, n := range names {
			if v, ok := s[n]; ok {
				return v
			}
		}
		return ""
	}
	host, port := word("Source_Host", "Master_Host"), word("Source_Port", "Master_Port")
	r := Replication{Source: clean(host + ":" + port), Channel: word("Channel_Name", "Connection_name"), Lag: -1}
	if lag, ok := number(word("Seconds_Behind_Source", "Seconds_Behind_Master")); ok {
		r.Lag = max(lag, 0)
	}
	var errs []string
	for _, text := range []string{s["Last_IO_Error"], s["Last_SQL_Error"]} {
		if text != "" {
			errs = append(errs, withoutRows(text))
		}
	}
	r.Error = strings.Join(errs, "; ")
	r.State = replicationState(word("Replica_IO_Running", "Slave_IO_Running"), word("Replica_SQL_Running", "Slave_SQL_Running"), r.Error != "")
	if !slices.ContainsFunc(d.now.Replication, func(o Replication) bool { return o.Key() == r.Key() }) {
		d.now.Replication = append(d.now.Replication, r)
	}
}

// The states of a replication.
const (
	replicating = "running"
	connecting  = "connecting"
	broken      = "broken"
	stopped     = "stopped"
)

// replicationState sums up its two halves: one fetches, the other applies.
func replicationState(fetch, apply string, failed bool) string {
	switch {
	case fetch == "Yes" && apply == "Yes":
		return replicating
	case failed && (fetch == "No" || apply == "No"):
		return broken
	case fetch == "Connecting" || fetch == "Preparing":
		return connecting
	default:
		return stopped
	}
}

// withoutRows takes the customer's data out of an error of replication: it names
// the statement, and the value that was there twice.
func withoutRows(text string) string {
	text, _, _ = strings.Cut(text, " Query: ")
	if before, rest, ok := strings.Cut(text, "Duplicate entry '"); ok {
		if _, after, ok := strings.Cut(rest, "' for key"); ok {
			text = before + "Duplicate entry for key" + after
		} else {
			text = before + "Duplicate entry"
		}
	}
	return clean(clip(redact.Text(clean(text)), 500))
}

// receiver is what a PostgreSQL standby says of the way to its source.
func (d *databaseReader) receiver(f []string) {
	r := Replication{Source: clean(f[2] + ":" + f[3]), State: connecting, Lag: -1}
	if f[1] == "streaming" {
		r.State = replicating
	}
	d.now.Replication = []Replication{r}
}

// lag ends what a PostgreSQL says of itself: a standby without a receiver has
// lost its source, and cannot know how far it is behind.
func (d *databaseReader) lag(text string) {
	if !d.now.ReadOnly || d.now.Kind != "postgresql" {
		return
	}
	if len(d.now.Replication) == 0 {
		d.now.Replication = append(d.now.Replication, Replication{Source: "?", State: connecting, Lag: -1})
	}
	r := &d.now.Replication[0]
	if r.State == connecting {
		r.Error = "it has no connection to its source"
		return
	}
	if n, ok := number(text); ok {
		r.Lag = max(n, 0)
	}
}
