package mapping

import (
	"fmt"
	"testing"
)

func BenchmarkMap(b *testing.B) {
	rules := []RuleConfig{{
		Topic: "devices/{device}/telemetry", Thing: "org.acme:{{ device }}",
		Create: &CreateConfig{Policy: "org.acme:devices"},
		Set: lines(b,
			"/features/environment/properties/temperature", "/temp",
			"/features/environment/properties/humidity", "/hum",
			"/attributes/lastSeen", `="{{ time:now }}"`),
	}}
	for i := range 20 {
		rules = append(rules, RuleConfig{Topic: fmt.Sprintf("other/%d/{x}", i), Format: "text",
			Thing: "org.acme:{{ x }}", Set: lines(b, "/attributes/a", "")})
	}
	r := compile(b, rules...)
	payload := []byte(`{"temp":23.45,"hum":61.2,"seq":123456,"battery":{"level":87,"charging":false},"position":{"lat":52.520008,"lon":13.404954},"firmware":"1.12.3-release"}`)
	b.Logf("%d bytes", len(payload))
	topics := make([]string, 1000)
	for i := range topics {
		topics[i] = fmt.Sprintf("devices/device-%d/telemetry", i)
	}
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		in := Input{Topic: topics[i%len(topics)], Payload: payload, Client: "c1", Now: noon}
		if changes, _, err := r.Map(&in); len(changes) != 1 || err != nil {
			b.Fatal(err)
		}
		i++
	}
}

func BenchmarkMapText(b *testing.B) {
	r := compile(b, RuleConfig{Topic: "sensors/{device}/{feature}/{property}", Format: "text", Thing: "org.acme:{{ device }}",
		Set: lines(b, "/features/{{ feature }}/properties/{{ property }}", "")})
	in := Input{Topic: "sensors/device-1/environment/temperature", Payload: []byte("23.4"), Now: noon}
	b.ReportAllocs()
	for b.Loop() {
		if changes, _, err := r.Map(&in); len(changes) != 1 || err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkMatchesNothing(b *testing.B) {
	r := compile(b, RuleConfig{Topic: "devices/{device}/telemetry", Format: "text", Thing: "a:b", Set: lines(b, "/attributes/a", "")})
	b.ReportAllocs()
	for b.Loop() {
		if r.Matches("devices/device-1/state") {
			b.Fatal("matches")
		}
	}
}

func BenchmarkPublish(b *testing.B) {
	p := publications(b, PublicationConfig{Path: "/features/{feature}/desiredProperties/{property...}",
		Topic: "cmnd/{{ thing:name }}/{{ property }}", Payload: "value"})
	for _, e := range []struct{ name, action, path, value string }{
		{"Elsewhere", "merged", "/", `{"features":{"environment":{"properties":{"temperature":23.45,"humidity":61.2}}},"attributes":{"lastSeen":"2026-07-01T12:00:00.042Z"}}`},
		{"One", "modified", "/features/lamp/desiredProperties/on", `true`},
	} {
		b.Run(e.name, func(b *testing.B) {
			message := event(b, e.action, e.path, e.value)
			b.ReportAllocs()
			for b.Loop() {
				p.For(message, Thing{})
			}
		})
	}
}

func BenchmarkMapExpressions(b *testing.B) {
	payload := []byte(`{"temp":23.45,"hum":61.2,"seq":123456,"battery":{"level":87,"charging":false},"position":{"lat":52.520008,"lon":13.404954},"firmware":"1.12.3-release"}`)
	for _, bench := range []struct {
		name string
		set  []SetConfig
	}{
		{"TwoPointers", lines(b, "/features/environment/properties/temperature", "/temp", "/features/environment/properties/humidity", "/hum")},
		{"TwoExpressions", []SetConfig{
			{Path: "/features/environment/properties/temperature", Expr: "payload.temp * 9 / 5 + 32"},
			{Path: "/features/environment/properties/humidity", Expr: "payload.hum > 100 ? 100 : payload.hum"},
		}},
	} {
		b.Run(bench.name, func(b *testing.B) {
			r := compile(b, RuleConfig{Topic: "devices/{device}/telemetry", Thing: "org.acme:{{ device }}", Set: bench.set})
			in := Input{Topic: "devices/device-1/telemetry", Payload: payload, Client: "c1", Now: noon}
			b.ReportAllocs()
			for b.Loop() {
				if changes, _, err := r.Map(&in); len(changes) != 1 || err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// Twenty elements in one message, against as many messages.
func BenchmarkMapEach(b *testing.B) {
	r := compile(b, RuleConfig{Topic: "g/{gateway}", Each: pointer("/readings"), Thing: "org.acme:{{ payload:/id }}",
		Set: lines(b, "/features/reading/properties", "/values")},
		RuleConfig{Topic: "d/{device}", Thing: "org.acme:{{ device }}", Set: lines(b, "/features/reading/properties", "/values")})
	element := func(i int) string { return fmt.Sprintf(`{"id":"sensor-%d","values":{"temp":23.45,"hum":61.2}}`, i) }
	all := `{"readings":[` + element(0)
	for i := 1; i < 20; i++ {
		all += "," + element(i)
	}
	b.Run("Together", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if changes, _, err := r.Map(&Input{Topic: "g/1", Payload: []byte(all + "]}"), Now: noon}); len(changes) != 20 || err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("OneByOne", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			for i := range 20 {
				if changes, _, err := r.Map(&Input{Topic: "d/1", Payload: []byte(element(i)), Now: noon}); len(changes) != 1 || err != nil {
					b.Fatal(err)
				}
			}
		}
	})
}
