package store

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// fullEvery: every so many revisions a record also holds the full state, so
// that no reader of history has to go further back than that.
const fullEvery = 64

// farEvery: records that hold a full state also point to the last one whose
// revision is a multiple of this, so that an old revision is found in few
// steps.
const farEvery = 64 * fullEvery

// Entry is what there is of an entity.
type Entry struct {
	State    State     // nil: none, or deleted
	Revision uint64    // counts the changes, on beyond a deletion; 0: never existed
	Seq      uint64    // of the last change: what is computed from this entry has to wait for After(Seq)
	Modified time.Time // time of the last change
	Created  time.Time // time of its (last) creation
}

// Tx is one atomic change of one or more entities, or a look at them that
// nobody may change meanwhile. It belongs to one goroutine, which must end it
// with Commit or Abort before it begins another, and must not wait between for
// anything that this store tells (done, After, OnBatch). After that the Tx
// must not be touched: it is used again.
type Tx struct {
	s       *Store
	op      recordOp // what the record says when there is no Put
	ents    []*entity
	puts    []put
	headers []byte // kept with what is put from now on; nil: those that Commit is given
	time    int64
	receipt Receipt
	done    func(error)

	// The encoded group, from Commit on.
	buf    []byte
	ends   []recordEnd
	first  uint64 // sequence number of its first record
	begins uint64 // the first number of the segment that was written when it was encoded

	entsRoom [2]*entity
	putsRoom [2]put
	endsRoom [2]recordEnd
	keysRoom [2]Key
}

// put is one change within a Tx.
type put struct {
	e       *entity
	change  []byte
	prev    *version
	next    *version
	headers []byte // kept with it; nil: those that Commit is given
	full    bool   // its record gives the state without an earlier one
	origin  bool
}

// recordEnd is where an encoded record ends, and its checksum before the
// sequence number is known.
type recordEnd struct {
	end int
	sum uint32
}

// Begin locks the entities with these keys against every other Tx and loads
// those that are not in memory. It blocks while others hold them, and while
// the queue to the disk is full; when that takes longer than Options.Patience
// it gives ErrBusy or ErrDiskFull. Locks are taken in one order everywhere, so
// two that want the same entities do not wait for each other for ever.
func (s *Store) Begin(keys ...Key) (*Tx, error) {
	if err := s.queue.admit(s); err != nil {
		return nil, err
	}
	tx, err := s.open()
	if err != nil {
		return nil, err
	}
	for _, k := range keys {
		if err := s.checkKey(k); err != nil {
			tx.Abort()
			return nil, err
		}
	}
	if len(keys) > 1 {
		tx.lockAll(keys, &err)
	} else if len(keys) == 1 {
		err = tx.lock(keys[0])
	}
	if err != nil {
		tx.Abort()
		return nil, err
	}
	return tx, nil
}

func (s *Store) checkKey(k Key) error {
	if s.kinds[k.Kind] == nil {
		return fmt.Errorf("store: %q is of the unknown kind %d", k.ID, k.Kind)
	}
	if n := len(k.ID); n == 0 || n > maxID {
		return fmt.Errorf("store: the id of a %s has %d bytes, allowed are 1 to %d", s.kinds[k.Kind].Name, n, maxID)
	}
	return nil
}

// maxID keeps keys well below what bbolt and one of its pages can hold.
const maxID = 1000

// open makes a Tx that holds nothing yet. While it is open no failed commit is
// being undone.
func (s *Store) open() (*Tx, error) {
	s.gate.RLock()
	if err := s.down(); err != nil {
		s.gate.RUnlock()
		return nil, err
	}
	tx := s.pool.Get().(*Tx)
	tx.s = s
	tx.ents = tx.entsRoom[:0]
	tx.puts = tx.putsRoom[:0]
	tx.headers = nil
	tx.ends = tx.endsRoom[:0]
	return tx, nil
}

func (tx *Tx) lockAll(keys []Key, err *error) {
	sorted := append(tx.keysRoom[:0], keys...)
	slices.SortFunc(sorted, compareKeys)
	for i, k := range sorted {
		if i > 0 && k == sorted[i-1] {
			continue
		}
		if *err = tx.lock(k); *err != nil {
			return
		}
	}
}

func compareKeys(a, b Key) int {
	return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.ID, b.ID))
}

func (tx *Tx) lock(k Key) error {
	e := tx.s.table.hold(k)
	if err := tx.s.load(e); err != nil {
		tx.s.table.release(e)
		return err
	}
	e.mu.Lock()
	tx.ents = append(tx.ents, e)
	return nil
}

// find gives the locked entity.
func (tx *Tx) find(k Key) *entity {
	for _, e := range tx.ents {
		if e.key == k {
			return e
		}
	}
	panic(fmt.Sprintf("store: %q of kind %d was not named to Begin", k.ID, k.Kind))
}

// newest gives the index of the last Put of the entity in this Tx, or -1.
func (tx *Tx) newest(e *entity) int {
	for i := len(tx.puts) - 1; i >= 0; i-- {
		if tx.puts[i].e == e {
			return i
		}
	}
	return -1
}

// Get gives the entity as this Tx sees it, its own Puts included (their Seq is
// 0 until Commit). The key must have been named to Begin.
func (tx *Tx) Get(k Key) Entry {
	e := tx.find(k)
	if i := tx.newest(e); i >= 0 {
		return tx.puts[i].next.entry()
	}
	return e.cur.Load().entry()
}

// Time gives the time that this Tx's changes carry: later than that of every
// Tx that asked before, over the whole life of the journal. It stays the same
// within a Tx.
func (tx *Tx) Time() time.Time {
	if tx.time == 0 {
		tx.time = tx.s.clock.next()
	}
	return time.Unix(0, tx.time).UTC()
}

// Put records a change of the entity: what KindSpec.Apply needs to make next
// out of the present state, and next itself, nil when the change deletes it.
// It gives the entity's new revision. change must not be modified before
// Commit has returned. Nothing is visible to others before Commit.
func (tx *Tx) Put(k Key, change []byte, next State) uint64 {
	e := tx.find(k)
	at := tx.Time().UnixNano()
	p := put{e: e, change: change, headers: tx.headers}
	if i := tx.newest(e); i >= 0 {
		p.prev = tx.puts[i].next
	} else {
		p.prev = e.cur.Load()
	}
	p.next = &version{state: next, revision: p.prev.revision + 1, modified: at, created: p.prev.created}
	if next != nil {
		p.next.cost = stateCost(next)
		if p.prev.state == nil {
			p.next.created = at
		}
	}
	tx.puts = append(tx.puts, p)
	return p.next.revision
}

// KeepHeaders has these headers kept with the changes that are put from here
// on, instead of those that Commit is given. They must not be modified before
// Commit has returned.
func (tx *Tx) KeepHeaders(headers []byte) { tx.headers = headers }

// Commit hands the changes to the committer as one atomic group and lets the
// entities go; it does not wait for the disk. From then on the changes are
// visible to whoever looks. done, unless nil, runs on the teller's goroutine
// once they are on disk, in the order of sequence numbers, or is given the
// error because of which they were refused and undone. The receipt, unless
// nil, is stored in the same group. headers are kept with every
// change for which [Tx.KeepHeaders] said nothing else.
//
// A Tx without a Put or a receipt writes nothing; done then runs when
// everything that the Tx could see is on disk, perhaps before Commit returns.
//
// done must not begin a Tx nor wait for one: the teller has to go on.
func (tx *Tx) Commit(receipt *Receipt, headers []byte, done func(error)) {
	s := tx.s
	if len(tx.puts) == 0 && receipt == nil && tx.op == 0 {
		var seq uint64
		for _, e := range tx.ents {
			seq = max(seq, e.cur.Load().seq)
		}
		tx.Abort()
		if done != nil {
			s.After(seq, done)
		}
		return
	}
	if receipt != nil {
		tx.receipt = *receipt
	}
	tx.done = done
	tx.encode(receipt != nil, headers)
	// Once it is in the queue the Tx is the committer's, and soon used again.
	var room [len(tx.entsRoom)]*entity
	ents := append(room[:0], tx.ents...)
	s.queue.push(s, tx)
	for _, e := range ents {
		e.mu.Unlock()
		s.table.stir(e, s.awakeBudget())
		s.table.release(e)
	}
	s.gate.RUnlock()
}

// Abort lets the entities go and forgets the Puts.
func (tx *Tx) Abort() {
	s := tx.s
	for _, e := range tx.ents {
		e.mu.Unlock()
		s.table.release(e)
	}
	s.recycle(tx)
	s.gate.RUnlock()
}

// publish gives the group its sequence numbers and shows its changes; the
// queue is locked.
func (tx *Tx) publish(s *Store, first uint64) {
	tx.first = first
	for i := range tx.puts {
		p := &tx.puts[i]
		v := p.next
		v.seq = first + uint64(i)
		v.base, v.far = p.prev.base, p.prev.far
		if p.full {
			v.base = v.seq
		}
		if v.revision%farEvery == 0 {
			v.far = v.seq
		}
		p.e.cur.Store(v)
		s.table.memory.Add(v.cost - p.prev.cost)
		s.queue.changed(p.e, p.prev, v)
		s.moved(p.e.key)
	}
}

// undo takes the group's changes back; the queue is locked and no Tx is open.
func (tx *Tx) undo(s *Store) {
	for i := len(tx.puts) - 1; i >= 0; i-- {
		p := &tx.puts[i]
		p.e.cur.Store(p.prev)
		s.table.memory.Add(p.prev.cost - p.next.cost)
		s.queue.changed(p.e, p.next, p.prev)
		s.moved(p.e.key)
	}
}

// last gives the sequence number of the group's last record.
func (tx *Tx) last() uint64 { return tx.first + uint64(len(tx.ends)) - 1 }

// recycle makes the Tx ready to be used again.
func (s *Store) recycle(tx *Tx) {
	if cap(tx.buf) > 64<<10 {
		tx.buf = nil
	}
	buf := tx.buf[:0]
	*tx = Tx{buf: buf}
	s.pool.Put(tx)
}

// View gives the newest version of an entity without waiting for anybody; it
// may not be on disk yet: what is shown of it has to wait for After(Seq).
func (s *Store) View(k Key) (Entry, error) {
	if v := s.table.peek(k, s.awakeBudget()); v != nil {
		s.table.hits.Add(1)
		return v.entry(), nil
	}
	if err := s.checkKey(k); err != nil {
		return Entry{}, err
	}
	if err := s.down(); err != nil {
		return Entry{}, err
	}
	e := s.table.hold(k)
	defer s.table.release(e)
	if err := s.load(e); err != nil {
		return Entry{}, err
	}
	s.table.stir(e, s.awakeBudget())
	return e.cur.Load().entry(), nil
}

// Glance is View for who does not come back soon: what is not in memory is not
// put there.
func (s *Store) Glance(k Key) (Entry, error) {
	if v := s.table.glance(k); v != nil {
		return v.entry(), nil
	}
	if err := s.checkKey(k); err != nil {
		return Entry{}, err
	}
	if err := s.down(); err != nil {
		return Entry{}, err
	}
	// It was in the file when it was not in memory, at the latest.
	v, err := s.state.load(k, s.kinds[k.Kind])
	if err != nil {
		return Entry{}, err
	}
	return v.entry(), nil
}
