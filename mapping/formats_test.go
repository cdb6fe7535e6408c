package mapping

import (
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"github.com/twinbroker/twinbroker/twin/jsondoc"
)

// one is a rule of a format that writes its payload to an attribute.
func one(t testing.TB, format string, pairs ...string) RuleConfig {
	if len(pairs) == 0 {
		pairs = []string{"/attributes/a", ""}
	}
	return RuleConfig{Topic: "t/{device}", Format: format, Thing: "org.acme:{{ device }}", Set: lines(t, pairs...)}
}

// map1 maps one payload, and gives what came of it, or why nothing did.
func map1(t *testing.T, rule RuleConfig, in Input) (did, refused string) {
	t.Helper()
	if in.Topic == "" {
		in.Topic = "t/d1"
	}
	in.Client, in.Now = "c1", noon
	changes, matched, err := compile(t, rule).Map(&in)
	switch {
	case !matched:
		t.Fatal("no rule fits")
	case err != nil:
		if changes != nil || err.Status != 400 && err.Status != 413 || !strings.Contains(err.Message, "mappings[0] (t/{device})") {
			t.Errorf("changes %q with the error %d %s", told(changes), err.Status, err.Message)
		}
		return "", err.Message
	}
	return told(changes), ""
}

// unhex is CBOR as RFC 8949 shows it.
func unhex(t testing.TB, text string) []byte {
	t.Helper()
	raw, err := hex.DecodeString(strings.ReplaceAll(text, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func TestFormats(t *testing.T) {
	for _, test := range []struct{ name, format, payload, want string }{
		{"a number", "number", "23.420", "23.420"},
		{"a number with white space around it", "number", " \t-5\r\n", "-5"},
		{"text", "text", "ON\n", `"ON\n"`},
		{"bytes are base64", "bytes", "\x00\xff\xfe", `"AP/+"`},
		{"no bytes", "bytes", "", `""`},
		{"JSON of any kind", "json", ` [1, {"a": 2.0}] `, `[1,{"a":2.0}]`},
	} {
		got, refused := map1(t, one(t, test.format), Input{Payload: []byte(test.payload)})
		if want := `org.acme:d1 {"attributes":{"a":` + test.want + `}}`; got != want {
			t.Errorf("%s: got %s %s, want %s", test.name, got, refused, want)
		}
	}
}

// Examples are those of RFC 8949, appendix A.
func TestCBOR(t *testing.T) {
	for _, test := range []struct{ name, cbor, want string }{
		{"integers", "84 00 18 64 1bffffffffffffffff 3bfffffffffffffffe", `[0,100,18446744073709551615,-18446744073709551615]`},
		{"big integers", "c249010000000000000000", `18446744073709551616`},
		{"a float of 16 bits", "f93e00", `1.5`},
		{"a float of 32 bits has its own digits", "fa41bb3333", `23.4`},
		{"a float of 64 bits", "fb3ff199999999999a", `1.1`},
		{"a whole float", "fa4e932c06", `1234567936`},
		{"false, true, null, undefined", "84 f4 f5 f6 f7", `[false,true,null,null]`},
		{"text", "62c3bc", `"ü"`},
		{"a byte string", "44 01020304", `"AQIDBA"`},
		{"a byte string that asks for base64", "d6 43 00fffe", `"AP/+"`},
		{"a byte string that asks for hexadecimal", "d7 43 00fffe", `"00FFFE"`},
		{"a time as text", "c074323031332d30332d32315432303a30343a30305a", `"2013-03-21T20:04:00Z"`},
		{"a time as a count", "c11a514b67b0", `"2013-03-21T20:04:00Z"`},
		{"other tags are ignored", "d8 20 66 757269 3a 2f 61", `"uri:/a"`},
		{"that it is CBOR, said by itself", "d9d9f7 01", `1`},
		{"maps, in the order of their names", "a3 6162 01 6161 02 05 03", `{"5":3,"a":2,"b":1}`},
		{"without a length known before", "bf 6346756e f5 ff", `{"Fun":true}`},
		{"an array without a length known before", "9f 01 82 02 03 ff", `[1,[2,3]]`},
	} {
		got, refused := map1(t, one(t, "cbor"), Input{Payload: unhex(t, test.cbor)})
		if want := `org.acme:d1 {"attributes":{"a":` + test.want + `}}`; got != want {
			t.Errorf("%s: got %s %s, want %s", test.name, got, refused, want)
		}
	}
	rule := one(t, "cbor", "/attributes/a", "/temp", "/attributes/b", `="{{ payload:/id }}"`)
	got, refused := map1(t, rule, Input{Payload: unhex(t, "a2 6474656d70 f94d00 626964 6161")})
	if got != `org.acme:d1 {"attributes":{"a":20,"b":"a"}}` {
		t.Errorf("pointers and placeholders: got %s %s", got, refused)
	}
}

func TestBadPayloads(t *testing.T) {
	picture := append([]byte("\xFF\xD8\xFF\xE0"), make([]byte, 16<<20)...)
	deep := strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000)
	deepCBOR := append(make([]byte, 0, 200), unhex(t, strings.Repeat("81", 100)+"01")...)
	for _, test := range []struct{ name, format, payload, want string }{
		{"text for JSON", "json", `ON`, `the payload "ON" is not JSON`},
		{"half of JSON", "json", `{"temp":`, `is not JSON`},
		{"two JSON texts", "json", `{"a":1}{"a":2}`, `is not JSON`},
		{"JSON with a name twice", "json", `{"a":1,"a":2}`, `is not JSON`},
		{"JSON with NaN", "json", `{"a":NaN}`, `is not JSON`},
		{"JSON in Latin-1", "json", "{\"a\":\"\xfc\"}", `is not JSON`},
		{"JSON with a byte order mark", "json", "\xEF\xBB\xBF{}", `a byte order mark`},
		{"deep JSON", "json", deep, `deep`},
		{"a picture for JSON", "json", string(picture), `it looks like a JPEG picture`},
		{"nothing for JSON", "json", "", `the payload is empty, not JSON`},
		{"CBOR for JSON", "json", "\xa1\x61a\x01", `is not JSON`},
		{"a picture for text", "text", string(picture), `it looks like a JPEG picture`},
		{"Latin-1 for text", "text", "K\xfcche", `not valid UTF-8`},
		{"a decimal comma", "number", "21,5", `has a decimal comma, and numbers have a point here: let the device send 21.5, or map it with format text and {expr: 'float(replace(payload, ",", "."))'}`},
		{"a unit", "number", "23.4 °C", `has the unit "°C" behind the number: let the device send 23.4 alone`},
		{"a unit without a space", "number", "60%", `has the unit "%" behind`},
		{"a unit and a decimal comma", "number", "23,4 kWh", `has the unit "kWh" behind`},
		{"a unit with a digit", "number", "12 µg/m3", `has the unit "µg/m3" behind`},
		{"money", "number", "5 EUR", `has the unit "EUR" behind`},
		{"a time", "number", "12:30", `is not a number as JSON writes them`},
		{"NaN", "number", "nan", `is not a number that JSON has`},
		{"infinite", "number", "-Infinity", `is not a number that JSON has`},
		{"a plus sign", "number", "+5", `no plus sign`},
		{"leading zeros", "number", "007", `no leading zeros`},
		{"no digit before the point", "number", ".5", `digits on both sides`},
		{"a date", "number", "2026-07-01", `is not a number as JSON writes them`},
		{"thousands", "number", "1,234.5", `is not a number as JSON writes them`},
		{"a word", "number", "unavailable", `"unavailable" is not a number`},
		{"JSON", "number", `{"v":1}`, `is not a number`},
		{"nothing", "number", " ", `is empty, not a number`},
		{"a picture for a number", "number", string(picture), `is not a number`},
		{"JSON for CBOR", "cbor", `{"v":1}`, `is not CBOR that could be JSON`},
		{"nothing for CBOR", "cbor", "", `it is empty`},
		{"half of CBOR", "cbor", "\xa2\x61a\x01", `is not CBOR that could be JSON: unexpected EOF`},
		{"CBOR and more", "cbor", "\x01\x01", `extraneous data`},
		{"CBOR with NaN", "cbor", "\xf9\x7e\x00", `it has the number NaN`},
		{"CBOR with a key twice", "cbor", "\xa2\x61a\x01\x61a\x02", `duplicate`},
		{"CBOR with a key that is a list", "cbor", "\xa1\x81\x01\x01", `key`},
		{"CBOR with keys that come to one name", "cbor", "\xa2\x01\x01\x611\x02", `1`},
		{"deep CBOR", "cbor", string(deepCBOR), `nested level`},
		{"CBOR with a simple value that nobody knows", "cbor", "\xf0", `which JSON has nothing for`},
		{"CBOR with a very big integer", "cbor", "\xc2\x59\x10\x00" + strings.Repeat("\x01", 0x1000), `an integer of more than 4096 bits`},
		{"an array that says it is long", "cbor", "\x9a\xff\xff\xff\xff\x01", `is not CBOR`},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, refused := map1(t, one(t, test.format), Input{Payload: []byte(test.payload)})
			if !strings.Contains(refused, test.want) || len(refused) > 700 {
				t.Errorf("got %.200s, refused with %.800s, want %s", got, refused, test.want)
			}
		})
	}
}

func TestWideJSON(t *testing.T) {
	wide := `{`
	for i := range 20_000 {
		wide += fmt.Sprintf(`"k%d":1,`, i)
	}
	wide += `"v":7}`
	if got, refused := map1(t, one(t, "json", "/attributes/a", "/v"), Input{Payload: []byte(wide)}); got != `org.acme:d1 {"attributes":{"a":7}}` {
		t.Errorf("got %s %s", got, refused)
	}
}

// An empty payload with the retain flag takes back what was retained: it says
// nothing about a twin.
func TestAnEmptyRetainedMessageChangesNothing(t *testing.T) {
	for _, format := range []string{"json", "text", "number", "cbor", "bytes", "ditto"} {
		rule := one(t, format)
		if format == "ditto" {
			rule.Set = nil
		}
		if got, refused := map1(t, rule, Input{Retain: true}); got != "" || refused != "" {
			t.Errorf("%s: %q %q", format, got, refused)
		}
	}
}

func TestNamesOfAllKinds(t *testing.T) {
	rule := RuleConfig{Topic: "t/{device}", Format: "text", Thing: "org.acme:{{ device }}", Set: lines(t, "/features/{{ device }}/properties/v", "")}
	for device, want := range map[string]string{
		"kitchen lamp": `org.acme:kitchen lamp {"features":{"kitchen lamp":{"properties":{"v":"x"}}}}`,
		"50%":          `org.acme:50% {"features":{"50%":{"properties":{"v":"x"}}}}`,
		"Küche":        ``, // Ditto's IDs have nothing from U+007F to U+00FF
		"客厅":           `org.acme:客厅 {"features":{"客厅":{"properties":{"v":"x"}}}}`,
		"💡":            `org.acme:💡 {"features":{"💡":{"properties":{"v":"x"}}}}`,
		"a:b":          `org.acme:a:b {"features":{"a:b":{"properties":{"v":"x"}}}}`,
		"":             ``,
	} {
		got, refused := map1(t, rule, Input{Topic: "t/" + device, Payload: []byte("x")})
		if got != want || want == "" && !strings.Contains(refused, "which is not one") {
			t.Errorf("%q: got %s, refused with %s, want %s", device, got, refused, want)
		}
	}
	// With a function, all of them are names.
	rule.Thing = "org.acme:{{ device | fn:url-encode() }}"
	rule.Set = lines(t, "/attributes/{{ device | fn:url-encode() }}", "")
	if got, refused := map1(t, rule, Input{Topic: "t/Küche", Payload: []byte("x")}); got != `org.acme:K%C3%BCche {"attributes":{"K%C3%BCche":"x"}}` {
		t.Errorf("got %s %s", got, refused)
	}
	// A name with a slash, of the payload.
	rule.Topic, rule.Format, rule.Thing = "t/{device}", "json", "org.acme:{{ payload:/name | fn:replace('/','.') }}"
	rule.Set = lines(t, "/attributes/a", "/v")
	if got, refused := map1(t, rule, Input{Payload: []byte(`{"name":"hall/lamp","v":1}`)}); got != `org.acme:hall.lamp {"attributes":{"a":1}}` {
		t.Errorf("got %s %s", got, refused)
	}
	rule.Thing = "org.acme:{{ payload:/name }}"
	if _, refused := map1(t, rule, Input{Payload: []byte(`{"name":"hall/lamp","v":1}`)}); !strings.Contains(refused, `"org.acme:hall/lamp", which is not one`) {
		t.Errorf("refused with %s", refused)
	}
}

func TestCBORIsBounded(t *testing.T) {
	v, err := decodeCBOR(append(unhex(t, "9a 0000ffff"), make([]byte, 0xffff)...))
	if err != nil || v.Kind() != jsondoc.KindArray || v.Len() != 0xffff {
		t.Errorf("%v", err)
	}
}
