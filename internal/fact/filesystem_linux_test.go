package fact

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// mountTable writes a table of mounts to use instead of the kernel's, and the
// fact that reads it.
func mountTable(t *testing.T, lines ...string) (Fact, File) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "mounts")
	content := strings.Join(lines, "\n") + "\n"
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	f := filesystemsFact()
	f.Probe.Script = strings.ReplaceAll(f.Probe.Script, "/proc/mounts", path)
	return f, File{Content: content}
}

// escaped is a path as the kernel's table spells it.
func escaped(path string) string {
	return strings.NewReplacer(`\`, `\134`, " ", `\040`, "\t", `\011`).Replace(path)
}

// Sizes are asked by names that hold everything a name may hold, and are what
// the kernel tells us directly.
func TestFilesystemsOfEveryName(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var lines, mounts []string
	for _, name := range []string{"plain", "two words", `back\slash`, "dollar$HOME`id`", "per%cent|pipe", "quote'\"", "-n", "ümläut"} {
		mount := filepath.Join(dir, name)
		if err := os.Mkdir(mount, 0o700); err != nil {
			t.Fatal(err)
		}
		mounts = append(mounts, mount)
		lines = append(lines, "none "+escaped(mount)+" tmpfs rw 0 0")
	}
	f, table := mountTable(t, lines...)
	for shell, argv := range posixShells {
		raw := ask(t, argv, "", f)
		raw.Files = map[string]File{"/proc/mounts": table}
		got := observe(f, raw).Filesystems
		if got.State != OK || got.Source != "stat" || len(got.Value) != len(mounts) {
			t.Errorf("%s: %s from %s, %d of %d: %s\n%s", shell, got.State, got.Source, len(got.Value), len(mounts), got.Reason, raw.Out)
			continue
		}
		for n, fs := range got.Value {
			if fs.Mount != mounts[n] {
				t.Errorf("%s: %q, want %q", shell, fs.Mount, mounts[n])
			}
			sameAsKernel(t, shell, dir, fs)
		}
	}
}

// sameAsKernel compares sizes with what the kernel tells us of path. Inodes and
// bytes that are free change while we look.
func sameAsKernel(t *testing.T, who, path string, got Filesystem) {
	t.Helper()
	var kernel syscall.Statfs_t
	if err := syscall.Statfs(path, &kernel); err != nil {
		t.Fatal(err)
	}
	size, available := int64(kernel.Blocks)*kernel.Bsize, int64(kernel.Bavail)*kernel.Bsize
	if got.Size/(1<<10) != size/(1<<10) || got.Inodes != int64(kernel.Files) {
		t.Errorf("%s: %+v, want %d bytes and %d inodes", who, got, size, kernel.Files)
	}
	if off := got.Available - available; max(off, -off) > size/50 {
		t.Errorf("%s: %d bytes available, want about %d", who, got.Available, available)
	}
}

// Where stat cannot, df tells the same.
func TestFilesystemsOfEveryTool(t *testing.T) {
	t.Parallel()
	f, table := mountTable(t, "/dev/sda1 / ext4 rw 0 0", "proc /proc proc rw 0 0")
	for _, tools := range [][]string{{"stat", "df"}, {"df"}} {
		path := pathWith(t, tools...)
		for _, shell := range []string{"dash", "bash", "ksh"} {
			raw := ask(t, posixShells[shell], path, f)
			raw.Files = map[string]File{"/proc/mounts": table}
			got := observe(f, raw).Filesystems
			if got.State != OK || got.Source != tools[0] || len(got.Value) != 1 {
				t.Fatalf("%s: %s from %s: %s\n%s", shell, got.State, got.Source, got.Reason, raw.Out)
			}
			sameAsKernel(t, shell+" with "+tools[0], "/", got.Value[0])
		}
	}
}

// The list of what is asked for sizes is the list that is told: neither asks for
// what the other leaves out.
func TestFilesystemsAskForWhatTheyTell(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	types := append([]string{
		"ext4", "xfs", "btrfs", "zfs", "tmpfs", "overlay", "aufs", "vfat", "nfs", "nfs4", "cifs", "smb3", "ceph", "gfs2", "beegfs",
		"fuse", "fuse.lxcfs", "fuse.sshfs", "fuseblk", "cgroup2",
	}, pseudo...)
	for _, kind := range types {
		f, table := mountTable(t, kind+" "+dir+" "+kind+" rw 0 0", "tmpfs /run tmpfs rw 0 0")
		raw := ask(t, posixShells["dash"], "", f)
		told, ok := mount(strings.Fields(table.Content))
		asked := strings.Contains(raw.Out, "|"+dir+"\n")
		if wanted := ok && !told.Network; asked != wanted {
			switch kind {
			case "devfs", "fdescfs", "procfs", "linprocfs", "linsysfs": // FreeBSD's, where df is asked for all
			default:
				t.Errorf("%s: asked %t, wanted %t", kind, asked, wanted)
			}
		}
	}
}

func TestFilesystemsOfContainersAreNotTheHosts(t *testing.T) {
	t.Parallel()
	lines := []string{
		"overlay / overlay rw 0 0", "tmpfs /run tmpfs rw 0 0", "tmpfs /sys/fs/cgroup tmpfs ro 0 0", "tmpfs /proc/acpi tmpfs ro 0 0",
		"tmpfs /run/credentials/systemd-journald.service tmpfs ro 0 0", "overlay /var/lib/docker/overlay2/abc/merged overlay rw 0 0",
		"shm /var/lib/docker/containers/abc/mounts/shm tmpfs rw 0 0", "tmpfs /var/lib/kubelet/pods/1/volumes/token tmpfs rw 0 0",
		"/dev/sda2 /var/lib/docker ext4 rw 0 0", "files:/export /mnt/files nfs4 rw 0 0", "me@files:/home /mnt/home fuse.sshfs rw 0 0",
	}
	var got []string
	for _, fs := range mounted(strings.Join(lines, "\n"), nil) {
		got = append(got, fs.Mount)
	}
	if want := "/ /run /var/lib/docker /mnt/files /mnt/home"; strings.Join(got, " ") != want {
		t.Errorf("got %v, want %s", got, want)
	}
}
