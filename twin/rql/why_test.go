package rql

import (
	"strings"
	"testing"
)

func TestWhyNamesWhatDecides(t *testing.T) {
	s := subject(t)
	s.Signal = &Signal{Namespace: "org.acme", Name: "lamp-1", Action: "modified"}
	for _, tc := range []struct{ text, why string }{
		{`gt(features/lamp/properties/level,60)`, `gt(features/lamp/properties/level,60) is false: it is 50`},
		{`and(exists(thingId),eq(attributes/owner,"x"),eq(attributes/x,1))`, `eq(attributes/owner,"x") is false: it is "SID123"`},
		{`or(eq(attributes/owner,"x"),exists(attributes/x))`, `eq(attributes/owner,"x") is false: it is "SID123"; exists(attributes/x) is false: it is not there`},
		{`not(exists(attributes/owner))`, `exists(attributes/owner) is true: it is "SID123"`},
		{`not(and(exists(thingId),or(eq(topic:action,"x"),eq(topic:action,"modified"))))`, `exists(thingId) is true: it is org.acme:lamp-1; eq(topic:action,"modified") is true: it is modified`},
		{`eq(topic:subject,"x")`, `eq(topic:subject,"x") is false: it is not there`},
		{`eq(features/*/properties/level,1)`, `eq(features/*/properties/level,1) is false: it is 50 in lamp, 10 in spot`},
		{`exists(features/*/properties/x)`, `exists(features/*/properties/x) is false: it is in no Feature`},
		{`eq(attributes/cities/name,"x")`, `the way leads through the array [{"name":"Ulm"`},
		{`eq(_revision,1)`, `it is 42`},
		{`gt(_created,time:now)`, `it is 2024-01-01T00:00:00Z`},
		{`eq(_metadata/attributes/owner/issuedBy,"x")`, `it is "door"`},
		{`or(eq(attributes/a,1),eq(attributes/b,1),eq(attributes/c,1),eq(attributes/d,1),eq(attributes/e,1))`, `eq(attributes/c,1) is false: it is not there; and 2 more`},
	} {
		if got := parse(t, tc.text, Signals).Why(s); !strings.Contains(got, tc.why) {
			t.Errorf("%s:\ngot  %s\nwant %s", tc.text, got, tc.why)
		}
	}
}
