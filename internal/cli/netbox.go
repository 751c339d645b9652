package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/nightcall-sh/nightcall/internal/netbox"
	"github.com/nightcall-sh/nightcall/internal/timeline"
)

// netboxOptions say which NetBox is meant and how it is reached.
type netboxOptions struct {
	url      string
	token    string // file
	ca       string // file
	insecure bool
	timeout  time.Duration
	budget   int
	dryRun   bool
}

func newNetBoxCmd(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "netbox",
		GroupID: groupUse,
		Short:   "Fill a NetBox from what was seen, and read it back",
		Example: `  nightcall netbox doctor --url https://netbox.example.com --token-file token
  nightcall netbox init --token-file admin-token
  nightcall netbox plan --site dc1
  nightcall netbox apply --site dc1 --link https://tickets.example.com/4711 --diagram
  nightcall netbox undo --dry-run
  nightcall netbox pull --site dc1 && nightcall scan --from-netbox`,
		Args: unknownCommand,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(
		newNetBoxApplyCmd(a), newNetBoxDiffCmd(a), newNetBoxDoctorCmd(a), newNetBoxInitCmd(a),
		newNetBoxPlanCmd(a), newNetBoxPullCmd(a), newNetBoxUndoCmd(a),
	)
	return cmd
}

const netboxHelp = `

The address comes from --url or $NIGHTCALL_NETBOX_URL. The token, of either kind, is
read from a file that only you can read, named by --token-file or
$NIGHTCALL_NETBOX_TOKEN_FILE; it is never an argument.`

func (o *netboxOptions) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&o.url, "url", "", "NetBox's address (default: $NIGHTCALL_NETBOX_URL)")
	f.StringVar(&o.token, "token-file", "", "file that holds the token; - is standard input (default: $NIGHTCALL_NETBOX_TOKEN_FILE)")
	f.StringVar(&o.ca, "ca-file", "", "file of certificates to trust beside the system's (PEM)")
	f.BoolVar(&o.insecure, "insecure", false, "do not verify NetBox's certificate: whoever is in between can read the token")
	f.DurationVar(&o.timeout, "timeout", netbox.DefaultTimeout, "longest single request")
	f.IntVar(&o.budget, "budget", netbox.DefaultBudget, "requests at most")
	_ = cmd.MarkFlagFilename("token-file")
	_ = cmd.MarkFlagFilename("ca-file")
}

// connect makes the client and asks the server for its version.
func (a *app) connect(ctx context.Context, o netboxOptions) (*netbox.Client, netbox.Status, error) {
	address := o.url
	if address == "" {
		address = a.getenv("NIGHTCALL_NETBOX_URL")
	}
	if address == "" {
		return nil, netbox.Status{}, usageError("nightcall netbox doctor --url https://netbox.example.com --token-file FILE", "which NetBox? --url is missing")
	}
	token, err := a.netboxToken(o.token)
	if err != nil {
		return nil, netbox.Status{}, err
	}
	var ca []byte
	if o.ca != "" {
		if ca, err = os.ReadFile(o.ca); err != nil {
			return nil, netbox.Status{}, fmt.Errorf("certificates: %w", err)
		}
	}
	client, err := netbox.New(netbox.Options{
		URL: address, Token: token, CA: ca, Insecure: o.insecure, Timeout: o.timeout, Budget: o.budget, Agent: "nightcall/" + version(),
	})
	if err != nil {
		return nil, netbox.Status{}, usageError("nightcall netbox doctor --help", "%w", err)
	}
	status, err := client.Status(ctx)
	return client, status, netboxHint(err)
}

// netboxToken reads the token. A file that others can read holds no secret.
func (a *app) netboxToken(file string) (string, error) {
	if file == "" {
		file = a.getenv("NIGHTCALL_NETBOX_TOKEN_FILE")
	}
	switch file {
	case "":
		return "", usageError("put the token into a file of your own and name it with --token-file", "the token's file is missing")
	case "-":
		text, err := io.ReadAll(io.LimitReader(a.io.In, 1<<12))
		return strings.TrimSpace(string(text)), err
	}
	info, err := os.Stat(file)
	if err != nil {
		return "", fmt.Errorf("the token: %w", err)
	}
	if runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0 {
		return "", withHint(fmt.Errorf("the token's file %s can be read by others", file), "chmod 600 %s", file)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return "", fmt.Errorf("the token: %w", err)
	}
	return strings.TrimSpace(string(text)), nil
}

// netboxHint adds what to type next to what NetBox refused.
func netboxHint(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, netbox.ErrToken):
		return withHint(err, "make a new token in NetBox (user menu, API tokens) and put it into the token's file")
	case errors.Is(err, netbox.ErrDenied):
		return withHint(err, "nightcall netbox doctor lists the permissions that are missing")
	case errors.Is(err, netbox.ErrBudget):
		return withHint(err, "allow more with --budget; what was written so far stays, and applying again goes on from there")
	case errors.Is(err, netbox.ErrUnheard):
		return withHint(err, "the same command again goes on from where it stopped")
	}
	return err
}

// A netboxRecorder keeps in the timeline what is written to one NetBox.
type netboxRecorder struct {
	ctx      context.Context //nolint:containedctx // one command's
	incident *openIncident
	server   string
}

func (r netboxRecorder) Writing(b netbox.Batch) error { return r.keep(timeline.NetBoxWriting, b) }
func (r netboxRecorder) Wrote(b netbox.Batch) error   { return r.keep(timeline.NetBoxWrote, b) }

func (r netboxRecorder) keep(kind timeline.Kind, b netbox.Batch) error {
	objects, err := json.Marshal(b.Objects)
	if err != nil {
		return fmt.Errorf("record of NetBox: %w", err)
	}
	// What was written is kept even when the command was cancelled meanwhile.
	return r.incident.Append(context.WithoutCancel(r.ctx), kind, "", timeline.NetBoxBatch{
		Server: r.server, Batch: b.Number, Op: string(b.Op), Kind: string(b.Kind), Count: len(b.Objects), Objects: objects,
	})
}

// netboxRecord is what this incident has written to a NetBox, oldest first, and the
// batches of which the record does not tell how they ended.
func (i *openIncident) netboxRecord(ctx context.Context, server string) (batches, open []netbox.Batch, err error) {
	entries, err := i.DB.Since(ctx, "")
	if err != nil {
		return nil, nil, err
	}
	for _, e := range entries {
		if e.Kind != timeline.NetBoxWrote && e.Kind != timeline.NetBoxWriting {
			continue
		}
		data, ok := timeline.Decode[timeline.NetBoxBatch](e)
		if !ok || data.Server != server {
			continue
		}
		b := netbox.Batch{Number: data.Batch, Op: netbox.Op(data.Op), Kind: netbox.Kind(data.Kind)}
		if err := json.Unmarshal(data.Objects, &b.Objects); err != nil {
			return nil, nil, fmt.Errorf("record of NetBox %s: %w", e.ID, err)
		}
		if e.Kind == timeline.NetBoxWriting {
			open = append(open, b)
			continue
		}
		batches, open = append(batches, b), without(open, b)
	}
	return batches, open, nil
}

// without takes out the newest open batch of the same number: it has ended.
func without(open []netbox.Batch, ended netbox.Batch) []netbox.Batch {
	for n, b := range slices.Backward(open) {
		if b.Number == ended.Number && b.Op == ended.Op && b.Kind == ended.Kind {
			return slices.Delete(open, n, n+1)
		}
	}
	return open
}

// netboxReason is what NetBox's changelog says about what we write.
func (i *openIncident) netboxReason() string {
	return "nightcall: " + i.Title + " (incident " + i.ID + ")"
}

// A netboxOutcome is what --json prints of a command that writes.
type netboxOutcome struct {
	Server   string `json:"server"`
	Requests int    `json:"requests"`
	netbox.Result
}

// finish tells what came of writing.
func (a *app) netboxFinish(client *netbox.Client, result netbox.Result, err error) error {
	if a.json {
		if printed := printJSON(a.io, netboxOutcome{client.URL(), client.Requests(), result}); printed != nil {
			return printed
		}
	} else {
		for _, f := range result.Failures {
			fmt.Fprintf(a.io.Err, "nightcall: refused: %s %s: %s\n", f.Kind, printable(f.Key), printable(f.Reason))
		}
		a.say("created %d, updated %d, deleted %d, refused %d; %d requests",
			result.Created, result.Updated, result.Deleted, len(result.Failures), client.Requests())
	}
	switch {
	case err != nil:
		return netboxHint(err)
	case len(result.Failures) > 0:
		return exitWith(exitFailed)
	}
	return nil
}
