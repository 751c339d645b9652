package cli

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/nightcall-sh/nightcall/internal/check"
	"github.com/nightcall-sh/nightcall/internal/fact"
)

// A real PostgreSQL and its standby: what a deep look says of the two while all is
// well, while the standby applies nothing, and after it lost its main.
func TestPostgreSQLReplication(t *testing.T) {
	t.Parallel()
	f := startFleet(t, "232", "postgresql", []string{"pg1", "pg2"}, "psql", "runuser")
	const query = "runuser -u postgres -- psql -h /run/postgresql -Atc "
	f.until(t, "pg2", query+"'SELECT status FROM pg_stat_wal_receiver' 2>&1 || :", "streaming")
	f.on(t, "pg1", query+"'CREATE TABLE orders AS SELECT generate_series(1, 20000) AS id'")
	f.on(t, "pg1", query+`"CREATE TABLE pictures AS SELECT i AS id, decode((SELECT string_agg(md5(i::text || j::text), '') FROM generate_series(1, 4000) AS j), 'hex') AS data FROM generate_series(1, 40) AS i"`)
	f.until(t, "pg2", query+"'SELECT count(*) FROM orders' 2>&1 || :", "20000")

	accused := []string{"replication-broken", "replication-lagging", "unauthenticated-service", "dependency-cut-off"}
	innocent(t, f.findings(t, "all is well"), accused...)
	main, standby := f.database(t, "pg1"), f.database(t, "pg2")
	pictures := func(x fact.Table) bool {
		return x.Name == "postgres.public.pictures" && x.Blobs == "data" && x.Bytes > 1<<20
	}
	if main.Kind != "postgresql" || main.Port != 5432 || main.ReadOnly || len(main.Replication) != 0 ||
		main.Bytes < 1<<22 || main.BlobPercent < 10 || !slices.ContainsFunc(main.Tables, pictures) {
		t.Errorf("the main: %+v", main)
	}
	source := strings.Fields(f.on(t, "pg1", "hostname -I"))[0] + ":5432"
	if r := standby.Replication; !standby.ReadOnly || len(r) != 1 || r[0].Source != source || r[0].State != "running" || r[0].Lag < 0 || r[0].Lag > 5 {
		t.Errorf("the standby: %+v", standby)
	}
	var links struct {
		Links []struct {
			From, To struct{ Host string }
			Role     string
		}
		Services []struct {
			Host, Role string
			Port       int
		}
	}
	if err := json.Unmarshal([]byte(f.nightcall(t, "links", "--json")), &links); err != nil {
		t.Fatal(err)
	}
	follows := false
	for _, l := range links.Links {
		follows = follows || l.From.Host == "pg2" && l.To.Host == "pg1" && l.Role == "replica"
	}
	if !follows {
		t.Errorf("pg2 is no replica of pg1: %+v", links)
	}

	// It gets everything and applies nothing: people read old data there.
	f.on(t, "pg2", query+"'SELECT pg_wal_replay_pause()'")
	f.on(t, "pg1", query+"'INSERT INTO orders SELECT 1'")
	f.until(t, "pg2", query+"'SELECT pg_last_wal_receive_lsn() > pg_last_wal_replay_lsn()'", "t")
	f.on(t, "pg2", "sleep 1.2")
	found := f.findings(t, "old data")
	paused := first(t, found, "replication-broken", "pg2")
	if paused.Status != check.Warning || !strings.Contains(paused.Summary, "stopped") || !strings.Contains(paused.Summary, "paused") {
		t.Errorf("%s: %s", paused.Status, paused.Summary)
	}
	if r := f.database(t, "pg2").Replication; len(r) != 1 || r[0].Lag < 1 {
		t.Errorf("how far the standby is behind: %+v", r)
	}
	f.on(t, "pg2", query+"'SELECT pg_wal_replay_resume()'")

	// It loses its main.
	f.on(t, "pg1", "iptables -w -I INPUT -p tcp --dport 5432 -j REJECT --reject-with tcp-reset")
	f.until(t, "pg2", query+"'SELECT count(*) FROM pg_stat_wal_receiver'", "0")
	found = f.findings(t, "alone")
	lost := first(t, found, "replication-broken", "pg2")
	if lost.Status != check.Critical || !strings.Contains(lost.Summary, source) {
		t.Errorf("%s: %s", lost.Status, lost.Summary)
	}
}

// database is the one server that a host's deep look found.
func (f realFleet) database(t *testing.T, host string) fact.Database {
	t.Helper()
	var shown struct {
		Observed struct{ Value []fact.Database }
	}
	if err := json.Unmarshal([]byte(f.nightcall(t, "host", "show", host, "--fact", "databases", "--json")), &shown); err != nil {
		t.Fatal(err)
	}
	if len(shown.Observed.Value) != 1 {
		t.Fatalf("databases on %s: %+v", host, shown.Observed.Value)
	}
	return shown.Observed.Value[0]
}
