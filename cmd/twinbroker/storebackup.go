package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/twinbroker/twinbroker/broker/control"
	"github.com/twinbroker/twinbroker/cmd/twinbroker/config"
	"github.com/twinbroker/twinbroker/twin"
	"github.com/twinbroker/twinbroker/twin/store"
)

func storeBackupCommand(flags *storeFlags) *cobra.Command {
	var o store.BackupOptions
	cmd := &cobra.Command{
		Use:   "backup FOLDER",
		Short: "Bring a backup up to date, also of a running broker",
		Long: `Bring the backup in FOLDER up to date, or begin one. It holds everything that
was acknowledged before. The broker may run and take changes meanwhile; if none
runs, the stopped folder is backed up. Only what the backup does not have is
copied. If it is broken off, the backup is what it was before.

Journal that the broker has deleted stays in the backup, so that earlier moments
can be restored of it, unless --prune is given.`,
		Example: `  twinbroker store backup /mnt/backup/twinbroker
  twinbroker store backup -c /etc/twinbroker.yaml /mnt/backup/twinbroker`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			cfg, err := flags.load()
			if err != nil {
				return err
			}
			if err := apart(cfg.DataDir, args[0]); err != nil {
				return err
			}
			ctx, stop := interrupted(cmd.Context())
			defer stop()
			source, done, err := backupSource(ctx, cfg, cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			m := newMeter(cmd.ErrOrStderr())
			o.Progress = func(p store.Progress) { m.show(func() string { return soFar(p) }) }
			report, err := store.TakeBackup(ctx, args[0], source, o)
			m.clear()
			if err = errors.Join(err, done()); err != nil {
				return err
			}
			snapshot := ""
			if report.Snapshot {
				snapshot = "a snapshot and "
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "backup up to record %d in %s: %d journal files, %s in all; copied %s%d journal files, %d bytes, in %v; removed %d\n",
				report.Sequence, args[0], len(report.Segments), size(report.Manifest.Bytes()), snapshot, report.Copied, report.Bytes, m.took(), report.Removed)
			return err
		},
	}
	cmd.Flags().BoolVar(&o.Prune, "prune", false, "remove journal files that the broker has deleted from the backup, too")
	return cmd
}

// soFar is how far something is, for people.
func soFar(p store.Progress) string {
	return fmt.Sprintf("%s: %s of about %s", p.Step, size(p.Done), size(p.Total))
}

// apart makes sure that a backup does not get into the data.
func apart(data, backup string) error {
	in, err := filepath.Abs(data)
	if err != nil {
		return err
	}
	to, err := filepath.Abs(backup)
	if err != nil {
		return err
	}
	if r, err := filepath.Rel(in, to); err == nil && filepath.IsLocal(r) {
		return fmt.Errorf("%s is in the data folder %s: choose a folder elsewhere, best on another disk", backup, data)
	}
	return nil
}

// backupSource gives the stream of the broker that runs, or else opens the
// stopped folder. done lets go of it.
func backupSource(ctx context.Context, cfg *config.Config, logs io.Writer) (source func(store.Manifest) (io.ReadCloser, error), done func() error, err error) {
	client, err := control.Dial(cfg.DataDir)
	if err == nil {
		return func(have store.Manifest) (io.ReadCloser, error) { return client.Backup(ctx, have) },
			func() error { client.Close(); return nil }, nil
	}
	if !errors.Is(err, control.ErrNotRunning) {
		return nil, nil, err
	}
	if err := dataThere(cfg.DataDir); err != nil {
		return nil, nil, err
	}
	fmt.Fprintf(logs, "%v; backing up the stopped folder\n", err)
	data, err := store.Open(cfg.DataDir, twin.Kinds(), store.Options{Memory: cfg.Store.Memory, Retention: -1})
	if errors.Is(err, store.ErrLocked) {
		return nil, nil, fmt.Errorf("%w. It does not answer at %s, so it is no twinbroker that can be backed up while it runs; its log may say why", err, filepath.Join(cfg.DataDir, control.SocketName))
	}
	if err != nil {
		return nil, nil, err
	}
	var over chan struct{}
	source = func(have store.Manifest) (io.ReadCloser, error) {
		r, w := io.Pipe()
		over = make(chan struct{})
		go func() {
			defer close(over)
			w.CloseWithError(data.Backup(ctx, w, have))
		}()
		return r, nil
	}
	return source, func() error {
		if over != nil {
			<-over
		}
		return data.Close()
	}, nil
}
