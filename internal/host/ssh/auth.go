package ssh

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"slices"
	"sync"

	"golang.org/x/crypto/ssh"

	"github.com/nightcall-sh/nightcall/internal/credential"
	"github.com/nightcall-sh/nightcall/internal/host"
)

// maxKeys is how many keys we offer one host: sshd hangs up after six attempts
// by default, and a password may have to follow.
const maxKeys = 5

// Keys are the user's keys: those of the agent and those in files. Files are
// read, and passphrases asked for, once, when a host first wants them.
type Keys struct {
	Ask credential.Ask // for passphrases; nil skips encrypted keys

	mu     sync.Mutex
	files  map[string]*keyFile
	agents map[string]*agentKeys
	worked map[string]bool // fingerprints that opened a host: offered first
}

// NewKeys returns an empty set that asks ask for passphrases.
func NewKeys(ask credential.Ask) *Keys {
	return &Keys{Ask: ask, files: map[string]*keyFile{}, agents: map[string]*agentKeys{}, worked: map[string]bool{}}
}

type keyFile struct {
	once   sync.Once
	signer ssh.Signer
	err    error
}

type agentKeys struct {
	once    sync.Once
	signers []ssh.Signer
	err     error
}

// signers are the keys to offer to a hop, best first, and what could not be read
// of those that were configured.
func (k *Keys) signers(ctx context.Context, h Hop) (keys []ssh.Signer, trouble []string) {
	held, err := k.agent(h.Agent)
	if err != nil {
		trouble = append(trouble, err.Error())
	}
	seen := map[string]bool{}
	add := func(s ssh.Signer) {
		id := ssh.FingerprintSHA256(s.PublicKey())
		if !seen[id] {
			seen[id] = true
			keys = append(keys, s)
		}
	}
	for _, file := range h.Identities {
		if s := heldFor(held, file); s != nil {
			add(s)
			continue
		}
		if inHardware(file) { // only ssh itself can use it
			if locked(file) {
				trouble = append(trouble, fmt.Sprintf("key %s: %v", file, errLocked))
			}
			continue
		}
		s, err := k.file(ctx, file)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			trouble = append(trouble, err.Error())
		}
		if err == nil {
			add(s)
		}
	}
	if !h.OnlyThese {
		for _, s := range held {
			add(s)
		}
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	slices.SortStableFunc(keys, func(a, b ssh.Signer) int { return k.rank(a) - k.rank(b) })
	if len(keys) > maxKeys {
		trouble = append(trouble, fmt.Sprintf("%d keys were not offered: a server hangs up after too many", len(keys)-maxKeys))
		keys = keys[:maxKeys]
	}
	return keys, trouble
}

func (k *Keys) rank(s ssh.Signer) int {
	if k.worked[ssh.FingerprintSHA256(s.PublicKey())] {
		return 0
	}
	return 1
}

// opened remembers a key that let us in.
func (k *Keys) opened(fingerprint string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.worked[fingerprint] = true
}

// heldFor finds the agent's key for a key file, by the public half beside it: so
// no passphrase is asked for a key the agent has open.
func heldFor(held []ssh.Signer, file string) ssh.Signer {
	public, ok := readPublic(file + ".pub")
	if !ok {
		return nil
	}
	for _, s := range held {
		if bytes.Equal(s.PublicKey().Marshal(), public.Marshal()) {
			return s
		}
	}
	return nil
}

// agent lists the keys of the agent at path, or of $SSH_AUTH_SOCK.
func (k *Keys) agent(path string) ([]ssh.Signer, error) {
	if path == "" || path == "SSH_AUTH_SOCK" {
		path = os.Getenv("SSH_AUTH_SOCK")
	}
	if path == "" || path == "none" {
		return nil, nil
	}
	k.mu.Lock()
	a, ok := k.agents[path]
	if !ok {
		a = &agentKeys{}
		k.agents[path] = a
	}
	k.mu.Unlock()
	a.once.Do(func() { a.signers, a.err = listAgent(path) })
	return a.signers, a.err
}

func listAgent(path string) ([]ssh.Signer, error) {
	conn, err := net.DialTimeout("unix", path, agentLists)
	if err != nil {
		return nil, fmt.Errorf("agent: %w", err)
	}
	signers, err := newAgentLine(conn).keys()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("agent: %w", err), conn.Close())
	}
	return signers, nil
}

// file reads a key file once, however many hosts want it.
func (k *Keys) file(ctx context.Context, path string) (ssh.Signer, error) {
	k.mu.Lock()
	f, ok := k.files[path]
	if !ok {
		f = &keyFile{}
		k.files[path] = f
	}
	k.mu.Unlock()
	f.once.Do(func() { f.signer, f.err = k.load(ctx, path) })
	return f.signer, f.err
}

func (k *Keys) load(ctx context.Context, path string) (ssh.Signer, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	signer, err := ssh.ParsePrivateKey(data)
	var locked *ssh.PassphraseMissingError
	if errors.As(err, &locked) {
		signer, err = k.unlock(ctx, path, data)
	}
	if err != nil {
		return nil, fmt.Errorf("key %s: %w", path, err)
	}
	return withCertificate(path, signer), nil
}

var errLocked = errors.New("it has a passphrase; add it to the agent with ssh-add")

// locked reports whether a key file has a passphrase.
func locked(file string) bool {
	data, err := os.ReadFile(file)
	if err != nil {
		return false
	}
	_, err = ssh.ParsePrivateKey(data)
	var missing *ssh.PassphraseMissingError
	return errors.As(err, &missing)
}

func (k *Keys) unlock(ctx context.Context, path string, data []byte) (ssh.Signer, error) {
	if k.Ask == nil {
		return nil, errLocked
	}
	phrase, err := k.Ask(ctx, "Passphrase for "+path)
	if err != nil && !errors.Is(err, credential.ErrNone) {
		return nil, err
	}
	if phrase == "" {
		return nil, errors.New("no passphrase was given; add it to the agent with ssh-add, or the same command asks again")
	}
	return ssh.ParsePrivateKeyWithPassphrase(data, []byte(phrase))
}

// withCertificate prefers the certificate beside a key, where there is one.
func withCertificate(path string, signer ssh.Signer) ssh.Signer {
	public, _ := readPublic(path + "-cert.pub")
	cert, ok := public.(*ssh.Certificate)
	if !ok {
		return signer
	}
	certified, err := ssh.NewCertSigner(cert, signer)
	if err != nil {
		return signer
	}
	return certified
}

// readPublic reads the public half of a key, or its certificate, from its file. What
// is not there, or is none, is passed over: the private half is what counts.
func readPublic(file string) (key ssh.PublicKey, ok bool) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, false
	}
	key, _, _, _, err = ssh.ParseAuthorizedKey(data)
	return key, err == nil
}

// A login is one attempt to log in at one hop.
type login struct {
	hop     Hop
	keys    *Keys
	answers Answers
	ctx     context.Context //nolint:containedctx // callbacks of the library carry none

	offered []string // the methods that the server takes now
	signed  string   // fingerprint of the key that signed last
	sigAlgo string   // and the algorithm it signed with
	trouble []string
}

// methods are the ways to log in, in the order they are tried.
func (l *login) methods() []ssh.AuthMethod {
	methods := []ssh.AuthMethod{ssh.PublicKeysCallback(l.publicKeys)}
	if l.answers.Secret != nil {
		methods = append(methods, ssh.PasswordCallback(func() (string, error) { return l.answers.Password(l.ctx) }))
	}
	if l.answers.Secret != nil || l.answers.Ask != nil {
		methods = append(methods, ssh.KeyboardInteractive(l.answer))
	}
	return methods
}

// The methods of RFC 4252 and 4462 that decide about another wire.
const (
	publicKey = "publickey"
	gssapi    = "gssapi-with-mic"
)

// errOtherWay ends a login before a password is tried: there is a better way in.
var errOtherWay = fmt.Errorf("%w: there is another way in", host.ErrAuth)

// next notes what the server takes. Once the keys of this wire are tried, those
// ways in that only another one has come before a password.
func (l *login) next(c *ssh.ClientAuthContext) (ssh.AuthMethod, error) {
	l.offered = c.AllowedMethods
	keysLeft := slices.Contains(l.offered, publicKey) && !slices.Contains(c.TriedMethods, publicKey)
	if !keysLeft && l.hop.otherWay(l.offered) {
		return nil, errOtherWay
	}
	return nil, nil
}

func (l *login) publicKeys() ([]ssh.Signer, error) {
	l.answers.Busy(true)
	defer l.answers.Busy(false)
	keys, trouble := l.keys.signers(l.ctx, l.hop)
	l.trouble = trouble
	for i, s := range keys {
		keys[i] = l.noting(s)
	}
	return keys, nil
}

// answer replies to keyboard-interactive.
func (l *login) answer(_, _ string, questions []string, echos []bool) ([]string, error) {
	answers := make([]string, len(questions))
	for n, question := range questions {
		var err error
		if answers[n], err = l.answers.Question(l.ctx, question, echos[n]); err != nil {
			return nil, err
		}
	}
	return answers, nil
}

// noting wraps a key so that we know which one let us in, and how it signed.
func (l *login) noting(s ssh.Signer) ssh.Signer {
	multi, ok := s.(ssh.MultiAlgorithmSigner)
	if !ok {
		if algo, ok := s.(ssh.AlgorithmSigner); ok {
			return notingSigner{algo, l}
		}
		return s
	}
	return notingMultiSigner{notingSigner{multi, l}, multi}
}

type notingSigner struct {
	ssh.AlgorithmSigner
	l *login
}

func (n notingSigner) SignWithAlgorithm(rand io.Reader, data []byte, algorithm string) (*ssh.Signature, error) {
	n.l.signed, n.l.sigAlgo = ssh.FingerprintSHA256(n.PublicKey()), algorithm
	return n.AlgorithmSigner.SignWithAlgorithm(rand, data, algorithm)
}

type notingMultiSigner struct {
	notingSigner
	multi ssh.MultiAlgorithmSigner
}

func (n notingMultiSigner) Algorithms() []string { return n.multi.Algorithms() }
