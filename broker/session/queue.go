package session

// delivery is a message on its way to one session.
type delivery struct {
	msg    *Message
	shared *Subscription // through which it came, if that is a shared one
	ids    []int         // subscription identifiers
	to     string        // whom alone it is for, a client's identifier or a subject; "": all
	order  uint64        // its place among all of the session's deliveries
	// checked is the generation of rights by which the client may have it.
	checked uint64
	qos     byte
	retain  bool
	free    bool // a retained message that is not counted against the queue's bound
}

// queue is a first-in, first-out list of deliveries that knows its weight.
type queue struct {
	items []delivery
	head  int
	count int // deliveries that count against the bound
	bytes int
}

func (q *queue) len() int { return len(q.items) - q.head }

// free is the number of deliveries that do not count.
func (q *queue) free() int { return q.len() - q.count }

func (q *queue) push(d delivery) {
	if q.head > 64 && q.head*2 > len(q.items) { // move down instead of growing for ever
		n := copy(q.items, q.items[q.head:])
		clear(q.items[n:])
		q.items, q.head = q.items[:n], 0
	}
	q.items = append(q.items, d)
	if !d.free {
		q.count++
		q.bytes += d.msg.size()
	}
}

func (q *queue) peek() *delivery { return &q.items[q.head] }

func (q *queue) pop() delivery {
	d := q.items[q.head]
	q.items[q.head] = delivery{}
	q.head++
	if q.head == len(q.items) {
		q.items, q.head = q.items[:0], 0
		if cap(q.items) > 4096 {
			q.items = nil // a burst is over; give the memory back
		}
	}
	if !d.free {
		q.count--
		q.bytes -= d.msg.size()
	}
	return d
}

// remove takes deliveries out.
func (q *queue) remove(which func(*delivery) bool) {
	for i := q.head; i < len(q.items); i++ {
		if !which(&q.items[i]) {
			continue
		}
		kept := queue{}
		for ; q.head < len(q.items); q.head++ {
			if d := &q.items[q.head]; !which(d) {
				kept.push(*d)
			}
		}
		*q = kept
		return
	}
}

func (q *queue) clear() { *q = queue{} }
