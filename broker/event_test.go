package broker

import (
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"

	"github.com/twinbroker/twinbroker/broker/session"
	"github.com/twinbroker/twinbroker/mapping"
	"github.com/twinbroker/twinbroker/twin"
	"github.com/twinbroker/twinbroker/twin/jsondoc"
	"github.com/twinbroker/twinbroker/twin/policy"
	"github.com/twinbroker/twinbroker/twin/protocol"
)

// stage is a broker without a network, whose twin only says who may read what.
type stage struct {
	*Broker
	Twin
	mu       sync.Mutex
	things   map[string]*policy.Enforcer
	policies map[string]*policy.Enforcer
	created  map[string]time.Time // when policies were made
}

func newStage(t testing.TB) *stage {
	t.Helper()
	publications, problems := mapping.CompilePublications(nil, mapping.Roots{Ditto: "ditto", State: "twin"})
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	s := &stage{things: map[string]*policy.Enforcer{}, policies: map[string]*policy.Enforcer{}, created: map[string]time.Time{}}
	b := &Broker{cfg: Config{Root: "ditto", State: "twin"}, twin: s, log: slog.New(slog.DiscardHandler)}
	b.audit = newAudit(nil, b.log)
	b.live.Store(&Live{Publications: publications})
	b.metrics = newMetrics(b)
	b.sessions = session.NewRegistry(session.Options{
		QueueMessages: 1 << 20, QueueBytes: 1 << 40, ReceiveMaximum: 10, SendMaximum: 1 << 16, May: b.mayReceive, Log: b.log})
	s.Broker = b
	return s
}

func (s *stage) Access(id string) (*policy.Enforcer, error)       { return s.find(s.things, id) }
func (s *stage) PolicyAccess(id string) (*policy.Enforcer, error) { return s.find(s.policies, id) }

func (s *stage) PolicyCreated(id string) (time.Time, error) { return s.created[id], nil }

func (s *stage) find(in map[string]*policy.Enforcer, id string) (*policy.Enforcer, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e := in[id]; e != nil {
		return e, nil
	}
	return policy.Nobody, nil
}

// enforcer is that of a Policy with entries of the form
// "subject grant-or-revoke READ resource; …".
func enforcer(t testing.TB, text string) *policy.Enforcer {
	t.Helper()
	return enforcerOf(t, "a:p", text)
}

// enforcerOf is that of a Policy with another ID than a:p.
func enforcerOf(t testing.TB, id, text string) *policy.Enforcer {
	t.Helper()
	var entries []string
	for i, entry := range strings.Split(text, ";") {
		f := strings.Fields(entry)
		grant, revoke := `["READ"]`, `[]`
		if f[1] == "-" {
			grant, revoke = revoke, grant
		}
		entries = append(entries, fmt.Sprintf(`"e%d":{"subjects":{%q:{"type":"t"}},"resources":{%q:{"grant":%s,"revoke":%s}}}`, i, f[0], f[2], grant, revoke))
	}
	v, err := jsondoc.Parse([]byte(`{"policyId":"`+id+`","entries":{`+strings.Join(entries, ",")+`}}`), jsondoc.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	m, refused := policy.Parse(id, v)
	if refused != nil {
		t.Fatal(refused)
	}
	e, err := policy.Resolve(m, policy.ResolveOptions{Now: time.Now()})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// change is the event of a change of the Thing a:t.
func change(t testing.TB, action, path, value string) *protocol.Message {
	t.Helper()
	m := &protocol.Message{
		Topic:    protocol.Topic{Namespace: "a", Name: "t", Group: protocol.Things, Channel: protocol.Twin, Criterion: protocol.Events, Action: action},
		Revision: 2,
	}
	var err error
	if m.Path, err = jsondoc.ParsePointer(path); err != nil {
		t.Fatal(err)
	}
	if value != "" {
		if m.Value, err = jsondoc.Parse([]byte(value), jsondoc.Limits{}); err != nil {
			t.Fatal(err)
		}
	}
	return m
}

// drain is a wire that nothing comes back from.
type drain struct{}

func (drain) Write([]byte) error { return nil }
func (drain) Hurry(time.Time)    {}
func (drain) Close(error)        {}

// join connects a subscriber.
func (s *stage) join(id string, admin bool, subjects ...string) *session.Conn {
	c, _ := s.sessions.Connect(session.Peer{ClientID: id, Version: 5, Subjects: subjects, Admin: admin, Identity: id}, session.Terms{Expiry: session.Forever}, drain{})
	c.Subscribe(session.Subscription{Filter: "ditto/a/t/things/twin/events/#"})
	return c
}

// A thousand subscribers of whom half read only part: the event is written once
// for each of the two views.
func TestAnEventIsWrittenOnceForEachView(t *testing.T) {
	s := newStage(t)
	by := enforcer(t, "whole:1 + thing:/; whole:2 + thing:/; part:1 + thing:/attributes/a; part:2 + thing:/attributes/a; other:1 + thing:/attributes/b; none:1 + thing:/features")
	for i := range 1000 {
		subject := "whole:"
		if i%2 == 1 {
			subject = "part:"
		}
		s.join(fmt.Sprint("c", i), false, fmt.Sprint(subject, 1+i/2%2), fmt.Sprint("own:", i))
	}
	for i := range 10 {
		s.join(fmt.Sprint("n", i), false, "none:1")
		s.join(fmt.Sprint("o", i), false, "other:1")
	}
	s.join("admin", true, "nobody:here")
	for _, test := range []struct {
		event            *protocol.Message
		written, reached int64
	}{
		{change(t, "modified", "/attributes", `{"a":1,"b":2}`), 3, 1000 + 10 + 1},
		{change(t, "modified", "/attributes/a", `1`), 1, 1000 + 1}, // who may read all of what changed shares one
		{change(t, "modified", "/attributes/c", `1`), 1, 500 + 1},
		{change(t, "merged", "/", `{"attributes":{"a":1}}`), 2, 1000 + 1},
	} {
		before, withheld := metricOf(t, s.metrics.encodings), s.sessions.Counters().Withheld.Load()
		s.tell(&session.Peer{}, &twin.Outcome{Events: []*protocol.Message{test.event}, Things: []twin.Thing{{}}, Access: by})
		if got := int64(metricOf(t, s.metrics.encodings) - before); got != test.written {
			t.Errorf("%s: written %d times, not %d", test.event.Path, got, test.written)
		}
		if got := 1021 - (s.sessions.Counters().Withheld.Load() - withheld); got != test.reached {
			t.Errorf("%s: reached %d, not %d", test.event.Path, got, test.reached)
		}
	}
}

func metricOf(t testing.TB, c interface{ Write(*dto.Metric) error }) float64 {
	t.Helper()
	var m dto.Metric
	if err := c.Write(&m); err != nil {
		t.Fatal(err)
	}
	return m.GetCounter().GetValue()
}

func TestAnEventIsSeenByTheRightsOfNow(t *testing.T) {
	s := newStage(t)
	ann := &session.Peer{Subjects: []string{"user:ann"}}
	see := func(e *session.Message) string {
		m := e.Of.View(ann)
		if m == nil {
			return ""
		}
		v, err := protocol.ParseMessage(m.Payload, nil, jsondoc.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		return v.Value.String()
	}
	all, part, nothing := enforcer(t, "user:ann + thing:/"), enforcer(t, "user:ann + thing:/attributes/a"), enforcer(t, "user:bob + thing:/")
	s.things["a:t"] = part // changed since, and not told yet
	e := s.newEvent("ditto/x", change(t, "modified", "/attributes", `{"a":1,"b":2}`), all)
	if got := see(e); got != `{"a":1,"b":2}` {
		t.Errorf("at first: %s", got)
	}
	s.sessions.RightsChanged()
	if got := see(e); got != `{"a":1}` {
		t.Errorf("then: %s", got)
	}
	s.things["a:t"] = nothing
	s.sessions.RightsChanged()
	if got := see(e); got != "" {
		t.Errorf("then: %s", got)
	}
	// The Thing is gone: its Policy decides, as it is by now.
	e = s.newEvent("ditto/x", change(t, "modified", "/attributes", `{"a":1,"b":2}`), all)
	delete(s.things, "a:t")
	s.policies["a:p"] = part
	s.sessions.RightsChanged()
	if got := see(e); got != `{"a":1}` {
		t.Errorf("without the Thing: %s", got)
	}
	delete(s.policies, "a:p")
	s.sessions.RightsChanged()
	if got := see(e); got != "" {
		t.Errorf("without Thing and Policy: %s", got)
	}
	if m := e.Of.View(&session.Peer{Admin: true}); m == nil {
		t.Error("an administrator sees nothing")
	}
}

func TestAnEventIsOfTheThingThatWas(t *testing.T) {
	ann := &session.Peer{Subjects: []string{"user:ann"}}
	told := time.Now()
	before, after := told.Add(-time.Minute), told.Add(time.Minute)
	const all, a, b = "user:ann + thing:/", "user:ann + thing:/attributes/a", "user:ann + thing:/attributes/b"
	for _, test := range []struct {
		name    string
		thing   string // what its Policy grants now; "": there is no Thing
		id      string // of that Policy
		was     string // what the Policy a:p grants now, under which it granted a; "": it is gone
		created time.Time
		first   bool // the Thing was gone for a while
		want    string
	}{
		{name: "the same Policy grants more", thing: all, id: "a:p", was: all, created: before, want: `{"a":1,"b":2}`},
		{name: "another of the same name grants more", thing: all, id: "a:p", was: all, created: after, want: `{"a":1}`},
		{name: "another of the same name grants something else", thing: b, id: "a:p", was: b, created: after},
		{name: "the Thing has another one", thing: all, id: "a:q", was: a, created: before, want: `{"a":1}`},
		{name: "the Thing has another one, and the first grants less", thing: all, id: "a:q", was: b, created: before, want: `{"b":2}`},
		{name: "the Thing has another one, and the first is gone", thing: all, id: "a:q", want: `{"a":1}`},
		{name: "the Thing has another one, and the first is another one, too", thing: all, id: "a:q", was: all, created: after, want: `{"a":1}`},
		{name: "the Thing has another one that grants nothing", thing: "user:bob + thing:/", id: "a:q", was: all, created: before},
		{name: "the Thing is gone", was: all, created: before, want: `{"a":1,"b":2}`},
		{name: "the Thing is gone, and its Policy is another one", was: all, created: after},
		{name: "the Thing was gone, and its Policy, and both are others", thing: all, id: "a:p", was: all, created: after, first: true, want: `{"a":1}`},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newStage(t)
			m := change(t, "modified", "/attributes", `{"a":1,"b":2}`)
			m.Timestamp = told
			e := s.newEvent("ditto/x", m, enforcer(t, a))
			if test.first {
				s.sessions.RightsChanged()
				if got := e.Of.View(ann); got != nil {
					t.Errorf("without Thing and Policy: %s", got.Payload)
				}
			}
			if test.was != "" {
				s.policies["a:p"], s.created["a:p"] = enforcer(t, test.was), test.created
			}
			if test.thing != "" {
				s.things["a:t"] = enforcerOf(t, test.id, test.thing)
			}
			s.sessions.RightsChanged()
			got := ""
			if seen := e.Of.View(ann); seen != nil {
				v, err := protocol.ParseMessage(seen.Payload, nil, jsondoc.Limits{})
				if err != nil {
					t.Fatal(err)
				}
				got = v.Value.String()
			}
			if got != test.want {
				t.Errorf("%q, want %q", got, test.want)
			}
		})
	}
}

func TestWhatIsCutOfAnEvent(t *testing.T) {
	for _, test := range []struct {
		name, policy, action, path, value, extra string
		want, wantExtra                          string // "-": nothing comes
	}{
		{"all", "s:s + thing:/", "modified", "/attributes", `{"a":1}`, "", `{"a":1}`, ""},
		{"a part", "s:s + thing:/attributes/a", "modified", "/attributes", `{"a":1,"b":{"c":1}}`, "", `{"a":1}`, ""},
		{"what is revoked", "s:s + thing:/; s:s - thing:/attributes/b/c", "modified", "/attributes", `{"a":1,"b":{"c":1,"d":2}}`, "", `{"a":1,"b":{"d":2}}`, ""},
		{"nothing is left", "s:s + thing:/attributes/x", "modified", "/attributes", `{"a":1}`, "", "-", ""},
		{"all in it is revoked", "s:s + thing:/attributes; s:s - thing:/attributes/a", "modified", "/attributes", `{"a":1}`, "", "-", ""},
		{"an empty object", "s:s + thing:/attributes/x", "modified", "/attributes", `{}`, "", `{}`, ""},
		{"an empty object elsewhere", "s:s + thing:/features", "modified", "/attributes", `{}`, "", "-", ""},
		{"a text above what may be read", "s:s + thing:/attributes/a/b", "modified", "/attributes/a", `"x"`, "", "-", ""},
		{"a null of a merge", "s:s + thing:/attributes/a", "merged", "/attributes", `{"a":null,"b":null}`, "", `{"a":null}`, ""},
		{"a merge with null for the whole", "s:s + thing:/attributes/a", "merged", "/attributes", `null`, "", "-", ""},
		{"deleted", "s:s + thing:/attributes/a", "deleted", "/attributes/a", "", "", "", ""},
		{"deleted within", "s:s + thing:/attributes/a", "deleted", "/attributes/a/b", "", "", "", ""},
		{"deleted around", "s:s + thing:/attributes/a", "deleted", "/attributes", "", "", "-", ""},
		{"deleted where a part is revoked", "s:s + thing:/attributes; s:s - thing:/attributes/a", "deleted", "/attributes", "", "", "", ""},
		{"deleted what is revoked", "s:s + thing:/; s:s - thing:/attributes/a", "deleted", "/attributes/a", "", "", "-", ""},
		{"a whole Thing says which it is", "s:s + thing:/attributes/a", "created", "/", `{"thingId":"a:t","policyId":"a:p","_created":"t","attributes":{"a":1,"b":2}}`, "", `{"thingId":"a:t","_created":"t","attributes":{"a":1}}`, ""},
		{"a whole Thing of which nothing may be read", "s:s + thing:/features", "created", "/", `{"thingId":"a:t","attributes":{"a":1}}`, "", "-", ""},
		{"extra fields", "s:s + thing:/attributes/a", "modified", "/attributes/a", `1`, `{"thingId":"a:t","attributes":{"a":1,"b":2}}`, `1`, `{"thingId":"a:t","attributes":{"a":1}}`},
		{"extra fields that may not be read", "s:s + thing:/attributes/a", "modified", "/attributes/a", `1`, `{"attributes":{"b":2}}`, `1`, ""},
		{"a Policy's grants are not a Thing's", "s:s + policy:/", "modified", "/attributes/a", `1`, "", "-", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			m := change(t, test.action, test.path, test.value)
			if test.extra != "" {
				m.Extra = change(t, "modified", "/", test.extra).Value
			}
			before := string(m.AppendJSON(nil))
			got := cut(m, enforcer(t, test.policy), []string{"s:s"}, policy.Thing)
			text := func(v *jsondoc.Value) string {
				if v == nil {
					return ""
				}
				return v.String()
			}
			switch {
			case got == nil && test.want != "-":
				t.Error("nothing came")
			case got != nil && (text(got.Value) != test.want || text(got.Extra) != test.wantExtra):
				t.Errorf("%s, extra %s", text(got.Value), text(got.Extra))
			}
			if string(m.AppendJSON(nil)) != before {
				t.Error("the event itself was changed")
			}
		})
	}
}

func BenchmarkAnEventToOneSubscriber(b *testing.B) {
	by := enforcer(b, "whole:1 + thing:/; part:1 + thing:/attributes/a")
	event := change(b, "modified", "/attributes", `{"a":1,"b":"`+strings.Repeat("x", 100)+`"}`)
	for _, who := range []struct {
		name, subject string
		by            *policy.Enforcer
	}{{"unenforced", "whole:1", nil}, {"who may read all of it", "whole:1", by}, {"who may read a part", "part:1", by}} {
		b.Run(who.name, func(b *testing.B) {
			s := newStage(b)
			s.join("c", false, who.subject).Start()
			b.ReportAllocs()
			for b.Loop() {
				s.tell(&session.Peer{}, &twin.Outcome{Events: []*protocol.Message{event}, Things: []twin.Thing{{}}, Access: who.by})
			}
		})
	}
}

func BenchmarkAnEventToAThousandSubscribers(b *testing.B) {
	by := enforcer(b, "whole:1 + thing:/; part:1 + thing:/attributes/a")
	event := change(b, "modified", "/attributes", `{"a":1,"b":"`+strings.Repeat("x", 500)+`"}`)
	for _, views := range []struct {
		name string
		by   *policy.Enforcer
	}{{"unenforced", nil}, {"two views", by}} {
		b.Run(views.name, func(b *testing.B) {
			s := newStage(b)
			for i := range 1000 {
				subject := "whole:1"
				if i%2 == 1 {
					subject = "part:1"
				}
				s.join(fmt.Sprint("c", i), false, subject).Start()
			}
			written := metricOf(b, s.metrics.encodings)
			b.ReportAllocs()
			b.ResetTimer()
			for range b.N {
				s.tell(&session.Peer{}, &twin.Outcome{Events: []*protocol.Message{event}, Things: []twin.Thing{{}}, Access: views.by})
			}
			b.ReportMetric((metricOf(b, s.metrics.encodings)-written)/float64(b.N), "encodings/op")
		})
	}
}
