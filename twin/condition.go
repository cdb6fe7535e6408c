package twin

import (
	"errors"

	"github.com/twinbroker/twinbroker/twin/jsondoc"
	"github.com/twinbroker/twinbroker/twin/protocol"
	"github.com/twinbroker/twinbroker/twin/rql"
	"github.com/twinbroker/twinbroker/twin/store"
)

// The headers condition and live-channel-condition (Ditto's page
// basic-conditional-requests; its ThingConditionValidator and
// ThingCommandEnforcement).
//
// A command with a condition is applied, or answered, if the Thing as it is
// matches the RQL expression; otherwise it is refused (412
// things:condition.failed). Its sender must be allowed to READ what the
// expression is about. A command that makes the Thing is not held up by one.
//
// A live-channel-condition says when a retrieve is to be answered by the
// device. The response tells whether the Thing matches it
// (live-channel-condition-matched), and who answered (channel); it is the twin
// in any case. Ditto writes both in its SupervisorSmartChannelDispatching.

// parseConditions reads the conditions of a command.
func (a *asked) parseConditions(m *protocol.Message) (err *protocol.Error) {
	if live, ok := m.Headers.Get(protocol.HeaderLiveCondition); ok {
		if m.Topic.Action != protocol.ActionRetrieve {
			return protocol.LiveConditionNotAllowed()
		}
		if a.live, err = parseCondition(live); err != nil {
			return err
		}
	}
	if text, ok := m.Headers.Get(protocol.HeaderCondition); ok {
		a.condition, err = parseCondition(text)
	}
	return err
}

// tellLive says in the response to a retrieve whether its live-channel-condition
// holds, and that the twin answered.
func (a *asked) tellLive(response *protocol.Message, cmd *Command, id string, e store.Entry) {
	if a.live != nil {
		response.Headers.Set(protocol.HeaderLiveMatched, jsondoc.Bool(checkCondition(a.live, cmd, id, e) == nil))
		response.Headers.SetString(protocol.HeaderChannel, protocol.Twin.String())
	}
}

func parseCondition(text string) (*rql.Filter, *protocol.Error) {
	filter, err := rql.Parse(text, rql.Condition)
	if err == nil {
		return filter, nil
	}
	var wrong *rql.Error
	if errors.As(err, &wrong) && !wrong.Syntax {
		return nil, protocol.ExpressionInvalid(text, err.Error()+".")
	}
	return nil, protocol.ConditionInvalid(text, err.Error()+".")
}

// checkCondition holds a condition, which its sender may read, against the
// Thing.
func checkCondition(condition *rql.Filter, cmd *Command, id string, e store.Entry) *protocol.Error {
	thing := documentOf(e)
	if thing.Value == nil || cmd.Message.Topic.Action == protocol.ActionCreate {
		return nil
	}
	if !condition.Matches(&rql.Subject{
		ID: id, Thing: thing.Value, Metadata: thing.metadata,
		Revision: e.Revision, Created: e.Created, Modified: e.Modified,
	}) {
		return protocol.ConditionFailed()
	}
	return nil
}
