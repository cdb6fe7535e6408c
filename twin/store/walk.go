package store

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"go.etcd.io/bbolt"
)

// Standing is an entity as Walk shows it.
type Standing struct {
	ID                string
	Text              []byte // of its state; valid until fn returns
	Revision          uint64
	Created, Modified time.Time
	// Damage, unless nil, says what is wrong with what the snapshot file has of
	// it; nothing but the ID is known then.
	Damage error
}

// A step of a walk takes this much out of the snapshot file at once, so that
// no reading transaction lasts long: while there is one the file cannot be
// mapped anew, and the snapshot writer waits.
const (
	walkEntities = 4096
	walkBytes    = 1 << 20
)

// Walk gives every entity of a kind that exists to fn, sorted by ID, as it is
// when the walk comes by and once that is on disk. What is made or deleted
// while it goes on may be there or not. It decodes nothing that is not in
// memory, puts nothing into it, and takes up little of it. What is damaged is
// shown as such, and does not end it; fn's first error does, and damage of the
// file that keeps it from finding what comes next.
func (s *Store) Walk(kind Kind, fn func(*Standing) error) error {
	spec := s.kinds[kind]
	if spec == nil {
		return fmt.Errorf("store: walk: unknown kind %d", kind)
	}
	// Memory first: what is written into the file meanwhile is then found in
	// both rather than in neither.
	w := walking{s: s, kind: kind, spec: spec, made: s.madeLately(kind)}
	for !w.over {
		if err := s.down(); err != nil {
			return err
		}
		if err := w.step(); err != nil {
			return err
		}
		for i := range w.found {
			if err := w.show(&w.found[i], fn); err != nil {
				return err
			}
		}
	}
	return nil
}

// madeLately gives the IDs, sorted, of what exists and may not be in the
// snapshot file.
func (s *Store) madeLately(kind Kind) []string {
	var made []string
	s.queue.mu.Lock()
	for e := range s.queue.drift {
		if e.key.Kind == kind && e.cur.Load().state != nil {
			made = append(made, e.key.ID)
		}
	}
	s.queue.mu.Unlock()
	slices.Sort(made)
	return made
}

// walking is how far a Walk has come.
type walking struct {
	s     *Store
	kind  Kind
	spec  *KindSpec
	made  []string // not in the file when the walk began, and still to come
	after string
	over  bool
	found []passing
	room  []byte // of what found has
	text  []byte
	// onDisk: everything up to this number is.
	onDisk uint64
}

// passing is an entity that a step has found.
type passing struct {
	id    string
	entry []byte // of the snapshot file; nil: it is not there
}

// step finds the next entities.
func (w *walking) step() error {
	w.found, w.room = w.found[:0], w.room[:0]
	err := guarded(w.s.state.path, func() error {
		return w.s.state.db.View(func(tx *bbolt.Tx) error {
			c := tx.Bucket(w.s.state.buckets[w.kind]).Cursor()
			k, entry := c.Seek([]byte(w.after))
			if k != nil && w.after != "" && string(k) == w.after {
				k, entry = c.Next()
			}
			for ; k != nil; k, entry = c.Next() {
				if len(w.found) >= walkEntities || len(w.room) >= walkBytes {
					return nil
				}
				id := string(k)
				w.takeMade(id)
				// The room may move when it grows; what was put there before stays as
				// it is.
				from := len(w.room)
				w.room = append(w.room, entry...)
				w.found = append(w.found, passing{id, w.room[from:len(w.room):len(w.room)]})
				w.after = id
			}
			w.takeMade("")
			w.over = true
			return nil
		})
	})
	return err
}

// takeMade puts in what comes before the ID ("": all that is left) and was not
// in the file, and leaves out what meanwhile is.
func (w *walking) takeMade(before string) {
	for len(w.made) > 0 && (before == "" || w.made[0] < before) {
		w.found = append(w.found, passing{id: w.made[0]})
		w.made = w.made[1:]
	}
	if len(w.made) > 0 && w.made[0] == before {
		w.made = w.made[1:]
	}
}

// show gives one entity to fn: as memory has it, which is never older than the
// file, or else as the file has it.
func (w *walking) show(p *passing, fn func(*Standing) error) error {
	v, err := w.inMemory(p.id)
	if err != nil {
		return err
	}
	var text []byte
	switch {
	case v == nil:
		v, text, err = w.inFile(p)
		if errors.Is(err, ErrDamaged) {
			return fn(&Standing{ID: p.id, Damage: err})
		}
		if err != nil {
			return err
		}
	case v.state != nil:
		w.text = v.state.AppendTo(w.text[:0])
		text = w.text
	}
	if text == nil {
		return nil // deleted
	}
	e := v.entry()
	return fn(&Standing{ID: p.id, Text: text, Revision: e.Revision, Created: e.Created, Modified: e.Modified})
}

// inMemory gives the newest version, once it is on disk; nil when memory has
// none.
func (w *walking) inMemory(id string) (*version, error) {
	for {
		v := w.s.table.glance(Key{w.kind, id})
		if v == nil || v.seq <= w.onDisk {
			return v, nil
		}
		stored := make(chan error, 1)
		w.s.After(v.seq, func(err error) { stored <- err })
		if err := <-stored; err == nil {
			w.onDisk = v.seq
			return v, nil
		}
		// It was refused and taken back; what was before it is there again.
		if err := w.s.down(); err != nil {
			return nil, err
		}
	}
}

// inFile gives the version that the snapshot file has, and its text, nil when
// there is none or it is deleted.
func (w *walking) inFile(p *passing) (*version, []byte, error) {
	f := w.s.state
	if p.entry == nil {
		err := guarded(f.path, func() error {
			return f.db.View(func(tx *bbolt.Tx) error {
				if entry := tx.Bucket(f.buckets[w.kind]).Get([]byte(p.id)); entry != nil {
					p.entry = append([]byte(nil), entry...)
				}
				return nil
			})
		})
		if err != nil || p.entry == nil {
			return nil, nil, err
		}
	}
	v, text, err := decodeState(w.spec.Name, p.id, p.entry)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w: %s %q: %w", f.path, ErrDamaged, w.spec.Name, p.id, err)
	}
	return &v, text, nil
}
