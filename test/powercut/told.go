package powercut

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/twinbroker/twinbroker/test/mqttraw"
)

// stream is what the broker wrote to one connection.
type stream struct {
	who     any
	version byte
	rest    []byte
}

// listen goes through the sockets of the trace and notes in the ledger where
// each change was acknowledged and where each revision was shown: where the
// call began that wrote the last byte of it.
func (t *trace) listen(ports map[port]any, units map[string]*unit) error {
	life := -1
	streams := make(map[int]*stream) // by descriptor
	for _, m := range t.moments {
		c := m.call
		if c.life != life {
			life = c.life
			clear(streams)
		}
		switch {
		case c.name == "accept4" && m.end && !c.failed:
			_, text, _ := strings.Cut(c.args[1].text, "sin_port=htons(")
			text, _, _ = strings.Cut(text, ")")
			n, err := strconv.Atoi(text)
			if err != nil {
				return fmt.Errorf("no port of a client in %q", c.args[1].text)
			}
			s := &stream{who: ports[port{life, n}], version: mqttraw.V5}
			if cl, ok := s.who.(*client); ok {
				s.version = cl.version
			}
			streams[int(c.result)] = s
		case c.name == "close" && m.begin:
			delete(streams, c.args[0].fd())
		case m.begin && strings.Contains(" write writev sendto sendmsg ", " "+c.name+" "):
			s := streams[c.args[0].fd()]
			if s == nil || s.who == nil || c.failed && c.end != never {
				continue
			}
			data := c.args[1].bytes()
			if c.end != never && int(c.result) > len(data) {
				return fmt.Errorf("%s to a connection: %d bytes were written, the trace has %d: %.500q", c.name, c.result, len(data), c.args)
			}
			if c.end != never {
				data = data[:c.result]
			}
			if err := s.take(data, c.begin, units); err != nil {
				return fmt.Errorf("connection of %v: %w", s.who, err)
			}
		}
	}
	return nil
}

// take notes what a write to a connection says.
func (s *stream) take(data []byte, at int, units map[string]*unit) error {
	s.rest = append(s.rest, data...)
	for {
		first, body, n, err := mqttraw.Next(s.rest)
		if n == 0 {
			return err
		}
		p, err := mqttraw.Decode(s.version, first, body)
		if err != nil {
			return err
		}
		s.rest = s.rest[n:]
		switch who := s.who.(type) {
		case *client:
			ch := who.byID[p.ID]
			switch p.Type {
			case mqttraw.PUBACK, mqttraw.PUBREC:
				ch.acked = min(ch.acked, at)
			case mqttraw.PUBCOMP:
				ch.complete = min(ch.complete, at)
			}
		case *looker:
			if p.Type == mqttraw.PUBLISH {
				if err := noteRevision(p, at, units); err != nil {
					return err
				}
			}
		}
	}
}

// noteRevision takes an event, or the answer to a question for the revision.
func noteRevision(p *mqttraw.Packet, at int, units map[string]*unit) error {
	var e struct {
		Topic    string `json:"topic"`
		Status   int    `json:"status"`
		Revision int    `json:"revision"`
		Value    struct {
			Revision int `json:"_revision"`
		} `json:"value"`
	}
	if err := json.Unmarshal(p.Payload, &e); err != nil {
		return fmt.Errorf("%s: %w", p, err)
	}
	if e.Status == 404 || strings.HasSuffix(e.Topic, "/errors") {
		return nil
	}
	levels := strings.Split(e.Topic, "/")
	if len(levels) < 2 || units[levels[0]+":"+levels[1]] == nil {
		return fmt.Errorf("%s is about no Thing of this test", p)
	}
	u := units[levels[0]+":"+levels[1]]
	u.told = append(u.told, telling{at, max(e.Revision, e.Value.Revision)})
	return nil
}
