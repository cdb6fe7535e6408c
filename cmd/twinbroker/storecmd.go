package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/twinbroker/twinbroker/cmd/twinbroker/config"
)

// storeCommand looks after the data. Each of its verbs has a file of its own,
// store<verb>.go.
func storeCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "store",
		Short: "Look after the data: verify, back up, restore, export, import",
	}
	flags := &storeFlags{}
	flags.add(cmd)
	cmd.AddCommand(storeBackupCommand(flags), storeRestoreCommand(flags), storeExportCommand(flags), storeImportCommand(flags))
	cmd.AddCommand(storeVerifyCommand(flags), storeStatCommand(flags), storeCompactCommand(flags))
	return cmd
}

// storeFlags say which data a verb of storeCommand looks after: those of a
// configuration, as serve would find them, or those of a folder.
type storeFlags struct {
	file, dataDir string
}

func (f *storeFlags) add(cmd *cobra.Command) {
	p := cmd.PersistentFlags()
	p.StringVarP(&f.file, "config", "c", "", "configuration file (YAML) that names the data folder")
	p.StringVar(&f.dataDir, "data-dir", "", "folder of the data, whatever the configuration says")
}

// load reads the configuration that the data belong to.
func (f *storeFlags) load() (*config.Config, error) {
	var given config.Flags
	if f.dataDir != "" {
		given.DataDir = &f.dataDir
	}
	cfg, problems := config.Load(f.file, given)
	if err := problems.Err(); err != nil {
		return nil, fmt.Errorf("the configuration cannot be used: %w", err)
	}
	return cfg, nil
}
