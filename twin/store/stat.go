package store

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/maphash"
	"os"
	"slices"
	"time"
)

// Stat says what takes the space in a data folder.
type Stat struct {
	Segments []SegmentStat `json:"segments"`
	Journal  JournalStat   `json:"journal"`
	State    StateStat     `json:"state"`
	Largest  []EntityStat  `json:"largest"` // by their text in state.db
	Busiest  []EntityStat  `json:"busiest"` // by their records in the journal
}

// SegmentStat is one file of the journal.
type SegmentStat struct {
	File    string    `json:"file"`
	First   uint64    `json:"first"`
	Last    uint64    `json:"last"`
	From    time.Time `json:"from,omitzero"`
	To      time.Time `json:"to,omitzero"`
	Records uint64    `json:"records"`
	Bytes   int64     `json:"bytes"` // the file's size
	Disk    int64     `json:"disk"`  // what the file system gives for it
}

// JournalStat sums the journal up. Its parts and Unused together are Bytes.
type JournalStat struct {
	From       time.Time         `json:"from,omitzero"` // how far back history reaches
	To         time.Time         `json:"to,omitzero"`
	Bytes      int64             `json:"bytes"`
	Disk       int64             `json:"disk"`
	Records    uint64            `json:"records"`
	Operations map[string]uint64 `json:"operations"` // records by what they say happened
	Parts      JournalParts      `json:"parts"`
}

// JournalParts is where the bytes of the journal's files are.
type JournalParts struct {
	Changes int64 `json:"changes"` // what was changed
	States  int64 `json:"states"`  // full states, for history
	Headers int64 `json:"headers"` // that are kept with the changes
	Names   int64 `json:"names"`   // IDs, of entities and of clients
	Records int64 `json:"records"` // the rest of the records: numbers, times, pointers, checksums
	Pages   int64 `json:"pages"`   // of bbolt, to find them
	Unused  int64 `json:"unused"`  // free pages, and room that the last segment has got in advance
}

// StateStat is state.db.
type StateStat struct {
	Bytes      int64  `json:"bytes"`
	Disk       int64  `json:"disk"`
	Covered    uint64 `json:"covered"` // the record up to which it makes the journal unnecessary
	Entities   uint64 `json:"entities"`
	Deleted    uint64 `json:"deleted"` // of which the revision is remembered
	Entries    int64  `json:"entries"` // bytes of these and of their keys
	Tombstones int64  `json:"tombstones"`
	Clients    uint64 `json:"clients"`  // that have QoS 2 messages which they did not release
	Receipts   uint64 `json:"receipts"` // these messages
	Pages      int64  `json:"pages"`    // bytes of the pages in use that are not entries
	Free       int64  `json:"free"`     // bytes of free pages; "store compact" gives them back
}

// EntityStat is one of the extreme ones.
type EntityStat struct {
	Kind    string `json:"kind"`
	ID      string `json:"id"`
	Bytes   int64  `json:"bytes"`             // of its text, or of its records
	Records uint64 `json:"records,omitempty"` // of it
}

// mostNamed is how many entities Stat names.
const mostNamed = 10

// Inspect reads a data folder that nobody uses, or a backup of one, and says
// what takes its space. Damage is an error that names it.
func Inspect(dir string, kinds map[Kind]KindSpec, watch Watch) (Stat, error) {
	in := &inspector{dir: dir, watch: watch, seed: maphash.MakeSeed(), counts: make(map[uint64]EntityStat)}
	in.is.Journal.Operations = make(map[string]uint64)
	for k, spec := range kinds {
		in.kinds[k] = &spec
	}
	l, err := layoutOf(dir)
	if err == nil {
		var lock *os.File
		if lock, err = lockToRead(dir); lock != nil && err == nil {
			defer lock.Close()
		}
	}
	if err == nil {
		err = in.run(&l)
	}
	if err != nil {
		return in.is, fmt.Errorf("store: %w", err)
	}
	return in.is, nil
}

type inspector struct {
	dir         string
	kinds       [256]*KindSpec
	watch       Watch
	is          Stat
	done, total int64
	seed        maphash.Seed
	counts      map[uint64]EntityStat // by hash of the key; the name only of those that changed often
}

func (in *inspector) run(l *layout) error {
	for _, path := range append([]string{l.state}, l.segments...) {
		if size, err := fileSize(path); err == nil {
			in.total += size
		}
	}
	for _, path := range l.segments {
		if err := in.segment(path); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
	}
	if err := in.state(l.state); err != nil {
		return fmt.Errorf("%s: %w", l.state, err)
	}
	for h, n := range in.counts {
		if n.ID != "" {
			in.is.Busiest = most(in.is.Busiest, n, func(e EntityStat) int64 { return int64(e.Records) })
		}
		delete(in.counts, h)
	}
	return nil
}

// most keeps the ones that are largest by a measure, those first.
func most(list []EntityStat, e EntityStat, by func(EntityStat) int64) []EntityStat {
	at, _ := slices.BinarySearchFunc(list, e, func(a, b EntityStat) int {
		return cmp.Or(cmp.Compare(by(b), by(a)), cmp.Compare(a.ID, b.ID), cmp.Compare(a.Kind, b.Kind))
	})
	if at == mostNamed {
		return list
	}
	list = slices.Insert(list, at, e)
	return list[:min(len(list), mostNamed)]
}

func (in *inspector) open(path string, fn func(f *os.File, p *pageFile, metas []metaPage) error) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	size, err := fileSize(path)
	if err != nil {
		return err
	}
	p, metas, err := openPages(f, size)
	if err == nil {
		err = fn(f, p, metas)
	}
	in.done += size
	if in.watch.Progress != nil {
		in.watch.Progress(path, min(in.done, in.total), in.total)
	}
	if errors.Is(err, ErrDamaged) {
		err = fmt.Errorf("%w: \"store verify\" says more", err)
	}
	return err
}

// named is from how many records on an entity's name is kept:
// most have one in the journal, and that is not much.
const named = 2

func (in *inspector) segment(path string) error {
	return in.open(path, func(f *os.File, p *pageFile, metas []metaPage) error {
		w, err := p.walk(metas[0])
		if err != nil {
			return err
		}
		root, err := w.values(func(fn entryFunc) error { return w.tree(metas[0].root, nil, nil, 0, fn) })
		if err != nil {
			return err
		}
		seg := SegmentStat{File: path, Bytes: p.size, Disk: onDisk(f)}
		j := &in.is.Journal
		var texts int64
		err = w.bucket(root[string(bucketRecords)], func(_ uint32, key, text []byte) error {
			if len(key) != 8 {
				return fmt.Errorf("%w: a record has the key %x", ErrDamaged, key)
			}
			seq := binary.BigEndian.Uint64(key)
			r, err := decodeRecord(seq, text)
			if err != nil {
				return fmt.Errorf("%w: record %d: %w", ErrDamaged, seq, err)
			}
			at := time.Unix(0, r.time).UTC()
			if seg.Records == 0 {
				seg.First, seg.From = seq, at
			}
			if j.Records == 0 {
				j.From = at
			}
			seg.Last, seg.To, j.To = seq, at, at
			seg.Records++
			j.Records++
			j.Operations[operation(&r)]++
			names := len(r.id) + len(r.receipt.Client)
			j.Parts.Changes += int64(len(r.change))
			j.Parts.States += int64(len(r.state))
			j.Parts.Headers += int64(len(r.headers))
			j.Parts.Names += int64(names)
			j.Parts.Records += int64(len(text) - len(r.change) - len(r.state) - len(r.headers) - names)
			texts += int64(len(text))
			in.count(&r, int64(len(text)))
			return nil
		})
		used := int64(0)
		for _, bits := range w.seen {
			for ; bits != 0; bits &= bits - 1 {
				used += p.page
			}
		}
		used += 2 * p.page
		j.Bytes += p.size
		j.Disk += seg.Disk
		j.Parts.Pages += used - texts
		j.Parts.Unused += p.size - used
		in.is.Segments = append(in.is.Segments, seg)
		return err
	})
}

func (in *inspector) count(r *record, size int64) {
	if r.op != opChange {
		return
	}
	var h maphash.Hash
	h.SetSeed(in.seed)
	h.WriteByte(byte(r.kind))
	h.WriteString(r.id)
	n := in.counts[h.Sum64()]
	n.Records++
	n.Bytes += size
	if n.Records == named && in.kinds[r.kind] != nil {
		n.Kind, n.ID = in.kinds[r.kind].Name, r.id
	}
	in.counts[h.Sum64()] = n
}

// operation names what a record says happened.
func operation(r *record) string {
	switch r.op {
	case opReceipt:
		return "receipt"
	case opRelease:
		return "release"
	case opForget:
		return "forget"
	case opGap:
		return "gap"
	}
	switch {
	case r.flags&flagDeleted != 0:
		return "delete"
	case r.flags&flagCreated != 0:
		return "create"
	}
	return "change"
}

func (in *inspector) state(path string) error {
	err := in.open(path, func(f *os.File, p *pageFile, metas []metaPage) error {
		w, err := p.walk(metas[0])
		if err != nil {
			return err
		}
		st := &in.is.State
		st.Bytes, st.Disk = p.size, onDisk(f)
		s := stateCheck{walk: w, kinds: &in.kinds, whole: true}
		s.raw = func(bucket, key, entry []byte) error {
			size := int64(len(key) + len(entry))
			if bytes.HasPrefix(bucket, kindBucket("")) {
				st.Entries += size
			}
			switch {
			case bytes.Equal(bucket, bucketTombstones):
			case bytes.Equal(bucket, bucketReceipts):
				st.Clients++
				c, err := decodeReceived(key, entry)
				if err != nil {
					return err
				}
				st.Receipts += uint64(len(c.ids))
			case isTombstone(entry):
				st.Deleted++
				st.Tombstones += size
			default:
				st.Entities++
				kind := string(bytes.TrimPrefix(bucket, kindBucket("")))
				in.is.Largest = most(in.is.Largest, EntityStat{Kind: kind, ID: string(key), Bytes: int64(len(entry))}, func(e EntityStat) int64 { return e.Bytes })
			}
			return nil
		}
		if err := s.run(); err != nil {
			return err
		}
		st.Covered = s.meta.covered
		used := 2 * p.page
		for id := uint64(2); id < metas[0].pages; id++ {
			if s.inTree[id/64]&(1<<(id%64)) != 0 {
				used += p.page
			}
		}
		st.Pages, st.Free = used-st.Entries, p.size-used
		return nil
	})
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}
