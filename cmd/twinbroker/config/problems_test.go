package config

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestEveryProblemHasItsLineAndKey(t *testing.T) {
	for _, test := range []struct {
		name, text string
		want       string // lines; "…" stands for anything
	}{
		{"unknown keys", "htp: {}\nlog:\n  levle: info\n", `config.yaml:1: htp: is not a key of the configuration; did you mean "http"?
config.yaml:3: log.levle: is not a key of the configuration; did you mean "level"?`},
		{"the case of a key matters", "Data_Dir: x", `config.yaml:1: Data_Dir: is not a key of the configuration; did you mean "data_dir"?`},
		{"an unknown key that resembles none", "log: {xyzzy: 1}", `config.yaml:1: log.xyzzy: is not a key of the configuration; known here: level, format`},
		{"a key twice", "log:\n  level: info\n  level: warn\ndata_dir: a\ndata_dir: b\n", `config.yaml:3: log.level: is there twice, first in line 2
config.yaml:5: data_dir: is there twice, first in line 4`},
		{"not YAML", "a: [\n", "config.yaml:1: is not YAML: did not find expected node content"},
		{"bad indentation", "log:\n  level: info\n format: text\n", "config.yaml:3: is not YAML: did not find expected key: here, or in what begins here, a line begins further left…"},
		{"a list that is indented otherwise", "log: {}\nmappings:\n  - topic: a\n   thing: b\n", "config.yaml:3: is not YAML: did not find expected '-' indicator: here, or in what begins here…"},
		{"a letter that is none", "log: {}\nmappings:\n  - topic: @a\n", "config.yaml:3: is not YAML: found character that cannot start any token"},
		{"an expression without quotes", "mappings:\n  - topic: a\n    set:\n      /attributes/a: {expr: payload.meas[0].v}\n",
			"config.yaml:4: is not YAML: did not find expected ',' or '}': put the whole expression in quotes, as in {expr: '…'}"},
		{"an expression that begins with quotes", "mappings:\n  - topic: a\n    set: {/attributes/a: {expr: \"x\" + payload.v}}\n",
			"config.yaml:3: is not YAML: did not find expected ',' or '}': put the whole expression in quotes…"},
		{"a map that is open, with an expression in quotes", "mappings:\n  - topic: a\n    set: {/attributes/a: {expr: 'x'}\n    thing: b\n",
			"config.yaml:3: is not YAML: did not find expected ',' or '}'"},
		{"placeholders without quotes", "mappings:\n  - topic: a/{d}\n    thing: {{ d }}\n    set: {/attributes/a: {value: {{ d }}}, /attributes/b: {{ d }}, /attributes/c: /c}\n",
			`config.yaml:3: mappings[0].thing: is a map to YAML: put the whole text in quotes, as in "{{ … }}"
config.yaml:4: mappings[0].set["/attributes/a"]: is a map to YAML…
config.yaml:4: mappings[0].set["/attributes/b"]: is a map to YAML…`},
		{"two documents", "data_dir: x\n---\ndata_dir: y\n", "config.yaml:…: is a second YAML document…"},
		{"a merge of maps", "log: &l {level: info}\nhttp: {<<: *l}\n", "config.yaml:2: http: has the key <<, which merges maps in some YAML programs…"},
		{"a list", "- a\n", "config.yaml:1: is a list, but should be a map of keys and values"},
		{"a text", "hello", `config.yaml:1: is "hello", but should be a map of keys and values`},
		{"a map for a value", "data_dir: {a: b}", "config.yaml:1: data_dir: is a map, but should be a single value"},
		{"a value for a map", "log: info", `config.yaml:1: log: is "info", but should be a map of keys and values`},
		{"a value for a list", "listeners: tcp://x:1", `config.yaml:1: listeners: is "tcp://x:1", but should be a list`},
		{"sizes", "store: {memory: 12QB}\nlimits:\n  packet_size: -1\n  thing_size: 99999999TiB\n", `config.yaml:1: store.memory: "12QB" is not a size such as 16MiB, 100KB or 512
config.yaml:3: limits.packet_size: "-1" is not a size such as 16MiB, 100KB or 512
config.yaml:4: limits.thing_size: "99999999TiB" is more than can be counted`},
		{"too little memory", "store: {memory: 1KiB}", "config.yaml:1: store.memory: 1KiB is too little: it takes at least 1MiB"},
		{"a boolean", "history: {forget_deleted: maybe}", `config.yaml:1: history.forget_deleted: "maybe" is neither true nor false`},
		{"durations", "store: {sync: often, patience: 10}\nhistory: {retention: -1h}", `config.yaml:1: store.sync: "often" is neither always nor a duration such as 200ms
config.yaml:1: store.patience: "10" is not a duration such as 200ms, 10s or 72h
config.yaml:2: history.retention: "-1h" is not a duration such as 200ms, 10s or 72h`},
		{"a long sync", "store: {sync: 2m}", "config.yaml:1: store.sync: 2m is too long: …"},
		{"words", "log: {level: verbose, format: jsn}\ntopics: {state_payload: raw}", `config.yaml:1: log.level: "verbose" is not one of debug, info, warn, error
config.yaml:1: log.format: "jsn" is not one of text, json; did you mean "json"?
config.yaml:2: topics.state_payload: "raw" is not one of plain, json`},
		{"roots", "topics:\n  root: a/+/b\n  state: $twin\n", `config.yaml:2: topics.root: "a/+/b" has a wildcard…
config.yaml:3: topics.state: "$twin" begins with $…`},
		{"roots within each other", "topics: {root: a, state: a/b}", `config.yaml:1: topics.state: "a/b" and topics.root "a" lie within each other…`},
		{"an empty data_dir", `data_dir: ""`, "config.yaml:1: data_dir: is empty"},
		{"a count", "limits: {clients: many}", `config.yaml:1: limits.clients: "many" is not a count: a whole number, 0 for no limit`},
		{"addresses", "http: {address: 8080}\nlisteners:\n  - address: 0.0.0.0:1883\n  - address: mqtt://x:1\n  - address: tcp://x\n  - address: tcp://x:99999\n  - address: tcp://x:1/y\n  - {}\n  - address: http://x:1\n  - address: tcp://u@x:1\n",
			`config.yaml:1: http.address: "8080" is not host:port; off turns it off
config.yaml:3: listeners[0].address: "0.0.0.0:1883" is not an address such as tcp://0.0.0.0:1883
config.yaml:4: listeners[1].address: "mqtt://x:1": write tcp:// for mqtt://
config.yaml:5: listeners[2].address: "x" is not host:port
config.yaml:6: listeners[3].address: "x:99999" has the port "99999", which is not a number up to 65535
config.yaml:7: listeners[4].address: "tcp://x:1/y" has a path, which only ws:// and wss:// have
config.yaml:8: listeners[5].address: is missing: where to listen, such as tcp://0.0.0.0:1883
config.yaml:9: listeners[6].address: "http://x:1" begins with "http", which is not one of tcp, tls, ws, wss
config.yaml:10: listeners[7].address: "tcp://u@x:1" has more than scheme, host, port and path`},
		{"no listeners", "listeners: []", "config.yaml:1: listeners: is an empty list: …"},
		{"an address twice", "listeners: [{address: \"tcp://127.0.0.1:1\"}, {address: \"ws://127.0.0.1:1/x\"}]\nhttp: {address: \"127.0.0.1:1\"}",
			"config.yaml:1: listeners[1].address: 127.0.0.1:1 is the address of listeners[0] already\nconfig.yaml:2: http.address: 127.0.0.1:1 is the address of listeners[0] already\nconfig.yaml:2: http.address: 127.0.0.1:1 is the address of listeners[1] already"},
		{"TLS where it has no use, and not where it is needed", "listeners:\n  - {address: \"tcp://x:1\", tls: {cert: a, key: b}, origins: [\"*\"]}\n  - {address: \"tls://x:2\"}\n",
			"config.yaml:2: listeners[0].tls: has no use with tcp://x:1…\nconfig.yaml:2: listeners[0].origins: has no use…\nconfig.yaml:3: listeners[1].tls: is missing…"},
		{"certificates", "listeners:\n  - address: wss://x:1\n    tls:\n      cert: /nowhere/c.pem\n      key: /nowhere/k.pem\n      client_auth: always\n  - address: tls://x:2\n    tls: {cert: /nowhere/c.pem, client_auth: require, client_ca: /nowhere/ca.pem, crls: x}\n    origins: []\n",
			`config.yaml:4: listeners[0].tls.cert: /nowhere/c.pem cannot be read: no such file or directory
config.yaml:5: listeners[0].tls.key: /nowhere/k.pem cannot be read: no such file or directory
config.yaml:6: listeners[0].tls.client_auth: "always" is not one of none, request, require
config.yaml:8: listeners[1].tls.crls: is not a key of the configuration; did you mean "crl"?
config.yaml:8: listeners[1].tls.key: is missing: the file of the private key (PEM)
config.yaml:8: listeners[1].tls.client_ca: /nowhere/ca.pem cannot be read: no such file or directory`},
		{"origins", "listeners:\n  - address: ws://127.0.0.1:1\n    origins: [app.example.org, \"https://a/b\", \"*\"]\n",
			"config.yaml:3: listeners[0].origins[0]: \"app.example.org\" is not an origin…\nconfig.yaml:3: listeners[0].origins[1]: \"https://a/b\" is not an origin…"},
		{"empty in a list", "auth:\n  anonymous:\n    - a:b\n    -\n", "config.yaml:4: auth.anonymous[1]: is empty"},
		{"what is not there yet", `acl: []
provision: {mode: enforce}
connections: [{id: x}]
auth:
  users_file: x
  certificates: {}
  jwt: [{alias: user}]
  admin_subjects: [x]
limits: {state_on_subscribe: 5}
mappings:
  - topic: a
    thing: a:b
    set:
      /attributes/a: {expr: "1"}
publications:
  - topic: a
    signals: [live/messages]
`, `config.yaml:3: connections: is not supported yet…
config.yaml:5: auth.users_file: x cannot be read: no such file or directory; twinbroker passwd x NAME makes it
config.yaml:6: auth.certificates.subjects: is missing…
config.yaml:6: auth.certificates: warning: has no effect: no listener asks for certificates…
config.yaml:7: auth.jwt[0].alias: "user" is what other subjects begin with…
config.yaml:7: auth.jwt[0].issuer: is missing…
config.yaml:7: auth.jwt[0].jwks_file: is missing…
config.yaml:7: auth.jwt[0].audience: warning: is missing…
config.yaml:7: auth.jwt[0].subjects: is missing…
config.yaml:8: auth.admin_subjects[0]: "x" is not a subject…
config.yaml:9: limits.state_on_subscribe: is not supported yet…
config.yaml:16: publications[0].subjects: is missing…
config.yaml:17: publications[0].signals[0]: live/messages is not supported yet…`},
		{"rules for identifiers", `auth:
  users_file: x
  client_ids:
    - {{ client:username }}
    - x
    - {subject: [a:b], ids: [user:x]}
    - {subjects: [a:b]}
acl:
  - {subjects: [user:a], publish: ["x/{{ client:id }}"]}
`, `config.yaml:2: auth.users_file: x cannot be read…
config.yaml:4: auth.client_ids[0]: is a map to YAML…
config.yaml:6: auth.client_ids[2].subject: is not a key of the configuration; did you mean "subjects"?
config.yaml:6: auth.client_ids[2].ids[0]: warning: "user:x" never fits…
config.yaml:7: auth.client_ids[3].ids: is missing…
config.yaml:7: auth.client_ids[3].subjects[0]: warning: "a:b" is a subject that no client can have…`},
		{"rules for topics", `acl:
  - subjects: [group:a]
    publish: ["devices/{{ client:username }}/#", "a#"]
    subscribe: ["{{ jwt:sub }}/x", ditto/#, "x/{{ client:id }}"]
  - publish: [a]
    subscibe: [b]
  - {subjects: ["*"]}
`, `config.yaml:3: acl[0].publish[1]: filter "a#": # stands alone in the last level
config.yaml:4: acl[0].subscribe[0]: "{{ jwt:sub }}/x": {{ jwt:sub }} is not a placeholder of rules: these are {{ client:id }} and {{ client:username }}
config.yaml:4: acl[0].subscribe[1]: warning: "ditto/#" says nothing: below ditto Policies decide
config.yaml:4: acl[0].subscribe[2]: warning: "x/{{ client:id }}": clients choose their identifiers themselves…
config.yaml:5: acl[1].subjects: is missing…
config.yaml:6: acl[1].subscibe: is not a key of the configuration; did you mean "subscribe"?
config.yaml:7: acl[2].subjects[0]: warning: "*": a subject is taken as it is…
config.yaml:7: acl[2]: warning: grants nothing…`},
		{"who may make what", `creation:
  grant:
    - {resources: [thing, polcy], namespaces: ["org.acme*", "org.acme:lamp"], subject: [a]}
    - resources: message
  revok: []
`, `config.yaml:3: creation.grant[0].resources[1]: "polcy" is not one of thing, policy; did you mean "policy"?
config.yaml:3: creation.grant[0].namespaces[1]: "org.acme:lamp" is no pattern of namespaces…
config.yaml:3: creation.grant[0].subject: is not a key of the configuration; did you mean "subjects"?
config.yaml:4: creation.grant[1].resources: is "message", but should be a list
config.yaml:5: creation.revok: is not a key of the configuration; did you mean "revoke"?`},
		{"nobody told who may make what", "creation:\n", "config.yaml:1: creation: is empty…"},
		{"a file of rules that is not there", "acl_file: nowhere.conf\n", "config.yaml:1: acl_file: nowhere.conf cannot be read: no such file or directory"},
		{"publications without subjects", "acl: []\npublications:\n  - {topic: a}\n  - {topic: b, subjects: [\"group:x\"]}\n",
			"config.yaml:3: publications[0].subjects: is missing: what these may READ is published…(acl is set)"},
		{"filters and extra fields, with the character", `publications:
  - topic: a
    filter: "and(gt(attributes/x,5),eq(foo,1))"
    extraFields: "attributes/a,atributes/b"
  - topic: b
    filter: "exists("
  - topic: c
    filter: "eq(attributes/a, 1)"
    extraFields: attributes(a
  - topic: d
    extraFields: "{{ x:y }}"
  - topic: e
    payload: {expr: extra.attributes.a}
`, `config.yaml:3: publications[0].filter: RQL at character 27: no property "foo": there are…
config.yaml:4: publications[0].extraFields: field selector at character 14: a Thing has no field "atributes": there are thingId, …
config.yaml:6: publications[1].filter: RQL at character 8: the text ends where a property should be
config.yaml:8: publications[2].filter: RQL at character 17: ' ' where a value…
config.yaml:9: publications[2].extraFields: field selector at character 11: this parenthesis is not closed…
config.yaml:11: publications[3].extraFields: has {{ x:y }}: there is no such placeholder here; known are feature:id, …
config.yaml:13: publications[4].payload.expr: uses extra, which…`},
		{"mappings", `mappings:
  - topic: ditto/x
    thing: "a:{{ y }}"
    set:
      /attributes/a: 5
      /attributes/b:
      /attributes/c: [1]
      /attributes/d: {}
      /attributes/e: {value: .inf}
      /attributes/f: {value: 1, valeu: 2}
      /attributes/f: x
      /attributes/g: {value: {a: 1, a: 2}}
      /temp: /x
    create:
  - 5
  - topic: b
`, `config.yaml:2: mappings[0].topic: takes from the tree ditto/…, which is the twin's own
config.yaml:3: mappings[0].thing: has {{ y }}: there is no such capture…
config.yaml:5: mappings[0].set["/attributes/a"]: is 5: write {value: 5} for a constant
config.yaml:6: mappings[0].set["/attributes/b"]: is empty: write "" for the whole payload…
config.yaml:7: mappings[0].set["/attributes/c"]: is a list, but should be a JSON pointer into the payload, {expr: …} or {value: …}
config.yaml:8: mappings[0].set["/attributes/d"]: is an empty map…
config.yaml:9: mappings[0].set["/attributes/e"]: has the number .inf, which JSON does not have
config.yaml:10: mappings[0].set["/attributes/f"].valeu: is not a key of the configuration; did you mean "value"?
config.yaml:11: mappings[0].set["/attributes/f"]: is there twice, first in line 10
config.yaml:12: mappings[0].set["/attributes/g"]: has the key "a" twice
config.yaml:13: mappings[0].set["/temp"]: leads to no place of a thing…
config.yaml:14: mappings[0].create: is empty: write {}…
config.yaml:15: mappings[1]: is "5", but should be a map of keys and values
config.yaml:16: mappings[2].thing: is missing…
config.yaml:16: mappings[2].set: is missing…`},
		{"publications", "publications:\n  - topic: twin/x\n    qos: high\n    retain: \"yes\"\n  - path: /attributes/a\n    qos: 3\n", `config.yaml:2: publications[0].topic: goes into the tree twin/…, which is the twin's own
config.yaml:3: publications[0].qos: is "high", but should be a whole number
config.yaml:4: publications[0].retain: is "yes", but should be true or false
config.yaml:5: publications[1].topic: is missing…
config.yaml:6: publications[1].qos: 3 is not one of 0, 1, 2`},
		{"expressions of publications", `publications:
  - topic: a
    payload: {expr: "value +"}
  - topic: b
    payload: {}
  - topic: c
    payload:
      expr: "valeu * 2"
      exp: 1
`, `config.yaml:3: publications[0].payload.expr: the expression ends too early: something is missing here (line 1, column 7)
config.yaml:5: publications[1].payload: is a map without an expression…
config.yaml:8: publications[2].payload.expr: unknown name valeu (line 1, column 1): did you mean value?…
config.yaml:9: publications[2].payload.exp: is not a key…`},
		{"what is likely a mistake", `mappings:
  - topic: a/{device}
    thing: "x:{{ device }}"
    set:
      /attributes/a: /a
  - topic: a/lamp
    thing: x:lamp
    set:
      /attributes/b: /b
      /attributes/a: /b
publications:
  - topic: a/{{ thing:name }}
  - topic: b
    to: c
    retain: true
`, `config.yaml:10: mappings[1].set["/attributes/a"]: warning: writes over what mappings[0] (a/{device}) writes with the same message
config.yaml:12: publications[0].topic: warning: can be one that mappings[1] (a/lamp) and one other take in…
config.yaml:15: publications[1].retain: warning: has no effect beside to…`},
		{"an alias that leads to itself", "mappings:\n  - topic: a\n    thing: a:b\n    set: {/attributes/a: {value: &x [*x]}}\n", "config.yaml:…: …"},
		{"anonymous clients from anywhere", "auth: {anonymous: [a:b]}\nlisteners: [{address: \"tcp://0.0.0.0:1883\"}]", "config.yaml:1: auth.anonymous: warning: lets in clients without credentials, and tcp://0.0.0.0:1883 can be reached from other machines…"},
		{"limits that exclude each other", "limits:\n  packet_size: 1KiB\n  message_size: 2KiB\n  thing_size: 3KiB\n", `config.yaml:3: limits.message_size: warning: is never reached: limits.packet_size is 1KiB
config.yaml:4: limits.thing_size: warning: is more than limits.message_size, 2KiB…`},
		{"a packet larger than MQTT has", "limits: {packet_size: 1GiB}", "config.yaml:1: limits.packet_size: 1GiB is more than…"},
	} {
		t.Run(test.name, func(t *testing.T) {
			file := write(t, test.text)
			_, problems := Load(file, Flags{})
			got, want := strings.Split(told(problems, file), "\n"), strings.Split(test.want, "\n")
			for i := range max(len(got), len(want)) {
				switch {
				case i >= len(got):
					t.Errorf("missing: %s", want[i])
				case i >= len(want):
					t.Errorf("too much: %s", got[i])
				case !fits(got[i], want[i]):
					t.Errorf("got  %s\nwant %s", got[i], want[i])
				}
			}
		})
	}
}

// fits says whether the text is the pattern, in which … stands for anything.
func fits(text, pattern string) bool {
	if text == pattern {
		return true
	}
	parts := strings.Split(pattern, "…")
	for i, part := range parts {
		at := strings.Index(text, part)
		if at < 0 || i == 0 && at > 0 {
			return false
		}
		text = text[at+len(part):]
	}
	return len(parts) > 1
}

func TestProblemsOfEnvironmentAndFlags(t *testing.T) {
	t.Setenv("TWINBROKER_LIMITS_CLIENTS", "x")
	t.Setenv("TWINBROKER_HISTORY_HEADERS", "correlation-id")
	t.Setenv("TWINBROKER_MAPPINGS", `[{"topic":"+"}`)
	t.Setenv("TWINBROKER_PUBLICATIONS", `[{"topic":"+"}]`)
	t.Setenv("TWINBROKER_ACL", `[{"subjects":["a:b"],"publish":["#/a"]}]`)
	t.Setenv("TWINBROKER_HTP_ADDRESS", "off")
	t.Setenv("TWINBROKER_AUTH_USERS_FILE", "x")
	t.Setenv("TWINBROKER_AUTH_CLIENT_IDS", `["lamp-1", {"ids": []}]`)
	t.Setenv("TWINBROKER_PORT_1883_TCP_ADDR", "10.0.0.1")
	level := "loud"
	_, problems := Load("", Flags{LogLevel: &level, Listen: []string{"tls://127.0.0.1:1", "x"}})
	for _, want := range []string{
		`TWINBROKER_LIMITS_CLIENTS: limits.clients: "x" is not a count…`,
		`TWINBROKER_HISTORY_HEADERS: history.headers: is "correlation-id", but should be a list in JSON…`,
		`TWINBROKER_MAPPINGS: mappings: is not YAML…`,
		`TWINBROKER_PUBLICATIONS: publications[0].topic: has '+'…`,
		`TWINBROKER_PUBLICATIONS: publications[0].subjects: is missing…`,
		`TWINBROKER_ACL: acl[0].publish[0]: filter "#/a"…`,
		`TWINBROKER_HTP_ADDRESS: warning: is not a setting and does nothing; did you mean TWINBROKER_HTTP_ADDRESS?`,
		`TWINBROKER_AUTH_USERS_FILE: auth.users_file: x cannot be read…`,
		`TWINBROKER_AUTH_CLIENT_IDS: auth.client_ids[1].ids: is missing…`,
		`--log-level: log.level: "loud" is not one of…`,
		`--listen: listeners[0].tls: is missing…`,
		`--listen: listeners[1].address: "x" is not an address…`,
	} {
		found := false
		for _, p := range problems {
			found = found || fits(p.String(), want)
		}
		if !found {
			t.Errorf("missing: %s", want)
		}
	}
	if len(problems) != 12 {
		t.Errorf("%d problems:\n%s", len(problems), problems)
	}
}

func TestAFileThatIsNotThere(t *testing.T) {
	c, problems := Load("/nowhere/config.yaml", Flags{})
	if c != nil || len(problems) != 1 || !strings.Contains(problems[0].String(), "/nowhere/config.yaml: cannot be read: no such file or directory; name the configuration with -c FILE") {
		t.Errorf("got %v", problems)
	}
}

func TestErrIsOneLine(t *testing.T) {
	for _, test := range []struct {
		problems Problems
		want     string
	}{
		{nil, ""},
		{Problems{{Text: "a", Warning: true}}, ""},
		{Problems{{Text: "a", Warning: true}, {Place: "f:1", Key: "k", Text: "b"}}, "f:1: k: b"},
		{Problems{{Text: "a"}, {Text: "b"}, {Text: "c"}}, "a (and 2 more: see twinbroker config check)"},
	} {
		got := ""
		if err := test.problems.Err(); err != nil {
			got = err.Error()
		}
		if got != test.want {
			t.Errorf("got %q, want %q", got, test.want)
		}
	}
}

func TestCertificatesAreTried(t *testing.T) {
	good, goodKey := certificate(t, time.Now().Add(time.Hour))
	old, oldKey := certificate(t, time.Now().Add(-time.Hour))
	for _, test := range []struct{ name, cert, key, ca, want string }{
		{"all is well", good, goodKey, good, ""},
		{"the key of another", good, oldKey, good, "are not a certificate and its key"},
		{"an authority that is a key", good, goodKey, goodKey, "has no certificate in PEM in it"},
		{"expired", old, oldKey, good, "warning: " + old + " has expired"},
	} {
		t.Run(test.name, func(t *testing.T) {
			file := write(t, "listeners:\n  - address: tls://127.0.0.1:1\n    tls: {cert: "+test.cert+", key: "+test.key+", client_ca: "+test.ca+", client_auth: request}\n")
			_, problems := Load(file, Flags{})
			if got := problems.String(); !strings.Contains(got, test.want) || test.want == "" && got != "" {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

// certificate makes a certificate with its key and gives their files.
func certificate(t testing.TB, until time.Time) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: until.Add(-time.Hour), NotAfter: until}
	public, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, file := range []struct {
		path *string
		name string
		kind string
		der  []byte
	}{{&cert, "cert.pem", "CERTIFICATE", public}, {&key, "key.pem", "PRIVATE KEY", secret}} {
		*file.path = filepath.Join(dir, file.name)
		if err := os.WriteFile(*file.path, pem.EncodeToMemory(&pem.Block{Type: file.kind, Bytes: file.der}), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return cert, key
}

func FuzzLoad(f *testing.F) {
	f.Add(example(f))
	f.Add("mappings:\n  - {topic: a, thing: a:b, set: {/attributes/a: {value: &x [*x, 0x1F, .5, 2026-01-01, !!binary aGk=]}}}\n")
	f.Add("<<: {data_dir: x}\n? [a]\n: b\n---\n")
	f.Add("auth: &a {anonymous: [*a]}\nlog: *a\n")
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, text string) {
		d := &decoder{places: places{}, place: func(int) string { return "" }}
		c := &Config{places: d.places}
		scalars := c.decode(d, d.document([]byte(text), ""))
		problems := append(d.problems, c.settle(scalars, nil)...)
		c.defaults(Flags{})
		c.Listeners = nil // their certificates could be any file
		problems = append(problems, c.Check()...)
		if len(problems.Errors()) > 1 { // one is that of the listeners
			return
		}
		var shown strings.Builder
		if err := c.WriteYAML(&shown); err != nil {
			t.Fatalf("%v: cannot be shown: %q", err, text)
		}
		file := filepath.Join(dir, "shown.yaml")
		yaml := strings.Replace(shown.String(), "listeners: []\n", "", 1)
		if err := os.WriteFile(file, []byte(yaml), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, problems := Load(file, Flags{}); len(problems.Errors()) > 0 {
			t.Errorf("%q is shown as\n%s\nwhich has problems:\n%s", text, shown.String(), problems)
		}
	})
}
