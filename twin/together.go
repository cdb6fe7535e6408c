package twin

import (
	"github.com/twinbroker/twinbroker/twin/protocol"
	"github.com/twinbroker/twinbroker/twin/store"
)

// group is the commands of one message, on their way to be applied as one.
type group struct {
	err  *protocol.Error // why one of them is refused, and with it all
	seq  uint64          // the newest change that they were computed from
	made made            // Policies that the commands before make
}

// HandleTogether applies several changes of Things as one: all of them, or
// none. It is for a message of which mappings make more than one change. done
// is called as by Handle, with the events and responses of all, or with the first
// error. The receipt is that of the last command.
func (s *Service) HandleTogether(cmds []*Command, done func(*Outcome)) {
	if len(cmds) == 1 {
		s.Handle(cmds[0], done)
		return
	}
	last := cmds[len(cmds)-1]
	g := &group{made: made{}}
	writings := make([]*writing, 0, len(cmds))
	var keys []store.Key
	for _, cmd := range cmds {
		w := &writing{s: s, cmd: cmd, group: g}
		err := admit(cmd)
		if err == nil {
			err = w.prepare()
		}
		if err != nil {
			refuse(cmd, err, done)
			return
		}
		writings = append(writings, w)
		keys = append(keys, w.key, store.Key{Kind: kindPolicy, ID: w.policyIDToBe()}) // the Policy in case that it is made
	}
	tx, err := s.store.Begin(keys...)
	if err != nil {
		done(unavailable(last, err))
		return
	}
	for _, w := range writings {
		tx.KeepHeaders(w.appendKept([]byte{}))
		w.writeThingOrPart(tx)
		if g.err != nil {
			tx.Abort()
			s.notMade(g.made)
			s.refuseAfter(g.seq, w.cmd, g.err, done)
			return
		}
	}
	tx.Commit(last.Receipt, nil, func(err error) {
		if err != nil {
			s.notMade(g.made)
			done(unavailable(last, err))
			return
		}
		all := &Outcome{}
		for _, w := range writings {
			for _, e := range w.outcome.Events {
				all.Events = append(all.Events, e)
				all.Accesses = append(all.Accesses, w.outcome.Access)
			}
			all.Policies = append(all.Policies, w.outcome.Policies...)
			all.Named = all.Named || w.outcome.Named
			all.Things = append(all.Things, w.outcome.Things...)
			all.Overruled = all.Overruled || w.outcome.Overruled
			if w.outcome.Response != nil {
				all.More = append(all.More, w.outcome.Response)
			}
		}
		done(all)
	})
}
