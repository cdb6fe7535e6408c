package store

import (
	"slices"
	"testing"
)

func wantReceipts(t *testing.T, s *Store, client string, epoch uint64, ids ...uint16) {
	t.Helper()
	e, got := s.Receipts(client)
	if e != epoch || !slices.Equal(got, ids) {
		t.Fatalf("receipts of %s: epoch %d %v, want %d %v", client, e, got, epoch, ids)
	}
}

func TestReceiptsSurvive(t *testing.T) {
	for name, end := range map[string]func(testing.TB, *Store){"crash": crash, "clean stop": closeStore} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			s := open(t, dir, Options{})
			await := func(do func(done func(error))) {
				t.Helper()
				told := make(chan error, 1)
				do(func(err error) { told <- err })
				if err := <-told; err != nil {
					t.Fatal(err)
				}
			}
			receive := func(r Receipt, keys ...Key) {
				t.Helper()
				await(func(done func(error)) {
					tx, err := s.Begin(keys...)
					if err != nil {
						t.Fatal(err)
					}
					for _, k := range keys {
						tx.Put(k, []byte("x"), text("x"))
					}
					tx.Commit(&r, nil, done)
				})
			}
			receive(Receipt{"c", 1, 5}, thing("a"), thing("b"))
			receive(Receipt{"c", 1, 6}) // changed nothing
			receive(Receipt{"d", 3, 1}, thing("a"))
			receive(Receipt{"e", 1, 1}, thing("a"))
			wantReceipts(t, s, "c", 1, 5, 6)
			if err := s.Snapshot(); err != nil {
				t.Fatal(err)
			}
			await(func(done func(error)) { s.Release(Receipt{"c", 1, 5}, done) })
			await(func(done func(error)) { s.Forget("e", 1, done) })
			await(func(done func(error)) { s.Forget("d", 2, done) }) // its epoch is later
			receive(Receipt{"f", 1, 1}, thing("a"))
			await(func(done func(error)) { s.Release(Receipt{"f", 1, 1}, done) })
			wantReceipts(t, s, "f", 0)              // nothing is left of it
			receive(Receipt{"d", 4, 9}, thing("a")) // a newer epoch replaces
			await(func(done func(error)) { s.Release(Receipt{"d", 3, 9}, done) })
			end(t, s)
			s = open(t, dir, Options{})
			wantReceipts(t, s, "c", 1, 6)
			wantReceipts(t, s, "d", 4, 9)
			wantReceipts(t, s, "e", 0)
			wantReceipts(t, s, "nobody", 0)
			wantReceipts(t, s, "f", 0)
			wantText(t, s, thing("a"), "x", 5)
			wantText(t, s, thing("b"), "x", 1)
		})
	}
}
