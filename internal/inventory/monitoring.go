package inventory

import (
	"maps"
	"slices"
	"strings"
)

// Monitoring is which hosts run something that watches them. Whether anybody
// looks at what it says is another question.
type Monitoring struct {
	Watched map[string][]string // host to the names of what runs there
	Bare    []string            // hosts on which nothing was seen
	Unknown []string            // hosts whose processes are not known
}

// watchers are processes that watch the host they run on, by the beginning of
// their name, and what they belong to.
var watchers = []struct{ process, product string }{
	{"monit", "Monit"},
	{"zabbix_agent", "Zabbix"},
	{"nrpe", "Nagios"},
	{"nsca", "Nagios"},
	{"nagios", "Nagios"},
	{"icinga", "Icinga"},
	{"node_exporter", "Prometheus"},
	{"prometheus", "Prometheus"},
	{"telegraf", "Telegraf"},
	{"collectd", "collectd"},
	{"netdata", "Netdata"},
	{"munin-node", "Munin"},
	{"check_mk_agent", "Checkmk"},
	{"cmk-agent", "Checkmk"},
	{"datadog-agent", "Datadog"},
	{"newrelic-infra", "New Relic"},
	{"oneagent", "Dynatrace"},
	{"sensu-agent", "Sensu"},
	{"gmond", "Ganglia"},
	{"xymonclient", "Xymon"},
	{"metricbeat", "Metricbeat"},
	{"grafana-agent", "Grafana"},
	{"alloy", "Grafana"},
	{"amazon-cloudwatch-agent", "CloudWatch"},
	{"snmpd", "SNMP"},
}

// SeenMonitoring tells what watches the hosts of the fleet, by their processes.
func (f Fleet) SeenMonitoring() Monitoring {
	m := Monitoring{Watched: map[string][]string{}}
	for _, h := range f.Hosts {
		switch products := h.Watchers(); {
		case !h.Facts.Processes.Known():
			m.Unknown = append(m.Unknown, h.Name)
		case len(products) == 0:
			m.Bare = append(m.Bare, h.Name)
		default:
			m.Watched[h.Name] = products
		}
	}
	return m
}

// Watchers names the products that run on the host and watch it, sorted.
func (h Host) Watchers() []string {
	seen := map[string]bool{}
	for _, p := range h.Facts.Processes.Value {
		for _, w := range watchers {
			if strings.HasPrefix(p.Name, w.process) {
				seen[w.product] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(seen))
}
