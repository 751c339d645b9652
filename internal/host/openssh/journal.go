//go:build unix

package openssh

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/nightcall-sh/nightcall/internal/host"
	"github.com/nightcall-sh/nightcall/internal/host/ssh"
	"github.com/nightcall-sh/nightcall/internal/inventory"
	"github.com/nightcall-sh/nightcall/internal/word"
)

// A step is how far a login has come.
type step int

const (
	stepConnect step = iota
	stepBanner
	stepKex
	stepAuth
	stepOpen
)

// A journal is what ssh says while it works. After the key exchange a server can
// say lines of its own among ssh's: nothing here is believed at a step where ssh
// would not say it, and none of it opens a session.
type journal struct {
	mu         sync.Mutex
	at         step
	server     string
	key        string // fingerprint of the host key that was shown
	algorithms inventory.Algorithms
	offered    []string // methods that the server still takes
	complaints []string // the last lines that are not debugging
	no         *refusal
	otherKey   bool   // the host key is none of those it was given
	busy       bool   // it said so in place of a banner
	partial    bool   // the keys were right, and are not enough
	signature  bool   // the server wants signatures that ssh refuses to make
	gss        bool   // the next line says why the Kerberos ticket is no use
	ticket     string // and so it said
	paused     bool   // a person is typing
}

var (
	noMatch   = regexp.MustCompile(`no matching (cipher|MAC|key exchange method|host key type) found\. Their offer: (\S+)`)
	software  = regexp.MustCompile(`^Remote protocol version (\S+), remote software version (.*)$`)
	shownKey  = regexp.MustCompile(`^Server host (?:key|certificate): \S+ (SHA256:[^ ,]+)`)
	algorithm = regexp.MustCompile(`^kex: (algorithm|host key algorithm): (\S+)`)
	transport = regexp.MustCompile(`^kex: \S+ cipher: (\S+) MAC: (\S+)`)
	continues = regexp.MustCompile(`^Authentications that can continue: (\S+)`)
)

// maxComplaints is how many lines are kept to explain an end.
const maxComplaints = 20

// read takes one line in.
func (j *journal) read(line string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	line = strings.TrimSpace(line)
	text, debug := strings.CutPrefix(line, "debug1: ")
	if j.at == stepAuth {
		j.signature = j.signature || strings.Contains(line, "no mutual signature")
		j.partial = j.partial || strings.HasPrefix(line, "Authenticated ") && strings.HasSuffix(line, " with partial success.")
	}
	if j.gss && !debug && line != "" {
		j.ticket = word.OneLine(line) // the second line of its message
	}
	j.gss = debug && j.at == stepAuth && strings.HasPrefix(text, "Unspecified GSS failure.")
	switch {
	case debug:
		j.follow(text)
	case strings.HasPrefix(line, "Authenticated to "): // no debugging to ssh
	case strings.Contains(line, "tcgetattr: "): // of a pipe, when a terminal is wanted
	case line != "":
		// A command that ends at once may be gone before ssh has told it who it is.
		if strings.HasPrefix(line, "banner exchange: ") || strings.HasPrefix(line, "ssh_exchange_identification: ") {
			j.to(stepBanner)
		}
		j.complain(line)
	}
}

func (j *journal) to(at step) { j.at = max(j.at, at) }

// follow notices how far the login has come.
func (j *journal) follow(text string) {
	switch {
	case text == "Connection established.", strings.HasPrefix(text, "Local version string "):
		j.to(stepBanner)
	case j.at == stepBanner && strings.HasSuffix(text, "banner line 0: Exceeded MaxStartups"):
		j.busy = true
	case text == "SSH2_MSG_NEWKEYS received" && j.at == stepKex:
		j.to(stepAuth)
	case text == "Entering interactive session." && j.at == stepAuth:
		j.to(stepOpen)
	}
	if m := software.FindStringSubmatch(text); m != nil && j.at == stepBanner {
		j.server = word.OneLine("SSH-" + m[1] + "-" + m[2])
		j.to(stepKex)
	}
	if m := continues.FindStringSubmatch(text); m != nil && j.at == stepAuth {
		j.offered = strings.Split(m[1], ",")
	}
	if j.at == stepKex {
		j.negotiate(text)
	}
}

// negotiate notices what the two sides settled on.
func (j *journal) negotiate(text string) {
	a := &j.algorithms
	add := func(set *[]string, name string) {
		if name != "<implicit>" && !slices.Contains(*set, name) && word.CheckAlgorithm(name) == nil {
			*set = append(*set, name)
		}
	}
	if m := algorithm.FindStringSubmatch(text); m != nil && m[1] == "algorithm" {
		add(&a.KeyExchange, m[2])
	} else if m != nil {
		add(&a.HostKey, m[2])
	}
	if m := transport.FindStringSubmatch(text); m != nil {
		add(&a.Cipher, m[1])
		add(&a.MAC, m[2])
	}
	if m := shownKey.FindStringSubmatch(text); m != nil {
		j.key = m[1]
	}
}

func (j *journal) complain(line string) {
	j.complaints = append(j.complaints, word.OneLine(line))
	if len(j.complaints) > maxComplaints {
		j.complaints = j.complaints[1:]
	}
	if j.at > stepKex {
		return
	}
	if m := noMatch.FindStringSubmatch(line); m != nil {
		j.no = &refusal{what: m[1], offer: strings.Split(m[2], ",")}
	}
	if strings.HasPrefix(line, "Host key verification failed.") {
		j.otherKey = true
	}
}

// said returns the last complaint that holds any of these texts.
func (j *journal) said(texts ...string) string {
	for _, line := range slices.Backward(j.complaints) {
		for _, text := range texts {
			if strings.Contains(line, text) {
				return line
			}
		}
	}
	return ""
}

// greeting is the version line of the server, once it has said it.
func (j *journal) greeting() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.server
}

// last is the last complaint, for a sentence.
func (j *journal) last() string {
	if len(j.complaints) == 0 {
		return "ssh ended without a word"
	}
	return fmt.Sprintf("%q", j.complaints[len(j.complaints)-1])
}

// What a login can be tried again after, with something changed.
var (
	errOtherKey  = errors.New("another host key than those we know")
	errSignature = errors.New("no mutual signature algorithm")
	errAppliance = errors.New("an appliance, by what it greets with")
)

// errPIN is wrapped where the token took a PIN for wrong.
var errPIN = errors.New("the token refused its PIN")

// explain turns the end of ssh into one of our errors, by the step it came in.
func (j *journal) explain(l *login) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	switch {
	case j.no != nil:
		return j.no
	case j.otherKey && j.said("Certificate invalid") != "":
		return fmt.Errorf("%w: %s", host.ErrHostKey, j.said("Certificate invalid"))
	case j.otherKey:
		return fmt.Errorf("%w: %w", host.ErrHostKey, errOtherKey)
	}
	switch j.at {
	case stepConnect:
		return j.unreachable()
	case stepBanner:
		return j.noBanner(l)
	case stepKex:
		return fmt.Errorf("%w: the key exchange broke: %s", host.ErrRefused, j.last())
	case stepAuth:
		return j.noLogin(l)
	default:
		return fmt.Errorf("%w: %s", host.ErrLost, j.last())
	}
}

func (j *journal) unreachable() error {
	switch {
	case j.said("onfiguration option", "terminating, ") != "":
		return fmt.Errorf("%w: the system's ssh refuses its configuration: %s", host.ErrRefused, j.last())
	case j.said("Could not resolve hostname") != "":
		return fmt.Errorf("%w: the name does not resolve", host.ErrUnreachable)
	case j.said("Connection refused") != "":
		return fmt.Errorf("%w: nothing listens on the SSH port", host.ErrRefused)
	case j.said("timed out") != "":
		return fmt.Errorf("%w: no answer to the TCP connection", host.ErrUnreachable)
	default:
		return fmt.Errorf("%w: %s", host.ErrUnreachable, j.last())
	}
}

func (j *journal) noBanner(l *login) error {
	switch {
	case l.bastion != nil && j.said("forwarding request failed", "session request failed", "open failed") != "":
		return fmt.Errorf("%w: the bastion cannot connect to it", host.ErrUnreachable)
	case j.said("invalid characters", "identification string", "line too long", "no SSH identification") != "":
		return fmt.Errorf("%w: not an SSH server: %s", host.ErrRefused, j.last())
	case l.hop.ProxyCommand != "":
		return fmt.Errorf("%w: its ProxyCommand ended without an SSH banner: %s", host.ErrUnreachable, j.last())
	case j.busy:
		return fmt.Errorf("%w: %w", host.ErrRefused, ssh.ErrBusy)
	default:
		return fmt.Errorf("%w: %w", host.ErrRefused, ssh.ErrDropped)
	}
}

func (j *journal) noLogin(l *login) error {
	if j.said("Permission denied", "Too many authentication failures", "No more authentication methods") == "" {
		return fmt.Errorf("%w: it hung up during the login: %s", host.ErrAuth, j.last())
	}
	with := "with keys of the agent and the configuration"
	switch {
	case l.trial != "" && l.secret != nil:
		with = "with the password"
	case l.trial != "":
		with = "with a key and what was answered"
	case l.hop.Kerberos == ssh.Ticket:
		with = "with the Kerberos ticket and " + with[len("with "):]
	}
	err := ssh.Refused(l.hop, with+", by the system's ssh", j.offered)
	if j.ticket != "" {
		err = fmt.Errorf("%w (Kerberos: %s)", err, j.ticket)
	}
	if l.hop.Tokens != "" {
		err = j.noToken(l, err)
	}
	if j.signature {
		return fmt.Errorf("%w (%w)", err, errSignature)
	}
	return err
}

// noToken adds to err what is wrong with the token.
func (j *journal) noToken(l *login, err error) error {
	if line := j.said("PKCS#11 login failed", "C_Login failed"); line != "" {
		return fmt.Errorf("%w; %w: %s", err, errPIN, line)
	}
	if j.said("pin required", "need pin") != "" {
		return fmt.Errorf("%w; the token wants its PIN, which is asked for on a terminal; ssh-add -s %s lends its keys to the agent", err, l.hop.Tokens)
	}
	if line := j.said("dlopen", "pkcs11", "PKCS#11"); line != "" {
		return fmt.Errorf("%w; its token: %s", err, line)
	}
	return err
}

// late explains a step that was not over in time.
func (j *journal) late(at step, limit time.Duration) error {
	if at == stepConnect {
		return fmt.Errorf("%w: no answer to the TCP connection", host.ErrUnreachable)
	}
	what := [...]string{"", "its SSH banner", "the key exchange", "the login", ""}[at]
	return fmt.Errorf("%w: connected, but %s took longer than %s", host.ErrTimeout, what, limit)
}
