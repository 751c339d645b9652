package cli

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/nightcall-sh/nightcall/internal/netbox"
)

func newNetBoxInitCmd(a *app) *cobra.Command {
	var opts netboxOptions
	cmd := &cobra.Command{
		Use: "init", Short: "Make the tag and the custom fields in NetBox",
		Long: `Make what must be there before anything else of ours: the tag nightcall and the custom
fields nightcall_*. What is there already stays as it is. An administrator can do this
once, so that the token of apply needs no right to it.` + netboxHelp + `

EXIT STATUS
  0  they are there
  1  NetBox refused some of them, or could not be reached
  2  usage`,
		Example: `  nightcall netbox init --url https://netbox.example.com --token-file admin-token`,
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return runNetBoxInit(cmd.Context(), a, opts) },
	}
	opts.flags(cmd)
	cmd.Flags().BoolVar(&opts.dryRun, "dry-run", false, "say what would be made, and make nothing")
	return cmd
}

func runNetBoxInit(ctx context.Context, a *app, opts netboxOptions) error {
	i, err := a.openCurrent(ctx)
	if err != nil {
		return err
	}
	defer i.Close()
	client, _, err := a.connect(ctx, opts)
	if err != nil {
		return err
	}
	wanted := netbox.Preparation()
	there, err := client.Read(ctx, wanted)
	if err != nil {
		return netboxHint(err)
	}
	plan := netbox.Compare(wanted, there, nil)
	if opts.dryRun {
		return a.printNetBoxPlan(client, plan, true)
	}
	return i.applyNetBox(ctx, client, plan)
}

func newNetBoxDoctorCmd(a *app) *cobra.Command {
	var opts netboxOptions
	cmd := &cobra.Command{
		Use: "doctor", Short: "Say whether NetBox can be used, and which rights are missing",
		Long: `Ask NetBox for its version and what the token may do, and list the permissions that
applying a plan would lack. Nothing is written.` + netboxHelp + `

EXIT STATUS
  0  all is well
  1  something is missing
  2  usage`,
		Example: `  nightcall netbox doctor --url https://netbox.example.com --token-file token`,
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return runNetBoxDoctor(cmd.Context(), a, opts) },
	}
	opts.flags(cmd)
	return cmd
}

// A netboxHealth is what doctor --json prints.
type netboxHealth struct {
	Server  string         `json:"server"`
	Version string         `json:"version"`
	Missing []netbox.Right `json:"missing"`
}

func runNetBoxDoctor(ctx context.Context, a *app, opts netboxOptions) error {
	client, status, err := a.connect(ctx, opts)
	if err != nil {
		return err
	}
	missing, err := client.Missing(ctx, netbox.Rights())
	if err != nil {
		return netboxHint(err)
	}
	if a.json {
		err = printJSON(a.io, netboxHealth{client.URL(), status.Version, append([]netbox.Right{}, missing...)})
	} else {
		err = printHealth(a, client.URL(), status, missing)
	}
	if err == nil && len(missing) > 0 {
		return exitWith(exitFailed)
	}
	return err
}

func printHealth(a *app, server string, status netbox.Status, missing []netbox.Right) error {
	if _, err := fmt.Fprintf(a.io.Out, "NetBox %s at %s\n", printable(status.Version), server); err != nil {
		return err
	}
	if len(missing) == 0 {
		_, err := fmt.Fprintln(a.io.Out, "the token may do everything that apply does")
		return err
	}
	for _, right := range missing {
		if _, err := fmt.Fprintf(a.io.Out, "missing  %s\n", right); err != nil {
			return err
		}
	}
	return nil
}
