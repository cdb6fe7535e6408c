package session

import (
	"cmp"
	"slices"
	"sync"
	"sync/atomic"
)

// match is a subscription that a message reaches.
type match struct {
	sub   *Subscription
	group string
	more  []*Subscription // further filters of the same client
	to    string          // whom alone the message is for; "": all
}

// finder gathers the matches of one message. It is pooled, with the function
// that the tree calls, so that a fan-out allocates nothing.
type finder struct {
	matches []match
	found   func(subscriber, *Subscription)
}

var finders = sync.Pool{New: func() any {
	f := &finder{}
	f.found = func(k subscriber, sub *Subscription) { f.matches = append(f.matches, match{sub: sub, group: k.group}) }
	return f
}}

func (f *finder) free() {
	clear(f.matches)
	f.matches = f.matches[:0]
	finders.Put(f)
}

// Publish delivers a message to all who subscribed to its topic and may have
// it, once each, and to one member of each shared group (MQTT 5.0 sections
// 3.3.4 and 4.8.2). It returns the number of sessions reached.
func (r *Registry) Publish(m *Message) int {
	return r.PublishFunc(m.Topic, func() *Message { return m })
}

// PublishFunc is Publish of a message that is only made when somebody
// subscribed to its topic.
func (r *Registry) PublishFunc(topic string, make func() *Message) int {
	f := finders.Get().(*finder)
	defer f.free()
	r.subs.Match(topic, f.found)
	if len(f.matches) == 0 {
		return 0
	}
	m := make()
	if len(f.matches) == 1 && f.matches[0].group == "" {
		return r.deliver(m, f.matches[0])
	}
	reached := 0
	for _, one := range r.choose(m, merge(f.matches)) {
		reached += r.deliver(m, one)
	}
	return reached
}

// PublishTo is Publish to one client only, or to those who act under a subject.
// While a client is away it acts under the subjects that it had last; what
// waits for it under one that it does not come back with is taken from it.
func (r *Registry) PublishTo(to string, m *Message) int {
	f := finders.Get().(*finder)
	defer f.free()
	r.subs.Match(m.Topic, f.found)
	reached := 0
	for _, one := range merge(f.matches) {
		if one.to = to; one.group == "" && one.sub.Session.is(to) {
			reached += r.deliver(m, one)
		}
	}
	return reached
}

// is says whether the session is the client's of that identifier, or its client
// acts, or acted last, under that subject.
func (s *Session) is(who string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.isLocked(who)
}

func (s *Session) isLocked(who string) bool {
	return s.id == who || slices.Contains(s.who.Load().Subjects, who)
}

// actAs says who the session's client is from now on, and takes from it what
// waits for others. What else waits is looked at again if its rights are not
// what they were.
func (s *Session) actAs(p *Peer) {
	before := s.who.Swap(p)
	if before == nil {
		return
	}
	if !before.mayTheSame(p) {
		s.unchecked()
	}
	forOthers := func(d *delivery) bool { return d.to != "" && !s.isLocked(d.to) }
	s.atMostOnce.remove(forOthers)
	s.assured.remove(forOthers)
	for _, f := range slices.Clone(s.sent) {
		if !f.done && !f.released && forOthers(&f.delivery) {
			s.landed(f)
		}
	}
}

func (r *Registry) deliver(m *Message, one match) int {
	sub := one.sub
	if sub.NoLocal && m.From == sub.Session.id && m.From != "" {
		return 0
	}
	generation := r.rights.Load()
	if m = sub.Session.view(m); m == nil {
		r.counters.Withheld.Add(1)
		return 0
	}
	d := delivery{msg: m, to: one.to, checked: generation, qos: sub.QoS, retain: m.Retain && sub.RetainAsPublished}
	if one.group != "" {
		d.shared = sub
	}
	if sub.ID > 0 {
		d.ids = append(d.ids, sub.ID)
	}
	for _, also := range one.more {
		d.qos = max(d.qos, also.QoS)
		d.retain = d.retain || m.Retain && also.RetainAsPublished
		if also.ID > 0 {
			d.ids = append(d.ids, also.ID)
		}
	}
	d.qos = min(d.qos, m.QoS)
	if sub.Session.push(d) {
		return 1
	}
	return 0
}

// merge makes one match of a client's overlapping filters, the highest QoS
// counting (MQTT 5.0 section 3.3.4). Filters with No Local keep to themselves.
func merge(matches []match) []match {
	if len(matches) < 2 {
		return matches
	}
	merged := matches[:0:len(matches)]
	at := make(map[*Session]int, len(matches))
	for _, one := range matches {
		if one.group != "" || one.sub.NoLocal {
			merged = append(merged, one)
			continue
		}
		if i, seen := at[one.sub.Session]; seen {
			merged[i].more = append(merged[i].more, one.sub)
			continue
		}
		at[one.sub.Session] = len(merged)
		merged = append(merged, one)
	}
	return merged
}

// choose leaves one member of each shared group: the one that waits longest,
// among those who may have the message and, if any are, among those who are
// connected and keep up.
func (r *Registry) choose(m *Message, matches []match) []match {
	type group struct{ name, filter string }
	var members map[group][]match
	chosen := matches[:0:len(matches)]
	for _, one := range matches {
		if one.group == "" {
			chosen = append(chosen, one)
			continue
		}
		if one.sub.Session.view(m) == nil {
			r.counters.Withheld.Add(1)
			continue
		}
		if members == nil {
			members = map[group][]match{}
		}
		g := group{one.group, one.sub.Filter}
		members[g] = append(members[g], one)
	}
	for _, all := range members {
		ready := make([]match, 0, len(all))
		for _, one := range all {
			if one.sub.Session.ready(min(m.QoS, one.sub.QoS)) {
				ready = append(ready, one)
			}
		}
		if len(ready) == 0 {
			ready = all
		}
		next := slices.MinFunc(ready, func(a, b match) int {
			return cmp.Compare(atomic.LoadUint64(&a.sub.chosen), atomic.LoadUint64(&b.sub.chosen))
		})
		atomic.StoreUint64(&next.sub.chosen, r.turns.Add(1))
		chosen = append(chosen, next)
	}
	return chosen
}

// handOver gives what a member of a shared group leaves behind, as its session
// has ended, to the others of the group (MQTT 5.0 section 4.8.2).
func (r *Registry) handOver(left []delivery) {
	for _, d := range left {
		f := finders.Get().(*finder)
		r.subs.Match(d.msg.Topic, f.found)
		group := slices.DeleteFunc(f.matches, func(one match) bool {
			return one.group == "" || one.sub.Filter != d.shared.Filter
		})
		for _, one := range r.choose(d.msg, group) {
			r.deliver(d.msg, one)
		}
		f.free()
	}
}

// ready says whether the session is connected and has room in its queue.
func (s *Session) ready(qos byte) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	q := &s.assured
	if qos == 0 {
		q = &s.atMostOnce
	}
	return s.conn != nil && s.conn.closing == nil && !s.full(q)
}
