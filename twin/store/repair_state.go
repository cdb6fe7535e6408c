package store

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
)

// saveState takes over every entry of a state.db that proves itself.
func (r *repairer) saveState(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	size, err := fileSize(path)
	if err != nil {
		return err
	}
	defer r.progress(path, size)
	p, metas, err := openPages(f, size)
	if err != nil {
		if !errors.Is(err, ErrDamaged) {
			return err
		}
		r.tell(path, err)
		r.hole(path, "all of it")
		r.ranges = append(r.ranges, [2][]byte{})
		p = &pageFile{r: f, size: size, page: int64(os.Getpagesize())}
		return r.saveLeaves(p, func(uint64) bool { return true })
	}
	m := metas[0]
	if most := uint64(p.size / p.page); m.pages > most {
		r.tell(path, fmt.Errorf("%w: it is cut off", ErrDamaged))
		m.pages = most
	}
	w, err := p.walk(m)
	if err != nil {
		return err
	}
	s := stateCheck{walk: w, kinds: &r.kinds, whole: true}
	s.entry = func(k Key, v version, text []byte) error { return r.saveEntry(k, v, text, 1, nil) }
	s.receipt = func(client string, c *received) error {
		r.open.clients[client] = c
		return nil
	}
	s.failed = func(k Key) { r.bad = append(r.bad, k) }
	s.wrong = func(where string, err error) error {
		if s.format > stateFormat {
			return err // not this program's to judge
		}
		if strings.HasPrefix(where, "receipts") {
			r.hole(path, where)
		}
		r.tell(path, err)
		return nil
	}
	s.amiss = func(err error, low, high []byte) error {
		s.hurt = true
		r.tell(path, err)
		r.ranges = append(r.ranges, [2][]byte{bytes.Clone(low), bytes.Clone(high)})
		switch {
		case low == nil:
			r.hole(path, "a whole part")
		case high == nil:
			r.hole(path, fmt.Sprintf("from %q on", low))
		default:
			r.hole(path, fmt.Sprintf("%q to before %q", low, high))
		}
		return nil
	}
	err = s.run()
	if errors.Is(err, ErrDamaged) && s.format <= stateFormat {
		s.hurt = true
		r.tell(path, err)
		r.hole(path, "a whole part")
		r.ranges = append(r.ranges, [2][]byte{})
	} else if err != nil {
		return err
	}
	if s.format != 0 {
		r.meta, r.known = s.meta, true
		r.newest = max(r.newest, r.meta.covered, r.meta.receipt)
		r.latest = max(r.latest, r.meta.latest)
	}
	if !s.hurt {
		return nil
	}
	// Perhaps some receipts are missing. To see again what the rest already
	// follows from changes nothing: in the end a session's last word counts.
	r.meta.receipt = 0
	if err := r.saveLeaves(p, s.free); err != nil {
		return err
	}
	return r.state.commit()
}

func (r *repairer) hole(path, what string) { r.holes = append(r.holes, path+": "+what) }

// saveLeaves takes over the entries of pages that nothing leads to any more.
// Those on pages that were free are older ones.
func (r *repairer) saveLeaves(p *pageFile, free func(page uint64) bool) error {
	return p.leaves(func(page uint64, key, entry []byte) error {
		if len(key) > 1 && key[0] == 'c' && !free(page) && len(entry) > 0 && entry[0] != 1 {
			if c, err := decodeReceived(key, entry); err == nil && r.open.clients[string(key[1:])] == nil {
				r.open.clients[string(key[1:])] = c
				return nil
			}
		}
		var fits []Key
		var found version
		var text []byte
		for kind, spec := range r.kinds {
			if spec == nil {
				continue
			}
			k := Key{Kind(kind), string(key)}
			v, t, err := decodeState(spec.Name, k.ID, entry)
			if err != nil {
				continue
			}
			if t != nil {
				if _, err := spec.Decode(bytes.Clone(t)); err != nil {
					continue
				}
			}
			fits, found, text = append(fits, k), v, t
		}
		if len(fits) != 1 {
			return nil // of format 1 it cannot be told what it is
		}
		var old func()
		if free(page) {
			// What is there may also be of an entity that was deleted and
			// forgotten; so it counts only where something is missing.
			if !r.missed(fits[0]) {
				return nil
			}
			old = func() { r.old[fits[0]] = found.seq }
		}
		return r.saveEntry(fits[0], found, text, 0.5, old)
	})
}

// missed says whether the entity may have had an entry that cannot be read.
func (r *repairer) missed(k Key) bool {
	id := []byte(k.ID)
	for _, hole := range r.ranges {
		if bytes.Compare(id, hole[0]) >= 0 && (hole[1] == nil || bytes.Compare(id, hole[1]) < 0) {
			return true
		}
	}
	return slices.Contains(r.bad, k)
}

// saveEntry writes an entry, unless there is one as new. old, unless nil, is
// run when it was written, and not for one that stands in for a known one.
func (r *repairer) saveEntry(k Key, v version, text []byte, fill float64, old func()) error {
	bucket := kindBucket(r.kinds[k.Kind].Name)
	if entry := r.state.get(bucket, []byte(k.ID)); entry != nil {
		if is, _, err := decodeState(r.kinds[k.Kind].Name, k.ID, entry); err == nil && is.seq >= v.seq {
			return nil
		}
	}
	if text != nil {
		state, err := r.kinds[k.Kind].Decode(bytes.Clone(text))
		if err != nil || state == nil {
			r.bad = append(r.bad, k)
			return nil
		}
		v.state = state
	}
	if old != nil {
		old()
	}
	r.newest = max(r.newest, v.seq)
	r.latest = max(r.latest, v.modified)
	return r.state.put(bucket, []byte(k.ID), appendState(nil, r.kinds[k.Kind].Name, k.ID, &v), fill)
}

// load gives what is known of an entity; never, if nothing is.
func (r *repairer) load(k Key) (*version, error) {
	if v := r.cache[k]; v != nil {
		return v, nil
	}
	entry := r.state.get(kindBucket(r.kinds[k.Kind].Name), []byte(k.ID))
	if entry == nil {
		return never, nil
	}
	v, text, err := decodeState(r.kinds[k.Kind].Name, k.ID, entry)
	if err == nil && text != nil {
		v.state, err = r.kinds[k.Kind].Decode(bytes.Clone(text))
	}
	return &v, err
}

// store keeps a version, in memory until there are many of them.
func (r *repairer) store(k Key, v *version) error {
	r.cache[k] = v
	if r.cached += stateCost(v.state) + entityCost; r.cached < heldBytes/2 {
		return nil
	}
	return r.flush()
}

func (r *repairer) flush() error {
	for _, k := range slices.SortedFunc(maps.Keys(r.cache), compareKeys) {
		if err := r.state.put(kindBucket(r.kinds[k.Kind].Name), []byte(k.ID), appendState(nil, r.kinds[k.Kind].Name, k.ID, r.cache[k]), 0.9); err != nil {
			return err
		}
	}
	clear(r.cache)
	r.cached = 0
	return nil
}

// writeReceipts writes the receipts as they are at the journal's end.
func (r *repairer) writeReceipts() error {
	for _, client := range slices.Sorted(maps.Keys(r.open.clients)) {
		key := receiptKey(client)
		if err := r.state.put(bucketReceipts, key, appendReceived(nil, key, r.open.clients[client]), 0.9); err != nil {
			return err
		}
	}
	return nil
}

// writeTombstones lists the deleted entities.
func (r *repairer) writeTombstones() error {
	var list []tombstone
	for kind, spec := range r.kinds {
		if spec == nil {
			continue
		}
		err := r.state.tx.Bucket(kindBucket(spec.Name)).ForEach(func(id, entry []byte) error {
			if !isTombstone(entry) {
				return nil
			}
			v, _, err := decodeState(spec.Name, string(id), entry)
			list = append(list, tombstone{v.seq, Key{Kind(kind), string(id)}})
			return err
		})
		if err != nil {
			return err
		}
	}
	for _, t := range list {
		if err := listTombstone(r.kinds[t.key.Kind], r.state.tx, t.seq, t.key); err != nil {
			return err
		}
	}
	return nil
}

// restore gives the entities whose newest change is lost the newest state that
// can be proven, by a record of its own: the journal stays the truth.
func (r *repairer) restore() error {
	if err := r.flush(); err != nil {
		return err
	}
	keys := slices.SortedFunc(maps.Keys(r.wounds), compareKeys)
	r.latest = max(r.latest+1, r.now().UnixNano())
	for _, k := range keys {
		w := r.wounds[k]
		v, err := r.load(k)
		if err != nil {
			return err
		}
		loss := Loss{Kind: r.kinds[k.Kind].Name, ID: k.ID, Revision: w.revision, Kept: v.revision, Now: w.revision + 1, Why: w.why, Deleted: v.revision == 0}
		if !loss.Deleted {
			loss.Time = v.entry().Modified
		}
		next := &version{state: v.state, revision: loss.Now, far: v.far, created: cmp.Or(v.created, r.latest), modified: r.latest}
		rec := &record{op: opChange, flags: flagState, kind: k.Kind, id: k.ID, revision: next.revision, time: r.latest, prev: pointer{seq: w.seq}, base: pointer{seq: w.base}, far: pointer{seq: v.far}, created: next.created}
		if v.state == nil {
			rec.flags = flagDeleted
		}
		if next.seq, err = r.append(rec, v.state); err != nil {
			return err
		}
		next.base = next.seq
		if next.revision%farEvery == 0 {
			next.far = next.seq
		}
		if err := r.store(k, next); err != nil {
			return err
		}
		r.is.Losses = append(r.is.Losses, loss)
	}
	if err := r.endJournal(); err != nil {
		return err
	}
	if err := r.flush(); err != nil {
		return err
	}
	return r.unhealed()
}

// unhealed names the entries of state.db that nothing made good.
func (r *repairer) unhealed() error {
	for _, k := range slices.SortedFunc(maps.Keys(r.old), compareKeys) {
		v, err := r.load(k)
		if err != nil {
			return err
		}
		if _, told := r.wounds[k]; !told && v.seq == r.old[k] {
			r.is.Losses = append(r.is.Losses, Loss{Kind: r.kinds[k.Kind].Name, ID: k.ID, Kept: v.revision, Time: v.entry().Modified, Now: v.revision, Why: "only an old copy of it was found in " + stateName})
		}
	}
	for _, k := range r.bad {
		v, err := r.load(k)
		if err != nil {
			return err
		}
		if _, told := r.wounds[k]; !told && v.seq == 0 {
			r.hole(stateName, fmt.Sprintf("the entry of %s %q, if that is its name", r.kinds[k.Kind].Name, k.ID))
		}
	}
	whole := len(r.segments) > 0 && r.segments[0].first == 1 && len(r.is.Lost) == 0
	if !whole { // else the journal has told of everybody
		r.is.Unnamed = r.holes
	}
	return nil
}
