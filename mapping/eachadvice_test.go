package mapping

import (
	"strings"
	"testing"

	"github.com/twinbroker/twinbroker/twin/jsondoc"
)

func TestWhoLooksPastAnArrayIsToldAboutEach(t *testing.T) {
	each := func(s string) *string { return &s }
	sn := []SetConfig{{Path: "/attributes/sn", Pointer: "/sn"}}
	for _, test := range []struct {
		name    string
		rule    RuleConfig
		payload string
		want    string
	}{
		{"a line, and the payload is an array", RuleConfig{Set: sn}, `[{"sn":1},{"sn":2}]`,
			`the payload is an array of 2 elements: each: "" takes them one by one`},
		{"a line that leads through an array", RuleConfig{Set: []SetConfig{{Path: "/attributes/sn", Pointer: "/l/sn"}}}, `{"l":[{"sn":1}]}`,
			`/l is an array of 1 elements: each: /l takes them one by one`},
		{"a line that counts", RuleConfig{Set: []SetConfig{{Path: "/attributes/sn", Pointer: "/7"}}}, `[1]`,
			`is an array of 1 elements, and "7" is none of them`},
		{"a placeholder, and the payload is an array", RuleConfig{Thing: "a:{{ payload:/sn | fn:lower() }}", Set: sn}, `[{"sn":1}]`,
			`; the payload is an array of 1 elements: each: "" takes them one by one`},
		{"the path of a line, and the payload is an array", RuleConfig{Set: []SetConfig{{Path: "/features/{{ payload:/k }}/properties/v", Pointer: "/0/v"}}}, `[{"k":"a","v":1}]`,
			`set|/features/{{ payload:/k }}/properties/v|-|payload /0/v|{{ payload:/k }} has no value with this message; the payload is an array of 1 elements: each: "" takes`},
		{"the paths of lines that may meet", RuleConfig{Set: []SetConfig{{Path: "/attributes/{{ payload:/k }}", Pointer: "/v"}, {Path: "/attributes/v", Pointer: "/v"}}}, `{"v":1}`,
			`set|/attributes/{{ payload:/k }}|-|payload /v|{{ payload:/k }} has no value with this message`},
		{"a line for what stands beside the array", RuleConfig{Each: each("/l"), Set: sn}, `{"sn":7,"l":[{"v":1}]}`,
			`the payload has no "sn"; it has v; it stands beside the array: write {value: "{{ message:/sn }}"}, or for what is not a text {expr: "message.sn"}`},
		{"a name that is none in expressions", RuleConfig{Each: each("/l"), Set: []SetConfig{{Path: "/attributes/sn", Pointer: "/s n/0"}}}, `{"s n":[7],"l":[{"v":1}]}`,
			`{expr: "message['s n'][0]"}`},
		{"a placeholder for what stands beside the array", RuleConfig{Each: each("/l"), Thing: "a:{{ payload:/sn }}", Set: sn}, `{"sn":7,"l":[{"v":1}]}`,
			`; it stands beside the array: write {{ message:/sn }}`},
		{"a constant for what stands beside the array",
			RuleConfig{Each: each("/l"), Set: []SetConfig{{Path: "/attributes/sn", Value: jsondoc.String("{{ payload:/sn }}")}}}, `{"sn":7,"l":[{"v":1}]}`,
			`; it stands beside the array: write {{ message:/sn }}`},
	} {
		test.rule.Topic = "t"
		if test.rule.Thing == "" {
			test.rule.Thing = "a:b"
		}
		rules, problems := Compile([]RuleConfig{test.rule}, Roots{})
		if len(problems) > 0 {
			t.Fatalf("%s: %v", test.name, problems)
		}
		trace := rules.Explain(&Input{Topic: "t", Payload: []byte(test.payload)})
		told := strings.Join(asLines(trace), "\n")
		if trace.Err != nil {
			told += "\n" + trace.Err.Message
			if i := strings.LastIndex(test.want, ": "); !strings.Contains(trace.Err.Message, test.want[:i]) {
				t.Errorf("%s: the refusal says %s, want %s", test.name, trace.Err.Message, test.want)
			}
		}
		if !strings.Contains(told, test.want) {
			t.Errorf("%s: got\n%s\nwant %s", test.name, told, test.want)
		}
	}
}

func TestTheElementsOfTheWholePayloadAreCounted(t *testing.T) {
	whole := ""
	rules, _ := Compile([]RuleConfig{{Topic: "t", Thing: "a:b", Each: &whole, Set: []SetConfig{{Path: "/attributes/v"}}}}, Roots{})
	told := strings.Join(asLines(rules.Explain(&Input{Topic: "t", Payload: []byte("[1]")})), "\n")
	if !strings.Contains(told, "each|/0|1|element 0") {
		t.Error(told)
	}
}
