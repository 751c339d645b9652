package fact

import (
	"testing"

	"golang.org/x/tools/txtar"
)

func FuzzOS(f *testing.F)             { fuzzFact(f, osFact()) }
func FuzzKernel(f *testing.F)         { fuzzFact(f, kernelFact()) }
func FuzzBoot(f *testing.F)           { fuzzFact(f, bootFact()) }
func FuzzPlatform(f *testing.F)       { fuzzFact(f, platformFact()) }
func FuzzMachineID(f *testing.F)      { fuzzFact(f, machineIDFact()) }
func FuzzCPU(f *testing.F)            { fuzzFact(f, cpuFact()) }
func FuzzLoad(f *testing.F)           { fuzzFact(f, loadFact()) }
func FuzzMemory(f *testing.F)         { fuzzFact(f, memoryFact()) }
func FuzzFilesystems(f *testing.F)    { fuzzFact(f, filesystemsFact()) }
func FuzzDisks(f *testing.F)          { fuzzFact(f, disksFact()) }
func FuzzDiskRates(f *testing.F)      { fuzzFact(f, diskRatesFact()) }
func FuzzNetwork(f *testing.F)        { fuzzFact(f, networkFact()) }
func FuzzClock(f *testing.F)          { fuzzFact(f, clockFact()) }
func FuzzRedisSettings(f *testing.F)  { fuzzFact(f, redisSettingsFact()) }
func FuzzUpstreams(f *testing.F)      { fuzzFact(f, upstreamsFact()) }
func FuzzVirtualRouters(f *testing.F) { fuzzFact(f, virtualRoutersFact()) }
func FuzzConfigurations(f *testing.F) { fuzzFact(f, configurationsFact()) }
func FuzzCerts(f *testing.F)          { fuzzFact(f, certsFact()) }

// FuzzFacts reads one answer as every fact: no file or section that belongs to
// another may harm.
func FuzzFacts(f *testing.F) {
	for _, x := range fixtures(f, "*") {
		f.Add(txtar.Format(x.archive))
	}
	f.Fuzz(func(t *testing.T, answer []byte) {
		r := raw(txtar.Parse(answer))
		for _, fact := range All() {
			holds(t, fact, r)
		}
	})
}

func FuzzDatabases(f *testing.F)       { fuzzOut(f, databasesFact()) }
func FuzzBalancerServers(f *testing.F) { fuzzOut(f, balancerServersFact()) }
