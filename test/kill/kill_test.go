package kill

import (
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/twinbroker/twinbroker/test/harness"
	"github.com/twinbroker/twinbroker/test/mqttraw"
)

var (
	rounds = flag.Int("rounds", 5, "how often the broker is killed")
	seed   = flag.Uint64("seed", 0, "of the random choices; 0: another one each time")
	crowd  = flag.Int("things", 0, "how many Things are there besides those that the clients always change")
)

func TestMain(m *testing.M) { harness.Main(m) }

// scene is a broker with the clients and Things of one test.
type scene struct {
	t       *testing.T
	random  *rand.Rand
	broker  *harness.Broker
	clients []*client
	things  []*thing
	reader  *harness.Client5
	crowd   int
	changed map[int]bool  // of the crowd
	ready   time.Duration // that the last start took
}

const clients = 6

// stage starts a broker with its Things and clients, and a crowd of so many
// other Things.
func stage(t *testing.T, crowd int) *scene {
	t.Helper()
	n := *seed
	if n == 0 {
		n = uint64(time.Now().UnixNano())
	}
	t.Logf("seed %d", n)
	s := &scene{t: t, random: rand.New(rand.NewPCG(n, 0)), changed: make(map[int]bool)}
	for i := range clients {
		s.clients = append(s.clients, &client{
			name: fmt.Sprint("c", i), version: mqttraw.V311 + byte(i%2), window: 1 + s.random.IntN(200),
			random: rand.New(rand.NewPCG(n, uint64(i+1))), lastID: uint16(s.random.Uint32()),
		})
	}
	for _, qos := range []byte{1, 2} {
		for _, mapped := range []bool{false, true} {
			kind := map[bool]string{false: "plain", true: "mapped"}[mapped]
			for _, c := range s.clients {
				s.add(&thing{name: fmt.Sprintf("%s-%s-%d", c.name, kind, qos), mapped: mapped, qos: qos}, c)
			}
			s.add(&thing{name: fmt.Sprintf("all-%s-%d", kind, qos), mapped: mapped, qos: qos}, s.clients...)
		}
	}
	o := harness.Options{Config: config}
	if crowd > 0 {
		o.Config = crowdConfig
	}
	s.broker = harness.Start(t, o)
	s.open()
	for _, t := range s.things {
		if !t.mapped {
			s.ask("create", t, `"value":{"attributes":{"ballast":"`+strings.Repeat("x", 90<<10)+`"}}`)
		}
	}
	if crowd > 0 {
		if err := s.gather(crowd); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

// restart starts the broker again.
func (s *scene) restart() {
	s.t.Helper()
	begun := time.Now()
	s.broker.Restart()
	s.ready = time.Since(begun)
	s.open()
}

func (s *scene) add(t *thing, writers ...*client) {
	s.things = append(s.things, t)
	for _, c := range writers {
		one := &stream{thing: t, key: c.name}
		t.streams = append(t.streams, one)
		c.streams = append(c.streams, one)
	}
}

// open connects the client that looks.
func (s *scene) open() {
	s.reader = harness.Dial5(s.t, s.broker, harness.Connect{ID: "reader"})
	s.reader.Subscribe("ditto/_replies/#")
}

// ask sends a command for a whole Thing and gives the value of the response.
func (s *scene) ask(action string, t *thing, more string) (status int, value json.RawMessage) {
	s.t.Helper()
	m := s.reader.Request("ditto/kill/"+t.name+"/things/twin/commands/"+action, `{"path":"/",`+more+`}`, 1, "ditto/_replies/look")
	var e struct {
		Status int             `json:"status"`
		Value  json.RawMessage `json:"value"`
	}
	if err := json.Unmarshal([]byte(m.Payload), &e); err != nil {
		s.t.Fatal(err)
	}
	if e.Status >= 300 && e.Status != 404 {
		s.t.Fatalf("%s of %s: %s", action, t.id(), m.Payload)
	}
	return e.Status, e.Value
}

// look retrieves all Things.
func (s *scene) look() map[*thing]*document {
	s.t.Helper()
	docs := map[*thing]*document{}
	for _, t := range s.things {
		docs[t] = &document{}
		if status, value := s.ask("retrieve", t, `"fields":"attributes(copy,c0,c1,c2,c3,c4,c5),features,_revision"`); status == 200 {
			if err := json.Unmarshal(value, docs[t]); err != nil {
				s.t.Fatalf("%s: %v", t.id(), err)
			}
		}
	}
	return docs
}

// round lets the clients publish, kills the broker, starts it again and checks.
func (s *scene) round(number int) (problems []string) {
	s.t.Helper()
	s.recruit()
	w, err := watch(s.broker.MQTT(), s.things, s.look())
	if err != nil {
		s.t.Fatal(err)
	}
	// After some acknowledgements, or some time after the first one.
	goal, later := 1+s.random.Int64N(5000), time.Duration(0)
	if s.random.IntN(3) > 0 {
		goal, later = 1, time.Duration(s.random.IntN(400_000))*time.Microsecond
	}
	l, running := begin(s.broker.MQTT(), s.clients, goal)
	if err := l.await(); err != nil {
		s.t.Fatal(err)
	}
	<-time.After(later) // the random moment
	close(l.killed)
	s.broker.Kill()
	running.Wait()
	seen, problems := w.stop()

	early := ""
	if s.random.IntN(3) == 0 {
		early = ", and again while it started"
		s.killStarting()
	}
	s.restart()
	problems = append(problems, s.collect()...)
	unacknowledged := 0
	for _, c := range s.clients {
		unacknowledged += len(c.pending)
	}
	for t, d := range s.look() {
		problems = append(problems, t.check(d, seen[t.name])...)
	}
	problems = append(problems, s.untouched(min(s.crowd, recruits))...)
	s.t.Logf("round %d: killed %v after acknowledgement %d%s; %d acknowledgements, %d events, %d publishes not completed; ready again in %v",
		number, later, goal, early, l.acks.Load(), w.events, unacknowledged, s.ready.Round(time.Millisecond))
	return problems
}

// killStarting kills a broker while it recovers.
func (s *scene) killStarting() {
	v := harness.Spawn(s.t, "serve", "--data-dir", s.broker.Dir(), "--listen", "tcp://127.0.0.1:0", "--http", "off")
	<-time.After(time.Duration(s.random.Int64N(int64(max(s.ready, 60*time.Millisecond)))))
	v.End(syscall.SIGKILL)
}

// collect takes the problems that the clients have found.
func (s *scene) collect() (problems []string) {
	for _, c := range s.clients {
		problems = append(problems, c.problems...)
		c.problems = nil
	}
	return problems
}

// finish lets the clients complete what they have sent, and checks that all of
// it is there, also after a clean stop.
func (s *scene) finish() (problems []string) {
	s.t.Helper()
	w, err := watch(s.broker.MQTT(), s.things, s.look())
	if err != nil {
		s.t.Fatal(err)
	}
	_, running := begin(s.broker.MQTT(), s.clients, 0)
	running.Wait()
	problems = s.collect()
	docs := s.look()
	if err := w.await(docs); err != nil {
		problems = append(problems, err.Error())
	}
	seen, more := w.stop()
	problems = append(problems, more...)
	s.broker.Stop()
	s.restart()
	s.t.Logf("ready in %v after a clean stop", s.ready.Round(time.Millisecond))
	problems = append(problems, s.untouched(s.crowd)...)
	for t, d := range s.look() {
		if d.Revision != docs[t].Revision {
			problems = append(problems, fmt.Sprintf("%s: revision %d is %d after a clean stop", t.id(), docs[t].Revision, d.Revision))
		}
		problems = append(problems, t.checkComplete(d, seen[t.name])...)
	}
	return problems
}

// report fails the test with the first problems.
func report(t *testing.T, problems []string) {
	t.Helper()
	const most = 20
	for _, p := range problems[:min(most, len(problems))] {
		t.Error(p)
	}
	if n := len(problems); n > most {
		t.Errorf("and %d more", n-most)
	}
	if len(problems) > 0 {
		t.FailNow()
	}
}

func TestWhatIsAcknowledgedOutlivesSIGKILL(t *testing.T) {
	t.Parallel()
	s := stage(t, *crowd)
	for i := range *rounds {
		report(t, s.round(i+1))
	}
	report(t, s.finish())
	s.broker.Stop()
	if r := harness.Run(t, "store", "verify", "--data-dir", s.broker.Dir()); r.Code != 0 {
		t.Errorf("store verify: status %d\n%s%s", r.Code, r.Stdout, r.Stderr)
	}
	sent, drops := 0, 0
	for _, c := range s.clients {
		drops += c.drops
		for _, one := range c.streams {
			sent += one.sent
		}
	}
	t.Logf("%d changes were sent, all are there; the clients cut %d connections themselves", sent, drops)
}

func TestTheChecksNotice(t *testing.T) {
	t.Parallel()
	// loaded makes changes and stops in the middle of it.
	loaded := func(s *scene) {
		l, running := begin(s.broker.MQTT(), s.clients, 2000)
		if err := l.await(); err != nil {
			s.t.Fatal(err)
		}
		close(l.killed)
		s.broker.Kill()
		running.Wait()
		s.collect()
	}
	want := func(t *testing.T, problems []string, parts ...string) {
		t.Helper()
		all := strings.Join(problems, "\n")
		for _, part := range parts {
			if !strings.Contains(all, part) {
				t.Errorf("nobody says %q; there are %d problems", part, len(problems))
			}
		}
	}
	t.Run("acknowledged changes that are gone", func(t *testing.T) {
		t.Parallel()
		s := stage(t, 0)
		s.broker.Stop()
		old := t.TempDir()
		if err := os.CopyFS(old, os.DirFS(s.broker.Dir())); err != nil {
			t.Fatal(err)
		}
		s.broker.Restart()
		loaded(s)
		if err := os.RemoveAll(s.broker.Dir()); err != nil {
			t.Fatal(err)
		}
		if err := os.CopyFS(s.broker.Dir(), os.DirFS(old)); err != nil {
			t.Fatal(err)
		}
		s.broker.Restart()
		s.open()
		var problems []string
		for t, d := range s.look() {
			problems = append(problems, t.check(d, 100)...)
		}
		want(t, problems, "was acknowledged", "after an event told of")
	})
	t.Run("publishes at QoS 2 that are applied twice", func(t *testing.T) {
		t.Parallel()
		s := stage(t, 0)
		for _, c := range s.clients {
			c.amnesia = true
		}
		loaded(s)
		s.broker.Restart()
		s.open()
		want(t, s.finish(), "changes at QoS 2")
	})
}
