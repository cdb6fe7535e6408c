package store

import (
	"fmt"
	"sync"
	"testing"
	"time"
)

// doc is a state of about the size of a small Thing.
func doc(n int) text { return text(fmt.Sprintf("%0*d", n, n)) }

// BenchmarkCaller is what a change costs the one who makes it; the disk is
// synced behind, and the queue is large enough not to make anybody wait.
func BenchmarkCaller(b *testing.B) {
	s := open(b, b.TempDir(), Options{QueueRecords: 1 << 30, QueueBytes: 1 << 40, SnapshotEvery: 1 << 40})
	var keys [1000]Key
	for i := range keys {
		keys[i] = thing(fmt.Sprintf("org.acme:lamp-%d", i))
	}
	payload, next := []byte(doc(200)), doc(600)
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		k := keys[i%len(keys)]
		i++
		tx, err := s.Begin(k)
		if err != nil {
			b.Fatal(err)
		}
		tx.Get(k)
		tx.Put(k, payload, next)
		tx.Commit(nil, nil, nil)
	}
}

// BenchmarkStored is changes that are on disk, in a second, with 50 clients
// that have 16 unacknowledged each.
func BenchmarkStored(b *testing.B) {
	for _, entities := range []int{1000, 200_000} {
		b.Run(fmt.Sprintf("entities=%d", entities), func(b *testing.B) {
			s := open(b, b.TempDir(), Options{})
			benchStored(b, s, entities, 50, 16)
		})
	}
}

func benchStored(b *testing.B, s *Store, entities, clients, window int) {
	keys := make([]Key, entities)
	for i := range keys {
		keys[i] = thing(fmt.Sprintf("org.acme:lamp-%d", i))
	}
	payload, next := []byte(doc(200)), doc(600)
	b.ReportAllocs()
	b.ResetTimer()
	begun := time.Now()
	var all sync.WaitGroup
	for c := range clients {
		all.Go(func() {
			slots := make(chan struct{}, window)
			done := func(err error) {
				if err != nil {
					b.Error(err)
				}
				<-slots
			}
			for i := c; i < b.N; i += clients {
				slots <- struct{}{}
				k := keys[i*7919%len(keys)]
				tx, err := s.Begin(k)
				if err != nil {
					b.Error(err)
					return
				}
				tx.Put(k, payload, next)
				tx.Commit(nil, nil, done)
			}
			for range window {
				slots <- struct{}{}
			}
		})
	}
	all.Wait()
	b.StopTimer()
	st := s.Stats()
	b.ReportMetric(float64(b.N)/time.Since(begun).Seconds(), "changes/s")
	b.ReportMetric(float64(st.Records)/float64(st.Commits), "records/commit")
	b.ReportMetric(st.CommitSeconds.Sum/float64(st.Records)*1e9, "commit-ns/record")
}

// BenchmarkAppend is the committer alone: groups of records of about 250
// bytes, appended and synced.
func BenchmarkAppend(b *testing.B) {
	for _, n := range []int{1, 100, 400, 800} {
		b.Run(fmt.Sprintf("records=%d", n), func(b *testing.B) {
			s := open(b, b.TempDir(), Options{})
			payload, next := []byte(doc(180)), doc(600)
			batch := make([]*Tx, n)
			var bytes int64
			for i := range batch {
				k := thing(fmt.Sprintf("org.acme:lamp-%04d", i))
				tx, err := s.Begin(k)
				if err != nil {
					b.Fatal(err)
				}
				tx.Put(k, payload, next)
				tx.encode(false, nil)
				bytes += int64(len(tx.buf))
				batch[i] = tx
			}
			b.ReportMetric(float64(bytes)/float64(n), "bytes/record")
			seq := uint64(1)
			begun := time.Now()
			for b.Loop() {
				for _, tx := range batch {
					tx.first = seq
					seq++
				}
				if err := s.journal.append(batch, bytes); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(seq-1)/time.Since(begun).Seconds(), "records/s")
			for _, tx := range batch {
				tx.buf, tx.ends = nil, nil
				tx.Abort()
			}
		})
	}
}

func BenchmarkView(b *testing.B) {
	s := open(b, b.TempDir(), Options{})
	mustChange(b, s, thing("org.acme:lamp"), string(doc(600)))
	k := thing("org.acme:lamp")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.View(k); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkOpen is the time from nothing to ready: an empty folder, and one
// that crashed with n records behind the snapshot.
func BenchmarkOpen(b *testing.B) {
	b.Run("empty", func(b *testing.B) {
		for b.Loop() {
			open(b, b.TempDir(), Options{}).Close()
		}
	})
	for _, n := range []int{10_000, 200_000} {
		b.Run(fmt.Sprintf("records=%d", n), func(b *testing.B) {
			dir := b.TempDir()
			o := Options{SnapshotEvery: 1 << 40}
			s := open(b, dir, o)
			payload, next := []byte(doc(200)), doc(200)
			var all sync.WaitGroup
			for i := range n {
				k := thing(fmt.Sprintf("org.acme:lamp-%d", i%1000))
				tx, err := s.Begin(k)
				if err != nil {
					b.Fatal(err)
				}
				tx.Put(k, payload, next)
				all.Add(1)
				tx.Commit(nil, nil, func(error) { all.Done() })
			}
			all.Wait()
			crash(b, s)
			var ready time.Duration
			for b.Loop() {
				begun := time.Now()
				s := open(b, dir, o)
				ready += time.Since(begun)
				crash(b, s)
			}
			b.ReportMetric(ready.Seconds()*1e3/float64(b.N), "ms-to-ready")
		})
	}
}
