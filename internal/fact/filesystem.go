package fact

import (
	"regexp"
	"slices"
	"strings"
)

// A Filesystem is a mounted one that stores something: no proc, no cgroup.
// Sizes are bytes. Space that is reserved for root is neither used nor available,
// as df has it: at 100 percent nobody else can write.
type Filesystem struct {
	Mount    string `json:"mount"`
	Device   string `json:"device"`
	Type     string `json:"type"`
	ReadOnly bool   `json:"read_only"`
	Fstab    string `json:"fstab"` // "rw" or "ro" as /etc/fstab wants it; empty when it says nothing
	Network  bool   `json:"network"`

	Size        int64   `json:"size"`
	Available   int64   `json:"available"`
	UsedPercent float64 `json:"used_percent"`

	Inodes            int64   `json:"inodes"` // 0 where the type has no fixed number
	InodesFree        int64   `json:"inodes_free"`
	InodesUsedPercent float64 `json:"inodes_used_percent"`
}

// Key names the item in its list.
func (f Filesystem) Key() string { return f.Mount }

func filesystemsFact() Fact {
	return define("filesystems", "mounted filesystems", Probe{
		Files:     []string{"/proc/mounts", "/etc/fstab"},
		Script:    filesystemsScript,
		Elsewhere: `mount -p; echo; df -l -k -i`,
	}, func(s *Set) *Observed[[]Filesystem] { return &s.Filesystems }, parseFilesystems)
}

// filesystemsScript asks for sizes and inodes of all local filesystems in one
// process where stat can, else through df: before coreutils 5.3 stat did not
// know %S. What it says of the root spares the guard of heavy sections another
// look. Network filesystems are never asked: a dead server would hold the
// visit up.
const filesystemsScript = `set --
while read -r d m t o; do
case $t in
proc|sysfs|devtmpfs|devpts|cgroup*|securityfs|debugfs|tracefs|pstore|bpf|configfs|fusectl|mqueue|hugetlbfs|binfmt_misc|rpc_pipefs|nfsd|autofs|squashfs|iso9660|rootfs|usbfs|efivarfs|selinuxfs|nsfs|ramfs|fuse|fuse.*) continue ;;
nfs*|cifs|smb*|ceph|glusterfs|lustre|beegfs|gpfs|afs|9p|ncpfs|gfs*|ocfs2) continue ;;
overlay|overlayfs|aufs) [ "$m" = / ] || continue ;;
tmpfs) case $m in /proc/*|/sys/*|/run/credentials/*|/var/lib/docker/*|/var/lib/containers/*|/var/lib/kubelet/*) continue ;; esac ;;
esac
case $m in *\\*) m=$(printf '%b' "$(printf %s "$m" | sed 's/\\\([0-7][0-7][0-7]\)/\\0\1/g')") ;; esac
set -- "$@" "$m"
done </proc/mounts
[ $# -gt 0 ] || return 0
s=$(stat -f -c '%S|%b|%f|%a|%c|%d|%n' "$@")
case $s in [0-9]*)
printf '%s\n' "$s"
s="
$s
" r=${s%%"|/
"*}; [ "$r" = "$s" ] || { IFS='|'; set -- ${r##*
}; nc_room="$4 $2"; IFS=' 	
'; }
return 0 ;;
esac
df -P -k "$@"; echo; df -P -i "$@"`

// pseudo filesystems hold nothing that can fill up.
var pseudo = []string{
	"proc", "sysfs", "devtmpfs", "devpts", "cgroup", "cgroup2", "securityfs", "debugfs", "tracefs", "pstore", "bpf", "configfs",
	"fusectl", "mqueue", "hugetlbfs", "binfmt_misc", "rpc_pipefs", "nfsd", "autofs", "squashfs", "rootfs", "usbfs", "efivarfs",
	"selinuxfs", "nsfs", "ramfs", "fuse", "devfs", "fdescfs", "procfs", "linprocfs", "linsysfs", "iso9660",
}

// networked filesystems live on other hosts, or wait for them.
var networked = regexp.MustCompile(`^(nfs.*|cifs|smb.*|ceph|glusterfs|lustre|beegfs|gpfs|afs|9p|ncpfs|gfs.*|ocfs2|` +
	`fuse\.(sshfs|glusterfs|ceph.*|s3fs|gcsfuse|rclone|davfs2?|mfs|moosefs|hdfs))$`)

// passing is where tmpfs comes and goes with containers and units, or only hides
// what is below it.
var passing = regexp.MustCompile(`^/(proc|sys|run/credentials|var/lib/docker|var/lib/containers|var/lib/kubelet)/`)

// stores reports whether a filesystem of this type, mounted there, holds something
// of the host's own: each container's layers are but another view of the disk.
func stores(kind, mount string) bool {
	switch {
	case slices.Contains(pseudo, kind):
		return false
	case kind == "overlay" || kind == "overlayfs" || kind == "aufs":
		return mount == "/"
	case kind == "tmpfs":
		return !passing.MatchString(mount)
	default:
		return !strings.HasPrefix(kind, "fuse.") || networked.MatchString(kind)
	}
}

func parseFilesystems(r Raw) Observed[[]Filesystem] {
	mounts, source := r.Files["/proc/mounts"].Content, "stat"
	sizes := sizesFromStat(r.Out)
	if len(sizes) == 0 {
		source, sizes = "df", sizesFromDF(r.Out)
	}
	if mounts == "" {
		mounts, _, _ = strings.Cut(r.Out, "\n\n") // FreeBSD's mount -p is an fstab
		sizes, source = sizesFromBSD(r.Out), "df"
	}
	list := mounted(mounts, keyValuesOfFstab(r.Files["/etc/fstab"].Content))
	if len(list) == 0 {
		return unknown[[]Filesystem]("no mounted filesystem is told")
	}
	var missing []string
	for n := range list {
		f := &list[n]
		s, ok := sizes[f.Mount]
		if !ok {
			missing = append(missing, f.Mount)
			continue
		}
		s.fill(f)
	}
	if len(missing) == len(list) {
		return unknown[[]Filesystem]("neither stat nor df tells a size")
	}
	if len(missing) > 0 {
		return partly(list, source, "size not asked or not told: "+strings.Join(missing, ", "))
	}
	return found(list, source)
}

// mounted reads /proc/mounts, leaves out what is no storage, and keeps the
// shortest mount point of each device.
func mounted(text string, fstab map[string]string) []Filesystem {
	byDevice := map[string]int{}
	var list []Filesystem
	for _, f := range uncovered(text) {
		f.Fstab = fstab[f.Mount]
		n, bound := byDevice[f.Device]
		switch {
		case !bound:
			if strings.HasPrefix(f.Device, "/") && !f.Network { // others, like tmpfs, are new with each mount
				byDevice[f.Device] = len(list)
			}
			list = append(list, f)
		case len(f.Mount) < len(list[n].Mount):
			list[n] = f
		}
	}
	return list
}

// uncovered reads every mount that no later one covers on the same point.
func uncovered(text string) []Filesystem {
	byMount := map[string]int{}
	var list []Filesystem
	for line := range strings.Lines(text) {
		f, ok := mount(strings.Fields(line))
		if !ok || len(list) >= maxItems {
			continue
		}
		if n, covered := byMount[f.Mount]; covered {
			list[n] = f
			continue
		}
		byMount[f.Mount] = len(list)
		list = append(list, f)
	}
	return list
}

// mount reads one line: device, mount point, type, options.
func mount(fields []string) (Filesystem, bool) {
	if len(fields) < 4 || fields[1][0] != '/' || !stores(fields[2], fields[1]) {
		return Filesystem{}, false
	}
	return Filesystem{
		Device: clean(unescape(fields[0])), Mount: clean(unescape(fields[1])), Type: clean(fields[2]),
		ReadOnly: slices.Contains(strings.Split(fields[3], ","), "ro"), Network: networked.MatchString(fields[2]),
	}, true
}

// keyValuesOfFstab is "rw" or "ro" by mount point, as /etc/fstab wants it.
func keyValuesOfFstab(text string) map[string]string {
	wants := map[string]string{}
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		if len(fields) < 4 || strings.HasPrefix(fields[0], "#") {
			continue
		}
		wants[clean(unescape(fields[1]))] = "rw"
		if slices.Contains(strings.Split(fields[3], ","), "ro") {
			wants[clean(unescape(fields[1]))] = "ro"
		}
	}
	return wants
}

// A usage is what stat or df say of one filesystem: blocks in bytes.
type usage struct{ size, free, available, inodes, inodesFree int64 }

func (u usage) fill(f *Filesystem) {
	f.Size, f.Available = u.size, u.available
	used := u.size - u.free
	f.UsedPercent = percent(float64(used), float64(used+u.available))
	f.Inodes, f.InodesFree = u.inodes, u.inodesFree
	f.InodesUsedPercent = percent(float64(u.inodes-u.inodesFree), float64(u.inodes))
}

func (u usage) sane() bool {
	return u.size > 0 && u.size < 1<<60 && u.free >= 0 && u.free <= u.size && u.available >= 0 && u.available <= u.size &&
		u.inodes >= 0 && u.inodesFree >= 0 && u.inodesFree <= u.inodes
}

// sizesFromStat reads lines "blocksize|blocks|free|available|inodes|free|mount".
func sizesFromStat(text string) map[string]usage {
	sizes := map[string]usage{}
	for line := range strings.Lines(text) {
		fields := strings.SplitN(strings.TrimRight(line, "\n"), "|", 7)
		if len(fields) != 7 {
			continue
		}
		var n [6]int64
		ok := true
		for i := range n {
			var good bool
			n[i], good = number(fields[i])
			ok = ok && good && n[i] >= 0 && n[i] < 1<<50
		}
		block := n[0]
		if !ok || block > 1<<24 || n[1] > 1<<40 {
			continue
		}
		u := usage{n[1] * block, n[2] * block, n[3] * block, n[4], n[5]}
		if u.sane() {
			sizes[clean(fields[6])] = u
		}
	}
	return sizes
}

// sizesFromDF reads POSIX df in kilobytes and, after an empty line, in inodes.
func sizesFromDF(text string) map[string]usage {
	space, inodes, _ := strings.Cut(text, "\n\n")
	sizes := map[string]usage{}
	eachDF(space, func(mount string, total, used, available int64) {
		u := usage{size: total * 1024, free: max(total-used, 0) * 1024, available: max(available, 0) * 1024}
		if u.sane() {
			sizes[mount] = u
		}
	})
	eachDF(inodes, func(mount string, total, _, free int64) {
		if u, ok := sizes[mount]; ok && total >= 0 && free >= 0 && free <= total {
			u.inodes, u.inodesFree = total, free
			sizes[mount] = u
		}
	})
	return sizes
}

// eachDF reads df's lines. A long device name may put its numbers on a line of
// their own, even where -P was asked for.
func eachDF(text string, each func(mount string, total, used, available int64)) {
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		for n := 0; n+4 < len(fields); n++ {
			total, ok := number(fields[n])
			used, ok2 := number(fields[n+1])
			available, ok3 := number(fields[n+2])
			if ok && ok2 && ok3 && (strings.HasSuffix(fields[n+3], "%") || fields[n+3] == "-") && total < 1<<50 && total >= 0 && used >= 0 && used < 1<<50 {
				each(clean(strings.Join(fields[n+4:], " ")), total, used, available)
				break
			}
		}
	}
}

// sizesFromBSD reads FreeBSD's df -k -i: one line with space and inodes.
func sizesFromBSD(text string) map[string]usage {
	sizes := map[string]usage{}
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		if len(f) < 9 || !strings.HasSuffix(f[4], "%") || !strings.HasSuffix(f[7], "%") {
			continue
		}
		total, _ := number(f[1])
		used, _ := number(f[2])
		available, _ := number(f[3])
		inodesUsed, _ := number(f[5])
		inodesFree, _ := number(f[6])
		if total >= 1<<50 || used < 0 || used >= 1<<50 {
			continue
		}
		u := usage{total * 1024, max(total-used, 0) * 1024, max(available, 0) * 1024, inodesUsed + inodesFree, inodesFree}
		if u.sane() {
			sizes[clean(strings.Join(f[8:], " "))] = u
		}
	}
	return sizes
}
