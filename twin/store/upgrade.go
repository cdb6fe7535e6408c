package store

import (
	"fmt"

	"go.etcd.io/bbolt"
)

// upgrade raises a folder that an earlier program wrote to this one's formats,
// once everything in it has been read and found good. Sealed segments and
// entries of state.db stay as they are; what is written from now on has the
// new format. state.db says so itself, and is raised in one transaction. The
// segment that was written last is sealed and followed by one of the new
// format, so that an earlier program that finds the folder refuses it by the
// format of a file, before it has changed anything.
func (s *Store) upgrade() error {
	from := s.journal.format
	if s.state.format < stateFormat {
		if err := guarded(s.state.path, s.raiseState); err != nil {
			return err
		}
		s.state.format = stateFormat
	}
	if j := &s.journal; j.format < journalFormat {
		if j.last >= j.first {
			if err := j.rotate(j.last + 1); err != nil {
				return err
			}
		} else {
			// Nothing is in it: the new one takes its place.
			if err := j.db.Close(); err != nil {
				return err
			}
			j.db = nil
			if err := j.create(j.first); err != nil {
				return err
			}
		}
		s.horizon.wrote(j.first, 0)
	}
	if from < journalFormat {
		s.o.Logger.Info("the data folder has been raised to this program's formats; earlier programs cannot use it any more",
			"folder", s.dir, "from", from, "to", journalFormat)
	}
	return nil
}

// raiseState makes state.db one of the present format.
func (s *Store) raiseState() error {
	return s.state.db.Update(func(tx *bbolt.Tx) error {
		if _, err := tx.CreateBucketIfNotExists(bucketTombstones); err != nil {
			return err
		}
		for kind, spec := range s.kinds {
			if spec == nil {
				continue
			}
			err := tx.Bucket(s.state.buckets[kind]).ForEach(func(id, entry []byte) error {
				if !isTombstone(entry) {
					return nil
				}
				v, _, err := decodeState(spec.Name, string(id), entry)
				if err != nil {
					return fmt.Errorf("%w: %s %q: %w", ErrDamaged, spec.Name, id, err)
				}
				return listTombstone(spec, tx, v.seq, Key{Kind(kind), string(id)})
			})
			if err != nil {
				return err
			}
		}
		meta := tx.Bucket(bucketMeta)
		if err := putNumber(meta, metaAge, 0); err != nil {
			return err
		}
		if err := putNumber(meta, metaFormat, stateFormat); err != nil {
			return err
		}
		return sealMeta(tx)
	})
}
