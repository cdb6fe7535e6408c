package conformance

import (
	"maps"
	"slices"
	"strings"
	"testing"
)

// What a case shows of a header is that it is sent, or that it comes; of what is
// internal, that it does not come; and nothing of what Ditto has for something
// else.
func TestEachPredefinedHeaderHasACase(t *testing.T) {
	topics, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	notes, shown := map[string]string{}, map[string]bool{}
	for _, topic := range topics {
		maps.Copy(notes, topic.Headers)
	}
	for c := range cases(topics) {
		for name, value := range c.headers() {
			absent := value.Value == "{{absent}}" || value.Value == "{{maybe}}"
			shown[name] = shown[name] || !absent || notes[name] == "internal"
		}
	}
	for _, name := range slices.Sorted(maps.Keys(notes)) {
		if !shown[name] && !strings.HasPrefix(notes[name], "elsewhere") {
			t.Errorf("no case has the header %s", name)
		}
	}
}

// wildcards are the rows of the table on Ditto's page basic-metadata, at the
// Thing and at its Features, and the headers of its columns.
var wildcards = map[string][]string{
	"*":                              {"get-metadata", "delete-metadata"},
	"*/key":                          {"put-metadata", "get-metadata", "delete-metadata"},
	"attributes/*/key":               {"put-metadata", "get-metadata", "delete-metadata"},
	"features/*/properties/*/key":    {"put-metadata", "get-metadata", "delete-metadata"},
	"features/*/properties/on/key":   {"put-metadata", "get-metadata", "delete-metadata"},
	"features/lamp/properties/*/key": {"put-metadata", "get-metadata", "delete-metadata"},
	"*/properties/*/key":             {"put-metadata", "get-metadata", "delete-metadata"},
	"fan/properties/*/key":           {"get-metadata", "delete-metadata"},
}

func TestEachWildcardOfMetadataHasACase(t *testing.T) {
	topics, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	shown := map[string]bool{}
	for c := range cases(topics) {
		for name, value := range c.headers() {
			texts := []string{value.Value}
			for _, entry := range value.Content { // of put-metadata
				if key := Member(entry, "key"); key != nil {
					texts = append(texts, key.Value)
				}
			}
			for _, text := range texts {
				text = strings.TrimSuffix(strings.TrimSuffix(text, "/at"), "/by")
				shown[name+" "+text] = true
			}
		}
	}
	for row, names := range wildcards {
		for _, name := range names {
			if !shown[name+" "+strings.TrimSuffix(row, "/key")] {
				t.Errorf("no case has %s with %s", name, row)
			}
		}
	}
}
