package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/twinbroker/twinbroker/twin"
	"github.com/twinbroker/twinbroker/twin/store"
)

func storeVerifyCommand(flags *storeFlags) *cobra.Command {
	var repair bool
	var into string
	cmd := &cobra.Command{
		Use:   "verify",
		Short: "Check everything in a data folder or a backup, and save what is left of a damaged one",
		Long: `Check everything in a data folder that no broker is using, or in a backup:
pages, checksums, that no record is missing, revisions, times, and state.db
against a replay of the journal. Nothing is changed. Each line names a file, a
place in it, what is wrong there, and what follows from that. The status is 0
only if nothing is wrong.

With --repair --into DIR, what is left of a damaged folder is put together in a
new folder, and what could not be saved is named. The damaged folder stays as it
is. Stop the broker, repair into a new folder, let it take the place of the old
one, and keep the old one until nobody misses anything.`,
		Args: cobra.NoArgs,
	}
	cmd.Flags().BoolVar(&repair, "repair", false, "save what can be saved, into a new folder, and say what cannot")
	cmd.Flags().StringVar(&into, "into", "", "the new folder of --repair: not there yet, or empty")
	output := outputFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		asJSON, err := output()
		if err != nil {
			return err
		}
		if repair != (into != "") {
			return errors.New("--repair and --into DIR belong together: the damaged folder stays as it is, and DIR gets what can be saved")
		}
		cfg, err := flags.load()
		if err != nil {
			return err
		}
		w := newStoreWatch(cmd, asJSON)
		defer w.meter.clear()
		if repair {
			return repairStore(cfg.DataDir, into, w)
		}
		return verifyStore(cfg.DataDir, w)
	}
	return cmd
}

func verifyStore(dir string, w *storeWatch) error {
	is, err := store.Verify(dir, twin.Kinds(), w.watch())
	if err != nil {
		return err
	}
	err = w.result(struct {
		store.Verified
		Found []store.Finding `json:"found"`
		Notes []store.Finding `json:"notes"`
	}{is, w.found, w.noted}, verifiedText(&is)...)
	if err == nil && is.Findings > 0 {
		w.meter.clear()
		err = fmt.Errorf("%d things are wrong in %s: restore a backup, or save what there is by --repair --into DIR", is.Findings, dir)
	}
	return err
}

func verifiedText(is *store.Verified) []string {
	lines := []string{
		fmt.Sprintf("journal: %d records (%d to %d) in %d files, from %s to %s", is.Records, is.First, is.Last, is.Segments, day(is.From), day(is.To)),
		fmt.Sprintf("state.db: %d Things and Policies, %d deleted ones, receipts of %d clients, up to record %d", is.Entities, is.Deleted, is.Receipts, is.Covered),
		fmt.Sprintf("compared: %d of these with the journal; %d were last changed before it begins, of %d it does not hold enough", is.Compared, is.Beyond, is.Unknown),
	}
	if is.Findings == 0 {
		lines = append(lines, "nothing is wrong")
	}
	return lines
}

func day(t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	return t.Format(time.RFC3339)
}

func repairStore(dir, into string, w *storeWatch) error {
	watch := w.watch()
	saved, err := store.Repair(dir, into, twin.Kinds(), time.Now, watch)
	if err != nil {
		return err
	}
	watch.Found = func(f store.Finding) { w.line("the new folder is not in order: " + f.String()) }
	is, err := store.Verify(into, twin.Kinds(), watch)
	if err != nil {
		return err
	}
	lines := []string{fmt.Sprintf("%s: %d records; %d files of the journal are whole, %d were put together anew", into, saved.Records, saved.Copied, saved.Rebuilt)}
	for _, path := range saved.Ignored {
		lines = append(lines, "left out: "+path+" is no part of the data")
	}
	for _, s := range saved.Lost {
		lines = append(lines, fmt.Sprintf("lost: records %d to %d of the journal, and what they changed if nothing else says it", s.First, s.Last))
	}
	for _, part := range saved.Unnamed {
		lines = append(lines, "lost: "+part+"; which Things and Policies were there, beside those that are found elsewhere, is not known")
	}
	for _, l := range saved.Losses {
		lines = append(lines, "not saved: "+l.String())
	}
	if saved.Clean() {
		lines = append(lines, "everything was saved")
	}
	err = w.result(struct {
		store.Repaired
		Into     string          `json:"into"`
		Found    []store.Finding `json:"found"`
		Verified store.Verified  `json:"verified"`
	}{saved, into, w.found, is}, lines...)
	switch {
	case err != nil:
		return err
	case is.Findings > 0:
		return fmt.Errorf("%d things are wrong in the new folder %s: do not use it", is.Findings, into)
	case !saved.Clean():
		return fmt.Errorf("not everything could be saved; %s holds what was, and is in good order", into)
	}
	return nil
}
