package acl

import (
	"fmt"
	"testing"
)

func TestWhatAFilterWouldBringIsTold(t *testing.T) {
	rules, problems := Compile([]Rule{
		{Subjects: []string{"group:ops"}, Publish: []string{"p/#"}, Subscribe: []string{"plant/#", "other/+"}},
		{Subjects: []string{"user:ann"}, Subscribe: []string{"devices/{{ client:username }}/#"}},
	}, ParseFile("user ann\ntopic deny plant/secret/#\n"), Trees{"ditto", "twin"})
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	ann := &Client{ID: "c", Username: "ann", Subjects: []string{"user:ann", "group:ops"}}
	for filter, want := range map[string]string{
		"#":           "[{plant/secret/# true} {devices/ann/# false} {plant/# false} {other/+ false}]",
		"plant/+/x":   "[{plant/secret/# true} {plant/# false}]",
		"devices/bob": "[]",
		"p/x":         "[]",
	} {
		if got := fmt.Sprint(rules.Receivable(ann, filter)); got != want {
			t.Errorf("%s: %s, want %s", filter, got, want)
		}
	}
	for want, client := range map[bool]*Client{
		true:  {Subjects: []string{"user:ann"}},
		false: {Subjects: []string{"group:ops"}},
	} {
		if got := rules.NeedsMore(client); got != want {
			t.Errorf("%v needs more: %v", client.Subjects, got)
		}
	}
	if rules.NeedsMore(ann) || (*Rules)(nil).NeedsMore(ann) {
		t.Error("ann, who has a name, needs more")
	}
	for topic, want := range map[string]string{
		"p/x":            "[{p/# false}]",
		"plant/secret/x": "[{plant/secret/# true}]",
		"plant/x":        "[]", // to subscribe only
	} {
		if got := fmt.Sprint(rules.Publishable(ann, topic)); got != want {
			t.Errorf("%s: %s, want %s", topic, got, want)
		}
		may := rules.Publish(ann, topic) == Granted
		if told := rules.Publishable(ann, topic); may != (len(told) > 0 && !told[0].Denied) {
			t.Errorf("%s: granted %v, told %v", topic, may, told)
		}
	}
	if rules.NeedsMoreToPublish(&Client{Subjects: []string{"user:ann"}}) {
		t.Error("a rule to subscribe is taken for one to publish")
	}
	if got := fmt.Sprint((*Rules)(nil).Publishable(ann, "x")); got != "[{# false}]" {
		t.Errorf("without rules: %s", got)
	}
	if got := fmt.Sprint((*Rules)(nil).Receivable(ann, "x")); got != "[{# false}]" {
		t.Errorf("without rules: %s", got)
	}
}
