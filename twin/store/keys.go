package store

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"go.etcd.io/bbolt"
)

// Keys lists the IDs of entities of a kind that exist now, sorted by bytes:
// at most n (0: all) of those that begin with prefix and come after the given
// one. It merges what the snapshot file has with what was made or deleted
// since, which may not be on disk yet.
func (s *Store) Keys(kind Kind, prefix, after string, n int) ([]string, error) {
	spec := s.kinds[kind]
	if spec == nil {
		return nil, fmt.Errorf("store: keys: unknown kind %d", kind)
	}
	if err := s.down(); err != nil {
		return nil, err
	}
	// Memory first: what is written into the file meanwhile is then found in
	// both rather than in neither.
	var made []string
	gone := make(map[string]struct{})
	s.queue.mu.Lock()
	for e := range s.queue.drift {
		if e.key.Kind != kind || e.key.ID <= after || !strings.HasPrefix(e.key.ID, prefix) {
			continue
		}
		if e.cur.Load().state != nil {
			made = append(made, e.key.ID)
		} else {
			gone[e.key.ID] = struct{}{}
		}
	}
	s.queue.mu.Unlock()
	slices.Sort(made)

	var out []string
	full := func() bool { return n > 0 && len(out) >= n }
	err := guarded(s.state.path, func() error {
		return s.state.db.View(func(tx *bbolt.Tx) error {
			c := tx.Bucket(s.state.buckets[kind]).Cursor()
			from := max(prefix, after)
			for k, entry := c.Seek([]byte(from)); k != nil && bytes.HasPrefix(k, []byte(prefix)) && !full(); k, entry = c.Next() {
				if !s.state.whole {
					if _, _, err := decodeState(spec.Name, string(k), entry); err != nil {
						return fmt.Errorf("%w: %s %q: %w", ErrDamaged, spec.Name, k, err)
					}
				}
				if isTombstone(entry) || string(k) == after {
					continue
				}
				id := string(k)
				if _, ok := gone[id]; ok {
					continue
				}
				if v := s.table.glance(Key{kind, id}); v != nil && v.state == nil {
					continue // deleted meanwhile
				}
				for len(made) > 0 && made[0] < id && !full() {
					out = append(out, made[0])
					made = made[1:]
				}
				if len(made) > 0 && made[0] == id {
					made = made[1:]
				}
				if !full() {
					out = append(out, id)
				}
			}
			return nil
		})
	})
	if err != nil {
		return nil, err
	}
	for len(made) > 0 && !full() {
		out = append(out, made[0])
		made = made[1:]
	}
	return out, nil
}
