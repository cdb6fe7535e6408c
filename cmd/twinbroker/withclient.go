package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

// withClient makes a verb of what is done with a client of a running broker.
type withClient func(run func(ctx context.Context, c *client, out io.Writer, args []string) error) func(*cobra.Command, []string) error

// with connects, runs and says goodbye. output is what --output says.
func (f *clientFlags) with(output *string) withClient {
	return func(run func(ctx context.Context, c *client, out io.Writer, args []string) error) func(*cobra.Command, []string) error {
		return func(cmd *cobra.Command, args []string) error {
			if *output != "text" && *output != "json" {
				return fmt.Errorf("--output %q: text or json", *output)
			}
			ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
			defer stop()
			c, err := f.dial(ctx)
			if err != nil {
				return err
			}
			defer c.close()
			return run(ctx, c, cmd.OutOrStdout(), args)
		}
	}
}
