package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/twinbroker/twinbroker/twin"
	"github.com/twinbroker/twinbroker/twin/store"
)

func storeRestoreCommand(flags *storeFlags) *cobra.Command {
	var o store.RestoreOptions
	var to, until string
	cmd := &cobra.Command{
		Use:   "restore BACKUP",
		Short: "Make a data folder of a backup, as it is or as it was at an earlier moment",
		Long: `Make a data folder of the backup in the folder BACKUP: that of the configuration,
or of --data-dir, or of --to. It must be empty, or not there yet. Every file is
verified before it counts.

With --until or --until-sequence, the folder holds what was there at that moment,
with the history up to it. The backup's journal must reach back so far. A Thing
that was changed last before the journal begins, and then again after the moment,
cannot be restored; each is named on standard output, and nothing is restored
unless --partial is given. Then they are left out.`,
		Example: `  twinbroker store restore /mnt/backup/twinbroker --to /var/lib/twinbroker
  twinbroker store restore /mnt/backup/twinbroker --to was --until 2026-03-01T14:30:00Z
  twinbroker store restore /mnt/backup/twinbroker --to was --until '2026-03-01 14:30'`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if to == "" {
				cfg, err := flags.load()
				if err != nil {
					return err
				}
				to = cfg.DataDir
			}
			if until != "" {
				var err error
				if o.Until, err = moment(until); err != nil {
					return err
				}
			}
			if cmd.Flags().Changed("until-sequence") && o.UntilSequence == 0 {
				return errors.New("--until-sequence 0: records are numbered from 1")
			}
			ctx, stop := interrupted(cmd.Context())
			defer stop()
			m := newMeter(cmd.ErrOrStderr())
			o.Progress = func(p store.Progress) { m.show(func() string { return soFar(p) }) }
			report, err := store.Restore(ctx, args[0], to, twin.Kinds(), o)
			m.clear()
			for _, l := range report.Lost {
				fmt.Fprintf(cmd.OutOrStdout(), "cannot be restored: %s %s\n", l.Kind, l.ID)
			}
			if errors.Is(err, store.ErrLost) {
				err = fmt.Errorf("%w: choose another moment or a backup with more history, or leave them out with --partial", err)
			}
			if err != nil {
				return err
			}
			of := ""
			if !report.Time.IsZero() {
				of = " of " + report.Time.UTC().Format(time.RFC3339Nano)
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "restored everything up to record %d%s to %s: %d Things and Policies, %d left out; verified, in %v\n",
				report.Sequence, of, to, report.Entities, len(report.Lost), m.took())
			return err
		},
	}
	f := cmd.Flags()
	f.StringVar(&to, "to", "", "folder to restore to (default: the data folder)")
	f.StringVar(&until, "until", "", "restore what was there at this time: RFC 3339, or '2006-01-02 15:04:05' local time")
	f.Uint64Var(&o.UntilSequence, "until-sequence", 0, "restore what was there after the record with this number")
	f.BoolVar(&o.Partial, "partial", false, "leave out what cannot be restored as it was")
	return cmd
}

// moment reads a time as people write it.
func moment(text string) (time.Time, error) {
	if t, err := time.Parse(time.RFC3339Nano, text); err == nil {
		return t, nil
	}
	for _, layout := range []string{"2006-01-02 15:04:05.999999999", "2006-01-02 15:04"} {
		if t, err := time.ParseInLocation(layout, text, time.Local); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("--until %q: a time like 2026-03-01T14:30:00Z, or '2026-03-01 14:30:00' for local time", text)
}
