package fact

import (
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// visit asks this machine for a fact as a scan does: its files, read twice, and
// its script under a shell.
func visit(t *testing.T, argv []string, path string, f Fact) Raw {
	t.Helper()
	began := time.Now()
	raw := Raw{Root: os.Geteuid() == 0}
	if f.Probe.Script != "" {
		raw = ask(t, argv, path, f)
	}
	raw.Began, raw.Ended = began, time.Now()
	raw.Files, raw.Again = filesOf(t, f.Probe.Files, f.Probe.Again), filesOf(t, f.Probe.Again)
	raw.Interval = time.Since(began)
	return raw
}

// filesOf reads what the patterns match; what is not there is left out.
func filesOf(t *testing.T, lists ...[]string) map[string]File {
	t.Helper()
	files := map[string]File{}
	for _, patterns := range lists {
		for _, pattern := range patterns {
			paths, err := filepath.Glob(pattern)
			if err != nil {
				t.Fatal(err)
			}
			for _, path := range paths {
				if data, err := os.ReadFile(path); err == nil {
					files[path] = File{Content: string(data)}
				}
			}
		}
	}
	return files
}

// What the facts of the machine say under every shell is what the kernel tells
// this process directly.
func TestMachineOfEveryShell(t *testing.T) {
	t.Parallel()
	var uts syscall.Utsname
	var info syscall.Sysinfo_t
	if err := syscall.Uname(&uts); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Sysinfo(&info); err != nil {
		t.Fatal(err)
	}
	for shell, argv := range posixShells {
		t.Run(shell, func(t *testing.T) {
			t.Parallel()
			var set Set
			for _, f := range []Fact{osFact(), kernelFact(), bootFact(), cpuFact(), loadFact(), memoryFact(), clockFact(), platformFact()} {
				f.Read(visit(t, argv, "", f), time.Now(), &set)
			}
			k := set.Kernel.Value
			if k.Name != "Linux" || k.Release != text(uts.Release[:]) || k.Version != text(uts.Version[:]) ||
				k.Arch != text(uts.Machine[:]) || k.Host != text(uts.Nodename[:]) {
				t.Errorf("kernel %+v", k)
			}
			if !set.OS.Known() || set.OS.Value.ID == "" || set.OS.Value.Version == "" || set.OS.Value.Text == "" {
				t.Errorf("os %+v", set.OS)
			}
			if off := set.Boot.Value.Uptime - time.Duration(info.Uptime)*time.Second; off.Abs() > time.Minute {
				t.Errorf("uptime %s, want about %ds", set.Boot.Value.Uptime, info.Uptime)
			}
			if set.CPU.Value.Count < runtime.NumCPU() || !set.CPU.Known() {
				t.Errorf("cpu %+v, and we have %d", set.CPU, runtime.NumCPU())
			}
			sameMemory(t, set.Memory, info)
			sameClock(t, set.Clock)
			if set.Load.State == Unknown || set.Load.Value.One < 0 {
				t.Errorf("load %+v", set.Load)
			}
			if set.Platform.State == Unknown && set.Platform.Reason == "" {
				t.Errorf("platform %+v", set.Platform)
			}
		})
	}
}

// text is a C string.
func text[C int8 | uint8](chars []C) string {
	var b strings.Builder
	for _, c := range chars {
		if c == 0 {
			break
		}
		b.WriteByte(byte(c))
	}
	return b.String()
}

func sameMemory(t *testing.T, got Observed[Memory], info syscall.Sysinfo_t) {
	t.Helper()
	unit := int64(info.Unit)
	m := got.Value
	if got.State != OK || m.Total != int64(info.Totalram)*unit || m.SwapTotal != int64(info.Totalswap)*unit {
		t.Errorf("memory %+v, want %d and swap %d", got, int64(info.Totalram)*unit, int64(info.Totalswap)*unit)
	}
	if share := float64(m.Available) / float64(m.Total) * 100; m.Available <= 0 || math.Abs(share-m.AvailablePercent) > 0.01 {
		t.Errorf("memory %+v", m)
	}
}

// sameClock holds the measured offset of our own clock to what it claims.
func sameClock(t *testing.T, got Observed[Clock]) {
	t.Helper()
	if got.State != OK || got.Value.Offset.Abs() > got.Value.Error {
		t.Errorf("clock %+v: our own is not off", got)
	}
	if want := time.Now().Format("-0700"); os.Getenv("TZ") == "" && got.Value.Zone != want {
		t.Errorf("zone %q, want %q", got.Value.Zone, want)
	}
}

// Without a single tool the facts degrade, and say so; nothing looks fine.
func TestMachineWithoutTools(t *testing.T) {
	t.Parallel()
	var set Set
	for _, f := range []Fact{clockFact(), filesystemsFact()} {
		raw := visit(t, posixShells["dash"], t.TempDir(), f)
		f.Read(raw, time.Now(), &set)
		if status := f.Status(&set); status.State == OK || status.Reason == "" {
			t.Errorf("%s: %+v", f.Name, status)
		}
	}
}

// Disks and their rates are those the kernel lists, and no partitions.
func TestDisksAreTheKernels(t *testing.T) {
	t.Parallel()
	var set Set
	for _, f := range []Fact{disksFact(), diskRatesFact()} {
		f.Read(visit(t, posixShells["dash"], "", f), time.Now(), &set)
	}
	for _, d := range set.Disks.Value {
		data, err := os.ReadFile("/sys/block/" + strings.ReplaceAll(d.Name, "/", "!") + "/size")
		if err != nil {
			t.Errorf("%+v: %v", d, err)
			continue
		}
		if sectors, err := strconv.ParseInt(strings.TrimSpace(string(data)), 10, 64); err != nil || d.Size != sectors*512 {
			t.Errorf("%+v, want %d sectors", d, sectors)
		}
	}
	for _, d := range set.DiskRates.Value {
		if _, err := os.Stat("/sys/block/" + strings.ReplaceAll(d.Name, "/", "!")); err != nil {
			t.Errorf("%s is no whole disk: %v", d.Name, err)
		}
	}
	if !set.Disks.Known() {
		t.Errorf("disks %+v", set.Disks)
	}
}
