package shell

import (
	"context"
	"fmt"
	"io/fs"
	"strings"

	"github.com/nightcall-sh/nightcall/internal/host"
)

// New makes a host out of a wire. Each probe and change is one run of a shell
// on it.
func New(name string, wire Wire, opts Options) host.Host {
	return machine{name: name, wire: wire, opts: opts}
}

type machine struct {
	name string
	wire Wire
	opts Options
}

func (m machine) Name() string { return m.name }

func (m machine) Probe(ctx context.Context, cmd host.Command) (host.Output, error) {
	return m.run(ctx, cmd, host.Quote(cmd.Argv...))
}

func (m machine) Change(ctx context.Context, cmd host.Command) (host.Output, error) {
	return m.run(ctx, cmd, host.Quote(cmd.Argv...))
}

// run runs one section made of text, with what cmd says beside its argv.
func (m machine) run(ctx context.Context, cmd host.Command, text string) (host.Output, error) {
	opts := m.opts
	opts.Root = RootNo
	if cmd.Root {
		opts.Root = RootMust
	}
	if cmd.Timeout > 0 {
		opts.Limits.Total = max(opts.Limits.withDefaults().Total, cmd.Timeout+2*grace)
	}
	visit, err := Run(ctx, m.wire, []Section{{
		Name: "command", Body: text, Time: cmd.Timeout, Stderr: true, Stdin: cmd.Stdin,
	}}, opts)
	if err != nil {
		return partOf(visit), err
	}
	if len(visit.Answers) != 1 {
		return host.Output{}, fmt.Errorf("%w: it ended without an answer", host.ErrLost)
	}
	a := visit.Answers[0]
	if a.Missing != "" {
		return a.Output, fmt.Errorf("%w: %s %s", host.ErrTimeout, cmdName(cmd), a.Missing)
	}
	return a.Output, nil
}

// partOf is what was read before a run broke.
func partOf(v Visit) host.Output {
	part := v.Part
	if len(v.Answers) > 0 {
		a := v.Answers[0]
		if a.Missing == "" {
			return a.Output
		}
		if len(part.Stdout) == 0 {
			part = a.Output
		}
	}
	part.Exit = -1 // it did not end
	return part
}

func cmdName(cmd host.Command) string {
	if len(cmd.Argv) == 0 {
		return "command"
	}
	return cmd.Argv[0]
}

// Exit statuses by which the scripts below tell what cat and mv only say in
// words.
const (
	exitMissing = 81
	exitDenied  = 82
)

func (m machine) ReadFile(ctx context.Context, path string) ([]byte, error) {
	quoted := quotePath(path)
	out, err := m.run(ctx, host.Command{Argv: []string{"cat", path}}, fmt.Sprintf(
		"if [ -r %[1]s ] && [ ! -d %[1]s ]; then exec cat -- %[1]s; fi; [ -e %[1]s ] && exit %[3]d; exit %[2]d",
		quoted, exitMissing, exitDenied,
	))
	if err != nil {
		return nil, err
	}
	return out.Stdout, fileError(m.name, "read", path, out)
}

// WriteFile writes beside path and renames, so that nobody ever reads a part.
func (m machine) WriteFile(ctx context.Context, path string, data []byte, mode fs.FileMode) error {
	quoted, temp := quotePath(path), quotePath(path+".nightcall-new")
	out, err := m.run(ctx, host.Command{Argv: []string{"write", path}, Stdin: data}, fmt.Sprintf(
		"umask 077; { cat >%[2]s && chmod %04[3]o %[2]s && mv -f %[2]s %[1]s; } || { rm -f %[2]s; exit %[4]d; }",
		quoted, temp, mode.Perm(), exitDenied,
	))
	if err != nil {
		return err
	}
	return fileError(m.name, "write", path, out)
}

func fileError(name, verb, path string, out host.Output) error {
	switch {
	case out.Exit == 0 && !out.Truncated():
		return nil
	case out.Truncated():
		return fmt.Errorf("host %s: %s %s: longer than the limit", name, verb, path)
	case out.Exit == exitMissing:
		return fmt.Errorf("host %s: %s %s: %w", name, verb, path, fs.ErrNotExist)
	case out.Exit == exitDenied:
		return fmt.Errorf("host %s: %s %s: %w: %s", name, verb, path, fs.ErrPermission, firstLine(out.Stderr))
	default:
		return fmt.Errorf("host %s: %s %s: exit %d: %s", name, verb, path, out.Exit, firstLine(out.Stderr))
	}
}

func firstLine(text []byte) string {
	line, _, _ := strings.Cut(strings.TrimSpace(string(text)), "\n")
	return quoted(line)
}

// quotePath quotes a path so that no tool takes it for an option.
func quotePath(path string) string {
	if strings.HasPrefix(path, "-") {
		path = "./" + path
	}
	return host.Quote(path)
}
