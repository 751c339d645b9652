package internal_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// What the binary may cost, before it has done anything.
const (
	maxBinary  = 45 << 20              // bytes
	maxStart   = 20 * time.Millisecond // wall, of nightcall --help
	maxInits   = 10 * time.Millisecond // sum over all packages
	floorStart = 2 * time.Millisecond  // of a Go program that does nothing, on an idle machine
)

// TestBinaryIsSmallAndStartsFast builds what is released and measures it. Times
// are judged against a program that does nothing, measured in turn with ours,
// so a busy machine does not count as a slow binary; and since noise only ever
// adds, the best of a few rounds stands.
func TestBinaryIsSmallAndStartsFast(t *testing.T) {
	dir := t.TempDir()
	binary := build(t, dir, "nightcall", "./cmd/nightcall")
	nothing := filepath.Join(dir, "nothing.go")
	if err := os.WriteFile(nothing, []byte("package main\n\nfunc main() {}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	floor := build(t, dir, "nothing", nothing)

	info, err := os.Stat(binary)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("binary: %.1f MB", float64(info.Size())/(1<<20))
	if info.Size() > maxBinary {
		t.Errorf("the binary has %d bytes, more than %d", info.Size(), maxBinary)
	}

	const rounds = 5
	for round := range rounds {
		start, idle := starts(t, binary, floor)
		inits := initTime(t, binary)
		slow := max(1, float64(idle)/float64(floorStart))
		t.Logf("--help: %v; nothing: %v; inits: %v; this machine is %.1f times slower than one at rest", start, idle, inits, slow)
		if float64(start) < slow*float64(maxStart) && float64(inits) < slow*float64(maxInits) {
			return
		}
		if round == rounds-1 {
			t.Errorf("nightcall --help took %v (allowed %v) and its inits %v (allowed %v)", start, maxStart, inits, maxInits)
		}
	}
}

// build compiles one program the way a release does.
func build(t *testing.T, dir, name, pkg string) string {
	t.Helper()
	if runtime.GOOS == "windows" {
		name += ".exe"
	}
	out := filepath.Join(dir, name)
	cmd := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", out, pkg)
	cmd.Dir = ".."
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if text, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build %s: %v\n%s", pkg, err, text)
	}
	return out
}

// starts returns the median time of `binary --help` and of floor, run in turn.
func starts(t *testing.T, binary, floor string) (median, idle time.Duration) {
	t.Helper()
	const runs = 15
	var ours, theirs []time.Duration
	for range runs {
		ours = append(ours, timed(t, binary, "--help"))
		theirs = append(theirs, timed(t, floor))
	}
	slices.Sort(ours)
	slices.Sort(theirs)
	return ours[runs/2], theirs[runs/2]
}

func timed(t *testing.T, argv ...string) time.Duration {
	t.Helper()
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Env = append(os.Environ(), "NIGHTCALL_HOME="+t.TempDir())
	began := time.Now()
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s: %v", strings.Join(argv, " "), err)
	}
	return time.Since(began)
}

var initClock = regexp.MustCompile(`(?m)^init \S+ @\S+ ms, ([0-9.]+) ms clock`)

// initTime sums what the runtime says each package's initialisation took.
func initTime(t *testing.T, binary string) time.Duration {
	t.Helper()
	cmd := exec.Command(binary, "--help")
	cmd.Env = append(os.Environ(), "GODEBUG=inittrace=1")
	var trace strings.Builder
	cmd.Stderr = &trace
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
	found := initClock.FindAllStringSubmatch(trace.String(), -1)
	if len(found) == 0 {
		t.Fatalf("the runtime traced no initialisation:\n%s", trace.String())
	}
	var sum time.Duration
	for _, f := range found {
		ms, err := strconv.ParseFloat(f[1], 64)
		if err != nil {
			t.Fatal(err)
		}
		sum += time.Duration(ms * float64(time.Millisecond))
	}
	return sum
}
