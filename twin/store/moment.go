package store

import (
	"errors"
	"fmt"
	"path/filepath"
	"time"
)

// aim checks that the moment is one that the backup reaches.
func (w *rewind) aim() error {
	o, b := &w.o, &w.backup
	if !o.Until.IsZero() && o.UntilSequence != 0 {
		return errors.New("a moment is given by its time or by its record, not by both")
	}
	if len(b.Segments) == 0 {
		return fmt.Errorf("the backup has no journal, so there is no moment but that of its last record, %d: restore all of it", b.Sequence)
	}
	oldest := &b.Segments[0]
	if !o.Until.IsZero() {
		w.until = o.Until.UnixNano()
		if o.Until.Before(oldest.From) {
			return fmt.Errorf("the backup's history begins with record %d, at %s: that is the earliest possible moment", oldest.First, stamp(oldest.From))
		}
		if o.Until.After(b.Made) && o.Until.After(b.Time) {
			return fmt.Errorf("the backup was made at %s, what was changed later is not in it: give an earlier moment, or none to restore all of it", stamp(b.Made))
		}
		return nil
	}
	w.last = o.UntilSequence
	if w.last < oldest.First {
		return fmt.Errorf("the backup's history begins with record %d, of %s: that is the earliest possible moment", oldest.First, stamp(oldest.From))
	}
	if w.last > b.Sequence {
		return fmt.Errorf("the backup ends with record %d: give an earlier one, or none to restore all of it", b.Sequence)
	}
	return nil
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }

// wholeGroup moves the last record to the end of a group: a group is restored
// as a whole or not at all.
func (w *rewind) wholeGroup() error {
	for i := len(w.backup.Segments) - 1; i >= 0; i-- {
		d := &w.backup.Segments[i]
		if d.First > w.last {
			continue
		}
		last := d.Before
		_, err := scanSegment(filepath.Join(w.from, d.file()), d.First, d.Before, func(seq uint64, r *record) error {
			if seq <= w.last && r.flags&flagMore == 0 {
				last = seq
			}
			return nil
		})
		if err != nil {
			return err
		}
		if last == d.Before && i == 0 {
			return fmt.Errorf("the backup's history begins with record %d, in the middle of a group of changes that cannot be taken apart: give a later moment", d.First)
		}
		w.last = last
		return nil
	}
	return nil
}

// keeps says whether a record belongs to what is restored. Times need not grow
// with numbers where changes of different entities went on at once, but those
// of one entity do, and all of a group are the same.
func (w *rewind) keeps(seq uint64, r *record) bool {
	if w.until != 0 {
		return r.time <= w.until
	}
	return seq <= w.last
}
