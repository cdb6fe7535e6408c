package twin

import (
	"github.com/twinbroker/twinbroker/twin/jsondoc"
	"github.com/twinbroker/twinbroker/twin/protocol"
)

// checkPatterns finds out whether a merge removes by patterns, which is
// another change. The last name of the path may be one too: a merge at a path
// is one of the patch that the path leads into.
func (w *writing) checkPatterns() *protocol.Error {
	path, value := w.change.path, w.change.value
	if value.IsNull() && len(path) > 1 && jsondoc.IsPattern(path[len(path)-1], value) {
		w.change.op = opPrune
		return checkPattern(path[len(path)-1])
	}
	if value.HasPatterns() {
		w.change.op = opPrune
	}
	return nil
}

// merges says whether the op is that of a merge.
func (o op) merges() bool { return o == opMerge || o == opPrune }
