package session

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mochi-mqtt/server/v2/packets"
)

// tape is a Wire that keeps what was written, decoded. A gate holds the writer
// up, as a client that stops reading does.
type tape struct {
	version byte
	mu      sync.Mutex
	seen    []packets.Packet
	writes  int
	closed  error
	gate    chan struct{}
	quit    chan struct{}
	once    sync.Once
}

func newTape(version byte) *tape { return &tape{version: version, quit: make(chan struct{})} }

func (t *tape) Write(p []byte) error {
	if t.gate != nil {
		select {
		case <-t.gate:
		case <-t.quit:
			return io.ErrClosedPipe
		}
	}
	t.writes++
	r := bytes.NewReader(p)
	for r.Len() > 0 {
		pk, err := decode(r, t.version)
		if err != nil {
			panic(fmt.Sprintf("the session wrote a packet that cannot be decoded: %v: % x", err, p))
		}
		t.mu.Lock()
		t.seen = append(t.seen, pk)
		t.mu.Unlock()
	}
	return nil
}

func (t *tape) Hurry(time.Time) { t.once.Do(func() { close(t.quit) }) }
func (t *tape) Close(cause error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if cause == nil {
		cause = io.EOF
	}
	t.closed = cause
}

func decode(r *bytes.Reader, version byte) (packets.Packet, error) {
	first, err := r.ReadByte()
	if err != nil {
		return packets.Packet{}, err
	}
	pk := packets.Packet{ProtocolVersion: version}
	if err := pk.FixedHeader.Decode(first); err != nil {
		return pk, err
	}
	n, _, err := packets.DecodeLength(r)
	if err != nil {
		return pk, err
	}
	body := make([]byte, n)
	if _, err := io.ReadFull(r, body); err != nil {
		return pk, err
	}
	pk.FixedHeader.Remaining = n
	switch pk.FixedHeader.Type {
	case packets.Publish:
		err = pk.PublishDecode(body)
	case packets.Puback:
		err = pk.PubackDecode(body)
	case packets.Pubrec:
		err = pk.PubrecDecode(body)
	case packets.Pubrel:
		err = pk.PubrelDecode(body)
	case packets.Pubcomp:
		err = pk.PubcompDecode(body)
	case packets.Suback:
		err = pk.SubackDecode(body)
	case packets.Unsuback:
		err = pk.UnsubackDecode(body)
	case packets.Disconnect:
		err = pk.DisconnectDecode(body)
	}
	return pk, err
}

// taken returns what was written since the last call, when all is quiet. It is
// called within a synctest bubble.
func (t *tape) taken() []string {
	synctest.Wait()
	t.mu.Lock()
	defer t.mu.Unlock()
	var out []string
	for _, pk := range t.seen {
		out = append(out, describe(pk))
	}
	t.seen = nil
	return out
}

func describe(pk packets.Packet) string {
	name := packets.PacketNames[pk.FixedHeader.Type]
	switch pk.FixedHeader.Type {
	case packets.Publish:
		s := fmt.Sprintf("%s %s=%s q%d", name, pk.TopicName, pk.Payload, pk.FixedHeader.Qos)
		if pk.FixedHeader.Qos > 0 {
			s += fmt.Sprintf(" #%d", pk.PacketID)
		}
		if pk.FixedHeader.Dup {
			s += " dup"
		}
		if pk.FixedHeader.Retain {
			s += " retain"
		}
		if ids := pk.Properties.SubscriptionIdentifier; len(ids) > 0 {
			s += fmt.Sprint(" ids", ids)
		}
		return s
	case packets.Disconnect:
		return fmt.Sprintf("%s %#x", name, pk.ReasonCode)
	case packets.Suback, packets.Unsuback:
		return fmt.Sprintf("%s #%d %v", name, pk.PacketID, pk.ReasonCodes)
	}
	s := fmt.Sprintf("%s #%d", name, pk.PacketID)
	if pk.ReasonCode != 0 {
		s += fmt.Sprintf(" %#x %s", pk.ReasonCode, pk.Properties.ReasonString)
	}
	return s
}

// hall is a registry under test.
type hall struct {
	*Registry
	t     *testing.T
	mu    sync.Mutex
	wills []string
	// inWhose are the subjects in whose name the last will was sent.
	inWhose []string
	store   *shelf
}

// shelf is a Receipts in memory; Release is answered when the test says so.
type shelf struct {
	epoch    uint64
	ids      []uint16
	released []uint16
	forgot   []uint64
	held     []func(error)
	hold     bool
}

func (s *shelf) Known(string) (uint64, []uint16) { return s.epoch, s.ids }
func (s *shelf) Forget(_ string, epoch uint64, done func(error)) {
	s.forgot = append(s.forgot, epoch)
	finish := func(err error) {
		if err == nil && s.epoch <= epoch {
			s.epoch, s.ids = 0, nil
		}
		done(err)
	}
	if s.hold {
		s.held = append(s.held, finish)
		return
	}
	finish(nil)
}
func (s *shelf) Release(_ string, _ uint64, id uint16, done func(error)) {
	s.released = append(s.released, id)
	if s.hold {
		s.held = append(s.held, done)
		return
	}
	done(nil)
}

// inBubble runs the test with fake time and checks that every goroutine ends.
func inBubble(t *testing.T, o Options, test func(t *testing.T, h *hall)) {
	synctest.Test(t, func(t *testing.T) {
		h := &hall{t: t, store: &shelf{}}
		if o.QueueMessages == 0 {
			o.QueueMessages = 100
		}
		if o.QueueBytes == 0 {
			o.QueueBytes = 1 << 20
		}
		if o.ReceiveMaximum == 0 {
			o.ReceiveMaximum = 10
		}
		if o.SendMaximum == 0 {
			o.SendMaximum = 10
		}
		o.Receipts = h.store
		o.Publish = func(w *Will) {
			h.mu.Lock()
			defer h.mu.Unlock()
			h.wills = append(h.wills, w.Peer.ClientID+":"+w.Message.Topic)
			h.inWhose = w.Peer.Subjects
		}
		o.Log = slog.New(slog.DiscardHandler)
		h.Registry = NewRegistry(o)
		test(t, h)
		h.Close(packets.ErrServerShuttingDown)
	})
}

// willsSent returns the wills sent since the last call.
func (h *hall) willsSent() []string {
	synctest.Wait()
	h.mu.Lock()
	defer h.mu.Unlock()
	sent := h.wills
	h.wills = nil
	return sent
}

// join connects a client; what the terms leave open is that of a client of MQTT
// 5 whose session lasts.
func (h *hall) join(id string, version byte, terms Terms) (*Conn, *tape, bool) {
	if terms.Expiry == 0 {
		terms.Expiry = Forever
	} else if terms.Expiry < 0 {
		terms.Expiry = 0
	}
	if terms.Will != nil {
		terms.Will.Peer.ClientID = id
	}
	terms.ProblemInfo = true
	w := newTape(version)
	c, present := h.Connect(Peer{ClientID: id, Version: version}, terms, w)
	c.Start()
	return c, w, present
}

func (h *hall) say(topic, payload string, qos byte) int {
	return h.Publish(&Message{Topic: topic, Payload: []byte(payload), QoS: qos, From: "somebody"})
}

func expect(t *testing.T, got []string, want ...string) {
	t.Helper()
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}
