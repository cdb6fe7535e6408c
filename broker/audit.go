package broker

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/twinbroker/twinbroker/broker/session"
	"github.com/twinbroker/twinbroker/twin/protocol"
)

// audit writes down who connected, who was refused what, who changed which
// Policy, and what administrators did that was not granted to them otherwise.
// With a log of its own it writes all of that; else it is the group "audit" of
// the program's log, where what that says anyway, or would say for each
// connection, is for the level debug only.
type audit struct {
	log      *slog.Logger
	own      bool
	refusals refusals

	changes   atomic.Int64 // of Policies
	overruled atomic.Int64 // what administrators alone were allowed
}

func newAudit(own, log *slog.Logger) *audit {
	if own != nil {
		return &audit{log: own, own: true}
	}
	return &audit{log: log}
}

func (a *audit) write(loud slog.Level, what string, p *session.Peer, about ...any) {
	level := loud
	if a.own {
		level = slog.LevelInfo
	}
	ctx := context.Background()
	if !a.log.Enabled(ctx, level) {
		return
	}
	all := append([]any{"client", p.ClientID, "identity", p.Identity, "subjects", p.Subjects, "remote", p.Remote}, about...)
	if a.own {
		a.log.Log(ctx, level, what, all...)
		return
	}
	a.log.Log(ctx, level, what, slog.Group("audit", all...))
}

// Connected tells that a client was let in.
func (a *audit) Connected(p *session.Peer, present bool) {
	a.write(slog.LevelDebug, "connected", p, "username", p.Username, "listener", p.Listener, "admin", p.Admin, "session_present", present)
}

// TurnedAway tells that a client was not let in. Its identity is not known then,
// only what it says.
func (a *audit) TurnedAway(p *session.Peer, reason string) {
	a.refused(p, hostOf(p.Remote), "connect", "username", p.Username, "reason", reason)
}

// Refused tells that a client was not allowed something: "publish" to a topic,
// "subscribe" to a filter, or a command with its topic and path.
func (a *audit) Refused(p *session.Peer, action, on, reason string) {
	a.refused(p, p.ClientID, action, "on", on, "reason", reason)
}

// refused writes as often as the log of refusals does.
func (a *audit) refused(p *session.Peer, budget, action string, about ...any) {
	if say, hidden := a.refusals.mayLog(budget, time.Now()); say {
		a.write(slog.LevelDebug, "refused", p, append(append([]any{"action", action}, about...), "not_written_before", hidden)...)
	}
}

// Overruled tells that a client was given as an administrator what nothing else
// grants it: each time in a log of its own, in that of the program as often as
// refusals.
func (a *audit) Overruled(p *session.Peer, action, on string) {
	a.overruled.Add(1)
	hidden := 0
	if !a.own {
		var say bool
		if say, hidden = a.refusals.mayLog("administrator "+p.ClientID, time.Now()); !say {
			return
		}
	}
	a.write(slog.LevelInfo, "allowed to an administrator only", p, "action", action, "on", on, "not_written_before", hidden)
}

// PolicyChanged tells of a change of a Policy.
func (a *audit) PolicyChanged(p *session.Peer, event *protocol.Message) {
	a.changed(slog.LevelInfo, p, event)
}

// PolicyMade tells of a Policy that was made with a Thing. Each new device may
// bring one, so the program's log has it for the level debug.
func (a *audit) PolicyMade(p *session.Peer, event *protocol.Message) {
	a.changed(slog.LevelDebug, p, event)
}

func (a *audit) changed(level slog.Level, p *session.Peer, event *protocol.Message) {
	a.changes.Add(1)
	a.write(level, "policy changed", p, "policy", event.Topic.EntityID(), "action", event.Topic.Action,
		"path", event.Path.String(), "revision", event.Revision)
}
