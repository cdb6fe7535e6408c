package mapping

import (
	"strings"
	"testing"
)

// tellLamp publishes an event, with the Thing after it.
func tellLamp(t testing.TB, c PublicationConfig, action, path, value string) (string, int) {
	t.Helper()
	outs, filtered := publications(t, c).For(timed(t, action, path, value), *lampAfter(t))
	return published(outs), filtered
}

func TestPublishWhatTheFilterWants(t *testing.T) {
	const path = "/features/{f}/properties/{p}"
	for _, test := range []struct {
		name                string
		config              PublicationConfig
		action, path, value string
		want                string
		filtered            int
	}{
		{"it matches", PublicationConfig{Filter: "gt(features/light/properties/level,5)"}, "modified", "/features/light/properties/level", "6", "t/level=6", 0},
		{"it does not", PublicationConfig{Filter: "gt(features/light/properties/level,6)"}, "modified", "/features/light/properties/level", "6", "", 1},
		{"each place of one that matches", PublicationConfig{Filter: "gt(features/light/properties/level,5)"}, "merged", "/features/light/properties", `{"level":6,"x":1}`, "t/level=6 t/x=1", 0},
		{"one that does not is counted once", PublicationConfig{Filter: "gt(features/light/properties/level,7)"}, "merged", "/features/light/properties", `{"level":6,"x":1}`, "", 1},
		{"one that the path does not fit is not looked at", PublicationConfig{Filter: "exists(attributes/y)"}, "modified", "/attributes/x", "6", "", 0},
		{"nor one of another namespace", PublicationConfig{Filter: "exists(attributes/y)", Namespaces: []string{"org.other"}}, "modified", "/features/light/properties/level", "6", "", 0},
		{"by what else the Thing has", PublicationConfig{Filter: `eq(attributes/location,"Kitchen")`, Extra: "attributes"}, "modified", "/features/light/properties/level", "6", "t/level=6", 0},
		{"which it does not see by itself", PublicationConfig{Filter: `eq(attributes/location,"Kitchen")`}, "modified", "/features/light/properties/level", "6", "", 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			test.config.Path, test.config.Topic, test.config.Payload = path, "t/{{ p }}", "value"
			if got, filtered := tellLamp(t, test.config, test.action, test.path, test.value); got != test.want || filtered != test.filtered {
				t.Errorf("got  %s, %d filtered\nwant %s, %d", got, filtered, test.want, test.filtered)
			}
		})
	}
}

func TestEachPublicationHasItsOwnFilterAndFields(t *testing.T) {
	p := publications(t,
		PublicationConfig{Topic: "a", Filter: "eq(attributes/x,2)", Extra: "attributes/location"},
		PublicationConfig{Topic: "b", Payload: "value"},
		PublicationConfig{Topic: "c", Filter: "eq(attributes/x,1)", Payload: "value"},
		PublicationConfig{Topic: "d", Extra: "policyId", Expr: "extra"},
		PublicationConfig{Topic: "e", Filter: "eq(attributes/x,3)", Payload: "value"},
		PublicationConfig{Topic: "f", Expr: `"plain"`})
	outs, filtered := p.For(timed(t, "modified", "/attributes/x", "1"), *lampAfter(t))
	if got, want := published(outs), `b={"attributes":{"x":1}} c={"attributes":{"x":1}} d={"policyId":"org.acme:lamps"} f=plain`; got != want || filtered != 2 {
		t.Errorf("got  %s, %d\nwant %s", got, filtered, want)
	}
}

func TestPublishExtra(t *testing.T) {
	for _, test := range []struct {
		name                string
		config              PublicationConfig
		action, path, value string
		want                string
	}{
		{"in the envelope", PublicationConfig{Extra: "attributes/location,_revision"}, "modified", "/features/light/properties/level", "6",
			`t={"topic":"org.acme/lamp/things/twin/events/modified","headers":{},"path":"/features/light/properties/level","value":6,` +
				`"extra":{"attributes":{"location":"Kitchen"},"_revision":7},"revision":7,"timestamp":"2026-07-01T12:00:00Z"}`},
		{"none in the envelope where there is none", PublicationConfig{Extra: "attributes/x"}, "modified", "/attributes/y", "6",
			`t={"topic":"org.acme/lamp/things/twin/events/modified","headers":{},"path":"/attributes/y","value":6,"revision":7,"timestamp":"2026-07-01T12:00:00Z"}`},
		{"in the normalized Thing", PublicationConfig{Extra: "attributes(location,x),features/light/properties,_revision", Payload: "normalized"}, "modified", "/features/light/properties/level", "6",
			`t={"attributes":{"location":"Kitchen"},"features":{"light":{"properties":{"level":6,"unit":"%"}}},"_revision":7,"thingId":"org.acme:lamp","_modified":"2026-07-01T12:00:00Z",` +
				`"_context":{"topic":"org.acme/lamp/things/twin/events/modified","path":"/features/light/properties/level","value":6,"headers":{}}}`},
		{"in a normalized merge, without nulls and empty objects", PublicationConfig{Extra: "attributes/none,features/bare,policyId", Payload: "normalized"}, "merged", "/features/light/properties", `{"level":6,"x":null}`,
			`t={"features":{"light":{"properties":{"level":6}}},"policyId":"org.acme:lamps","thingId":"org.acme:lamp","_modified":"2026-07-01T12:00:00Z","_revision":7,` +
				`"_context":{"topic":"org.acme/lamp/things/twin/events/merged","path":"/features/light/properties","value":{"level":6}}}`},
		{"for an expression", PublicationConfig{Extra: "attributes/location,features/*/properties/unit", Expr: `{"v": value, "at": extra.attributes.location, "unit": extra.features.light.properties.unit}`, Path: "/features/light/properties/level"},
			"modified", "/features/light/properties/level", "6", `t={"at":"Kitchen","unit":"%","v":6}`},
		{"nil for an expression where there is none", PublicationConfig{Extra: "attributes/x", Expr: `extra == nil ? "none" : "some"`}, "modified", "/attributes/y", "1", `t=none`},
		{"for all that an expression has", PublicationConfig{Extra: "policyId", Expr: `$env["extra"].policyId`}, "modified", "/attributes/y", "1", `t=org.acme:lamps`},
		{"not in a value", PublicationConfig{Extra: "attributes/location", Payload: "value", Path: "/attributes/y"}, "modified", "/attributes/y", "1", `t=1`},
	} {
		t.Run(test.name, func(t *testing.T) {
			test.config.Topic = "t"
			if got, _ := tellLamp(t, test.config, test.action, test.path, test.value); got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
		})
	}
}

func TestTheEventItselfIsNotEnriched(t *testing.T) {
	e := timed(t, "modified", "/attributes/x", "1")
	before := string(e.AppendJSON(nil))
	publications(t, PublicationConfig{Topic: "t", Extra: "attributes"}).For(e, *lampAfter(t))
	if after := string(e.AppendJSON(nil)); after != before {
		t.Error(after)
	}
}

func TestExplainSaysWhyAFilterDoesNotMatch(t *testing.T) {
	for _, test := range []struct {
		config     PublicationConfig
		why, extra string
		outs       int
	}{
		{PublicationConfig{Filter: "gt(attributes/x,5)"}, "its filter does not match: gt(attributes/x,5) is false: it is 1", "", 0},
		{PublicationConfig{Filter: `eq(attributes/location,"Cellar")`, Extra: "attributes/location"}, `its filter does not match: eq(attributes/location,"Cellar") is false: it is "Kitchen"`, `{"attributes":{"location":"Kitchen"}}`, 0},
		{PublicationConfig{Filter: `eq(attributes/location,"Kitchen")`}, `its filter does not match: eq(attributes/location,"Kitchen") is false: it is not there`, "", 0},
		{PublicationConfig{Filter: `eq(attributes/location,"Kitchen")`, Extra: "attributes/location"}, "", `{"attributes":{"location":"Kitchen"}}`, 1},
		{PublicationConfig{Expr: "nil", Extra: "attributes/location"}, "its expression gives nothing to send (nil)", `{"attributes":{"location":"Kitchen"}}`, 0},
		{PublicationConfig{Path: "/features/{f}", Filter: "exists(attributes/x)", Extra: "policyId"}, `level 1 is "attributes"`, "", 0},
	} {
		test.config.Topic = "t"
		trace := publications(t, test.config).Explain(timed(t, "modified", "/attributes/x", "1"), *lampAfter(t))[0]
		extra := ""
		if trace.Extra != nil {
			extra = trace.Extra.String()
		}
		if !strings.Contains(trace.Why, test.why) || (test.why == "") != (trace.Why == "") || extra != test.extra || len(trace.Outs) != test.outs {
			t.Errorf("%+v: %q, %s, %d", test.config, trace.Why, extra, len(trace.Outs))
		}
	}
}
