package store

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// plan is a segment of the new folder and what it is made of.
type plan struct {
	first  uint64
	last   uint64 // 0: not known
	format uint64 // 0: not known
	age    time.Duration
	from   []string
	whole  string // one of these, if it is whole
	limit  uint64 // not 0: records after this are of a commit that was not finished
	saved  *salvaged
}

// discover finds out what each file of the folder is, by its content where
// that says so, whatever its name.
func (r *repairer) discover() error {
	paths := append([]string{r.layout.state, filepath.Join(r.dir, lockName)}, r.layout.segments...)
	paths = append(paths, r.layout.others...)
	for _, path := range paths {
		if err := r.classify(path); err != nil {
			return err
		}
	}
	slices.SortFunc(r.segments, func(a, b plan) int { return cmp.Compare(a.first, b.first) })
	for i := range r.segments {
		if i+1 < len(r.segments) {
			r.segments[i].last = r.segments[i+1].first - 1
		}
	}
	if len(r.states) == 0 {
		r.hole(r.layout.state, "it is missing: all that was not changed since the journal begins")
	}
	return nil
}

func (r *repairer) classify(path string) error {
	size, err := fileSize(path)
	if errors.Is(err, os.ErrNotExist) || filepath.Base(path) == lockName && size <= lockSize {
		return nil
	}
	if err != nil {
		return err
	}
	isState, first, err := contentOf(path, size)
	if err != nil {
		return err
	}
	if !isState && first == 0 { // it does not say
		if isState = path == r.layout.state; !isState {
			if first, err = segmentFirst(filepath.Base(path)); err != nil || first == 0 {
				r.is.Ignored = append(r.is.Ignored, path)
				return nil
			}
		}
	}
	r.total += size
	if isState {
		r.states = append(r.states, path)
		return nil
	}
	i := slices.IndexFunc(r.segments, func(p plan) bool { return p.first == first })
	if i < 0 {
		i = len(r.segments)
		r.segments = append(r.segments, plan{first: first})
	}
	r.segments[i].from = append(r.segments[i].from, path)
	return r.judge(&r.segments[i], path)
}

// ageOf reads how old the journal was when a segment that is whole was begun.
func (p *pageFile) ageOf(m metaPage) (time.Duration, error) {
	s := &salvaged{records: make(map[uint64]savedRecord)}
	w, err := p.walk(m)
	if err != nil {
		return 0, err
	}
	root, err := w.values(func(fn entryFunc) error { return w.tree(m.root, nil, nil, 0, fn) })
	if err == nil {
		err = s.readMeta(w, root)
	}
	return s.age, err
}

// contentOf tells a state.db from a segment by what is in it; neither, if that
// cannot be read.
func contentOf(path string, size int64) (isState bool, first uint64, err error) {
	f, err := os.Open(path)
	if err != nil {
		return false, 0, err
	}
	defer f.Close()
	p, metas, err := openPages(f, size)
	if err == nil {
		var w *walk
		if w, err = p.walk(metas[0]); err == nil {
			var root, meta map[string][]byte
			root, err = w.values(func(fn entryFunc) error { return w.tree(metas[0].root, nil, nil, 0, fn) })
			isState = root[string(bucketReceipts)] != nil
			if value := root[string(bucketMeta)]; err == nil && value != nil && root[string(bucketRecords)] != nil {
				meta, err = w.values(func(fn entryFunc) error { return w.bucket(value, fn) })
				if v := meta[string(metaFirst)]; len(v) == 8 {
					first = binary.BigEndian.Uint64(v)
				}
			}
		}
	}
	if errors.Is(err, ErrDamaged) {
		err = nil
	}
	return isState, first, err
}

// judge notes whether the file is the whole segment.
func (r *repairer) judge(p *plan, path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	size, err := fileSize(path)
	if err != nil {
		return err
	}
	pages, metas, err := openPages(f, size)
	if err == nil {
		if _, err = pages.verify(metas[0], p.first); err == nil && p.whole == "" && bothHalves(pages, metas) {
			p.whole = path
			p.age, err = pages.ageOf(metas[0])
		}
		if errors.Is(err, ErrDamaged) && len(metas) == 2 && metas[1].txid+1 == metas[0].txid {
			if older, damage := pages.verify(metas[1], p.first); damage == nil {
				p.limit = max(older.last, p.first-1)
			}
		}
	}
	if errors.Is(err, ErrFormat) {
		// If its records can be read all the same, it is the number that is
		// damaged.
		saved, failed := salvageSegment(path)
		if failed != nil {
			return failed
		}
		if len(saved.records) == 0 && saved.said.last != 0 {
			return fmt.Errorf("%s: %w", path, err)
		}
		err = fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	if errors.Is(err, ErrDamaged) {
		r.tell(path, err)
		return nil
	}
	return err
}

// copySegment copies what a segment uses of its file.
func copySegment(from, to string) error {
	src, err := os.Open(from)
	if err != nil {
		return err
	}
	defer src.Close()
	size, err := fileSize(from)
	if err != nil {
		return err
	}
	p, metas, err := openPages(src, size)
	if err != nil {
		return err
	}
	dst, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(dst, io.NewSectionReader(src, 0, int64(metas[0].pages)*p.page))
	return errors.Join(err, dst.Sync(), dst.Close())
}
