package store

import (
	"path/filepath"
	"slices"
	"testing"

	"go.etcd.io/bbolt"
)

func TestReplayRepeatsNothingThatTheSnapshotHasAlready(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, Options{})
	receive := func(r Receipt) {
		t.Helper()
		tx, err := s.Begin(thing("a"))
		if err != nil {
			t.Fatal(err)
		}
		tx.Put(thing("a"), []byte("x"), text("x"))
		tx.Commit(&r, nil, nil)
	}
	receive(Receipt{"c", 2, 1})
	receive(Receipt{"c", 1, 9}) // of an older epoch: counts for nothing …
	s.Release(Receipt{"c", 2, 1}, nil)
	mustChange(t, s, thing("a"), "+y")
	epoch, ids := s.Receipts("c")
	before := view(t, s, thing("a"))
	closeStore(t, s)
	// A snapshot that was written under load is ahead of what it covers.
	edit(t, filepath.Join(dir, stateName), func(tx *bbolt.Tx) error {
		return putNumber(tx.Bucket(bucketMeta), metaCovered, 0)
	})
	s = open(t, dir, Options{})
	if after := view(t, s, thing("a")); after != before {
		t.Fatalf("got %+v, want %+v", after, before)
	}
	// … although replay alone could not know any more.
	if e, got := s.Receipts("c"); e != epoch || !slices.Equal(got, ids) {
		t.Fatalf("receipts: epoch %d %v, want %d %v", e, got, epoch, ids)
	}
}
