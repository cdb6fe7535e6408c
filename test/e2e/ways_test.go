package e2e

import (
	"fmt"
	"strings"
	"testing"

	"github.com/eclipse/paho.golang/paho"

	"github.com/twinbroker/twinbroker/test/harness"
	"github.com/twinbroker/twinbroker/test/mqttraw"
)

func TestACommandComesInOnItsTopicOrAsAWholeEnvelope(t *testing.T) {
	t.Parallel()
	b := harness.Start(t, harness.Options{})
	versions(t, func(t *testing.T, version byte) {
		a := newApp(t, b, version, harness.Connect{})
		ns := fmt.Sprintf("in.v%d", version)
		topic := ns + "/lamp/things/twin/commands/"
		for _, c := range []struct {
			name, to, payload string
			status            int
		}{
			{"on its topic, which the envelope leaves out", "ditto/" + topic + "create", `{"path":"/","headers":{"correlation-id":"%s"},"value":{}}`, 201},
			{"on its topic, which the envelope repeats", "ditto/" + topic + "modify", `{"topic":"` + topic + `modify","path":"/attributes","headers":{"correlation-id":"%s"},"value":{}}`, 201},
			{"as a whole envelope", "ditto", `{"topic":"` + topic + `modify","path":"/attributes","headers":{"correlation-id":"%s"},"value":{"a":1}}`, 204},
			{"as a whole envelope with its members in another order", "ditto", `{"value":{"a":1},"headers":{"correlation-id":"%s"},"path":"/attributes","topic":"` + topic + `modify"}`, 204},
			{"with a path that does not begin with a slash", "ditto/" + topic + "retrieve", `{"path":"attributes/a","headers":{"correlation-id":"%s"}}`, 200},
			{"with members that the protocol does not know", "ditto/" + topic + "retrieve", `{"path":"/","x":1,"headers":{"correlation-id":"%s"}}`, 200},
		} {
			t.Run(c.name, func(t *testing.T) {
				a := a.in(t)
				correlation := "in " + c.name
				if err := a.Publish(c.to, fmt.Sprintf(c.payload, correlation), 1); err != nil {
					t.Error(err)
				}
				if e := a.answer(correlation); e.Status != c.status {
					t.Errorf("answered with %d %s, want %d", e.Status, e.Value, c.status)
				}
			})
		}
	})
}

func TestResponsesTakeTheFirstWayBackThatIsThere(t *testing.T) {
	t.Parallel()
	b := harness.Start(t, harness.Options{})
	c := harness.Dial5(t, b, harness.Connect{ID: "ways/back"})
	c.Subscribe("ditto/_replies/#", "answers/#")
	a := &app{Client: c, t: t}
	a.must("ways:lamp", "create", "/", "{}")
	const own = "ditto/_replies/ways%2Fback"
	for _, w := range []struct {
		name, response, header, at string
	}{
		{"the Response Topic before the header", "answers/to/me", "answers/other", "answers/to/me"},
		{"the header where there is no Response Topic", "", "answers/other", "answers/other"},
		{"the own reply topic where there is neither", "", "", own},
		{"a level below the own reply topic", own + "/1", "", own + "/1"},
		{"the own reply topic by name", "", own, own},
	} {
		t.Run(w.name, func(t *testing.T) {
			for _, payload := range []string{ // a response, an error, and what could not be read to its end
				`{"path":"/","headers":{%s}}`,
				`{"path":"/attributes/none","headers":{%s}}`,
				`{"headers":{%s}}`,
			} {
				headers := `"correlation-id":"in the envelope"`
				if w.header != "" {
					headers += `,"reply-to":"` + w.header + `"`
				}
				payload = fmt.Sprintf(payload, headers)
				_ = c.Send(&paho.Publish{
					Topic: "ditto/ways/lamp/things/twin/commands/retrieve", QoS: 1, Payload: []byte(payload),
					Properties: &paho.PublishProperties{ResponseTopic: w.response, CorrelationData: []byte(w.name)},
				})
				m := c.Wait("#")
				if m.Topic != w.at || m.Correlation() != w.name {
					t.Errorf("%s answered on %s with Correlation Data %q, want %s and %q", payload, m.Topic, m.Correlation(), w.at, w.name)
				}
				if e := read(t, m); e.correlation() != "in the envelope" {
					t.Errorf("answered with correlation-id %q", e.correlation())
				}
				if ct := m.Props.ContentType; ct != "application/vnd.eclipse.ditto+json" {
					t.Errorf("answered with content type %q", ct)
				}
			}
		})
	}
}

func TestTheReplyToHeaderWorksForBothVersions(t *testing.T) {
	t.Parallel()
	b := harness.Start(t, harness.Options{})
	versions(t, func(t *testing.T, version byte) {
		a := newApp(t, b, version, harness.Connect{})
		at := fmt.Sprintf("answers/%d", version)
		a.Subscribe(at)
		payload := `{"path":"/","headers":{"correlation-id":"r","reply-to":"` + at + `"}}`
		_ = a.Publish("ditto/ways/none/things/twin/commands/retrieve", payload, 1)
		m := a.Wait(at)
		e := read(t, m)
		e.wantError(t, 404, "things:thing.notfound", "r")
		if also := a.Drain("#"); len(also) > 0 {
			t.Errorf("also answered %v", also)
		}
	})
}

func TestAClientsOwnReplyTopicIsItsIdentifierAsOneLevel(t *testing.T) {
	t.Parallel()
	b := harness.Start(t, harness.Options{})
	for _, c := range []struct{ id, level string }{
		{"plain", "plain"}, {"a/b", "a%2Fb"}, {"100%", "100%25"}, {"two words", "two words"},
		{"+", "%2B"}, {"#", "%23"}, {"größe/ü", "größe%2Fü"}, {"a%2Fb", "a%252Fb"}, {"$SYS", "$SYS"},
	} {
		t.Run(c.id, func(t *testing.T) {
			versions(t, func(t *testing.T, version byte) {
				id, level := c.id, c.level
				if version == 4 { // both run at once
					id, level = id+"3", level+"3"
				}
				a := &app{Client: harness.Dial(t, b, version, harness.Connect{ID: id}), t: t}
				own := "ditto/_replies/" + level
				a.Subscribe(own)
				_ = a.Publish("ditto/ways/none/things/twin/commands/retrieve", `{"path":"/"}`, 1)
				if m := a.Wait("#"); m.Topic != own {
					t.Errorf("answered on %s, want %s", m.Topic, own)
				}
			})
		})
	}
}

func TestRepliesReachNobodyElse(t *testing.T) {
	t.Parallel()
	b := harness.Start(t, harness.Options{})
	versions(t, func(t *testing.T, version byte) {
		a := newApp(t, b, version, harness.Connect{ID: fmt.Sprintf("asker-%d", version)})
		var others []harness.Client
		for _, filter := range []string{"#", "ditto/#", "ditto/+/#", "ditto/_replies/#", "ditto/_replies/" + a.ID(), "+/_replies/+", "$share/g/ditto/_replies/#"} {
			other := harness.Dial(t, b, 9-version, harness.Connect{})
			other.SubscribeAt(filter, 2) // whether it is refused or reaches nothing
			others = append(others, other)
		}
		id := fmt.Sprintf("private:v%d", version)
		a.must(id, "create", "/", "{}")
		a.command(id, "retrieve", "/nonsense", "")
		if c, ok := a.Client.(*harness.Client5); ok { // one that it names itself, and one of somebody else
			for _, topic := range []string{"ditto/_replies/" + a.ID() + "/x", "ditto/_replies/" + others[3].ID()} {
				c.Request("ditto/"+topicOf(id)+"/things/twin/commands/retrieve", `{"path":"/"}`, 1, topic)
			}
		}
		for _, other := range others {
			for _, m := range other.Drain("#") {
				if strings.HasPrefix(m.Topic, "ditto/_replies/") {
					t.Errorf("another client received %v", m)
				}
			}
		}
	})
}

func TestASubscriberOfItsRepliesByWildcardsGetsThem(t *testing.T) {
	t.Parallel()
	b := harness.Start(t, harness.Options{})
	for _, filter := range []string{"#", "ditto/#", "ditto/_replies/#", "ditto/_replies/+", "+/_replies/#"} {
		t.Run(filter, func(t *testing.T) {
			versions(t, func(t *testing.T, version byte) {
				c := harness.Dial(t, b, version, harness.Connect{})
				c.Subscribe(filter)
				_ = c.Publish("ditto/ways/none/things/twin/commands/retrieve", `{"path":"/","headers":{"correlation-id":"w"}}`, 1)
				e := read(t, c.Wait("ditto/_replies/"+c.ID()))
				e.wantError(t, 404, "things:thing.notfound", "w")
			})
		})
	}
}

func TestWhoWantsNoResponseStillGetsErrors(t *testing.T) {
	t.Parallel()
	b := harness.Start(t, harness.Options{})
	versions(t, func(t *testing.T, version byte) {
		a := newApp(t, b, version, harness.Connect{})
		a.Subscribe("elsewhere")
		id := fmt.Sprintf("quiet:v%d", version)
		topic := "ditto/" + topicOf(id) + "/things/twin/commands/"
		const headers = `"headers":{"correlation-id":"q","response-required":false,"reply-to":"elsewhere"}`
		for _, c := range []struct {
			action, rest string
			status       int // 0: no answer
		}{
			{"create", `"path":"/","value":{}`, 0},
			{"modify", `"path":"/attributes","value":{"a":1}`, 0},
			{"merge", `"path":"/attributes","value":{"a":2}`, 0},
			{"delete", `"path":"/attributes/a"`, 0},
			{"delete", `"path":"/attributes/a"`, 404},
			{"create", `"path":"/","value":{}`, 409},
			{"modify", `"path":"/attributes","value":1`, 400},
		} {
			_ = a.Publish(topic+c.action, "{"+headers+","+c.rest+"}", 1)
			got := a.Drain("#")
			switch {
			case c.status == 0 && len(got) > 0:
				t.Errorf("%s of %s: answered with %v, want nothing", c.action, c.rest, got)
			case c.status == 0:
			case len(got) != 1:
				t.Errorf("%s of %s: answered with %v, want one error", c.action, c.rest, got)
			default:
				e := read(t, got[0])
				if got[0].Topic != "ditto/_replies/"+a.ID() || e.Status != c.status || e.correlation() != "q" {
					t.Errorf("%s of %s: answered with %v", c.action, c.rest, got)
				}
			}
		}
		if thing, revision := a.state(id); revision != 4 || !strings.Contains(thing, `"attributes":{}`) {
			t.Errorf("afterwards there is %s at revision %d", thing, revision)
		}
	})
}

func TestAResponseHasTheRequestsQoSLoweredByTheSubscription(t *testing.T) {
	t.Parallel()
	b := harness.Start(t, harness.Options{})
	versions(t, func(t *testing.T, version byte) {
		a := newApp(t, b, version, harness.Connect{})
		id := fmt.Sprintf("qos:v%d", version)
		a.must(id, "create", "/", "{}")
		for subscribed := range byte(3) {
			a.SubscribeAt("ditto/_replies/#", subscribed)
			a.SubscribeAt("ditto/qos/+/things/twin/events/#", subscribed)
			a.Drain("#")
			for requested := range byte(3) {
				name := fmt.Sprintf("request at QoS %d, subscription at %d", requested, subscribed)
				err := a.Publish("ditto/"+topicOf(id)+"/things/twin/commands/modify", `{"path":"/attributes","value":{}}`, requested)
				if err != nil {
					t.Errorf("%s: %v", name, err)
				}
				if m := a.Wait("ditto/_replies/#"); m.QoS != min(requested, subscribed) {
					t.Errorf("%s: response at QoS %d", name, m.QoS)
				}
				if m := a.Wait("ditto/" + topicOf(id) + "/#"); m.QoS != subscribed {
					t.Errorf("%s: event at QoS %d", name, m.QoS)
				}
			}
		}
	})
}

func TestAnMQTT5ClientGivesHeadersByProperties(t *testing.T) {
	t.Parallel()
	b := harness.Start(t, harness.Options{})
	c := harness.Dial5(t, b, harness.Connect{})
	c.Subscribe("ditto/#")
	send := func(headers string, p *paho.PublishProperties) (response, event envelope, m harness.Message) {
		t.Helper()
		payload := `{"path":"/","value":{}` + headers + `}`
		if err := c.Send(&paho.Publish{Topic: "ditto/props/lamp/things/twin/commands/modify", QoS: 1, Payload: []byte(payload), Properties: p}); err != nil {
			t.Fatal(err)
		}
		m = c.Wait("ditto/_replies/#")
		return read(t, m), read(t, c.Wait("ditto/props/+/things/#")), m
	}
	t.Run("correlation data is the correlation-id", func(t *testing.T) {
		r, e, m := send("", &paho.PublishProperties{CorrelationData: []byte("data")})
		if r.correlation() != "data" || e.correlation() != "data" || m.Correlation() != "data" {
			t.Errorf("correlation-id %q in the response, %q in the event; Correlation Data %q", r.correlation(), e.correlation(), m.Correlation())
		}
	})
	t.Run("the envelope comes before properties", func(t *testing.T) {
		r, _, m := send(`,"headers":{"correlation-id":"mine","x":"envelope"}`,
			&paho.PublishProperties{CorrelationData: []byte("data"), User: paho.UserProperties{{Key: "x", Value: "property"}}})
		if r.correlation() != "mine" || m.Correlation() != "data" || r.Headers["x"] != "envelope" {
			t.Errorf("headers %v, Correlation Data %q", r.Headers, m.Correlation())
		}
	})
	t.Run("user properties are headers", func(t *testing.T) {
		r, e, _ := send("", &paho.PublishProperties{User: paho.UserProperties{{Key: "x-site", Value: "hall"}, {Key: "version", Value: "2"}}})
		if r.Headers["x-site"] != "hall" || e.Headers["x-site"] != "hall" {
			t.Errorf("headers %v in the response, %v in the event", r.Headers, e.Headers)
		}
	})
	t.Run("response-required as a user property", func(t *testing.T) {
		err := c.Send(&paho.Publish{Topic: "ditto/props/lamp/things/twin/commands/modify", QoS: 1, Payload: []byte(`{"path":"/","value":{}}`),
			Properties: &paho.PublishProperties{User: paho.UserProperties{{Key: "response-required", Value: "false"}}}})
		if err != nil {
			t.Fatal(err)
		}
		if m := c.Drain("ditto/_replies/#"); len(m) > 0 {
			t.Errorf("answered with %v", m)
		}
	})
}

func TestAResponseWaitsForAClientThatComesBack(t *testing.T) {
	t.Parallel()
	b := harness.Start(t, harness.Options{Config: harness.Anonymous + "store: {sync: 300ms}\n"})
	versions(t, func(t *testing.T, version byte) {
		o := mqttraw.Options{Version: version, ClientID: fmt.Sprintf("back-%d", version), SessionExpiry: 100}
		c, _, err := mqttraw.Dial(b.MQTT(), o)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Subscribe(1, mqttraw.Subscription{Filter: "ditto/_replies/#", QoS: 1}); err != nil {
			t.Fatal(err)
		}
		topic := fmt.Sprintf("ditto/back/v%d/things/twin/", version)
		watch := harness.Dial5(t, b, harness.Connect{})
		watch.Subscribe(topic + "events/#")
		if err := c.Publish(&mqttraw.Publish{Topic: topic + "commands/create", QoS: 1, ID: 5, Payload: []byte(`{"path":"/","value":{},"headers":{"correlation-id":"x"}}`)}); err != nil {
			t.Fatal(err)
		}
		if err := c.Disconnect(); err != nil { // at once: before the change is stored
			t.Fatal(err)
		}
		watch.Wait(topic + "events/created")
		c, ack, err := mqttraw.Dial(b.MQTT(), o)
		if err != nil || !ack.SessionPresent {
			t.Fatalf("%v, %+v", err, ack)
		}
		defer c.Close()
		p, err := c.ReadPacket()
		if err != nil || p.Type != mqttraw.PUBLISH {
			t.Fatalf("received %v, %v; want the response", p, err)
		}
		if e := read(t, harness.Message{Topic: p.Topic, Payload: string(p.Payload)}); e.Status != 201 || e.correlation() != "x" {
			t.Errorf("received %s", p.Payload)
		}
	})
}

func TestAClientMayLeaveItsIdentifierToTheBroker(t *testing.T) {
	t.Parallel()
	b := harness.Start(t, harness.Options{})
	for _, version := range []byte{mqttraw.V5, mqttraw.V311} {
		c, ack, err := mqttraw.Dial(b.MQTT(), mqttraw.Options{Version: version, Clean: true})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if _, err := c.Subscribe(1, mqttraw.Subscription{Filter: "ditto/_replies/#"}); err != nil {
			t.Fatal(err)
		}
		if err := c.Publish(&mqttraw.Publish{Topic: "ditto/a/b/things/twin/commands/retrieve", Payload: []byte(`{"path":"/"}`)}); err != nil {
			t.Fatal(err)
		}
		p, err := c.ReadPacket()
		if err != nil || p.Type != mqttraw.PUBLISH {
			t.Fatalf("received %v, %v", p, err)
		}
		if version == mqttraw.V5 && (ack.Props == nil || ack.Props.AssignedClientID == "" || p.Topic != "ditto/_replies/"+ack.Props.AssignedClientID) {
			t.Errorf("answered on %s; CONNACK %+v", p.Topic, ack.Props)
		}
	}
}

func TestTheTreesCanHaveOtherRoots(t *testing.T) {
	t.Parallel()
	b := harness.Start(t, harness.Options{Config: harness.Anonymous + "topics: {root: my/ditto, state: my/twin}\n"})
	c := harness.Dial5(t, b, harness.Connect{ID: "rooted"})
	c.Subscribe("my/ditto/#", "ditto/#")
	for _, p := range []paho.Publish{
		{Topic: "my/ditto/root/a/things/twin/commands/create", Payload: []byte(`{"path":"/","value":{}}`)},
		{Topic: "my/ditto", Payload: []byte(`{"topic":"root/a/things/twin/commands/modify","path":"/attributes","value":{}}`)},
	} {
		p.QoS = 1
		if err := c.Send(&p); err != nil {
			t.Fatal(err)
		}
		if e := read(t, c.Wait("my/ditto/_replies/rooted")); e.Status != 201 {
			t.Errorf("answered with %d %s", e.Status, e.Value)
		}
		c.Wait("my/ditto/root/a/things/twin/events/created")
	}
	c.Wait("my/ditto/root/a/policies/events/created")
	const elsewhere = "ditto/root/a/things/twin/commands/delete"
	mustPublish(t, c, elsewhere, `{"path":"/"}`, 1)
	if m := c.Wait("#"); m.Topic != elsewhere {
		t.Errorf("received %v: the default root is an ordinary topic then", m)
	}
	if r := harness.Run(t, "things", "get", "root:a", "--root", "my/ditto", "--url", "mqtt://"+b.MQTT()); r.Code != 0 {
		t.Errorf("things: %s", r.Stderr)
	}
}

func TestWhatThisVersionDoesNotHaveIsRefusedAtSubscribe(t *testing.T) {
	t.Parallel()
	b := harness.Start(t, harness.Options{})
	c := harness.Dial5(t, b, harness.Connect{})
	for _, s := range []struct {
		filter, option string
		code           byte
	}{
		{"twin/#", "", 0x83}, {"twin/org.acme/+/attributes/#", "", 0x83}, {"$share/g/twin/#", "", 0x83},
		{"ditto/+/+/things/twin/events/#", "filter", 0x83}, {"ditto/#", "extraFields", 0x83}, {"#", "namespaces", 0x83},
		{"#", "", 2}, {"+/a", "", 2}, {"plain/#", "filter", 2}, {"ditto/#", "x-filter", 2},
	} {
		p := &paho.Subscribe{Subscriptions: []paho.SubscribeOptions{{Topic: s.filter, QoS: 2}}}
		if s.option != "" {
			p.Properties = &paho.SubscribeProperties{User: paho.UserProperties{{Key: s.option, Value: "x"}}}
		}
		ack, _ := c.SubscribeWith(p)
		if ack == nil || ack.Reasons[0] != s.code || s.code > 2 && (ack.Properties == nil || ack.Properties.ReasonString == "") {
			t.Errorf("%s with %q: answered with %+v, want %#x", s.filter, s.option, ack, s.code)
		}
	}
}
