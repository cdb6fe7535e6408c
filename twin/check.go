package twin

import (
	"github.com/twinbroker/twinbroker/twin/jsondoc"
	"github.com/twinbroker/twinbroker/twin/protocol"
)

// Check says what a Service would refuse in a command that creates, modifies,
// merges or deletes, whatever there is: all that can be known without the
// Thing. Depth is the levels of objects and arrays in a Thing,
// jsondoc.DefaultDepth.
func Check(cmd *Command) *protocol.Error {
	w := &writing{s: &Service{depth: jsondoc.DefaultDepth}, cmd: cmd}
	return w.prepare()
}
