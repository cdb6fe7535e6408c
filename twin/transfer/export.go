package transfer

import (
	"bufio"
	"context"
	"io"
)

// Source is where lines come from: a [twin.Service].
type Source interface {
	EachEntity(ctx context.Context, fn func(policy bool, line []byte) error) error
}

// Exported counts what was exported.
type Exported struct {
	Policies, Things int64
	Bytes            int64 // with the ends of the lines
}

// progressEvery is how many lines make it worth to tell how far it has come.
const progressEvery = 1000

// Export writes every Policy and then every Thing, a line each, sorted by ID.
// progress, unless nil, is called every so many lines. What the last write did
// is reported when it returns; whether it is on disk is for whoever gave w.
func Export(ctx context.Context, from Source, w io.Writer, progress func(Exported)) (Exported, error) {
	out := bufio.NewWriterSize(w, 256<<10)
	var n Exported
	err := from.EachEntity(ctx, func(policy bool, line []byte) error {
		if _, err := out.Write(line); err != nil {
			return err
		}
		if err := out.WriteByte('\n'); err != nil {
			return err
		}
		if policy {
			n.Policies++
		} else {
			n.Things++
		}
		n.Bytes += int64(len(line)) + 1
		if progress != nil && (n.Policies+n.Things)%progressEvery == 0 {
			progress(n)
		}
		return nil
	})
	if err == nil {
		err = out.Flush()
	}
	return n, err
}
