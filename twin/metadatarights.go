package twin

import (
	"github.com/twinbroker/twinbroker/twin/jsondoc"
	"github.com/twinbroker/twinbroker/twin/policy"
	"github.com/twinbroker/twinbroker/twin/protocol"
)

// mayDescribe refuses a change of metadata at places, relative to the command's
// path, which the sender may not WRITE. Of what is not merged it may WRITE all
// at and below the path, or would not have come so far; a merge needs WRITE for
// the leaves of its patch, and metadata can be anywhere. Where the path is,
// metadata of all below it change.
func (w *writing) mayDescribe(places ...jsondoc.Pointer) *protocol.Error {
	if !w.change.op.merges() {
		return nil
	}
	path := w.change.path[:len(w.change.path):len(w.change.path)]
	for _, p := range places {
		if !w.rights.whole(policy.Write, append(path, p...)) {
			return w.notModifiable()
		}
	}
	return nil
}
