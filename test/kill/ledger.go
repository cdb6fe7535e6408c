package kill

import (
	"encoding/json"
	"fmt"
	"strconv"
)

// ring is over how many keys a stream's numbers are spread besides the newest
// one, so that a lost change shows although later ones are there.
const ring = 64

// thing is a Thing that the clients change.
type thing struct {
	name    string
	mapped  bool // by telemetry through a mapping, which also makes it
	qos     byte // of all changes of it
	streams []*stream
}

func (t *thing) id() string { return "kill:" + t.name }

// stream is what one client writes to one Thing: changes numbered from 1.
type stream struct {
	thing *thing
	key   string // the client's name
	sent  int    // the last number published
	acked int    // the last number acknowledged; those before it are too
}

// topic is where a stream's changes are published.
func (s *stream) topic() string {
	if s.thing.mapped {
		return "telemetry/" + s.thing.name + "/" + s.key
	}
	return "ditto/kill/" + s.thing.name + "/things/twin/commands/merge"
}

// config has the mapping that makes telemetry the same change as payload does.
const config = `auth: {anonymous: ["anonymous:local"]}
store: {memory: 1MiB} # less than the Things take: snapshots are being written all the time
limits: {queue_messages: 1000000, queue_size: 1GiB}
mappings:
  - topic: telemetry/{thing}/{key}
    thing: "kill:{{ thing }}"
    set:
      "/attributes/{{ key }}/n": /n
      "/attributes/{{ key }}/ring": /ring
      "/attributes/copy/{{ key }}": /n
      "/features/f/properties/{{ key }}": /n
    create: {}
`

// payload is the change with number n.
func (s *stream) payload(n int) []byte {
	if s.thing.mapped {
		return fmt.Appendf(nil, `{"n":%d,"ring":{"%d":%d}}`, n, n%ring, n)
	}
	return fmt.Appendf(nil, `{"path":"/","headers":{"content-type":"application/merge-patch+json","response-required":false},`+
		`"value":{"attributes":{"%s":{"n":%d,"ring":{"%d":%d}},"copy":{"%s":%d}},"features":{"f":{"properties":{"%s":%d}}}}}`,
		s.key, n, n%ring, n, s.key, n, s.key, n)
}

// document is a Thing as it is retrieved, or the value of an event.
type document struct {
	Revision   int                        `json:"_revision"`
	Attributes map[string]json.RawMessage `json:"attributes"`
	Features   struct {
		F struct {
			Properties map[string]int `json:"properties"`
		} `json:"f"`
	} `json:"features"`
}

// written is what stands under one stream's key.
type written struct {
	n    int
	ring map[string]int
}

// read gives what a stream has written into the document; an error says that it
// does not fit together.
func (d *document) read(key string) (w written, err error) {
	var own struct {
		N    int            `json:"n"`
		Ring map[string]int `json:"ring"`
	}
	var copies map[string]int
	for name, into := range map[string]any{key: &own, "copy": &copies} {
		if text, ok := d.Attributes[name]; ok {
			if err := json.Unmarshal(text, into); err != nil {
				return w, fmt.Errorf("attribute %s: %w", name, err)
			}
		}
	}
	if property := d.Features.F.Properties[key]; own.N != copies[key] || own.N != property {
		return w, fmt.Errorf("half applied: the attribute is %d, its copy %d, the property %d", own.N, copies[key], property)
	}
	return written{own.N, own.Ring}, nil
}

// check compares a Thing with the ledger: after a restart, before anything is
// sent again. seen is the last revision that an event told of.
func (t *thing) check(d *document, seen int) (problems []string) {
	problem := func(format string, args ...any) {
		problems = append(problems, t.id()+": "+fmt.Sprintf(format, args...))
	}
	if d.Revision < seen {
		problem("the revision is %d after an event told of %d", d.Revision, seen)
	}
	changes := 0
	for _, s := range t.streams {
		w, err := d.read(s.key)
		if err != nil {
			problem("%s: %v", s.key, err)
			continue
		}
		changes += w.n
		if w.n < s.acked {
			problem("%s: %d is the last change, but %d was acknowledged", s.key, w.n, s.acked)
		}
		if w.n > s.sent {
			problem("%s: %d is the last change, but only %d were sent", s.key, w.n, s.sent)
		}
		for n := max(1, w.n-ring+1); n <= w.n; n++ {
			got := w.ring[strconv.Itoa(n%ring)]
			// At QoS 1 a later change that is being sent again may have been here before.
			if got != n && (t.qos == 2 || got < n || got > s.sent || got%ring != n%ring) {
				problem("%s: change %d is not there: its place has %d, the last is %d", s.key, n, got, w.n)
			}
		}
	}
	if !t.mapped {
		changes++ // it was created first
	}
	switch {
	case t.qos == 2 && d.Revision != changes:
		problem("the revision is %d after %d changes at QoS 2", d.Revision, changes)
	case d.Revision < changes:
		problem("the revision is %d after at least %d changes", d.Revision, changes)
	}
	return problems
}

// checkComplete is check when all publishes have been acknowledged.
func (t *thing) checkComplete(d *document, seen int) (problems []string) {
	problems = t.check(d, seen)
	for _, s := range t.streams {
		if w, err := d.read(s.key); err == nil && w.n != s.sent || s.acked != s.sent {
			problems = append(problems, fmt.Sprintf("%s: %s: %d of %d changes are there, %d were acknowledged", t.id(), s.key, w.n, s.sent, s.acked))
		}
	}
	return problems
}
