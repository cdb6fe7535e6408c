package twin

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/twinbroker/twinbroker/twin/jsondoc"
	"github.com/twinbroker/twinbroker/twin/policy"
	"github.com/twinbroker/twinbroker/twin/protocol"
)

// twenty are the entries of a Policy of a house with many parts; user:ann may
// do all but what is in the safe.
func twenty() string {
	entries := []string{
		grants("owner", "user:ann", "READ WRITE", "thing:/", "policy:/", "message:/"),
		`"safe":{"subjects":{"group:ops":{"type":"x"}},"resources":{"thing:/features/safe":{"grant":[],"revoke":["READ","WRITE"]}}}`,
	}
	for i := range 18 {
		entries = append(entries, grants(fmt.Sprint("e", i), fmt.Sprintf("user:u%d", i), "READ WRITE",
			fmt.Sprintf("thing:/features/f%d", i), fmt.Sprintf("thing:/attributes/a%d/b", i), fmt.Sprintf("message:/features/f%d", i)))
	}
	return "{" + strings.Join(entries, ",") + "}"
}

func benchWorld(b *testing.B) *world {
	w := newWorld(b, Options{})
	w.provision(lampID, twenty())
	if _, o := w.put(lamp, Replace); o.Err != nil {
		b.Fatal(o.Err)
	}
	return w
}

// BenchmarkDecision is what it costs to find out whether a modify is allowed by
// a Policy of 20 entries: beside it what it costs to look whether the JSON of a
// Thing of a KiB is valid.
func BenchmarkDecision(b *testing.B) {
	w := benchWorld(b)
	v, err := jsondoc.ParseString(lamp)
	if err != nil {
		b.Fatal(err)
	}
	cur := newDocument(v)
	cur.rulings = new(rulings)
	m, err := protocol.ParseMessage(fmt.Appendf(nil, benchModify, 23), nil, jsondoc.Limits{})
	if err != nil {
		b.Fatal(err)
	}
	who := Sender{Client: "c1", Subjects: policy.Subjects{"user:ann", "group:ops"}}
	b.Run("modify", func(b *testing.B) {
		writing := &writing{s: w.Service, cmd: &Command{Message: m, Sender: who}, id: lampID, at: resProperty}
		writing.change = change{op: opSet, path: m.Path, value: m.Value}
		b.ReportAllocs()
		for b.Loop() {
			if err := writing.mayWrite(cur); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("retrieve", func(b *testing.B) {
		cmd, asked := &Command{Message: m, Sender: who}, &asked{}
		b.ReportAllocs()
		for b.Loop() {
			may, err := w.rightsOf(lampID, cur, &who)
			if err == nil {
				err = may.mayRead(cmd, asked, lampID, resProperty, m.Path)
			}
			if err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("json.Valid", func(b *testing.B) {
		text := []byte(kib(b).String())
		b.ReportAllocs()
		for b.Loop() {
			if !json.Valid(text) {
				b.Fatal("it is not")
			}
		}
	})
}

// BenchmarkModifyEnforced is BenchmarkModify by a Policy of 20 entries, and by
// an administrator, whom no Policy stops.
func BenchmarkModifyEnforced(b *testing.B) {
	w := benchWorld(b)
	var payloads [][]byte
	for i := range 100 {
		payloads = append(payloads, fmt.Appendf(nil, `{"topic":"org.acme/lamp%d/things/twin/commands/modify","headers":{"response-required":false},`+
			`"path":"/features/light/properties/on","value":%d}`, i, i))
		id := fmt.Sprintf("org.acme:lamp%d", i)
		if _, o := w.put(strings.Replace(lamp, `"org.acme:lamp"`, `"`+id+`"`, 1), Replace); o.Err != nil {
			b.Fatal(o.Err)
		}
	}
	for _, c := range []struct {
		name   string
		sender Sender
	}{
		{"by the Policy", Sender{Client: "c1", Subjects: policy.Subjects{"user:ann", "group:ops"}}},
		{"by an administrator", Sender{Client: "c1", Subjects: policy.Subjects{"group:admins"}, Admin: true}},
	} {
		b.Run(c.name, func(b *testing.B) {
			var told sync.WaitGroup
			done := func(o *Outcome) {
				if o.Err != nil {
					b.Error(o.Err)
				}
				told.Done()
			}
			i := 0
			b.ReportAllocs()
			for b.Loop() {
				m, err := protocol.ParseMessage(payloads[i%100], nil, jsondoc.Limits{})
				if err != nil {
					b.Fatal(err)
				}
				i++
				told.Add(1)
				w.Handle(&Command{Message: m, Sender: c.sender}, done)
			}
			told.Wait()
		})
	}
}

// BenchmarkChangeOfASharedPolicy is a change of a Policy, from the command to its
// outcome, and the first decision by it, for as many Things as share it.
func BenchmarkChangeOfASharedPolicy(b *testing.B) {
	for _, things := range []int{1, manyThings} {
		b.Run(fmt.Sprint("things=", things), func(b *testing.B) {
			w := newWorld(b, Options{})
			w.provision(lampID, twenty())
			w.placeThings(things, lampID)
			last := placedID(things - 1)
			w.must(last, "retrieve", "/", "")
			i := 0
			for b.Loop() {
				i++
				w.mustPolicy(lampID, "modify", "/entries/e7/subjects", fmt.Sprintf(`{"user:v%d":{"type":"x"}}`, i%2))
				if by, err := w.Access(last); err != nil || !by.Some(policy.Subjects{fmt.Sprint("user:v", i%2)}, policy.Read, policy.Thing, nil) {
					b.Fatal("the change is not seen", err)
				}
			}
		})
	}
}

// The decision about a modify or a retrieve takes no memory.
func TestADecisionTakesNoMemory(t *testing.T) {
	w := newWorld(t, Options{})
	w.provision(lampID, twenty())
	m, err := protocol.ParseMessage(fmt.Appendf(nil, benchModify, 23), nil, jsondoc.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	cur := newDocument(mustParse(t, lamp))
	cur.rulings = new(rulings)
	who := Sender{Subjects: policy.Subjects{"user:ann", "group:ops"}}
	writing := &writing{s: w.Service, cmd: &Command{Message: m, Sender: who}, id: lampID, at: resProperty}
	writing.change = change{op: opSet, path: m.Path, value: m.Value}
	asked := &asked{}
	var may rights
	for name, decide := range map[string]func() *protocol.Error{
		"modify": func() *protocol.Error { return writing.mayWrite(cur) },
		"retrieve": func() (err *protocol.Error) {
			if may, err = w.rightsOf(lampID, cur, &who); err == nil {
				err = may.mayRead(writing.cmd, asked, lampID, resProperty, m.Path)
			}
			return err
		},
	} {
		if err := decide(); err != nil {
			t.Fatal(name, err)
		}
		if n := testing.AllocsPerRun(100, func() { decide() }); n != 0 {
			t.Errorf("%s takes %v allocations", name, n)
		}
	}
}
