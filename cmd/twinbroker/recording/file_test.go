package recording

import (
	"bytes"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/twinbroker/twinbroker/twin/jsondoc"
)

func write(t *testing.T, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "messages.yaml")
	if err := os.WriteFile(name, []byte(text), 0o640); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestWhatIsAppendedIsReadAgain(t *testing.T) {
	at := time.Date(2026, 7, 1, 12, 0, 0, 42_000_000, time.UTC)
	messages := []Message{
		{Topic: "a/b", Payload: []byte(`{"temp":21.50,"text":"it's: # fine"}`), Time: at},
		{Topic: "a/b", Payload: []byte("21.50"), QoS: 1, Retain: true, Time: at},
		{Topic: "a/b", Payload: []byte("true"), QoS: 2, Time: at},
		{Topic: "a/ b: #c", Payload: []byte(" two\nlines \n"), Time: at},
		{Topic: "ä/🌡", Payload: []byte("~\t\x00\u2028ü"), Time: at},
		{Topic: "a", Payload: []byte{}, Time: at},
		{Topic: "a", Payload: []byte("\xff\x00\x01"), Time: at},
		{
			Topic: "a", Payload: []byte("ON"), ContentType: "text/plain", ReplyTo: "r/1", Correlation: "no 7",
			Properties: []Property{{"unit", "°C"}, {"n", "1"}, {"n", "true"}, {"n", ""}}, Client: "007", Username: "null", Time: at,
		},
	}
	var text bytes.Buffer
	text.WriteString("# a comment\n")
	for i := range messages {
		if err := Append(&text, &messages[i]); err != nil {
			t.Fatal(err)
		}
	}
	file, err := Read(write(t, text.String()))
	if err != nil {
		t.Fatalf("%v\n%s", err, text.String())
	}
	if len(file.Entries) != len(messages) {
		t.Fatalf("%d entries of %d", len(file.Entries), len(messages))
	}
	for i, e := range file.Entries {
		if !reflect.DeepEqual(e.Message, messages[i]) {
			t.Errorf("wrote %+v\nread  %+v\n%s", messages[i], e.Message, text.String())
		}
	}
}

func TestPeopleWriteEntriesAsTheyLike(t *testing.T) {
	file, err := Read(write(t, `
- topic: a
  payload: 21.50
- {topic: b, payload_base64: &bytes "/wA=", qos: 1, retain: true, time: 2026-07-01T12:00:00+02:00}
- envelope: {topic: org.acme/lamp/things/twin/events/modified, path: /attributes/n, value: 1.50}
  thing: {attributes: {}}
- envelope: '{"topic":"a/b/things/twin/events/deleted","path":"/"}'
- {topic: c, payload_base64: *bytes}
`))
	if err != nil {
		t.Fatal(err)
	}
	e := file.Entries
	if string(e[0].Message.Payload) != "21.50" || !e[0].Message.Time.Equal(Standstill) || e[0].Place() != file.Name+":2" {
		t.Errorf("%+v", e[0].Message)
	}
	if m := e[1].Message; string(m.Payload) != "\xff\x00" || m.QoS != 1 || !m.Retain || m.Time.UTC().Hour() != 10 {
		t.Errorf("%+v", m)
	}
	if e[2].Envelope.String() != `{"topic":"org.acme/lamp/things/twin/events/modified","path":"/attributes/n","value":1.50}` ||
		e[2].Thing.String() != `{"attributes":{}}` || e[2].Name() != "org.acme/lamp/things/twin/events/modified" {
		t.Errorf("%s", e[2].Envelope)
	}
	if string(e[4].Message.Payload) != "\xff\x00" {
		t.Errorf("%+v", e[4].Message)
	}
	if e[3].Name() != "a/b/things/twin/events/deleted" {
		t.Errorf("%s", e[3].Envelope)
	}
}

func TestARecordingThatIsNoneSaysWhere(t *testing.T) {
	for _, c := range []struct{ text, line, problem string }{
		{"", "", "holds no messages"},
		{"topic: a", ":1", "not a list"},
		{"[]", ":1", "not a list"},
		{"- topic: a\n- b", ":2", "not a message"},
		{"- topic: a\n  payloud: x", ":2: payloud", "payload_base64"},
		{"- topic: a\n  payload: {a: 1}", ":2: payload", "single quotes"},
		{"- topic: a\n  payload: x\n  payload: y", ":3: payload", "twice"},
		{"- topic: a\n  payload: x\n  payload_base64: eA==", ":1", "both"},
		{"- payload: x", ":1", "no topic"},
		{"- topic: ''", ":1: topic", "empty"},
		{"- topic: a\n  payload_base64: '*'", ":2: payload_base64", "not base64"},
		{"- topic: a\n  qos: 3", ":2: qos", "0, 1, 2"},
		{"- topic: a\n  retain: maybe", ":2: retain", "bool"},
		{"- topic: a\n  time: noon", ":2: time", "2026-"},
		{"- topic: a\n  properties: [x]", ":2: properties", "map"},
		{"- topic: a\n  properties: {x: {y: 1}}", ":2: properties: x", "text"},
		{"- topic: a\n  envelope: {}", ":1", "one of them"},
		{"- envelope: 7", ":1: envelope", "not an object"},
		{"- envelope: '{'", ":1: envelope", ""},
		{"- topic: a\n  : x\n ] {", "", "not YAML"},
		{"- topic: a\n---\n- topic: b", "", "more than one"},
	} {
		name := write(t, c.text)
		_, err := Read(name)
		if err == nil || !strings.HasPrefix(err.Error(), name+c.line) || !strings.Contains(err.Error(), c.problem) {
			t.Errorf("%q: %v, want %s … %q", c.text, err, c.line, c.problem)
		}
	}
	if _, err := Read(filepath.Join(t.TempDir(), "none.yaml")); err == nil {
		t.Error("a file that is not there was read")
	}
}

func value(t *testing.T, text string) *jsondoc.Value {
	t.Helper()
	v, err := jsondoc.ParseString(text)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestCompareTellsTheLineOfWhatDiffers(t *testing.T) {
	name := write(t, `- topic: a
  expect:
    changes:
      - mapping: x
        value: {a: 1.50, b: "1", c: null, d: [1, 2]}
      - mapping: y
`)
	for _, c := range []struct {
		name, result string
		want         []string
	}{
		{"the same in another order", `{"changes":[{"value":{"b":"1","a":1.5,"d":[1,2],"c":null},"mapping":"x"},{"mapping":"y"}]}`, nil},
		{"a value", `{"changes":[{"mapping":"x","value":{"a":2,"b":"1","c":null,"d":[1,2]}},{"mapping":"y"}]}`,
			[]string{":5: /changes/0/value/a: expected 1.50, got 2"}},
		{"a kind", `{"changes":[{"mapping":"x","value":{"a":1.5,"b":1,"c":null,"d":{}}},{"mapping":"y"}]}`,
			[]string{`:5: /changes/0/value/b: expected "1", got 1`, `:5: /changes/0/value/d: expected [1,2], got {}`}},
		{"what is missing", `{"changes":[{"mapping":"x","value":{"a":1.5,"b":"1","c":null,"d":[1]}}]}`,
			[]string{`:5: /changes/0/value/d/1: expected 2, got nothing`, `:6: /changes/1: expected {"mapping":"y"}, got nothing`}},
		{"what is too much", `{"changes":[{"mapping":"x","value":{"a":1.5,"b":"1","c":null,"d":[1,2,3],"e":0}},{"mapping":"y"}],"more":true}`,
			[]string{`:5: /changes/0/value/d/2: expected nothing, got 3`, `:5: /changes/0/value/e: expected nothing, got 0`, `:3: /more: expected nothing, got true`}},
	} {
		t.Run(c.name, func(t *testing.T) {
			file, err := Read(name)
			if err != nil {
				t.Fatal(err)
			}
			differences, err := file.Entries[0].Compare(value(t, c.result))
			var got []string
			for _, d := range differences {
				got = append(got, strings.TrimPrefix(d.String(), name))
			}
			if err != nil || !reflect.DeepEqual(got, c.want) {
				t.Errorf("%q, %v", got, err)
			}
		})
	}
}

func TestTheNumberOfAMappingIsNoDifference(t *testing.T) {
	file, err := Read(write(t, "- topic: a\n  expect: {nothing: 'no: mappings[3] (a/{b}): empty', refused: 'mappings[3] x'}\n"))
	if err != nil {
		t.Fatal(err)
	}
	for result, want := range map[string]int{
		`{"nothing":"no: mappings[14] (a/{b}): empty","refused":"mappings[3] x"}`: 0,
		`{"nothing":"no: mappings[3] (a/{c}): empty","refused":"mappings[4] x"}`:  2,
	} {
		if differences, err := file.Entries[0].Compare(value(t, result)); len(differences) != want || err != nil {
			t.Errorf("%s: %v %v", result, differences, err)
		}
	}
}

func TestNewExpectationsLeaveTheRestAlone(t *testing.T) {
	name := write(t, `# the heater
- topic: a # of the hall
  payload: '{"a":1}'
  expect:
    old: true
# the lamp
- {topic: b, payload: "21.50"}
`)
	result := `{"changes":[{"n":1.50,"e":1e3,"big":123456789012345678901234567890,"huge":1e400,"zero":-0,"text":"1","yes":"yes","lines":"a\nb\n","none":null,"empty":{},"list":[],"on":true}]}`
	file, err := Read(name)
	if err != nil {
		t.Fatal(err)
	}
	if !file.Entries[0].Expects("old") || file.Entries[0].Expects("changes") || file.Entries[1].Expects("") {
		t.Error("Expects is wrong before")
	}
	for _, e := range file.Entries {
		e.SetExpect(value(t, result))
	}
	if err := file.Write(); err != nil {
		t.Fatal(err)
	}
	text, _ := os.ReadFile(name)
	for _, kept := range []string{"# the heater\n", "# of the hall", "# the lamp\n", `payload: '{"a":1}'`, `payload: "21.50"`, "n: 1.50\n", "e: 1e3\n", `text: "1"`} {
		if !strings.Contains(string(text), kept) {
			t.Errorf("%q is not in\n%s", kept, text)
		}
	}
	if info, _ := os.Stat(name); info.Mode().Perm() != 0o640 {
		t.Errorf("mode %v", info.Mode())
	}
	if file, err = Read(name); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	for _, e := range file.Entries {
		if differences, err := e.Compare(value(t, result)); err != nil || differences != nil || !e.Expects("changes") {
			t.Errorf("%v %v\n%s", differences, err, text)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"- topic: a\n  payload: x\n  expect: {changes: []}\n", "- envelope: '{}'\n  thing: {a: 1}\n",
		"- &a {topic: a, expect: *a}\n", "- {topic: a, properties: {a: [b, c]}, time: 2026-07-01T12:00:00Z}\n", "- <<: {topic: a}\n", "- ? [a]\n  : b\n",
	} {
		f.Add(seed)
	}
	result := jsondoc.Object(jsondoc.Member{Name: "changes", Value: jsondoc.Array(jsondoc.Int(1))})
	f.Fuzz(func(t *testing.T, text string) {
		file, err := parse("f", []byte(text))
		if err != nil {
			return
		}
		for _, e := range file.Entries {
			if e.Expects("") {
				_, _ = e.Compare(result)
			}
			e.SetExpect(result)
			if differences, err := e.Compare(result); err != nil || differences != nil {
				t.Errorf("%q: %v %v", text, differences, err)
			}
		}
	})
}
