package mapping

import (
	"strings"
	"testing"

	"github.com/twinbroker/twinbroker/twin/jsondoc"
)

func TestWhatIsNoJSONIsRefusedWithAdvice(t *testing.T) {
	for payload, want := range map[string]string{
		"":                          "is empty",
		"\xef\xbb\xbf{}":            "byte order mark",
		"{}\x00":                    "zero byte",
		"\xa1aT\xf9\x00":            "cbor",
		"{temp: 21}":                "double quotes",
		`{"a":1, b:2}`:              "double quotes",
		"\xa1aT\xf9":                "cbor",
		"ON":                        "format: text",
		"Wohnzimmer an":             "format: text",
		"21,5":                      "format: number",
		"21.5 °C":                   "format: number",
		"NaN":                       "format: text",
		"{'t': 1}":                  "double quotes",
		`{"t":NaN}`:                 "no NaN",
		`{"a":1,"t": nan,"b":2}`:    "no NaN",
		`{"t":[1,-Infinity]}`:       "no NaN",
		`{"t":21,5}`:                "comma",
		`{"t":21,5,"u":1}`:          "comma",
		`{"t":21.5,"u":`:            "cut off",
		`{"t":21.5,"u":"abc`:        "cut off",
		`{"t":21.5}{"t":21.6}`:      "",
		`{"t":1,"t":2}`:             "",
		strings.Repeat("[", 100000): "",
	} {
		_, err := jsondoc.Parse([]byte(payload), jsondoc.Limits{})
		if err == nil {
			t.Errorf("%q is JSON", payload)
			continue
		}
		if got := adviseJSON([]byte(payload), err); !strings.Contains(got, want) || want == "" && got != "" {
			t.Errorf("%.40q (%v): %q, want %q in it", payload, err, got, want)
		}
	}
}
