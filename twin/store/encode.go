package store

// encode writes the group's records into the Tx's buffer, all but their
// sequence numbers.
func (tx *Tx) encode(receipt bool, headers []byte) {
	tx.begins = tx.s.journal.begins.Load()
	var r record
	r.time = tx.Time().UnixNano()
	if receipt {
		r.flags |= flagReceipt
		r.receipt = tx.receipt
	}
	if len(tx.puts) == 0 {
		r.op = tx.op
		if r.op == 0 {
			r.op = opReceipt
		}
		tx.append(&r, nil)
		return
	}
	r.op = opChange
	common := r.flags
	for i := range tx.puts {
		p := &tx.puts[i]
		r.flags = common
		p.noteOrigin(&r)
		if r.headers = p.headers; r.headers == nil {
			r.headers = headers
		}
		if len(r.headers) > 0 {
			r.flags |= flagHeaders
		}
		if i+1 < len(tx.puts) {
			r.flags |= flagMore
		}
		r.kind, r.id, r.revision, r.change = p.e.key.Kind, p.e.key.ID, p.next.revision, p.change
		r.prev, r.base, r.far = pointer{seq: p.prev.seq}, pointer{seq: p.prev.base}, pointer{seq: p.prev.far}
		within := false // the record before this one is of this group too
		for j := range i {
			before := &tx.puts[j]
			if before.e != p.e {
				continue
			}
			if !within {
				r.base, r.far = pointer{seq: before.prev.base}, pointer{seq: before.prev.far}
			}
			within = true
			r.prev = pointer{delta: uint64(i - j)}
			if before.full {
				r.base = r.prev
			}
			if before.next.revision%farEvery == 0 {
				r.far = r.prev
			}
		}
		switch {
		case p.next.state == nil:
			r.flags |= flagDeleted
		case p.prev.state == nil:
			r.flags |= flagCreated
		case p.next.revision%fullEvery == 0, !within && p.prev.seq < tx.begins:
			r.flags |= flagState
		}
		r.created = p.next.created
		p.full = r.complete()
		tx.append(&r, p.next.state)
		common &^= flagReceipt
	}
}

// leadsBack says whether the group's record i, of a change, needs an earlier
// one for its state, and its entity's last one is in a segment before the one
// that begins with first. The group has its numbers.
func (tx *Tx) leadsBack(i int, first uint64) bool {
	return len(tx.puts) > 0 && !tx.puts[i].full && tx.puts[i].prev.seq < first
}

func (tx *Tx) append(r *record, state State) {
	var sum uint32
	tx.buf, sum = appendRecord(tx.buf, r, state)
	tx.ends = append(tx.ends, recordEnd{len(tx.buf), sum})
}
