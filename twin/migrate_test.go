package twin

import (
	"fmt"
	"strings"
	"testing"
)

const migrated = "https://acme.example/lamp-2.tm.jsonld"

// migrate is the envelope of a migration of the lamp.
func migrate(headers, value string) string {
	return `{"topic":"org.acme/lamp/things/twin/commands/migrate","headers":{"correlation-id":"c1"` + headers + `},"path":"/","value":` + value + `}`
}

func TestADefinitionIsMigrated(t *testing.T) {
	for _, c := range []struct {
		name, more string   // of the command's value
		patch      string   // without the definition
		after      []string // as pairs "old => new"
	}{
		{"alone", ``, ``, nil},
		{"with a payload", `,"migrationPayload":{"attributes":{"model":"L2","none":null},"features":{"light":{"properties":{"on":false}}}}`,
			`"attributes":{"model":"L2","none":null},"features":{"light":{"properties":{"on":false}}}`,
			[]string{`"L1" => "L2"`, `,"none":null => `, `"on":true => "on":false`}},
		{"with what a Thing does not have", `,"migrationPayload":{"x":1,"attributes":{"model":"L2"}},"initializeMissingPropertiesFromDefaults":true`,
			`"attributes":{"model":"L2"}`, []string{`"L1" => "L2"`}},
		{"with what the Thing has", `,"migrationPayload":{"attributes":{"lat":"{{ thing-json:attributes/place/lat }}","place":"${thing-json:/features/light/properties/color}",` +
			`"text":"{{thing-json:attributes/model}} at {{ thing-json:attributes/place }}{","list":["{{ thing-json:attributes/model }}"]}}`,
			`"attributes":{"lat":1.50,"place":{"r":1},"text":"L1 at {\"lat\":1.50,\"lon\":2}{","list":["L1"]}`,
			[]string{`{"lat":1.50,"lon":2},"none":null => {"lat":1.50,"lon":2,"r":1},"none":null,"lat":1.50,"text":"L1 at {\"lat\":1.50,\"lon\":2}{","list":["L1"]`}},
		{"with functions", `,"migrationPayload":{"attributes":{"a":"{{ thing-json:attributes/model | fn:lower() }}","b":"{{ thing-json:attributes/x | fn:default('none') }}",` +
			`"c":"{{ thing-json:features/light/definition | fn:substring-after(':') }}","d":"{{ fn:default('x') }}-{{ thing-json:attributes/x | fn:default(thing-json:attributes/model) }}",` +
			`"e":"{{ thing-json:features/light/definition }}.","f":"{{ thing-json:attributes/place | fn:replace('\"','') }}"}}`,
			`"attributes":{"a":"l1","b":"none","c":"light:1.0.0","d":"x-L1","e":"org.acme:light:1.0.0.","f":"{lat:1.50,lon:2}"}`,
			[]string{`"none":null} => "none":null,"a":"l1","b":"none","c":"light:1.0.0","d":"x-L1","e":"org.acme:light:1.0.0.","f":"{lat:1.50,lon:2}"}`}},
		{"with conditions", `,"migrationPayload":{"attributes":{"model":"L2","place":{"lat":3}},"features":{"light":{"properties":{"on":false}}}},` +
			`"patchConditions":{"thing:/attributes/model":"eq(attributes/model,\"L1\")","thing:/attributes/place/lat":"gt(attributes/place/lat,2)",` +
			`"thing:/features/light":"not(exists(/features/light))","thing:/attributes/x":"eq(attributes/x,1)"}`,
			`"attributes":{"model":"L2"}`, []string{`"L1" => "L2"`}},
		{"with all of it left out", `,"migrationPayload":{"attributes":{"model":"L2"}},"patchConditions":{"thing:/attributes":"exists(attributes/x)"}`, ``, nil},
		{"with a pattern", `,"migrationPayload":{"attributes":{"{{ ~m.*~ }}":null}}`, `"attributes":{"{{ ~m.*~ }}":null}`, []string{`"model":"L1", => `}},
	} {
		for _, dry := range []bool{false, true} {
			t.Run(fmt.Sprint(c.name, dry), func(t *testing.T) {
				w := newWorld(t, Options{})
				w.must(lampID, "create", "/", lamp)
				headers, status, said := "", 200, "APPLIED"
				if dry {
					headers, status, said = `,"dry-run":true`, 202, "DRY_RUN"
				}
				o := w.send(migrate(headers, `{"thingDefinitionUrl":"`+migrated+`"`+c.more+`}`))
				patch := `"definition":"` + migrated + `"`
				if c.patch != "" {
					patch += "," + c.patch
				}
				if want := `{"thingId":"org.acme:lamp","patch":{` + patch + `},"mergeStatus":"` + said + `"}`; o.Response.Status != status || text(o.Response.Value) != want {
					t.Fatalf("answered %s\nwant %s", o.Response.AppendJSON(nil), want)
				}
				want, wantRevision := lamp, uint64(1)
				if !dry {
					want, wantRevision = strings.Replace(lamp, "org.acme:lamp:1.0.0", migrated, 1), 2
					for _, change := range c.after {
						old, new, _ := strings.Cut(change, " => ")
						if !strings.Contains(want, old) {
							t.Fatalf("nothing says %s", old)
						}
						want = strings.Replace(want, old, new, 1)
					}
					e := o.Events[0]
					contentType, _ := e.Headers.Get("content-type")
					if told := `{"thingId":"org.acme:lamp",` + patch + `}`; e.Topic.Action != "migrated" || e.Path.String() != "/" || text(e.Value) != told || e.Revision != 2 ||
						contentType != "application/merge-patch+json" {
						t.Errorf("told %s", e.AppendJSON(nil))
					}
				} else if len(o.Events) != 0 {
					t.Error("there is an event")
				}
				w.reopen(Options{})
				if got, revision := w.thing(lampID); got != want || revision != wantRevision {
					t.Errorf("the Thing is %d\n%s\nwant %d\n%s", revision, got, wantRevision, want)
				}
			})
		}
	}
}

func TestAMigrationThatIsNoneIsRefused(t *testing.T) {
	w := newWorld(t, Options{ThingSize: 2000})
	const to = `{"thingDefinitionUrl":"` + migrated + `"`
	if o := w.send(migrate("", to+`}`)); o.Err == nil || o.Err.Code != "things:thing.notfound" {
		t.Errorf("of no Thing: %v", o.Err)
	}
	w.must(lampID, "create", "/", lamp)
	w.must(lampID, "modify", "/attributes/long", `"`+strings.Repeat("x", 300)+`"`)
	before, _ := w.thing(lampID)
	for _, c := range []struct{ name, envelope, code string }{
		{"without a definition", migrate("", `{"migrationPayload":{}}`), "json.field.missing"},
		{"a definition that is no text", migrate("", `{"thingDefinitionUrl":1}`), "json.invalid"},
		{"a definition that is none", migrate("", `{"thingDefinitionUrl":"x"}`), "things:definition.identifier.invalid"},
		{"a number", migrate("", `1`), "json.format.invalid"},
		{"no value", `{"topic":"org.acme/lamp/things/twin/commands/migrate","path":"/"}`, "json.invalid"},
		{"a payload that is none", migrate("", to+`,"migrationPayload":1}`), "json.invalid"},
		{"attributes that are none", migrate("", to+`,"migrationPayload":{"attributes":1}}`), "json.invalid"},
		{"another ID", migrate("", to+`,"migrationPayload":{"thingId":"org.acme:x"}}`), "things:id.notsettable"},
		{"a condition that is none", migrate("", to+`,"patchConditions":{"thing:/attributes":"eq("}}`), "rql.expression.invalid"},
		{"a condition that is no text", migrate("", to+`,"patchConditions":{"thing:/attributes":1}}`), "json.format.invalid"},
		{"a condition on nothing", migrate("", to+`,"patchConditions":{"attributes":"exists(attributes)"}}`), "json.invalid"},
		{"a placeholder for what is not there", migrate("", to+`,"migrationPayload":{"attributes":{"a":"{{ thing-json:attributes/x }}"}}}`), "placeholder:unresolved"},
		{"a function that is none", migrate("", to+`,"migrationPayload":{"attributes":{"a":"{{ thing-json:attributes/model | fn:shout() }}"}}}`), "placeholder:function.unknown"},
		{"a function without its argument", migrate("", to+`,"migrationPayload":{"attributes":{"a":"{{ thing-json:attributes/model | fn:default() }}"}}}`), "placeholder:function.signature.invalid"},
		{"a function that cannot work", migrate("", to+`,"migrationPayload":{"attributes":{"a":"{{ thing-json:attributes/model | fn:base64-decode() }}{{ thing-json:attributes/long | fn:replace('x','`+strings.Repeat("y", 10_000)+`') }}"}}}`), "placeholder:function.signature.invalid"},
		{"too many functions", migrate("", to+`,"migrationPayload":{"attributes":{"a":"{{ thing-json:attributes/model`+strings.Repeat(" | fn:trim()", 11)+` }}"}}}`), "placeholder:function.too.complex"},
		{"functions with much to do", migrate("", to+`,"migrationPayload":{"attributes":{"a":"`+strings.Repeat("{{thing-json:attributes/long|fn:filter('eq','z')|fn:default('')}}", 20000)+`"}}}`), "placeholder:function.too.complex"},
		{"a function that leaves nothing", migrate("", to+`,"migrationPayload":{"attributes":{"a":"{{ thing-json:attributes/model | fn:delete() }}"}}}`), "placeholder:unresolved"},
		{"too much by placeholders", migrate("", to+`,"migrationPayload":{"attributes":{"a":"`+strings.Repeat("{{thing-json:attributes/long}}", 50)+`"}}}`), "things:thing.toolarge"},
		{"too much by whole placeholders", migrate("", to+`,"migrationPayload":{"attributes":{"a":[`+strings.Repeat(`"{{thing-json:attributes/long}}",`, 50)+`1]}}}`), "things:thing.toolarge"},
		{"a condition of the command that does not hold", migrate(`,"condition":"exists(attributes/x)"`, to+`}`), "things:condition.failed"},
		{"a part of the Thing", strings.Replace(migrate("", to+`}`), `"path":"/"`, `"path":"/definition"`, 1), "protocoladapter:unknown.topicpath"},
		{"dry-run of another command", strings.Replace(command(lampID, "modify", "/attributes/a", "1"), `"c1"`, `"c1","dry-run":true`, 1), "header.notsupported"},
	} {
		envelopes := []string{c.envelope}
		if !strings.Contains(c.envelope, "dry-run") {
			envelopes = append(envelopes, strings.Replace(c.envelope, `"headers":{`, `"headers":{"dry-run":"true",`, 1))
		}
		for _, envelope := range envelopes {
			o := w.send(envelope)
			if o.Err == nil || o.Err.Code != c.code {
				t.Errorf("%s: %v", c.name, o.Err)
			}
		}
	}
	if after, _ := w.thing(lampID); after != before {
		t.Errorf("changed to %s", after)
	}
}
