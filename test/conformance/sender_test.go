package conformance

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/eclipse/paho.golang/paho"
	"go.yaml.in/yaml/v3"

	"github.com/twinbroker/twinbroker/test/harness"
)

const replies = "ditto/_replies/#"

// sender is a client that sends the messages of one case after the other.
type sender struct {
	harness.Client
	sent int
}

func newSender(t testing.TB, b *harness.Broker, version byte) *sender {
	s := &sender{Client: harness.Dial(t, b, version, harness.Connect{})}
	s.Subscribe(replies)
	return s
}

// marker is the Thing that is changed after each message of a case. What the
// message brings about arrives before what the marker's change does, so what
// has not come by then does not come.
func (r *run) marker() string { return r.vars["ns"] + ":marker" }

// escaped is what a name looks like in an MQTT topic.
var escaped = strings.NewReplacer("%", "%25", "+", "%2B", "#", "%23")

func topicOf(id string) string {
	return strings.Replace(id, ":", "/", 1)
}

// path is the beginning of the topic path of what the case is about, up to
// commands, events or errors.
func (r *run) path() string { return topicOf(r.vars["thing"]) + r.group() }

func (r *run) group() string {
	if r.Topic.Policies() {
		return "/policies"
	}
	return "/things/twin"
}

// thing is a whole Thing as JSON, "" for none.
func (r *run) thing(n *yaml.Node, id string) (string, error) {
	if absent(n) {
		return "", nil
	}
	if n.Kind == yaml.ScalarNode {
		if n.Value == "none" {
			return "", nil
		}
		named, ok := r.Topic.Things[n.Value]
		if !ok {
			return "", fmt.Errorf("line %d: the file has no Thing %q", n.Line, n.Value)
		}
		n = &named
	}
	text, err := r.vars.JSON(n)
	if err != nil {
		return "", err
	}
	members := fmt.Sprintf(`"thingId":%s`, quote(id))
	if r.Topic.Policies() {
		members = fmt.Sprintf(`"policyId":%s`, quote(id))
	} else if Member(n, "policyId") == nil {
		members += fmt.Sprintf(`,"policyId":%s`, quote(id))
	}
	if text == "{}" {
		return "{" + members + "}", nil
	}
	return "{" + members + "," + text[1:], nil
}

// run sends a case's messages and says what was not as it must be.
func (s *sender) run(r *run) error {
	r.vars["client"] = s.ID()
	filters := []string{"ditto/" + r.vars["ns"] + "/+/things/twin/events/#"}
	if r.Topic.Policies() {
		filters = append(filters, "ditto/"+r.vars["ns"]+"/+/policies/events/#")
	}
	if r.ID != "" {
		ns, _, _ := strings.Cut(r.vars["thing"], ":")
		filters = append(filters, "ditto/"+ns+"/"+escaped.Replace(r.vars["name"])+"/things/twin/events/#")
	}
	for _, filter := range filters {
		if code := s.SubscribeAt(filter, 1); code > 2 {
			return fmt.Errorf("subscribing to %s: refused with %#x", filter, code)
		}
	}
	defer s.Unsubscribe(filters...)

	// What the Thing is, and its revision.
	state, err := r.thing(&r.Thing, r.vars["thing"])
	if err != nil {
		return err
	}
	at := revision
	if state == "" {
		at = 0
	}
	for n, step := range r.Steps {
		if state, at, err = s.step(r, step, state, at); err != nil {
			return fmt.Errorf("message %d: %w", n+1, err)
		}
	}
	return nil
}

// step sends one message. It takes and gives back the Thing and its revision.
func (s *sender) step(r *run, step *Step, state string, at int) (string, int, error) {
	request, err := r.request(step, fmt.Sprintf("c-%s-%d", s.ID(), s.next()))
	if err != nil {
		return "", 0, err
	}
	refused, err := s.send(request)
	if err != nil {
		return "", 0, err
	}
	responses, events, err := s.upToMarker(r)
	if err != nil {
		return "", 0, fmt.Errorf("%s\n%w", request, err)
	}
	wrong := func(what, want string, err error, came []harness.Message) (string, int, error) {
		texts := []string{}
		for _, m := range came {
			texts = append(texts, m.Payload)
		}
		return "", 0, fmt.Errorf("%s\nthe %s: %w\nwant: %s\ncame: %s", request, what, err, orNone(want), orNone(strings.Join(texts, "\n      ")))
	}

	before := at
	after := state
	if action := step.EventAction(); action != "" && action != "none" {
		at++
	}
	if after, err = r.after(step, state); err != nil {
		return "", 0, fmt.Errorf("the Thing afterwards: %w", err)
	}
	want, err := r.response(step, request, after)
	if err != nil {
		return "", 0, err
	}
	if err := r.compareOne(want, responses, request); err != nil {
		return wrong("response", want.text, err, responses)
	}
	if step.AnswerText != "" && !strings.Contains(responses[0].Payload, `"value":`+r.vars.Fill(step.AnswerText)) {
		return wrong("response's value, to the letter", step.AnswerText, errors.New("it is another"), responses)
	}
	if status := step.Status(); s.Version() == 5 && status != "304" && status != "" && refused != (status >= "400") {
		return wrong("acknowledgement", want.text, fmt.Errorf("a refusal: %v", refused), responses)
	}
	if want, err = r.event(step, request, after, at); err != nil {
		return "", 0, err
	}
	if err := r.compareOne(want, events, request); err != nil {
		return wrong("event", want.text, err, events)
	}
	if step.Action() == "retrieve" && before == at {
		return after, at, nil
	}
	got, err := s.retrieve(r)
	if err != nil {
		return "", 0, err
	}
	wanted, err := r.visible(after)
	if err != nil {
		return "", 0, err
	}
	if wanted != "" {
		wanted = strings.TrimSuffix(wanted, "}") + fmt.Sprintf(`,"_revision":%d}`, at)
	}
	if wanted == "" || got == "" {
		if wanted != got {
			return wrong("Thing afterwards", wanted, errors.New("one is there, and one is not"), []harness.Message{{Payload: got}})
		}
	} else if err := r.vars.Compare(wanted, got); err != nil {
		return wrong("Thing afterwards", wanted, err, []harness.Message{{Payload: got}})
	}
	return after, at, nil
}

func orNone(s string) string {
	if s == "" {
		return "(none)"
	}
	return s
}

func (s *sender) next() int { s.sent++; return s.sent }

// send publishes and says whether that was refused, as MQTT 5 tells it.
func (s *sender) send(q *request) (refused bool, err error) {
	c, five := s.Client.(*harness.Client5)
	if five && q.properties != nil {
		p := &paho.PublishProperties{ResponseTopic: q.properties.ResponseTopic, ContentType: q.properties.ContentType}
		if q.properties.Correlation != "" {
			p.CorrelationData = []byte(q.properties.Correlation)
		}
		for name, value := range q.properties.User {
			p.User.Add(name, value)
		}
		err = c.Send(&paho.Publish{Topic: q.mqtt, Payload: []byte(q.payload), QoS: 1, Properties: p})
	} else {
		err = s.Publish(q.mqtt, q.payload, 1)
	}
	if r := (*harness.Refused)(nil); errors.As(err, &r) {
		return true, nil
	}
	if err != nil {
		err = fmt.Errorf("%s\n%w", q, err)
	}
	return false, err
}

// upToMarker changes the marker, and takes what arrives before that is told.
func (s *sender) upToMarker(r *run) (responses, events []harness.Message, err error) {
	correlation := fmt.Sprintf("marker-%s-%d", s.ID(), s.next())
	err = s.Publish("ditto/"+topicOf(r.marker())+"/things/twin/commands/modify",
		fmt.Sprintf(`{"path":"/attributes/at","value":%q,"headers":{"correlation-id":%[1]q}}`, correlation), 1)
	if err != nil {
		return nil, nil, fmt.Errorf("the marker: %w", err)
	}
	take := func(filter string) (all []harness.Message, _ error) {
		for {
			m, err := s.WaitWithin(filter, harness.Patience)
			if err != nil {
				return nil, err
			}
			if strings.Contains(m.Payload, correlation) {
				return all, nil
			}
			all = append(all, m)
		}
	}
	if responses, err = take(replies); err != nil {
		return nil, nil, err
	}
	if events, err = take("ditto/+/+/things/twin/events/#"); err != nil {
		return nil, nil, err
	}
	for r.Topic.Policies() {
		m, err := s.WaitWithin("ditto/+/+/policies/events/#", 0)
		if err != nil {
			break
		}
		events = append(events, m)
	}
	return responses, events, nil
}

// retrieve is the case's Thing as it is, with its revision; "" for none.
func (s *sender) retrieve(r *run) (string, error) {
	correlation := fmt.Sprintf("retrieve-%s-%d", s.ID(), s.next())
	topic := "ditto/" + escaped.Replace(r.path()) + "/commands/retrieve"
	fields := "thingId,policyId,definition,attributes,features,_revision"
	if r.Topic.Policies() {
		fields = "policyId,imports,entries,_revision"
	}
	err := s.Publish(topic, fmt.Sprintf(`{"path":"/","fields":%q,"headers":{"correlation-id":%q}}`, fields, correlation), 1)
	if err != nil && !errors.As(err, new(*harness.Refused)) {
		return "", err
	}
	m, err := s.WaitWithin(replies, harness.Patience)
	if err != nil {
		return "", err
	}
	var e struct {
		Status int
		Value  json.RawMessage
	}
	if err := json.Unmarshal([]byte(m.Payload), &e); err != nil || !strings.Contains(m.Payload, correlation) || e.Status != 200 && e.Status != 404 {
		return "", fmt.Errorf("retrieving the Thing afterwards: %v: %s", err, m.Payload)
	}
	if e.Status == 404 {
		return "", nil
	}
	return string(e.Value), nil
}
