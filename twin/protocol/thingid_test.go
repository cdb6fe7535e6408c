package protocol

import (
	"errors"
	"regexp"
	"strings"
	"testing"
	"unicode/utf16"
	"unicode/utf8"
)

func TestParseThingIDTakesWhatDittoTakes(t *testing.T) {
	for _, id := range []string{
		"org.eclipse.ditto:smart-coffee-1", "foo:bar", "org.eclipse.ditto_42:smart", "com.some-domain.ditto-rocks:x",
		"org.eclipse:admin policy", "a:b:c", "a:%2F", ":no-namespace", "a:_", "a:☕", "a:" + strings.Repeat("x", 254),
		"a1_.b:x", "A-B:x", "a:Ā",
	} {
		got, err := ParseThingID(id)
		if err != nil || got.String() != id {
			t.Errorf("%q: %v, %v", id, got, err)
		}
	}
}

func TestParseThingIDRefuses(t *testing.T) {
	for _, id := range []string{
		"", "a", ":", "a:", "1a:b", "_:b", "a.:b", ".a:b", "a..b:c", "a.1:b", "a-:b", "a b:c", "ä:b", "a:b/c", "a:b\n",
		"a:\x00", "a:\x7f", "a:é", "a:" + strings.Repeat("x", 255), "a:" + strings.Repeat("😀", 128), "a/b:c", "a:\xff",
		strings.Repeat("a", 300) + ":b",
	} {
		_, err := ParseThingID(id)
		var e *Error
		if !errors.As(err, &e) || e.Status != 400 || e.Code != "things:id.invalid" || e.Href == "" {
			t.Errorf("%q: %v", id, err)
		}
	}
}

func TestKeysAndPolicyIDs(t *testing.T) {
	for key, ok := range map[string]bool{"a": true, "with space": true, "ключ": true, "~": true, "*": true, "$.x": true,
		"": false, "a/b": false, "a\tb": false, "ü": false, strings.Repeat("k", 256): true, strings.Repeat("k", 257): false} {
		if err := CheckKey(key); (err == nil) != ok || err != nil && (err.Code != "json.key.invalid" || err.Status != 400) {
			t.Errorf("%q: %v", key, err)
		}
	}
	if err := CheckPolicyID("a:b"); err != nil {
		t.Error(err)
	}
	if err := CheckPolicyID("a"); err == nil || err.Code != "policies:id.invalid" || err.Status != 400 {
		t.Error(err)
	}
	for ns, ok := range map[string]bool{"": false, "a": true, "a.b": true, "a.": false, "9": false} {
		if ValidNamespace(ns) != ok {
			t.Errorf("namespace %q: %v", ns, !ok)
		}
	}
}

// The rule as Ditto publishes it (basic-namespaces-and-names), to compare with.
var publishedID = regexp.MustCompile(`^(?:(?:[a-zA-Z][a-zA-Z0-9_]*)(?:[.-][a-zA-Z][a-zA-Z0-9_]*)*)?:[^\x00-\x1F\x{7F}-\x{FF}/]+$`)

func FuzzParseThingID(f *testing.F) {
	for _, seed := range []string{"org.acme:lamp-1", ":x", "a:b:c", "a.-b:c", "a:é", "a:☕", "a:b/c"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		id, err := ParseThingID(s)
		want := utf8.ValidString(s) && publishedID.MatchString(s) && len(utf16.Encode([]rune(s))) <= MaxIDLength
		if (err == nil) != want {
			t.Fatalf("%q: %v, but the published rule says %v", s, err, want)
		}
		if err == nil && id.String() != s {
			t.Fatalf("%q came back as %q", s, id)
		}
	})
}
