package access

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/eclipse/paho.golang/paho"

	"github.com/twinbroker/twinbroker/test/harness"
)

const replies = "ditto/_replies/"

// troupe are clients of the cast, who play one case after the other.
type troupe struct {
	t        testing.TB
	b        *harness.Broker
	protocol byte
	mark     string                    // the topic of the marker
	marker   harness.Client            // who sends it
	stay     map[string]harness.Client // the cast's
	marked   int
	serial   int
}

var troupes atomic.Int64

func newTroupe(t testing.TB, b *harness.Broker, version byte) *troupe {
	a := &troupe{t: t, b: b, protocol: version, stay: map[string]harness.Client{}}
	a.mark = fmt.Sprintf("marker/%d", troupes.Add(1))
	a.marker = harness.Dial(t, b, version, harness.Connect{Username: "ann", Password: password})
	for _, user := range cast {
		a.stay[user] = harness.Dial(t, b, version, credentials(user))
		a.stay[user].Subscribe(a.mark, "ditto/_replies/#")
	}
	return a
}

// credentials are those of a client's user.
func credentials(client string) harness.Connect {
	user, _, _ := strings.Cut(client, ".")
	if user == "nobody" {
		return harness.Connect{}
	}
	return harness.Connect{Username: user, Password: password}
}

// play is a case that is being played.
type play struct {
	*troupe
	*run
	here map[string]harness.Client // who is connected
}

// run plays a case and says what was not as it must be.
func (a *troupe) run(r *run) error {
	p := &play{troupe: a, run: r, here: map[string]harness.Client{}}
	for name, c := range a.stay {
		p.here[name] = c
		filters := p.filters(name)
		for _, filter := range filters {
			if code := c.SubscribeAt(filter, 2); code > 2 {
				return fmt.Errorf("%s subscribes to %s: %#x", name, filter, code)
			}
		}
		defer func() {
			for _, s := range r.Steps {
				if s.As == name || s.As == "" && r.who == name {
					filters = append(filters, p.fill(s.Subscribe)...)
				}
			}
			if len(filters) > 0 {
				c.Unsubscribe(filters...)
			}
			for err := error(nil); err == nil; { // what a step did not ask for
				_, err = c.WaitWithin("$SYS/#", time.Nanosecond)
			}
		}()
	}
	// Retained messages and replies of before are not of this case.
	if _, err := p.upToMarker(nil); err != nil {
		return err
	}
	defer func() {
		for name, c := range p.here {
			if a.stay[name] == nil {
				c.Disconnect()
			}
		}
	}()
	for n, s := range r.Steps {
		if err := p.step(s); err != nil {
			return fmt.Errorf("step %d: %w", n+1, err)
		}
	}
	return nil
}

// filters are those of a client: as the case says, or all of its namespace's
// signals.
func (p *play) filters(client string) []string {
	for names, filters := range p.world.Listen {
		for name := range strings.FieldsSeq(names) {
			if name != client {
				continue
			}
			return p.fill(filters)
		}
	}
	if client == "root" { // it would be told everything
		return nil
	}
	return []string{p.vars.Fill("ditto/{{ns}}/#")}
}

func (p *play) fill(texts []string) (all []string) {
	for _, text := range texts {
		all = append(all, p.vars.Fill(text))
	}
	return all
}

// step does a step.
func (p *play) step(s *Step) error {
	who, want := s.As, s.Answer
	if who == "" {
		who, want = p.who, p.want
	}
	done, err := p.do(s, who)
	if err != nil {
		return fmt.Errorf("%s: %w", who, err)
	}
	told := map[string][]string{}
	allowed := len(s.Each) == 0 || want < "400" || want == "none" || want == "granted"
	if allowed {
		for names, messages := range s.Told {
			for name := range strings.FieldsSeq(names) {
				for _, m := range messages {
					told[name] = append(told[name], p.vars.Fill(m))
				}
			}
		}
	}
	came, err := p.upToMarker(told)
	if err != nil {
		return fmt.Errorf("%s: %s: %w", who, done.what, err)
	}
	var wrong []string
	for name, messages := range came {
		var answers []harness.Message
		var others []string
		for _, m := range messages {
			for _, secret := range p.never(name) {
				if strings.Contains(text(m), secret) && strings.Contains(text(m), p.vars["ns"]) {
					wrong = append(wrong, fmt.Sprintf("%s received %q, which has the secret %q in it", name, text(m), secret))
				}
			}
			if name == who && (strings.HasPrefix(m.Topic, replies) || done.replies != "" && m.Topic == done.replies) {
				answers = append(answers, m)
				continue
			}
			if line := p.line(m); line != "" {
				others = append(others, line)
			}
		}
		if name == who {
			if err := p.answered(s, &done, want, answers); err != nil {
				wrong = append(wrong, err.Error())
			}
		}
		if !same(told[name], others) {
			wrong = append(wrong, fmt.Sprintf("%s is told %q, and must be told %q", name, others, told[name]))
		}
	}
	for name := range told {
		if p.here[name] == nil {
			wrong = append(wrong, name+" is not here to be told anything")
		}
	}
	if len(wrong) > 0 {
		slices.Sort(wrong)
		return fmt.Errorf("%s: %s\n  %s", who, done.what, strings.Join(wrong, "\n  "))
	}
	return nil
}

func (p *play) never(client string) (secrets []string) {
	for names, all := range p.world.Never {
		if slices.Contains(strings.Fields(names), client) {
			secrets = append(secrets, all...)
		}
	}
	return secrets
}

// text is all of a message.
func text(m harness.Message) string {
	return fmt.Sprintf("%s %s %v %s", m.Topic, m.Payload, m.Props.User, m.Props.CorrelationData)
}

// upToMarker takes what is sent to each client before the marker. Those who
// must be told something get it before the marker is sent: a will, say, is sent
// when the broker finds that its client is gone.
func (p *play) upToMarker(told map[string][]string) (map[string][]harness.Message, error) {
	came := map[string][]harness.Message{}
	for name, messages := range told {
		c := p.here[name]
		for n := 0; c != nil && n < len(messages); {
			filter := "#"
			if strings.HasPrefix(messages[n], "$SYS") {
				filter = "$SYS/#"
			}
			m, err := c.WaitWithin(filter, harness.Patience)
			if err != nil {
				return nil, fmt.Errorf("%s must be told %q, and was told %v: %w", name, messages, came[name], err)
			}
			came[name] = append(came[name], m)
			if !strings.HasPrefix(m.Topic, replies) && p.line(m) != "" {
				n++
			}
		}
	}
	p.marked++
	mark := fmt.Sprint(p.marked)
	for _, qos := range []byte{0, 1} { // what is sent at most once has a queue of its own
		if err := p.marker.Publish(p.mark, mark, qos); err != nil {
			return nil, fmt.Errorf("the marker: %w", err)
		}
	}
	for name, c := range p.here {
		for marks := 0; marks < 2; {
			m, err := c.WaitWithin("#", harness.Patience)
			if err != nil {
				return nil, fmt.Errorf("%s: the marker: %w", name, err)
			}
			switch {
			case m.Topic != p.mark:
				came[name] = append(came[name], m)
			case m.Payload == mark:
				marks++
			}
		}
		for {
			m, err := c.WaitWithin("$SYS/#", time.Nanosecond)
			if err != nil {
				break
			}
			came[name] = append(came[name], m)
		}
		if _, some := came[name]; !some {
			came[name] = nil
		}
	}
	return came, nil
}

// line is a message as files of cases write it; "" for one of another case,
// which clients with wide filters see.
func (p *play) line(m harness.Message) string {
	if !strings.Contains(text(m), p.vars["ns"]) {
		return ""
	}
	var e struct {
		Topic *string
		Path  string
		Value json.RawMessage
		Extra json.RawMessage
	}
	if m.Topic == "$SYS/twinbroker/refused" { // it has times and identifiers of clients
		return m.Topic
	}
	where, what := m.Topic, m.Payload
	if json.Unmarshal([]byte(m.Payload), &e) == nil && e.Topic != nil {
		what = e.Path
		if e.Value != nil {
			what += " " + string(e.Value)
		}
		if e.Extra != nil {
			what += " extra " + string(e.Extra)
		}
		where = strings.TrimPrefix(where, "ditto/"+p.vars["ns"]+"/")
		where = strings.TrimPrefix(where, "thing/things/twin/events/")
	}
	if m.Retain {
		where = "retained " + where
	}
	return p.vars.Fill(where + " " + what)
}

// same says whether the messages are those, in any order.
func same(want, got []string) bool {
	if len(want) != len(got) {
		return false
	}
	left := slices.Clone(got)
	for _, w := range want {
		i := slices.IndexFunc(left, func(g string) bool {
			begin, open := strings.CutSuffix(w, "…")
			return g == w || open && strings.HasPrefix(g, begin)
		})
		if i < 0 {
			return false
		}
		left = slices.Delete(left, i, i+1)
	}
	return true
}

// done is what was done.
type done struct {
	what    string
	refused *harness.Refused
	command bool
	replies string // another topic on which answers are due
	granted string // of a subscription or connection
	found   []json.RawMessage
}

func (p *play) do(s *Step, who string) (d done, err error) {
	c := p.here[who]
	if c == nil && !s.Come {
		return d, errors.New("it is not here")
	}
	d.replies = p.vars.Fill(s.Response)
	switch {
	case s.Come:
		d.what, d.granted = "comes", "none"
		return d, p.come(s, who, &d)
	case s.Leave, s.Drop:
		d.what = "leaves"
		if s.Leave {
			c.Disconnect()
		} else {
			c.Drop()
		}
		delete(p.here, who)
		return d, nil
	case len(s.Subscribe) > 0:
		d.granted = "granted"
		for _, filter := range s.Subscribe {
			filter = p.vars.Fill(filter)
			d.what += "subscribes to " + filter + " "
			if code := c.SubscribeAt(filter, 2); code > 2 {
				d.granted = "refused"
			}
		}
		return d, nil
	case s.Search.Kind != 0:
		d.what = "searches"
		return d, p.search(s, c, &d)
	case s.Publish != "":
		return d, p.send(c, p.vars.Fill(s.Publish), p.vars.Fill(s.Payload), s, &d)
	}
	d.command = true
	topic, payload, err := p.command(s)
	if err != nil {
		return d, err
	}
	return d, p.send(c, topic, payload, s, &d)
}

// command is the MQTT topic and the envelope of a command.
func (p *play) command(s *Step) (topic, payload string, err error) {
	action, path, _ := strings.Cut(p.vars.Fill(s.Send), " ")
	name := "thing"
	if s.On != "" {
		name = s.On
	}
	topic = p.vars["ns"] + "/" + name + "/things/twin/commands/" + action
	if s.Policy != "" {
		topic = p.vars["ns"] + "/" + s.Policy + "/policies/commands/" + action
	}
	if s.To != "" {
		topic = p.vars.Fill(s.To)
	}
	p.serial++
	members := []string{fmt.Sprintf(`"topic":%q,"path":%q`, topic, path)}
	if s.Headers.Kind != 0 {
		headers, err := p.vars.JSON(&s.Headers)
		if err != nil {
			return "", "", err
		}
		members = append(members, `"headers":`+headers)
	}
	if s.Value.Kind != 0 {
		value, err := p.vars.JSON(&s.Value)
		if err != nil {
			return "", "", err
		}
		members = append(members, `"value":`+value)
	}
	if s.Fields != "" {
		members = append(members, fmt.Sprintf(`"fields":%q`, s.Fields))
	}
	mqtt := "ditto/" + strings.NewReplacer("%", "%25", "+", "%2B", "#", "%23").Replace(topic)
	if s.Through != "" {
		mqtt = p.vars.Fill(s.Through)
	}
	return mqtt, "{" + strings.Join(members, ",") + "}", nil
}

// send publishes, and notes whether that was refused, as MQTT 5 tells it.
func (p *play) send(c harness.Client, topic, payload string, s *Step, d *done) (err error) {
	d.what = fmt.Sprintf("sends %s to %s", payload, topic)
	if five, ok := c.(*harness.Client5); ok {
		m := &paho.Publish{Topic: topic, Payload: []byte(payload), QoS: 1, Retain: s.Retain}
		if s.Response != "" {
			m.Properties = &paho.PublishProperties{ResponseTopic: p.vars.Fill(s.Response)}
		}
		err = five.Send(m)
	} else if s.Retain {
		err = c.PublishRetained(topic, payload, 1)
	} else {
		err = c.Publish(topic, payload, 1)
	}
	if errors.As(err, &d.refused) {
		return nil
	}
	return err
}

// come connects a client whose session stays.
func (p *play) come(s *Step, who string, d *done) error {
	o := credentials(who)
	o.ID, o.Keep, o.Expiry = p.vars["ns"]+"/"+who, true, 600
	if s.Will != nil {
		o.Will = &paho.WillMessage{Topic: p.vars.Fill(s.Will.Topic), Payload: []byte(p.vars.Fill(s.Will.Payload)), QoS: 1, Retain: s.Will.Retain}
		d.what += " with a will to " + o.Will.Topic
	}
	var c harness.Client
	var err error
	if p.protocol == 5 {
		c, err = harness.TryDial5(p.t, p.b, o)
	} else {
		c, err = harness.TryDial3(p.t, p.b, o)
	}
	if err != nil {
		d.granted = "refused"
		return nil
	}
	c.Subscribe(p.mark)
	p.here[who] = c
	return nil
}

// search asks for all Things that a search finds.
func (p *play) search(s *Step, c harness.Client, d *done) error {
	value, err := p.vars.JSON(&s.Search)
	if err != nil {
		return err
	}
	ask := func(action, value string) error {
		return c.Publish("ditto/_/_/things/twin/search/"+action, `{"path":"/","fields":"`+s.Fields+`","value":`+value+`}`, 1)
	}
	answer := func() (action string, value json.RawMessage, _ error) {
		m, err := c.WaitWithin(replies+"#", harness.Patience)
		if err != nil {
			return "", nil, err
		}
		var e struct {
			Topic string
			Value json.RawMessage
		}
		if err := json.Unmarshal([]byte(m.Payload), &e); err != nil {
			return "", nil, err
		}
		d.what += " " + m.Payload
		return e.Topic[strings.LastIndexByte(e.Topic, '/')+1:], e.Value, nil
	}
	if err := ask("subscribe", value); err != nil {
		return err
	}
	action, got, err := answer()
	if err != nil || action != "created" {
		return fmt.Errorf("the search is answered with %s %s: %w", action, got, err)
	}
	var created struct{ SubscriptionID string }
	_ = json.Unmarshal(got, &created)
	d.granted = "none"
	d.found = []json.RawMessage{}
	if err := ask("request", fmt.Sprintf(`{"subscriptionId":%q,"demand":100}`, created.SubscriptionID)); err != nil {
		return err
	}
	for {
		action, got, err := answer()
		switch {
		case err != nil:
			return err
		case action == "complete":
			return nil
		case action != "next":
			return fmt.Errorf("the search is answered with %s %s", action, got)
		}
		var page struct{ Items []json.RawMessage }
		if err := json.Unmarshal(got, &page); err != nil {
			return err
		}
		d.found = append(d.found, page.Items...)
	}
}

// answered compares what a client was answered.
func (p *play) answered(s *Step, d *done, want string, came []harness.Message) error {
	gives := ""
	if s.Gives.Kind != 0 && (len(s.Each) == 0 || want < "400") {
		var err error
		if gives, err = p.vars.JSON(&s.Gives); err != nil {
			return err
		}
	}
	if d.granted != "" {
		if want == "" {
			want = d.granted
			if s.Come {
				want = "none"
			}
		}
		if d.granted != want {
			return fmt.Errorf("the answer is %s, and must be %s", d.granted, want)
		}
		if gives != "" {
			found, _ := json.Marshal(d.found)
			if err := p.vars.Compare(gives, string(found)); err != nil {
				return fmt.Errorf("found %s: %w", found, err)
			}
		}
		if len(came) > 0 {
			return fmt.Errorf("answered %v", came)
		}
		return nil
	}
	status, code, _ := strings.Cut(want, " ")
	if status == "" || status == "none" {
		if len(came) > 0 || d.refused != nil {
			return fmt.Errorf("answered %v %v, and must not be", came, d.refused)
		}
		return nil
	}
	if len(came) != 1 {
		return fmt.Errorf("answered %v, and must be answered %s", came, want)
	}
	var e struct {
		Status int
		Value  json.RawMessage
	}
	if err := json.Unmarshal([]byte(came[0].Payload), &e); err != nil {
		return fmt.Errorf("answered %v: %w", came, err)
	}
	var wrong struct{ Error string }
	if e.Status >= 300 {
		_ = json.Unmarshal(e.Value, &wrong)
	}
	if fmt.Sprint(e.Status) != status || wrong.Error != code {
		return fmt.Errorf("answered %s, and must be answered %s", came[0].Payload, want)
	}
	if p.protocol == 5 && (d.refused != nil) != (e.Status >= 400) {
		return fmt.Errorf("answered %s, and acknowledged with %v", came[0].Payload, d.refused)
	}
	if d.replies != "" && came[0].Topic != d.replies && p.protocol == 5 && e.Status < 400 {
		return fmt.Errorf("answered on %s, not on %s", came[0].Topic, d.replies)
	}
	if gives != "" {
		if err := p.vars.Compare(gives, string(e.Value)); err != nil {
			return fmt.Errorf("answered %s: %w", e.Value, err)
		}
	}
	return nil
}
