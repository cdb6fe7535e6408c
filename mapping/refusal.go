package mapping

import "github.com/twinbroker/twinbroker/twin/protocol"

// Refused is the twin's refusal of a change, for those who know the mappings
// and not the change: it names the rule, and for a Thing that is not there it
// says how a rule makes it. Who sent an envelope knows what is changed, so that
// refusal keeps its words.
func (r *Rules) Refused(err *protocol.Error, c *Change) *protocol.Error {
	told := *err
	told.By = r.Name(c.Rule)
	if c.Ditto {
		return &told
	}
	told.Message += " The change is made by " + told.By + "."
	if told.Code == "things:thing.notfound" && c.Create == nil {
		told.Description = "Make the Thing first, or let the mapping make it, with create: {}."
	}
	return &told
}
