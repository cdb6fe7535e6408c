//go:build ignore

// Make writes data folders, and beside each a JSON of all that must be read
// out of it, with the package store of the commit that it is run in. See
// README.md.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/twinbroker/twinbroker/twin/store"
)

// text is a State that is its text. A change is the whole next text, "+x"
// appends x, "-" deletes.
type text string

func (t text) AppendTo(dst []byte) []byte { return append(dst, t...) }
func (t text) Size() int                  { return len(t) }

func apply(cur store.State, change []byte) (store.State, error) {
	switch {
	case string(change) == "-":
		return nil, nil
	case change[0] != '+':
		return text(change), nil
	case cur == nil:
		return nil, errors.New("nothing to append to")
	default:
		return cur.(text) + text(change[1:]), nil
	}
}

func kind(name string) store.KindSpec {
	return store.KindSpec{Name: name, Apply: apply, Decode: func(b []byte) (store.State, error) { return text(b), nil }}
}

// Folder is what must be read out of a folder.
type Folder struct {
	Entities []*Entity
	Receipts []Receipts
}

type Entity struct {
	Kind      store.Kind
	ID        string
	Revisions []Revision // from 1 on
}

type Revision struct {
	Time    time.Time
	Change  string
	Headers string  `json:",omitempty"`
	Text    *string // nil: deleted
}

type Receipts struct {
	Client    string
	Epoch     uint64
	PacketIDs []uint16
}

type maker struct {
	s   *store.Store
	all map[store.Key]*Entity
	out Folder
}

// change makes one change in each of the entities, as one group.
func (m *maker) change(receipt *store.Receipt, headers string, changes ...string) {
	keys := make([]store.Key, 0, len(changes)/2)
	for i := 0; i < len(changes); i += 2 {
		kind, id, _ := strings.Cut(changes[i], "/")
		k := store.Key{Kind: 1, ID: id}
		if kind == "policy" {
			k.Kind = 2
		}
		keys = append(keys, k)
	}
	tx, err := m.s.Begin(keys...)
	check(err)
	for i, k := range keys {
		change := changes[2*i+1]
		next, err := apply(tx.Get(k).State, []byte(change))
		check(err)
		tx.Put(k, []byte(change), next)
		e := m.all[k]
		if e == nil {
			e = &Entity{Kind: k.Kind, ID: k.ID}
			m.all[k] = e
			m.out.Entities = append(m.out.Entities, e)
		}
		r := Revision{Time: tx.Time(), Change: change, Headers: headers}
		if next != nil {
			r.Text = new(string)
			*r.Text = string(next.(text))
		}
		e.Revisions = append(e.Revisions, r)
	}
	told := make(chan error, 1)
	tx.Commit(receipt, []byte(headers), func(err error) { told <- err })
	check(<-told)
}

func main() {
	log.SetFlags(0)
	if len(os.Args) != 3 {
		log.Fatal("usage: make FOLDER closed|killed|cut")
	}
	dir, how := os.Args[1], os.Args[2]
	o := store.Options{SegmentSize: 96 << 10, SnapshotAfter: time.Hour, Retention: -1}
	if how == "cut" {
		o.MaxSize = 200 << 10 // retention deletes what is older
	}
	s, err := store.Open(dir, map[store.Kind]store.KindSpec{1: kind("thing"), 2: kind("policy")}, o)
	check(err)
	m := &maker{s: s, all: make(map[store.Key]*Entity)}
	for i := range 300 {
		var r *store.Receipt
		if i%10 == 0 {
			r = &store.Receipt{Client: fmt.Sprint("client", i%3), Epoch: uint64(1 + i/150), PacketID: uint16(i + 1)}
		}
		headers := ""
		if i%4 == 0 {
			headers = fmt.Sprintf(`{"correlation-id":"%d"}`, i)
		}
		// One that changes all the time …
		if i == 0 {
			m.change(r, headers, "thing/busy", "0")
		} else {
			m.change(r, headers, "thing/busy", fmt.Sprintf("+ %d", i))
		}
		// … one that is made and deleted …
		switch i % 20 {
		case 0:
			m.change(nil, "", "thing/reborn", fmt.Sprint("life ", i))
		case 3, 7:
			m.change(nil, "", "thing/reborn", "+!")
		case 15:
			m.change(nil, headers, "thing/reborn", "-")
		}
		// … a Thing with its Policy, in one group …
		if i%7 == 0 {
			m.change(nil, headers, fmt.Sprint("thing/pair", i%5), fmt.Sprint("pair ", i), fmt.Sprint("policy/pair", i%5), fmt.Sprint("policy ", i))
		}
		// … and some that never change again, of some size.
		if i%3 == 0 {
			m.change(nil, "", fmt.Sprint("thing/once", i), strings.Repeat(fmt.Sprint(i, ","), 300))
		}
		if i == 150 {
			check(s.Snapshot())
		}
	}
	m.change(nil, "", "thing/gone", "soon gone")
	m.change(nil, "", "thing/gone", "-")
	wait := make(chan error, 1)
	s.Release(store.Receipt{Client: "client0", Epoch: 2, PacketID: 151}, func(err error) { wait <- err })
	check(<-wait)
	s.Forget("client1", 2, func(err error) { wait <- err })
	check(<-wait)
	for i := range 3 {
		client := fmt.Sprint("client", i)
		epoch, ids := s.Receipts(client)
		m.out.Receipts = append(m.out.Receipts, Receipts{client, epoch, ids})
	}
	st := s.Stats()
	log.Printf("%s: %d records, covered %d, %d segments from %d on", how, st.LastSeq, st.CoveredSeq, st.Segments, st.FirstSeq)
	text, err := json.Marshal(m.out)
	check(err)
	check(os.WriteFile(filepath.Clean(dir)+".json", text, 0o600))
	if how == "killed" {
		check(syscall.Kill(os.Getpid(), syscall.SIGKILL))
	}
	check(s.Close())
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
