package kill

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"

	"github.com/twinbroker/twinbroker/test/harness"
	"github.com/twinbroker/twinbroker/test/mqttraw"
)

// watcher follows the events of all Things over one life of the broker.
type watcher struct {
	things map[string]*thing
	conn   *mqttraw.Conn
	ended  chan struct{}

	mu       sync.Mutex
	changed  chan struct{}
	seen     map[string]int // the last revision of each Thing
	last     map[*stream]int
	problems []string
	events   int
}

// watch subscribes. docs are the Things as they are now: their next event tells
// of the next revision.
func watch(address string, things []*thing, docs map[*thing]*document) (*watcher, error) {
	w := &watcher{
		things: map[string]*thing{}, ended: make(chan struct{}), changed: make(chan struct{}),
		seen: map[string]int{}, last: map[*stream]int{},
	}
	for _, t := range things {
		w.things[t.name] = t
		w.seen[t.name] = docs[t].Revision
		for _, s := range t.streams {
			was, err := docs[t].read(s.key)
			if err != nil {
				return nil, err
			}
			w.last[s] = was.n
		}
	}
	conn, _, err := mqttraw.Dial(address, mqttraw.Options{ClientID: "watcher", Version: mqttraw.V5, Clean: true, Timeout: harness.Patience})
	if err != nil {
		return nil, err
	}
	w.conn = conn
	if _, err := conn.Subscribe(1, mqttraw.Subscription{Filter: "ditto/kill/+/things/twin/events/#", QoS: 1}); err != nil {
		return nil, err
	}
	go w.read()
	return w, nil
}

func (w *watcher) read() {
	defer close(w.ended)
	for {
		p, err := w.conn.ReadPacket()
		if err != nil {
			return
		}
		if p.Type != mqttraw.PUBLISH {
			continue
		}
		w.take(p)
		if err := w.conn.Ack(mqttraw.PUBACK, p.ID, 0); err != nil {
			return
		}
	}
}

// take checks that an event follows on the one before it.
func (w *watcher) take(p *mqttraw.Packet) {
	var e struct {
		Revision int      `json:"revision"`
		Value    document `json:"value"`
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.events++
	name := strings.Split(p.Topic, "/")[2]
	t := w.things[name]
	if err := json.Unmarshal(p.Payload, &e); err != nil || t == nil {
		w.problem("%s: %v", p, err)
		return
	}
	if e.Revision != w.seen[name]+1 {
		w.problem("%s: the event of revision %d comes after that of %d", t.id(), e.Revision, w.seen[name])
	}
	w.seen[name] = e.Revision
	for _, s := range t.streams {
		if _, ok := e.Value.Attributes[s.key]; !ok {
			continue
		}
		got, err := e.Value.read(s.key)
		switch {
		case err != nil:
			w.problem("%s, revision %d: %v", t.id(), e.Revision, err)
		case t.qos == 2 && got.n != w.last[s]+1:
			w.problem("%s: %s: change %d follows on %d at QoS 2", t.id(), s.key, got.n, w.last[s])
		case got.n > w.last[s]+1:
			w.problem("%s: %s: change %d follows on %d", t.id(), s.key, got.n, w.last[s])
		}
		w.last[s] = got.n
	}
	close(w.changed)
	w.changed = make(chan struct{})
}

func (w *watcher) problem(format string, args ...any) {
	w.problems = append(w.problems, "events: "+fmt.Sprintf(format, args...))
}

// await waits until the events of these Things have come.
func (w *watcher) await(docs map[*thing]*document) error {
	for {
		w.mu.Lock()
		behind := ""
		for t, d := range docs {
			if w.seen[t.name] < d.Revision {
				behind = fmt.Sprintf("%s: revision %d, events up to %d", t.id(), d.Revision, w.seen[t.name])
			}
		}
		changed := w.changed
		w.mu.Unlock()
		if behind == "" {
			return nil
		}
		select {
		case <-changed:
		case <-w.ended:
			return fmt.Errorf("the events ended: %s", behind)
		}
	}
}

// stop ends the watcher and gives what was seen.
func (w *watcher) stop() (seen map[string]int, problems []string) {
	_ = w.conn.Close()
	<-w.ended
	return w.seen, w.problems
}
