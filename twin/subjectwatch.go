package twin

import (
	"math/rand/v2"
	"time"

	"github.com/twinbroker/twinbroker/twin/jsondoc"
	"github.com/twinbroker/twinbroker/twin/policy"
)

// watched is what is to happen by itself to the subjects of a Policy.
type watched struct {
	revision uint64 // of the Policy as it was looked at
	subjects []watchedSubject
}

// watchedSubject is a subject that expires, or whose end is announced. The same
// in several entries is one.
type watchedSubject struct {
	policy.Subject
	text      string    // its JSON
	announce  time.Time // when its end is to be announced; zero: not before
	announced bool
}

// watch makes what is to be watched of a Policy, nil where that is nothing. What
// was watched before goes on.
func (w *watched) watch(m *policy.Model, revision uint64, spread time.Duration) *watched {
	next := &watched{revision: revision}
	if m != nil {
		m.AllSubjects(func(_ string, s *policy.Subject) {
			if s.Expiry.IsZero() && s.Announcement == nil {
				return
			}
			text := s.JSON().String()
			if next.find(s.ID, text) != nil {
				return
			}
			if old := w.find(s.ID, text); old != nil {
				next.subjects = append(next.subjects, *old)
				return
			}
			next.subjects = append(next.subjects, watchedSubject{Subject: *s, text: text, announce: announceAt(s, spread)})
		})
	}
	return next
}

// announceAt is when the end of a subject is announced. By how much earlier than
// it must be is left to chance, so that not all come at once.
func announceAt(s *policy.Subject, spread time.Duration) time.Time {
	a := s.Announcement
	if a == nil || a.BeforeExpiry == 0 || s.Expiry.IsZero() {
		return time.Time{}
	}
	if a.RandomizationInterval > 0 {
		spread = a.RandomizationInterval
	}
	at := s.Expiry.Add(-a.BeforeExpiry)
	if spread > 0 {
		at = at.Add(-rand.N(spread))
	}
	return at
}

func (w *watched) find(id, text string) *watchedSubject {
	if w == nil {
		return nil
	}
	for i := range w.subjects {
		if s := &w.subjects[i]; s.ID == id && s.text == text {
			return s
		}
	}
	return nil
}

// gone are the announcements of subjects that are no longer in the Policy, by
// any description: m is the Policy now, nil if there is none.
func (w *watched) gone(id string, m *policy.Model, at time.Time) []Announcement {
	var list []Announcement
	for i := range w.subjects {
		s := &w.subjects[i]
		if s.Announcement == nil || !s.Announcement.WhenDeleted || s.announced || hasSubject(m, s.ID) {
			continue
		}
		s.announced = true
		list = append(list, announceDeletion(id, &s.Subject, at))
	}
	return list
}

func hasSubject(m *policy.Model, id string) bool {
	has := false
	if m != nil {
		m.AllSubjects(func(_ string, s *policy.Subject) { has = has || s.ID == id })
	}
	return has
}

// due is when something is to be done next; zero: never.
func (w *watched) due() (at time.Time) {
	for i := range w.subjects {
		s := &w.subjects[i]
		next := s.Expiry
		if !s.announced && !s.announce.IsZero() {
			next = s.announce
		}
		if !next.IsZero() && (at.IsZero() || next.Before(at)) {
			at = next
		}
	}
	return at
}

// announceable are the announcements that are due, which are taken for made.
func (w *watched) announceable(id string, now time.Time) []Announcement {
	var list []Announcement
	for i := range w.subjects {
		s := &w.subjects[i]
		if s.announced || s.announce.IsZero() || s.announce.After(now) {
			continue
		}
		s.announced = true
		list = append(list, announceDeletion(id, &s.Subject, s.Expiry))
	}
	return list
}

// modelOf is the model of a Policy as it is stored; nil where there is none.
func modelOf(id string, doc *jsondoc.Value) *policy.Model {
	if doc == nil {
		return nil
	}
	m, err := policy.Parse(id, doc)
	if err != nil {
		return nil // it allows nothing, and nobody is a subject of it
	}
	return m
}
