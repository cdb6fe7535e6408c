package store

import (
	"fmt"
	"maps"
)

// against compares state.db's entry with the record that made it.
func (c *checker) against(s *standing, r *record, state State, sure bool, name string) {
	s.compared = true
	what := ""
	switch {
	case s.storedRevision != r.revision:
		what = fmt.Sprintf("it has revision %d, but record %d made revision %d", s.storedRevision, s.stored, r.revision)
	case s.storedDeleted != (r.flags&flagDeleted != 0):
		what = fmt.Sprintf("it does not agree with record %d on whether the %s exists", s.stored, name)
	case !sure:
		c.is.Unknown++
		return
	case state != nil && c.text(state.AppendTo(nil)) != s.storedHash:
		what = fmt.Sprintf("its state is not the one that record %d made", s.stored)
	}
	c.is.Compared++
	if what != "" {
		c.found(Finding{File: c.state, Where: name, What: what, Consequence: "one of the two is wrong; clients are shown what this file says"})
	}
}

// compare looks at what is left over when the journal has been read: entries
// that no record made, and changes that state.db should have and has not.
func (c *checker) compare() error {
	if !c.hasState {
		return nil
	}
	odd := make(map[uint64]string)
	for h, s := range c.known {
		switch {
		case s.seq > s.stored && s.seq <= c.meta.covered:
			odd[h] = fmt.Sprintf("record %d made revision %d, which this file says it covers, but it has revision %d of record %d", s.seq, s.revision, s.storedRevision, s.stored)
		case s.stored == 0 || s.compared:
		case s.stored < c.is.First || c.missing(s.stored):
			c.is.Beyond++
		case s.stored <= c.is.Last:
			odd[h] = fmt.Sprintf("it is said to be made by record %d, which is not there or is something else's", s.stored)
		}
	}
	if len(odd) > 0 {
		if err := c.nameOdd(odd); err != nil {
			return err
		}
	}
	c.compareReceipts()
	return nil
}

// nameOdd finds out by their names which entities are not as they should be.
func (c *checker) nameOdd(odd map[uint64]string) error {
	tell := func(k Key) {
		h := c.hash(k)
		if what, ok := odd[h]; ok {
			c.found(Finding{File: c.state, Where: fmt.Sprintf("%s %q", c.kinds[k.Kind].Name, k.ID), What: what, Consequence: "clients are shown what this file says"})
			delete(odd, h)
		}
	}
	err := eachState(c.state, &c.kinds, func(k Key, _ version, _ []byte) error {
		tell(k)
		return nil
	})
	if err != nil {
		return err
	}
	if len(odd) > 0 { // created by the journal, and not in state.db
		for _, seg := range c.list {
			saved, err := salvageSegment(seg.path)
			if err != nil {
				return err
			}
			for seq, r := range saved.records {
				if r, err := decodeRecord(seq, r.text); err == nil && r.op == opChange && c.kinds[r.kind] != nil {
					tell(Key{r.kind, r.id})
				}
			}
		}
	}
	return nil
}

// compareReceipts compares the receipts with those that the journal tells of. A
// restore of an earlier moment leaves them out, and nothing tells that. Where
// the journal does not go back to its beginning, state.db may know of more.
func (c *checker) compareReceipts() {
	if len(c.lost) > 0 {
		return // perhaps the end of some
	}
	tell := func(client, what string) {
		c.watch.noted(Finding{File: c.state, Where: fmt.Sprintf("receipts of client %q", client), What: what, Consequence: "so it is when an earlier moment was restored; else a QoS 2 message may be applied twice, or taken for one that was applied"})
	}
	for client, want := range c.replayed.clients {
		is := c.receipts[client]
		if is == nil {
			tell(client, fmt.Sprintf("they are missing; by the journal there are %d", len(want.ids)))
			continue
		}
		for id := range want.ids {
			if is.epoch > want.epoch {
				break
			}
			if _, ok := is.ids[id]; !ok || is.epoch != want.epoch {
				tell(client, fmt.Sprintf("the one of packet %d, epoch %d, is missing", id, want.epoch))
			}
		}
	}
	if c.is.First != 1 {
		return
	}
	for client, is := range c.receipts {
		want := c.replayed.clients[client]
		if want == nil || is.epoch != want.epoch || !maps.Equal(is.ids, want.ids) {
			tell(client, "they are not those that the journal tells of")
		}
	}
}
