package mapping

import (
	"strings"
	"testing"
	"time"

	"github.com/twinbroker/twinbroker/twin/jsondoc"
)

// constantOf compiles a rule that writes one text with placeholders, for
// messages like {"v": …}.
func constantOf(text string) (*Rules, []Problem) {
	return Compile([]RuleConfig{{
		Topic: "t/{device}/{rest...}", Thing: "org.acme:d1",
		Set: []SetConfig{{Path: "/attributes/a", Value: jsondoc.String(text)}},
	}}, roots)
}

// fill gives what a text with placeholders becomes; "-" when it has no value.
func fill(t *testing.T, text string, in *Input) (string, string) {
	t.Helper()
	r, problems := constantOf(text)
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	changes, _, err := r.Map(in)
	switch {
	case err != nil:
		return "", err.Message
	case len(changes) == 0:
		return "-", ""
	}
	v, _ := changes[0].Message.Value.Get(jsondoc.Pointer{"attributes", "a"})
	got, _ := v.Text()
	return got, ""
}

// The expectations are those of Ditto's PipelineFunction… classes.
func TestPlaceholderFunctions(t *testing.T) {
	for _, test := range []struct{ text, payload, want string }{
		{"{{ device | fn:lower() }}", `{}`, "täst-é"},
		{"{{ device|fn:upper() }}!", `{}`, "TÄST-É!"},
		{"{{ payload:/v | fn:trim() }}", "{\"v\":\" \\ta b\\n \"}", "a b"},
		{"{{ payload:/v | fn:default('none') }}", `{}`, "none"},
		{"{{ payload:/v | fn:default(\"it's\") }}", `{}`, "it's"},
		{"{{ payload:/v | fn:default(device) }}", `{}`, "TÄst-É"},
		{"{{ payload:/v | fn:default(payload:/w) | fn:default( 'last' ) }}", `{"w":1.50}`, "1.50"},
		{"{{ payload:/v | fn:default(payload:/w) | fn:default( 'last' ) }}", `{}`, "last"},
		{"{{ payload:/v | fn:default('x') }}", `{"v":""}`, ""},
		{"{{ fn:default('alone') }}", `{}`, "alone"},
		{"{{ payload:/v | fn:lower() }}", `{}`, "-"},
		{"{{ payload:/v | fn:substring-before(':') }}", `{"v":"a:b:c"}`, "a"},
		{"{{ payload:/v | fn:substring-after(':') }}", `{"v":"a:b:c"}`, "b:c"},
		{"{{ payload:/v | fn:substring-after(':') | fn:default('no') }}", `{"v":"abc"}`, "no"},
		{"{{ payload:/v | fn:substring-before(\"|\") }}", `{"v":"a|b"}`, "a"},
		{"{{ payload:/v | fn:replace('}}',',') }}", `{"v":"a}}b"}`, "a,b"},
		{"{{ payload:/v | fn:replace('.', '_') }}", `{"v":"1.2.3"}`, "1_2_3"},
		{"{{ payload:/v | fn:replace(payload:/from, payload:/to) }}", `{"v":"abc","from":"b","to":"-"}`, "a-c"},
		{"{{ payload:/v | fn:url-encode() }}", `{"v":"a b/ü*~&"}`, "a+b%2F%C3%BC*%7E%26"},
		{"{{ payload:/v | fn:url-decode() }}", `{"v":"a+b%2F%C3%BC"}`, "a b/ü"},
		{"{{ payload:/v | fn:base64-encode() }}", `{"v":"ü?"}`, "w7w/"},
		{"{{ payload:/v | fn:base64-decode() }}", `{"v":"w7w/"}`, "ü?"},
		{"{{ payload:/v | fn:delete() | fn:default('x') }}", `{"v":1}`, "-"},
		{"{{ payload:/v | fn:filter('eq','on') | fn:default('other') }}", `{"v":"on"}`, "on"},
		{"{{ payload:/v | fn:filter('eq','on') | fn:default('other') }}", `{"v":"off"}`, "other"},
		{"{{ payload:/v | fn:filter('ne','on') }}", `{"v":"off"}`, "off"},
		{"{{ payload:/v | fn:filter('like','al*|b?') }}", `{"v":"alpha"}`, "alpha"},
		{"{{ payload:/v | fn:filter('like','al*|b?') }}", `{"v":"bc"}`, "bc"},
		{"{{ payload:/v | fn:filter('like','al*|b?') }}", `{"v":"xbc"}`, "-"},
		{"{{ payload:/v | fn:filter('like','a.c') }}", `{"v":"abc"}`, "-"},
		{"{{ payload:/v | fn:filter('like',payload:/p) }}", `{"v":"abc","p":"a*"}`, "abc"},
		{"{{ payload:/v | fn:filter(payload:/w,'exists') }}", `{"v":"a","w":1}`, "a"},
		{"{{ payload:/v | fn:filter(payload:/w,'exists') }}", `{"v":"a"}`, "-"},
		{"{{ payload:/v | fn:filter(payload:/w,'exists','false') }}", `{"v":"a"}`, "a"},
		{"{{ payload:/v | fn:filter(payload:/w,'exists','true') }}", `{"v":"a"}`, "-"},
		{"{{ payload:/v | fn:filter(payload:/w,'eq','1') }}", `{"v":"a","w":1}`, "a"},
		{"{{ payload:/v | fn:filter(payload:/w,'ne','1') }}", `{"v":"a"}`, "a"},
		{"{{ payload:/v | fn:filter('exists') }}", `{"v":""}`, "-"},
		{"{{ payload:/v | fn:filter('exists','true') }}", `{"v":"a"}`, "a"},
		{"{{ payload:/v | fn:split(',') }}", `{"v":"one"}`, "one"},
		{"{{ payload:/v | fn:split(',') | fn:upper() | fn:join(';') }}", `{"v":"a,b"}`, "A;B"},
		{"{{ payload:/v | fn:split(',') | fn:filter('like','k:*') | fn:substring-after(':') }}", `{"v":"a,k:7"}`, "7"},
		{"{{ payload:/it's }}", `{"it's":1}`, "1"},
		{"{{ client:id }}/{{ client:username | fn:default('nobody') }}", `{}`, "c1/nobody"},
		{"{{ mqtt:topic }} {{ mqtt:qos }} {{ mqtt:retain }} {{ mqtt:content-type }} {{ mqtt:response-topic }} {{ mqtt:correlation-data }} {{ mqtt:message-expiry-interval }}", `{}`,
			"t/TÄst-É/x/y 1 true text/x re/ply corr 90"},
		{"{{ header:Site }} {{ header:mqtt.topic }} {{ header:correlation-id }}", `{}`, "Ulm t/TÄst-É/x/y corr"},
		{"{{ header:absent }}", `{}`, "-"},
		{"{{ thing:id }} {{ thing:name }} {{ thing:namespace }}", `{}`, "org.acme:d1 d1 org.acme"},
		{"{{ rest | fn:replace('/','_') }}", `{}`, "x_y"},
		{"{{ time:now }}", `{}`, "2026-07-01T12:00:00.042Z"},
		{"{{ time:now-1h[m] }}", `{}`, "2026-07-01T11:00:00.000Z"},
		{"{{ time:now+36h[d] }}", `{}`, "2026-07-03T00:00:00.000Z"},
		{"{{ time:now[w] }}", `{}`, "2026-06-29T00:00:00.000Z"},
		{"{{ time:now[mo] }}", `{}`, "2026-07-01T00:00:00.000Z"},
		{"{{ time:now[y] }}", `{}`, "2026-01-01T00:00:00.000Z"},
		{"{{ time:now-2y }}", `{}`, "2024-07-01T00:21:36.042Z"},
		{"{{ time:now+5 }}", `{}`, "2026-07-01T12:00:05.042Z"},
		{"{{ time:now_epoch_millis-1s }}", `{}`, "1782907199042"},
	} {
		in := &Input{Topic: "t/TÄst-É/x/y", Payload: []byte(test.payload), Client: "c1", Now: noon, QoS: 1, Retain: true,
			Properties: &Properties{ContentType: "text/x", ResponseTopic: "re/ply", Correlation: []byte("corr"), Expiry: 90 * time.Second,
				User: []UserProperty{{"site", "Ulm"}, {"Site", "Bonn"}}}}
		if got, refused := fill(t, test.text, in); got != test.want || refused != "" {
			t.Errorf("%s of %s: got %q %s, want %q", test.text, test.payload, got, refused, test.want)
		}
	}
}

func TestPlaceholderFunctionsThatCannotWork(t *testing.T) {
	for _, test := range []struct{ text, payload, want string }{
		{"{{ payload:/v | fn:base64-decode() }}", `{"v":"%%"}`, `{{ payload:/v | fn:base64-decode() }} cannot be filled in: fn:base64-decode: "%%" is not base64`},
		{"{{ payload:/v | fn:url-decode() }}", `{"v":"%zz"}`, `fn:url-decode: "%zz" is not URL-encoded`},
		{"{{ payload:/v | fn:split(',') }}", `{"v":"a,b"}`, "leaves 2 values where one is needed"},
		{"{{ payload:/v | fn:replace('a',payload:/w) }}", `{"v":"a"}`, "what it puts in has no value"},
		{"{{ payload:/v | fn:replace('a',payload:/v) }}", `{"v":"` + strings.Repeat("a", 1000) + `"}`, "longer than 262144 bytes"},
		{"{{ payload:/v" + strings.Repeat(" | fn:url-encode()", 10) + " }}", `{"v":"` + strings.Repeat("%", 100_000) + `"}`, "longer than 262144 bytes"},
		{"{{ payload:/v | fn:filter('like',payload:/v) }}", `{"v":"` + strings.Repeat("a*", 1000) + `"}`, "the pattern has more than 256 bytes"},
	} {
		_, refused := fill(t, test.text, &Input{Topic: "t/d/x", Payload: []byte(test.payload), Now: noon})
		if !strings.Contains(refused, test.want) || !strings.Contains(refused, "mappings[0] (t/{device}/{rest...})") {
			t.Errorf("%s of %s: refused with %q, want %q", test.text, test.payload, refused, test.want)
		}
	}
}

func TestPlaceholderFunctionsThatDoNotCompile(t *testing.T) {
	for text, want := range map[string]string{
		"{{ device | lower }}":                                  "behind a | stands a function",
		"{{ device | fn:lower }}":                               "fn:lower lacks its parentheses",
		"{{ device | fn:lower( }}":                              "no closing parenthesis",
		"{{ device | fn:lower('x') }}":                          "fn:lower takes no arguments, not 1",
		"{{ device | fn:default() }}":                           "fn:default takes one argument, not 0",
		"{{ device | fn:default(x) }}":                          "the argument x is neither a text in quotes nor a placeholder",
		"{{ device | fn:default('x\"y) }}":                      "a ' without its partner",
		"{{ device | fn:default('x'y') }}":                      "without its partner",
		"{{ device | fn:default('x'') }}":                       "without its partner",
		"{{ device | fn:default('a' 'b') }}":                    "is not one text in quotes",
		"{{ device | fn:default('a',) }}":                       "takes one argument, not 2",
		"{{ device | fn:replace('a',) }}":                       "an argument is empty",
		"{{ device | fn:substring-after(device) }}":             "takes a text in quotes, not the placeholder device",
		"{{ device | fn:split('') }}":                           "needs a separator",
		"{{ device | fn:format('{a}') }}":                       "fn:format is for the claims of tokens",
		"{{ device | fn:filter('near','x') }}":                  "fn:filter takes",
		"{{ device | fn:filter('like') }}":                      "fn:filter takes",
		"{{ devce | fn:lower() }}":                              "there is no such capture; known are device, rest, time:now",
		"{{ mqtt:topics }}":                                     "mqtt: has topic, qos, retain",
		"{{ header: }}":                                         "needs the name",
		"{{ time:now-1x }}":                                     "time: has now and now_epoch_millis",
		"{{ time:now[x] }}":                                     "time: has now",
		"{{ time:now-999999999y }}":                             "292 years",
		"{{ time:later }}":                                      "time: has now",
		"{{ device" + strings.Repeat(" | fn:trim()", 11) + "}}": "11 functions are more than the 10",
	} {
		_, problems := constantOf(text)
		if len(problems) != 1 || !strings.Contains(problems[0].String(), want) || !strings.HasPrefix(problems[0].String(), `mappings[0].set["/attributes/a"]: has {{`) {
			t.Errorf("%s: %v, want %q", text, problems, want)
		}
	}
}

func TestPublicationTopicsWithFunctions(t *testing.T) {
	p := publications(t, PublicationConfig{Path: "/features/{feature}/desiredProperties/{property}", Payload: "value",
		Topic: "cmnd/{{ thing:name | fn:lower() }}/{{ property | fn:filter(feature,'ne','none') | fn:upper() }}"})
	outs, _ := p.For(event(t, "modified", "/features/lamp/desiredProperties/power", `"ON"`), Thing{})
	if len(outs) != 1 || outs[0].Err != nil || outs[0].Topic != "cmnd/lamp/POWER" {
		t.Errorf("got %+v", outs)
	}
	outs, _ = p.For(event(t, "modified", "/features/none/desiredProperties/power", `"ON"`), Thing{})
	if len(outs) != 0 {
		t.Errorf("a topic of which a filter leaves nothing: got %+v", outs)
	}
	p = publications(t, PublicationConfig{Path: "/attributes/{a}", Topic: "x", To: "{{ a | fn:filter('eq','c1') }}"})
	outs, _ = p.For(event(t, "modified", "/attributes/other", `1`), Thing{})
	if len(outs) != 0 {
		t.Errorf("a recipient without a value must not be everybody: got %+v", outs)
	}
	p = publications(t, PublicationConfig{Path: "/attributes/{a}", Topic: "z/{{ a | fn:url-decode() }}/set", Payload: "value"})
	outs, _ = p.For(event(t, "modified", "/attributes/hall%2Flamp", `1`), Thing{})
	if len(outs) != 1 || outs[0].Topic != "z/hall/lamp/set" {
		t.Errorf("a function makes levels: got %+v", outs)
	}
}
