package documents

import (
	"encoding/json"
	"fmt"
	"strings"
)

// anything stands in a document for any text: times and identifiers.
const anything = "…"

// textLike says whether a text is what the document shows.
func textLike(shown, text string) bool {
	parts := strings.Split(shown, anything)
	if len(parts) == 1 {
		return shown == text
	}
	if !strings.HasPrefix(text, parts[0]) {
		return false
	}
	text = text[len(parts[0]):]
	for _, part := range parts[1 : len(parts)-1] {
		at := strings.Index(text, part)
		if at < 0 {
			return false
		}
		text = text[at+len(part):]
	}
	return strings.HasSuffix(text, parts[len(parts)-1])
}

// jsonLike says where two JSON texts differ, "" when they do not. The order of
// members does not matter; the digits of numbers do.
func jsonLike(shown, text string) (string, error) {
	var a, b any
	if err := decode(shown, &a); err != nil {
		return "", fmt.Errorf("the document's: %w", err)
	}
	if err := decode(text, &b); err != nil {
		return "", fmt.Errorf("the program's: %w", err)
	}
	return differ("", a, b), nil
}

func decode(text string, v *any) error {
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	return d.Decode(v)
}

func differ(at string, shown, got any) string {
	switch shown := shown.(type) {
	case map[string]any:
		object, ok := got.(map[string]any)
		if !ok {
			break
		}
		for name, value := range shown {
			other, ok := object[name]
			if !ok {
				return fmt.Sprintf("%s/%s is not there", at, name)
			}
			if d := differ(at+"/"+name, value, other); d != "" {
				return d
			}
		}
		for name := range object {
			if _, ok := shown[name]; !ok {
				return fmt.Sprintf("%s/%s is there and should not be", at, name)
			}
		}
		return ""
	case []any:
		array, ok := got.([]any)
		if !ok || len(array) != len(shown) {
			break
		}
		for i := range shown {
			if d := differ(fmt.Sprintf("%s/%d", at, i), shown[i], array[i]); d != "" {
				return d
			}
		}
		return ""
	case string:
		if text, ok := got.(string); ok && textLike(shown, text) {
			return ""
		}
	default:
		if shown == got {
			return ""
		}
	}
	return fmt.Sprintf("%s is %v, the document says %v", at, got, shown)
}
