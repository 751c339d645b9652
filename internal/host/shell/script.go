package shell

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"strings"
	"time"

	"github.com/nightcall-sh/nightcall/internal/host"
)

// A Section is one named part of a script.
type Section struct {
	Name string        // letters, digits and underscores
	Body string        // POSIX sh
	Time time.Duration // limit; zero means Limits.Section

	// What is run instead of Body on hosts of a kind; empty means no difference.
	// Where nothing is left to run there is no section and no answer.
	Elsewhere string // on those without Linux's /proc
	Dpkg      string // on those with dpkg

	// Heavy sections are left out on a host in distress. On a busy one they run with
	// lower priority, as does all that comes after the first of them.
	Heavy bool

	// Stderr keeps the section's standard error; otherwise it is dropped on the
	// host.
	Stderr bool

	// Stdin is what the section reads; empty means /dev/null.
	Stdin []byte

	// Shared sections in a row run in one process, which costs the host much less than
	// a process for each. Such a body leaves the shell as it found it: options, IFS,
	// directory, which is the root. Where one ends the process, or is ended because its
	// time is up, the next ones get a new one. Those with Stderr or Stdin do not.
	Shared bool
}

// A Kind is what a host's greeting tells of it, so that it is sent only what it has
// a use for.
type Kind struct {
	Proc bool // it has Linux's /proc
	Dpkg bool // dpkg's own file can be read
}

// body is what the section runs on such a host.
func (s Section) body(k Kind) string {
	switch {
	case k.Dpkg && s.Dpkg != "":
		return s.Dpkg
	case !k.Proc && s.Elsewhere != "":
		return s.Elsewhere
	}
	return s.Body
}

// shared is whether the section runs in one process with others.
func (s Section) shared() bool { return s.Shared && !s.Stderr && len(s.Stdin) == 0 }

// Command is what a wire is asked to start: short, free of secrets, and the
// same for every login shell.
const Command = "sh -s"

// mark is how every frame begins; a random word follows.
const mark = "@@nightcall-"

// greeting is sent first. It prepares the environment, tries the way to root
// that is wanted, says hello and what kind of host this is, and gets ready for the
// script: where packed is wanted and the host has gzip, for its compressed bytes,
// behind a line that says how many, which spares a slow line and a shell that reads
// byte by byte; else for its plain lines.
//
// It is one compound command, which a shell has read to its end before it runs any
// of it: busybox's reads a thousand bytes at a time, and would take what is meant
// for the shells and programs that read after it.
//
// On a terminal, each shell reads its commands as texts.
func greeting(word string, opts Options, packed, terminal bool) string {
	var b strings.Builder
	fmt.Fprintf(&b, "#nightcall greeting %s\n{\n", word)
	b.WriteString(plainSpeech)
	b.WriteString(whoAmI)
	next := "exec sh -s"
	if terminal {
		next = setNewline + nextText
	}
	fmt.Fprintf(&b, "m=%s%s nc_how= ways= next=%s\n", mark, word, host.Quote(next))
	if packed {
		fmt.Fprintf(&b, `command -v gzip >/dev/null && nc_how=%s unpack=%s next="exec 3<&0; $unpack"`+"\n", packedMark, host.Quote(unpack))
	}
	if opts.Root != RootNo && opts.User != "root" {
		b.WriteString(rootQuietly(opts.Become))
	}
	fmt.Fprintf(&b, "who=user; [ \"$uid\" = 0 ] && who=root; %s\n", sayHello("$m", "$who$ways$nc_how$kind"))
	if packed {
		b.WriteString("if [ -n \"$nc_how\" ]; then exec 3<&0; eval \"$unpack\"; fi\n")
	}
	b.WriteString("}\n")
	return b.String()
}

// unpack reads how long the compressed script is and that script from standard
// input, and runs it. The control line must be open on 3 before: bash crashes when
// it has to copy the stream its own commands come from in the middle of an eval.
const unpack = `read -r size; eval "$(head -c $size | gzip -dc)"`

// What a hello ends with: that the host waits for the compressed script, and its
// kind.
const (
	packedMark = "+gzip"
	procMark   = "+proc"
	dpkgMark   = "+dpkg"
)

// pack compresses a script.
func pack(script string) ([]byte, error) {
	var b bytes.Buffer
	w, err := gzip.NewWriterLevel(&b, gzip.DefaultCompression)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write([]byte(script)); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// environment makes every tool speak plain English and finds the tools of root.
const environment = `LC_ALL=C LANG=C; export LC_ALL LANG; unset ENV BASH_ENV CDPATH GREP_OPTIONS GREP_COLOR LS_COLORS LANGUAGE POSIXLY_CORRECT TMOUT
PATH=$PATH:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin; export PATH; umask 077
`

// plainSpeech is what the ways to root and the shells that follow need of that.
const plainSpeech = `LC_ALL=C; PATH=$PATH:/usr/local/bin:/usr/bin:/bin; export LC_ALL PATH; unset LANGUAGE ENV BASH_ENV TMOUT
`

// whoAmI learns our user id, without a fork where /proc is there, and the host's
// kind.
const whoAmI = `if [ -r /proc/self/status ]; then kind=` + procMark + `; while read -r k r uid x; do [ "$k" = Uid: ] && break; done </proc/self/status; else kind= uid=$(id -u); fi
[ -r /var/lib/dpkg/status ] && kind=$kind` + dpkgMark + `
`

// sudoWorked is the exit status of a root shell that did its work, so that the
// user's shell behind it knows there is nothing left to do.
const sudoWorked = 77

// sayHello prints the hello frame, with what frames begin with, in double quotes only:
// it is used inside single ones.
func sayHello(begin, who string) string {
	return fmt.Sprintf(`printf "\n%s hello %s\n"`, begin, who)
}

// Script is the whole text of a visit, as it is sent after the hello of a host of
// this kind, to a shell on a terminal or not.
func Script(word string, sections []Section, kind Kind, terminal bool) string {
	var b strings.Builder
	fmt.Fprintf(&b, "#nightcall script %s\n", word)
	b.WriteString(environment)
	fmt.Fprintf(&b, "nc_mark='%s%s'\n", mark, word)
	b.WriteString(functions)
	if terminal {
		b.WriteString(onTerminal)
	}
	for _, s := range sections {
		if body := s.body(kind); body != "" {
			fmt.Fprintf(&b, "nc_body_%s() {\n%s\n%s\n", s.Name, strings.TrimRight(body, "\n"), bodyEnd)
		}
	}
	b.WriteString("nc_main() {\n")
	b.WriteString(begin)
	b.WriteString(calls(sections, kind, terminal))
	fmt.Fprintf(&b, finish, sudoWorked)
	b.WriteString("}\nnc_main\n")
	return b.String()
}

// bodyEnd is the last line of a section's function, which is hardly one of its body.
const bodyEnd = "} #"

// calls are the lines that run the sections: one for each, and one for all shared
// ones that follow each other.
func calls(sections []Section, kind Kind, terminal bool) string {
	var b strings.Builder
	var row, heavy string
	end := func() {
		if row != "" {
			fmt.Fprintf(&b, "nc_heavy='%s '; nc_shared%s\n", heavy, row)
		}
		row, heavy = "", ""
	}
	for _, s := range sections {
		switch {
		case s.body(kind) == "":
		case s.shared():
			row += " " + s.Name
			if s.Heavy {
				heavy += " " + s.Name
			}
		default:
			end()
			b.WriteString(call(s, terminal))
		}
	}
	end()
	return b.String()
}

// call is the line that runs a section in a process of its own.
func call(s Section, terminal bool) string {
	line := "nc_section " + s.Name
	if s.Stderr && terminal {
		line = "nc_onterminal " + s.Name
	} else if s.Stderr {
		line += " stderr"
	}
	if len(s.Stdin) > 0 {
		line = fmt.Sprintf("printf '%%b' '%s' | { nc_piped=1; %s; nc_flush; }; nc_ended=", octal(s.Stdin), line)
	}
	if s.Heavy {
		line = fmt.Sprintf("nc_spare %s || %s", s.Name, line)
	}
	return line + "\n"
}

// octal spells bytes so that printf's %b gives them back, in any shell and
// without a temporary file.
func octal(data []byte) string {
	var b strings.Builder
	for _, c := range data {
		switch {
		case c == '\n':
			b.WriteString(`\n`)
		case c == '\\', c == '\'', c < ' ', c > '~':
			fmt.Fprintf(&b, `\0%03o`, c)
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

// Words are the shell functions that are there for a section's body: "has NAME" is
// true when NAME can be run; "say TEXT" keeps a line, to be printed with what follows,
// which "said" prints: before a command that prints by itself, or at the section's end.
// Each write is a packet, and as much work for the SSH server as a short section.
const Words = `has() { command -v "$1" >/dev/null 2>&1; }
say() { nc_said="$nc_said$1
"; }
said() { [ -z "$nc_said" ] || printf %s "$nc_said"; nc_said=; }
`

// functions is what sections and the control line stand on.
//
// nc_pid learns the id of a subshell from a file of short lines, because shells
// read byte by byte. nc_kill ends a process and all its descendants: it looks for
// them in /proc and stops each it finds, so that none forks behind its back; the
// process itself goes last, because its end is the end of the section, and the
// script's end is ours. Without /proc it asks pkill. nc_control obeys the laptop.
// nc_watch ends everything when no beat came for two periods.
//
// A section's end is written together with the next one's beginning, from
// nc_ended, and with what the section's last words were.
//
// nc_shared runs sections in one subshell, which reports through a pipe the name of
// each as it begins, and a / behind one that it leaves out. Where the subshell ends
// within a section, that section is over, and those behind it get another subshell.
// A shell that makes no process for a subshell ($$ is then its id) gets one for each
// section. nc_pass leaves out the heavy ones of them; it stands apart because bash
// before 4 ends a $( at the first parenthesis that nothing opened, as of a case.
//
// nc_spare keeps heavy sections from a host in distress: a load of four for each
// processor, less than 2 % of the memory or less than half a per cent of the root
// file system left, of which a section may have left what it knows in nc_room: its
// available and all its blocks. What cannot be told is no distress.
const functions = Words + `nc_pid() { nc_p=; while read -r nc_k nc_p nc_x; do [ "$nc_k" = Pid: ] && return; done </proc/self/status; nc_p=$(exec sh -c 'echo $PPID'); } 2>/dev/null
nc_kill() {
kill -STOP "$1"; nc_all=" $1 " nc_more=1
[ -r /proc/self/stat ] || pkill -KILL -P "$1"
while [ -n "$nc_more" ]; do
nc_more=
for nc_f in /proc/[0-9]*/stat; do
nc_l=; { read -r nc_l <"$nc_f"; } 2>/dev/null || continue
nc_c=${nc_l%% *}; set -- ${nc_l##*\) }
case $nc_all in *" $nc_c "*) continue ;; esac
case $nc_all in *" $2 "*) kill -STOP "$nc_c"; nc_all=" $nc_c$nc_all" nc_more=1 ;; esac
done
done
kill -KILL $nc_all
}
nc_control() {
while read -r nc_verb nc_arg; do
case $nc_verb in
beat) kill -USR1 "$nc_wd" ;;
kill) nc_kill "$nc_arg" ;;
esac
done
kill -KILL 0
}
nc_watch() {
nc_n=0; trap 'nc_n=0' USR1; trap 'kill "$nc_s"; exit 0' TERM
while [ "$nc_n" -lt 2 ]; do
sleep 4 & nc_s=$!; wait "$nc_s"; kill "$nc_s"; nc_n=$((nc_n+1))
done
kill -KILL 0
}
nc_spare() {
[ -n "$nc_host" ] || nc_look
case $nc_host in
idle) return 1 ;;
busy) { renice -n 10 -p $$ $nc_p; ionice -c 3 -p $$ $nc_p; } >/dev/null; nc_host=idle; return 1 ;;
esac
nc_flush; printf '\n%s skip %s %s\n' "$nc_mark" "$1" "$nc_host"
}
nc_look() {
nc_host=idle nc_total=0 nc_l=
read -r nc_l nc_x </proc/loadavg; nc_l=${nc_l%%.*}
if [ "${nc_l:-0}" -ge 2 ]; then
set -- /sys/devices/system/cpu/cpu[0-9]*
[ ! -e "$1" ] || [ "$nc_l" -lt $((2 * $#)) ] || nc_host=busy
[ ! -e "$1" ] || [ "$nc_l" -lt $((4 * $#)) ] || nc_host=load
fi
while read -r nc_k nc_v nc_x; do case $nc_k in
MemTotal:) nc_total=$nc_v ;;
MemAvailable:) [ "$nc_v" -ge $((nc_total / 50)) ] || nc_host=memory; break ;;
Cached:) break ;;
esac; done </proc/meminfo
[ -n "$nc_room" ] || nc_room=$(stat -f -c '%a %b' /) && [ "${nc_room% *}" -lt $((${nc_room#* } / 200)) ] && nc_host=space
:
}
nc_flush() { [ -z "$nc_ended" ] || printf %s "$nc_ended"; nc_ended=; }
nc_section() {
if [ -n "$nc_piped" ]; then exec 5<&0; else exec 5</dev/null; fi
if [ -n "$2" ]; then exec 6>&4; else exec 6>/dev/null; fi
( nc_pid; printf '%s\n%s begin %s %s\n' "$nc_ended" "$nc_mark" "$1" "$nc_p"
"nc_body_$1"; nc_exit=$?; said; exit "$nc_exit" ) <&5 2>&6 3<&- 4>&- 5<&- 6>&- &
wait "$!"; nc_exit=$?
if [ -n "$2" ]; then printf '\n%s stderr-end %s\n' "$nc_mark" "$1" >&4; fi
nc_end "$1"
}
nc_end() {
nc_ended="$nc_said
$nc_mark end $1 $nc_exit
" nc_said=
}
nc_pass() { case $nc_heavy in *" $1 "*) nc_spare "$1" ;; *) false ;; esac; }
nc_shared() {
exec 7>&1
while [ $# -gt 0 ]; do
nc_begun=$(nc_pid; [ "$nc_p" != $$ ] && cd / || exit
exec 8>&1 >&7 </dev/null 3<&- 4>&- 7>&-
for nc_name; do
printf '%s ' "$nc_name" >&8
nc_pass "$nc_name" && { printf '/ ' >&8; continue; }
printf '%s\n%s begin %s %s\n' "$nc_ended" "$nc_mark" "$nc_name" "$nc_p"
"nc_body_$nc_name" 8>&-; nc_exit=$?
nc_end "$nc_name"
done
exit "$nc_exit"); nc_exit=$?
if [ -z "$nc_begun" ]; then nc_pass "$1" || nc_section "$1"; shift; continue; fi
for nc_word in $nc_begun; do [ "$nc_word" = / ] || { nc_name=$nc_word; shift; }; done
nc_ended=; [ "$nc_word" = / ] || nc_end "$nc_name"
done
exec 7>&-
}
`

// onTerminal keeps a section's standard error apart where there is one output for
// both.
const onTerminal = `nc_onterminal() {
if [ -n "$nc_piped" ]; then exec 5<&0; else exec 5</dev/null; fi
nc_flush; exec 7>&1
nc_e=$( ( nc_pid; printf '\n%s begin %s %s\n' "$nc_mark" "$1" "$nc_p" >&7
{ "nc_body_$1"; nc_exit=$?; said; } >&7 7>&-; exit "$nc_exit" ) <&5 2>&1 3<&- 4>&- 5<&-; nc_exit=$?; printf x; exit "$nc_exit" ); nc_exit=$?
exec 7>&-
printf '\n%s end %s %s\n\n%s stderr %s\n%s\n%s stderr-end %s\n' "$nc_mark" "$1" "$nc_exit" "$nc_mark" "$1" "${nc_e%x}" "$nc_mark" "$1"
}
`

// begin notes the host's uptime, ends whatever the login left on standard error,
// and starts the control line and the watch, in subshells of their own: a
// function called with redirections would keep our output open. From here on the
// shell's own messages ("Killed", "Terminated") go nowhere; sections that keep
// their standard error write it to 4.
const begin = `[ -n "$nc_how" ] || exec 3<&0
exec 4>&2 2>/dev/null
{ read -r nc_began nc_x </proc/uptime; }; nc_piped= nc_host= nc_room= nc_ended= nc_said=; printf '\n%s stderr-end login\n' "$nc_mark" >&4
( nc_watch ) </dev/null >/dev/null 3<&- 4>&- & nc_wd=$!
( nc_control ) <&3 >/dev/null 3<&- 4>&- & nc_ctl=$!
`

// finish leaves nothing behind before it says so.
const finish = `kill -TERM "$nc_ctl" "$nc_wd"; wait "$nc_ctl" "$nc_wd"
printf '%%s\n%%s done\n' "$nc_ended" "$nc_mark"; exit %d
`
