package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/twinbroker/twinbroker/broker"
	"github.com/twinbroker/twinbroker/broker/control"
	"github.com/twinbroker/twinbroker/cmd/twinbroker/config"
	"github.com/twinbroker/twinbroker/twin"
	"github.com/twinbroker/twinbroker/twin/transfer"
)

// serveControl answers the program's own verbs, until the function that it
// gives is called. A broker does its work without them, too.
func serveControl(cfg *config.Config, b *broker.Broker, service *twin.Service, web string, log *slog.Logger) (stop func()) {
	started, mqtt, data := time.Now(), b.Addresses(), service.Store()
	server, err := control.Listen(cfg.DataDir, control.Handlers{
		Status: func() control.Status {
			return control.Status{
				Version: stamped(), PID: os.Getpid(), Started: started.UTC(), UptimeSeconds: int64(time.Since(started) / time.Second),
				DataDir: cfg.DataDir, Config: cfg.File, MQTT: mqtt, HTTP: web,
				Store: control.StoreFigures(data.Stats()),
			}
		},
		Backup: data.Backup,
		Export: service,
		Import: func(ctx context.Context, text io.Reader, o transfer.Options) (transfer.Imported, error) {
			return b.Import(ctx, service, data.AwaitSlack, text, o)
		},
	}, log)
	if err != nil {
		log.Warn("the socket for the program's own verbs cannot be made; status, store backup, export and import will not find this broker", "error", err)
		return func() {}
	}
	return sync.OnceFunc(func() {
		if err := server.Close(); err != nil {
			log.Warn("the socket for the program's own verbs cannot be removed", "error", err)
		}
	})
}

func statusCommand() *cobra.Command {
	flags := &storeFlags{}
	var output string
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Say how a running broker is",
		Long: `Say how the broker is that runs on a data folder: that of the configuration,
or of --data-dir. It asks by the socket in that folder, as the broker's user or
as root. The status is 1 if none runs there.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if output != "text" && output != "json" {
				return fmt.Errorf("--output %q: text or json", output)
			}
			cfg, err := flags.load()
			if err != nil {
				return err
			}
			client, err := control.Dial(cfg.DataDir)
			if errors.Is(err, control.ErrNotRunning) {
				return fmt.Errorf("%w: start it with twinbroker serve, or name its folder with -c or --data-dir", err)
			}
			if err != nil {
				return err
			}
			defer client.Close()
			status, err := client.Status(cmd.Context())
			if err != nil {
				return err
			}
			if output == "json" {
				return json.NewEncoder(cmd.OutOrStdout()).Encode(status)
			}
			return printStatus(cmd.OutOrStdout(), status)
		},
	}
	flags.add(cmd)
	cmd.Flags().StringVarP(&output, "output", "o", "text", "how to print: text for people, json for scripts")
	return cmd
}

func printStatus(out io.Writer, s *control.Status) error {
	d := &s.Store
	perCommit := time.Duration(0)
	if d.Commits > 0 {
		perCommit = time.Duration(d.CommitSeconds / float64(d.Commits) * float64(time.Second))
	}
	free := "not looked at yet"
	if d.FreeBytes > 0 {
		free = size(d.FreeBytes)
	}
	rows := [][]string{
		{"version", s.Version},
		{"process", fmt.Sprint(s.PID)},
		{"started", s.Started.Local().Format(time.RFC3339)},
		{"up for", (time.Duration(s.UptimeSeconds) * time.Second).String()},
		{"configuration", orNone(s.Config)},
		{"data", s.DataDir},
		{"mqtt", strings.Join(s.MQTT, " ")},
		{"http", s.HTTP},
		{"journal", fmt.Sprintf("records %d to %d, %d files, %s", d.FirstSequence, d.LastSequence, d.Segments, size(d.JournalBytes))},
		{"snapshot", fmt.Sprintf("up to record %d, %s; %s of journal behind", d.SnapshotSequence, size(d.StateBytes), size(d.SnapshotLagBytes))},
		{"free space", free},
		{"in memory", fmt.Sprintf("%d Things and Policies, %s", d.MemoryEntities, size(d.MemoryBytes))},
		{"waiting", fmt.Sprintf("%d records, %s", d.QueueRecords, size(d.QueueBytes))},
		{"written", fmt.Sprintf("%d records, %s, in %d commits of %v", d.Records, size(int64(d.Bytes)), d.Commits, perCommit.Round(10*time.Microsecond))},
		{"refused", fmt.Sprintf("%d changes; the disk was full or stuck %d times", d.Refused, d.Retries)},
	}
	return table(out, rows)
}

func orNone(text string) string {
	if text == "" {
		return "none"
	}
	return text
}

// size is a number of bytes for people.
func size(n int64) string {
	f := float64(n)
	for _, unit := range []string{"bytes", "KiB", "MiB", "GiB"} {
		if f < 1024 {
			if unit == "bytes" {
				return fmt.Sprintf("%d bytes", n)
			}
			return fmt.Sprintf("%.1f %s", f, unit)
		}
		f /= 1024
	}
	return fmt.Sprintf("%.1f TiB", f)
}
