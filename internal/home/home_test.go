package home

import (
	"bufio"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

var night = time.Date(2026, 3, 4, 4, 30, 0, 0, time.FixedZone("Dubai", 4*3600))

// withDatabase stands for what makes a directory an incident.
func withDatabase(dir string) error {
	return os.WriteFile(filepath.Join(dir, Database), []byte("x"), 0o600)
}

func create(t *testing.T, h Home, title string) string {
	t.Helper()
	dir, err := h.Create(title, night, withDatabase)
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func names(dirs []string) (all []string) {
	for _, dir := range dirs {
		all = append(all, filepath.Base(dir))
	}
	return all
}

func TestFind(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		return // the expected paths below are not absolute there
	}
	for _, tt := range []struct {
		system string
		env    map[string]string
		want   string
	}{
		{"linux", map[string]string{"HOME": "/home/me"}, "/home/me/.local/share/nightcall"},
		{"darwin", map[string]string{"HOME": "/Users/me"}, "/Users/me/Library/Application Support/nightcall"},
		{"windows", map[string]string{"LocalAppData": "/Local", "HOME": "/home/me"}, "/Local/nightcall"},
		{"linux", map[string]string{"HOME": "/home/me", "XDG_DATA_HOME": "/data"}, "/data/nightcall"},
		{"linux", map[string]string{"HOME": "/home/me", "XDG_DATA_HOME": "data"}, "/home/me/.local/share/nightcall"},
		{"linux", map[string]string{"HOME": "/home/me", "XDG_DATA_HOME": "/data", "NIGHTCALL_HOME": "/night"}, "/night"},
		{"linux", nil, ""},
		{"windows", nil, ""},
	} {
		h, err := find(func(name string) string { return tt.env[name] }, tt.system)
		if h.Dir() != tt.want || (err != nil) != (tt.want == "") {
			t.Errorf("%s %v: %q, %v; want %q", tt.system, tt.env, h.Dir(), err, tt.want)
		}
	}
	h, err := find(func(string) string { return "relative" }, "linux")
	if err != nil || !filepath.IsAbs(h.Dir()) {
		t.Errorf("a relative home: %q, %v", h.Dir(), err)
	}
}

func TestCreate(t *testing.T) {
	t.Parallel()
	h := Home{filepath.Join(t.TempDir(), "new", "home")}
	first, second := create(t, h, "Checkout is DOWN!"), create(t, h, "checkout: is down")
	if filepath.Base(first) != "2026-03-04-0430-checkout-is-down" || filepath.Base(second) != "2026-03-04-0430-checkout-is-down-2" {
		t.Errorf("%s, %s", first, second)
	}
	dirs, err := h.List()
	if err != nil || !slices.Equal(dirs, []string{first, second}) {
		t.Errorf("%v, %v", dirs, err)
	}
	if runtime.GOOS == "windows" {
		return
	}
	for path, want := range map[string]os.FileMode{"": 0o700, Evidence: 0o700, KnownHosts: 0o600} {
		info, err := os.Stat(filepath.Join(first, path))
		if err != nil || info.Mode().Perm() != want {
			t.Errorf("%q: %v, %v", path, info, err)
		}
	}
}

func TestCreateThatFailsLeavesNothing(t *testing.T) {
	t.Parallel()
	h := Home{t.TempDir()}
	cause := errors.New("the disk is full")
	_, err := h.Create("x", night, func(dir string) error { return errors.Join(withDatabase(dir), cause) })
	if !errors.Is(err, cause) || !strings.Contains(err.Error(), h.Dir()) {
		t.Errorf("error %v", err)
	}
	if left, err := os.ReadDir(h.Dir()); err != nil || len(left) > 0 {
		t.Errorf("%v, %v", left, err)
	}
}

func TestCreateAt(t *testing.T) {
	t.Parallel()
	parent := t.TempDir()
	dir := filepath.Join(parent, "acme")
	if err := CreateAt(dir, withDatabase); err != nil {
		t.Fatal(err)
	}
	if got, err := (Home{}).Resolve(dir); err != nil || got != dir {
		t.Errorf("Resolve = %q, %v", got, err)
	}
	if err := CreateAt(dir, withDatabase); !errors.Is(err, os.ErrExist) {
		t.Errorf("a second time: %v", err)
	}
	if err := CreateAt(filepath.Join(parent, "none", "acme"), withDatabase); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("without a parent: %v", err)
	}
	if left, err := os.ReadDir(parent); err != nil || len(left) != 1 {
		t.Errorf("%v, %v", left, err)
	}
}

func TestSlug(t *testing.T) {
	t.Parallel()
	for title, want := range map[string]string{
		"checkout is down":          "-checkout-is-down",
		"  --Über 500's  (EU)  ":    "-über-500-s-eu",
		"結帳 壞了":                     "-結帳-壞了",
		"../../etc/passwd":          "-etc-passwd",
		"a/b\\c:d*e?f\"g<h>i|j\x00": "-a-b-c-d-e-f-g-h-i-j",
		"🔥":                         "",
		"":                          "",
		"\xff\xfe":                  "",
		strings.Repeat("x", 1000):   "-" + strings.Repeat("x", slugLimit),
	} {
		if got := slug(title); got != want {
			t.Errorf("slug(%q) = %q, want %q", title, got, want)
		}
	}
}

func FuzzSlug(f *testing.F) {
	f.Add("checkout is down")
	f.Add("../\x00\xff結")
	f.Fuzz(func(t *testing.T, title string) {
		got := slug(title)
		if strings.ContainsAny(got, "/\\. \x00") || !utf8.ValidString(got) || utf8.RuneCountInString(got) > 2*slugLimit {
			t.Errorf("slug(%q) = %q", title, got)
		}
	})
}

func TestListIgnoresWhatIsNoIncident(t *testing.T) {
	t.Parallel()
	h := Home{t.TempDir()}
	if dirs, err := (Home{filepath.Join(h.Dir(), "none")}).List(); err != nil || len(dirs) > 0 {
		t.Errorf("of no home: %v, %v", dirs, err)
	}
	want := create(t, h, "x")
	for _, name := range []string{".new-123", ".hidden", "photos"} {
		if err := os.Mkdir(filepath.Join(h.Dir(), name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := withDatabase(filepath.Join(h.Dir(), ".new-123")); err != nil {
		t.Fatal(err)
	}
	if err := h.SetCurrent(want); err != nil {
		t.Fatal(err)
	}
	if dirs, err := h.List(); err != nil || !slices.Equal(dirs, []string{want}) {
		t.Errorf("%v, %v", dirs, err)
	}
}

func TestResolve(t *testing.T) {
	t.Parallel()
	h := Home{t.TempDir()}
	checkout, checkout2, db := create(t, h, "checkout"), create(t, h, "checkout"), create(t, h, "db")
	other := create(t, Home{t.TempDir()}, "elsewhere")
	for name, want := range map[string]string{
		"2026-03-04-0430-checkout":   checkout, // exact, though also the beginning of another
		"2026-03-04-0430-checkout-2": checkout2,
		"2026-03-04-0430-d":          db,
		"Db":                         db, // a word of the title
		other:                        other,
		checkout:                     checkout,
	} {
		if got, err := h.Resolve(name); err != nil || got != want {
			t.Errorf("Resolve(%q) = %q, %v; want %q", name, got, err, want)
		}
	}
	for _, name := range []string{"", "nothing", t.TempDir(), "/"} {
		if got, err := h.Resolve(name); !errors.Is(err, ErrNotFound) {
			t.Errorf("Resolve(%q) = %q, %v", name, got, err)
		}
	}
	var ambiguous *AmbiguousError
	if _, err := h.Resolve("2026-03-04-0430-c"); !errors.As(err, &ambiguous) ||
		!slices.Equal(ambiguous.Names, names([]string{checkout, checkout2})) {
		t.Errorf("ambiguous: %v", err)
	}
}

func TestCurrent(t *testing.T) {
	t.Parallel()
	base := t.TempDir()
	h := Home{filepath.Join(base, "home")}
	if _, err := h.Current(); !errors.Is(err, ErrNoCurrent) {
		t.Errorf("of a new home: %v", err)
	}
	elsewhere := create(t, Home{t.TempDir()}, "elsewhere")
	here := create(t, h, "here")
	for _, dir := range []string{elsewhere, here} {
		if err := h.SetCurrent(dir); err != nil {
			t.Fatal(err)
		}
		if got, err := h.Current(); err != nil || got != dir {
			t.Errorf("%q, %v; want %q", got, err, dir)
		}
	}

	// A home that is moved takes its current incident along.
	moved := Home{filepath.Join(base, "moved")}
	if err := os.Rename(h.Dir(), moved.Dir()); err != nil {
		t.Fatal(err)
	}
	got, err := moved.Current()
	if err != nil || filepath.Dir(got) != moved.Dir() {
		t.Errorf("after a move: %q, %v", got, err)
	}
	if err := os.RemoveAll(got); err != nil {
		t.Fatal(err)
	}
	if _, err := moved.Current(); !errors.Is(err, ErrNotFound) || !strings.Contains(err.Error(), filepath.Base(got)) {
		t.Errorf("a current incident that is gone: %v", err)
	}
	if err := os.WriteFile(filepath.Join(moved.Dir(), currentFile), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := moved.Current(); !errors.Is(err, ErrNoCurrent) {
		t.Errorf("an empty file: %v", err)
	}
}

func TestSweep(t *testing.T) {
	t.Parallel()
	h := Home{t.TempDir()}
	for name, age := range map[string]time.Duration{"old": 2 * abandoned, "young": abandoned / 2} {
		dir := filepath.Join(h.Dir(), halfMade+name)
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(dir, night.Add(-age), night.Add(-age)); err != nil {
			t.Fatal(err)
		}
	}
	h.sweep(night)
	left, err := filepath.Glob(filepath.Join(h.Dir(), halfMade+"*"))
	if err != nil || len(left) != 1 || filepath.Base(left[0]) != halfMade+"young" {
		t.Errorf("%v, %v", left, err)
	}
}

const child = "NIGHTCALL_HOME_CHILD"

// TestMain also is the child that creates incidents until it is killed, and
// prints each that is whole.
func TestMain(m *testing.M) {
	if os.Getenv(child) == "" {
		m.Run()
		return
	}
	h := Home{os.Getenv(child)}
	for {
		dir, err := h.Create("crash", time.Now(), withDatabase)
		if err == nil {
			err = h.SetCurrent(dir)
		}
		if err != nil {
			panic(err)
		}
		fmt.Println(dir)
	}
}

func TestKilledCreators(t *testing.T) {
	t.Parallel()
	h := Home{t.TempDir()}
	var told []string
	for range 20 {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), child+"="+h.Dir())
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		r := bufio.NewReader(out)
		for n := 1 + rand.IntN(5); ; n-- {
			if n == 0 {
				_ = cmd.Process.Kill()
			}
			line, err := r.ReadString('\n')
			if err != nil {
				break
			}
			told = append(told, strings.TrimSpace(line))
		}
		_ = cmd.Wait()
		whole(t, h, told)
	}
}

// whole looks for every incident that was announced, and for nothing half made
// among what is listed.
func whole(t *testing.T, h Home, told []string) {
	t.Helper()
	dirs, err := h.List()
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range told {
		if !slices.Contains(dirs, dir) {
			t.Errorf("%s is lost", dir)
		}
	}
	for _, dir := range dirs {
		for _, name := range []string{Database, Evidence, KnownHosts} {
			if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
				t.Errorf("half made: %v", err)
			}
		}
	}
	if _, err := h.Current(); err != nil {
		t.Error(err)
	}
}
