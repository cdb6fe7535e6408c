package store

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"go.etcd.io/bbolt"
)

// rewind restores an earlier moment. It reads the whole journal forwards. What
// it finds out about an entity before the moment is its version then; of what
// the journal has only a later change, or none, the snapshot may still have the
// version before that.
type rewind struct {
	*restore
	until  int64  // keep what was changed up to then; 0: it is last that counts
	last   uint64 // the last record that is kept
	time   int64  // the latest time of those
	traces map[Key]*trace
	state  *stateFile // the backup's snapshot
	kept   []kept     // for each segment
}

// kept says what remains of a segment.
type kept struct{ records, dropped int }

// trace is what the journal says about an entity.
type trace struct {
	version        // at the moment; valid if there is a record up to it
	before  bool   // there is one
	known   bool   // and it, or the snapshot, tells the state
	after   *later // the first change after the moment
	written bool
}

// later is a change that is not taken over.
type later struct {
	revision, prev uint64
	created        bool
	time           int64
}

// rewind makes journal and snapshot as they were.
func (r *restore) rewind() (*rewind, error) {
	for i := range r.backup.Segments {
		r.total += r.backup.Segments[i].Size // read twice
	}
	w := &rewind{restore: r, traces: make(map[Key]*trace), kept: make([]kept, len(r.backup.Segments))}
	if err := w.aim(); err != nil {
		return nil, err
	}
	defer w.closeSnapshot()
	if err := w.openSnapshot(); err != nil {
		return nil, err
	}
	if err := w.scan(); err != nil {
		return nil, err
	}
	if err := w.writeState(); err != nil {
		return nil, err
	}
	for i := range r.backup.Segments {
		d := &r.backup.Segments[i]
		var err error
		switch k := w.kept[i]; {
		case d.First > w.last:
		case k.dropped == 0:
			err = w.copySegment(d)
		default:
			err = w.rewrite(d)
		}
		if err != nil {
			return nil, err
		}
	}
	r.report.Sequence, r.report.Time = w.last, time.Unix(0, w.time).UTC()
	return w, nil
}

// openSnapshot opens the backup's snapshot file to read it.
func (w *rewind) openSnapshot() error {
	path := filepath.Join(w.from, w.backup.State.File)
	_, sum, err := hashFile(path)
	if err != nil {
		return err
	}
	if sum != w.backup.State.SHA256 {
		return differs(path)
	}
	w.state = &stateFile{path: path}
	o := stateOptions()
	o.ReadOnly = true
	return guarded(path, func() (err error) {
		if w.state.db, err = bbolt.Open(path, 0o600, o); err != nil {
			return err
		}
		return w.state.db.View(func(tx *bbolt.Tx) error {
			for kind, spec := range w.kinds {
				name := kindBucket(spec.Name)
				if tx.Bucket(name) == nil {
					return fmt.Errorf("%w: it has no bucket %q", ErrDamaged, name)
				}
				w.state.buckets[kind] = name
			}
			return nil
		})
	})
}

func (w *rewind) closeSnapshot() {
	if w.state != nil && w.state.db != nil {
		_ = w.state.db.Close()
	}
}

// scan reads the journal.
func (w *rewind) scan() error {
	w.step = "reading the journal"
	if w.until == 0 {
		if err := w.wholeGroup(); err != nil {
			return err
		}
	}
	last := w.last
	for i := range w.backup.Segments {
		d := &w.backup.Segments[i]
		if err := w.ctx.Err(); err != nil {
			return err
		}
		path := filepath.Join(w.from, d.file())
		_, sum, err := hashFile(path)
		if err != nil {
			return err
		}
		if sum != d.SHA256 {
			return differs(path)
		}
		_, err = scanSegment(path, d.First, d.Before, func(seq uint64, r *record) error {
			if !w.keeps(seq, r) {
				w.kept[i].dropped++
				return w.pass(r)
			}
			w.kept[i].records++
			last = seq
			w.time = max(w.time, r.time)
			return w.take(seq, r)
		})
		if err != nil {
			return err
		}
		w.progress(int(d.Size))
	}
	w.last = last
	return nil
}

// take notes a change up to the moment.
func (w *rewind) take(seq uint64, r *record) error {
	if r.op != opChange {
		return nil
	}
	spec, ok := w.kinds[r.kind]
	if !ok {
		return fmt.Errorf("%w: %q is of kind %d, which this program does not know", ErrFormat, r.id, r.kind)
	}
	key := Key{r.kind, r.id}
	t := w.traces[key]
	if t == nil {
		var err error
		if t, err = w.first(key, &spec, r); err != nil {
			return err
		}
		w.traces[key] = t
	} else if r.revision != t.revision+1 || r.prev.seq != t.seq {
		return fmt.Errorf("%w: it takes %s %q from revision %d (record %d) to %d, but the one before is %d (record %d)",
			ErrDamaged, spec.Name, r.id, r.revision-1, r.prev.seq, r.revision, t.revision, t.seq)
	}
	next := version{revision: r.revision, seq: seq, base: r.base.seq, far: t.far, created: t.created, modified: r.time}
	if r.flags&flagCreated != 0 {
		next.created = r.time
	} else if r.created != 0 {
		next.created = r.created
	}
	r.originate(&next)
	if r.far.seq != 0 {
		next.far = r.far.seq
	}
	if r.revision%farEvery == 0 {
		next.far = seq
	}
	known, err := true, error(nil)
	switch {
	case r.flags&flagDeleted != 0:
	case r.flags&flagState != 0:
		next.state, err = spec.Decode(slices.Clone(r.state))
	case r.flags&flagCreated != 0:
		next.state, err = spec.Apply(nil, slices.Clone(r.change))
	case t.known:
		next.state, err = spec.Apply(t.state, slices.Clone(r.change))
	default:
		known = false
	}
	if err != nil {
		return fmt.Errorf("%w: change of %s %q to revision %d: %w", ErrDamaged, spec.Name, r.id, r.revision, err)
	}
	if r.complete() {
		next.base = seq
	}
	if f, ok := next.state.(Folder); ok {
		next.state = f.Fold()
	}
	t.version, t.known, t.before = next, known, true
	return nil
}

// first begins to follow an entity with the first record that the journal has
// of it. What the snapshot says is about a later version, or about the one
// right before.
func (w *rewind) first(key Key, spec *KindSpec, r *record) (*trace, error) {
	stored, err := w.state.load(key, spec)
	if err != nil {
		return nil, err
	}
	t := &trace{}
	t.created = r.time
	if stored.created != 0 && stored.created < r.time {
		t.created = stored.created
	}
	if stored.seq == r.prev.seq && stored.revision+1 == r.revision {
		t.version, t.known = *stored, true
	}
	return t, nil
}

// pass notes a change after the moment.
func (w *rewind) pass(r *record) error {
	if r.op != opChange {
		return nil
	}
	key := Key{r.kind, r.id}
	t := w.traces[key]
	if t == nil {
		t = &trace{}
		w.traces[key] = t
	}
	if t.after == nil {
		t.after = &later{revision: r.revision, prev: r.prev.seq, created: r.flags&flagCreated != 0, time: r.time}
	}
	return nil
}

// writeState makes the snapshot file: first it goes through the backup's, so
// that most of it is written in order.
func (w *rewind) writeState() (err error) {
	w.step = "writing the snapshot"
	b, err := newStateBuilder(filepath.Join(w.temporary, stateName))
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			b.abandon()
		}
	}()
	for kind, spec := range w.kinds {
		if err := w.writeKind(b, kind, &spec); err != nil {
			return err
		}
	}
	if len(w.report.Lost) > 0 {
		slices.SortFunc(w.report.Lost, func(a, b Lost) int { return strings.Compare(a.ID, b.ID) })
		if !w.o.Partial {
			return fmt.Errorf("%w as it was then: %d of them, the first is %s %q, were changed last before the journal begins and again at %s or later",
				ErrLost, len(w.report.Lost), w.report.Lost[0].Kind, w.report.Lost[0].ID, stamp(w.report.Lost[0].Changed))
		}
	}
	// What was received at QoS 2 then has long been released, and its packet
	// identifiers are in use for something else.
	return b.finish(offeredState{Covered: w.last, Time: uint64(w.time), Receipt: w.last})
}

func (w *rewind) writeKind(b *stateBuilder, kind Kind, spec *KindSpec) error {
	name := string(w.state.buckets[kind])
	err := guarded(w.state.path, func() error {
		return w.state.db.View(func(tx *bbolt.Tx) error {
			return tx.Bucket([]byte(name)).ForEach(func(id, entry []byte) error {
				t := w.traces[Key{kind, string(id)}]
				if t == nil {
					return b.put(name, string(id), entry)
				}
				t.written = true
				stored, _, err := decodeState(spec.Name, string(id), entry)
				if err != nil {
					return fmt.Errorf("%w: %s %q: %w", ErrDamaged, spec.Name, id, err)
				}
				if !t.before && stored.seq == t.after.prev {
					return b.put(name, string(id), entry)
				}
				return w.writeEntry(b, name, spec, string(id), t)
			})
		})
	})
	if err != nil {
		return err
	}
	// What the snapshot had not yet when it was copied.
	var rest []string
	for key, t := range w.traces {
		if key.Kind == kind && !t.written {
			rest = append(rest, key.ID)
		}
	}
	slices.Sort(rest)
	for _, id := range rest {
		if err := w.writeEntry(b, name, spec, id, w.traces[Key{kind, id}]); err != nil {
			return err
		}
	}
	return nil
}

// writeEntry writes what the journal says about an entity.
func (w *rewind) writeEntry(b *stateBuilder, bucket string, spec *KindSpec, id string, t *trace) error {
	v := t.version
	switch {
	case t.before && t.known:
	case t.before:
		// Its state is needed, and the journal gives only parts of it.
		w.lose(spec, id, v.modified)
		v.state = nil
	case t.after.created && t.after.prev == 0:
		return nil
	default:
		// It had this revision. Whether it was there, the first change after
		// the moment says.
		if !t.after.created {
			w.lose(spec, id, t.after.time)
		}
		v = version{revision: t.after.revision - 1, seq: t.after.prev, base: t.after.prev}
	}
	return b.put(bucket, id, appendState(nil, spec.Name, id, &v))
}

func (w *rewind) lose(spec *KindSpec, id string, changed int64) {
	w.report.Lost = append(w.report.Lost, Lost{spec.Name, id, time.Unix(0, changed).UTC()})
}
