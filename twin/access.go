package twin

import (
	"errors"
	"strings"
	"time"

	"github.com/twinbroker/twinbroker/twin/jsondoc"
	"github.com/twinbroker/twinbroker/twin/policy"
	"github.com/twinbroker/twinbroker/twin/protocol"
	"github.com/twinbroker/twinbroker/twin/store"
)

// Who may do what to a Thing is said by its Policy as it stands at that moment
// (Ditto's page basic-policy), on disk or not: a decision is computed from the
// Policy as much as from the Thing, and what comes of it waits for both.

// access is what a Policy allows at a moment.
type access struct {
	*policy.Enforcer             // policy.Nobody where the Policy is not there
	there            bool        // the Policy is
	seq              uint64      // the newest change of the Policies that it was made from
	alike            source      // where the Policy says what others say: itself, as it was
	kept             *keptAccess // where it was kept; nil: among those that are alike
}

// Access gives the Enforcer for a Thing as things are now, of
// [policy.Nobody] where there is no such Thing. What it allows may depend on
// what is not on disk yet. The error says that it cannot be found out now.
func (s *Service) Access(thingID string) (*policy.Enforcer, error) {
	e, err := s.store.View(store.Key{Kind: kindThing, ID: thingID})
	if err != nil {
		return nil, err
	}
	thing := documentOf(e)
	if thing.Value == nil {
		return policy.Nobody, nil
	}
	a, err := s.accessOf(thingID, thing)
	return a.Enforcer, err
}

// PolicyAccess gives the Enforcer of a Policy, for what is asked about itself.
func (s *Service) PolicyAccess(policyID string) (*policy.Enforcer, error) {
	a, err := s.access(policyID, "", nil)
	return a.Enforcer, err
}

func namespaceOf(id string) string {
	namespace, _, _ := strings.Cut(id, ":")
	return namespace
}

// access finds what a Policy allows for Things in a namespace, or for the Policy
// itself, where the namespace is "".
func (s *Service) access(policyID, namespace string, with made) (access, error) {
	if len(with) == 0 {
		if a := s.enforcers.get(policyID); a != nil && a.upToDate() {
			return a.in(namespace), nil
		}
		if len(s.roots) == 0 && policyID != "" {
			if a, ok, err := s.accessAlike(policyID); ok || err != nil {
				return a, err
			}
		}
	}
	var a *keptAccess
	for range 3 { // until nothing was changed while it was put together
		var err error
		if a, err = s.resolve(policyID, with); err != nil {
			return access{Enforcer: policy.Nobody}, err
		}
		if a.upToDate() {
			break
		}
	}
	if len(with) == 0 {
		s.enforcers.put(strings.Clone(policyID), a)
	}
	return a.in(namespace), nil
}

// accessAlike is access where the Policy says what others say, and nothing that
// depends on namespaces; ok is false where it is not known to do so.
func (s *Service) accessAlike(policyID string) (a access, ok bool, err error) {
	key := store.Key{Kind: kindPolicy, ID: policyID}
	from := s.sourceOf(key)
	if a, ok = s.alikes.get(policyID, from); ok || s.alikes.none() {
		return a, ok, nil
	}
	e, err := s.store.Glance(key) // there may be a million of them
	if err != nil {
		return access{Enforcer: policy.Nobody}, false, err
	}
	if value := documentOf(e).Value; value != nil {
		a, ok = s.alikes.find(policyID, value, from, e.Seq)
	}
	return a, ok, nil
}

// sourceOf says how far the changes of a Policy are counted, before it is looked
// at.
func (s *Service) sourceOf(key store.Key) source {
	count := s.store.Watch(key)
	return source{count, count.Load()}
}

// in is what is allowed in a namespace.
func (a *keptAccess) in(namespace string) access {
	e := a.enforcer
	if namespace != "" {
		e = e.For(namespace)
	}
	return access{Enforcer: e, there: a.there, seq: a.seq, kept: a}
}

// resolve makes an Enforcer.
func (s *Service) resolve(policyID string, with made) (*keptAccess, error) {
	if policyID == "" { // of a Thing that was stored without one
		return &keptAccess{enforcer: policy.Nobody}, nil
	}
	policyID = strings.Clone(policyID)
	a := &keptAccess{enforcer: policy.Nobody, cost: 2 << 10}
	var own *jsondoc.Value
	load := func(id string) (*policy.Model, error) {
		doc, ok := with[id]
		if !ok {
			var err error
			if doc, err = s.look(id, a); err != nil {
				return nil, err
			}
		}
		if doc.Value == nil {
			return nil, nil
		}
		if id == policyID {
			own = doc.Value
		}
		a.cost += 4 * doc.Size()
		m, refused := policy.Parse(id, doc.Value)
		if refused != nil {
			// What is stored was checked. If it cannot be read all the same, it is
			// not known what it revokes, be it from those who import it.
			return nil, refused
		}
		return m, nil
	}
	m, err := load(policyID)
	var e *policy.Enforcer
	if m != nil {
		e, err = policy.Resolve(m, policy.ResolveOptions{Load: load, Roots: s.roots, Now: time.Now()})
	}
	var unusable *protocol.Error
	switch {
	case errors.As(err, &unusable):
		// There is no end to its imports, or a part of it cannot be read: it is
		// there, and allows nothing.
		a.there = true
	case err != nil:
		return nil, err
	case m != nil:
		a.there, a.enforcer, a.until = true, e, e.Until()
		a.cost += e.Size()
		if len(with) == 0 && len(s.roots) == 0 {
			s.alikes.keep(own, e)
		}
	}
	return a, nil
}

// look gives a Policy, and notes for what is made of it how it stood.
func (s *Service) look(id string, a *keptAccess) (document, error) {
	key := store.Key{Kind: kindPolicy, ID: id}
	from := s.sourceOf(key)
	e, err := s.store.View(key)
	if err != nil {
		return document{}, err
	}
	a.sources = append(a.sources, from)
	a.seq = max(a.seq, e.Seq)
	return documentOf(e), nil
}
