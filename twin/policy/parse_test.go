package policy

import (
	"fmt"
	"strings"
	"testing"

	"github.com/twinbroker/twinbroker/twin/jsondoc"
	"github.com/twinbroker/twinbroker/twin/protocol"
)

// in puts a text into the places of a Policy that are asked for most.
func inEntry(members string) string    { return `{"entries":{"e":{` + members + `}}}` }
func inSubject(members string) string  { return inEntry(`"subjects":{"u:a":{` + members + `}}`) }
func inResource(members string) string { return inEntry(`"resources":{"thing:/a":{` + members + `}}`) }
func inImport(members string) string   { return `{"imports":{"n:i":{` + members + `}}}` }
func inAnnouncement(members string) string {
	return inSubject(`"type":"","announcement":{` + members + `}`)
}

func TestParseRefuses(t *testing.T) {
	long := strings.Repeat("x", 257)
	for _, c := range []struct{ name, text, code, place string }{
		{"no object", `[]`, "json.format.invalid", "</>"},
		{"an ID that is none", `{"policyId":"x"}`, "policies:id.notsettable", "'x' and 'n:p'"},
		{"another ID", `{"policyId":"n:q"}`, "policies:id.notsettable", "'n:q' and 'n:p'"},
		{"an ID of another kind", `{"policyId":1}`, "json.format.invalid", "</policyId>"},
		{"entries that are no object", `{"entries":[]}`, "json.format.invalid", "</entries>"},
		{"an entry that is no object", `{"entries":{"e":1}}`, "json.format.invalid", "</entries/e>"},
		{"an entry that is null", `{"entries":{"e":null}}`, "json.format.invalid", "</entries/e>"},

		{"an empty label", `{"entries":{"":{}}}`, "policies:entry.invalid", "</entries/>"},
		{"a label with a slash", `{"entries":{"a/b":{}}}`, "policies:entry.invalid", "</entries/a~1b>"},
		{"a label with a control character", `{"entries":{"a\u0001":{}}}`, "policies:entry.invalid", "</entries/a\x01>"},
		{"a label with an umlaut of Latin-1", `{"entries":{"ä":{}}}`, "policies:entry.invalid", "</entries/ä>"},
		{"a long label", `{"entries":{"` + long + `":{}}}`, "policies:entry.invalid", "at most 256"},
		{"a label of an imported entry", `{"entries":{"imported-n:i-x":{}}}`, "policies:label.invalid", "</entries/imported-n:i-x>"},
		{"a label that only begins so", `{"entries":{"importedThings":{}}}`, "policies:label.invalid", "importedThings"},
		{"a label of a root's entry", `{"entries":{"nsimported-n:i-x":{}}}`, "policies:label.invalid", "nsimported-n:i-x"},

		{"subjects that are no object", inEntry(`"subjects":[]`), "json.format.invalid", "</entries/e/subjects>"},
		{"a subject that is no object", inEntry(`"subjects":{"u:a":"x"}`), "json.format.invalid", "</entries/e/subjects/u:a>"},
		{"a subject without its issuer", inEntry(`"subjects":{"ann":{"type":""}}`), "policies:subjectid.invalid", "</entries/e/subjects/ann>"},
		{"a subject with an empty issuer", inEntry(`"subjects":{":ann":{"type":""}}`), "policies:subjectid.invalid", "</entries/e/subjects/:ann>"},
		{"a subject that is only an issuer", inEntry(`"subjects":{"user:":{"type":""}}`), "policies:subjectid.invalid", "</entries/e/subjects/user:>"},
		{"a subject whose issuer is a URL, without it", inEntry(`"subjects":{"https://id.example":{"type":""}}`), "policies:subjectid.invalid", "https://id.example"},
		{"a subject with a control character", inEntry(`"subjects":{"u:a\n":{"type":""}}`), "policies:subjectid.invalid", "control character"},
		{"a subject with NUL", inEntry(`"subjects":{"u:a\u0000":{"type":""}}`), "policies:subjectid.invalid", "control character"},
		{"a long subject", inEntry(`"subjects":{"u:` + long + `":{"type":""}}`), "policies:subjectid.invalid", "at most 256"},
		{"the mistake in the documentation's example", inEntry(`"subjects":{"n:x":{"type":""},"resources":{"thing:/":{}}}`), "policies:subjectid.invalid", "</entries/e/subjects/resources>"},
		{"a subject without a type", inSubject(``), "json.field.missing", "</entries/e/subjects/u:a/type>"},
		{"a type that is no string", inSubject(`"type":1`), "json.format.invalid", "</entries/e/subjects/u:a/type>"},
		{"a type that is null", inSubject(`"type":null`), "json.format.invalid", "</entries/e/subjects/u:a/type>"},
		{"an expiry that is no time", inSubject(`"type":"","expiry":"tomorrow"`), "policies:subjectexpiry.invalid", "'tomorrow' at </entries/e/subjects/u:a/expiry>"},
		{"an expiry that is a number", inSubject(`"type":"","expiry":1700000000`), "policies:subjectexpiry.invalid", "'1700000000'"},
		{"an expiry without an offset", inSubject(`"type":"","expiry":"2030-01-01T00:00:00"`), "policies:subjectexpiry.invalid", "2030"},
		{"an expiry that is a day", inSubject(`"type":"","expiry":"2030-01-01"`), "policies:subjectexpiry.invalid", "2030"},
		{"an expiry on a day that is none", inSubject(`"type":"","expiry":"2030-02-30T00:00:00Z"`), "policies:subjectexpiry.invalid", "2030"},
		{"an expiry at no time at all", inSubject(`"type":"","expiry":"0001-01-01T00:00:00Z"`), "policies:subjectexpiry.invalid", "0001"},

		{"an announcement that is no object", inSubject(`"type":"","announcement":true`), "json.format.invalid", "</entries/e/subjects/u:a/announcement>"},
		{"beforeExpiry without a number", inAnnouncement(`"beforeExpiry":"h"`), "policies:subjectannouncement.invalid", "'h' at </entries/e/subjects/u:a/announcement/beforeExpiry>"},
		{"beforeExpiry below zero", inAnnouncement(`"beforeExpiry":"-1h"`), "policies:subjectannouncement.invalid", "'-1h'"},
		{"beforeExpiry with a fraction", inAnnouncement(`"beforeExpiry":"1.5h"`), "policies:subjectannouncement.invalid", "'1.5h'"},
		{"beforeExpiry in days", inAnnouncement(`"beforeExpiry":"1d"`), "policies:subjectannouncement.invalid", "'1d'"},
		{"beforeExpiry in weeks", inAnnouncement(`"beforeExpiry":"1w"`), "policies:subjectannouncement.invalid", "'1w'"},
		{"beforeExpiry in two units", inAnnouncement(`"beforeExpiry":"1h30m"`), "policies:subjectannouncement.invalid", "'1h30m'"},
		{"beforeExpiry of more than time has", inAnnouncement(`"beforeExpiry":"9999999999999999h"`), "policies:subjectannouncement.invalid", "9999999999999999h"},
		{"beforeExpiry that is a number", inAnnouncement(`"beforeExpiry":10`), "policies:subjectannouncement.invalid", "'10'"},
		{"whenDeleted that is a string", inAnnouncement(`"whenDeleted":"true"`), "json.format.invalid", "</entries/e/subjects/u:a/announcement/whenDeleted>"},
		{"requestedAcks that are a list", inAnnouncement(`"requestedAcks":["x"]`), "json.format.invalid", "</entries/e/subjects/u:a/announcement/requestedAcks>"},
		{"labels that are no list", inAnnouncement(`"requestedAcks":{"labels":"abc"}`), "json.format.invalid", "</entries/e/subjects/u:a/announcement/requestedAcks/labels>"},
		{"a label that is none", inAnnouncement(`"requestedAcks":{"labels":["a b"]}`), "acknowledgement:label.invalid", "<a b>"},
		{"a timeout that is none", inAnnouncement(`"requestedAcks":{"timeout":"soon"}`), "policies:subjectannouncement.invalid", "'soon'"},
		{"a randomizationInterval that is none", inAnnouncement(`"randomizationInterval":"x"`), "policies:subjectannouncement.invalid", "'x'"},

		{"resources that are no object", inEntry(`"resources":"thing:/"`), "json.format.invalid", "</entries/e/resources>"},
		{"a resource without its kind", inEntry(`"resources":{"/features":{"grant":[],"revoke":[]}}`), "policies:entry.invalid", "'/features'"},
		{"a resource with an empty kind", inEntry(`"resources":{":/features":{"grant":[],"revoke":[]}}`), "policies:entry.invalid", "':/features'"},
		{"a kind with a slash", inEntry(`"resources":{"/a:b":{"grant":[],"revoke":[]}}`), "policies:entry.invalid", "'/a:b'"},
		{"a resource with two slashes", inEntry(`"resources":{"thing:/a//b":{"grant":[],"revoke":[]}}`), "json.pointer.invalid", "thing:/a//b"},
		{"a resource with a control character", inEntry(`"resources":{"thing:/a\u0000":{"grant":[],"revoke":[]}}`), "policies:entry.invalid", "control character"},
		{"a long resource", inEntry(`"resources":{"thing:/` + long + `":{"grant":[],"revoke":[]}}`), "policies:entry.invalid", "at most 256"},
		{"a resource twice", inEntry(`"resources":{"thing:/a":{"grant":[],"revoke":[]},"thing:/a/":{"grant":[],"revoke":[]}}`), "policies:entry.invalid", "'thing:/a' is there twice"},
		{"permissions that are a list", inEntry(`"resources":{"thing:/a":["READ"]}`), "json.format.invalid", "</entries/e/resources/thing:~1a>"},
		{"permissions without grant", inResource(`"revoke":[]`), "json.field.missing", "</entries/e/resources/thing:~1a/grant>"},
		{"permissions without revoke", inResource(`"grant":[]`), "json.field.missing", "</entries/e/resources/thing:~1a/revoke>"},
		{"grant that is no list", inResource(`"grant":"READ","revoke":[]`), "json.format.invalid", "</entries/e/resources/thing:~1a/grant>"},
		{"a permission that is none", inResource(`"grant":[],"revoke":["read"]`), "policies:entry.invalid", "</entries/e/resources/thing:~1a/revoke>"},
		{"a permission that is no string", inResource(`"grant":[1],"revoke":[]`), "json.format.invalid", "</entries/e/resources/thing:~1a/grant>"},

		{"namespaces that are no list", inEntry(`"namespaces":"com"`), "policies:entry.invalid", "</entries/e/namespaces>"},
		{"a namespace that is no string", inEntry(`"namespaces":[1]`), "policies:entry.invalid", "</entries/e/namespaces>"},
		{"an empty namespace", inEntry(`"namespaces":[""]`), "policies:entry.invalid", "''"},
		{"all namespaces", inEntry(`"namespaces":["*"]`), "policies:entry.invalid", "'*'"},
		{"a pattern without a dot", inEntry(`"namespaces":["com*"]`), "policies:entry.invalid", "'com*'"},
		{"a pattern with a star in between", inEntry(`"namespaces":["com.*.x"]`), "policies:entry.invalid", "'com.*.x'"},
		{"a pattern of nothing", inEntry(`"namespaces":[".*"]`), "policies:entry.invalid", "'.*'"},
		{"a namespace that is none", inEntry(`"namespaces":["1a"]`), "policies:entry.invalid", "'1a'"},

		{"importable of another kind", inEntry(`"importable":true`), "json.format.invalid", "</entries/e/importable>"},
		{"importable that is none", inEntry(`"importable":"Implicit"`), "policies:entry.invalid", "'Implicit'"},
		{"allowedAdditions that are no list", inEntry(`"allowedAdditions":{}`), "policies:entry.invalid", "</entries/e/allowedAdditions>"},
		{"an addition that is none", inEntry(`"allowedAdditions":["subject"]`), "policies:entry.invalid", "'subject'"},
		{"an addition that is no string", inEntry(`"allowedAdditions":[null]`), "policies:entry.invalid", "</entries/e/allowedAdditions>"},

		{"references that are no list", inEntry(`"references":{}`), "json.format.invalid", "</entries/e/references>"},
		{"a reference that is a string", inEntry(`"references":["x"]`), "policies:entry.invalid", "</entries/e/references>"},
		{"a reference without an entry", inEntry(`"references":[{"import":"n:i"}]`), "json.field.missing", "</entries/e/references/entry>"},
		{"a reference with an import that is null", inEntry(`"references":[{"entry":"x","import":null}]`), "json.format.invalid", "</entries/e/references/import>"},
		{"a reference with an import that is none", inEntry(`"references":[{"entry":"x","import":""}]`), "policies:id.invalid", "''"},
		{"a reference to what is not imported", inEntry(`"references":[{"entry":"x","import":"n:i"}]`), "policies:import.invalid", "'n:i'"},
		{"a reference to an entry that is not there", inEntry(`"references":[{"entry":"x"}]`), "policies:entry.invalid", "'x'"},
		{"a reference to itself", inEntry(`"references":[{"entry":"e"}]`), "policies:entry.invalid", "</entries/e/references>"},
		{"a reference to an imported label", inEntry(`"references":[{"entry":"imported-n:i-x"}]`), "policies:label.invalid", "imported-n:i-x"},
		{"a reference twice", `{"entries":{"x":{},"e":{"references":[{"entry":"x"},{"entry":"x"}]}}}`, "policies:entry.invalid", "twice"},
		{"a reference to what nobody may import", `{"entries":{"x":{"importable":"never"},"e":{"references":[{"entry":"x"}]}}}`, "policies:entry.invalid", "'never'"},

		{"imports that are no object", `{"imports":["n:i"]}`, "json.format.invalid", "</imports>"},
		{"an import of what has no ID", `{"imports":{"x":{}}}`, "policies:id.invalid", "'x'"},
		{"an import that is no object", `{"imports":{"n:i":[]}}`, "json.format.invalid", "</imports/n:i>"},
		{"an import of itself", `{"imports":{"n:p":{}}}`, "policies:import.invalid", "</imports/n:p>"},
		{"an import of itself by way of others", inImport(`"transitiveImports":["n:p"]`), "policies:import.invalid", "</imports/n:i/transitiveImports>"},
		{"imported entries that are no list", inImport(`"entries":"x"`), "json.format.invalid", "</imports/n:i/entries>"},
		{"an imported entry that is no string", inImport(`"entries":[1]`), "json.format.invalid", "</imports/n:i/entries>"},
		{"an imported label", inImport(`"entries":["imported-x"]`), "policies:label.invalid", "imported-x"},
		{"transitiveImports that are no list", inImport(`"transitiveImports":"n:j"`), "policies:import.invalid", "</imports/n:i/transitiveImports>"},
		{"transitiveImports with a number", inImport(`"transitiveImports":[1]`), "policies:import.invalid", "</imports/n:i/transitiveImports>"},
		{"transitiveImports of what has no ID", inImport(`"transitiveImports":["j"]`), "policies:id.invalid", "'j'"},
		{"eleven imports", `{"imports":{` + many(11, `"n:i%d":{}`) + `}}`, "policies:imports.toolarge", "11"},
	} {
		t.Run(c.name, func(t *testing.T) {
			m, err := Parse("n:p", parsed(t, c.text))
			if codeOf(err) != c.code {
				t.Fatalf("%v, want %s; %v", err, c.code, m)
			}
			if err.Status != 400 || !strings.Contains(err.Error(), c.place) || err.Description == "" {
				t.Errorf("%d %s: no %s", err.Status, err, c.place)
			}
		})
	}
}

func many(n int, format string) string {
	var list []string
	for i := range n {
		list = append(list, fmt.Sprintf(format, i))
	}
	return strings.Join(list, ",")
}

// What Ditto stores of what it gets.
func TestCanonicalJSON(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"nothing", `{}`, `{"policyId":"n:p","entries":{}}`},
		{"nothing but nulls", `{"imports":null,"entries":null}`, `{"policyId":"n:p","entries":{}}`},
		{"an entry without anything", `{"entries":{"e":{}}}`, `{"policyId":"n:p","entries":{"e":{"subjects":{},"resources":{},"importable":"implicit"}}}`},
		{"an entry with nulls", inEntry(`"subjects":null,"resources":null,"namespaces":null,"importable":null,"allowedAdditions":null,"references":null`),
			`{"policyId":"n:p","entries":{"e":{"subjects":{},"resources":{},"importable":"implicit"}}}`},
		{"members in their order", `{"entries":{"e":{"importable":"explicit","resources":{},"subjects":{}}},"policyId":"n:p"}`,
			`{"policyId":"n:p","entries":{"e":{"subjects":{},"resources":{},"importable":"explicit"}}}`},
		{"empty lists", inEntry(`"namespaces":[],"allowedAdditions":[],"references":[]`),
			`{"policyId":"n:p","entries":{"e":{"subjects":{},"resources":{},"namespaces":[],"importable":"implicit","allowedAdditions":[]}}}`},
		{"what is there twice", inEntry(`"namespaces":["b","a","b"],"allowedAdditions":["subjects","subjects"],"resources":{"thing:/a":{"grant":["READ","READ"],"revoke":[]}}`),
			`{"policyId":"n:p","entries":{"e":{"subjects":{},"resources":{"thing:/a":{"grant":["READ"],"revoke":[]}},"namespaces":["b","a"],"importable":"implicit","allowedAdditions":["subjects"]}}}`},
		{"paths", inEntry(`"resources":{"thing:a/":{"grant":[],"revoke":[]},"policy:":{"grant":[],"revoke":[]},"message:/":{"grant":[],"revoke":[]},"lamp:/x~1y":{"grant":["EXECUTE"],"revoke":[]}}`),
			`{"policyId":"n:p","entries":{"e":{"subjects":{},"resources":{"thing:/a":{"grant":[],"revoke":[]},"policy:/":{"grant":[],"revoke":[]},"message:/":{"grant":[],"revoke":[]},"lamp:/x~1y":{"grant":["EXECUTE"],"revoke":[]}},"importable":"implicit"}}}`},
		{"an expiry in another zone", inSubject(`"expiry":"2030-01-01T01:30:00+01:00","type":"x"`), `{"policyId":"n:p","entries":{"e":{"subjects":{"u:a":{"type":"x","expiry":"2030-01-01T00:30:00Z"}},"resources":{},"importable":"implicit"}}}`},
		{"parts of a second", inSubject(`"expiry":"2030-01-01T00:00:00.5000Z","type":""`), `{"policyId":"n:p","entries":{"e":{"subjects":{"u:a":{"type":"","expiry":"2030-01-01T00:00:00.500Z"}},"resources":{},"importable":"implicit"}}}`},
		{"an announcement without anything", inAnnouncement(``), `{"policyId":"n:p","entries":{"e":{"subjects":{"u:a":{"type":"","announcement":{"whenDeleted":false}}},"resources":{},"importable":"implicit"}}}`},
		{"an announcement with nulls", inAnnouncement(`"beforeExpiry":null,"whenDeleted":null,"requestedAcks":null,"randomizationInterval":null`),
			`{"policyId":"n:p","entries":{"e":{"subjects":{"u:a":{"type":"","announcement":{"whenDeleted":false}}},"resources":{},"importable":"implicit"}}}`},
		{"an announcement with all", inAnnouncement(`"randomizationInterval":"500ms","requestedAcks":{"timeout":"60","labels":["conn:ack","{{connection:id}}:ack"]},"whenDeleted":true,"beforeExpiry":"90m"`),
			`{"policyId":"n:p","entries":{"e":{"subjects":{"u:a":{"type":"","announcement":{"beforeExpiry":"90m","whenDeleted":true,"requestedAcks":{"labels":["conn:ack","{{connection:id}}:ack"],"timeout":"60"},"randomizationInterval":"500ms"}}},"resources":{},"importable":"implicit"}}}`},
		{"imports", `{"entries":{},"imports":{"n:i":{},"n:j":{"entries":[]},"n:k":{"transitiveImports":["n:l"],"entries":["x","x"]},"n:l":{"transitiveImports":[]}}}`,
			`{"policyId":"n:p","imports":{"n:i":{},"n:j":{"entries":[]},"n:k":{"entries":["x"],"transitiveImports":["n:l"]},"n:l":{"entries":[]}},"entries":{}}`},
		{"no imports", `{"imports":{},"entries":{}}`, `{"policyId":"n:p","entries":{}}`},
		{"references", `{"imports":{"n:i":{}},"entries":{"e":{"references":[{"entry":"x","import":"n:i"},{"entry":"f"}]},"f":{}}}`,
			`{"policyId":"n:p","imports":{"n:i":{}},"entries":{"e":{"subjects":{},"resources":{},"importable":"implicit","references":[{"import":"n:i","entry":"x"},{"entry":"f"}]},"f":{"subjects":{},"resources":{},"importable":"implicit"}}}`},
		{"strangers", `{"x":1,"_revision":2,"imports":{"n:i":{"x":1}},"entries":{"e":{"subject":{},"subjects":{"u:a":{"type":"","note":1,"announcement":{"x":1,"requestedAcks":{"y":1}}}},"resources":{"thing:/":{"grant":[],"revoke":[],"revokes":["READ"]}}}}}`,
			`{"policyId":"n:p","imports":{"n:i":{"entries":[]}},"entries":{"e":{"subjects":{"u:a":{"type":"","announcement":{"whenDeleted":false}}},"resources":{"thing:/":{"grant":[],"revoke":[]}},"importable":"implicit"}}}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := modelOf(t, "n:p", c.text)
			if got := m.JSON().String(); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
			if again := modelOf(t, "", c.want).JSON().String(); again != c.want {
				t.Errorf("and again: %s", again)
			}
		})
	}
}

func TestStrangersAreListed(t *testing.T) {
	m := modelOf(t, "n:p", `{"x":1,"entries":{"e":{"subject":{},"subjects":{"u:a":{"type":"","note":1}},"resources":{"thing:/a":{"grant":[],"revoke":[],"revokes":[]}},"references":[]}}}`)
	var got []string
	for _, at := range m.Strangers {
		got = append(got, at.String())
	}
	if want := "/x /entries/e/subject /entries/e/subjects/u:a/note /entries/e/resources/thing:~1a/revokes"; strings.Join(got, " ") != want {
		t.Errorf("%s", got)
	}
}

func TestParseAccepts(t *testing.T) {
	for name, text := range map[string]string{
		"what the documentation has":      `{"policyId":"n:p","entries":{"IMPLICIT":{"subjects":{},"resources":{},"namespaces":["com.acme","com.acme.*"],"importable":"implicit","allowedAdditions":["subjects"]}}}`,
		"an issuer that is a URL":         inEntry(`"subjects":{"https://id.example:ann":{"type":""}}`),
		"colons in a subject":             inEntry(`"subjects":{"integration:n:p:label":{"type":""}}`),
		"characters of other scripts":     `{"entries":{"Ł漢字🎈":{"subjects":{"u:Ł漢字🎈":{"type":"ä"}},"resources":{"thing:/features/漢字":{"grant":[],"revoke":[]}}}}}`,
		"ten imports":                     `{"imports":{` + many(10, `"n:i%d":{}`) + `}}`,
		"a reference to an explicit one":  `{"entries":{"x":{"importable":"explicit"},"e":{"references":[{"entry":"x"}]}}}`,
		"references to each other":        `{"entries":{"x":{"references":[{"entry":"e"}]},"e":{"references":[{"entry":"x"}]}}}`,
		"the same label here and there":   `{"imports":{"n:i":{}},"entries":{"x":{},"e":{"references":[{"entry":"x"},{"entry":"x","import":"n:i"}]}}}`,
		"an entry of the same label":      `{"imports":{"n:i":{}},"entries":{"x":{"references":[{"entry":"x","import":"n:i"}]}}}`,
		"an expiry that is over":          inSubject(`"type":"","expiry":"2001-01-01T00:00:00Z"`),
		"a subject of 256 characters":     inEntry(`"subjects":{"u:` + strings.Repeat("x", 254) + `":{"type":""}}`),
		"a namespace with a dash":         inEntry(`"namespaces":["com-x.acme_1.*"]`),
		"beforeExpiry in milliseconds":    inAnnouncement(`"beforeExpiry":"1ms"`),
		"beforeExpiry without a unit":     inAnnouncement(`"beforeExpiry":"10"`),
		"a label that contains imported":  `{"entries":{"not-imported":{}}}`,
		"an import that is null in parts": inImport(`"entries":null,"transitiveImports":null`),
	} {
		t.Run(name, func(t *testing.T) {
			if m := modelOf(t, "n:p", text); len(m.Strangers) > 0 {
				t.Errorf("%v", m.Strangers)
			}
		})
	}
	if m := modelOf(t, "", `{"policyId":"a:b"}`); m.ID != "a:b" {
		t.Error(m.ID)
	}
	if _, err := Parse("", parsed(t, `{"policyId":"b"}`)); codeOf(err) != "policies:id.invalid" {
		t.Error(err)
	}
}

func FuzzParse(f *testing.F) {
	for _, text := range []string{`{}`, entries("u:a has +R thing:/; -W thing:/a"), importing(`"n:i":{"entries":["x"],"transitiveImports":["n:j"]}`, `x: u:a has +X policy:/entries | "references":[{"import":"n:i","entry":"y"}],"namespaces":["a.*"],"importable":"never","allowedAdditions":[]`),
		inAnnouncement(`"beforeExpiry":"1h","whenDeleted":true,"requestedAcks":{"labels":["abc"],"timeout":"1m"}`), inSubject(`"type":"","expiry":"2030-01-01T00:00:00Z"`)} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		v, err := jsondoc.ParseString(text)
		if err != nil {
			return
		}
		m, refused := Parse("n:p", v)
		if refused != nil {
			if refused.Status != 400 || refused.Code == "" || refused.Message == "" {
				t.Errorf("%+v", refused)
			}
			return
		}
		canonical := m.JSON()
		again, refused := Parse("n:p", canonical)
		if refused != nil || again.JSON().String() != canonical.String() || len(again.Strangers) > 0 {
			t.Fatalf("%s: %v %v", canonical, refused, again)
		}
		load := func(id string) (*Model, error) { return &Model{ID: id, Entries: m.Entries}, nil }
		e, failed := Resolve(m, ResolveOptions{Load: load, Roots: Roots{"*": {"n:root"}}})
		if failed != nil {
			if protocol.AsError(failed).Code != "policies:import.invalid" {
				t.Error(failed)
			}
			return
		}
		m.SomebodyMayWrite()
		for _, entry := range m.Entries {
			for _, s := range entry.Subjects {
				for _, r := range entry.Resources {
					who := Subjects{s.ID}
					for _, what := range []Permission{Read, Write, Execute} {
						reason := e.Explain(who, what, r.Resource, r.Path)
						if reason.Whole && (!reason.Some || len(reason.Here) == 0 || len(reason.Below) > 0) {
							t.Errorf("%s: %+v", canonical, reason)
						}
					}
					e.View(who, r.Resource, nil, canonical)
					e.ViewKey(who, r.Resource)
				}
			}
		}
	})
}
