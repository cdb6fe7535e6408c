package store

import (
	"sync"
	"sync/atomic"
)

// tail is the segment that is being written, for those who read history in it.
//
// Nobody may read through the handle that writes (see the package's
// documentation), and a second handle of bbolt would wait for the first one's
// lock on the file, and would not keep that one from using pages again. So a
// reader reads pages out of the file by itself, of the newest state n that is
// on disk and synced. bbolt copies pages on write: transaction n+1 writes to no
// page that n uses, and its meta page takes the place of that of n-1. What it
// frees is given out to n+2. So what was read of n is right if n+2 had not
// begun to write when the reading was over. begun says that: the committer
// sets it before it writes anything. A reader that comes too late starts again
// with a newer state; records once written never change, so it finds the same.
// After some attempts it keeps the next transaction from beginning for as long
// as one record takes to find.
type tail struct {
	path  string
	first uint64

	// The order matters: a reader takes last before txid, the committer sets
	// txid before last. So the state has all records up to what a reader took
	// for the last.
	last atomic.Uint64 // the last record on disk
	txid atomic.Uint64 // the transaction that made the newest state on disk

	gate  sync.Mutex // held while a transaction begins, or by a reader that has come too late too often
	begun atomic.Uint64
}

// begin notes that a transaction is going to be written.
func (t *tail) begin(txid uint64) {
	t.gate.Lock()
	t.begun.Store(txid)
	t.gate.Unlock()
}

// reached notes that a transaction is on disk.
func (t *tail) reached(txid, last uint64) {
	t.txid.Store(txid)
	t.last.Store(last)
}

// holds says whether a state of the file is still untouched.
func (t *tail) holds(txid uint64) bool { return t.begun.Load() <= txid+1 }

// show lets readers of history see the writable segment in the state in which
// it was opened. It stays the same tail when it was open before, so that those
// who read an older state notice what is written from now on.
func (j *journal) show(txid, last uint64) {
	t := j.tail.Load()
	if t == nil || t.path != j.path {
		t = &tail{path: j.path, first: j.first}
	}
	if txid > t.begun.Load() {
		t.begin(txid)
	}
	t.reached(txid, last)
	j.tail.Store(t)
	j.begins.Store(j.first)
}
