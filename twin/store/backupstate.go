package store

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"strings"

	"go.etcd.io/bbolt"
)

// A part of a backup's snapshot has at most about so much, and is read in one
// transaction.
const (
	partBytes   = 512 << 10
	partEntries = 2000
)

// Entries go one after the other, each as key and value with their lengths.
func appendEntry(dst, key, value []byte) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(key)))
	dst = append(dst, key...)
	dst = binary.AppendUvarint(dst, uint64(len(value)))
	return append(dst, value...)
}

// eachEntry gives the entries of a part.
func eachEntry(part []byte, fn func(key, value []byte) error) error {
	d := decoder{rest: part}
	for len(d.rest) > 0 {
		key := d.bytes("key")
		value := d.bytes("value")
		if d.err != nil {
			return d.err
		}
		if err := fn(key, value); err != nil {
			return err
		}
	}
	return nil
}

// offered gives what the snapshot file says about itself, and the receipts,
// which belong to it exactly.
func (f *stateFile) offered() (o offeredState, receipts []byte, err error) {
	err = guarded(f.path, func() error {
		return f.db.View(func(tx *bbolt.Tx) error {
			meta := tx.Bucket(bucketMeta)
			for _, n := range []struct {
				key []byte
				to  *uint64
			}{{metaCovered, &o.Covered}, {metaTime, &o.Time}, {metaReceipt, &o.Receipt}} {
				if *n.to, err = number(meta, n.key); err != nil {
					return fmt.Errorf("%w: %w", ErrDamaged, err)
				}
			}
			return tx.Bucket(bucketReceipts).ForEach(func(k, v []byte) error {
				receipts = appendEntry(receipts, k, v)
				return nil
			})
		})
	})
	return o, receipts, err
}

// sendKinds sends the entries of all kinds, also of those that this program
// does not know.
func (f *stateFile) sendKinds(ctx context.Context, t *tar.Writer) error {
	var names []string
	err := guarded(f.path, func() error {
		return f.db.View(func(tx *bbolt.Tx) error {
			return tx.ForEach(func(name []byte, _ *bbolt.Bucket) error {
				if bytes.HasPrefix(name, []byte(kindPrefix)) {
					names = append(names, string(name))
				}
				return nil
			})
		})
	})
	if err != nil {
		return err
	}
	for _, name := range names {
		var after []byte
		for more := true; more; {
			if err := ctx.Err(); err != nil {
				return err
			}
			var part []byte
			if part, after, more, err = f.part(name, after); err != nil {
				return err
			}
			if err := writePart(t, name, part); err != nil {
				return err
			}
		}
	}
	return nil
}

// part reads the entries of a kind that come after a key, not all at once. It
// also gives the last key, and whether there are more.
func (f *stateFile) part(name string, after []byte) (part, last []byte, more bool, err error) {
	err = guarded(f.path, func() error {
		return f.db.View(func(tx *bbolt.Tx) error {
			c := tx.Bucket([]byte(name)).Cursor()
			k, v := c.First()
			if after != nil {
				if k, v = c.Seek(after); bytes.Equal(k, after) {
					k, v = c.Next()
				}
			}
			last = after
			for n := 0; k != nil; k, v = c.Next() {
				if len(part) >= partBytes || n == partEntries {
					more = true
					break
				}
				part = appendEntry(part, k, v)
				last = k
				n++
			}
			last = bytes.Clone(last) // it ends with the transaction
			return nil
		})
	})
	return part, last, more, err
}

// stateBuilder makes a snapshot file of entries that come in order.
type stateBuilder struct {
	db      *bbolt.DB
	tx      *bbolt.Tx
	n       int64 // bytes in the transaction
	buckets map[string]*bbolt.Bucket
}

// buildTx is how much goes into one transaction of a file in the making.
const buildTx = 8 << 20

// newStateBuilder begins the file, which must not be there yet.
func newStateBuilder(path string) (*stateBuilder, error) {
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	o := stateOptions()
	o.NoSync, o.NoGrowSync = true, true
	db, err := bbolt.Open(path, 0o600, o)
	if err != nil {
		return nil, fmt.Errorf("create %s: %w", path, err)
	}
	return &stateBuilder{db: db}, nil
}

// begin makes sure that there is a transaction, and that it is not too large.
func (b *stateBuilder) begin() (err error) {
	if b.tx != nil && b.n >= buildTx {
		if err := b.flush(); err != nil {
			return err
		}
	}
	if b.tx == nil {
		b.buckets = make(map[string]*bbolt.Bucket)
		b.tx, err = b.db.Begin(true)
	}
	return err
}

func (b *stateBuilder) flush() error {
	if b.tx == nil {
		return nil
	}
	err := b.tx.Commit()
	b.tx, b.n = nil, 0
	if err != nil {
		return err
	}
	return b.db.Sync()
}

// bucket gives a bucket, which is made where it is not there.
func (b *stateBuilder) bucket(name []byte) (*bbolt.Bucket, error) {
	if err := b.begin(); err != nil {
		return nil, err
	}
	if bucket := b.buckets[string(name)]; bucket != nil {
		return bucket, nil
	}
	bucket, err := b.tx.CreateBucketIfNotExists(name)
	if err != nil {
		return nil, err
	}
	bucket.FillPercent = stateFill
	b.buckets[string(name)] = bucket
	return bucket, nil
}

// put adds an entry to a kind. It is kept as it is, if it is whole.
func (b *stateBuilder) put(bucket, id string, entry []byte) error {
	if _, _, err := decodeState(strings.TrimPrefix(bucket, kindPrefix), id, entry); err != nil {
		return fmt.Errorf("%w: %s %q in %s: %w", ErrDamaged, strings.TrimPrefix(bucket, kindPrefix), id, stateName, err)
	}
	to, err := b.bucket([]byte(bucket))
	if err != nil {
		return err
	}
	b.n += int64(len(id) + len(entry))
	// The entry has to stay as it is until the transaction ends.
	return to.Put([]byte(id), bytes.Clone(entry))
}

// putReceipts adds receipts.
func (b *stateBuilder) putReceipts(part []byte) error {
	to, err := b.bucket(bucketReceipts)
	if err != nil {
		return err
	}
	return eachEntry(part, func(key, entry []byte) error {
		if _, err := decodeReceived(key, entry); err != nil {
			return fmt.Errorf("%w: receipts of client %q in %s: %w", ErrDamaged, key, stateName, err)
		}
		return to.Put(bytes.Clone(key), bytes.Clone(entry))
	})
}

// plainStateFormat is that of a file without what upgrade adds to it when it
// is opened.
const plainStateFormat = 1

// finish completes the file and brings it to disk.
func (b *stateBuilder) finish(o offeredState) error {
	meta, err := b.bucket(bucketMeta)
	if err != nil {
		return err
	}
	if _, err := b.bucket(bucketReceipts); err != nil {
		return err
	}
	for _, n := range []struct {
		key   []byte
		value uint64
	}{{metaFormat, plainStateFormat}, {metaCovered, o.Covered}, {metaTime, o.Time}, {metaReceipt, o.Receipt}} {
		if err := putNumber(meta, n.key, n.value); err != nil {
			return err
		}
	}
	if err := sealMeta(b.tx); err != nil {
		return err
	}
	if err := b.flush(); err != nil {
		return err
	}
	return b.db.Close()
}

// abandon closes a file that will not be finished.
func (b *stateBuilder) abandon() {
	if b.tx != nil {
		_ = b.tx.Rollback()
		b.tx = nil
	}
	_ = b.db.Close()
}
