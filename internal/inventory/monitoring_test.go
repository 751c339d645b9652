package inventory

import (
	"slices"
	"testing"

	"github.com/nightcall-sh/nightcall/internal/fact"
)

func TestSeenMonitoring(t *testing.T) {
	t.Parallel()
	running := func(name string, state fact.State, processes ...string) Host {
		h := Host{Name: name}
		h.Facts.Processes.State = state
		for _, p := range processes {
			h.Facts.Processes.Value = append(h.Facts.Processes.Value, fact.Process{Name: p})
		}
		return h
	}
	m := Fleet{Hosts: []Host{
		running("db1", fact.OK, "mysqld", "zabbix_agentd", "zabbix_agent2", "monit"),
		running("web1", fact.Partial, "nginx"),
		running("web2", fact.Unknown),
		running("web3", ""),
	}}.SeenMonitoring()
	if !slices.Equal(m.Watched["db1"], []string{"Monit", "Zabbix"}) || len(m.Watched) != 1 {
		t.Errorf("watched: %v", m.Watched)
	}
	if !slices.Equal(m.Bare, []string{"web1"}) || !slices.Equal(m.Unknown, []string{"web2", "web3"}) {
		t.Errorf("bare %v, unknown %v", m.Bare, m.Unknown)
	}
}
