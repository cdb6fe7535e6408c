package policy

import (
	"testing"

	"github.com/twinbroker/twinbroker/twin/jsondoc"
)

func model(t testing.TB, id, text string) *Model {
	t.Helper()
	v, err := jsondoc.ParseString(text)
	if err != nil {
		t.Fatal(err)
	}
	m, perr := Parse(id, v)
	if perr != nil {
		t.Fatal(perr)
	}
	return m
}

func TestDecisions(t *testing.T) {
	m := model(t, "a:b", `{"entries":{"o":{"subjects":{"u:ann":{"type":""},"u:bob":{"type":""}},"resources":{"thing:/":{"grant":["READ"],"revoke":[]}}},
	 "p":{"subjects":{"u:bob":{"type":""}},"resources":{"thing:/features/y/properties":{"grant":[],"revoke":["READ"]},"thing:/features/y/properties/z":{"grant":["READ"],"revoke":[]}}}}}`)
	e, err := Resolve(m, ResolveOptions{})
	if err != nil {
		t.Fatal(err)
	}
	ann, bob := Subjects{"u:ann"}, Subjects{"u:bob"}
	if !e.Whole(ann, Read, Thing, nil) || e.Whole(bob, Read, Thing, nil) || !e.Some(bob, Read, Thing, nil) {
		t.Error("root")
	}
	v, _ := jsondoc.ParseString(`{"thingId":"a:b","features":{"y":{"properties":{"a":1,"z":{"q":[]}}},"x":{"properties":{"a":1}}}}`)
	got, any := e.View(bob, Thing, nil, v)
	if want := `{"thingId":"a:b","features":{"y":{"properties":{"z":{"q":[]}}},"x":{"properties":{"a":1}}}}`; !any || got.String() != want {
		t.Error(got)
	}
	t.Log(e.ViewKey(ann, Thing), e.ViewKey(bob, Thing), e.ViewKey(nil, Thing))
	t.Log(e.Explain(bob, Read, Thing, nil))
	t.Log(e.Explain(bob, Read, Thing, jsondoc.Pointer{"features", "y", "properties", "a"}))
	t.Log(e.Explain(bob, Write, Thing, nil))
	t.Log(e.Resolved())
}
