package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/twinbroker/twinbroker/twin"
	"github.com/twinbroker/twinbroker/twin/transfer"
)

// conflicts are the values of --on-conflict.
var conflicts = map[string]twin.OnConflict{"fail": twin.Refuse, "skip": twin.Skip, "replace": twin.Replace}

func storeImportCommand(flags *storeFlags) *cobra.Command {
	var file, conflict, subject string
	var from int64
	cmd := &cobra.Command{
		Use:   "import",
		Short: "Take in Policies and Things, as JSON, one a line",
		Long: `Take in JSON lines, each a Thing or a Policy: those that store export writes, or
others. They are checked as if a client sent them. A line that is bad is named,
and the rest goes on; the status is 1 then.

What was not there begins with the _revision, _modified and _created of its
line, if it has them. What is there already, and the very same, stays as it is;
what to do if it differs, --on-conflict says:
  fail     it stays, and the line is named as a bad one (the default)
  skip     it stays
  replace  the line takes its place, and its revision goes up by one

The broker may run: clients get the events, and are not held up. If none runs,
the lines go into the stopped folder, which is made when it is not there; that
is faster. What is told as stored is on disk. An import that was interrupted
says from which line to go on: --from-line.`,
		Example: `  twinbroker store import --data-dir data -f things.jsonl.gz
  twinbroker store import -c twinbroker.yaml --on-conflict replace < things.jsonl`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			how, ok := conflicts[conflict]
			if !ok {
				return fmt.Errorf("--on-conflict is %q, and may be fail, skip or replace", conflict)
			}
			if from < 0 {
				return fmt.Errorf("--from-line is %d, and the first line is 1", from)
			}
			cfg, err := flags.load()
			if err != nil {
				return err
			}
			text, done, err := openText(file, cmd.InOrStdin())
			if err != nil {
				return err
			}
			defer done()
			to, closeTo, err := openTwin(cfg, true, cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			defer closeTo(&err)
			ctx, stop := interrupted(cmd.Context())
			defer stop()
			return importLines(ctx, to.Import, text, transfer.Options{
				Sender: twin.Sender{Subjects: to.sender(cfg, subject)}, OnConflict: how, FromLine: from,
			}, cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	f := cmd.Flags()
	f.StringVarP(&file, "file", "f", "-", "file to read, perhaps compressed by gzip; - for standard input")
	f.StringVar(&conflict, "on-conflict", "fail", "what to do with a line whose ID is there already, and differs: fail, skip or replace")
	f.Int64Var(&from, "from-line", 1, "pass over the lines before this one")
	f.StringVar(&subject, "subject", "", "in whose name; the own Policy of a Thing that names none is granted to it (default: the first of auth.anonymous, of the broker that runs)")
	return cmd
}

// openText opens the file, or takes in, and decompresses what gzip made.
func openText(file string, in io.Reader) (io.Reader, func(), error) {
	done := func() {}
	if file != "-" {
		f, err := os.Open(file)
		if err != nil {
			return nil, nil, err
		}
		in, done = f, func() { f.Close() }
	}
	b := bufio.NewReaderSize(in, 256<<10)
	if magic, _ := b.Peek(2); !bytes.Equal(magic, []byte{0x1f, 0x8b}) {
		return b, done, nil
	}
	z, err := gzip.NewReader(b)
	if err != nil {
		done()
		return nil, nil, fmt.Errorf("%s begins like a file of gzip, and is none: %w", file, err)
	}
	return z, done, nil
}

// importLines imports, names bad lines and says how far it is on progress, and
// says on out what came of it.
func importLines(ctx context.Context, into importFunc, text io.Reader, o transfer.Options, out, progress io.Writer) error {
	m := newMeter(progress)
	o.Bad = func(b transfer.BadLine) {
		m.clear()
		fmt.Fprintln(progress, b.Error())
	}
	from := max(o.FromLine, 1)
	o.Progress = func(n transfer.Imported) {
		m.show(func() string {
			return fmt.Sprintf("stored up to line %d (%d lines/s)", n.UpTo, m.rate(n.UpTo+1-from))
		})
	}
	n, err := into(ctx, text, o)
	m.clear()
	fmt.Fprintf(out, "imported up to line %d: %d created, %d replaced, %d unchanged, %d skipped, %d bad, in %v\n",
		n.UpTo, n.Created, n.Replaced, n.Unchanged, n.Skipped, n.Bad, m.took())
	goOn := fmt.Sprintf("everything up to line %d is stored; go on with --from-line %d", n.UpTo, n.UpTo+1)
	bad := ""
	if n.Bad > 0 {
		bad = fmt.Sprintf(" (and %d bad lines, named above)", n.Bad)
	}
	switch {
	case errors.Is(err, context.Canceled):
		return fmt.Errorf("the import was interrupted: %s%s", goOn, bad)
	case err != nil:
		return fmt.Errorf("the import ended early: %w; %s%s", err, goOn, bad)
	case n.Bad > 0:
		return fmt.Errorf("%d lines were not taken in; they are named above, all others are stored", n.Bad)
	}
	return nil
}
