package store

import (
	"encoding/binary"
	"fmt"

	"go.etcd.io/bbolt"
)

// bucketTombstones lists the deleted entities of state.db that may be forgotten,
// by the number of the record that deleted them, so that those of which no
// journal is left are found without looking at all the others. It may also list
// what was made again, or deleted once more: an entry counts only if the entity's
// own entry has the same number. And it may list those of kinds that are kept,
// which programs before this one did not know: they are taken off the list.
var bucketTombstones = []byte("tombstones")

// listTombstone lists a deleted entity, unless its kind keeps them.
func listTombstone(spec *KindSpec, tx *bbolt.Tx, seq uint64, k Key) error {
	if spec.KeepDeleted {
		return nil
	}
	key := binary.BigEndian.AppendUint64(make([]byte, 0, 9+len(k.ID)), seq)
	key = append(append(key, byte(k.Kind)), k.ID...)
	if err := tx.Bucket(bucketTombstones).Put(key, nil); err != nil {
		return fmt.Errorf("list the tombstone of %q: %w", k.ID, err)
	}
	return nil
}

// tombstone is an entry of the list.
type tombstone struct {
	seq uint64
	key Key
}

func parseTombstone(key []byte) (tombstone, error) {
	if len(key) < 10 {
		return tombstone{}, fmt.Errorf("%w: an entry of the list of tombstones is %x", ErrDamaged, key)
	}
	return tombstone{binary.BigEndian.Uint64(key), Key{Kind(key[8]), string(key[9:])}}, nil
}

// forgetAtOnce bounds how many tombstones are removed in one transaction.
const forgetAtOnce = 500

// forgetDeleted removes the tombstones of entities of which the journal holds
// no record any more, but for kinds that keep them. Then nothing anywhere knows of such an entity, and if it
// is made again it begins at revision 1, as one that never was.
//
// That must not come between a change and what it was computed from: the
// record of a change that follows a tombstone names it, and if the tombstone
// were gone then, replay would find the record wrong. So the entities are
// locked, as by a Tx, until the file says that they never were, and memory
// says the same. One that somebody else has locked, or that is not written
// yet, is left for the next time. It runs on the snapshot writer's goroutine.
func (s *Store) forgetDeleted() error {
	for {
		list, err := s.tombstones(s.journal.oldest(), forgetAtOnce)
		if err != nil || len(list) == 0 {
			return err
		}
		again, err := s.forgetThese(list)
		if err != nil || !again {
			return err
		}
	}
}

// tombstones gives the first n that are listed with a number below oldest.
func (s *Store) tombstones(oldest uint64, n int) (list []tombstone, err error) {
	err = guarded(s.state.path, func() error {
		return s.state.db.View(func(tx *bbolt.Tx) error {
			c := tx.Bucket(bucketTombstones).Cursor()
			for k, _ := c.First(); k != nil && len(list) < n; k, _ = c.Next() {
				t, err := parseTombstone(k)
				if err != nil {
					return err
				}
				if t.seq >= oldest {
					break
				}
				list = append(list, t)
			}
			return nil
		})
	})
	return list, err
}

// forgetThese removes these tombstones, as far as nobody uses them, and says
// whether all of them are done with and there may be more.
func (s *Store) forgetThese(list []tombstone) (again bool, err error) {
	var locked []*entity
	defer func() {
		for _, e := range locked {
			e.mu.Unlock()
			s.table.release(e)
		}
	}()
	again = len(list) == forgetAtOnce
	done := list[:0]
	for _, t := range list {
		switch spec := s.kinds[t.key.Kind]; {
		case spec == nil:
			return false, fmt.Errorf("%w: %s: a tombstone is of kind %d, which this program does not know", ErrFormat, s.state.path, t.key.Kind)
		case spec.KeepDeleted:
			done = append(done, t)
			continue
		}
		e := s.table.hold(t.key)
		// It is only tried: whoever has it locked may wait for another one of
		// these.
		if err := s.load(e); err != nil || !e.mu.TryLock() {
			s.table.release(e)
			if err != nil {
				return false, err
			}
			again = false
			continue
		}
		stored := e.stored.Load()
		s.queue.mu.Lock()
		busy := e.dirty.Load() || e.writing.Load() || e.cur.Load().seq != stored
		s.queue.mu.Unlock()
		switch {
		case busy:
			again = false
		case stored == t.seq:
			locked = append(locked, e)
			done = append(done, t)
			continue
		default: // made again, and that is in the file
			done = append(done, t)
		}
		e.mu.Unlock()
		s.table.release(e)
	}
	if len(done) == 0 {
		return false, nil
	}
	gone := make(map[Key]bool, len(locked))
	for _, e := range locked {
		gone[e.key] = true
	}
	err = s.state.update(func(tx *bbolt.Tx) error {
		names := tx.Bucket(bucketTombstones)
		for _, t := range done {
			key := append(append(binary.BigEndian.AppendUint64(nil, t.seq), byte(t.key.Kind)), t.key.ID...)
			if err := names.Delete(key); err != nil {
				return err
			}
			if !gone[t.key] {
				continue
			}
			if err := tx.Bucket(s.state.buckets[t.key.Kind]).Delete([]byte(t.key.ID)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return false, err
	}
	for _, e := range locked { // memory counts nothing for the state of either
		e.stored.Store(0)
		e.cur.Store(never)
	}
	s.counters.forgotten.Add(uint64(len(locked)))
	return again, nil
}
