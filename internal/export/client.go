package export

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"os/exec"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/nightcall-sh/nightcall/internal/word"
)

// ErrNoClient means that no OpenSSH client was found to check with.
var ErrNoClient = errors.New("no ssh client found")

// A Client is an installed OpenSSH client and what it supports. The zero Client
// stands for one that nobody could ask: it is taken for a current one that
// supports everything.
type Client struct {
	Path    string // the program
	Version string // as it names itself: OpenSSH_9.2p1

	major, minor int

	// What it can do; nil when it did not say.
	keyExchange, hostKey, cipher, mac, signature []string
}

// clientPatience bounds one question to the client.
const clientPatience = 10 * time.Second

// FindClient asks the ssh program at path, or the one in $PATH when path is
// empty, what it is and supports. The error wraps ErrNoClient when there is no
// such program.
func FindClient(ctx context.Context, path string) (Client, error) {
	if path == "" {
		path = "ssh"
	}
	found, err := exec.LookPath(path)
	if err != nil {
		return Client{}, fmt.Errorf("%w: %w", ErrNoClient, err)
	}
	c := Client{Path: found}
	greeting, err := c.ask(ctx, "-V")
	if err != nil {
		return Client{}, fmt.Errorf("ssh client: %w", err)
	}
	if c.Version, c.major, c.minor, err = parseVersion(greeting); err != nil {
		return Client{}, fmt.Errorf("ssh client %s: %w", found, err)
	}
	if c.before(7, 3) {
		return Client{}, fmt.Errorf("ssh client %s: %s has no ProxyJump and no Include: 7.3 or later is needed", found, c.Version)
	}
	c.keyExchange = c.list(ctx, "kex")
	c.cipher = c.list(ctx, "cipher")
	c.mac = c.list(ctx, "mac")
	c.hostKey = c.list(ctx, "HostKeyAlgorithms", "key")
	c.signature = c.list(ctx, "sig", "key")
	return c, nil
}

// ask runs the client and returns all it says. A failure carries the last line
// of it.
func (c Client) ask(ctx context.Context, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, clientPatience)
	defer cancel()
	cmd := exec.CommandContext(ctx, c.Path, args...)
	out, err := cmd.CombinedOutput()
	if ctx.Err() != nil {
		return "", fmt.Errorf("%s %s: %w", c.Path, args[0], ctx.Err())
	}
	if err != nil {
		return "", fmt.Errorf("%s %s: %w: %s", c.Path, args[0], err, lastLine(out))
	}
	return string(out), nil
}

func lastLine(out []byte) string {
	lines := strings.Split(string(bytes.TrimSpace(out)), "\n")
	return word.OneLine(lines[len(lines)-1])
}

// list returns the answer to the first of the queries that this version knows.
func (c Client) list(ctx context.Context, queries ...string) []string {
	for _, q := range queries {
		if out, err := c.ask(ctx, "-Q", q); err == nil {
			return strings.Fields(out)
		}
	}
	return nil
}

var versionText = regexp.MustCompile(`^(OpenSSH_(?:for_Windows_)?([0-9]{1,3})\.([0-9]{1,3})[A-Za-z0-9.]*)`)

// parseVersion reads the answer to ssh -V.
func parseVersion(s string) (version string, major, minor int, err error) {
	m := versionText.FindStringSubmatch(s)
	if m == nil {
		return "", 0, 0, fmt.Errorf("not OpenSSH: %q", word.OneLine(s))
	}
	major, _ = strconv.Atoi(m[2]) // the expression leaves only short numbers
	minor, _ = strconv.Atoi(m[3])
	return m[1], major, minor, nil
}

// before reports whether the client is older than that version.
func (c Client) before(major, minor int) bool {
	if c.Version == "" {
		return false
	}
	return c.major < major || c.major == major && c.minor < minor
}

// name is the client for a sentence.
func (c Client) name() string {
	if c.Version == "" {
		return "a current OpenSSH"
	}
	return c.Version
}

// Check asks the client what it makes of each alias in file, and compares that
// with what the configuration means. The first alias that it refuses, or reads
// differently, is the error: a file with one bad word stops ssh for every host.
func (c Client) Check(ctx context.Context, file string, config Config) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(runtime.NumCPU())
	for _, b := range config.blocks {
		group.Go(func() error {
			out, err := c.ask(ctx, "-G", "-F", file, "--", b.alias)
			if err != nil {
				return fmt.Errorf("alias %s: %w", b.alias, err)
			}
			if err := b.compare(out); err != nil {
				return fmt.Errorf("alias %s: %s reads %w", b.alias, c.Version, err)
			}
			return nil
		})
	}
	return group.Wait()
}

// compare says in what the client's own reading differs from the block.
func (b block) compare(reading string) error {
	read := map[string]string{}
	for line := range strings.Lines(reading) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		read[key] = value
	}
	if !sameAddress(read["hostname"], b.address) {
		return fmt.Errorf("hostname as %q, and %q was meant", word.OneLine(read["hostname"]), b.address)
	}
	want := map[string]string{"hostkeyalias": strings.ToLower(b.keyAlias), "stricthostkeychecking": "true"}
	if b.port != 0 {
		want["port"] = strconv.Itoa(b.port)
	}
	if b.user != "" {
		want["user"] = b.user
	}
	for _, key := range slices.Sorted(maps.Keys(want)) {
		got := read[key]
		if key == "hostkeyalias" {
			got = strings.ToLower(got) // the client looks it up in lower case
		}
		if got != want[key] {
			return fmt.Errorf("%s as %q, and %q was meant", key, word.OneLine(got), want[key])
		}
	}
	return nil
}

// sameAddress holds also for two spellings of one IP address.
func sameAddress(a, b string) bool {
	x, errX := netip.ParseAddr(a)
	y, errY := netip.ParseAddr(b)
	if errX == nil && errY == nil {
		return x == y
	}
	return strings.EqualFold(a, b)
}
