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
	if got := fmt.Sprint((*Rules)(nil).Receivable(ann, "x")); got != "[{# false}]" {
		t.Errorf("without rules: %s", got)
	}
}
