// Command twinbroker is an MQTT broker that is a digital twin. Each verb of the
// program has a file of its own here; the work is done by the packages beside
// cmd.
package main

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// version is stamped in by the Makefile.
var version = "dev"

// The main thread does nothing but wait. The kernel gives a signal to that
// thread first, also when it hangs in a sync that the disk does not answer, and
// then nobody gets the signal, nor those that follow.
func init() { runtime.LockOSThread() }

func main() {
	status := make(chan int)
	go func() { status <- run() }()
	os.Exit(<-status)
}

// run does what the command line says, and gives the status to end with.
func run() int {
	root := &cobra.Command{
		Use:           "twinbroker",
		Short:         "An MQTT broker that is a digital twin",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.AddCommand(serveCommand(), configCommand(), mapCommand(), thingsCommand(), policiesCommand(), storeCommand(), statusCommand(), passwdCommand(), versionCommand())
	root.SetFlagErrorFunc(adviseFlag)
	if err := root.Execute(); err != nil {
		if !errors.Is(err, errReported) {
			fmt.Fprintln(os.Stderr, "twinbroker: "+err.Error())
		}
		return 1
	}
	return 0
}

// errReported ends the program with status 1 without a further word.
var errReported = errors.New("already reported")

func versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  cobra.NoArgs,
		Run: func(cmd *cobra.Command, _ []string) {
			fmt.Fprintf(cmd.OutOrStdout(), "twinbroker %s (%s, %s/%s)\n", stamped(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
		},
	}
}

// stamped is the version, or for a build that the Makefile did not make, the
// commit that Go noted.
func stamped() string {
	if version != "dev" {
		return version
	}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" && len(s.Value) >= 12 {
				return "dev-" + s.Value[:12]
			}
		}
	}
	return version
}
