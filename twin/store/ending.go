package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"hash/crc64"

	"go.etcd.io/bbolt"
)

// ending is what each transaction of the journal says about itself and about
// all records of its segment. It stands in the meta bucket, so it is written
// anew, and on the page that leads to everything else, each time. A state of
// the file that does not agree with its ending is not whole: some of its pages
// are of another transaction.
type ending struct {
	txid  uint64 // bbolt's number of the transaction
	last  uint64 // number of the last record; 0: there is none
	chain uint64 // over the checksums of all records of the segment, in order
}

var metaEnding = []byte("ending")

const endingSize = 3*8 + trailerSize

var crc64Table = crc64.MakeTable(crc64.ECMA)

// link takes one more record, sealed, into the chain.
func link(chain uint64, text []byte) uint64 {
	return crc64.Update(chain, crc64Table, text[len(text)-trailerSize:])
}

// putEnding makes the transaction say where it ends.
func putEnding(tx *bbolt.Tx, last, chain uint64) error {
	meta := tx.Bucket(bucketMeta)
	if meta == nil {
		return fmt.Errorf("%w: the meta bucket is missing", ErrDamaged)
	}
	text := make([]byte, 0, endingSize)
	for _, n := range [...]uint64{uint64(tx.ID()), last, chain} {
		text = binary.BigEndian.AppendUint64(text, n)
	}
	text = binary.LittleEndian.AppendUint32(text, crc32.Checksum(text, castagnoli))
	return meta.Put(metaEnding, text)
}

func decodeEnding(text []byte) (e ending, err error) {
	if len(text) != endingSize {
		return e, fmt.Errorf("%w: it does not say where it ends", ErrDamaged)
	}
	body := text[:endingSize-trailerSize]
	if crc32.Checksum(body, castagnoli) != binary.LittleEndian.Uint32(text[len(body):]) {
		return e, fmt.Errorf("%w: it does not say properly where it ends: the checksum differs", ErrDamaged)
	}
	return ending{binary.BigEndian.Uint64(body), binary.BigEndian.Uint64(body[8:]), binary.BigEndian.Uint64(body[16:])}, nil
}

// verify reads one state of a segment completely and says whether it is whole:
// every page that can be reached is one of this state's, and every record that
// was written is there. said is what the state says about its end, as soon as
// that can be believed, whether the rest is whole or not.
func (p *pageFile) verify(m metaPage, first uint64) (said ending, err error) {
	w, err := p.walk(m)
	if err != nil {
		return said, err
	}
	root, err := w.values(func(fn entryFunc) error { return w.tree(m.root, nil, nil, 0, fn) })
	if err != nil {
		return said, err
	}
	if root[string(bucketRecords)] == nil {
		return said, fmt.Errorf("%w: it has no bucket of records", ErrDamaged)
	}
	meta, err := w.values(func(fn entryFunc) error { return w.bucket(root[string(bucketMeta)], fn) })
	if err != nil {
		return said, err
	}
	for _, n := range []struct {
		key   []byte
		check func(n uint64) error
	}{
		{metaFormat, func(n uint64) error { return knownFormat(n, journalFormat) }},
		{metaFirst, func(n uint64) error {
			if n != first {
				return fmt.Errorf("%w: it says that it begins with record %d", ErrDamaged, n)
			}
			return nil
		}},
	} {
		v := meta[string(n.key)]
		if len(v) != 8 {
			return said, fmt.Errorf("%w: meta entry %q is missing", ErrDamaged, n.key)
		}
		if err := n.check(binary.BigEndian.Uint64(v)); err != nil {
			return said, err
		}
	}
	e, err := decodeEnding(meta[string(metaEnding)])
	if err != nil {
		return said, err
	}
	if e.txid != m.txid {
		return said, fmt.Errorf("%w: what stands in the place of transaction %d was written by %d", ErrDamaged, m.txid, e.txid)
	}
	said = e
	// Where the first batch of a segment was refused, a gap comes first.
	begin := first
	scan := recordScan{fn: func(seq uint64, r *record) error {
		if begin == first && r.op == opGap && r.prev.seq+1 == first {
			begin = seq
		}
		return nil
	}}
	err = w.bucket(root[string(bucketRecords)], func(flags uint32, key, value []byte) error {
		if flags != 0 {
			return fmt.Errorf("%w: a record has the flags %#x", ErrDamaged, flags)
		}
		if err := scan.take(key, value); err != nil {
			return err
		}
		if scan.count == 1 && scan.tail.last != begin {
			return fmt.Errorf("%w: its first record is %d, not %d", ErrDamaged, scan.tail.last, first)
		}
		return nil
	})
	if err != nil {
		return said, err
	}
	if scan.tail.last != said.last || scan.chain != said.chain {
		return said, fmt.Errorf("%w: its records, up to %d, are not those that were written, up to %d", ErrDamaged, scan.tail.last, said.last)
	}
	return said, nil
}

// values collects the entries of a small bucket.
func (w *walk) values(read func(entryFunc) error) (map[string][]byte, error) {
	found := make(map[string][]byte)
	err := read(func(_ uint32, key, value []byte) error {
		if len(found) == 16 {
			return errors.Join(ErrDamaged, errors.New("a bucket has entries that nobody put there"))
		}
		found[string(key)] = append([]byte(nil), value...)
		return nil
	})
	return found, err
}
