package policy

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/twinbroker/twinbroker/twin/jsondoc"
)

// A Policy of 20 entries as a plant might have it, and a Thing of 1 KiB.
func benchPolicy(t testing.TB, n int) *Enforcer {
	var list []string
	for i := range n {
		list = append(list, fmt.Sprintf(`"role-%d":{%s}`, i, entry(fmt.Sprintf(
			"oauth2:user-%d@plant.example, group:shift-%d has +RW thing:/features/machine-%d; -W thing:/features/machine-%d/properties/serial; +R thing:/attributes/hall-%d; +W message:/features/machine-%d/inbox",
			i, i%4, i, i, i%5, i))))
	}
	list = append(list[:n-1], fmt.Sprintf(`"reader":{%s}`, entry("group:readers has +R thing:/; -R thing:/attributes/secret")))
	return shelf{"org.acme:plant": `{"entries":{` + strings.Join(list, ",") + `}}`}.resolve(t, "org.acme:plant", nil)
}

func benchThing(t testing.TB) *jsondoc.Value {
	var features []string
	for i := range 6 {
		features = append(features, fmt.Sprintf(`"machine-%d":{"properties":{"serial":"%d-4711-0815","temperature":{"value":23.%d,"unit":"C","at":"2026-05-17T09:30:00.%dZ"},"running":true}}`, i, i, i, i))
	}
	text := `{"thingId":"org.acme:plant-1","policyId":"org.acme:plant","attributes":{"secret":"x","hall-1":{"name":"north"},"pad":"PAD"},"features":{` + strings.Join(features, ",") + `}}`
	text = strings.Replace(text, "PAD", strings.Repeat("p", 1024-len(text)+3), 1)
	if len(text) != 1024 {
		t.Fatal(len(text))
	}
	return parsed(t, text)
}

// inValids is what fn takes, as a multiple of json.Valid on a Thing of 1 KiB: of
// both the least of several rounds, which take turns, so that what else the
// machine does hits both.
func inValids(tb testing.TB, fn func()) float64 {
	text := []byte(benchThing(tb).String())
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

// measure runs fn, and says what it takes as a part of json.Valid too.
func measure(b *testing.B, fn func()) {
	b.ReportAllocs()
	for b.Loop() {
		fn()
	}
	b.ReportMetric(inValids(b, fn), "json.Valid")
}

var benchWho = []struct {
	name string
	who  Subjects
}{
	{"device", Subjects{"oauth2:user-3@plant.example"}},
	{"person", Subjects{"oauth2:user-7@plant.example", "group:shift-3", "group:readers", "group:all", "group:north"}},
	{"stranger", Subjects{"user:eve"}},
}

// A decision on a Policy of 20 entries is to cost half of json.Valid at most,
// and no memory.
func BenchmarkWhole(b *testing.B) {
	for _, n := range []int{1, 20, 200, 2000} {
		e := benchPolicy(b, n)
		for _, c := range benchWho {
			for _, path := range []string{"/", "/features/machine-3/properties/temperature/value"} {
				p := pointer(b, path)
				b.Run(fmt.Sprintf("%d/%s%s", n, c.name, path), func(b *testing.B) {
					measure(b, func() { e.Whole(c.who, Read, Thing, p) })
				})
			}
		}
	}
}

func BenchmarkSome(b *testing.B) {
	e := benchPolicy(b, 20)
	for _, c := range benchWho {
		b.Run(c.name, func(b *testing.B) { measure(b, func() { e.Some(c.who, Write, Thing, nil) }) })
	}
}

func BenchmarkView(b *testing.B) {
	e, v := benchPolicy(b, 20), benchThing(b)
	for _, c := range benchWho {
		b.Run(c.name, func(b *testing.B) { measure(b, func() { e.View(c.who, Thing, nil, v) }) })
	}
}

func BenchmarkViewKey(b *testing.B) {
	e := benchPolicy(b, 20)
	for _, c := range benchWho {
		b.Run(c.name, func(b *testing.B) { measure(b, func() { e.ViewKey(c.who, Thing) }) })
	}
}

func BenchmarkResolve(b *testing.B) {
	for _, n := range []int{1, 20, 200} {
		m := benchPolicy(b, n).model
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			measure(b, func() {
				if _, err := Resolve(m, ResolveOptions{}); err != nil {
					b.Fatal(err)
				}
			})
		})
	}
}

func BenchmarkParse(b *testing.B) {
	text := benchPolicy(b, 20).model.JSON().String()
	measure(b, func() {
		if _, err := Parse("", parsed(b, text)); err != nil {
			b.Fatal(err)
		}
	})
}

func TestDecisionsTakeNoMemory(t *testing.T) {
	for _, n := range []int{1, 20, 1000} {
		e := benchPolicy(t, n)
		v := parsed(t, `{"a":{"b":[1]}}`)
		path := pointer(t, "/features/machine-3/properties/serial")
		for _, c := range benchWho {
			for name, ask := range map[string]func(){
				"whole":    func() { e.Whole(c.who, Read, Thing, path) },
				"root":     func() { e.Whole(c.who, Write, Thing, nil) },
				"some":     func() { e.Some(c.who, Execute, Thing, nil) },
				"messages": func() { e.Some(c.who, Write, Message, path) },
				"view":     func() { e.View(c.who, Thing, path, v) },
				"view key": func() { e.ViewKey(c.who, Thing) },
				"for":      func() { e.For("org.acme.a.namespace.of.some.length") },
			} {
				if n := testing.AllocsPerRun(100, ask); n != 0 {
					t.Errorf("%d entries, %s, %s: %v allocations", len(e.entries), c.name, name, n)
				}
			}
		}
	}
}

func TestSizeGrowsWithTheEntries(t *testing.T) {
	small, large := benchPolicy(t, 1).Size(), benchPolicy(t, 1000).Size()
	if small < 500 || small > 5000 || large < 100*small {
		t.Errorf("%d and %d", small, large)
	}
}
