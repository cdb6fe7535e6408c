package twin

import (
	"strings"
	"testing"

	"github.com/twinbroker/twinbroker/twin/jsondoc"
)

// What is plain is accepted as it is, whatever it is looked at by.
func TestAPlainPatchIsAcceptedAsItIs(t *testing.T) {
	long := strings.Repeat("k", 257)
	for text, plain := range map[string]bool{
		`{}`:                                    true,
		`{"attributes":{"a":1,"b":{"c":[{}]}}}`: true,
		`{"attributes":{"a":null}}`:             true,
		`{"features":{}}`:                       true,
		`{"features":{"f":{}}}`:                 true,
		`{"features":{"f":{"properties":{"p":1},"desiredProperties":{"q":null}}},"attributes":{}}`: true,
		`{"attributes":{"a":[{"b/c":1}]}}`: true, // keys in arrays are free
		`{"\u0061ttributes":{"a":1}}`:      true,
		`[]`:                               false,
		`null`:                             false,
		`7`:                                false,
		`{"attributes":null}`:              false,
		`{"attributes":{"a/b":1}}`:         false,
		`{"attributes":{"a\/b":1}}`:        false,
		`{"attributes":{"":1}}`:            false,
		`{"attributes":{"a":{"` + long + `":1}}}`:        false,
		`{"attributes":{"{{ /a/ }}":null}}`:              false,
		`{"attributes":{"b":{"{{ /a/ }}":null}}}`:        false,
		`{"features":null}`:                              false,
		`{"features":[]}`:                                false,
		`{"features":{"f":null}}`:                        false,
		`{"features":{"f":7}}`:                           false,
		`{"features":{"f/g":{}}}`:                        false,
		`{"features":{"f":{"definition":["a:b:1"]}}}`:    false,
		`{"features":{"f":{"properties":null}}}`:         false,
		`{"features":{"f":{"properties":{"\u0000":1}}}}`: false,
		`{"features":{"f":{"more":{}}}}`:                 false,
		`{"thingId":"org.acme:t"}`:                       false,
		`{"policyId":"org.acme:t"}`:                      false,
		`{"definition":"a:b:1"}`:                         false,
		`{"_metadata":{}}`:                               false,
		`{"_policy":{}}`:                                 false,
		`{"more":{}}`:                                    false,
	} {
		v := mustParse(t, text)
		for _, v := range []*jsondoc.Value{v, v.Fold()} {
			if got := isPlainPatch(v.View()); got != plain {
				t.Errorf("%.60s: %v", text, got)
			}
		}
		if plain {
			parts, err := acceptThing("org.acme:t", v, true)
			if err != nil || parts.accepted != v || parts.policyID != "" || parts.metadata != nil || parts.inline != nil {
				t.Errorf("%s is accepted as %s, %v", text, parts.accepted, err)
			}
		}
	}
}

// A plain patch makes a Thing that was not there as any other does.
func TestAPlainPatchMakesAThing(t *testing.T) {
	w := newWorld(t, Options{})
	w.must("org.acme:t", "merge", "/", `{"attributes":{"a":1,"n":null},"features":{"f":{"properties":{"p":2}}}}`)
	if got, _ := w.thing("org.acme:t"); got != `{"thingId":"org.acme:t","policyId":"org.acme:t","attributes":{"a":1},"features":{"f":{"properties":{"p":2}}}}` {
		t.Error(got)
	}
}
