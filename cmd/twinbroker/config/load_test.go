package config

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/twinbroker/twinbroker/twin/jsondoc"
	"github.com/twinbroker/twinbroker/twin/policy"
)

// write puts a configuration into a file.
func write(t testing.TB, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "config.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// load loads a configuration that has no problems.
func load(t testing.TB, file string, flags Flags) *Config {
	t.Helper()
	c, problems := Load(file, flags)
	for _, p := range problems {
		t.Error(p)
	}
	if c == nil {
		t.FailNow()
	}
	return c
}

// told is the problems without the folder of the file.
func told(problems Problems, file string) string {
	return strings.ReplaceAll(problems.String(), filepath.Dir(file)+string(filepath.Separator), "")
}

func TestWithoutAFile(t *testing.T) {
	c := load(t, "", Flags{})
	if c.DataDir != "data" || len(c.Listeners) != 1 || c.Listeners[0].Host != "127.0.0.1:1883" {
		t.Errorf("got %q, %+v", c.DataDir, c.Listeners)
	}
	if c.HTTP != (HTTP{Address: "127.0.0.1:8080", Default: true}) {
		t.Errorf("HTTP is %+v", c.HTTP)
	}
	if !reflect.DeepEqual(c.Auth.Anonymous, []string{"anonymous:local"}) || c.Notices() != nil {
		t.Errorf("anonymous clients have %q, notices %q", c.Auth.Anonymous, c.Notices())
	}
	want := Limits{PacketSize: 16 << 20, MessageSize: 256 << 10, ThingSize: 100 << 10, PolicySize: 100 << 10,
		QueueMessages: 10000, QueueSize: 16 << 20}
	if c.Limits != want {
		t.Errorf("limits are %+v", c.Limits)
	}
	if c.Store != (Store{Memory: 256 << 20, Patience: 10 * time.Second}) {
		t.Errorf("store is %+v", c.Store)
	}
	if c.History.Retention != 72*time.Hour || c.History.MaxSize != 1<<30 || len(c.History.Headers) != 2 {
		t.Errorf("history is %+v", c.History)
	}
	if c.Topics != (Topics{Root: "ditto", State: "twin", StatePayload: "plain"}) || c.Log.Format != "text" || c.Log.Level != 0 {
		t.Errorf("topics are %+v, log is %+v", c.Topics, c.Log)
	}
	if c.Rules == nil || c.Published == nil {
		t.Error("mappings and publications are not compiled")
	}
}

func TestWhoIsAnonymous(t *testing.T) {
	for _, test := range []struct {
		name   string
		file   string // "" is none
		flags  Flags
		env    string
		want   string
		notice string
		warns  bool
	}{
		{name: "no file, loopback", want: "anonymous:local"},
		{name: "no file, loopback by name and IPv6", flags: Flags{Listen: []string{"tcp://localhost:1883", "tcp://[::1]:1884"}}, want: "anonymous:local"},
		{name: "no file, any address", flags: Flags{Listen: []string{"tcp://127.0.0.1:1883", "tcp://:1884"}}, notice: "TWINBROKER_AUTH_ANONYMOUS"},
		{name: "no file, any address, flag", flags: Flags{Listen: []string{"tcp://0.0.0.0:1883"}, Anonymous: true}, want: "anonymous:local", warns: true},
		{name: "no file, environment", env: `["a:b"]`, want: "a:b"},
		{name: "a file that says nothing", file: "data_dir: x", notice: "auth: {anonymous: [\"anonymous:local\"]}"},
		{name: "an empty file", file: "\n", notice: "--anonymous"},
		{name: "a file, flag", file: "data_dir: x", flags: Flags{Anonymous: true}, want: "anonymous:local"},
		{name: "a file, flag, subjects", file: "auth: {anonymous: [x:y, z:z]}", flags: Flags{Anonymous: true}, want: "x:y z:z"},
		{name: "a file that says nobody", file: "auth: {anonymous: []}", notice: "refused on every listener"},
		{name: "the environment before the file", file: "auth: {anonymous: [x:y]}", env: `["a:b"]`, want: "a:b"},
	} {
		t.Run(test.name, func(t *testing.T) {
			file := ""
			if test.file != "" {
				file = write(t, test.file)
			}
			t.Setenv("TWINBROKER_AUTH_ANONYMOUS", test.env)
			c, problems := Load(file, test.flags)
			if c == nil || len(problems.Warnings()) > 0 != test.warns {
				t.Fatalf("problems: %s", problems)
			}
			if got := strings.Join(c.Auth.Anonymous, " "); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
			if got := strings.Join(c.Notices(), "\n"); !strings.Contains(got, test.notice) || test.notice == "" && got != "" {
				t.Errorf("notice %q, want one that says %q", got, test.notice)
			}
		})
	}
}

func TestFlagsBeforeEnvironmentBeforeFileBeforeDefault(t *testing.T) {
	file := write(t, `
data_dir: from-file
http: {address: "127.0.0.1:1"}
log: {level: error, format: json}
limits: {clients: 5}
listeners: [{address: "tcp://127.0.0.1:5"}]
history: {headers: [x]}
auth: {anonymous: [a:b]}
`)
	t.Setenv("TWINBROKER_DATA_DIR", "from-env")
	t.Setenv("TWINBROKER_HTTP_ADDRESS", "127.0.0.1:2")
	t.Setenv("TWINBROKER_LOG_LEVEL", "warn")
	t.Setenv("TWINBROKER_LIMITS_PACKET_SIZE", "1MiB")
	t.Setenv("TWINBROKER_LISTENERS", `[{"address":"tcp://127.0.0.1:6"},{"address":"ws://127.0.0.1:7/mqtt"}]`)
	t.Setenv("TWINBROKER_STORE_SYNC", "") // an empty variable is none
	t.Setenv("TWINBROKER_HISTORY_HEADERS", `[]`)
	dir, off := "from-flag", "off"
	c := load(t, file, Flags{DataDir: &dir, HTTP: &off, Listen: []string{"tcp://127.0.0.1:8"}})
	if c.DataDir != "from-flag" || c.HTTP != (HTTP{}) || c.Listeners[0].Host != "127.0.0.1:8" || len(c.Listeners) != 1 {
		t.Errorf("flags: got %q, %+v, %+v", c.DataDir, c.HTTP, c.Listeners)
	}
	if c.Log.Level.String() != "WARN" || c.Limits.PacketSize != 1<<20 || len(c.History.Headers) != 0 {
		t.Errorf("environment: got %v, %d, %q", c.Log.Level, c.Limits.PacketSize, c.History.Headers)
	}
	if c.Log.Format != "json" || c.Limits.Clients != 5 {
		t.Errorf("file: got %q, %d", c.Log.Format, c.Limits.Clients)
	}
	if c.Store.Sync != 0 {
		t.Errorf("default: got %v", c.Store.Sync)
	}
	c = load(t, file, Flags{})
	if c.DataDir != "from-env" || c.HTTP.Address != "127.0.0.1:2" || len(c.Listeners) != 2 || c.Listeners[1].Path != "/mqtt" {
		t.Errorf("environment: got %q, %+v, %+v", c.DataDir, c.HTTP, c.Listeners)
	}
}

func TestKeysOfMappingsKeepCaseAndDots(t *testing.T) {
	c := load(t, write(t, `
mappings:
  - topic: T/{Device}
    thing: "org.acme:{{ Device }}"
    format: json
    set:
      /features/Env.A/properties/TempC: /Temp.C
      /attributes/Last.Seen: {value: {Key.A: [1.50, "x", null, true, 0x10, 1e3, 2026-01-02], b: "{{ Device }}"}}
      /attributes/whole: ""
    create: {policy: "org.acme:P"}
    nulls: delete
    relay: never
publications:
  - {subjects: [g:a], signals: [twin/events], namespaces: [org.acme], path: "/attributes/{K}", topic: "c/{{ K }}", payload: value, qos: 1, to: "x"}
  - {topic: d, retain: true}
`), Flags{})
	m := c.Mappings[0]
	if m.Topic != "T/{Device}" || m.Thing != "org.acme:{{ Device }}" || m.Nulls != "delete" || m.Relay != "never" || m.Create.Policy != "org.acme:P" {
		t.Errorf("got %+v", m)
	}
	if len(m.Set) != 3 || m.Set[0].Path != "/features/Env.A/properties/TempC" || m.Set[0].Pointer != "/Temp.C" || m.Set[2].Pointer != "" || m.Set[2].Value != nil {
		t.Fatalf("set is %+v", m.Set)
	}
	const want = `{"Key.A":[1.50,"x",null,true,16,1e3,"2026-01-02"],"b":"{{ Device }}"}`
	if got := m.Set[1].Value.String(); got != want {
		t.Errorf("the constant is %s, want %s", got, want)
	}
	p := c.Publications[0]
	if p.Subjects[0] != "g:a" || p.Namespaces[0] != "org.acme" || p.Path != "/attributes/{K}" || p.Payload != "value" || p.QoS != 1 || p.Retain || p.To != "x" || !c.Publications[1].Retain {
		t.Errorf("the publication is %+v", p)
	}
}

func TestShowIsAConfigurationToTheSameEffect(t *testing.T) {
	cert, key := certificate(t, time.Now().Add(time.Hour))
	for name, text := range map[string]string{
		"the example":   example(t),
		"an empty file": "\n",
		"much": `
data_dir: "123"
http: {address: off}
auth: {anonymous: ["true", "a: b", "anonymous:local"]}
listeners:
  - {address: "tls://127.0.0.1:8883", tls: {cert: ` + cert + `, key: ` + key + `, client_ca: ` + cert + `, client_auth: require}}
  - {address: "wss://127.0.0.1:8884/x", tls: {cert: ` + cert + `, key: ` + key + `}, origins: ["https://a.example:8080", "*"]}
mappings:
  - {topic: "b", format: ditto, reply: "r/{{ topic:action }}", thing: "a:b", when: "mqtt.qos > 0", headers: {x: [1, "{{ topic:full }}"]}}
  - {topic: "c", each: "", thing: "a:b", set: {/attributes/n: {expr: "payload * 2"}}, create: {definition: "a:b:1", attributes: {"y": "n"}}}
  - {topic: "a/{x}", thing: "a:{{ x }}", set: {"/attributes/a: b": "", "/attributes/null": {value: null}, /attributes/t: {value: ["true", true, "1", 1.0, {}, {"on": "off"}, "\n#"]}}, create: {}}
store: {sync: 90s, memory: 123456789}
history: {retention: 1h30m, headers: []}
acl:
  - {subjects: ["group:a", "user:b"], publish: ["a/{{ client:username }}/#"], subscribe: ["#"]}
  - {subjects: ["true"], subscribe: ["null/+"]}
audit: {file: "yes"}
creation:
  grant:
    - {resources: [thing], namespaces: ["org.*", "no"], subjects: ["acme:*"], definitions: ["a:?:1", null, "null"]}
    - {}
  revoke: [{subjects: ["yes:1"]}]
`,
		"nobody makes anything":    "creation: {grant: []}\n",
		"nearly all make anything": "creation: {revoke: [{subjects: [\"a:b\"]}]}\n",
		"no rules":                 "acl: []\n",
	} {
		t.Run(name, func(t *testing.T) {
			if name == "much" {
				text = strings.Replace(text, "sync: 90s", "sync: 200ms", 1)
			}
			first := load(t, write(t, text), Flags{})
			var shown strings.Builder
			if err := first.WriteYAML(&shown); err != nil {
				t.Fatal(err)
			}
			second := load(t, write(t, shown.String()), Flags{})
			second.File, second.places, second.Rules, second.Published, second.Granted = first.File, first.places, first.Rules, first.Published, first.Granted
			second.HTTP.Default = first.HTTP.Default // what is shown was asked for
			again := new(strings.Builder)
			if err := second.WriteYAML(again); err != nil {
				t.Fatal(err)
			}
			if again.String() != shown.String() {
				t.Errorf("shown first:\n%s\nand then:\n%s", shown.String(), again)
			}
			for i := range first.Mappings { // equal by their text, not by how it is held
				a, b := &first.Mappings[i], &second.Mappings[i]
				for j := range a.Set {
					same(&a.Set[j].Value, b.Set[j].Value)
				}
				for j := range a.Headers {
					same(&a.Headers[j].Value, b.Headers[j].Value)
				}
				if a.Create != nil {
					same(&a.Create.Definition, b.Create.Definition)
					same(&a.Create.Attributes, b.Create.Attributes)
				}
			}
			if len(first.History.Headers) == 0 {
				first.History.Headers = second.History.Headers
			}
			if !reflect.DeepEqual(first, second) {
				t.Errorf("%+v\nis not\n%+v\nshown:\n%s", first, second, shown.String())
			}
		})
	}
}

func example(t testing.TB) string {
	t.Helper()
	text, err := os.ReadFile("../../../config.example.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// same makes a value the other one where both have the same text.
func same(a **jsondoc.Value, b *jsondoc.Value) {
	if *a != nil && b != nil && (*a).String() == b.String() {
		*a = b
	}
}

func TestTheExampleHasEveryKeyAndNoProblem(t *testing.T) {
	text := example(t)
	load(t, write(t, text), Flags{})
	var keys []string
	for _, s := range settings {
		keys = append(keys, s.key)
	}
	keys = append(keys, sections...)
	keys = append(keys, "include", "address", "origins", "tls", "cert", "key", "client_ca", "client_auth", "crl", "anonymous", "certificates", "username", "jwt", "alias", "issuer", "jwks_file", "jwks_url", "jwks_ca", "audience", "leeway", "admin_subjects", "client_ids", "ids", "connections", "grant", "revoke", "resources", "definitions",
		"topic", "format", "thing", "when", "each", "set", "value", "expr", "nulls", "headers", "create", "policy", "definition", "attributes", "reply", "relay",
		"subjects", "signals", "namespaces", "path", "filter", "extraFields", "payload", "qos", "retain", "to", "headers", "state_on_subscribe")
	for _, key := range keys {
		name := key[strings.LastIndexByte(key, '.')+1:]
		if !strings.Contains(text, " "+name+":") && !strings.Contains(text, "{"+name+":") && !strings.Contains(text, "\n"+name+":") {
			t.Errorf("the example does not have %s", key)
		}
	}
	defaults := load(t, "", Flags{})
	shown := load(t, write(t, text), Flags{})
	if defaults.Limits != shown.Limits || defaults.Store != shown.Store || defaults.Topics != shown.Topics || defaults.Log != shown.Log {
		t.Errorf("the example's settings are not the defaults: %+v", shown)
	}
}

// What the file and the environment say of who may make Things and Policies.
func TestWhoMayMakeThingsAndPolicies(t *testing.T) {
	all := policy.CreationRule{}
	ann := policy.CreationRule{Subjects: []string{"user:ann"}}
	for text, want := range map[string]*policy.Creation{
		"\n": nil,
		"creation: {revoke: [{subjects: [\"user:ann\"]}]}\n": {Grant: []policy.CreationRule{all}, Revoke: []policy.CreationRule{ann}},
		"creation: {grant: [{subjects: [\"user:ann\"]}]}\n":  {Grant: []policy.CreationRule{ann}},
		"creation: {grant: []}\n":                            {},
		"creation: {grant: [{definitions: [null, x]}]}\n":    {Grant: []policy.CreationRule{{Definitions: []string{"", "x"}}}},
	} {
		if got := load(t, write(t, text), Flags{}).Creation; !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v", text, got)
		}
	}
	t.Setenv("TWINBROKER_CREATION_REVOKE", `[{"subjects": ["user:ann"]}]`)
	want := &policy.Creation{Grant: []policy.CreationRule{all}, Revoke: []policy.CreationRule{ann}}
	if got := load(t, write(t, "\n"), Flags{}).Creation; !reflect.DeepEqual(got, want) {
		t.Errorf("by the environment: %+v", got)
	}
}
