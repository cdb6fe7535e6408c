//go:build linux

package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"runtime"
	"syscall"
	"time"

	"github.com/twinbroker/twinbroker/test/mqttraw"
)

// template is one publish, encoded beforehand. Each time it is sent, a packet
// id and the digits of a number are put into it.
type template struct {
	frame  []byte
	id     int   // where the packet id stands
	digits int   // where the number's four digits stand; 0: it has none
	things []int // where the digits of a Thing's number stand, if that varies
}

// publisher is one client that keeps a window of unacknowledged publishes full.
type publisher struct {
	fd        int
	templates []template
	next      int      // template to send next
	free      uint16   // the last id that was taken anew, and not from an acknowledgement
	order     []uint16 // the ids in flight in the order they were sent: a ring, wider
	head      int      // than the window, as responses may overtake acknowledgements
	inFlight  int
	sentAt    []time.Duration // by packet id, when latency is measured
	in, out   []byte
	have      int // bytes of in that wait for the rest of their frame
	blocked   bool
}

// subscriber counts what is delivered to it.
type subscriber struct {
	fd   int
	in   []byte
	have int
}

// counts are what a load has brought about until some moment.
type counts struct {
	sent, acked, refused, disordered, replies, wrong, delivered uint64
}

// load drives publishers and a subscriber from one thread.
type load struct {
	epoll  int
	pubs   []*publisher
	sub    *subscriber
	device *subscriber // hears what is published to devices
	conns  []io.Closer
	window int
	// byReply: what completes a publish and makes room for the next one is the
	// response that comes to the publisher, not the acknowledgement.
	byReply  bool
	expected func(body []byte) bool // whether that PUBLISH is the response wanted
	sample   []byte                 // the last that was not

	counts
	heard   uint64 // by the device
	digits  uint32
	refill  bool
	now     time.Duration // since start, taken once per wake-up
	start   time.Time
	latency []time.Duration // of acknowledgements, when measured
	timing  bool
	waits   *waits // of acknowledgements, when there are too many to keep
	things  numbers
	limit   uint64 // send no more than this; 0: no limit
}

const (
	tagSubscriber = -1
	tagTimer      = -2
	tagDevice     = -3
)

// newLoad connects nothing yet; see addPublisher and addSubscriber.
func newLoad(window int) (*load, error) {
	ep, err := syscall.EpollCreate1(syscall.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("epoll: %w", err)
	}
	return &load{epoll: ep, window: window, start: time.Now()}, nil
}

// close drops all connections.
func (l *load) close() {
	for _, c := range l.conns {
		_ = c.Close()
	}
	_ = syscall.Close(l.epoll)
}

// adopt takes a connection's descriptor for the epoll loop.
func (l *load) adopt(c *mqttraw.Conn, tag int32) (int, error) {
	tcp, ok := c.NetConn().(interface {
		SyscallConn() (syscall.RawConn, error)
	})
	if !ok {
		return 0, errors.New("not a socket")
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return 0, err
	}
	// A duplicate, because the runtime polls the original; it is non-blocking
	// already, as every socket of the net package is.
	fd := -1
	var dup error
	if err := raw.Control(func(s uintptr) { fd, dup = syscall.Dup(int(s)) }); err != nil {
		return 0, err
	}
	if dup != nil {
		return 0, dup
	}
	l.conns = append(l.conns, closer(fd), c)
	ev := syscall.EpollEvent{Events: syscall.EPOLLIN | syscall.EPOLLRDHUP, Fd: tag}
	return fd, syscall.EpollCtl(l.epoll, syscall.EPOLL_CTL_ADD, fd, &ev)
}

type closer int

func (c closer) Close() error { return syscall.Close(int(c)) }

// addPublisher connects a client that will send these templates in turn.
func (l *load) addPublisher(at site, id string, ts []template, reply string) error {
	c, err := at.dial(mqttraw.Options{ClientID: id, Clean: true, KeepAlive: 600})
	if err != nil {
		return err
	}
	if reply != "" {
		if err := subscribe(c, reply); err != nil {
			return err
		}
	}
	fd, err := l.adopt(c, int32(len(l.pubs)))
	if err != nil {
		return err
	}
	size := 8 << 10
	if reply != "" {
		size = 64 << 10
	}
	l.pubs = append(l.pubs, &publisher{
		fd: fd, templates: ts, order: make([]uint16, 4*l.window), in: make([]byte, size),
		sentAt: make([]time.Duration, l.window+1), next: len(l.pubs) % len(ts),
	})
	return nil
}

// addSubscriber connects the client that counts deliveries, at QoS 0.
func (l *load) addSubscriber(at site, filter string) (err error) {
	l.sub, err = l.subscriber(at, "bench-sub", filter, tagSubscriber)
	return err
}

// addDevice connects the client that hears what is published to devices.
func (l *load) addDevice(at site, filter string) (err error) {
	l.device, err = l.subscriber(at, "bench-device", filter, tagDevice)
	return err
}

func (l *load) subscriber(at site, id, filter string, tag int32) (*subscriber, error) {
	c, err := at.dial(mqttraw.Options{ClientID: id, Clean: true, KeepAlive: 600})
	if err != nil {
		return nil, err
	}
	if err := subscribe(c, filter); err != nil {
		return nil, err
	}
	fd, err := l.adopt(c, tag)
	if err != nil {
		return nil, err
	}
	return &subscriber{fd: fd, in: make([]byte, 1<<20)}, nil
}

func subscribe(c *mqttraw.Conn, filter string) error {
	reasons, err := c.Subscribe(1, mqttraw.Subscription{Filter: filter})
	if err != nil {
		return err
	}
	if len(reasons) != 1 || reasons[0] >= 0x80 {
		return fmt.Errorf("subscription to %s refused: %x", filter, reasons)
	}
	return nil
}

// run keeps the windows full for warm and then for measure, and lets what is
// under way come in. It returns what happened within measure, and how long that
// was exactly.
func (l *load) run(warm, measure time.Duration) (counts, time.Duration, error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	l.start, l.refill = time.Now(), true
	l.now = 0
	for _, p := range l.pubs {
		if err := l.fill(p); err != nil {
			return counts{}, 0, err
		}
	}
	before, from, err := l.until(warm)
	if err != nil {
		return counts{}, 0, err
	}
	after, to, err := l.until(warm + measure)
	if err != nil {
		return counts{}, 0, err
	}
	l.refill = false
	if err := l.drain(); err != nil {
		return counts{}, 0, err
	}
	return after.minus(before), to - from, nil
}

func (c counts) minus(b counts) counts {
	return counts{
		sent: c.sent - b.sent, acked: c.acked - b.acked, refused: c.refused - b.refused,
		disordered: c.disordered - b.disordered, replies: c.replies - b.replies, wrong: c.wrong - b.wrong,
		delivered: c.delivered - b.delivered,
	}
}

// until works until that time since the start.
func (l *load) until(end time.Duration) (counts, time.Duration, error) {
	last, progress := l.counts, l.now
	for l.now < end {
		if err := l.step(50); err != nil {
			return counts{}, 0, err
		}
		if l.counts != last {
			last, progress = l.counts, l.now
		} else if l.now-progress > 15*time.Second {
			return counts{}, 0, fmt.Errorf("nothing came for 15 s: %+v", l.counts)
		}
	}
	return l.counts, l.now, nil
}

// drain waits until every publish is acknowledged and deliveries have stopped.
func (l *load) drain() error {
	quiet := l.now
	last := l.counts
	for {
		if err := l.step(20); err != nil {
			return err
		}
		if l.counts != last {
			last, quiet = l.counts, l.now
			continue
		}
		complete := l.acked+l.refused == l.sent && (!l.byReply || l.replies == l.sent) &&
			(l.sub == nil || l.delivered >= l.acked)
		if idle := l.now - quiet; complete && idle > 50*time.Millisecond || idle > 2*time.Second {
			return nil
		}
	}
}

// step waits for events, at most so many milliseconds, and serves them.
func (l *load) step(timeout int) error {
	var events [128]syscall.EpollEvent
	n, err := syscall.EpollWait(l.epoll, events[:], timeout)
	if err != nil && err != syscall.EINTR {
		return fmt.Errorf("epoll: %w", err)
	}
	l.now = time.Since(l.start)
	for i := 0; i < n; i++ {
		ev := &events[i]
		switch ev.Fd {
		case tagSubscriber:
			err = l.serveSubscriber(l.sub, &l.delivered)
		case tagDevice:
			err = l.serveSubscriber(l.device, &l.heard)
		case tagTimer:
			continue
		default:
			err = l.servePublisher(l.pubs[ev.Fd], ev.Events)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (l *load) serveSubscriber(s *subscriber, delivered *uint64) error {
	n, err := readSome(s.fd, s.in[s.have:])
	if err != nil {
		return fmt.Errorf("subscriber: %w", err)
	}
	buf := s.in[:s.have+n]
	for {
		first, _, size, err := mqttraw.Next(buf)
		if err != nil {
			return fmt.Errorf("subscriber: %w", err)
		}
		if size == 0 {
			break
		}
		if first>>4 == mqttraw.PUBLISH {
			*delivered++
		}
		buf = buf[size:]
	}
	s.have = copy(s.in, buf)
	return nil
}

func (l *load) servePublisher(p *publisher, events uint32) error {
	if events&(syscall.EPOLLIN|syscall.EPOLLHUP|syscall.EPOLLRDHUP|syscall.EPOLLERR) != 0 {
		n, err := readSome(p.fd, p.in[p.have:])
		if err != nil {
			return fmt.Errorf("publisher: %w", err)
		}
		buf := p.in[:p.have+n]
		for {
			first, body, size, err := mqttraw.Next(buf)
			if err != nil {
				return fmt.Errorf("publisher: %w", err)
			}
			if size == 0 {
				break
			}
			if err := l.received(p, first, body); err != nil {
				return err
			}
			buf = buf[size:]
		}
		p.have = copy(p.in, buf)
	}
	return l.flush(p)
}

func (l *load) received(p *publisher, first byte, body []byte) error {
	switch first >> 4 {
	case mqttraw.PUBACK:
		id := binary.BigEndian.Uint16(body)
		if l.timing {
			l.latency = append(l.latency, l.now-p.sentAt[id])
		} else if l.waits != nil {
			l.waits.add(l.now - p.sentAt[id])
		}
		if p.order[p.head] != id {
			l.disordered++
		}
		if p.head++; p.head == len(p.order) {
			p.head = 0
		}
		p.inFlight--
		if len(body) > 2 && body[2] >= 0x80 {
			l.refused++
		} else {
			l.acked++
		}
		if l.byReply {
			break
		}
		if l.refill {
			l.send(p, id)
		}
	case mqttraw.PUBLISH:
		l.replies++
		// Looking at each of them would cost more than sending it.
		if l.replies%64 == 1 && !l.expected(body) {
			l.wrong++
			l.sample = append(l.sample[:0], body...)
		}
		if l.byReply && l.refill {
			l.send(p, 0)
		}
	case mqttraw.PINGRESP:
	default:
		return fmt.Errorf("publisher: unexpected %s", mqttraw.TypeName(first>>4))
	}
	return nil
}

// fill sends as many publishes as the window has room for.
func (l *load) fill(p *publisher) error {
	for n := l.window; n > 0; n-- {
		p.free++
		l.send(p, p.free)
	}
	return l.flush(p)
}

// send encodes the next publish with that packet id; 0 takes the next of a
// circle that is far wider than the window.
func (l *load) send(p *publisher, id uint16) {
	if l.limit > 0 && l.sent == l.limit {
		return
	}
	if id == 0 {
		if p.free++; p.free == 0 {
			p.free = 1
		}
		id = p.free
	}
	t := &p.templates[p.next]
	if p.next++; p.next == len(p.templates) {
		p.next = 0
	}
	at := len(p.out)
	p.out = append(p.out, t.frame...)
	f := p.out[at:]
	f[t.id], f[t.id+1] = byte(id>>8), byte(id)
	if t.digits > 0 {
		l.digits += 7
		d := l.digits % 9000
		b := f[t.digits : t.digits+5]
		b[0], b[1], b[3], b[4] = byte('1'+d/1000), byte('0'+d/100%10), byte('0'+d/10%10), byte('1'+d%9)
	}
	if len(t.things) > 0 {
		n := l.things.next()
		for _, at := range t.things {
			putNumber(f[at:], n)
		}
	}
	tail := p.head + p.inFlight
	if tail >= len(p.order) {
		tail -= len(p.order)
	}
	p.order[tail] = id
	p.inFlight++
	if l.timing || l.waits != nil {
		p.sentAt[id] = l.now
	}
	l.sent++
}

// flush writes what is encoded; what the socket does not take waits for it.
func (l *load) flush(p *publisher) error {
	for len(p.out) > 0 {
		n, err := syscall.Write(p.fd, p.out)
		if err == syscall.EAGAIN {
			return l.watchWrites(p, true)
		}
		if err != nil {
			return fmt.Errorf("publisher: write: %w", err)
		}
		p.out = p.out[:copy(p.out, p.out[n:])]
	}
	if p.blocked {
		return l.watchWrites(p, false)
	}
	return nil
}

func (l *load) watchWrites(p *publisher, on bool) error {
	if p.blocked == on {
		return nil
	}
	p.blocked = on
	for i, q := range l.pubs {
		if q == p {
			ev := syscall.EpollEvent{Events: syscall.EPOLLIN | syscall.EPOLLRDHUP, Fd: int32(i)}
			if on {
				ev.Events |= syscall.EPOLLOUT
			}
			return syscall.EpollCtl(l.epoll, syscall.EPOLL_CTL_MOD, p.fd, &ev)
		}
	}
	return nil
}

// readSome reads what is there; nothing is not an error, the end is.
func readSome(fd int, buf []byte) (int, error) {
	n, err := syscall.Read(fd, buf)
	switch {
	case err == syscall.EAGAIN || err == syscall.EINTR:
		return 0, nil
	case err != nil:
		return 0, err
	case n == 0 && len(buf) > 0:
		return 0, errors.New("connection closed by the broker")
	case n == 0:
		return 0, errors.New("frame larger than the buffer")
	}
	return n, nil
}
