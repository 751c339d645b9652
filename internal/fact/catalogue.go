package fact

import (
	"slices"
	"sync"
)

// All returns every fact, in the order a visit asks for them: the cheap ones
// first, so that a visit that breaks has them. The slice is shared; do not
// change it.
func All() []Fact { return all() }

var all = sync.OnceValue(func() []Fact {
	return []Fact{
		clockFact(), osFact(), kernelFact(), bootFact(), platformFact(), machineIDFact(), cpuFact(), loadFact(), memoryFact(),
		filesystemsFact(), disksFact(), interfacesFact(), routesFact(), dnsFact(), socketsFact(), processesFact(), servicesFact(),
		schedulesFact(), firewallFact(), packagesFact(), librariesFact(), certsFact(), balancersFact(), dependenciesFact(), configurationsFact(), upstreamsFact(), virtualRoutersFact(), redisSettingsFact(), changesFact(), networkFact(), diskRatesFact(),
		databasesFact(), balancerServersFact(), cachesFact(), repliesFact(), heartbeatsFact(),
	}
})

// Shallow returns the facts that a scan asks for: all but those of a deep look.
func Shallow() []Fact {
	return slices.DeleteFunc(slices.Clone(All()), func(f Fact) bool { return f.Probe.Deep })
}
