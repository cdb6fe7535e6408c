package mapping

import "testing"

func TestDoubtsAboutFiltersAndExtraFields(t *testing.T) {
	const temperature = "/features/{f}/properties/temperature"
	for _, test := range []struct {
		path, filter, extra, payload, expr string
		want                               string
	}{
		{path: temperature, filter: "gt(features/climate/properties/temperature,40)"},
		{path: temperature, filter: "and(exists(features/*/properties/temperature),eq(thingId,'a:b'),eq(topic:action,'x'),lt(_revision,5),lt(_modified,time:now))"},
		{path: temperature, filter: "exists(features/climate)"},
		{path: "", filter: "eq(attributes/location,'x')"},
		{path: "/attributes", filter: "eq(attributes/location/room,'x')"},
		{path: temperature, filter: "eq(attributes/location,'x')",
			want: "publications[0].filter: looks at attributes/location, which it does not see: a change of /features/{f}/properties/temperature does not tell it; name it in extraFields"},
		{path: temperature, filter: "exists(features/*/properties/humidity)",
			want: "publications[0].filter: looks at features/*/properties/humidity, which it does not see: a change of /features/{f}/properties/temperature does not tell it; name it in extraFields"},
		{path: temperature, filter: "eq(attributes/location,'x')", extra: "attributes(owner,location)"},
		{path: temperature, filter: "eq(attributes/location/room,'x')", extra: "attributes"},
		{path: temperature, filter: "eq(attributes/location,'x')", extra: "attributes/{{ header:x }}"},
		{path: temperature, filter: "exists(features/a/definition)", extra: "features/*/definition"},
		{path: temperature, filter: "exists(features/*/definition)", extra: "features/{{ feature:id }}"},
		{path: temperature, filter: "eq(attributes/location,'x')", extra: "attributes/owner",
			want: "publications[0].filter: looks at attributes/location, which it does not see: a change of /features/{f}/properties/temperature does not tell it; name it in extraFields"},
		{filter: "gt(_created,'2026')", want: "publications[0].filter: looks at _created, which it does not see: no event tells it; name it in extraFields"},
		{filter: "exists(_metadata/attributes)", extra: "_metadata"},
		{extra: "attributes"},
		{extra: "attributes", payload: "normalized"},
		{extra: "attributes", expr: "extra"},
		{extra: "attributes", expr: `$env["extra"]`},
		{extra: "attributes", payload: "value", filter: "exists(attributes/x)"},
		{extra: "attributes", payload: "value", want: "publications[0].extraFields: has no effect: the payload does not carry what it names, and there is no filter that could look at it"},
		{extra: "attributes", expr: "value", want: "publications[0].extraFields: has no effect: the payload does not carry what it names, and there is no filter that could look at it"},
	} {
		p := publications(t, PublicationConfig{Topic: "t", Path: test.path, Filter: test.filter, Extra: test.extra, Payload: test.payload, Expr: test.expr})
		got := ""
		for _, d := range Doubts(&Rules{}, p) {
			got += d.String()
		}
		if got != test.want {
			t.Errorf("%s %s %s:\ngot  %s\nwant %s", test.path, test.filter, test.extra, got, test.want)
		}
	}
}
