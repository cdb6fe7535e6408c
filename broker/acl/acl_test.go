package acl

import (
	"strings"
	"testing"
)

var trees = Trees{"ditto", "twin"}

func compiled(t *testing.T, list []Rule, file string) *Rules {
	t.Helper()
	var f *File
	if file != "" {
		f = ParseFile(file)
	}
	r, problems := Compile(list, f, trees)
	if r == nil {
		t.Fatal(problems)
	}
	return r
}

func TestWhoMayWhat(t *testing.T) {
	r := compiled(t, []Rule{
		{Subjects: []string{"group:ops", "group:chiefs"}, Publish: []string{"plant/#"}, Subscribe: []string{"plant/#", "$SYS/#"}},
		{Subjects: []string{"group:devices"}, Publish: []string{"d/{{ client:username }}/#", "{{client:username}}/up"}, Subscribe: []string{"d/{{ client:username }}/cmd", "all-{{ client:id }}"}},
	}, strings.TrimSpace(`
# for all who have no name
topic read news/#
topic deny news/secret

user ann
topic readwrite status board
topic deny plant/secret/#
user bob
topic write b
pattern write p/%u/%c
pattern deny p/%u/x
pattern read s-%c/+`))
	ops := &Client{ID: "o", Username: "olga", Subjects: []string{"user:olga", "group:ops"}}
	ann := &Client{ID: "a", Username: "ann", Subjects: []string{"user:ann", "group:ops"}}
	dev := &Client{ID: "l1", Username: "lamp", Subjects: []string{"user:lamp", "group:devices"}}
	odd := func(name string) *Client {
		return &Client{ID: name, Username: name, Subjects: []string{"group:devices"}}
	}
	nobody := &Client{ID: "n"}
	admin := &Client{ID: "x", Username: "root", Admin: true}
	chief := &Client{ID: "y", Username: "olga", Subjects: []string{"group:ops"}, Admin: true}
	boss := &Client{ID: "z", Username: "ann", Subjects: []string{"group:ops"}, Admin: true}
	type question struct {
		who  *Client
		what string // p: publish, r: receive, s: subscribe
		on   string
		want Verdict
	}
	for _, q := range []question{
		{ops, "p", "plant/a", Granted}, {ops, "p", "plant", Granted}, {ops, "p", "plants", Refused},
		{ops, "r", "$SYS/broker/uptime", Granted}, {ops, "s", "$SYS/+/x", Granted}, {ops, "p", "$SYS/x", Refused},
		{ops, "s", "#", Granted}, {ops, "s", "+/a", Granted}, {ops, "s", "other/#", Refused},
		{ops, "p", "plant/secret/a", Granted},
		{ann, "p", "plant/a", Granted}, {ann, "p", "plant/secret/a", Refused}, {ann, "r", "plant/secret", Refused},
		{ann, "s", "plant/secret/#", Refused}, {ann, "s", "plant/#", Granted}, {ann, "s", "plant/+/x", Granted},
		{ann, "p", "status board", Granted},
		{dev, "p", "d/lamp/t", Granted}, {dev, "p", "d/lamp", Granted}, {dev, "p", "d/other/t", Refused},
		{dev, "p", "lamp/up", Granted}, {dev, "r", "lamp/up", Refused}, {dev, "r", "d/lamp/cmd", Granted},
		{dev, "r", "all-l1", Granted}, {dev, "r", "all-l2", Refused}, {dev, "s", "d/+/cmd", Granted}, {dev, "s", "d/other/cmd", Refused},
		{dev, "p", "p/lamp/l1", Granted}, {dev, "p", "p/lamp/l2", Refused}, {dev, "p", "p/ann/l1", Refused}, {dev, "r", "s-l1/a", Granted}, {dev, "p", "s-l1/a", Refused},
		{odd("x"), "p", "p/x/x", Refused},
		{nobody, "r", "news/a", Granted}, {nobody, "r", "news/secret", Refused}, {nobody, "p", "news/a", Refused}, {nobody, "s", "news/secret", Refused},
		{nobody, "p", "p//n", Refused}, {nobody, "r", "s-n/a", Granted},
		{ann, "r", "news/a", Refused},
		{admin, "p", "any", ByAdmin}, {admin, "s", "$SYS/#", ByAdmin}, {admin, "p", "p/root/x", ByAdmin}, {admin, "p", "p/root/y", ByAdmin},
		// An administrator who subscribes gets all of it, so a rule has to grant all.
		{chief, "s", "plant/#", Granted}, {chief, "s", "plant/+/x", Granted}, {chief, "s", "+/a", ByAdmin}, {chief, "s", "#", ByAdmin}, {chief, "s", "other", ByAdmin},
		{boss, "s", "plant/#", ByAdmin}, {boss, "s", "plant/a", Granted}, {boss, "s", "plant/secret/#", ByAdmin},
		// What a client calls itself widens nothing.
		{odd("+"), "p", "d/other/t", Refused}, {odd("+"), "p", "d/+/t", Refused}, {odd("+"), "s", "d/+/cmd", Refused},
		{odd("#"), "p", "d/other/t", Refused}, {odd("#"), "r", "all-#", Refused}, {odd("a/b"), "p", "d/a/b/t", Refused}, {odd("a/b"), "p", "d/a/t", Refused},
		{odd("lamp/.."), "p", "d/lamp/../t", Refused},
		{odd("$SYS"), "p", "$SYS/up", Refused}, {odd("$SYS"), "p", "d/$SYS/t", Granted}, {odd(""), "p", "d//t", Refused}, {odd(""), "p", "/up", Refused},
		{odd("%u"), "p", "p/%u/%u", Granted}, {odd("{{ client:id }}"), "p", "d/{{ client:id }}/t", Granted},
	} {
		ask := map[string]func(*Client, string) Verdict{"p": r.Publish, "r": r.Receive, "s": r.Subscribe}[q.what]
		if got := ask(q.who, q.on); got != q.want {
			t.Errorf("%s %s %q: %d, want %d", q.who.ID, q.what, q.on, got, q.want)
		}
	}
}

func TestNoRulesAtAllGrantEverything(t *testing.T) {
	var r *Rules
	if r.Publish(&Client{}, "a") != Granted || r.Subscribe(&Client{}, "#") != Granted || r.Len() != 0 {
		t.Error("refused")
	}
	if none := compiled(t, nil, ""); none.Publish(&Client{}, "a") != Refused {
		t.Error("an empty list grants")
	}
}

func TestNewRulesHoldForClientsThatAreThere(t *testing.T) {
	c := &Client{Subjects: []string{"s"}}
	before := compiled(t, []Rule{{Subjects: []string{"s"}, Publish: []string{"a"}}}, "")
	after := compiled(t, []Rule{{Subjects: []string{"s"}, Publish: []string{"b"}}}, "")
	if before.Publish(c, "a") != Granted || after.Publish(c, "a") != Refused || after.Publish(c, "b") != Granted {
		t.Error("not asked anew")
	}
}

func TestAskingAllocatesNothing(t *testing.T) {
	r := compiled(t, []Rule{{Subjects: []string{"s"}, Publish: []string{"a/{{ client:username }}/#"}}}, "")
	c := &Client{Username: "u", Subjects: []string{"s"}}
	r.Publish(c, "x")
	if n := testing.AllocsPerRun(100, func() { r.Publish(c, "a/u/b/c") }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestWhatIsWrongIsTold(t *testing.T) {
	for _, test := range []struct {
		name string
		list []Rule
		file string
		path string
		line int
		text string
		warn bool
	}{
		{name: "no subjects", list: []Rule{{Publish: []string{"a"}}}, path: "acl[0].subjects", text: "is missing"},
		{name: "nothing granted", list: []Rule{{Subjects: []string{"s"}}}, path: "acl[0]", text: "grants nothing", warn: true},
		{name: "a wildcard for a subject", list: []Rule{{Subjects: []string{"*"}, Publish: []string{"a"}}}, path: "acl[0].subjects[0]", text: "without wildcards", warn: true},
		{name: "no filter", list: []Rule{{Subjects: []string{"s"}, Subscribe: []string{"a", "a#"}}}, path: "acl[0].subscribe[1]", text: "# stands alone"},
		{name: "an empty filter", list: []Rule{{Subjects: []string{"s"}, Subscribe: []string{""}}}, path: "acl[0].subscribe[0]", text: "is empty"},
		{name: "a wildcard beside a placeholder", list: []Rule{{Subjects: []string{"s"}, Subscribe: []string{"+{{ client:id }}"}}}, path: "acl[0].subscribe[0]", text: "+ stands alone"},
		{name: "an unknown placeholder", list: []Rule{{Subjects: []string{"s"}, Publish: []string{"a/{{ jwt:sub }}"}}}, path: "acl[0].publish[0]", text: "{{ jwt:sub }} is not a placeholder"},
		{name: "an open placeholder", list: []Rule{{Subjects: []string{"s"}, Publish: []string{"a/{{ client:id"}}}, path: "acl[0].publish[0]", text: "has no }}"},
		{name: "single braces", list: []Rule{{Subjects: []string{"s"}, Publish: []string{"a/{id}"}}}, path: "acl[0].publish[0]", text: "braces"},
		{name: "a shared subscription", list: []Rule{{Subjects: []string{"s"}, Subscribe: []string{"$share/g/a"}}}, path: "acl[0].subscribe[0]", text: "shared subscriptions, too"},
		{name: "in the Ditto tree", list: []Rule{{Subjects: []string{"s"}, Subscribe: []string{"ditto/#"}}}, path: "acl[0].subscribe[0]", text: "below ditto Policies decide", warn: true},
		{name: "in the state tree", list: []Rule{{Subjects: []string{"s"}, Publish: []string{"twin/+/x"}}}, path: "acl[0].publish[0]", text: "below twin Policies decide", warn: true},
		{name: "publishing below $SYS", list: []Rule{{Subjects: []string{"s"}, Publish: []string{"$SYS/#", "$SYS/x"}}}, path: "acl[0].publish[1]", text: "the broker's own", warn: true},
		{name: "client identifiers", list: []Rule{{Subjects: []string{"s"}, Publish: []string{"d/{{ client:id }}"}}}, path: "acl[0].publish[0]", text: "choose their identifiers", warn: true},
		{name: "file: no such line", file: "topic a\nallow b", line: 2, text: `"allow" begins no line`},
		{name: "file: no such access", file: "topic reed b", line: 1, text: `"reed" is not one of`},
		{name: "file: no filter", file: "user a\n\ntopic", line: 3, text: "followed by a topic filter"},
		{name: "file: no user", file: "user ", line: 1, text: "followed by the name"},
		{name: "file: a wrong filter", file: "user a\ntopic read a/#/b", line: 2, text: "# stands alone"},
		{name: "file: a pattern without placeholders", file: "pattern a/b", line: 1, text: "neither %u nor %c", warn: true},
		{name: "file: in the Ditto tree", file: "user u\ntopic read ditto/#", line: 2, text: "Policies decide", warn: true},
		{name: "file: client identifiers", file: "pattern a/%c\npattern b/%c", line: 1, text: "choose their identifiers", warn: true},
	} {
		t.Run(test.name, func(t *testing.T) {
			var f *File
			if test.file != "" {
				f = ParseFile(test.file)
			}
			r, problems := Compile(test.list, f, trees)
			if len(problems) != 1 {
				t.Fatalf("%+v", problems)
			}
			p := problems[0]
			if p.Path != test.path || p.Line != test.line || p.Warning != test.warn || !strings.Contains(p.Text, test.text) {
				t.Errorf("%+v", p)
			}
			if (r != nil) != test.warn {
				t.Errorf("rules %v", r)
			}
		})
	}
}
