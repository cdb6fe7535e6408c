package session

import "math"

// forGood is the generation of what is a client's own, whatever its rights are:
// the answers to what it asked.
const forGood = math.MaxUint64

// RightsChanged says that clients may have more or less than before. What waits
// for them is looked at again before it is sent.
func (r *Registry) RightsChanged() { r.rights.Add(1) }

// Rights is how often the rights of clients have changed; it never goes back.
func (r *Registry) Rights() uint64 { return r.rights.Load() }

// view is the message as the session's client may have it now, nil when it may
// not.
func (s *Session) view(m *Message) *Message {
	who := s.who.Load()
	switch {
	case m.Of != nil:
		return m.Of.View(who)
	case s.reg.opts.May(who, m):
		return m
	}
	return nil
}

// unchecked has all that waits looked at again.
func (s *Session) unchecked() {
	for _, q := range []*queue{&s.atMostOnce, &s.assured} {
		for i := q.head; i < len(q.items); i++ {
			q.items[i].unchecked()
		}
	}
	for _, f := range s.sent {
		f.unchecked()
	}
}

func (d *delivery) unchecked() {
	if d.checked != forGood {
		d.checked = 0
	}
}

// rechecks is how many deliveries are looked at again in one go.
const rechecks = 256

// again is a delivery that is looked at again, and what comes of it.
type again struct {
	order uint64
	msg   *Message // nil: the client may not have it any longer
}

// recheck looks again at what is to be sent next, as rights have changed since
// it was put into its queue: what the client may not have any longer is taken
// out, and of what it may have less or more of, the present view is taken. The
// questions are asked without the session's lock, as the answers may take a
// while.
func (c *Conn) recheck(generation uint64) {
	s := c.sess
	var asked []again
	note := func(d *delivery) bool {
		if d.checked < generation {
			asked = append(asked, again{d.order, d.msg})
		}
		return len(asked) < rechecks
	}
	s.mu.Lock()
	if s.conn != c {
		s.mu.Unlock()
		return
	}
	for _, f := range c.resend {
		if !f.done && !f.released && !note(&f.delivery) {
			break
		}
	}
	s.assured.each(note)
	if len(asked) >= rechecks {
		asked = asked[:rechecks] // there may be as many of QoS 0, which do not wait for the others
	}
	most := len(asked) + rechecks
	s.atMostOnce.each(func(d *delivery) bool {
		note(d)
		return len(asked) < most
	})
	s.mu.Unlock()

	answers := make(map[uint64]*Message, len(asked))
	for _, a := range asked {
		answers[a.order] = s.view(a.msg)
	}

	s.mu.Lock()
	defer s.mu.Unlock()
	revoked := func(d *delivery) bool {
		m, ok := answers[d.order]
		return ok && m == nil && d.checked < generation
	}
	for _, f := range s.sent {
		switch m, ok := answers[f.order]; {
		case !ok || f.done || f.released || f.checked >= generation:
		case m == nil:
			s.landed(f)
			s.reg.counters.Revoked.Add(1)
		default:
			f.msg, f.checked = m, generation
		}
	}
	for _, q := range []*queue{&s.assured, &s.atMostOnce} {
		before := q.len()
		q.remove(revoked)
		s.reg.counters.Revoked.Add(int64(before - q.len()))
		for i := q.head; i < len(q.items); i++ {
			if m, ok := answers[q.items[i].order]; ok {
				q.replace(i, m, generation)
			}
		}
	}
}

// each calls do for what waits, in order, until it says no.
func (q *queue) each(do func(*delivery) bool) {
	for i := q.head; i < len(q.items) && do(&q.items[i]); i++ {
	}
}

// replace puts a message in the place of another.
func (q *queue) replace(i int, m *Message, generation uint64) {
	d := &q.items[i]
	if !d.free {
		q.bytes += m.size() - d.msg.size()
	}
	d.msg, d.checked = m, max(d.checked, generation)
}
