package twin

import (
	"hash/maphash"
	"strings"
	"sync"

	"github.com/twinbroker/twinbroker/twin/jsondoc"
	"github.com/twinbroker/twinbroker/twin/policy"
)

// alikes finds Enforcers by what a Policy says. Things that name no Policy get
// one each of their own, and those that one sender made all say the same: they
// share one rulebook, which is made once. There may be a million of them, of
// which one after the other is asked for, so as little as possible is kept for
// each, and nothing that the collector of garbage has to look at.
type alikes struct {
	seed maphash.Seed

	mu    sync.RWMutex
	seen  map[uint64]struct{} // hashes of what was said once
	known map[string]uint16   // what was said again, and which of the rulebooks that is
	books []*policy.Enforcer
	names alikeNames
}

// The bounds of what is remembered; beyond it is begun anew.
const (
	mostSeen  = 1 << 16
	mostAlike = 1 << 10
	// mostText is the longest text of entries that is compared, in bytes.
	mostText = 4 << 10
)

func newAlikes(room int64) *alikes {
	a := &alikes{seed: maphash.MakeSeed(), names: newAlikeNames(room)}
	a.forget()
	return a
}

// forget begins anew; it is locked.
func (a *alikes) forget() {
	a.seen, a.known, a.books = map[uint64]struct{}{}, map[string]uint16{}, nil
	a.names.forget()
}

// none says that no Policies are known to say the same.
func (a *alikes) none() bool {
	a.mu.RLock()
	defer a.mu.RUnlock()
	return len(a.books) == 0
}

// get gives what a Policy allows, if it is known to say what others say; from
// says how far its changes are counted now.
func (a *alikes) get(policyID string, from source) (access, bool) {
	a.mu.RLock()
	slot, ok := a.names.get(policyID)
	if !ok || slot.was != uint32(from.was) {
		a.mu.RUnlock()
		return access{}, false
	}
	book := a.books[slot.book]
	a.mu.RUnlock()
	return accessBy(book, policyID, from, slot.seq)
}

// accessBy is what a Policy allows that says what another one says.
func accessBy(book *policy.Enforcer, policyID string, from source, seq uint64) (access, bool) {
	e, ok := book.Alike(strings.Clone(policyID)) // it may lie in the text of a Thing
	return access{Enforcer: e, there: ok, seq: seq, alike: from}, ok
}

// words is what a Policy says, but for its ID.
func words(dst []byte, value *jsondoc.Value) []byte {
	for name, v := range value.View().Members() {
		if name != memberPolicyID {
			dst = v.AppendTo(append(append(dst, name...), 0))
		}
	}
	return dst
}

// find says what a Policy allows that says what those before said: it stood like
// this when its changes were counted as from says, at the number seq. What is
// found is remembered.
func (a *alikes) find(policyID string, value *jsondoc.Value, from source, seq uint64) (access, bool) {
	if value.Size() > mostText {
		return access{}, false
	}
	var room [1 << 10]byte
	text := words(room[:0], value)
	a.mu.Lock()
	i, ok := a.known[string(text)]
	if !ok {
		a.mu.Unlock()
		return access{}, false
	}
	book := a.books[i]
	a.names.put(policyID, alikeSlot{seq: seq, was: uint32(from.was), book: i})
	a.mu.Unlock()
	return accessBy(book, policyID, from, seq)
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
	if _, known := a.known[string(text)]; known {
		return
	}
	if len(a.books) >= mostAlike {
		a.forget()
	}
	a.known[string(text)] = uint16(len(a.books))
	a.books = append(a.books, e)
}
