package twin

import (
	"bytes"
	"errors"
	"hash/maphash"
	"strings"
	"sync"

	"github.com/twinbroker/twinbroker/twin/jsondoc"
	"github.com/twinbroker/twinbroker/twin/store"
)

// What is put in place may name Policies that never were: Things that come before
// their Policies, or without them. Such IDs are noted, with what names them as
// one, so that they are nobody's to take (policyanew.go); that there was a Policy
// is known anyway. Commands cannot name one that is not there.

// namedPolicies are the IDs that are noted, as hashes. Two IDs that have the same
// one cost a look at who is named, and nothing else.
type namedPolicies struct {
	seed maphash.Seed
	mu   sync.RWMutex
	ids  map[uint64]bool // whether that is on disk for sure
}

// load takes over what is noted on disk.
func (n *namedPolicies) load(s *store.Store) error {
	n.seed, n.ids = maphash.MakeSeed(), map[uint64]bool{}
	ids, err := s.Keys(kindNamed, "", "", 0)
	n.add(ids, true)
	return err
}

func (n *namedPolicies) add(ids []string, stored bool) {
	if len(ids) == 0 {
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, id := range ids {
		h := maphash.String(n.seed, id)
		n.ids[h] = stored || n.ids[h]
	}
}

// has says whether the ID is noted, and whether that is on disk.
func (n *namedPolicies) has(id string) (noted, stored bool) {
	n.mu.RLock()
	defer n.mu.RUnlock()
	if len(n.ids) == 0 {
		return false, false
	}
	stored, noted = n.ids[maphash.String(n.seed, id)]
	return noted, stored
}

// notable are those of the IDs that are to be noted: there never was such a
// Policy. What cannot be read is there.
func (s *Service) notable(ids ...string) (never []string) {
	for _, id := range ids {
		if _, stored := s.named.has(id); stored || id == "" {
			continue
		}
		if e, err := s.store.View(store.Key{Kind: kindPolicy, ID: id}); err == nil && e.Revision == 0 {
			never = append(never, id)
		}
	}
	return never
}

func namedKey(id string) store.Key { return store.Key{Kind: kindNamed, ID: id} }

func namedKeys(ids []string) (keys []store.Key) {
	for _, id := range ids {
		keys = append(keys, namedKey(id))
	}
	return keys
}

// importsOf are the IDs of the other Policies that a Policy imports.
func importsOf(e *Entity) (ids []string) {
	if _, ok := e.value.View().Member(memberImports); !ok {
		return nil
	}
	imports, _ := e.value.Member(memberImports)
	for id := range imports.Members() {
		if id != e.key.ID {
			ids = append(ids, strings.Clone(id))
		}
	}
	return ids
}

// note puts down that these IDs are named; tx holds their keys. Whoever looks
// after tx is committed knows it. It is for good when that is on disk.
func (s *Service) note(tx *store.Tx, ids []string) {
	s.named.add(ids, false)
	for _, id := range ids {
		if tx.Get(namedKey(id)).State == nil {
			put := change{op: opPut, value: jsondoc.Object()}
			tx.Put(namedKey(id), put.appendTo(nil), newDocument(put.value))
		}
	}
}

// namers are who was found to name Policies: whoever asks again and again for one
// that is not theirs to make has others wait no longer than need be. One at a time
// looks for them, as that takes all of a core for a while.
type namers struct {
	looking sync.Mutex
	mu      sync.Mutex
	of      map[string]store.Key // by the ID of the Policy
}

// namersKept bounds namers.
const namersKept = 1000

// namesPolicy says whether a Thing has the Policy, or a Policy imports it. Unless
// one was found lately that still does, it looks at all of them, and takes none
// of them into memory.
func (s *Service) namesPolicy(id string) (bool, error) {
	s.namers.mu.Lock()
	by, ok := s.namers.of[id]
	s.namers.mu.Unlock()
	if ok {
		e, err := s.store.View(by)
		if err != nil || names(by.Kind, documentOf(e).Value, id) {
			return true, err
		}
	}
	s.namers.looking.Lock()
	defer s.namers.looking.Unlock()
	for _, kind := range [...]store.Kind{kindThing, kindPolicy} {
		err := s.store.Walk(kind, func(e *store.Standing) error {
			if e.Damage != nil {
				return e.Damage
			}
			if !bytes.Contains(e.Text, []byte(id)) && bytes.IndexByte(e.Text, '\\') < 0 {
				return nil
			}
			v, err := jsondoc.Parse(e.Text, recovered)
			if err != nil {
				return err
			}
			if !names(kind, v, id) {
				return nil
			}
			by = store.Key{Kind: kind, ID: string([]byte(e.ID))}
			return errNamed
		})
		switch {
		case errors.Is(err, errNamed):
			s.namers.mu.Lock()
			if len(s.namers.of) >= namersKept || s.namers.of == nil {
				s.namers.of = map[string]store.Key{}
			}
			s.namers.of[id] = by
			s.namers.mu.Unlock()
			return true, nil
		case err != nil:
			return false, err
		}
	}
	return false, nil
}

var errNamed = errors.New("it is named")

// names says whether a Thing has that Policy, or a Policy imports it.
func names(kind store.Kind, v *jsondoc.Value, id string) bool {
	switch {
	case v == nil:
		return false
	case kind == kindThing:
		return policyIDOf(v) == id
	}
	_, imports := v.Get(jsondoc.Pointer{memberImports, id})
	return imports
}
