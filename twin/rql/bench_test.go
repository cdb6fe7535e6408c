package rql

import (
	"encoding/json"
	"strconv"
	"testing"
	"time"

	"github.com/twinbroker/twinbroker/twin/jsondoc"
)

// thing1K is a Thing of 1 KiB with what is looked for at its end.
func thing1K() string {
	text := `{"thingId":"org.acme:sensor-0001","policyId":"org.acme:sensors","definition":"org.acme:sensor:1.0.0",` +
		`"attributes":{"manufacturer":"ACME Corp","serial":"0815-4711","location":{"building":"B12","floor":3,"room":"3.14"},"lastMaintenance":"2023-01-15T10:30:00Z"},"features":{`
	for i := 0; len(text) < 880; i++ {
		n := strconv.Itoa(i)
		text += `"channel-` + n + `":{"properties":{"value":2` + n + `.420,"unit":"celsius","updated":"2023-01-20T14:30:0` + n + `Z"}},`
	}
	return text + `"environment":{"properties":{"temperature":23.420,"humidity":45,"unit":"celsius","updated":"2023-01-20T14:30:00Z","alarm":false}}}}`
}

const threeComparisons = `and(gt(features/environment/properties/temperature,20),eq(attributes/location/building,"B12"),lt(features/environment/properties/updated,"2023-01-21T00:00:00Z"))`

// In units of json.Valid on the same Thing in the same run: a filter of three
// comparisons is to cost one of them at most, and no memory.
func BenchmarkThreeComparisons(b *testing.B) {
	text := thing1K()
	parsed := document(b, text)
	set, err := parsed.Set(jsondoc.Pointer{"features", "environment", "properties", "humidity"}, jsondoc.Int(46))
	if err != nil {
		b.Fatal(err)
	}
	f := parse(b, threeComparisons, Condition)
	for _, bc := range []struct {
		name  string
		thing *jsondoc.Value
	}{{"parsed", parsed}, {"folded", parsed.Fold()}, {"changed", set}, {"rebuilt", rebuild(parsed)}} {
		b.Run(bc.name, func(b *testing.B) {
			s := &Subject{ID: "org.acme:sensor-0001", Thing: bc.thing}
			b.ReportAllocs()
			for b.Loop() {
				if !f.Matches(s) {
					b.Fatal("does not match")
				}
			}
			b.ReportMetric(inValids(text, func() { f.Matches(s) }), "json.Valid")
			b.ReportMetric(float64(len(text)), "bytes")
		})
	}
}

func BenchmarkParse(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse(threeComparisons, Condition); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(inValids(thing1K(), func() { Parse(threeComparisons, Condition) }), "json.Valid")
}

// inValids is what fn takes, as a multiple of json.Valid on a text: of both the
// least of several rounds, which take turns, so that what else the machine does
// hits both.
func inValids(text string, fn func()) float64 {
	b := []byte(text)
	valid, took := time.Duration(1<<62), time.Duration(1<<62)
	const each = 100
	for range 50 {
		start := time.Now()
		for range each {
			json.Valid(b)
		}
		between := time.Now()
		for range each {
			fn()
		}
		valid, took = min(valid, between.Sub(start)), min(took, time.Since(between))
	}
	return float64(took) / float64(valid)
}

func TestMatchingTakesNoMemory(t *testing.T) {
	s := subject(t)
	s.Signal = &Signal{Namespace: "org.acme", Name: "lamp-1", Group: "things", Channel: "twin", Criterion: "events", Action: "modified", Resource: "thing",
		Path: jsondoc.Pointer{"features", "lamp"}}
	big := &Subject{ID: "org.acme:sensor-0001", Thing: document(t, thing1K())}
	for _, thing := range []*jsondoc.Value{s.Thing, s.Thing.Fold(), rebuild(s.Thing)} {
		s.Thing = thing
		for _, tc := range []struct {
			text string
			s    *Subject
		}{
			{threeComparisons, big},
			{`and(gt(features/lamp/properties/level,20.5),eq(thingId,"org.acme:lamp-1"),like(attributes/owner,"S*1?3"))`, s},
			{`and(eq(attributes/tags,"deep"),eq(attributes/cities/name,"Bonn"),exists(features/*/properties/name))`, s},
			{`and(lt(_modified,time:now),gt(_modified,time:now-1d[d]),eq(_revision,42),lt(attributes/zero,time:now_epoch_millis))`, s},
			{`and(eq(attributes/quo\"te,"li\nne"),eq(attributes/big,9007199254740993),eq(attributes/price,23.42),like(attributes/ten,"1.0*"))`, s},
			{`and(eq(topic:action,"modified"),like(resource:path,"/features/*"),like(topic:full,"org.acme/*"),eq(_namespace,"org.acme"))`, s},
			{`or(eq(attributes/x,1),empty(attributes/owner),in(attributes/owner,1,true,"SID123"))`, s},
		} {
			f := parse(t, tc.text, Signals)
			if !f.Matches(tc.s) {
				t.Errorf("%s does not match", tc.text)
			}
			if n := testing.AllocsPerRun(100, func() { f.Matches(tc.s) }); n != 0 {
				t.Errorf("%s: %v allocations", tc.text, n)
			}
		}
	}
}
