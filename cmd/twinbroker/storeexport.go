package main

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/twinbroker/twinbroker/twin"
	"github.com/twinbroker/twinbroker/twin/transfer"
)

func storeExportCommand(flags *storeFlags) *cobra.Command {
	var file string
	cmd := &cobra.Command{
		Use:   "export",
		Short: "Write all Policies and Things, as JSON, one a line",
		Long: `Write all Policies and then all Things as JSON lines, each sorted by ID. A line
is the Policy or the Thing as Ditto shows it, with _revision, _modified and
_created at its end; store import reads it.

The broker may run and take changes meanwhile: each line is then what was on
disk when its turn came. If none runs, the stopped folder is exported, and all
lines are of one moment. What is damaged is named and left out, and the status
is 1 then. A file gets its name when all of it is on disk, in place of one that
had it; a name that ends in .gz has it compressed.`,
		Example: `  twinbroker store export -c twinbroker.yaml -f things.jsonl.gz
  twinbroker store export --data-dir data | grep '"org.acme:lamp-1"'`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			cfg, err := flags.load()
			if err != nil {
				return err
			}
			from, done, err := openTwin(cfg, false, cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			defer done(&err)
			ctx, stop := interrupted(cmd.Context())
			defer stop()
			return export(ctx, from, file, cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	cmd.Flags().StringVarP(&file, "file", "f", "-", "file to write; - for standard output")
	return cmd
}

// export writes to the file, or to out, and says on progress how far it is.
func export(ctx context.Context, from transfer.Source, file string, out, progress io.Writer) error {
	m := newMeter(progress)
	var n transfer.Exported
	write := func(w io.Writer) (err error) {
		if strings.HasSuffix(file, ".gz") {
			z, _ := gzip.NewWriterLevel(w, gzip.BestSpeed) // a level that there is
			defer func() { err = errors.Join(err, z.Close()) }()
			w = z
		}
		n, err = transfer.Export(ctx, from, w, transfer.ExportOptions{
			Damaged: func(line *twin.Line) {
				m.clear()
				fmt.Fprintln(progress, "left out: "+transfer.Left(line))
			},
			Progress: func(n transfer.Exported) {
				m.show(func() string {
					return fmt.Sprintf("exported %d Policies, %d Things (%d/s)", n.Policies, n.Things, m.rate(n.Policies+n.Things))
				})
			},
		})
		return err
	}
	var err error
	if file == "-" {
		err = write(out)
	} else {
		err = writeWhole(file, write)
	}
	m.clear()
	if errors.Is(err, context.Canceled) {
		if file == "-" {
			return errors.New("the export was interrupted: what was written is not all")
		}
		return fmt.Errorf("the export was interrupted: %s was not written", file)
	}
	if err != nil {
		return fmt.Errorf("export: %w", err)
	}
	fmt.Fprintf(progress, "exported %d Policies and %d Things, %d bytes, in %v\n", n.Policies, n.Things, n.Bytes, m.took())
	if n.Damaged > 0 {
		return fmt.Errorf("%d Things or Policies are damaged; they are named above, all others are exported. \"store verify\" says what is wrong in the folder, and with --repair saves what can be saved", n.Damaged)
	}
	return nil
}

// writeWhole has a file written under a temporary name, and gives it its own
// when all of it is on disk. What is no ordinary file, such as a pipe, is
// written to as it is.
func writeWhole(path string, write func(io.Writer) error) (err error) {
	if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() {
		f, err := os.OpenFile(path, os.O_WRONLY, 0)
		if err != nil {
			return err
		}
		return errors.Join(write(f), f.Close())
	}
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*.tmp")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			f.Close()
			os.Remove(f.Name())
		}
	}()
	if err := write(f); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
