package transfer

import (
	"bufio"
	"context"
	"fmt"
	"io"

	"github.com/twinbroker/twinbroker/twin"
)

// Source is where lines come from: a [twin.Service], or a running broker.
type Source interface {
	EachEntity(ctx context.Context, fn func(*twin.Line) error) error
}

// Exported counts what was exported.
type Exported struct {
	Policies, Things int64
	Damaged          int64 // named, and left out
	Bytes            int64 // with the ends of the lines
}

// Left says what an export leaves out, and why: a line is damaged.
func Left(line *twin.Line) string {
	kind := "Thing"
	if line.Policy {
		kind = "Policy"
	}
	if line.ID == "" {
		return fmt.Sprintf("what follows of kind %s cannot be found: %v", kind, line.Damage)
	}
	return fmt.Sprintf("%s %s: %v", kind, line.ID, line.Damage)
}

// progressEvery is how many lines make it worth to tell how far it has come.
const progressEvery = 1000

// ExportOptions say how to export. The zero value will do.
type ExportOptions struct {
	// Damaged, unless nil, is told of every line that cannot be written because
	// what is stored is damaged, and Progress of how far it is every so many
	// lines.
	Damaged  func(*twin.Line)
	Progress func(Exported)
}

// Export writes every Policy and then every Thing, a line each, sorted by ID.
// What is damaged is left out and counted. What the last write did is reported
// when it returns; whether it is on disk is for whoever gave w.
func Export(ctx context.Context, from Source, w io.Writer, o ExportOptions) (Exported, error) {
	out := bufio.NewWriterSize(w, 256<<10)
	var n Exported
	err := from.EachEntity(ctx, func(line *twin.Line) error {
		switch {
		case line.Damage != nil:
			n.Damaged++
			if o.Damaged != nil {
				o.Damaged(line)
			}
			return nil
		case line.Policy:
			n.Policies++
		default:
			n.Things++
		}
		if _, err := out.Write(line.Text); err != nil {
			return err
		}
		if err := out.WriteByte('\n'); err != nil {
			return err
		}
		n.Bytes += int64(len(line.Text)) + 1
		if o.Progress != nil && (n.Policies+n.Things)%progressEvery == 0 {
			o.Progress(n)
		}
		return nil
	})
	if err == nil {
		err = out.Flush()
	}
	return n, err
}
