package twin

import (
	"bytes"
	"container/heap"
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/twinbroker/twinbroker/twin/jsondoc"
	"github.com/twinbroker/twinbroker/twin/protocol"
	"github.com/twinbroker/twinbroker/twin/store"
)

// subjectClock has the subjects of Policies expire when their time has come, and
// announces that before (Ditto's page basic-policy, "Expiring Policy subjects",
// "Subject deletion announcements"; its SubjectExpiryActor). It knows the
// Policies that have such subjects, from the beginning by walking through all.
//
// That an acknowledgement is asked for an announcement is passed on; the
// announcement counts as received when it has been told. After a restart it is
// told again.
type subjectClock struct {
	s      *Service
	spread time.Duration

	mu       sync.Mutex
	tell     func(*Outcome) // nil: the clock does not go
	policies map[string]*watched
	next     dueHeap
	wake     chan struct{} // the next thing is due earlier than it was
	stop     context.CancelFunc
	ended    sync.WaitGroup
}

func newSubjectClock(s *Service, spread time.Duration) *subjectClock {
	return &subjectClock{s: s, spread: spread, policies: map[string]*watched{}, wake: make(chan struct{}, 1)}
}

// KeepTime begins to have subjects of Policies expire, and to announce it. What
// comes of that is given to tell, as Handle gives outcomes. It is called once at
// most; without it, as for tools, nothing happens by itself.
func (s *Service) KeepTime(tell func(*Outcome)) {
	c := s.clock
	ctx, stop := context.WithCancel(context.Background())
	c.mu.Lock()
	c.tell, c.stop = tell, stop
	c.mu.Unlock()
	c.ended.Go(func() { c.walk(ctx) })
	c.ended.Go(func() { c.run(ctx) })
}

func (c *subjectClock) close() {
	c.mu.Lock()
	stop := c.stop
	c.mu.Unlock()
	if stop != nil {
		stop()
	}
	c.ended.Wait()
}

// policyChanged is called for every change of a Policy, before others can see
// it, with what it was and is; nil: there is none. It gives what is to be
// announced then.
func (s *Service) policyChanged(id string, was, is *jsondoc.Value, revision uint64, at time.Time) []Announcement {
	c := s.clock
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.tell == nil || !worthWatching(was) && !worthWatching(is) {
		return nil
	}
	before := c.policies[id]
	if before == nil { // the walk has not come by yet
		before = before.watch(modelOf(id, was), revision, c.spread)
	}
	now := modelOf(id, is)
	announcements := before.gone(id, now, at)
	c.set(id, before.watch(now, revision, c.spread))
	return announcements
}

// policyUnchanged looks again at what a Policy is: a change of which
// policyChanged was told may not have been stored.
func (s *Service) policyUnchanged(id string) {
	e, err := s.store.View(store.Key{Kind: kindPolicy, ID: id})
	if err != nil {
		return
	}
	c := s.clock
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.tell != nil {
		c.set(id, c.policies[id].watch(modelOf(id, documentOf(e).Value), e.Revision, c.spread))
	}
}

// worthWatching says whether a Policy may have subjects that are to be watched.
func worthWatching(doc *jsondoc.Value) bool {
	return doc != nil && mentions(doc.AppendTo(nil))
}

func mentions(text []byte) bool {
	return bytes.Contains(text, []byte(`"`+memberExpiry+`"`)) || bytes.Contains(text, []byte(`"`+memberAnnouncement+`"`))
}

// set notes what is to be watched of a Policy; c is locked.
func (c *subjectClock) set(id string, w *watched) {
	if len(w.subjects) == 0 {
		delete(c.policies, id)
		return
	}
	c.policies[id] = w
	c.schedule(id, w.due())
}

func (c *subjectClock) schedule(id string, at time.Time) {
	if at.IsZero() {
		return
	}
	heap.Push(&c.next, due{at, id})
	if c.next[0].id == id {
		select {
		case c.wake <- struct{}{}:
		default:
		}
	}
}

// walk looks at the Policies that are there.
func (c *subjectClock) walk(ctx context.Context) {
	err := c.s.store.Walk(kindPolicy, func(e *store.Standing) error {
		if e.Damage != nil || !mentions(e.Text) {
			return ctx.Err()
		}
		id := string([]byte(e.ID))
		now, err := c.s.store.View(store.Key{Kind: kindPolicy, ID: id})
		if err != nil {
			return ctx.Err()
		}
		c.mu.Lock()
		if old := c.policies[id]; old == nil || old.revision < now.Revision {
			c.set(id, old.watch(modelOf(id, documentOf(now).Value), now.Revision, c.spread))
		}
		c.mu.Unlock()
		return ctx.Err()
	})
	if err != nil && ctx.Err() == nil {
		c.tell(&Outcome{Err: protocol.Internal(fmt.Errorf("the Policies that come behind are not watched until they are changed: %w", err))})
	}
}

// run does what is due, when it is.
func (c *subjectClock) run(ctx context.Context) {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		timer.Reset(c.wait())
		select {
		case <-ctx.Done():
			return
		case <-c.wake:
		case <-timer.C:
			for id := range c.due(time.Now()) {
				if ctx.Err() != nil {
					return
				}
				c.happen(id)
			}
		}
	}
}

// longestWait bounds how wrong the clock may be that is looked at: it may have
// been set.
const longestWait = time.Minute

func (c *subjectClock) wait() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.next) == 0 {
		return longestWait
	}
	return min(max(time.Until(c.next[0].at), 0), longestWait)
}

// due are the Policies for which something is due.
func (c *subjectClock) due(now time.Time) map[string]bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	ids := map[string]bool{}
	for len(c.next) > 0 && !c.next[0].at.After(now) {
		ids[heap.Pop(&c.next).(due).id] = true
	}
	return ids
}

// happen does what is due for a Policy.
func (c *subjectClock) happen(id string) {
	now := time.Now()
	c.mu.Lock()
	w := c.policies[id]
	if w == nil {
		c.mu.Unlock()
		return
	}
	announcements := w.announceable(id, now)
	c.mu.Unlock()
	if len(announcements) > 0 {
		c.announce(id, announcements)
	}
	if err := c.s.expireSubjects(id, now, c.tell); err != nil {
		c.mu.Lock()
		c.schedule(id, now.Add(retryExpiry))
		c.mu.Unlock()
		return
	}
	c.s.policyUnchanged(id)
}

// retryExpiry is how long it is waited after a Policy could not be changed.
const retryExpiry = 10 * time.Second

// announce tells announcements once the Policy that says so is on disk.
func (c *subjectClock) announce(id string, list []Announcement) {
	e, err := c.s.store.View(store.Key{Kind: kindPolicy, ID: id})
	if err != nil {
		return
	}
	c.s.store.After(e.Seq, func(err error) {
		if err == nil {
			c.tell(&Outcome{Announcements: list})
		}
	})
}

// due is when something is to be done for a Policy. One may be there more than
// once; what is not due then is not done.
type due struct {
	at time.Time
	id string
}

type dueHeap []due

func (h dueHeap) Len() int           { return len(h) }
func (h dueHeap) Less(i, j int) bool { return h[i].at.Before(h[j].at) }
func (h dueHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *dueHeap) Push(x any)        { *h = append(*h, x.(due)) }
func (h *dueHeap) Pop() any {
	old := *h
	last := old[len(old)-1]
	*h = old[:len(old)-1]
	return last
}
