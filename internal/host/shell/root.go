package shell

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/nightcall-sh/nightcall/internal/host"
)

// A Become is a program that makes a login user root.
type Become string

// The ways to root. Sudo and doas are first asked without a password, and take
// the user's own; su takes root's, and is never tried unless it is named.
const (
	BecomeAuto Become = ""     // sudo, or doas where there is no sudo
	BecomeSudo Become = "sudo" // on a terminal where the host insists on one
	BecomeDoas Become = "doas" // a password needs a terminal
	BecomeSu   Become = "su"   // always on a terminal
)

// An Attempt is a password handed out to be tried once.
type Attempt struct {
	Password string // empty when there is none

	// Ended hears how it went, once; nil when nobody cares.
	Ended func(Verdict)
}

// A Verdict is what a host said to a password.
type Verdict int

// The three verdicts.
const (
	Untold   Verdict = iota // it never came to an answer
	Accepted                // it was the right one
	Refused                 // it was not
)

func (a Attempt) end(v Verdict) {
	if a.Ended != nil {
		a.Ended(v)
	}
}

// wants lists what the host's greeting tries, and what may be asked for a
// password.
func (b Become) wants() []Become {
	if b == BecomeAuto {
		return []Become{BecomeSudo, BecomeDoas}
	}
	return []Become{b}
}

// A standing is who a shell on the host is, as its hello says: "root", "root/sudo"
// when sudo made it so, or "user/sudo/su" where sudo and su are to be had.
type standing struct {
	root     bool
	by       Become // who made us root; empty when the login did, without meaning for others
	ways     []Become
	unpacks  bool // the compressed script is waited for
	kind     Kind // of the host
	password bool // by a password
}

func parseStanding(text string) standing {
	text, marks, _ := strings.Cut(text, "+")
	marks = "+" + marks
	who, rest, _ := strings.Cut(text, "/")
	s := standing{
		root: who == "root", unpacks: strings.Contains(marks, packedMark),
		kind: Kind{Proc: strings.Contains(marks, procMark), Dpkg: strings.Contains(marks, dpkgMark)},
	}
	for text := range strings.SplitSeq(rest, "/") {
		switch way := Become(text); way {
		case BecomeSudo, BecomeDoas, BecomeSu: // what else a host may say is not ours
			s.by = way
			s.ways = append(s.ways, way)
		}
	}
	return s
}

// how says it for people.
func (s standing) how(terminal bool) string {
	switch {
	case !s.root:
		return ""
	case s.by == "":
		return "login"
	}
	text := string(s.by)
	if s.password {
		text += " with a password"
	}
	if terminal {
		text += ", on a terminal"
	}
	return text
}

// errTerminal says that the way to root needs a terminal.
var errTerminal = errors.New("a terminal is needed")

// wantsTerminal recognises sudo's words where sudoers has requiretty.
func wantsTerminal(complaint string) bool { return strings.Contains(complaint, "have a tty") }

// becomeRoot tries one password, once. Without one, or when root cannot be had,
// the visit goes on as the login user unless root is a must.
func (r *run) becomeRoot(ctx context.Context, s standing) (standing, error) {
	way, ok := r.way(s)
	if !ok {
		return r.withoutRoot(s, "the host has no "+joinWays(r.opts.Become.wants()))
	}
	complaint := ""
	if way != BecomeSu { // which was not tried yet
		complaint = r.complaint(ctx, way)
	}
	if way == BecomeSudo && wantsTerminal(complaint) {
		if !r.terminal {
			return s, errTerminal
		}
		return r.withoutRoot(s, complaint)
	}
	if r.opts.Password == nil {
		return r.withoutRoot(s, or(complaint, string(way)+" asks for a password, or is not allowed"))
	}
	if way != BecomeSudo && !r.terminal {
		return s, errTerminal
	}
	attempt, err := r.opts.Password(ctx)
	switch {
	case errors.Is(err, host.ErrSudo): // refused elsewhere
		return r.withoutRoot(s, host.Reason(err))
	case err != nil:
		return s, err
	case attempt.Password == "":
		attempt.end(Untold)
		return r.withoutRoot(s, or(complaint, string(way)+" asks for a password"))
	}
	return r.ask(ctx, s, way, attempt)
}

// way is the first wanted way that the host has.
func (r *run) way(s standing) (Become, bool) {
	for _, b := range r.opts.Become.wants() {
		if slices.Contains(s.ways, b) {
			return b, true
		}
	}
	return "", false
}

func joinWays(ways []Become) string {
	names := make([]string, len(ways))
	for i, b := range ways {
		names[i] = string(b)
	}
	return strings.Join(names, " and no ")
}

func or(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}

func (r *run) withoutRoot(s standing, why string) (standing, error) {
	r.visit.NoRoot = why
	if r.opts.Root == RootMust {
		return s, fmt.Errorf("%w: %s", host.ErrSudo, why)
	}
	return s, nil
}

// ask runs the way's program and answers its prompt.
func (r *run) ask(ctx context.Context, s standing, way Become, attempt Attempt) (standing, error) {
	d := dialogue{run: r, way: way, verdict: Untold}
	defer func() { attempt.end(d.verdict) }()
	token, err := randomWord()
	if err != nil {
		return s, err
	}
	d.prompts = r.prompting(way, token)
	defer r.unwatch()
	r.sendText(rootByPassword(r.word, way, token))
	got, err := d.hold(ctx, attempt.Password)
	if err != nil {
		return s, err
	}
	if got.root {
		d.verdict = Accepted
		got.by, got.password, got.kind = way, d.asked, s.kind
		if way == BecomeSudo {
			r.send("go\n")
		}
		return got, nil
	}
	if way == BecomeSudo {
		r.send("leave\n")
	}
	complaint := r.complaint(ctx, way)
	if d.refused(complaint) {
		d.verdict = Refused
		return s, fmt.Errorf("%w: %s refused the password: %s", host.ErrSudo, way, complaint)
	}
	return r.withoutRoot(s, or(complaint, string(way)+" refused"))
}

// refused tells a wrong password from a user who may not. Sudo says which, in
// English with LC_ALL=C. Su and doas say the same for both once they have asked;
// then it counts as wrong, so that it is tried nowhere else.
func (d *dialogue) refused(complaint string) bool {
	if d.way == BecomeSudo {
		return strings.Contains(complaint, "incorrect password")
	}
	return d.asked
}

// prompting watches for the prompt. Sudo is told a random word of ours to prompt
// with, whatever language the host speaks and whatever sudoers says. Su and doas
// take no such word; with LC_ALL=C their prompts are known.
func (r *run) prompting(way Become, token string) <-chan struct{} {
	watch := r.stderr
	if r.terminal {
		watch = r.stdout
	}
	switch way {
	case BecomeSu:
		return watch.watch(regexp.MustCompile(`(^|\n|\r)Password: ?$`))
	case BecomeDoas:
		return watch.watch(regexp.MustCompile(`(^|\n|\r)doas \([^\n]{1,200}\) password: ?$`))
	default:
		return watch.watch(regexp.MustCompile(regexp.QuoteMeta(token)))
	}
}

func (r *run) unwatch() {
	r.stderr.unwatch()
	r.stdout.unwatch()
}

// A dialogue is one program asking for one password.
type dialogue struct {
	*run
	way     Become
	prompts <-chan struct{}
	asked   bool
	verdict Verdict
}

// hold answers the prompt once, and returns who the shell that comes after is. A
// second prompt means that the password was wrong: the program is killed as it
// asks. Any other end would make it fail once more, and PAM count that.
func (d *dialogue) hold(ctx context.Context, password string) (standing, error) {
	timer := time.NewTimer(d.opts.Limits.Hello)
	defer timer.Stop()
	for {
		select {
		case <-d.prompts:
			if d.asked {
				d.verdict = Refused
				d.abandon(ctx)
				return standing{}, fmt.Errorf("%w: %s refused the password", host.ErrSudo, d.way)
			}
			d.asked = true
			d.answer(password)
		case e := <-d.events:
			switch e.kind {
			case eventHello:
				return parseStanding(e.name), nil
			case eventStderr, eventStderrEnd:
				d.said(e)
			case eventEnd:
				return standing{}, fmt.Errorf("%w: the shell ended while %s asked", host.ErrSudo, d.way)
			}
		case <-timer.C:
			return standing{}, d.silence()
		case <-ctx.Done():
			return standing{}, cause(ctx)
		}
	}
}

func (d *dialogue) answer(password string) {
	if d.way == BecomeSudo {
		d.send("pass " + password + "\n")
		return
	}
	d.send(password + "\n")
}

// silence explains a program that did not prompt as it should, or took too long.
func (d *dialogue) silence() error {
	asked := "never asked for the password in a way we know"
	if d.asked {
		asked = "did not answer to the password"
	}
	return fmt.Errorf("%w: %s %s in %s%s", host.ErrSudo, d.way, asked, d.opts.Limits.Hello, d.lastWords())
}

// lastWords quotes the last line that the host printed.
func (r *run) lastWords() string {
	line := lastLine([]byte(r.greetingNoise() + "\n" + string(r.stderr.seen())))
	if line == "" {
		return ""
	}
	return "; it said: " + line
}

// abandon has the host kill the program that asks again, and waits until it is
// done: were the line closed first, the program might see its end.
func (d *dialogue) abandon(ctx context.Context) {
	if d.way != BecomeSudo {
		return
	}
	d.send("kill\n")
	d.awaitEnd(ctx)
}

// awaitEnd waits, but not for long, until the shell has ended.
func (r *run) awaitEnd(ctx context.Context) {
	timer := time.NewTimer(grace)
	defer timer.Stop()
	for {
		select {
		case e := <-r.events:
			if e.kind == eventEnd {
				_, _ = r.proc.Wait()
				return
			}
		case <-timer.C:
			return
		case <-ctx.Done():
			return
		}
	}
}

// said keeps what a way to root said on standard error before the frame that
// ends it, and that no more will come there.
func (r *run) said(e event) {
	r.silent = r.silent || e.kind == eventStderrEnd
	if way, ok := strings.CutPrefix(e.name, complaintOf("")); ok {
		r.complaints[Become(way)] = lastLine(e.out.Stderr)
	}
}

// complaint is the last line with which a way to root said no. It may come after
// the hello that it goes with: they travel on two streams.
func (r *run) complaint(ctx context.Context, way Become) string {
	defer func() { delete(r.complaints, way) }()
	timer := time.NewTimer(grace)
	defer timer.Stop()
	for {
		if said, ok := r.complaints[way]; ok || r.silent {
			return said
		}
		select {
		case e := <-r.events:
			switch e.kind {
			case eventStderr, eventStderrEnd:
				r.said(e)
			case eventEnd:
				return ""
			}
		case <-timer.C:
			return ""
		case <-ctx.Done():
			return ""
		}
	}
}

// lastLine is the last line of a text that says anything, shortened, without the
// prompts of ours that stand before it.
func lastLine(text []byte) string {
	lines := strings.FieldsFunc(string(text), func(c rune) bool { return c == '\n' || c == '\r' })
	for _, line := range slices.Backward(lines) {
		if line = strings.Trim(ownPrompt.ReplaceAllString(line, ""), blank); line != "" {
			return strings.Trim(quoted(line), `"`)
		}
	}
	return ""
}

// ownPrompt is a random word as sudo prompts with.
var ownPrompt = regexp.MustCompile(`[0-9a-f]{16}`)

// complaintOf names the frame on standard error behind what a way to root said;
// no section has such a name.
func complaintOf(way Become) string { return "root/" + string(way) }

// endComplaint prints that frame, with what frames begin with.
func endComplaint(begin string, way Become) string {
	return fmt.Sprintf(`printf "\n%s stderr-end %s\n" >&2`, begin, complaintOf(way))
}

// rootQuietly becomes root where it costs no password, and else learns which ways
// there are. One call both asks and does; where it is refused, the user's shell
// goes on.
func rootQuietly(become Become) string {
	var b strings.Builder
	b.WriteString("[ \"$uid\" = 0 ] || for way in")
	for _, way := range become.wants() {
		b.WriteString(" " + string(way))
	}
	b.WriteString("; do\ncommand -v $way >/dev/null 2>&1 || continue\nways=$ways/$way\n")
	if slices.Contains(become.wants(), BecomeSu) {
		b.WriteString("[ $way = su ] && continue\n")
	}
	fmt.Fprintf(&b, "$way -n -- sh -c \"way=$way nc_how=$nc_how kind=$kind m=$m; \"'%s; '\"$next\"; x=$?\n%s%s\ndone\n",
		sayHello("$m", "root/$way$nc_how$kind"), afterRoot, endComplaint("$m", "$way"))
	return b.String()
}

// rootByPassword is sent when a way wants the password that we have.
func rootByPassword(word string, way Become, token string) string {
	inner := sayHello(mark+word, "root/"+string(way)) + `; '"$next"; x=$?; `
	denied := fmt.Sprintf("[ $x -ge %d ] || { %s; %s; }; ", sudoWorked, endComplaint(mark+word, way), sayHello(mark+word, "user"))
	switch way {
	case BecomeSu:
		return byLine + "su root -c 'stty raw -echo; " + inner + "stty raw -echo; " + denied + afterRoot
	case BecomeDoas:
		return byLine + "doas -- sh -c 'stty raw -echo; " + inner + "stty raw -echo; " + denied + afterRoot
	default:
		return fmt.Sprintf(pump+"( SUDO_ASKPASS= sudo -S -p '%s' -- sh -c '%s%s[ $x -lt 129 ] || kill -KILL 0; exit $x ); x=$?; %s",
			token, inner, denied, afterRoot)
	}
}

// afterRoot is where the user's shell goes on, by the exit status in x. A root
// shell that did its work leaves nothing to do. One that was killed has found the
// laptop gone, and could not kill what is not in its process group.
var afterRoot = fmt.Sprintf("[ $x = %d ] && exit 0; [ $x -gt 128 ] && kill -KILL 0\n", sudoWorked)

// byLine has the terminal keep a password until its line is whole: PAM's programs
// read it in one piece.
const byLine = "stty icanon -echo; "

// pump stands between the line and sudo's standard input. It hands on the
// password, which it prints with a builtin: no process ever has it in its
// arguments. When sudo asks again it kills sudo, and everything of ours with it,
// also when the line is closed or falls silent; a user may do that as long as
// sudo asks. Then it gives way to cat.
const pump = `{ case $(command -v printf) in /*) printf() { print -r -- "$2"; } ;; esac
( trap 'kill "$nc_s"; exit 0' TERM; sleep 20 & nc_s=$!; wait "$nc_s"; kill -KILL 0 ) </dev/null >/dev/null 2>&1 & nc_wd=$!
while IFS= read -r nc_l; do case $nc_l in
"pass "*) printf '%%s\n' "${nc_l#pass }" ;;
go) kill -TERM "$nc_wd"; exec cat ;;
leave) kill -TERM "$nc_wd"; exit 0 ;;
*) break ;;
esac; done; kill -KILL 0; } | `
