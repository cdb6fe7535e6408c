//go:build linux

package main

import (
	"bytes"
	"fmt"
	"strconv"
	"time"

	"github.com/twinbroker/twinbroker/test/mqttraw"
)

// things is how many Things there are. The clients share them out.
const things = 1000

// A message is what the load publishes for one Thing. A number in it, marked by
// numberMark, is another one each time.
type message func(thing int) (topic, payload string)

const numberMark = "00.00"

func modifyMessage(thing int) (topic, payload string) {
	return fmt.Sprintf("ditto/org.acme/lamp-%d/things/twin/commands/modify", thing),
		`{"headers":{"response-required":false},"path":"/features/environment/properties/temperature","value":` + numberMark + `}`
}

func telemetryMessage(thing int) (topic, payload string) {
	return fmt.Sprintf("devices/lamp-%d/telemetry", thing),
		`{"temp":` + numberMark + `,"hum":61.5,"battery":3.71,"rssi":-67}`
}

func retrieveMessage(thing int) (topic, payload string) {
	return fmt.Sprintf("ditto/org.acme/lamp-%d/things/twin/commands/retrieve", thing), `{"path":"/"}`
}

// isThing tells whether a PUBLISH carries a whole Thing as createMessage made
// it, in a successful response.
func isThing(body []byte) bool {
	for _, part := range []string{`/commands/retrieve"`, `"status":200`, `"thingId":"org.acme:lamp-`, `"manufacturer":"ACME Lighting"`, `"brightness":80`} {
		if !bytes.Contains(body, []byte(part)) {
			return false
		}
	}
	return true
}

// createMessage makes a Thing of about 600 bytes.
func createMessage(thing int) (topic, payload string) {
	return fmt.Sprintf("ditto/org.acme/lamp-%d/things/twin/commands/create", thing),
		fmt.Sprintf(`{"headers":{"response-required":false},"path":"/","value":{"thingId":"org.acme:lamp-%d",`+
			`"definition":"org.acme:lamp:1.2.0",`+
			`"attributes":{"manufacturer":"ACME Lighting","model":"L-2000","serial":"SN-%08d",`+
			`"location":{"building":"B12","floor":3,"room":"3.17","coordinates":{"latitude":47.68,"longitude":9.39}},`+
			`"lastSeen":"2026-01-01T00:00:00Z"},`+
			`"features":{"environment":{"properties":{"temperature":20.5,"humidity":55,"pressure":1013.2}},`+
			`"lamp":{"definition":["org.acme:dimmer:1.0.0"],"properties":{"on":true,"brightness":80,`+
			`"color":{"r":255,"g":244,"b":229}},"desiredProperties":{"on":true}}}}}`, thing, thing)
}

// share encodes the messages of one of so many clients: one for each Thing, or
// so many as there are.
func share(msg message, client, clients, messages int) []template {
	if messages == 0 {
		messages = things
	}
	var ts []template
	for thing := client; thing < messages; thing += clients {
		topic, payload := msg(thing)
		frame := mqttraw.AppendPublish(nil, mqttraw.V311, &mqttraw.Publish{Topic: topic, Payload: []byte(payload), QoS: 1})
		t := template{frame: frame, id: len(frame) - len(payload) - 2}
		if at := bytes.LastIndex(frame, []byte(numberMark)); at > t.id {
			t.digits = at
		}
		ts = append(ts, t)
	}
	return ts
}

// createThings creates all Things, waits until they are stored, and returns how
// long the fastest acknowledgement took.
func createThings(at site) (fastest time.Duration, err error) {
	c, err := at.dial(mqttraw.Options{ClientID: "bench-create", Version: mqttraw.V5, Clean: true})
	if err != nil {
		return 0, err
	}
	defer c.Disconnect()
	fastest = time.Hour
	for from := 0; from < things; from += 50 {
		n := min(50, things-from)
		for i := range n {
			topic, payload := createMessage(from + i)
			if at.owners > 0 {
				payload = withPolicy(payload, (from+i)%at.owners)
			}
			c.Queue(&mqttraw.Publish{Topic: topic, Payload: []byte(payload), QoS: 1, ID: uint16(i + 1)})
		}
		began := time.Now()
		if err := c.Flush(); err != nil {
			return 0, fmt.Errorf("create Things: %w", err)
		}
		for range n {
			p, err := c.ReadPacket()
			if err != nil {
				return 0, fmt.Errorf("create Things: %w", err)
			}
			if p.Type != mqttraw.PUBACK || p.Reason >= 0x80 {
				reason := ""
				if p.Props != nil {
					reason = p.Props.ReasonString
				}
				return 0, fmt.Errorf("create Things: %s %s", p, reason)
			}
			fastest = min(fastest, time.Since(began))
		}
	}
	return fastest, nil
}

// revisions adds up the revisions of all Things: what is stored, told by the
// broker itself.
func revisions(at site) (uint64, error) {
	c, err := at.dial(mqttraw.Options{ClientID: "bench-check", Version: mqttraw.V5, Clean: true})
	if err != nil {
		return 0, err
	}
	defer c.Disconnect()
	if _, err := c.Subscribe(1, mqttraw.Subscription{Filter: "ditto/_replies/bench-check"}); err != nil {
		return 0, err
	}
	var sum uint64
	for i := range things {
		err := c.Publish(&mqttraw.Publish{
			Topic:   fmt.Sprintf("ditto/org.acme/lamp-%d/things/twin/commands/retrieve", i),
			Payload: []byte(`{"path":"/","fields":"_revision"}`),
		})
		if err != nil {
			return 0, err
		}
		p, err := c.ReadPacket()
		if err != nil {
			return 0, fmt.Errorf("retrieve a revision: %w", err)
		}
		_, rest, ok := bytes.Cut(p.Payload, []byte(`"_revision":`))
		end := bytes.IndexAny(rest, ",}")
		if !ok || end < 0 {
			return 0, fmt.Errorf("retrieve a revision: unexpected %s", p)
		}
		n, err := strconv.ParseUint(string(rest[:end]), 10, 64)
		if err != nil {
			return 0, fmt.Errorf("retrieve a revision: %w", err)
		}
		sum += n
	}
	return sum, nil
}
