package cli

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/nightcall-sh/nightcall/internal/check"
	"github.com/nightcall-sh/nightcall/internal/diagram"
	"github.com/nightcall-sh/nightcall/internal/export"
	"github.com/nightcall-sh/nightcall/internal/inventory"
	"github.com/nightcall-sh/nightcall/internal/link"
	"github.com/nightcall-sh/nightcall/internal/timeline"
)

type diagramOptions struct {
	file, format string
	hosts        []string
	fold         int
	anonymise    bool
	plain        bool
	scale        float64
	before       string
	after        string
	engine       string
}

// foldAbove is the number of nodes from which on equal siblings are drawn as one.
const foldAbove = 40

// A renderer writes a picture in one format.
type renderer func(context.Context, diagram.Picture) ([]byte, error)

// diagramFormats are the endings of the files that are written.
var diagramFormats = []string{"d2", "dot", "go", "mmd", "png", "py", "svg", "txt"}

// textRenderers are those of formats that cannot fail.
var textRenderers = map[string]func(diagram.Picture) []byte{
	"svg": diagram.SVG, "dot": diagram.DOT, "mmd": diagram.Mermaid, "d2": diagram.D2, "py": diagram.Python, "go": diagram.Go, "txt": diagram.Text,
}

func newDiagramCmd(a *app) *cobra.Command {
	var opts diagramOptions
	formats := strings.Join(diagramFormats, ", ")
	cmd := &cobra.Command{
		Use:     "diagram",
		GroupID: groupLook,
		Short:   "Draw who talks to whom",
		Long: `Draw the hosts of the incident and who talks to whom, as seen and as declared, without
connecting to any: tiers from left to right, siblings and declared groups in boxes.

Red dashes are calls that get no answer; grey dots what was declared and never seen;
grey hosts those that nobody visited. A frame and a number tell a host's findings, EOL
an operating system that is no longer maintained. In a large fleet, equal siblings are
drawn as one, and edges that all of a box have are drawn from the box. An svg and a
png explain below the picture what is in it.

With --before, the picture is of two moments: what is new is green, what is gone is grey
and dashed, what changed is brown. What nobody has looked at since stays as it was; so
visit the hosts again before you ask.

The ending of the file says the format: svg; png; dot for Graphviz; mmd for Mermaid;
d2; py for mingrammer's diagrams; go for go-diagrams; txt. Without a file, the text is
printed. Equal facts give equal bytes. Nothing but nightcall is needed to draw. A png
shows the numbers of letters that its font lacks, as Chinese; an svg has them as they are.

EXIT STATUS
  0  drawn
  1  there is nothing to draw, it is too large to paint, or the file cannot be written
  2  usage; no such format`,
		Example: `  nightcall diagram
  nightcall diagram --host be2
  nightcall diagram -o arch.svg
  nightcall diagram -o arch.png --scale 1
  nightcall diagram -o arch.py && python3 arch.py
  nightcall diagram --before 2h -o change.svg
  nightcall diagram --anonymise --format mmd`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return runDiagram(cmd.Context(), a, opts) },
	}
	f := cmd.Flags()
	f.StringVarP(&opts.file, "output", "o", "", "file to write, whole or not at all (default: text on standard output)")
	f.StringVar(&opts.format, "format", "", "format, when the file's ending does not say it: "+formats)
	f.StringSliceVar(&opts.hosts, "host", nil, "only these hosts, and what they are linked with")
	f.IntVar(&opts.fold, "fold", foldAbove, "draw equal siblings as one where there are more nodes than this")
	f.BoolVar(&opts.anonymise, "anonymise", false, "keep the shape, and no name or address")
	f.StringVar(&opts.before, "before", "", "draw what changed since: a time, a span back from now, or the id of a scan")
	f.StringVar(&opts.after, "after", "", "and until when (default: now)")
	f.BoolVar(&opts.plain, "plain", false, "without findings")
	f.StringVar(&opts.engine, "engine", "nightcall", "who lays out an svg or a png: nightcall, or dot where Graphviz is installed")
	f.Float64Var(&opts.scale, "scale", 0, "of a png: pixels for each of the svg's, 0.1 to 8 (default: 2, less for a large picture)")
	_ = cmd.RegisterFlagCompletionFunc("host", func(cmd *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
		return a.completeHosts(cmd, nil, typed)
	})
	_ = cmd.RegisterFlagCompletionFunc("engine", completeWords("nightcall", "dot"))
	_ = cmd.RegisterFlagCompletionFunc("format", completeWords(diagramFormats...))
	return cmd
}

func runDiagram(ctx context.Context, a *app, opts diagramOptions) error {
	if opts.after != "" && opts.before == "" {
		return usageError("nightcall diagram --before 6h --after 1h", "--after needs --before")
	}
	if len(opts.hosts) > 0 && opts.before != "" {
		return usageError("nightcall diagram --before 6h", "--host and --before exclude each other")
	}
	if opts.fold < 0 {
		return usageError("nightcall diagram --fold 40", "--fold must not be below zero")
	}
	render, err := opts.renderer(a)
	if err != nil {
		return err
	}
	i, err := a.openCurrent(ctx)
	if err != nil {
		return err
	}
	defer i.Close()
	m, o, broken := i.drawn(ctx, opts)
	groups := m.Groups() // of all hosts: who is whose sibling does not hang on who is drawn
	if err := known(m, opts.hosts); err != nil {
		return err
	}
	if len(opts.hosts) > 0 {
		m = m.About(func(name string) bool { return slices.Contains(opts.hosts, name) })
	}
	if len(m.Hosts)+len(m.Links) == 0 {
		return cmp.Or(broken, withHint(errors.New("there is nothing to draw yet"), "nightcall scan web1 web2, or nightcall host declare db1 --runs mysql"))
	}
	text, err := render(ctx, diagram.Of(m, groups, o))
	if errors.Is(err, diagram.ErrLarge) {
		return withHint(err, "a smaller --scale, a smaller --fold, or -o arch.svg, which has no pixels")
	}
	if err != nil {
		return err
	}
	if opts.file == "" {
		if a.json {
			return errors.Join(printJSON(a.io, exportResult{Format: opts.format, Hosts: len(m.Hosts), Warnings: []export.Warning{}, Text: string(text)}), broken)
		}
		_, err := a.io.Out.Write(text)
		return errors.Join(err, broken)
	}
	return errors.Join(i.writeDiagram(ctx, opts, text, len(m.Hosts)), broken)
}

// drawn is the map that is asked for, and how it is drawn. Checks that could not
// be read are an error beside them.
func (i *openIncident) drawn(ctx context.Context, opts diagramOptions) (link.Map, diagram.Options, error) {
	o := diagram.Options{Title: i.Title, FoldAbove: opts.fold, Anonymise: opts.anonymise}
	if opts.before != "" {
		return i.compared(ctx, opts, o)
	}
	fleet, m, err := i.Map(ctx)
	if err != nil || opts.plain {
		return m, o, err
	}
	o.Marks, err = i.marks(ctx, fleet, m)
	return m, o, err
}

// renderer is the format that the flags ask for.
func (o *diagramOptions) renderer(a *app) (renderer, error) {
	if o.format == "" {
		o.format = strings.TrimPrefix(strings.ToLower(filepath.Ext(o.file)), ".")
	}
	if o.format == "" {
		o.format = "txt"
	}
	switch {
	case !slices.Contains(diagramFormats, o.format):
		return nil, usageError("formats: "+strings.Join(diagramFormats, ", "), "unknown format %q", o.format)
	case o.format != "png" && o.scale != 0:
		return nil, usageError("nightcall diagram -o arch.png --scale 2", "--scale is for png: %s has no pixels", o.format)
	case o.scale != 0 && !(o.scale >= 0.1 && o.scale <= 8):
		return nil, usageError("nightcall diagram -o arch.png --scale 2", "--scale must be from 0.1 to 8")
	case o.format == "png" && o.file == "" && (a.json || a.io.OutTTY):
		return nil, usageError("nightcall diagram -o arch.png", "a png is no text: it needs a file")
	case o.engine == "dot":
		return o.graphviz()
	case o.engine != "nightcall":
		return nil, usageError("engines: nightcall, dot", "unknown engine %q", o.engine)
	case o.format == "png":
		return func(_ context.Context, p diagram.Picture) ([]byte, error) { return diagram.PNG(p, o.scale) }, nil
	}
	write := textRenderers[o.format]
	return func(_ context.Context, p diagram.Picture) ([]byte, error) { return write(p), nil }, nil
}

// graphviz has the picture laid out and drawn by dot, for at most a minute.
func (o *diagramOptions) graphviz() (renderer, error) {
	if o.format != "svg" && o.format != "png" || o.scale != 0 {
		return nil, usageError("nightcall diagram -o arch.svg --engine dot", "--engine dot draws svg and png, without --scale")
	}
	dot, err := exec.LookPath("dot")
	if err != nil {
		return nil, withHint(fmt.Errorf("draw with Graphviz: %w", err), "install Graphviz, or leave out --engine")
	}
	return func(ctx context.Context, p diagram.Picture) ([]byte, error) {
		ctx, cancel := context.WithTimeout(ctx, time.Minute)
		defer cancel()
		cmd := exec.CommandContext(ctx, dot, "-T"+o.format)
		cmd.Stdin = bytes.NewReader(diagram.DOT(p))
		out, err := cmd.Output()
		if err != nil {
			return nil, withHint(fmt.Errorf("draw with Graphviz: %w", err), "leave out --engine")
		}
		return out, nil
	}, nil
}

// marks judges a fleet, for the overlay of its picture. A check file that cannot
// be read is an error beside what the others say.
func (i *openIncident) marks(ctx context.Context, fleet inventory.Fleet, m link.Map) (map[string]diagram.Mark, error) {
	catalogue, broken := i.app.catalogue()
	result, err := i.judged(ctx, catalogue, fleet, m)
	return marksOf(result), errors.Join(err, broken)
}

// marksOf are what findings say of each host.
func marksOf(result check.Result) map[string]diagram.Mark {
	marks := map[string]diagram.Mark{}
	for _, f := range result.Findings { // the worst first
		mark := marks[f.Host]
		if f.Status == check.Unknown {
			continue
		}
		if mark.Status == "" {
			mark.Status = f.Status.String()
		}
		mark.Count++
		mark.Old = mark.Old || f.Check == "os-end-of-life"
		marks[f.Host] = mark
	}
	return marks
}

// writeDiagram writes the file; the timeline has it first.
func (i *openIncident) writeDiagram(ctx context.Context, opts diagramOptions, text []byte, hosts int) error {
	path, err := filepath.Abs(opts.file)
	if err != nil {
		return fmt.Errorf("draw %s: %w", opts.file, err)
	}
	entry := timeline.Export{Format: "diagram " + opts.format, Path: path, Hosts: hosts}
	if err := i.exported(ctx, entry); err != nil {
		return err
	}
	if err := export.WriteFile(path, text, 0o600); err != nil {
		return err
	}
	if i.app.json {
		return printJSON(i.app.io, exportResult{Format: opts.format, Path: path, Hosts: hosts, Warnings: []export.Warning{}})
	}
	i.app.say("%s: %s", printable(path), plural(hosts, "host"))
	return nil
}
