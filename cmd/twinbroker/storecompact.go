package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/twinbroker/twinbroker/twin"
	"github.com/twinbroker/twinbroker/twin/store"
)

func storeCompactCommand(flags *storeFlags) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "compact",
		Short: "Give back the space that the files of a data folder do not need",
		Long: `Write state.db of a data folder that no broker is using anew, without its
holes, and cut off what files of the journal do not use. That needs room for
another state.db while it runs. Whenever it is stopped, the folder can be used.
A broker uses free space again by itself, so this is worth it only after much
was deleted, or before a folder is put away.`,
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
		is, err := store.Compact(cfg.DataDir, twin.Kinds(), w.watch())
		if err != nil {
			return err
		}
		return w.result(is,
			fmt.Sprintf("state.db: %s before, %s now", amount(is.StateBefore), amount(is.StateAfter)),
			fmt.Sprintf("journal: %s before, %s now", amount(is.JournalBefore), amount(is.JournalAfter)))
	}
	return cmd
}

// amount is a number of bytes for people.
func amount(n int64) string {
	switch {
	case n >= 10<<30:
		return fmt.Sprintf("%d GiB", n>>30)
	case n >= 10<<20:
		return fmt.Sprintf("%d MiB", n>>20)
	case n >= 10<<10:
		return fmt.Sprintf("%d KiB", n>>10)
	}
	return fmt.Sprintf("%d bytes", n)
}
