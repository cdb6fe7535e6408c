package twin

import (
	"testing"

	"github.com/twinbroker/twinbroker/twin/jsondoc"
	"github.com/twinbroker/twinbroker/twin/protocol"
)

func TestCheckNeedsNoThing(t *testing.T) {
	for _, test := range []struct{ action, path, value, code string }{
		{"merge", "", `{"features":{"f":{"properties":{"a":1}}}}`, ""},
		{"merge", "", `{"features":{"f":[1]}}`, "json.invalid"},
		{"modify", "/features/f/properties/x", `1`, ""},
		{"modify", "/attributes", `7`, "json.format.invalid"},
		{"create", "", `{"policyId":"none"}`, "policies:id.invalid"},
	} {
		path, err := jsondoc.ParsePointer(test.path)
		if err != nil {
			t.Fatal(err)
		}
		value, err := jsondoc.ParseString(test.value)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		if err := Check(&Command{Message: &protocol.Message{Path: path, Value: value, Topic: protocol.Topic{
			Namespace: "a", Name: "b", Group: protocol.Things, Channel: protocol.Twin, Criterion: protocol.Commands, Action: test.action,
		}}}); err != nil {
			got = err.Code
		}
		if got != test.code {
			t.Errorf("%s %s %s: %q, want %q", test.action, test.path, test.value, got, test.code)
		}
	}
}
