package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/twinbroker/twinbroker/test/harness"
)

func TestVersionSaysWhatThisIs(t *testing.T) {
	t.Parallel()
	r := harness.Run(t, "version")
	if r.Code != 0 || !strings.HasPrefix(r.Stdout, "twinbroker ") || strings.Count(r.Stdout, "\n") != 1 {
		t.Errorf("status %d: %q %q", r.Code, r.Stdout, r.Stderr)
	}
}

func TestCompletionAndHelpAreThere(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"completion", "bash"}, {"--help"}, {"serve", "--help"}, {"things", "--help"}} {
		if r := harness.Run(t, args...); r.Code != 0 || !strings.Contains(r.Stdout, "twinbroker") {
			t.Errorf("%v: status %d: %q", args, r.Code, r.Stderr)
		}
	}
}

func TestAnUnknownFlagIsToldWithOneThatIsLikeIt(t *testing.T) {
	t.Parallel()
	for _, s := range []struct {
		args []string
		err  string
	}{
		{[]string{"serve", "--data", "x"}, "unknown flag: --data; did you mean --data-dir?\n"},
		{[]string{"serve", "--log=x"}, "unknown flag: --log; did you mean --log-format or --log-level?\n"},
		{[]string{"things", "list", "--urls", "x"}, "did you mean --url?\n"},
		{[]string{"map", "--xyzzy"}, "unknown flag: --xyzzy (twinbroker map --help lists"},
	} {
		if r := harness.Run(t, s.args...); r.Code != 1 || !strings.Contains(r.Stderr, s.err) {
			t.Errorf("%v: status %d: %q", s.args, r.Code, r.Stderr)
		}
	}
}

func TestThingsPutSaysThatItReplaces(t *testing.T) {
	t.Parallel()
	for verb, want := range map[string]string{"put": "also what the device has\nreported", "merge": "What it does not mention is kept"} {
		if r := harness.Run(t, "things", verb, "--help"); r.Code != 0 || !strings.Contains(r.Stdout, want) {
			t.Errorf("%s: status %d: %q", verb, r.Code, r.Stdout)
		}
	}
}

func TestThingsReadsAndWritesThingsOfARunningBroker(t *testing.T) {
	t.Parallel()
	b := harness.Start(t, harness.Options{})
	url := "mqtt://" + b.MQTT()
	file := harness.WriteFile(t, "patch.json", `{"attributes":{"floor":2}}`)
	for _, s := range []struct {
		name  string
		args  []string
		stdin string
		code  int
		out   string // all of standard output
		err   string // a part of standard error
	}{
		{name: "put makes a Thing", args: []string{"put", "org.acme:lamp", `{"attributes":{"room":"hall"}}`}, out: "created org.acme:lamp\n"},
		{name: "put replaces it", args: []string{"put", "org.acme:lamp", `{"attributes":{"room":"attic","height":2.50}}`}, out: "modified org.acme:lamp\n"},
		{name: "put writes a value at a path", args: []string{"put", "org.acme:lamp", "/attributes/room", `"cellar"`}, out: "modified org.acme:lamp /attributes/room\n"},
		{name: "put reads a value from standard input", args: []string{"put", "org.acme:lamp", "/attributes/more", "-"}, stdin: `[1,2]`, out: "created org.acme:lamp /attributes/more\n"},
		{name: "merge reads a patch from a file", args: []string{"merge", "org.acme:lamp", "@" + file}, out: "modified org.acme:lamp\n"},
		{name: "get prints a Thing for people", args: []string{"get", "org.acme:lamp"},
			out: "{\n  \"thingId\": \"org.acme:lamp\",\n  \"policyId\": \"org.acme:lamp\",\n  \"attributes\": {\n    \"room\": \"cellar\",\n    \"height\": 2.50,\n    \"more\": [\n      1,\n      2\n    ],\n    \"floor\": 2\n  }\n}\n"},
		{name: "get prints a Thing for scripts", args: []string{"get", "org.acme:lamp", "-o", "json", "--fields", "attributes(room,height)"},
			out: `{"attributes":{"room":"cellar","height":2.50}}` + "\n"},
		{name: "get prints a value", args: []string{"get", "org.acme:lamp", "/attributes/room"}, out: "\"cellar\"\n"},
		{name: "merge takes away", args: []string{"merge", "org.acme:lamp", "/attributes", `{"more":null}`}, out: "modified org.acme:lamp /attributes\n"},
		{name: "delete removes a part", args: []string{"delete", "org.acme:lamp", "/attributes/room"}, out: "deleted org.acme:lamp /attributes/room\n"},
		{name: "what is left", args: []string{"get", "org.acme:lamp", "/attributes", "-o", "json"}, out: `{"height":2.50,"floor":2}` + "\n"},
		{name: "delete removes a Thing", args: []string{"delete", "org.acme:lamp"}, out: "deleted org.acme:lamp\n"},

		{name: "get of nothing", args: []string{"get", "org.acme:lamp"}, code: 1, err: "404 things:thing.notfound"},
		{name: "delete of nothing", args: []string{"delete", "org.acme:lamp"}, code: 1, err: "404 things:thing.notfound"},
		{name: "an ID that is none", args: []string{"get", "lamp"}, code: 1, err: "as in org.acme:lamp (twinbroker things list"},
		{name: "an ID with a character that none has", args: []string{"get", "org.acme:küche.1"}, code: 1, err: "the name has the character ü (U+00FC), which no ID can have; where a mapping writes names with fn:url-encode() it is org.acme:k%C3%BCche.1"},
		{name: "an ID with a path in it", args: []string{"get", "org.acme:lamp/attributes"}, code: 1, err: "the name has a slash (a path"},
		{name: "an ID without a name", args: []string{"get", "org.acme:"}, code: 1, err: "no name behind the colon"},
		{name: "a namespace that is none", args: []string{"delete", "org acme:lamp"}, code: 1, err: `the namespace "org acme"`},
		{name: "an ID that is too long", args: []string{"get", "a:" + strings.Repeat("x", 300)}, code: 1, err: "at most 256"},
		{name: "a Thing to put a wish into", args: []string{"put", "org.acme:wish", "{}"}, out: "created org.acme:wish\n"},
		{name: "put into a Feature that is not there", args: []string{"put", "org.acme:wish", "/features/light/desiredProperties/on", "true"}, code: 1,
			err: "A merge makes it: twinbroker things merge org.acme:wish /features/light/desiredProperties/on 'true'\n"},
		{name: "merge makes it", args: []string{"merge", "org.acme:wish", "/features/light/desiredProperties/on", "true"}, out: "modified org.acme:wish /features/light/desiredProperties/on\n"},
		{name: "a path that is none", args: []string{"get", "org.acme:lamp", "/a//b"}, code: 1, err: "/a//b"},
		{name: "a value that is not JSON", args: []string{"put", "org.acme:lamp", "/attributes/room", "cellar"}, code: 1, err: "not JSON"},
		{name: "a file that is not there", args: []string{"put", "org.acme:lamp", "@/does/not/exist"}, code: 1, err: "/does/not/exist"},
		{name: "an output that is none", args: []string{"get", "org.acme:lamp", "-o", "xml"}, code: 1, err: "text or json"},
		{name: "too few arguments", args: []string{"put", "org.acme:lamp"}, code: 1, err: "arg"},
	} {
		t.Run(s.name, func(t *testing.T) {
			r := harness.RunWith(t, nil, s.stdin, append([]string{"things", "--url", url}, s.args...)...)
			if r.Code != s.code || r.Stdout != s.out || !strings.Contains(r.Stderr, s.err) || s.err == "" && r.Stderr != "" {
				t.Errorf("status %d, standard output %q, standard error %q", r.Code, r.Stdout, r.Stderr)
			}
		})
	}
	t.Run("a broker that is not there", func(t *testing.T) {
		r := harness.Run(t, "things", "get", "a:b", "--url", "mqtt://127.0.0.1:1")
		if r.Code != 1 || !strings.Contains(r.Stderr, "127.0.0.1:1") || !strings.Contains(r.Stderr, "--url") || strings.Count(r.Stderr, "\n") != 1 {
			t.Errorf("status %d: %q", r.Code, r.Stderr)
		}
	})
}

func TestThingsListsThem(t *testing.T) {
	t.Parallel()
	b := harness.Start(t, harness.Options{})
	url := "mqtt://" + b.MQTT()
	a := newApp(t, b, 5, harness.Connect{})
	for n := range 205 { // more than a page
		a.must(fmt.Sprintf("list.a:%03d", n), "create", "/", `{"definition":"a:b:1.0"}`)
	}
	a.must("list.b:1", "create", "/", `{"attributes":{"a":1.50}}`)
	list := func(args ...string) []string {
		t.Helper()
		r := harness.Run(t, append([]string{"things", "list", "--url", url}, args...)...)
		if r.Code != 0 || r.Stderr != "" {
			t.Errorf("%v: status %d: %s", args, r.Code, r.Stderr)
		}
		return strings.Split(strings.TrimSuffix(r.Stdout, "\n"), "\n")
	}
	if all := list(); len(all) != 1+206 || !strings.HasPrefix(all[0], "THING ") || !strings.HasPrefix(all[1], "list.a:000 ") || !strings.HasPrefix(all[206], "list.b:1 ") {
		t.Errorf("all: %d lines: %.200q", len(all), all)
	}
	if some := list("--namespace", "list.b"); len(some) != 2 || !strings.HasPrefix(some[1], "list.b:1 ") {
		t.Errorf("of a namespace: %q", some)
	}
	if some := list("--limit", "3", "-o", "json"); len(some) != 3 || !strings.Contains(some[2], `"thingId":"list.a:002"`) {
		t.Errorf("three of them: %q", some)
	}
	if whole := list("--namespace", "list.b", "-o", "json"); len(whole) != 1 || whole[0] != `{"thingId":"list.b:1","policyId":"list.b:1","attributes":{"a":1.50}}` {
		t.Errorf("whole: %q", whole)
	}
	if none := list("--namespace", "list.c"); len(none) != 1 || none[0] != "" {
		t.Errorf("of none: %q", none)
	}
}

func TestThingsWatchFollowsEvents(t *testing.T) {
	t.Parallel()
	b := harness.Start(t, harness.Options{})
	url := "mqtt://" + b.MQTT()
	a := newApp(t, b, 5, harness.Connect{})
	all := harness.Spawn(t, "things", "watch", "--url", url, "-o", "json")
	one := harness.Spawn(t, "things", "watch", "--url", url, "watch.a:lamp%")
	namespace := harness.Spawn(t, "things", "watch", "--url", url, "watch.b")
	// When a watcher has subscribed is known by the number of subscriptions: its
	// replies and its events each.
	waitMetric(t, b, "twinbroker_subscriptions", func(n float64) bool { return n == 1+3*2 })
	a.must("watch.a:lamp%", "create", "/", `{"attributes":{"a":1.50}}`)
	a.must("watch.b:other", "create", "/", `{}`)
	a.must("watch.b:other", "delete", "/", "")
	line := all.Line(`"topic":"watch.a/lamp%/things/twin/events/created"`)
	var e envelope
	if err := json.Unmarshal([]byte(line), &e); err != nil || e.Revision != 1 {
		t.Errorf("%v: %s", err, line)
	}
	all.Line("watch.b/other/things/twin/events/deleted")
	if line := one.Line("watch.a:lamp%"); !strings.Contains(line, "created") || !strings.Contains(line, "r1") || !strings.Contains(line, `{"a":1.50}`) {
		t.Errorf("printed %q", line)
	}
	if line := namespace.Line("watch.b:other"); !strings.Contains(line, "created") {
		t.Errorf("printed %q", line)
	}
	namespace.Line("deleted")
	if code := all.End(os.Interrupt); code != 0 {
		t.Errorf("interrupted, it ended with status %d", code)
	}
	b.Stop()
	if code := one.Wait(); code != 1 || !strings.Contains(one.Errors(), "the broker ended the connection") {
		t.Errorf("without the broker, it ended with status %d: %s", code, one.Errors())
	}
}

func TestConfigCheckSaysEverythingThatIsWrongAtOnce(t *testing.T) {
	t.Parallel()
	file := harness.WriteFile(t, "wrong.yaml", strings.Join([]string{
		"data_dir: data",
		"listeners:",
		"  - address: tpc://127.0.0.1:0",
		"nonsense: 1",
		"store: {sync: sometimes}",
		"mappings:",
		"  - topic: a/{b}",
		"    thing: \"org.acme:{{ c }}\"",
		"    set: {/attributes/x: \"\"}",
		"    when: \"payload.x >\"",
	}, "\n"))
	r := harness.Run(t, "config", "check", "-c", file)
	lines := strings.Split(strings.TrimSpace(r.Stderr), "\n")
	if r.Code != 1 || r.Stdout != "" || len(lines) != 5 {
		t.Fatalf("status %d, %q: %d lines\n%s", r.Code, r.Stdout, len(lines), r.Stderr)
	}
	for _, want := range []string{
		file + ":3: listeners[0].address: ", file + ":4: nonsense: ", file + ":5: store.sync: ",
		file + ":8: mappings[0].thing: ", file + ":10: mappings[0].when: ",
	} {
		found := false
		for _, line := range lines {
			found = found || strings.HasPrefix(line, want)
		}
		if !found {
			t.Errorf("no line begins with %q in\n%s", want, r.Stderr)
		}
	}
	ok := harness.Run(t, "config", "check", "-c", harness.WriteFile(t, "right.yaml", mappings))
	if ok.Code != 0 || ok.Stdout != "ok\n" {
		t.Errorf("of a configuration that is right: status %d, %q %q", ok.Code, ok.Stdout, ok.Stderr)
	}
	warned := harness.Run(t, "config", "check", "-c", harness.WriteFile(t, "open.yaml", harness.Anonymous+"listeners: [{address: \"tcp://0.0.0.0:1883\"}]\n"))
	if warned.Code != 0 || !strings.Contains(warned.Stderr, "warning: ") {
		t.Errorf("of one that is likely a mistake: status %d, %q", warned.Code, warned.Stderr)
	}
}

func TestConfigShowPrintsTheEffectiveConfiguration(t *testing.T) {
	t.Parallel()
	file := harness.WriteFile(t, "some.yaml", mappings+"limits: {thing_size: 5KiB, message_size: 2MiB}\n")
	r := harness.RunWith(t, []string{"TWINBROKER_LIMITS_CLIENTS=7", "TWINBROKER_LOG_FORMAT=json", "TWINBROKER_LIMITS_THING_SIZE=6KiB"}, "",
		"config", "show", "-c", file, "--log-format", "text", "--http", "off", "--data-dir", "/tmp/x")
	if r.Code != 0 {
		t.Fatalf("status %d: %s", r.Code, r.Stderr)
	}
	for _, want := range []string{"data_dir: /tmp/x", "clients: 7", "thing_size: 6KiB", "message_size: 2MiB", "format: text", "address: off",
		"policy_size: 100KiB", "topic: devices/{device}/telemetry", "/features/environment/properties/temperature: /temp"} {
		if !strings.Contains(r.Stdout, want) {
			t.Errorf("it does not say %q:\n%s", want, r.Stdout)
		}
	}
	again := harness.Run(t, "config", "show", "-c", harness.WriteFile(t, "shown.yaml", r.Stdout))
	if again.Code != 0 || again.Stdout != r.Stdout {
		t.Errorf("what it prints is not a configuration that comes to the same: status %d\n%s%s", again.Code, again.Stderr, again.Stdout)
	}
}
