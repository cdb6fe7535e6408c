package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"slices"
	"time"
)

// What is damaged is not all lost: a record or an entry proves itself by its
// checksum, wherever in a file it is found. salvage looks first where the tree
// leads to, going on beside what is broken, and then at every page that looks
// like a leaf.

// salvaged is what there is to save of a segment.
type salvaged struct {
	said    ending // what it says about its end; zero: that cannot be read
	format  uint64 // 0: that cannot be read
	age     time.Duration
	records map[uint64]savedRecord
	damage  []error
	doubts  []doubt
}

// savedRecord is a record whose checksum holds. Within the tree there is only
// one for a number. Elsewhere there may be one of an attempt that failed; then
// the latest counts.
type savedRecord struct {
	text   []byte
	time   int64
	inTree bool
}

// doubt is what a record says whose checksum does not hold.
type doubt struct {
	seq    uint64
	record record // op 0: nothing can be read of it
	err    error
}

// sequence gives the numbers of the saved records in order.
func (s *salvaged) sequence() []uint64 {
	out := make([]uint64, 0, len(s.records))
	for seq := range s.records {
		out = append(out, seq)
	}
	slices.Sort(out)
	return out
}

// salvageSegment takes from a segment's file whatever proves itself. The error
// is that of a file that cannot be read at all.
func salvageSegment(path string) (*salvaged, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	out := &salvaged{records: make(map[uint64]savedRecord)}
	p, metas, err := openPages(f, info.Size())
	if err != nil {
		if !errors.Is(err, ErrDamaged) {
			return nil, err
		}
		out.damage = append(out.damage, err)
		p = &pageFile{r: f, size: info.Size(), page: int64(os.Getpagesize())}
	} else if err := out.tree(p, metas[0]); err != nil {
		return nil, err
	}
	err = p.leaves(func(_ uint64, key, value []byte) error {
		if len(key) == 8 {
			out.take(binary.BigEndian.Uint64(key), value, false)
		}
		return nil
	})
	return out, err
}

// tree takes what the tree leads to.
func (s *salvaged) tree(p *pageFile, m metaPage) error {
	if most := uint64(p.size / p.page); m.pages > most {
		s.damage = append(s.damage, fmt.Errorf("%w: it is cut off: %d bytes are there, %d pages of %d bytes should be", ErrDamaged, p.size, m.pages, p.page))
		m.pages = most
	}
	w, err := p.walk(m)
	if err != nil {
		return err
	}
	w.amiss = func(err error, _, _ []byte) error {
		s.damage = append(s.damage, err)
		return nil
	}
	root, err := w.values(func(fn entryFunc) error { return w.tree(m.root, nil, nil, 0, fn) })
	if err != nil {
		return s.note(err)
	}
	if err := s.note(s.readMeta(w, root)); err != nil {
		return err
	}
	if value := root[string(bucketRecords)]; value != nil {
		return s.note(w.bucket(value, func(_ uint32, key, text []byte) error {
			if len(key) == 8 {
				s.take(binary.BigEndian.Uint64(key), text, true)
			}
			return nil
		}))
	}
	return nil
}

// readMeta reads what the segment says about itself.
func (s *salvaged) readMeta(w *walk, root map[string][]byte) error {
	value := root[string(bucketMeta)]
	if value == nil {
		return nil
	}
	meta, err := w.values(func(fn entryFunc) error { return w.bucket(value, fn) })
	if err != nil {
		return err
	}
	if v := meta[string(metaFormat)]; len(v) == 8 && binary.BigEndian.Uint64(v) <= journalFormat {
		s.format = binary.BigEndian.Uint64(v)
	}
	if v := meta[string(metaAge)]; len(v) == 8 {
		s.age = time.Duration(binary.BigEndian.Uint64(v))
	}
	s.said, err = decodeEnding(meta[string(metaEnding)])
	return err
}

// note keeps damage and gives back what is something else.
func (s *salvaged) note(err error) error {
	if errors.Is(err, ErrDamaged) {
		s.damage = append(s.damage, err)
		return nil
	}
	return err
}

// take keeps the record if it proves itself.
func (s *salvaged) take(seq uint64, text []byte, inTree bool) {
	r, err := decodeRecord(seq, text)
	if err != nil {
		if inTree {
			d := doubt{seq: seq, err: err}
			if said, ok := trusting(seq, text); ok {
				d.record = said
			}
			s.doubts = append(s.doubts, d)
		}
		return
	}
	if old, ok := s.records[seq]; ok && (old.inTree || old.time >= r.time) {
		return
	}
	s.records[seq] = savedRecord{text: append([]byte(nil), text...), time: r.time, inTree: inTree}
}

// trusting reads a record without its checksum. Its slices are its own.
func trusting(seq uint64, text []byte) (record, bool) {
	if len(text) < trailerSize {
		return record{}, false
	}
	var key [8]byte
	binary.BigEndian.PutUint64(key[:], seq)
	text = append([]byte(nil), text...)
	binary.LittleEndian.PutUint32(text[len(text)-trailerSize:], checksum(text[:len(text)-trailerSize], &key))
	r, err := decodeRecord(seq, text)
	return r, err == nil
}

// longestElement bounds what is believed about the size of an element on a
// page that nothing vouches for.
const longestElement = 64 << 20

// leaves gives every element of every page of the file that may be a leaf,
// whether anything leads to it or not. What is given may be anything.
func (p *pageFile) leaves(fn func(page uint64, key, value []byte) error) error {
	head := make([]byte, p.page)
	for id := int64(2); (id+1)*p.page <= p.size; id++ {
		if err := p.read(head, id*p.page); err != nil {
			return err
		}
		if native.Uint16(head[10:]) == 0 {
			continue
		}
		if err := p.leafElements(uint64(id), head, fn); err != nil {
			return err
		}
	}
	return nil
}

func (p *pageFile) leafElements(id uint64, head []byte, fn func(page uint64, key, value []byte) error) error {
	// The first element's bytes follow the last element, so its place tells
	// how many there are, whatever the count says.
	count := max(int64(native.Uint16(head[10:])), int64(native.Uint32(head[pageHeader+4:]))/pageElement)
	count = min(count, (p.page-pageHeader)/pageElement)
	start := int64(id) * p.page
	for i := range count {
		at := pageHeader + i*pageElement
		e := head[at:]
		from := at + int64(native.Uint32(e[4:]))
		keySize, size := int64(native.Uint32(e[8:])), int64(native.Uint32(e[8:]))+int64(native.Uint32(e[12:]))
		if keySize == 0 || keySize > maxID+1 || size > longestElement || start+from+size > p.size {
			continue
		}
		var text []byte
		if from+size <= p.page {
			text = head[from : from+size]
		} else {
			text = make([]byte, size)
			if err := p.read(text, start+from); err != nil {
				return err
			}
		}
		if err := fn(id, text[:keySize:keySize], text[keySize:size:size]); err != nil {
			return err
		}
	}
	return nil
}
