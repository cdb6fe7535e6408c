package mapping

import (
	"strings"
	"testing"
)

func TestPublishWhatAnExpressionGives(t *testing.T) {
	const path = "/features/{feature}/desiredProperties/{property}"
	for _, test := range []struct {
		name, expr        string
		action, at, value string
		want              string
		contentType       string
	}{
		{"a text is sent as itself", `value ? "ON" : "OFF"`, "modified", "/features/f/desiredProperties/on", `true`, "t=ON", "text/plain"},
		{"another is JSON", `{"state": value, "brightness": value * 2}`, "modified", "/features/f/desiredProperties/n", `21`, `t={"brightness":42,"state":21}`, "application/json"},
		{"captures", `feature + "." + property + "=" + string(value)`, "modified", "/features/f/desiredProperties/n", `1.5`, "t=f.n=1.5", "text/plain"},
		{"the Thing", `thing.namespace + " " + thing.name + " " + thing.id`, "modified", "/features/f/desiredProperties/n", `1`, "t=org.acme lamp org.acme:lamp", "text/plain"},
		{"the event", `[action, path, revision]`, "merged", "/", `{"features":{"f":{"desiredProperties":{"x":1}}}}`, `t=["merged","/",7]`, "application/json"},
		{"each place has its own", `property + string(value)`, "merged", "/features/f", `{"desiredProperties":{"x":1,"y":2}}`, "t=x1 t=y2", "text/plain"},
		{"nothing is sent where it gives nothing", `value == 1 ? "x" : nil`, "modified", "/features/f/desiredProperties/n", `2`, "", ""},
		{"an empty text is sent", `""`, "modified", "/features/f/desiredProperties/n", `2`, "t=", ""},
		{"a value that is gone is nil", `value == nil ? "gone" : "there"`, "deleted", "/features/f/desiredProperties/n", ``, "t=gone", "text/plain"},
		{"merged away, too", `value == nil ? "gone" : "there"`, "merged", "/features/f/desiredProperties/n", `null`, "t=gone", "text/plain"},
		{"nobody knows what is gone", `property`, "deleted", "/features/f", ``, "", ""},
		{"what cannot be computed is told", `value * 2`, "modified", "/features/f/desiredProperties/n", `"x"`, "!", ""},
		{"what is gone cannot be computed", `value ? "ON" : "OFF"`, "deleted", "/features/f/desiredProperties/n", ``, "!", ""},
		{"not a number", `value / 0`, "modified", "/features/f/desiredProperties/n", `1`, "!", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := publications(t, PublicationConfig{Path: path, Topic: "t", Expr: test.expr})
			outs, _ := p.For(event(t, test.action, test.at, test.value), Thing{})
			if got := published(outs); got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
			if len(outs) > 0 && outs[0].ContentType != test.contentType {
				t.Errorf("the content type is %q", outs[0].ContentType)
			}
			if len(outs) > 0 && outs[0].Err != nil && !strings.Contains(outs[0].Err.Error(), "publications[0] (t) cannot tell the event at "+test.at) {
				t.Error(outs[0].Err)
			}
		})
	}
}

func TestProblemsOfPublicationExpressions(t *testing.T) {
	for _, test := range []struct{ path, expr, at, says string }{
		{"", "valeu", ".payload.expr", "unknown name valeu"},
		{"", "value *", ".payload.expr", "ends too early"},
		{"", "payload.x", ".payload.expr", "unknown name payload"},
		{"/attributes/{value}", "value", ".path", "captures {value}"},
	} {
		_, problems := CompilePublications([]PublicationConfig{{Path: test.path, Topic: "t", Expr: test.expr}}, roots)
		if len(problems) != 1 || problems[0].Path != "publications[0]"+test.at || !strings.Contains(problems[0].Text, test.says) {
			t.Errorf("%s: %v, want %q", test.expr, problems, test.says)
		}
	}
}
