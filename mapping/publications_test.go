package mapping

import (
	"fmt"
	"strings"
	"testing"

	"github.com/twinbroker/twinbroker/twin/jsondoc"
	"github.com/twinbroker/twinbroker/twin/protocol"
)

// event is a twin event of org.acme:lamp; value "" is none.
func event(t testing.TB, action, path, value string) *protocol.Message {
	t.Helper()
	m := &protocol.Message{
		Topic: protocol.Topic{Namespace: "org.acme", Name: "lamp", Group: protocol.Things,
			Channel: protocol.Twin, Criterion: protocol.Events, Action: action},
		Revision: 7,
	}
	var err error
	if m.Path, err = jsondoc.ParsePointer(path); err != nil {
		t.Fatal(err)
	}
	if value != "" {
		if m.Value, err = jsondoc.ParseString(value); err != nil {
			t.Fatal(err)
		}
	}
	return m
}

func publications(t testing.TB, list ...PublicationConfig) *Publications {
	t.Helper()
	p, problems := CompilePublications(list, roots)
	for _, problem := range problems {
		t.Error(problem)
	}
	if p == nil {
		t.FailNow()
	}
	return p
}

// published is the messages in one text, errors as "!".
func published(outs []Out) string {
	var list []string
	for _, o := range outs {
		if o.Err != nil {
			list = append(list, "!")
			continue
		}
		list = append(list, fmt.Sprintf("%s=%s", o.Topic, o.Payload))
	}
	return strings.Join(list, " ")
}

func TestPublishValues(t *testing.T) {
	const rest = "/features/{feature}/desiredProperties/{property...}"
	const one = "/features/{feature}/desiredProperties/{property}"
	const fixed = "/features/f/properties/on"
	for _, test := range []struct {
		name, path, topic string
		action, at, value string
		want              string
	}{
		{"the place itself", one, "c/{{ feature }}/{{ property }}", "modified", "/features/f/desiredProperties/on", `true`, "c/f/on=true"},
		{"created", one, "c/{{ property }}", "created", "/features/f/desiredProperties/on", `"ON"`, "c/on=ON"},
		{"deleted", one, "c/{{ property }}", "deleted", "/features/f/desiredProperties/on", ``, "c/on="},
		{"merged away", one, "c/{{ property }}", "merged", "/features/f/desiredProperties/on", `null`, "c/on="},
		{"a null is a value", one, "c/{{ property }}", "modified", "/features/f/desiredProperties/on", `null`, "c/on=null"},
		{"an object", one, "c/{{ property }}", "modified", "/features/f/desiredProperties/a", `{"b":1}`, `c/a={"b":1}`},
		{"a number keeps its digits", one, "c/{{ property }}", "modified", "/features/f/desiredProperties/a", `1.50`, `c/a=1.50`},
		{"elsewhere", one, "c/{{ property }}", "modified", "/features/f/properties/on", `true`, ""},
		{"further down", one, "c/{{ property }}", "modified", "/features/f/desiredProperties/a/b", `1`, `c/a={"b":1}`},
		{"deleted further down", one, "c/{{ property }}", "deleted", "/features/f/desiredProperties/a/b/c", ``, `c/a={"b":{"c":null}}`},
		{"merged further up", one, "{{ feature }}/{{ property }}", "merged", "/", `{"attributes":{"x":1},"features":{"f":{"desiredProperties":{"a":1,"b":null},"properties":{"a":2}},"g":{"desiredProperties":{"c":{"d":1}}}}}`,
			`f/a=1 f/b= g/c={"d":1}`},
		{"modified further up", one, "{{ feature }}/{{ property }}", "modified", "/features/f", `{"desiredProperties":{"a":1,"b":"x"}}`, `f/a=1 f/b=x`},
		{"a thing was created", one, "{{ feature }}/{{ property }}", "created", "/", `{"thingId":"org.acme:lamp","features":{"f":{"desiredProperties":{"a":[1]}}}}`, `f/a=[1]`},
		{"deleted further up, nobody knows what", one, "{{ feature }}/{{ property }}", "deleted", "/features/f", ``, ``},
		{"deleted further up, and it does not matter what", one, "{{ feature }}", "deleted", "/features/f", ``, `f=`},
		{"the thing was deleted", fixed, "{{ thing:name }}/on", "deleted", "/", ``, `lamp/on=`},
		{"all features were merged away", fixed, "on", "merged", "/", `{"features":null}`, `on=`},
		{"a parent became a scalar by a merge", "/attributes/a/b", "on", "merged", "/attributes/a", `1`, `on=`},
		{"a parent became a scalar", "/attributes/a/b", "on", "modified", "/attributes/a", `1`, ``},
		{"a parent was replaced without it", fixed, "on", "modified", "/features/f", `{}`, ``},
		{"a rest of one level", rest, "c/{{ property }}", "modified", "/features/f/desiredProperties/on", `true`, "c/on=true"},
		{"a rest of several levels", rest, "c/{{ property }}", "modified", "/features/f/desiredProperties/a/b", `1`, "c/a/b=1"},
		{"a rest goes down to the leaves", rest, "c/{{ property }}", "modified", "/features/f/desiredProperties", `{"a":{"b":1,"c":{}},"d":[1,{"e":2}]}`, `c/a/b=1 c/a/c={} c/d=[1,{"e":2}]`},
		{"a rest by a merge", rest, "c/{{ property }}", "merged", "/", `{"features":{"f":{"desiredProperties":{"a":{"b":1,"c":null},"d":{}}}}}`, `c/a/b=1 c/a/c=`},
		{"a rest by a merge at its place", rest, "c/{{ property }}", "merged", "/features/f/desiredProperties/a", `{"b":1}`, `c/a/b=1`},
		{"a rest deleted", rest, "c/{{ property }}", "deleted", "/features/f/desiredProperties/a/b", ``, `c/a/b=`},
		{"all of a rest deleted", rest, "c/{{ property }}", "deleted", "/features/f/desiredProperties", ``, ``},
		{"all of a rest deleted, and it does not matter", rest, "c/{{ feature }}", "deleted", "/features/f/desiredProperties", ``, `c/f=`},
		{"a rest replaced by nothing", rest, "c/{{ property }}", "modified", "/features/f/desiredProperties", `{}`, ``},
		{"no path is the whole thing", "", "c/{{ thing:id }}", "modified", "/attributes/a", `1`, `c/org.acme:lamp={"attributes":{"a":1}}`},
		{"no path, merged", "", "c/{{ thing:namespace }}", "merged", "/", `{"attributes":{"a":1}}`, `c/org.acme={"attributes":{"a":1}}`},
		{"no path, deleted", "", "c", "deleted", "/", ``, `c=`},
		{"text around a capture", "/attributes/x-{k}", "c/{{ k }}", "merged", "/attributes", `{"x-1":1,"y-2":2,"x-3":3}`, "c/1=1 c/3=3"},
		{"a name that a topic cannot carry", one, "c/{{ property }}", "merged", "/features/f/desiredProperties", `{"a+b":1,"c":2,"#":3}`, "! c/c=2 !"},
		{"a name with a slash", rest, "c/{{ property }}", "modified", "/features/f/desiredProperties/a~1b", `1`, "!"},
		{"a name with a slash in a level", one, "c/{{ property }}", "modified", "/features/f/desiredProperties/a~1b", `1`, "!"},
		{"a name that leads into the Ditto tree", "/attributes/{k}", "{{ k }}/x", "merged", "/attributes", `{"ditto":1,"$SYS":2,"dittos":3}`, "! ! dittos/x=3"},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := publications(t, PublicationConfig{Path: test.path, Topic: test.topic, Payload: "value"})
			outs, _ := p.For(event(t, test.action, test.at, test.value), Thing{})
			if got := published(outs); got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
			for _, o := range outs {
				if o.Err != nil && !strings.Contains(o.Err.Error(), "publications[0]") {
					t.Errorf("the error does not name the publication: %v", o.Err)
				}
			}
		})
	}
}

func TestPublishEnvelopesOncePerTopic(t *testing.T) {
	p := publications(t, PublicationConfig{Path: "/attributes/{a}", Topic: "e/{{ thing:name }}"},
		PublicationConfig{Path: "/attributes/{a}", Topic: "e/{{ a }}", Payload: "envelope"})
	e := event(t, "merged", "/", `{"attributes":{"x":1,"y":2}}`)
	envelope := string(e.AppendJSON(nil))
	want := "e/lamp=" + envelope + " e/x=" + envelope + " e/y=" + envelope
	outs, _ := p.For(e, Thing{})
	if got := published(outs); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if outs[0].ContentType != "application/vnd.eclipse.ditto+json" || outs[2].Publication != 1 {
		t.Errorf("content type %q, publication %d", outs[0].ContentType, outs[2].Publication)
	}
}

func TestPublishOnlyWhatIsAskedFor(t *testing.T) {
	p := publications(t, PublicationConfig{Topic: "c", Namespaces: []string{"org.acme", "org.other"}, Signals: []string{"twin/events"}})
	for _, test := range []struct {
		name   string
		change func(*protocol.Topic)
		want   int
	}{
		{"the namespace", func(*protocol.Topic) {}, 1},
		{"another namespace", func(topic *protocol.Topic) { topic.Namespace = "org.acmes" }, 0},
		{"a live event", func(topic *protocol.Topic) { topic.Channel = protocol.Live }, 0},
		{"a command", func(topic *protocol.Topic) { topic.Criterion = protocol.Commands }, 0},
		{"a policy", func(topic *protocol.Topic) { topic.Group = protocol.Policies }, 0},
	} {
		e := event(t, "modified", "/attributes/a", "1")
		test.change(&e.Topic)
		if outs, _ := p.For(e, Thing{}); len(outs) != test.want {
			t.Errorf("%s: got %d messages, want %d", test.name, len(outs), test.want)
		}
	}
}

func TestPublishCarriesWhatIsConfigured(t *testing.T) {
	p := publications(t, PublicationConfig{Path: "/attributes/{a}", Topic: "c", Payload: "value", QoS: 2, Retain: true,
		To: "device-{{ thing:name }}-{{ a }}", Subjects: []string{"group:devices"}})
	outs, _ := p.For(event(t, "modified", "/attributes/k", `"x"`), Thing{})
	if len(outs) != 1 {
		t.Fatalf("got %d messages", len(outs))
	}
	o := outs[0]
	if o.QoS != 2 || !o.Retain || o.To != "device-lamp-k" || len(o.Subjects) != 1 || o.ContentType != "text/plain" {
		t.Errorf("got %+v", o)
	}
}

func TestCompilePublicationsTellsEveryProblem(t *testing.T) {
	for _, test := range []struct {
		name   string
		change func(p *PublicationConfig)
		path   string
		says   string
	}{
		{"no topic", func(p *PublicationConfig) { p.Topic = "" }, ".topic", "is missing"},
		{"wildcard in the topic", func(p *PublicationConfig) { p.Topic = "c/+" }, ".topic", "cannot carry"},
		{"the Ditto tree", func(p *PublicationConfig) { p.Topic = "ditto/{{ k }}" }, ".topic", "the tree ditto/…"},
		{"the Ditto tree's root", func(p *PublicationConfig) { p.Topic = "ditto" }, ".topic", "the tree ditto/…"},
		{"the state tree", func(p *PublicationConfig) { p.Topic = "twin/x" }, ".topic", "the tree twin/…"},
		{"the broker's topics", func(p *PublicationConfig) { p.Topic = "$SYS/{{ k }}" }, ".topic", "begins with $"},
		{"an unknown capture", func(p *PublicationConfig) { p.Topic = "c/{{ x }}" }, ".topic", "no such capture; known are k, thing:id"},
		{"an unknown placeholder", func(p *PublicationConfig) { p.Topic = "c/{{ time:now }}" }, ".topic", "no such placeholder"},
		{"single braces", func(p *PublicationConfig) { p.Topic = "c/{k}" }, ".topic", "write {{ k }}"},
		{"single braces without such a capture", func(p *PublicationConfig) { p.Topic = "c/{room}/x" }, ".topic", "has {room}, which stands for itself here; {{ room }} would be a capture of path, which has none of this name: known are k, thing:id"},
		{"a rest in single braces", func(p *PublicationConfig) { p.Topic = "c/{x...}" }, ".topic", "has {x}"},
		{"a placeholder in single braces", func(p *PublicationConfig) { p.Topic = "c/{thing:name}/{{ k }}" }, ".topic", "write {{ thing:name }}"},
		{"single braces in to", func(p *PublicationConfig) { p.To = "c-{room}" }, ".to", "has {room}"},
		{"an unknown capture in to", func(p *PublicationConfig) { p.To = "{{ x }}" }, ".to", "no such capture"},
		{"a path with an empty level", func(p *PublicationConfig) { p.Path = "/a//{k}" }, ".path", "empty level"},
		{"a path with a capture twice", func(p *PublicationConfig) { p.Path = "/{k}/{k}" }, ".path", "twice"},
		{"a payload", func(p *PublicationConfig) { p.Payload = "values" }, ".payload", `"values" is not one of`},
		{"a signal of a later version", func(p *PublicationConfig) { p.Signals = []string{"twin/events", "live/messages"} }, ".signals[1]", "not supported yet"},
		{"a signal", func(p *PublicationConfig) { p.Signals = []string{"events"} }, ".signals[0]", "not a kind of signal"},
		{"announcements beside events", func(p *PublicationConfig) {
			p.Signals, p.Path, p.Topic = []string{"twin/events", "policies/announcements"}, "", "x"
		}, ".signals", "must be alone"},
		{"announcements with a filter", func(p *PublicationConfig) {
			p.Signals, p.Path, p.Topic, p.Filter = []string{"policies/announcements"}, "", "x", "exists(attributes/x)"
		}, ".filter", "is for events of Things"},
		{"announcements, normalized", func(p *PublicationConfig) {
			p.Signals, p.Path, p.Topic, p.Payload = []string{"policies/announcements"}, "", "x", "normalized"
		}, ".payload", "normalized is for events"},
		{"announcements of a Thing", func(p *PublicationConfig) {
			p.Signals, p.Path, p.Topic = []string{"policies/announcements"}, "", "x/{{ thing:name }}"
		}, ".topic", "thing:name"},
		{"a namespace", func(p *PublicationConfig) { p.Namespaces = []string{"org.acme", "*"} }, ".namespaces[1]", "not a namespace"},
		{"qos", func(p *PublicationConfig) { p.QoS = 3 }, ".qos", "3 is not one of"},
	} {
		t.Run(test.name, func(t *testing.T) {
			bad := PublicationConfig{Path: "/attributes/{k}", Topic: "c/{{ k }}"}
			test.change(&bad)
			p, problems := CompilePublications([]PublicationConfig{{Topic: "ok"}, bad}, roots)
			if p != nil || len(problems) != 1 {
				t.Fatalf("publications %v, problems %v", p, problems)
			}
			if problems[0].Path != "publications[1]"+test.path || !strings.Contains(problems[0].Text, test.says) {
				t.Errorf("want %s and %q: %s", test.path, test.says, problems[0])
			}
		})
	}
}

func FuzzPublish(f *testing.F) {
	actions := []string{"created", "modified", "merged", "deleted"}
	f.Add("/features/{f}/properties/{p...}", "c/{{ f }}/{{ p }}", byte(2), "/", `{"features":{"a":{"properties":{"b":{"c":null}}}}}`)
	f.Add("/attributes/x{k}", "c/{{ k }}", byte(1), "/attributes/xy/z", `[1]`)
	f.Fuzz(func(t *testing.T, path, topic string, action byte, at, value string) {
		p, _ := CompilePublications([]PublicationConfig{
			{Path: path, Topic: topic, Payload: "value"}, {Path: path, Topic: topic, To: topic},
		}, roots)
		pointer, err := jsondoc.ParsePointer(at)
		if p == nil || err != nil {
			return
		}
		e := event(t, actions[action%4], "", "")
		e.Path = pointer
		if e.Topic.Action != "deleted" {
			if e.Value, err = jsondoc.ParseString(value); err != nil {
				return
			}
		}
		outs, _ := p.For(e, Thing{})
		for _, o := range outs {
			if o.Err != nil {
				continue
			}
			if o.Topic == "" || o.Topic[0] == '$' || strings.ContainsAny(o.Topic, "+#\x00") || roots.of(o.Topic) != "" {
				t.Errorf("published to %q", o.Topic)
			}
		}
	})
}
