package mapping

import "testing"

// What a filter and extra fields add to a publication of one value.
func BenchmarkPublishSelected(b *testing.B) {
	const path, topic = "/features/{feature}/properties/{property}", "t/{{ thing:name }}/{{ property }}"
	thing := *lampAfter(b)
	e := timed(b, "merged", "/", `{"features":{"light":{"properties":{"level":50}}}}`)
	for _, bench := range []struct {
		name   string
		config PublicationConfig
		outs   int
	}{
		{"Neither", PublicationConfig{}, 1},
		{"FilterMatches", PublicationConfig{Filter: "gt(features/light/properties/level,40)"}, 1},
		{"FilterLeavesOut", PublicationConfig{Filter: "gt(features/light/properties/level,60)"}, 0},
		{"FilterOfPlaceholders", PublicationConfig{Filter: `and(eq(topic:action,"merged"),eq(thing:namespace,"org.acme"))`}, 1},
		{"ExtraForFilter", PublicationConfig{Filter: `eq(attributes/location,"Kitchen")`, Extra: "attributes/location"}, 1},
		{"ExtraOfTheFeature", PublicationConfig{Filter: `exists(features/light)`, Extra: "features/{{ feature:id }}/properties/unit"}, 1},
	} {
		b.Run(bench.name, func(b *testing.B) {
			bench.config.Path, bench.config.Topic, bench.config.Payload = path, topic, "value"
			p := publications(b, bench.config)
			b.ReportAllocs()
			for b.Loop() {
				if outs, _ := p.For(e, thing); len(outs) != bench.outs {
					b.Fatal(outs)
				}
			}
		})
	}
}
