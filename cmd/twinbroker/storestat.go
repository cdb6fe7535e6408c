package main

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/twinbroker/twinbroker/twin"
	"github.com/twinbroker/twinbroker/twin/store"
)

func storeStatCommand(flags *storeFlags) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "stat",
		Short: "Say what takes the space in a data folder or a backup",
		Long: `Say what takes the space in a data folder that no broker is using, or in a
backup: the files, what is in the journal and in state.db, how far history
reaches back, and which Things and Policies are largest or changed most.`,
		Args: cobra.NoArgs,
	}
	output := outputFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		asJSON, err := output()
		if err != nil {
			return err
		}
		cfg, err := flags.load()
		if err != nil {
			return err
		}
		w := newStoreWatch(cmd, asJSON)
		defer w.meter.clear()
		is, err := store.Inspect(cfg.DataDir, twin.Kinds(), w.watch())
		if err != nil {
			return err
		}
		return w.result(is, statText(&is))
	}
	return cmd
}

// statText is the report for people.
func statText(is *store.Stat) string {
	var text strings.Builder
	t := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	row := func(cells ...any) {
		for i, c := range cells {
			if i > 0 {
				fmt.Fprint(t, "\t")
			}
			fmt.Fprint(t, c)
		}
		fmt.Fprintln(t)
	}
	row("FILE", "RECORDS", "FROM", "TO", "SIZE", "ON DISK")
	for _, s := range is.Segments {
		row(filepath.Base(s.File), s.Records, day(s.From), day(s.To), amount(s.Bytes), amount(s.Disk))
	}
	row("state.db", "", "", "", amount(is.State.Bytes), amount(is.State.Disk))
	row()
	j, p := &is.Journal, &is.Journal.Parts
	row("JOURNAL", amount(j.Bytes), "history from", day(j.From), "to", day(j.To))
	for _, part := range []struct {
		name  string
		bytes int64
	}{{"changes", p.Changes}, {"full states", p.States}, {"headers", p.Headers}, {"IDs", p.Names}, {"rest of the records", p.Records}, {"pages", p.Pages}, {"not used", p.Unused}} {
		row("  "+part.name, amount(part.bytes))
	}
	for _, op := range slices.Sorted(maps.Keys(j.Operations)) {
		row("  records: "+op, j.Operations[op])
	}
	s := &is.State
	row()
	row("STATE.DB", amount(s.Bytes))
	row("  Things and Policies", amount(s.Entries-s.Tombstones), s.Entities)
	row("  deleted ones", amount(s.Tombstones), s.Deleted)
	row("  clients with receipts", "", s.Clients)
	row("  pages", amount(s.Pages))
	row("  free", amount(s.Free))
	row()
	row("LARGEST", "", "BYTES")
	for _, e := range is.Largest {
		row(e.ID, e.Kind, e.Bytes)
	}
	row()
	row("CHANGED MOST", "", "RECORDS", "BYTES")
	for _, e := range is.Busiest {
		row(e.ID, e.Kind, e.Records, e.Bytes)
	}
	t.Flush()
	return strings.TrimRight(text.String(), "\n")
}
