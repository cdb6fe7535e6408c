package twin

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/twinbroker/twinbroker/twin/jsondoc"
	"github.com/twinbroker/twinbroker/twin/policy"
	"github.com/twinbroker/twinbroker/twin/protocol"
	"github.com/twinbroker/twinbroker/twin/store"
)

// kib is a Thing of 1 KiB, most of it one Feature.
func kib(b *testing.B) *jsondoc.Value {
	text := `{"thingId":"org.acme:lamp","policyId":"org.acme:lamp","attributes":{"model":"L1","place":{"lat":47.6604,"lon":9.1758}},` +
		`"features":{"environment":{"definition":["org.acme:environment:1.0.0"],"properties":{`
	for _, name := range []string{"temperature", "humidity", "pressure", "illuminance", "voc", "noise"} {
		text += `"` + name + `":{"value":23.42,"unit":"as it is","min":-40.0,"max":125,"at":"2024-05-17T09:30:00.25Z","ok":true,"steps":[1,2,3]},`
	}
	text = strings.TrimSuffix(text, ",") + `}}}}`
	text = strings.Replace(text, `"L1"`, `"`+strings.Repeat("L", 1026-len(text))+`"`, 1)
	if len(text) != 1024 {
		b.Fatalf("the Thing has %d bytes", len(text))
	}
	v, err := jsondoc.ParseString(text)
	if err != nil {
		b.Fatal(err)
	}
	return v.Compact()
}

// inValids is what fn takes, as a multiple of json.Valid on the Thing's text: of
// both the least of several rounds, which take turns, so that what else the
// machine does hits both.
func inValids(thing *jsondoc.Value, fn func()) float64 {
	text := []byte(thing.String())
	valid, took := time.Duration(1<<62), time.Duration(1<<62)
	const each = 100
	for range 50 {
		start := time.Now()
		for range each {
			json.Valid(text)
		}
		between := time.Now()
		for range each {
			fn()
		}
		valid, took = min(valid, between.Sub(start)), min(took, time.Since(between))
	}
	return float64(took) / float64(valid)
}

// BenchmarkEntityTag is the entity tag of a Feature, of the text that a
// document is kept as, and of one that was changed just now: one json.Valid on
// the same Thing at most.
func BenchmarkEntityTag(b *testing.B) {
	path := jsondoc.Pointer{"features", "environment"}
	may := &rights{access: access{Enforcer: policy.Nobody}, admin: true}
	run := func(name string, thing *jsondoc.Value) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if may.tag(thing, 7, resFeature, path) == "" {
					b.Fatal("it has none")
				}
			}
			b.ReportMetric(inValids(thing, func() { may.tag(thing, 7, resFeature, path) }), "json.Valid")
		})
	}
	thing := kib(b)
	run("kept", thing)
	for v := range thing.Members() { // from now on it is in parts
		_ = v
	}
	for _, name := range []string{"temperature", "noise"} {
		var err error
		if thing, err = thing.Set(jsondoc.Pointer{"features", "environment", "properties", name, "value"}, jsondoc.Int(5)); err != nil {
			b.Fatal(err)
		}
	}
	run("changed", thing)
}

// BenchmarkCondition is what a condition of three comparisons costs a modify:
// from the header to the decision. That is to be one and a half json.Valid on
// the same Thing at most.
func BenchmarkCondition(b *testing.B) {
	thing := newDocument(kib(b))
	e := store.Entry{State: thing, Revision: 7, Modified: time.Now(), Created: time.Now()}
	const envelope = `{"topic":"org.acme/lamp/things/twin/commands/modify","headers":{"correlation-id":"b2d5","condition":` +
		`"and(gt(features/environment/properties/temperature/value,20),lt(features/environment/properties/noise/value,40),ne(attributes/model,\"L2\"))"` +
		`},"path":"/features/environment/properties/temperature/value","value":24}`
	m, err := protocol.ParseMessage([]byte(envelope), nil, jsondoc.Limits{})
	if err != nil {
		b.Fatal(err)
	}
	if err := m.Headers.Admit(); err != nil {
		b.Fatal(err)
	}
	cmd := &Command{Message: m, Sender: benchSender()}
	decide := func() {
		a, err := askedOf(m)
		if err == nil {
			err = a.forbids(cmd, lampID, e, "", false)
		}
		if err != nil {
			b.Fatal(err)
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		decide()
	}
	b.ReportMetric(inValids(thing.Value, decide), "json.Valid")
}
