package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/twinbroker/twinbroker/cmd/twinbroker/config"
)

// configCommand validates and shows configurations.
func configCommand() *cobra.Command {
	cmd := &cobra.Command{Use: "config", Short: "Check and show the configuration"}
	var checkFlags, showFlags configFlags
	check := &cobra.Command{
		Use:   "check",
		Short: "Say everything that is wrong with a configuration, each with its file, line and key",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, problems := checkFlags.load(cmd)
			printProblems(cmd.ErrOrStderr(), problems)
			if problems.Err() != nil {
				return errReported
			}
			for _, n := range cfg.Notices() {
				fmt.Fprintln(cmd.ErrOrStderr(), "note: "+n)
			}
			fmt.Fprintln(cmd.OutOrStdout(), "ok")
			return nil
		},
	}
	checkFlags.add(check)
	show := &cobra.Command{
		Use:   "show",
		Short: "Print the effective configuration, with secrets masked",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, problems := showFlags.load(cmd)
			if problems.Err() != nil {
				printProblems(cmd.ErrOrStderr(), problems)
				return errReported
			}
			return cfg.WriteYAML(cmd.OutOrStdout())
		},
	}
	showFlags.add(show)
	cmd.AddCommand(check, show)
	return cmd
}

// printProblems prints a line for each.
func printProblems(to io.Writer, problems config.Problems) {
	for _, p := range problems {
		fmt.Fprintln(to, p)
	}
}
