package store

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"slices"
	"sync"

	"go.etcd.io/bbolt"
)

// Receipt names a QoS 2 publish: the packet id that a client's session uses
// for it, and the session's epoch, a number that grows whenever the client
// starts clean.
type Receipt struct {
	Client   string
	Epoch    uint64
	PacketID uint16
}

// received is what one client's session has sent at QoS 2 and not released.
type received struct {
	epoch uint64
	ids   map[uint16]struct{}
}

// receipts is what the journal on disk says about QoS 2: nothing gets in here
// before it is committed, so nothing has to be undone.
type receipts struct {
	mu      sync.Mutex
	clients map[string]*received
	changed map[string]struct{} // since the last snapshot
}

func (t *receipts) init() {
	t.clients = make(map[string]*received)
	t.changed = make(map[string]struct{})
}

// apply takes over what a committed group says.
func (t *receipts) apply(tx *Tx) {
	if tx.receipt == (Receipt{}) {
		return
	}
	t.mu.Lock()
	t.note(tx.op, tx.receipt)
	t.mu.Unlock()
}

func (t *receipts) note(op recordOp, r Receipt) {
	t.changed[r.Client] = struct{}{}
	c := t.clients[r.Client]
	switch op {
	case opForget:
		if c != nil && c.epoch <= r.Epoch {
			delete(t.clients, r.Client)
		}
	case opRelease:
		if c != nil && c.epoch == r.Epoch {
			delete(c.ids, r.PacketID)
			if len(c.ids) == 0 { // clients that choose a new name each time must not stay for ever
				delete(t.clients, r.Client)
			}
		}
	default:
		if c == nil || c.epoch < r.Epoch {
			c = &received{epoch: r.Epoch, ids: make(map[uint16]struct{})}
			t.clients[r.Client] = c
		}
		if c.epoch == r.Epoch {
			c.ids[r.PacketID] = struct{}{}
		}
	}
}

// Receipts gives the epoch of the client's session and the packet ids, sorted,
// of the QoS 2 publishes that are on disk and not released; 0 and none for a
// client that has no such publish.
func (s *Store) Receipts(client string) (epoch uint64, ids []uint16) {
	s.receipts.mu.Lock()
	defer s.receipts.mu.Unlock()
	c := s.receipts.clients[client]
	if c == nil {
		return 0, nil
	}
	for id := range c.ids {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return c.epoch, ids
}

// Release ends a receipt: the client's PUBREL has come. done, unless nil, runs
// when that is on disk, as with Tx.Commit, or at once with the reason for
// which it cannot be.
func (s *Store) Release(r Receipt, done func(error)) { s.journalReceipt(opRelease, r, done) }

// Forget ends all receipts of a client's sessions up to this epoch: the session
// is over. Those of a session that has begun since stay. done as with Release.
func (s *Store) Forget(client string, epoch uint64, done func(error)) {
	s.journalReceipt(opForget, Receipt{Client: client, Epoch: epoch}, done)
}

func (s *Store) journalReceipt(op recordOp, r Receipt, done func(error)) {
	tx, err := s.Begin()
	if err != nil {
		if done != nil {
			done(err)
		}
		return
	}
	tx.op = op
	tx.Commit(&r, nil, done)
}

// takeChanged gives the clients whose receipts changed since it was last
// called, encoded; nil for one that has none.
func (t *receipts) takeChanged() map[string][]byte {
	t.mu.Lock()
	defer t.mu.Unlock()
	out := make(map[string][]byte, len(t.changed))
	for client := range t.changed {
		out[client] = nil
		if c := t.clients[client]; c != nil {
			out[client] = appendReceived(nil, receiptKey(client), c)
		}
	}
	clear(t.changed)
	return out
}

// putBack says that these were not written after all.
func (t *receipts) putBack(changed map[string][]byte) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for client := range changed {
		t.changed[client] = struct{}{}
	}
}

// receivedFormat is the first byte of a client's entry in state.db. Format 1 has
// no checksum.
const receivedFormat = 2

// appendReceived encodes what a client has sent, for state.db, where it stands
// under the key.
func appendReceived(dst, key []byte, c *received) []byte {
	dst = append(dst, receivedFormat)
	dst = binary.AppendUvarint(dst, c.epoch)
	for id := range c.ids {
		dst = binary.BigEndian.AppendUint16(dst, id)
	}
	return binary.LittleEndian.AppendUint32(dst, crc32.Update(crc32.Checksum(dst, castagnoli), castagnoli, key))
}

func decodeReceived(key, entry []byte) (*received, error) {
	if len(entry) > 1+trailerSize && entry[0] != 1 { // format 1 has no checksum
		body := entry[:len(entry)-trailerSize]
		if crc32.Update(crc32.Checksum(body, castagnoli), castagnoli, key) != binary.LittleEndian.Uint32(entry[len(body):]) {
			return nil, fmt.Errorf("%w: checksum differs", errRecord)
		}
		entry = body
	}
	d := decoder{rest: entry}
	if f := d.byte("format"); f == 0 || f > receivedFormat {
		return nil, fmt.Errorf("%w: entry format %d, known are those up to %d", errRecord, f, receivedFormat)
	}
	c := &received{epoch: d.uvarint("epoch"), ids: make(map[uint16]struct{})}
	for len(d.rest) > 0 {
		c.ids[d.uint16("packet id")] = struct{}{}
	}
	return c, d.err
}

func writeReceipts(tx *bbolt.Tx, changed map[string][]byte) error {
	b := tx.Bucket(bucketReceipts)
	for client, entry := range changed {
		key := receiptKey(client)
		if entry == nil {
			if err := b.Delete(key); err != nil {
				return err
			}
			continue
		}
		if err := b.Put(key, entry); err != nil {
			return err
		}
	}
	return nil
}

// receiptKey is never empty, as bbolt wants it.
func receiptKey(client string) []byte { return []byte("c" + client) }

func (t *receipts) read(f *stateFile) error {
	return guarded(f.path, func() error {
		return f.db.View(func(tx *bbolt.Tx) error {
			b := tx.Bucket(bucketReceipts)
			if b == nil {
				return fmt.Errorf("%w: it has no bucket of receipts", ErrDamaged)
			}
			return b.ForEach(func(k, entry []byte) error {
				c, err := decodeReceived(k, entry)
				if err != nil {
					return fmt.Errorf("%w: receipts of client %q: %w", ErrDamaged, k[1:], err)
				}
				t.clients[string(k[1:])] = c
				return nil
			})
		})
	})
}
