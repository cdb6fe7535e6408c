package twin

import (
	"fmt"
	"strings"
	"testing"

	"github.com/twinbroker/twinbroker/twin/jsondoc"
	"github.com/twinbroker/twinbroker/twin/store"
)

// metadata are those of the lamp; "" when there are none.
func (w *world) metadata() string {
	w.t.Helper()
	e, err := w.store.View(store.Key{Kind: kindThing, ID: lampID})
	if err != nil {
		w.t.Fatal(err)
	}
	return text(documentOf(e).metadata)
}

const (
	// What is said about the lamp to begin with.
	said = `{"attributes":{"model":{"by":"me"},"place":{"lat":{"unit":"deg"},"note":1}},"features":{"light":{"properties":{"on":{"by":"me","at":1},"color":{"r":{"at":2}}}}}}`
)

func TestMetadata(t *testing.T) {
	put := func(entries string) string { return `"put-metadata":[` + entries + `]` }
	for _, tc := range []struct {
		name, action, path, value, headers string
		before                             string // metadata of the lamp; "" is none
		code                               string // of an error; "" is none
		after                              string
	}{
		{"of a Thing", "modify", "/", lamp, put(`{"key":"/features/light/properties/on/by","value":"me"},{"key":"attributes/note","value":{"a":null}}`), "",
			"", `{"attributes":{"note":{"a":null}},"features":{"light":{"properties":{"on":{"by":"me"}}}}}`},
		{"beside what is said already", "modify", "/attributes/model", `"L2"`, put(`{"key":"at","value":5}`), said,
			"", strings.Replace(said, `{"by":"me"},"place"`, `{"by":"me","at":5},"place"`, 1)},
		{"of a scalar, for its leaf", "modify", "/attributes/model", `"L2"`, put(`{"key":"*/at","value":5}`), "", "", `{"attributes":{"model":{"at":5}}}`},
		{"of a merge, for its leaves", "merge", "/features/light", `{"properties":{"color":{"r":2,"g":3}}}`, put(`{"key":"*/at","value":5}`), "",
			"", `{"features":{"light":{"properties":{"color":{"r":{"at":5},"g":{"at":5}}}}}}`},
		{"for all leaves and for one", "merge", "/", `{"attributes":{"model":"L2","place":{"lat":1}}}`, put(`{"key":"attributes/model/at","value":6},{"key":"*/at","value":5}`), "",
			"", `{"attributes":{"model":{"at":6},"place":{"lat":{"at":5}}}}`},
		{"for all leaves of a Thing", "modify", "/", `{"thingId":"org.acme:lamp","policyId":"org.acme:lamp","definition":"a:b:c","features":{"f":{"definition":["a:b:c"],"desiredProperties":{"x":[{}]}}}}`,
			put(`{"key":"*/at","value":5}`), "", "", `{"definition":{"at":5},"features":{"f":{"definition":{"at":5},"desiredProperties":{"x":{"at":5}}}}}`},
		{"for all attributes", "modify", "/", lamp, put(`{"key":"attributes/*/by/whom","value":"me"}`), "", "",
			`{"attributes":{"model":{"by":{"whom":"me"}},"place":{"by":{"whom":"me"}},"none":{"by":{"whom":"me"}}}}`},
		{"for all properties of all Features", "modify", "/", lamp, put(`{"key":"/features/*/properties/*/by","value":"me"}`), "", "",
			`{"features":{"light":{"properties":{"on":{"by":"me"},"color":{"by":"me"}}}}}`},
		{"for one property of all Features", "modify", "/", lamp, put(`{"key":"features/*/desiredProperties/on/by","value":"me"}`), "", "",
			`{"features":{"light":{"desiredProperties":{"on":{"by":"me"}}},"bare":{"desiredProperties":{"on":{"by":"me"}}}}}`},
		{"for all properties of a Feature", "modify", "/", lamp, put(`{"key":"features/light/properties/*/by","value":"me"}`), "", "",
			`{"features":{"light":{"properties":{"on":{"by":"me"},"color":{"by":"me"}}}}}`},
		{"at the Features", "modify", "/features", `{"a":{"properties":{"x":1}},"b":{"properties":{"x":2,"y":3}}}`, put(`{"key":"*/properties/*/by","value":"me"}`), "", "",
			`{"features":{"a":{"properties":{"x":{"by":"me"}}},"b":{"properties":{"x":{"by":"me"},"y":{"by":"me"}}}}}`},
		{"at a Feature", "modify", "/features/a", `{"properties":{"x":1}}`, put(`{"key":"properties/*/by","value":"me"}`), "", "",
			`{"features":{"a":{"properties":{"x":{"by":"me"}}}}}`},
		{"a wildcard that is not for the path", "modify", "/attributes", `{}`, put(`{"key":"attributes/*/by","value":"me"}`), "", "header.invalid", ""},
		{"two wildcards in a row", "modify", "/", lamp, put(`{"key":"attributes/*/*/by","value":"me"}`), "", "header.invalid", ""},
		{"two headers", "modify", "/", lamp, put(``) + `,"delete-metadata":"*"`, "", "things:metadata.headersconflict", ""},
		{"two headers of a retrieve", "retrieve", "/", "", `"get-metadata":"*","delete-metadata":"*"`, "", "things:metadata.headersconflict", ""},
		{"in the Thing that is there", "modify", "/", `{"_metadata":{"x":1}}`, ``, said, "", said},

		{"deleted", "modify", "/attributes/place/lat", `2`, `"delete-metadata":"unit"`, said, "", strings.Replace(said, `"lat":{"unit":"deg"}`, `"lat":{}`, 1)},
		{"deleted, and what is empty then", "merge", "/", `{"attributes":{}}`, `"delete-metadata":"attributes/place/lat/unit,attributes/model"`, said,
			"", strings.Replace(said, `"model":{"by":"me"},"place":{"lat":{"unit":"deg"},"note":1}`, `"place":{"note":1}`, 1)},
		{"all deleted", "merge", "/", `{}`, `"delete-metadata":"*"`, said, "", `{}`},
		{"all of a part deleted", "modify", "/attributes", `{"model":"L2"}`, `"delete-metadata":"*"`, said, "", `{"attributes":{},` + said[strings.Index(said, `"features"`):]},
		{"one key of all leaves deleted", "merge", "/", `{}`, `"delete-metadata":"*/at"`, said, "",
			`{"attributes":{"model":{"by":"me"},"place":{"lat":{"unit":"deg"},"note":1}},"features":{"light":{"properties":{"on":{"by":"me"}}}}}`},
		{"deleted, where there are none", "merge", "/", `{}`, `"delete-metadata":"attributes/*/by"`, "", "", ""},

		{"what a delete removes", "delete", "/features/light/properties/on", "", ``, said, "", strings.Replace(said, `"on":{"by":"me","at":1},`, ``, 1)},
		{"what a merge removes", "merge", "/attributes", `{"place":{"lat":null},"model":null}`, ``, said, "", strings.Replace(said, `"model":{"by":"me"},"place":{"lat":{"unit":"deg"},"note":1}`, `"place":{"note":1}`, 1)},
		{"what a modify replaces", "modify", "/attributes/place", `{"x":1}`, ``, said, "", said},
		{"what a modify empties", "modify", "/attributes/place", `{}`, ``, said, "", strings.Replace(said, `"place":{"lat":{"unit":"deg"},"note":1}`, `"place":{}`, 1)},
		{"a Thing that goes", "delete", "/", "", ``, said, "", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := newWorld(t, Options{})
			begin := lamp
			if tc.before != "" {
				begin = strings.TrimSuffix(lamp, "}") + `,"_metadata":` + tc.before + `}`
			}
			if o := w.must(lampID, "create", "/", begin); text(o.Response.Value) != lamp || text(o.Events[0].Value) != lamp || w.metadata() != tc.before {
				t.Fatalf("made with %s: %s", w.metadata(), o.Response.AppendJSON(nil))
			}
			o := w.send(with(tc.action, tc.path, tc.value, tc.headers))
			if tc.code != "" {
				if o.Err == nil || o.Err.Code != tc.code || o.Err.Status != 400 || w.metadata() != tc.before {
					t.Errorf("%s", o.Response.AppendJSON(nil))
				}
				return
			}
			if o.Err != nil {
				t.Fatal(o.Err)
			}
			if got := w.metadata(); got != tc.after {
				t.Errorf("are\n%s\nwant\n%s", got, tc.after)
			}
			if strings.Contains(text(o.After), "_metadata") || strings.Contains(string(o.Events[0].AppendJSON(nil)), "_metadata") {
				t.Errorf("told outside: %s", o.Events[0].AppendJSON(nil))
			}
			thing, _ := w.thing(lampID)
			w.reopen(Options{})
			if got := w.metadata(); got != tc.after {
				t.Errorf("are read from the disk as\n%s", got)
			}
			if got, _ := w.thing(lampID); got != thing {
				t.Errorf("the Thing is read from the disk as\n%s", got)
			}
		})
	}
}

func TestMetadataOfAThingThatIsMade(t *testing.T) {
	for _, tc := range []struct{ name, action, path, value, headers, code, want string }{
		{"inline, by create", "create", "/", `{"_metadata":{"a":1}}`, "", "", `{"a":1}`},
		{"inline, by modify", "modify", "/", `{"_metadata":{"a":1}}`, "", "", `{"a":1}`},
		{"inline, by merge", "merge", "/", `{"_metadata":{"a":1}}`, "", "", `{"a":1}`},
		{"by header", "create", "/", `{"attributes":{"a":1}}`, `"put-metadata":"[{\"key\":\"*/by\",\"value\":1}]"`, "", `{"attributes":{"a":{"by":1}}}`},
		{"by header, with modify", "modify", "/", `{"attributes":{"a":1}}`, `"put-metadata":[{"key":"attributes/by","value":1}]`, "", `{"attributes":{"by":1}}`},
		{"both", "create", "/", `{"_metadata":{"a":1}}`, `"put-metadata":[{"key":"x","value":1}]`, "things:metadata.notmodifiable", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := newWorld(t, Options{})
			o := w.send(with(tc.action, tc.path, tc.value, tc.headers))
			if tc.code == "" && o.Err != nil || tc.code != "" && (o.Err == nil || o.Err.Code != tc.code) {
				t.Fatal(o.Err)
			}
			if got := w.metadata(); got != tc.want {
				t.Errorf("are %s", got)
			}
		})
	}
}

func TestMetadataAreTold(t *testing.T) {
	w := newWorld(t, Options{})
	w.must(lampID, "create", "/", strings.TrimSuffix(lamp, "}")+`,"_metadata":`+said+`}`)
	get := func(path, fields, wanted string) (value, metadata string) {
		t.Helper()
		headers := ""
		if wanted != "" {
			headers = `"get-metadata":"` + wanted + `"`
		}
		o := w.send(`{"topic":"org.acme/lamp/things/twin/commands/retrieve","headers":{` + headers + `},"path":"` + path + `","fields":"` + fields + `"}`)
		if o.Err != nil {
			t.Fatal(o.Err)
		}
		return text(o.Response.Value), text(o.Response.Headers.Value("ditto-metadata"))
	}
	for _, tc := range []struct{ path, fields, wanted, value, metadata string }{
		{"/", "thingId,_metadata", "", `{"thingId":"org.acme:lamp","_metadata":` + said + `}`, ""},
		{"/", "_metadata/attributes/model", "", `{"_metadata":{"attributes":{"model":{"by":"me"}}}}`, ""},
		{"/", "thingId", "*", `{"thingId":"org.acme:lamp"}`, said},
		{"/attributes/model", "", "*", `"L1"`, `{"by":"me"}`},
		{"/attributes/model", "", "by,at", `"L1"`, `{"by":"me"}`},
		{"/attributes/none", "", "*", `null`, `{}`},
		{"/", "thingId", "attributes/*/by", `{"thingId":"org.acme:lamp"}`, `{"attributes":{"model":{"by":"me"}}}`},
		{"/", "thingId", "*/at", `{"thingId":"org.acme:lamp"}`, `{"features":{"light":{"properties":{"on":{"at":1},"color":{"r":{"at":2}}}}}}`},
		{"/", "thingId", "features/light/properties(on/by,color)", `{"thingId":"org.acme:lamp"}`, `{"features":{"light":{"properties":{"on":{"by":"me"},"color":{"r":{"at":2}}}}}}`},
		{"/attributes", "model", "place/note", `{"model":"L1"}`, `{"place":{"note":1}}`},
		{"/attributes", "model", "*/by", `{"model":"L1"}`, `{"model":{"by":"me"}}`},
	} {
		if value, metadata := get(tc.path, tc.fields, tc.wanted); value != tc.value || metadata != tc.metadata {
			t.Errorf("%s with fields %q, get-metadata %q: %s, %s", tc.path, tc.fields, tc.wanted, value, metadata)
		}
	}
	if value, _ := get("/", "", ""); value != lamp {
		t.Errorf("%s", value)
	}
	if o := w.send(with("retrieve", "/", "", `"get-metadata":"features/*/x/*/y"`)); o.Err == nil || o.Err.Code != "header.invalid" || o.Err.Header != "get-metadata" {
		t.Errorf("%v", o.Err)
	}
	if o := w.send(with("retrieve", "/", "", `"condition":"eq(_metadata/attributes/model/by,\"me\")"`)); o.Err != nil {
		t.Errorf("a condition on metadata: %v", o.Err)
	}
}

func TestMetadataAreNoDeeperThanAThing(t *testing.T) {
	w := newWorld(t, Options{})
	w.must(lampID, "create", "/", lamp)
	for levels, fits := range map[int]bool{62: true, 63: false, 5000: false} {
		key := strings.Repeat("k/", levels-1) + "k"
		o := w.send(with("modify", "/attributes/model", `"L2"`, `"put-metadata":[{"key":"`+key+`","value":1}]`))
		if (o.Err == nil) != fits || !fits && o.Err.Code != "header.invalid" {
			t.Errorf("%d levels: %v", levels, o.Err)
		}
	}
	w.reopen(Options{})
}

func TestMetadataCountForTheSizeOfAThing(t *testing.T) {
	w := newWorld(t, Options{ThingSize: 300})
	w.must(lampID, "create", "/", `{"attributes":{"a":1}}`)
	long := strings.Repeat("x", 300)
	if o := w.send(with("modify", "/attributes/a", "2", `"put-metadata":[{"key":"x","value":"`+long+`"}]`)); o.Err == nil || o.Err.Code != "things:thing.toolarge" {
		t.Errorf("%v", o.Err)
	}
	if w.metadata() != "" {
		t.Errorf("they are there: %s", w.metadata())
	}
}

func TestRecordsOfChangesWithMetadata(t *testing.T) {
	value, _ := jsondoc.ParseString(`{"b":1}`)
	metadata, _ := jsondoc.ParseString(`{"c":[2]}`)
	for _, c := range []change{
		{op: opSet, path: jsondoc.Pointer{"a"}, value: value, metadata: metadata},
		{op: opPut, value: value, metadata: jsondoc.Object()},
		{op: opMerge, path: jsondoc.Pointer{strings.Repeat("a", 200)}, value: jsondoc.Null(), metadata: metadata},
		{op: opDelete, path: jsondoc.Pointer{"a"}, metadata: metadata},
	} {
		record := c.appendTo(nil)
		got, err := decodeChange(record)
		if err != nil || got.op != c.op || got.path.String() != c.path.String() || text(got.value) != text(c.value) || text(got.metadata) != text(c.metadata) {
			t.Errorf("%+v became %+v (%v)", c, got, err)
		}
		if c.value == nil {
			for n := range record {
				if _, err := decodeChange(record[:n]); err == nil {
					t.Errorf("%q is taken for a whole record", record[:n])
				}
			}
		}
	}
}

func TestAThingIsWrittenDownAndReadWithItsMetadata(t *testing.T) {
	w := newWorld(t, Options{})
	w.must(lampID, "create", "/", strings.TrimSuffix(lamp, "}")+`,"_metadata":`+said+`}`)
	var line string
	if err := w.EachEntity(t.Context(), func(l *Line) error {
		if !l.Policy {
			line = string(l.Text)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(line, `,"_metadata":`+said+`,"_revision":1,`) {
		t.Fatal(line)
	}
	place := func(text string) Placed {
		t.Helper()
		e, refused := w.ReadEntity([]byte(text))
		if refused != nil {
			t.Fatal(refused)
		}
		got := make(chan Placed, 1)
		w.PutEntity(e, w.sender, Replace, func(p Placed, o *Outcome) {
			if o.Err != nil {
				t.Error(o.Err)
			}
			got <- p
		})
		return <-got
	}
	if did := place(line); did != Unchanged {
		t.Errorf("the same: %d", did)
	}
	if did := place(lamp); did != Replaced || w.metadata() != "{}" {
		t.Errorf("without metadata: %d, %s", did, w.metadata())
	}
	if did := place(lamp); did != Unchanged {
		t.Errorf("without metadata again: %d", did)
	}
	if did := place(line); did != Replaced || w.metadata() != said {
		t.Errorf("with metadata again: %d, %s", did, w.metadata())
	}
	if _, refused := w.ReadEntity([]byte(`{"thingId":"a:b","_metadata":[]}`)); refused == nil {
		t.Error("metadata that are no object are read")
	}
}

func TestWildcardsStandForAsManyPlacesAsAThingMayHave(t *testing.T) {
	w := newWorld(t, Options{ThingSize: -1})
	var members, entries []string
	for i := range 700 {
		members = append(members, fmt.Sprintf(`"a%d":1`, i))
	}
	for i := range 100 {
		entries = append(entries, fmt.Sprintf(`{"key":"*/k%d","value":1}`, i))
	}
	attributes := "{" + strings.Join(members, ",") + "}"
	w.must(lampID, "create", "/", `{}`)
	if o := w.send(with("modify", "/attributes", attributes, `"put-metadata":[`+strings.Join(entries[:90], ",")+`]`)); o.Err != nil {
		t.Error(o.Err)
	}
	had := w.metadata()
	if n := strings.Count(had, `"k89":1`); n != 700 {
		t.Errorf("%d places", n)
	}
	if o := w.send(with("modify", "/attributes", attributes, `"put-metadata":[`+strings.Join(entries, ",")+`]`)); o.Err == nil || o.Err.Code != "header.invalid" {
		t.Errorf("%v", o.Err)
	}
	if w.metadata() != had {
		t.Error("it was changed")
	}
}
