package jsondoc

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

const envelope = `{"topic":"org.acme/t1/things/twin/commands/modify","headers":{"correlation-id":"a1b2c3d4","response-required":false},` +
	`"path":"/features/environment/properties/temperature","value":23.420}`

func BenchmarkParseEnvelope(b *testing.B) {
	text := []byte(envelope)
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse(text, Limits{}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkParseEnvelopeAndLookIntoIt(b *testing.B) {
	text := []byte(envelope)
	b.ReportAllocs()
	for b.Loop() {
		v, err := Parse(text, Limits{})
		if err != nil {
			b.Fatal(err)
		}
		headers, _ := v.Member("headers")
		headers.Member("correlation-id")
		v.Member("value")
	}
}

func BenchmarkParseSpaced(b *testing.B) {
	text := []byte(strings.NewReplacer(`,"`, `, "`, `":`, `": `).Replace(envelope))
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse(text, Limits{}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkParseThing(b *testing.B) {
	for _, n := range []int{2, 200} {
		text := []byte(bigThing(n))
		b.Run(fmt.Sprintf("%dB", len(text)), func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Parse(text, Limits{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// For comparison: what encoding/json takes only to say that it is JSON.
func BenchmarkValidOfEncodingJSON(b *testing.B) {
	text := []byte(envelope)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		json.Valid(text)
	}
}

func BenchmarkSet(b *testing.B) {
	for _, n := range []int{2, 200} {
		thing, _ := ParseString(bigThing(n))
		b.Run(fmt.Sprintf("in%dB", thing.Size()), func(b *testing.B) {
			p := Pointer{"features", fmt.Sprint("f", n/2), "properties", "p1"}
			values := []*Value{Int(1), Int(2)}
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				next, err := thing.Set(p, values[i&1])
				if err != nil {
					b.Fatal(err)
				}
				thing = next
				i++
			}
		})
	}
}

func BenchmarkSetAnyFeature(b *testing.B) {
	thing, _ := ParseString(bigThing(200))
	var ps []Pointer
	for i := range 200 {
		ps = append(ps, Pointer{"features", fmt.Sprint("f", i), "properties", "p1"})
	}
	values := []*Value{Int(1), Int(2)}
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		thing, _ = thing.Set(ps[i%200], values[i/200&1])
		i++
	}
}

func BenchmarkFirstSet(b *testing.B) {
	for _, n := range []int{2, 200} {
		text := bigThing(n)
		b.Run(fmt.Sprintf("in%dB", len(text)), func(b *testing.B) {
			p := Pointer{"features", fmt.Sprint("f", n/2), "properties", "p1"}
			b.ReportAllocs()
			for b.Loop() {
				thing := &Value{text: text, kind: KindObject}
				if _, err := thing.Set(p, trueValue); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkGet(b *testing.B) {
	thing, _ := ParseString(bigThing(200))
	p := Pointer{"features", "f100", "properties", "p1"}
	b.ReportAllocs()
	for b.Loop() {
		thing.Get(p)
	}
}

func BenchmarkMerge(b *testing.B) {
	thing, _ := ParseString(bigThing(2))
	var patches []*Value
	for i := range 2 {
		patch, _ := ParseString(fmt.Sprintf(`{"attributes":{"model":"x%d"},"features":{"f1":{"properties":{"p1":{"value":%d},"p2":{"value":%d}}}}}`, i, i, i))
		patches = append(patches, patch)
	}
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		thing = thing.Merge(patches[i&1])
		i++
	}
}

func BenchmarkGrow1000(b *testing.B) {
	var ps []Pointer
	for i := range 1000 {
		ps = append(ps, Pointer{fmt.Sprint("member", i)})
	}
	b.ReportAllocs()
	for b.Loop() {
		v := Object()
		for _, p := range ps {
			v, _ = v.Set(p, trueValue)
		}
	}
}

func BenchmarkSelect(b *testing.B) {
	thing, _ := ParseString(bigThing(2))
	for _, fields := range []string{"attributes/location,features/f1/properties/p1", "thingId,features/*/properties/p1"} {
		s, _ := ParseSelector(fields)
		b.Run(fields, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				thing.Select(s)
			}
		})
	}
}

func BenchmarkEqual(b *testing.B) {
	x, _ := ParseString(bigThing(2))
	y := rebuild(x)
	b.ReportAllocs()
	for b.Loop() {
		if !Equal(x, y) {
			b.Fatal("not equal")
		}
	}
}

func BenchmarkEqualNumbers(b *testing.B) {
	x, _ := Number("23.420")
	y, _ := Number("2342e-2")
	b.ReportAllocs()
	for b.Loop() {
		if !Equal(x, y) {
			b.Fatal("not equal")
		}
	}
}

func BenchmarkCompactLeaf(b *testing.B) {
	v, _ := ParseString(envelope)
	leaf, _ := v.Member("value")
	b.ReportAllocs()
	for b.Loop() {
		leaf.Compact()
	}
}

func BenchmarkParsePointer(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ParsePointer("/features/environment/properties/temperature"); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAppendChangedThing(b *testing.B) {
	thing, _ := ParseString(bigThing(200))
	thing, _ = thing.Set(Pointer{"features", "f100", "properties", "p1"}, trueValue)
	buf := make([]byte, 0, thing.Size())
	b.SetBytes(int64(thing.Size()))
	b.ReportAllocs()
	for b.Loop() {
		buf = thing.AppendTo(buf[:0])
	}
}
