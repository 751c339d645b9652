package fact

import "sync"

// All returns every fact, in the order a visit asks for them: the cheap ones
// first, so that a visit that breaks has them. The slice is shared; do not
// change it.
func All() []Fact { return all() }

var all = sync.OnceValue(func() []Fact {
	return []Fact{
		clockFact(), osFact(), kernelFact(), bootFact(), platformFact(), machineIDFact(), cpuFact(), loadFact(), memoryFact(),
		filesystemsFact(), disksFact(), interfacesFact(), routesFact(), dnsFact(), socketsFact(), processesFact(), servicesFact(),
		schedulesFact(), firewallFact(), packagesFact(), librariesFact(), certsFact(), balancersFact(), dependenciesFact(), changesFact(), networkFact(), diskRatesFact(),
	}
})
