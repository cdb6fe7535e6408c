package twin

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/twinbroker/twinbroker/twin/jsondoc"
	"github.com/twinbroker/twinbroker/twin/policy"
	"github.com/twinbroker/twinbroker/twin/protocol"
)

const benchModify = `{"topic":"org.acme/lamp/things/twin/commands/modify","headers":{"correlation-id":"b2d5","response-required":false},` +
	`"path":"/features/light/properties/on","value":%d}`

func benchSender() Sender {
	return Sender{Client: "c1", Subjects: policy.Subjects{"user:ann"}}
}

// BenchmarkWorkOut is a modify without the store: from the parsed message to
// the outcome, with the record that would be written.
func BenchmarkWorkOut(b *testing.B) {
	s := &Service{thingSize: DefaultThingSize, depth: jsondoc.DefaultDepth,
		history: []string{protocol.HeaderOriginator, protocol.HeaderCorrelationID}}
	v, err := jsondoc.ParseString(lamp)
	if err != nil {
		b.Fatal(err)
	}
	m, err := protocol.ParseMessage(fmt.Appendf(nil, benchModify, 23), nil, jsondoc.Limits{})
	if err != nil {
		b.Fatal(err)
	}
	cur := newDocument(v)
	sender := benchSender()
	var room []byte
	b.ReportAllocs()
	for b.Loop() {
		w := &writing{s: s, cmd: &Command{Message: m, Sender: sender}, done: func(*Outcome) {}}
		if err := w.cmd.Message.Headers.Admit(); err != nil {
			b.Fatal(err)
		}
		if err := w.prepare(); err != nil {
			b.Fatal(err)
		}
		next, err := w.change.apply(cur)
		if err != nil {
			b.Fatal(err)
		}
		room, _ = w.record(room[:0])
		w.tell(cur.Value, next.Value, protocol.ActionModified, 204, 7, m.Timestamp)
		cur = next
	}
}

// BenchmarkModify is all of it, on a disk, for 100 Things with as many
// messages as like under way.
func BenchmarkModify(b *testing.B) {
	w := newWorld(b, Options{})
	var payloads [][]byte
	for i := range 100 {
		id := fmt.Sprintf("org.acme:lamp%d", i)
		w.must(id, "create", "/", strings.Replace(lamp, `"thingId":"org.acme:lamp","policyId":"org.acme:lamp",`, "", 1))
		payloads = append(payloads, fmt.Appendf(nil, `{"topic":"org.acme/lamp%d/things/twin/commands/modify","headers":{"response-required":false},`+
			`"path":"/features/light/properties/on","value":%d}`, i, i))
	}
	sender := benchSender()
	var told sync.WaitGroup
	done := func(o *Outcome) {
		if o.Err != nil {
			b.Error(o.Err)
		}
		told.Done()
	}
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		m, err := protocol.ParseMessage(payloads[i%100], nil, jsondoc.Limits{})
		if err != nil {
			b.Fatal(err)
		}
		i++
		told.Add(1)
		w.Handle(&Command{Message: m, Sender: sender}, done)
	}
	told.Wait()
}
