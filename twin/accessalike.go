package twin

import (
	"hash/maphash"
	"sync"

	"github.com/twinbroker/twinbroker/twin/jsondoc"
	"github.com/twinbroker/twinbroker/twin/policy"
	"github.com/twinbroker/twinbroker/twin/store"
)

// alikes finds Enforcers by what a Policy says. Things that name no Policy get
// one each of their own, and those that one sender made all say the same: they
// share one Enforcer, which is made once.
type alikes struct {
	mu    sync.RWMutex
	seed  maphash.Seed
	seen  map[uint64]struct{} // hashes of what was said once
	known map[string]*policy.Enforcer
}

// The bounds of what is remembered; beyond it is begun anew.
const (
	mostSeen  = 1 << 16
	mostAlike = 1 << 10
	// mostText is the longest text of entries that is compared, in bytes.
	mostText = 4 << 10
)

func newAlikes() *alikes {
	return &alikes{seed: maphash.MakeSeed(), seen: map[uint64]struct{}{}, known: map[string]*policy.Enforcer{}}
}

// alikeCost is about what is there of an Enforcer that is like another one, in
// bytes, with what the cache has for it.
const alikeCost = 1 << 10

// resolveAlike is resolve where the Policy says what another one says; nil where
// none is known that does.
func (s *Service) resolveAlike(policyID string) (*keptAccess, error) {
	key := store.Key{Kind: kindPolicy, ID: policyID}
	e, err := s.store.View(key)
	if err != nil {
		return nil, err
	}
	value := documentOf(e).Value
	if value == nil {
		return nil, nil
	}
	known, ok := s.alikes.find(policyID, value)
	if !ok {
		return nil, nil
	}
	return &keptAccess{enforcer: known, there: true, sources: []source{{key, e.Seq, e.Modified}}, cost: alikeCost}, nil
}

// words is what a Policy says, but for its ID.
func words(dst []byte, value *jsondoc.Value) []byte {
	for name, v := range value.Members() {
		if name != memberPolicyID {
			dst = v.AppendTo(append(append(dst, name...), 0))
		}
	}
	return dst
}

// find gives the Enforcer of a Policy that says what one of those before says.
func (a *alikes) find(id string, value *jsondoc.Value) (*policy.Enforcer, bool) {
	if value.Size() > mostText {
		return nil, false
	}
	var room [1 << 10]byte
	text := words(room[:0], value)
	a.mu.RLock()
	e := a.known[string(text)]
	a.mu.RUnlock()
	if e == nil {
		return nil, false
	}
	return e.Alike(id)
}

// keep remembers an Enforcer, if a Policy with the same words came before.
func (a *alikes) keep(value *jsondoc.Value, e *policy.Enforcer) {
	if value.Size() > mostText {
		return
	}
	if _, ok := e.Alike(e.ID()); !ok {
		return
	}
	text := words(nil, value)
	hash := maphash.Bytes(a.seed, text)
	a.mu.Lock()
	defer a.mu.Unlock()
	if _, again := a.seen[hash]; !again {
		if len(a.seen) >= mostSeen {
			clear(a.seen)
		}
		a.seen[hash] = struct{}{}
		return
	}
	if len(a.known) >= mostAlike {
		clear(a.known)
	}
	a.known[string(text)] = e
}
