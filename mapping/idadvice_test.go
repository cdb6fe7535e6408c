package mapping

import (
	"strings"
	"testing"

	"github.com/twinbroker/twinbroker/twin/protocol"
)

func TestAnIDThatIsNoneIsRefusedWithAdvice(t *testing.T) {
	for id, want := range map[string]string{
		"":                                "namespace and a colon",
		"lamp":                            "as in org.acme:lamp",
		"org.acme:":                       "its name is empty",
		"org acme:lamp":                   `its namespace is "org acme"`,
		"1.acme:lamp":                     `its namespace is "1.acme"`,
		"org.acme:Küche 1":                `the character "ü" (U+00FC)`,
		"org.acme:a\tb":                   `the character "\t" (U+0009)`,
		"org.acme:a/b":                    "fn:replace('/','-')",
		"org.acme:a\xffb":                 "not valid UTF-8",
		":" + strings.Repeat("x", 300):    "longer than 256",
		"a:b:" + strings.Repeat("🌡", 130): "longer than 256",
	} {
		if isThingID(id) == nil {
			t.Errorf("%q is an ID", id)
		}
		if got := adviseID(id); !strings.Contains(got, want) {
			t.Errorf("%q: %q, want %q in it", id, got, want)
		}
	}
	if protocol.MaxIDLength != 256 {
		t.Error("the test is for another length")
	}
}
