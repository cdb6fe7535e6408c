package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"time"

	"go.etcd.io/bbolt"
)

// stateFormat is the format version of state.db, and the first byte of an
// entity's entry. Entries of format 1 have no far record, and their checksum
// does not cover the kind; a file of format 1 has no age, no list of tombstones
// and no checksum of its meta bucket.
const stateFormat = 2

const stateName = "state.db"

// stateFill is how full bbolt makes the pages of states when it splits one.
// Most states change their size seldom, so little room is needed; and the
// fuller the pages, the fewer are written for as many changes.
const stateFill = 0.9

var bucketReceipts = []byte("receipts")

// stateFile is the snapshot file: the newest written version of every entity,
// and the receipts. One bucket for each kind, named after it.
type stateFile struct {
	path    string
	db      *bbolt.DB
	format  uint64   // of the file, until upgrade has raised it
	raw     *os.File // the same, to verify its pages
	whole   bool     // it was verified completely when it was opened
	buckets [256][]byte
	delay   time.Duration
	hooks   *hooks
	busy    stopwatch // with a transaction
}

func kindBucket(name string) []byte { return []byte("kind/" + name) }

func stateOptions() *bbolt.Options {
	return &bbolt.Options{
		Timeout:         time.Second,
		FreelistType:    bbolt.FreelistMapType,
		InitialMmapSize: 64 << 20,
		NoStatistics:    true,
	}
}

// stateMeta is how far state.db goes.
type stateMeta struct {
	covered uint64
	receipt uint64
	latest  int64
	age     time.Duration
}

// openState opens or makes state.db.
func openState(dir string, kinds *[256]*KindSpec) (f *stateFile, m stateMeta, err error) {
	f = &stateFile{path: filepath.Join(dir, stateName), format: stateFormat}
	fill := func(tx *bbolt.Tx) error {
		for i, spec := range kinds {
			if spec == nil {
				continue
			}
			f.buckets[i] = kindBucket(spec.Name)
			if _, err := tx.CreateBucketIfNotExists(f.buckets[i]); err != nil {
				return err
			}
		}
		return nil
	}
	// What a tool that was interrupted has left.
	if err := os.Remove(f.path + temporarySuffix); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, m, err
	}
	info, err := os.Stat(f.path)
	if errors.Is(err, os.ErrNotExist) {
		f.db, err = createFile(f.path, stateOptions(), func(tx *bbolt.Tx) error {
			meta, err := tx.CreateBucket(bucketMeta)
			if err != nil {
				return err
			}
			for _, name := range [][]byte{bucketReceipts, bucketTombstones} {
				if _, err := tx.CreateBucket(name); err != nil {
					return err
				}
			}
			if err := putNumber(meta, metaFormat, stateFormat); err != nil {
				return err
			}
			for _, key := range [][]byte{metaCovered, metaTime, metaReceipt, metaAge} {
				if err := putNumber(meta, key, 0); err != nil {
					return err
				}
			}
			if err := sealMeta(tx); err != nil {
				return err
			}
			return fill(tx)
		})
		f.whole = true
		return f, m, err
	}
	if err != nil {
		return nil, m, err
	}
	err = guarded(f.path, func() error {
		if info.Size() == 0 {
			return fmt.Errorf("%w: the file is empty", ErrDamaged)
		}
		var err error
		if f.whole, err = checkState(f.path, kinds, wholeCheck); err != nil {
			return err
		}
		if f.raw, err = os.Open(f.path); err != nil {
			return err
		}
		if f.db, err = bbolt.Open(f.path, 0o600, stateOptions()); err != nil {
			return fmt.Errorf("%w: %w", ErrDamaged, err)
		}
		missing := false
		err = f.db.View(func(tx *bbolt.Tx) error {
			meta := tx.Bucket(bucketMeta)
			if meta == nil {
				return fmt.Errorf("%w: the meta bucket is missing", ErrDamaged)
			}
			if m, f.format, err = decodeMeta(meta.Get); err != nil {
				return err
			}
			if f.format > 1 && tx.Bucket(bucketTombstones) == nil {
				return fmt.Errorf("%w: it has no bucket of tombstones", ErrDamaged)
			}
			for i, spec := range kinds {
				if spec != nil {
					f.buckets[i] = kindBucket(spec.Name)
					missing = missing || tx.Bucket(f.buckets[i]) == nil
				}
			}
			return nil
		})
		if err == nil && missing {
			err = f.db.Update(fill)
		}
		return err
	})
	return f, m, err
}

// stateRoom is as much as appendState needs at most.
func stateRoom(v *version) int {
	n := 2 + 4*binary.MaxVarintLen64 + 16 + trailerSize
	if v.state != nil {
		n += v.state.Size()
	}
	return n
}

// close closes what is open of it.
func (f *stateFile) close() error {
	var errs []error
	if f.db != nil {
		errs = append(errs, f.db.Close())
	}
	if f.raw != nil {
		errs = append(errs, f.raw.Close())
	}
	return errors.Join(errs...)
}

// metaSum is the key of the checksum over the rest of the meta bucket.
var metaSum = []byte("sum")

// metaChecksum is over all that state.db says about itself.
func metaChecksum(get func(key []byte) []byte) uint64 {
	var all []byte
	for _, key := range [][]byte{metaFormat, metaCovered, metaTime, metaReceipt, metaAge} {
		all = append(all, get(key)...)
	}
	return uint64(crc32.Checksum(all, castagnoli))
}

// sealMeta brings the meta bucket's checksum up to what is in it.
func sealMeta(tx *bbolt.Tx) error {
	meta := tx.Bucket(bucketMeta)
	sum := metaChecksum(meta.Get)
	if v := meta.Get(metaSum); len(v) == 8 && binary.BigEndian.Uint64(v) == sum {
		return nil
	}
	return putNumber(meta, metaSum, sum)
}

// appendState encodes an entity's version for state.db. The names of kind and
// entity guard against an entry under somebody else's.
func appendState(dst []byte, kind, id string, v *version) []byte {
	start := len(dst)
	var flags byte
	if v.state == nil {
		flags = 1
	}
	dst = append(dst, stateFormat, flags)
	dst = binary.AppendUvarint(dst, v.revision)
	dst = binary.AppendUvarint(dst, v.seq)
	dst = binary.AppendUvarint(dst, v.base)
	dst = binary.AppendUvarint(dst, v.far)
	dst = binary.BigEndian.AppendUint64(dst, uint64(v.created))
	dst = binary.BigEndian.AppendUint64(dst, uint64(v.modified))
	if v.state != nil {
		dst = v.state.AppendTo(dst)
	}
	return binary.LittleEndian.AppendUint32(dst, entryChecksum(dst[start:], kind, id))
}

// entryChecksum is over an entry and its names, by the entry's own format.
func entryChecksum(body []byte, kind, id string) uint32 {
	sum := crc32.Update(crc32.Checksum(body, castagnoli), castagnoli, []byte(id))
	if body[0] != 1 {
		sum = crc32.Update(sum, castagnoli, []byte(kind))
	}
	return sum
}

// decodeState reads an entry of state.db. The version is without its state,
// whose text (nil: deleted) leads into the entry.
func decodeState(kind, id string, entry []byte) (v version, text []byte, err error) {
	if len(entry) < 2+3+16+trailerSize {
		return v, nil, fmt.Errorf("%w: %d bytes are too few", errRecord, len(entry))
	}
	body := entry[:len(entry)-trailerSize]
	if entryChecksum(body, kind, id) != binary.LittleEndian.Uint32(entry[len(body):]) {
		return v, nil, fmt.Errorf("%w: checksum differs", errRecord)
	}
	d := decoder{rest: body}
	format := d.byte("format")
	if format == 0 || format > stateFormat {
		return v, nil, fmt.Errorf("%w: entry format %d, known are those up to %d", errRecord, format, stateFormat)
	}
	deleted := d.byte("flags")&1 != 0
	v.revision = d.uvarint("revision")
	v.seq = d.uvarint("sequence number")
	v.base = d.uvarint("base record")
	if format > 1 {
		v.far = d.uvarint("far record")
	}
	v.created = int64(d.uint64("time of creation"))
	v.modified = int64(d.uint64("time of change"))
	if !deleted && d.err == nil {
		text = d.rest
	}
	return v, text, d.err
}

// isTombstone says whether an entry of state.db is that of a deleted entity.
func isTombstone(entry []byte) bool { return len(entry) > 1 && entry[1]&1 != 0 }

// load reads the entity's version from the file; never, if it has none.
func (f *stateFile) load(k Key, spec *KindSpec) (v *version, err error) {
	err = guarded(f.path, func() error {
		return f.db.View(func(tx *bbolt.Tx) error {
			entry := tx.Bucket(f.buckets[k.Kind]).Get([]byte(k.ID))
			if entry == nil {
				v = never
				if err := f.absent(tx, k, spec); err != nil {
					return fmt.Errorf("%w: %s %q: %w", ErrDamaged, spec.Name, k.ID, err)
				}
				return nil
			}
			found, text, err := decodeState(spec.Name, k.ID, entry)
			if err != nil {
				return fmt.Errorf("%w: %s %q: %w", ErrDamaged, spec.Name, k.ID, err)
			}
			if text != nil {
				if found.state, err = spec.Decode(append([]byte(nil), text...)); err != nil {
					return fmt.Errorf("%w: %s %q: %w", ErrDamaged, spec.Name, k.ID, err)
				}
				found.cost = stateCost(found.state)
			}
			v = &found
			return nil
		})
	})
	return v, err
}

// newest gives the highest number of a record that the file shows any trace
// of: it had been acknowledged before it got here.
func (f *stateFile) newest(m stateMeta, kinds *[256]*KindSpec) (seq uint64, err error) {
	seq = max(m.covered, m.receipt)
	err = guarded(f.path, func() error {
		return f.db.View(func(tx *bbolt.Tx) error {
			for i, spec := range kinds {
				if spec == nil {
					continue
				}
				err := tx.Bucket(f.buckets[i]).ForEach(func(id, entry []byte) error {
					v, _, err := decodeState(spec.Name, string(id), entry)
					if err != nil {
						return fmt.Errorf("%w: %s %q: %w", ErrDamaged, spec.Name, id, err)
					}
					seq = max(seq, v.seq)
					return nil
				})
				if err != nil {
					return err
				}
			}
			return nil
		})
	})
	return seq, err
}

// update is one synced transaction.
func (f *stateFile) update(fn func(tx *bbolt.Tx) error) error {
	f.busy.start()
	defer f.busy.stop()
	err := guarded(f.path, func() error {
		return f.db.Update(func(tx *bbolt.Tx) error {
			if err := errors.Join(fn(tx), sealMeta(tx)); err != nil {
				return err
			}
			if f.hooks.beforeSnapshot != nil {
				return f.hooks.beforeSnapshot()
			}
			return nil
		})
	})
	if f.delay > 0 {
		pause(2 * f.delay) // bbolt syncs its pages, then its meta page
	}
	return err
}

// load brings the entity into memory if it is not there.
func (s *Store) load(e *entity) error {
	if e.cur.Load() != nil {
		s.table.hits.Add(1)
		return nil
	}
	e.loading.Lock()
	defer e.loading.Unlock()
	if e.cur.Load() != nil {
		return nil
	}
	s.table.misses.Add(1)
	v, err := s.state.load(e.key, s.kinds[e.key.Kind])
	if err != nil {
		return err
	}
	e.stored.Store(v.seq)
	e.storedLive = v.state != nil
	s.table.memory.Add(v.cost)
	e.cur.Store(v)
	if v.seq != 0 {
		s.table.offer(e)
	}
	s.table.evict(s.sleepBudget(), evictAtOnce)
	return nil
}
