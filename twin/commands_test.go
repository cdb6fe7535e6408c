package twin

import (
	"strings"
	"testing"
)

// The Thing that most specifications begin with.
const (
	lampID = "org.acme:lamp"
	lamp   = `{"thingId":"org.acme:lamp","policyId":"org.acme:lamp","definition":"org.acme:lamp:1.0.0",` +
		`"attributes":{"model":"L1","place":{"lat":1.50,"lon":2},"none":null},` +
		`"features":{"light":{"definition":["org.acme:light:1.0.0"],"properties":{"on":true,"color":{"r":1}},` +
		`"desiredProperties":{"on":false}},"bare":{}}}`
	// and one that has nothing.
	nakedID = "org.acme:naked"
	naked   = `{"thingId":"org.acme:naked","policyId":"org.acme:naked"}`
)

// spec is one command and what must come of it.
type spec struct {
	name   string
	thing  string // the Thing that is there: lamp, naked or ""
	action string
	path   string
	value  string // "" is none

	status int    // of the response
	answer string // the value of the response, or the code of the error
	event  string // the action of the event; "" is none
	told   string // the value of the event; "=" is the command's
	// after is the Thing afterwards, as what differs from before: pairs
	// "old => new", where an empty old stands for all of it. nil: unchanged.
	after []string
}

func (s *spec) run(t *testing.T, w *world) {
	id := lampID
	if s.thing == naked {
		id = nakedID
	}
	w.provision("org.acme:shared", everything("user:ann"))
	if s.thing != "" {
		w.must(id, "create", "/", s.thing)
	}
	before, rev := w.thing(id)
	if before != s.thing {
		t.Fatalf("the Thing to begin with is %s", before)
	}
	o := w.send(command(id, s.action, s.path, s.value))

	if o.Response == nil || o.Response.Status != s.status {
		t.Fatalf("answered %s", o.Response.AppendJSON(nil))
	}
	if got := o.Response.Headers.CorrelationID(); got != "c1" {
		t.Errorf("correlation-id of the response: %q", got)
	}
	if o.Err != nil {
		if o.Err.Code != s.answer || o.Err.Status != s.status {
			t.Errorf("refused with %d %s (%s), want %d %s", o.Err.Status, o.Err.Code, o.Err, s.status, s.answer)
		}
		if got := o.Response.Topic.String(); got != strings.Replace(id, ":", "/", 1)+"/things/twin/errors" {
			t.Errorf("the error's topic is %s", got)
		}
	} else {
		if got := text(o.Response.Value); got != s.answer {
			t.Errorf("answered with value %s, want %s", got, s.answer)
		}
		if got := o.Response.Topic.String(); got != strings.Replace(id, ":", "/", 1)+"/things/twin/commands/"+s.action {
			t.Errorf("the response's topic is %s", got)
		}
		if got := o.Response.Path.String(); got != s.path {
			t.Errorf("the response's path is %s", got)
		}
	}

	after, newRev := w.thing(id)
	want := before
	for _, change := range s.after {
		old, new, _ := strings.Cut(change, " => ")
		if old == "" {
			want = new
		} else if !strings.Contains(want, old) {
			t.Fatalf("nothing says %s", old)
		} else {
			want = strings.Replace(want, old, new, 1)
		}
	}
	if after != want {
		t.Errorf("the Thing is\n%s\nwant\n%s", after, want)
	}

	if s.event == "" {
		if len(o.Events) != 0 || newRev != rev || o.After != nil || o.Before != nil {
			t.Errorf("%d events, revision %d after %d", len(o.Events), newRev, rev)
		}
		return
	}
	if len(o.Events) != 1 || newRev != rev+1 {
		t.Fatalf("%d events, revision %d after %d", len(o.Events), newRev, rev)
	}
	ev := o.Events[0]
	told := s.told
	if told == "=" {
		told = s.value
	}
	if ev.Topic.String() != strings.Replace(id, ":", "/", 1)+"/things/twin/events/"+s.event ||
		ev.Path.String() != s.path || text(ev.Value) != told || ev.Revision != newRev || ev.Timestamp.IsZero() {
		t.Errorf("told %s", ev.AppendJSON(nil))
	}
	if got := text(o.Before); got != before {
		t.Errorf("before: %s", got)
	}
	if got := text(o.After); got != after {
		t.Errorf("after: %s", got)
	}
}

func runSpecs(t *testing.T, specs []spec) {
	for i := range specs {
		s := &specs[i]
		t.Run(s.name, func(t *testing.T) { s.run(t, newWorld(t, Options{})) })
	}
}

func TestModify(t *testing.T) {
	const (
		light   = `{"definition":["org.acme:light:1.0.0"],"properties":{"on":true,"color":{"r":1}},"desiredProperties":{"on":false}}`
		newLamp = `{"thingId":"org.acme:lamp","policyId":"org.acme:lamp","attributes":{"a":1}}`
	)
	runSpecs(t, []spec{
		{"a Thing that is not there makes it", "", "modify", "/", `{"attributes":{"a":1}}`,
			201, newLamp, "created", newLamp, []string{" => " + newLamp}},
		{"a Thing replaces it and keeps its Policy", lamp, "modify", "/", `{"attributes":{"a":1}}`,
			204, "", "modified", newLamp, []string{" => " + newLamp}},
		{"a Thing with its ID and another Policy", lamp, "modify", "/", `{"thingId":"org.acme:lamp","policyId":"org.acme:shared"}`,
			204, "", "modified", `{"thingId":"org.acme:lamp","policyId":"org.acme:shared"}`,
			[]string{` => {"thingId":"org.acme:lamp","policyId":"org.acme:shared"}`}},
		{"a Thing leaves out what a Thing does not have", lamp, "modify", "/",
			`{"x":1,"attributes":{"a":1},"_revision":7,"features":{"f":{"y":1}}}`, 204, "", "modified",
			`{"thingId":"org.acme:lamp","policyId":"org.acme:lamp","attributes":{"a":1},"features":{"f":{}}}`,
			[]string{` => {"thingId":"org.acme:lamp","policyId":"org.acme:lamp","attributes":{"a":1},"features":{"f":{}}}`}},
		{"a Thing with nulls keeps them", lamp, "modify", "/", `{"definition":null,"attributes":null,"features":null}`,
			204, "", "modified", `{"thingId":"org.acme:lamp","policyId":"org.acme:lamp","definition":null,"attributes":null,"features":null}`,
			[]string{` => {"thingId":"org.acme:lamp","policyId":"org.acme:lamp","definition":null,"attributes":null,"features":null}`}},
		{"a Thing with another ID", lamp, "modify", "/", `{"thingId":"org.acme:other"}`, 400, "things:id.notsettable", "", "", nil},
		{"a Thing with an ID that is none", lamp, "modify", "/", `{"thingId":"lamp"}`, 400, "things:id.invalid", "", "", nil},
		{"a Thing with a Policy ID that is none", lamp, "modify", "/", `{"policyId":"p"}`, 400, "policies:id.invalid", "", "", nil},
		{"a Thing that is a number", lamp, "modify", "/", `1`, 400, "json.format.invalid", "", "", nil},
		{"a Thing without a value", lamp, "modify", "/", ``, 400, "json.invalid", "", "", nil},
		{"a Thing with metadata that are no object", lamp, "modify", "/", `{"_metadata":1}`, 400, "json.invalid", "", "", nil},
		{"a Thing passes over an inline Policy", lamp, "modify", "/", `{"_policy":{},"attributes":{"a":1}}`, 204, "", "modified", newLamp, []string{" => " + newLamp}},
		{"a Thing with an inline Policy that is none", lamp, "modify", "/", `{"_policy":1}`, 400, "json.invalid", "", "", nil},
		{"a Thing passes over a Policy to copy", lamp, "modify", "/", `{"_copyPolicyFrom":"a:b","attributes":{"a":1}}`, 204, "", "modified", newLamp, []string{" => " + newLamp}},
		{"a Thing with a Policy to copy that has no ID", lamp, "modify", "/", `{"_copyPolicyFrom":"b"}`, 400, "policies:id.invalid", "", "", nil},
		{"a Thing with two Policies", lamp, "modify", "/", `{"_copyPolicyFrom":"a:b","_policy":{}}`, 400, "things:policy.conflicting", "", "", nil},

		{"the Thing's ID", lamp, "modify", "/thingId", `"org.acme:lamp"`, 400, "protocoladapter:unknown.path", "", "", nil},
		{"the Policy ID", lamp, "modify", "/policyId", `"org.acme:shared"`, 204, "", "modified", "=",
			[]string{`"policyId":"org.acme:lamp" => "policyId":"org.acme:shared"`}},
		{"the Policy ID to one that is not there", lamp, "modify", "/policyId", `"org.acme:p"`, 404, "policies:policy.notfound", "", "", nil},
		{"the Policy ID to none", lamp, "modify", "/policyId", `"p"`, 400, "policies:id.invalid", "", "", nil},
		{"the Policy ID to a number", lamp, "modify", "/policyId", `1`, 400, "json.format.invalid", "", "", nil},
		{"the Policy ID of no Thing", "", "modify", "/policyId", `"org.acme:p"`, 404, "things:thing.notfound", "", "", nil},

		{"the definition", lamp, "modify", "/definition", `"org.acme:lamp:2.0.0"`, 204, "", "modified", "=",
			[]string{`org.acme:lamp:1.0.0 => org.acme:lamp:2.0.0`}},
		{"the definition to a URL", lamp, "modify", "/definition", `"https://acme.example/lamp.tm.jsonld"`, 204, "", "modified", "=",
			[]string{`org.acme:lamp:1.0.0 => https://acme.example/lamp.tm.jsonld`}},
		{"the definition of a Thing without", naked, "modify", "/definition", `"a:b:c"`, 201, `"a:b:c"`, "created", "=",
			[]string{`naked"} => naked","definition":"a:b:c"}`}},
		{"the definition to null", lamp, "modify", "/definition", `null`, 204, "", "modified", "=",
			[]string{`"org.acme:lamp:1.0.0" => null`}},
		{"the definition to none", lamp, "modify", "/definition", `"a:b"`, 400, "things:definition.identifier.invalid", "", "", nil},
		{"the definition to a file", lamp, "modify", "/definition", `"file:///x"`, 400, "things:definition.identifier.invalid", "", "", nil},
		{"the definition to an object", lamp, "modify", "/definition", `{}`, 400, "json.format.invalid", "", "", nil},
		{"the definition of no Thing", "", "modify", "/definition", `"a:b:c"`, 404, "things:thing.notfound", "", "", nil},

		{"the attributes", lamp, "modify", "/attributes", `{"b":1}`, 204, "", "modified", "=",
			[]string{`{"model":"L1","place":{"lat":1.50,"lon":2},"none":null} => {"b":1}`}},
		{"the attributes of a Thing without", naked, "modify", "/attributes", `{"b":1}`, 201, `{"b":1}`, "created", "=",
			[]string{`naked"} => naked","attributes":{"b":1}}`}},
		{"the attributes to null", lamp, "modify", "/attributes", `null`, 204, "", "modified", "=",
			[]string{`{"model":"L1","place":{"lat":1.50,"lon":2},"none":null} => null`}},
		{"the attributes to an array", lamp, "modify", "/attributes", `[]`, 400, "json.format.invalid", "", "", nil},
		{"the attributes with a forbidden key", lamp, "modify", "/attributes", `{"a":{"b/c":1}}`, 400, "json.key.invalid", "", "", nil},
		{"the attributes of no Thing", "", "modify", "/attributes", `{}`, 404, "things:thing.notfound", "", "", nil},

		{"an attribute", lamp, "modify", "/attributes/model", `"L2"`, 204, "", "modified", "=", []string{`"L1" => "L2"`}},
		{"an attribute to what it is", lamp, "modify", "/attributes/model", `"L1"`, 204, "", "modified", "=", nil},
		{"an attribute that is null", lamp, "modify", "/attributes/none", `1`, 204, "", "modified", "=", []string{`"none":null => "none":1`}},
		{"an attribute to null", lamp, "modify", "/attributes/model", `null`, 204, "", "modified", "=", []string{`"L1" => null`}},
		{"a new attribute", lamp, "modify", "/attributes/new", `1e3`, 201, `1e3`, "created", "=", []string{`"none":null => "none":null,"new":1e3`}},
		{"an inner attribute", lamp, "modify", "/attributes/place/lat", `23.420`, 204, "", "modified", "=", []string{`1.50 => 23.420`}},
		{"an inner attribute with what is on the way", lamp, "modify", "/attributes/x/y/z", `1`, 201, `1`, "created", "=",
			[]string{`"none":null => "none":null,"x":{"y":{"z":1}}`}},
		{"an attribute inside a null", lamp, "modify", "/attributes/none/x", `1`, 201, `1`, "created", "=",
			[]string{`"none":null => "none":{"x":1}`}},
		{"an attribute of a Thing without", naked, "modify", "/attributes/a", `1`, 201, `1`, "created", "=",
			[]string{`naked"} => naked","attributes":{"a":1}}`}},
		{"an attribute inside a text", lamp, "modify", "/attributes/model/x", `1`, 201, `1`, "created", "=", []string{`"L1" => {"x":1}`}},
		{"an attribute inside a number", lamp, "modify", "/attributes/place/lat/x", `1`, 201, `1`, "created", "=", []string{`1.50 => {"x":1}`}},
		{"an attribute with a forbidden key", lamp, "modify", `/attributes/a~1b`, `1`, 400, "json.key.invalid", "", "", nil},
		{"an attribute with a forbidden key in it", lamp, "modify", `/attributes/a`, `{"b":{"é":1}}`, 400, "json.key.invalid", "", "", nil},
		{"an attribute without a value", lamp, "modify", `/attributes/a`, ``, 400, "json.invalid", "", "", nil},
		{"an attribute of no Thing", "", "modify", "/attributes/a", `1`, 404, "things:thing.notfound", "", "", nil},

		{"the features", lamp, "modify", "/features", `{"f":{"properties":{}},"g":null}`, 204, "", "modified", "=",
			[]string{`{"light":` + light + `,"bare":{}} => {"f":{"properties":{}},"g":null}`}},
		{"the features leave out what a Feature does not have", lamp, "modify", "/features", `{"f":{"x":1,"properties":{"a":1}}}`,
			204, "", "modified", `{"f":{"properties":{"a":1}}}`,
			[]string{`{"light":` + light + `,"bare":{}} => {"f":{"properties":{"a":1}}}`}},
		{"the features of a Thing without", naked, "modify", "/features", `{}`, 201, `{}`, "created", "=",
			[]string{`naked"} => naked","features":{}}`}},
		{"the features to a number", lamp, "modify", "/features", `1`, 400, "json.format.invalid", "", "", nil},
		{"the features with a Feature that is a number", lamp, "modify", "/features", `{"f":1}`, 400, "json.invalid", "", "", nil},
		{"the features with a forbidden ID", lamp, "modify", "/features", `{"a/b":{}}`, 400, "json.key.invalid", "", "", nil},
		{"the features with an empty ID", lamp, "modify", "/features", `{"":{}}`, 400, "json.key.invalid", "", "", nil},
		{"the features of no Thing", "", "modify", "/features", `{}`, 404, "things:thing.notfound", "", "", nil},

		{"a Feature", lamp, "modify", "/features/light", `{"properties":{"on":1}}`, 204, "", "modified", "=",
			[]string{light + ` => {"properties":{"on":1}}`}},
		{"a new Feature", lamp, "modify", "/features/new", `{"definition":["a:b:c"]}`, 201, `{"definition":["a:b:c"]}`, "created", "=",
			[]string{`"bare":{} => "bare":{},"new":{"definition":["a:b:c"]}`}},
		{"a Feature of a Thing without", naked, "modify", "/features/new", `{}`, 201, `{}`, "created", "=",
			[]string{`naked"} => naked","features":{"new":{}}}`}},
		{"a Feature with empty definition", lamp, "modify", "/features/light", `{"definition":[]}`, 400, "things:feature.definition.empty", "", "", nil},
		{"a Feature with properties that are none", lamp, "modify", "/features/light", `{"properties":[]}`, 400, "json.invalid", "", "", nil},
		{"a Feature with an ID that is forbidden", lamp, "modify", "/features/a~1b", `{}`, 400, "json.key.invalid", "", "", nil},
		{"a Feature to a text", lamp, "modify", "/features/light", `"x"`, 400, "json.format.invalid", "", "", nil},
		{"a Feature of no Thing", "", "modify", "/features/light", `{}`, 404, "things:thing.notfound", "", "", nil},

		{"a Feature's definition", lamp, "modify", "/features/light/definition", `["a:b:c","d:e:f"]`, 204, "", "modified", "=",
			[]string{`["org.acme:light:1.0.0"] => ["a:b:c","d:e:f"]`}},
		{"a Feature's new definition", lamp, "modify", "/features/bare/definition", `["a:b:c"]`, 201, `["a:b:c"]`, "created", "=",
			[]string{`"bare":{} => "bare":{"definition":["a:b:c"]}`}},
		{"a Feature's definition to none", lamp, "modify", "/features/light/definition", `[]`, 400, "things:feature.definition.empty", "", "", nil},
		{"a Feature's definition to numbers", lamp, "modify", "/features/light/definition", `[1]`, 400, "things:definition.identifier.invalid", "", "", nil},
		{"a Feature's definition to a text", lamp, "modify", "/features/light/definition", `"a:b:c"`, 400, "json.format.invalid", "", "", nil},
		{"the definition of no Feature", lamp, "modify", "/features/x/definition", `["a:b:c"]`, 404, "things:feature.notfound", "", "", nil},

		{"properties", lamp, "modify", "/features/light/properties", `{"on":false}`, 204, "", "modified", "=",
			[]string{`{"on":true,"color":{"r":1}} => {"on":false}`}},
		{"new properties", lamp, "modify", "/features/bare/properties", `{"on":false}`, 201, `{"on":false}`, "created", "=",
			[]string{`"bare":{} => "bare":{"properties":{"on":false}}`}},
		{"properties to a text", lamp, "modify", "/features/light/properties", `"x"`, 400, "json.format.invalid", "", "", nil},
		{"properties of no Feature", lamp, "modify", "/features/x/properties", `{}`, 404, "things:feature.notfound", "", "", nil},
		{"properties of no features", naked, "modify", "/features/x/properties", `{}`, 404, "things:feature.notfound", "", "", nil},
		{"properties of no Thing", "", "modify", "/features/x/properties", `{}`, 404, "things:thing.notfound", "", "", nil},

		{"a property", lamp, "modify", "/features/light/properties/on", `false`, 204, "", "modified", "=", []string{`"on":true => "on":false`}},
		{"an inner property", lamp, "modify", "/features/light/properties/color/r", `2.0`, 204, "", "modified", "=", []string{`"r":1 => "r":2.0`}},
		{"a new property", lamp, "modify", "/features/light/properties/color/g", `[1,{"a/b":null}]`, 201, `[1,{"a/b":null}]`, "created", "=",
			[]string{`"r":1 => "r":1,"g":[1,{"a/b":null}]`}},
		{"a property of a Feature without", lamp, "modify", "/features/bare/properties/on", `1`, 201, `1`, "created", "=",
			[]string{`"bare":{} => "bare":{"properties":{"on":1}}`}},
		{"a property inside a boolean", lamp, "modify", "/features/light/properties/on/x/y", `1`, 201, `1`, "created", "=", []string{`"on":true => "on":{"x":{"y":1}}`}},
		{"a property of no Feature", lamp, "modify", "/features/x/properties/on", `1`, 404, "things:feature.notfound", "", "", nil},
		{"a property of no Thing", "", "modify", "/features/x/properties/on", `1`, 404, "things:thing.notfound", "", "", nil},

		{"desired properties", lamp, "modify", "/features/light/desiredProperties", `{"on":1}`, 204, "", "modified", "=",
			[]string{`{"on":false} => {"on":1}`}},
		{"new desired properties", lamp, "modify", "/features/bare/desiredProperties", `{}`, 201, `{}`, "created", "=",
			[]string{`"bare":{} => "bare":{"desiredProperties":{}}`}},
		{"desired properties of no Feature", lamp, "modify", "/features/x/desiredProperties", `{}`, 404, "things:feature.notfound", "", "", nil},
		{"a desired property", lamp, "modify", "/features/light/desiredProperties/on", `1`, 204, "", "modified", "=",
			[]string{`"desiredProperties":{"on":false} => "desiredProperties":{"on":1}`}},
		{"a new desired property", lamp, "modify", "/features/bare/desiredProperties/on", `1`, 201, `1`, "created", "=",
			[]string{`"bare":{} => "bare":{"desiredProperties":{"on":1}}`}},
		{"a desired property of no Feature", lamp, "modify", "/features/x/desiredProperties/on", `1`, 404, "things:feature.notfound", "", "", nil},

		{"a path that nothing has", lamp, "modify", "/colour", `1`, 400, "protocoladapter:unknown.path", "", "", nil},
		{"a path below the definition", lamp, "modify", "/definition/x", `1`, 400, "protocoladapter:unknown.path", "", "", nil},
		{"a path that no Feature has", lamp, "modify", "/features/light/x", `1`, 400, "protocoladapter:unknown.path", "", "", nil},
		{"a path below a Feature's definition", lamp, "modify", "/features/light/definition/0", `1`, 400, "protocoladapter:unknown.path", "", "", nil},
		{"the inline Policy", lamp, "modify", "/_policy", `{}`, 400, "protocoladapter:unknown.path", "", "", nil},
	})
}

func TestCreate(t *testing.T) {
	const made = `{"thingId":"org.acme:lamp","policyId":"org.acme:lamp","definition":"a:b:c","attributes":{"a":1},"features":{"f":null}}`
	runSpecs(t, []spec{
		{"a Thing in Ditto's order", "", "create", "/",
			`{"features":{"f":null},"attributes":{"a":1},"definition":"a:b:c","policyId":"org.acme:lamp"}`, 201, made, "created", made,
			[]string{" => " + made}},
		{"a Thing with nothing", "", "create", "/", `{}`, 201, `{"thingId":"org.acme:lamp","policyId":"org.acme:lamp"}`,
			"created", `{"thingId":"org.acme:lamp","policyId":"org.acme:lamp"}`,
			[]string{` => {"thingId":"org.acme:lamp","policyId":"org.acme:lamp"}`}},
		{"a Thing that is there", lamp, "create", "/", `{}`, 409, "things:thing.conflict", "", "", nil},
		{"a Thing with another ID", "", "create", "/", `{"thingId":"org.acme:x"}`, 400, "things:id.notsettable", "", "", nil},
		{"a Thing with a null for its ID", "", "create", "/", `{"thingId":null}`, 400, "json.invalid", "", "", nil},
		{"a Thing that is a text", "", "create", "/", `"x"`, 400, "json.format.invalid", "", "", nil},
		{"a Thing without a value", "", "create", "/", ``, 400, "json.invalid", "", "", nil},
		{"a Thing with an inline Policy that grants nothing", "", "create", "/", `{"_policy":{}}`, 400, "things:policy.invalid", "", "", nil},
		{"a Thing with a Policy that is not there", "", "create", "/", `{"policyId":"org.acme:p"}`, 400, "things:thing.notcreatable", "", "", nil},
		{"a Thing with a copy of a Policy that is not there", "", "create", "/", `{"_copyPolicyFrom":"org.acme:p"}`, 404, "policies:policy.notfound", "", "", nil},
		{"a part of a Thing", lamp, "create", "/attributes/x", `1`, 400, "protocoladapter:unknown.topicpath", "", "", nil},
		{"a Feature", lamp, "create", "/features/x", `{}`, 400, "protocoladapter:unknown.topicpath", "", "", nil},
	})
}

func TestMerge(t *testing.T) {
	runSpecs(t, []spec{
		{"several paths in one change", lamp, "merge", "/",
			`{"attributes":{"model":null,"place":{"lat":7}},"features":{"light":{"properties":{"on":false,"x":{"y":1}}},"bare":null}}`,
			204, "", "merged", "=", []string{`"model":"L1", => `, `1.50 => 7`, `"on":true => "on":false`, `{"r":1} => {"r":1},"x":{"y":1}`, `,"bare":{} => `}},
		{"what a Thing does not have is left out", lamp, "merge", "/", `{"x":1,"features":{"bare":{"y":1,"properties":{"a":1}}}}`,
			204, "", "merged", `{"features":{"bare":{"properties":{"a":1}}}}`, []string{`"bare":{} => "bare":{"properties":{"a":1}}`}},
		{"nothing", lamp, "merge", "/", `{}`, 204, "", "merged", "=", nil},
		{"a Thing that is not there makes it, without nulls", "", "merge", "/", `{"definition":null,"attributes":{"a":1,"b":null,"c":{"d":null}},"features":{"f":null}}`,
			201, `{"thingId":"org.acme:lamp","policyId":"org.acme:lamp","attributes":{"a":1,"c":{}},"features":{}}`, "created",
			`{"thingId":"org.acme:lamp","policyId":"org.acme:lamp","attributes":{"a":1,"c":{}},"features":{}}`,
			[]string{` => {"thingId":"org.acme:lamp","policyId":"org.acme:lamp","attributes":{"a":1,"c":{}},"features":{}}`}},
		{"its ID and another Policy", lamp, "merge", "/", `{"thingId":"org.acme:lamp","policyId":"org.acme:shared"}`, 204, "", "merged", "=",
			[]string{`"policyId":"org.acme:lamp" => "policyId":"org.acme:shared"`}},
		{"another ID", lamp, "merge", "/", `{"thingId":"org.acme:x"}`, 400, "things:id.notsettable", "", "", nil},
		{"the ID away", lamp, "merge", "/", `{"thingId":null}`, 400, "things:id.notdeletable", "", "", nil},
		{"the Policy ID away", lamp, "merge", "/", `{"policyId":null}`, 400, "things:policyId.notdeletable", "", "", nil},
		{"the Thing away", lamp, "merge", "/", `null`, 400, "things:merge.invalid", "", "", nil},
		{"a number", lamp, "merge", "/", `1`, 400, "things:merge.invalid", "", "", nil},
		{"without a value", lamp, "merge", "/", ``, 400, "json.invalid", "", "", nil},
		{"an inline Policy is passed over", lamp, "merge", "/", `{"_policy":{},"_copyPolicyFrom":null,"attributes":{"model":"L2"}}`, 204, "", "merged",
			`{"attributes":{"model":"L2"}}`, []string{`"L1" => "L2"`}},
		{"properties that are none", lamp, "merge", "/", `{"features":{"f":{"properties":1}}}`, 400, "json.invalid", "", "", nil},
		{"a forbidden key", lamp, "merge", "/", `{"attributes":{"a/b":1}}`, 400, "json.key.invalid", "", "", nil},

		{"the ID's path", lamp, "merge", "/thingId", `"org.acme:lamp"`, 400, "protocoladapter:unknown.path", "", "", nil},
		{"the Policy ID", lamp, "merge", "/policyId", `"org.acme:shared"`, 204, "", "merged", "=",
			[]string{`"policyId":"org.acme:lamp" => "policyId":"org.acme:shared"`}},
		{"the Policy ID's path to null", lamp, "merge", "/policyId", `null`, 400, "things:policyId.notdeletable", "", "", nil},
		{"the definition", lamp, "merge", "/definition", `"a:b:c"`, 204, "", "merged", "=", []string{`org.acme:lamp:1.0.0 => a:b:c`}},
		{"the definition away", lamp, "merge", "/definition", `null`, 204, "", "merged", "=", []string{`"definition":"org.acme:lamp:1.0.0", => `}},
		{"the attributes", lamp, "merge", "/attributes", `{"place":null,"new":1}`, 204, "", "merged", "=",
			[]string{`"place":{"lat":1.50,"lon":2}, => `, `"none":null => "none":null,"new":1`}},
		{"the attributes away", lamp, "merge", "/attributes", `null`, 204, "", "merged", "=",
			[]string{`"attributes":{"model":"L1","place":{"lat":1.50,"lon":2},"none":null}, => `}},
		{"attributes that are not there", naked, "merge", "/attributes/a/b", `1`, 204, "", "merged", "=",
			[]string{`naked"} => naked","attributes":{"a":{"b":1}}}`}},
		{"an attribute", lamp, "merge", "/attributes/place", `{"lat":null}`, 204, "", "merged", "=", []string{`"lat":1.50, => `}},
		{"an attribute inside a text replaces it", lamp, "merge", "/attributes/model/x", `1`, 204, "", "merged", "=", []string{`"L1" => {"x":1}`}},
		{"an attribute away", lamp, "merge", "/attributes/model", `null`, 204, "", "merged", "=", []string{`"model":"L1", => `}},
		{"an attribute away that is not there", lamp, "merge", "/attributes/x", `null`, 204, "", "merged", "=", nil},
		{"the features", lamp, "merge", "/features", `{"light":null}`, 204, "", "merged", "=",
			[]string{`"light":{"definition":["org.acme:light:1.0.0"],"properties":{"on":true,"color":{"r":1}},"desiredProperties":{"on":false}}, => `}},
		{"a Feature", lamp, "merge", "/features/light", `{"definition":null,"properties":{"color":{"g":2}}}`, 204, "", "merged", "=",
			[]string{`"definition":["org.acme:light:1.0.0"], => `, `"r":1 => "r":1,"g":2`}},
		{"a Feature that is not there", naked, "merge", "/features/f/properties/p", `1`, 204, "", "merged", "=",
			[]string{`naked"} => naked","features":{"f":{"properties":{"p":1}}}}`}},
		{"a Feature away that is not there", lamp, "merge", "/features/x", `null`, 204, "", "merged", "=", nil},
		{"a Feature's definition", lamp, "merge", "/features/light/definition", `["a:b:c"]`, 204, "", "merged", "=", []string{`org.acme:light:1.0.0 => a:b:c`}},
		{"properties", lamp, "merge", "/features/light/properties", `{"on":null}`, 204, "", "merged", "=", []string{`"on":true, => `}},
		{"a property", lamp, "merge", "/features/light/properties/color", `{"r":2}`, 204, "", "merged", "=", []string{`"r":1 => "r":2`}},
		{"desired properties away", lamp, "merge", "/features/light/desiredProperties", `null`, 204, "", "merged", "=",
			[]string{`,"desiredProperties":{"on":false} => `}},
		{"a desired property", lamp, "merge", "/features/light/desiredProperties/on", `1`, 204, "", "merged", "=",
			[]string{`"desiredProperties":{"on":false} => "desiredProperties":{"on":1}`}},
		{"attributes away by a pattern", lamp, "merge", "/attributes", `{"{{ ~no.*|model~ }}":null,"model":{"x":null}}`, 204, "", "merged", "=",
			[]string{`"model":"L1",` + " => ", `,"none":null => ,"model":{}`}},
		{"attributes away by a pattern between slashes, inside of one", lamp, "merge", "/", `{"attributes":{"place":{"{{/l.t/}}":null,"{{ ~x~ }}":1}}}`, 204, "", "merged", "=",
			[]string{`"lat":1.50, => `, `"lon":2 => "lon":2,"{{ ~x~ }}":1`}},
		{"an attribute away by a pattern in the path", lamp, "merge", "/attributes/place/{{ ~0l.t~0 }}", `null`, 204, "", "merged", "=", []string{`"lat":1.50, => `}},
		{"Features away by a pattern", lamp, "merge", "/features", `{"{{ ~b.*~ }}":null}`, 204, "", "merged", "=", []string{`,"bare":{} => `}},
		{"properties away by a pattern", lamp, "merge", "/features/light", `{"properties":{"{{ ~o.~ }}":null}}`, 204, "", "merged", "=", []string{`"on":true, => `}},
		{"a pattern that matches nothing", lamp, "merge", "/attributes", `{"{{ ~x~ }}":null}`, 204, "", "merged", "=", nil},
		{"a pattern with which a Thing is made", "", "merge", "/", `{"attributes":{"{{ ~x~ }}":null,"a":1}}`, 201,
			`{"thingId":"org.acme:lamp","policyId":"org.acme:lamp","attributes":{"a":1}}`, "created",
			`{"thingId":"org.acme:lamp","policyId":"org.acme:lamp","attributes":{"a":1}}`,
			[]string{` => {"thingId":"org.acme:lamp","policyId":"org.acme:lamp","attributes":{"a":1}}`}},
		{"a pattern that is none", lamp, "merge", "/attributes", `{"a":{"{{ ~(~ }}":null}}`, 400, "things:merge.invalid", "", "", nil},
		{"a pattern that only Java has", lamp, "merge", "/features", `{"{{ ~(?!b).*~ }}":null}`, 400, "things:merge.invalid", "", "", nil},
		{"a pattern that is too long", lamp, "merge", "/attributes", `{"{{ ~` + strings.Repeat("x", 256) + `~ }}":null}`, 400, "json.key.invalid", "", "", nil},
		{"a pattern of a modify is a key", lamp, "modify", "/attributes/place", `{"{{ ~x~ }}":null}`, 204, "", "modified", "=", []string{`{"lat":1.50,"lon":2} => {"{{ ~x~ }}":null}`}},
		{"a part of no Thing", "", "merge", "/attributes/a", `1`, 404, "things:thing.notfound", "", "", nil},
		{"a path that nothing has", lamp, "merge", "/x", `1`, 400, "protocoladapter:unknown.path", "", "", nil},
	})
}

func TestDelete(t *testing.T) {
	runSpecs(t, []spec{
		{"a Thing", lamp, "delete", "/", "", 204, "", "deleted", "", []string{" => "}},
		{"a Thing that is not there", "", "delete", "/", "", 404, "things:thing.notfound", "", "", nil},
		{"the Thing's ID", lamp, "delete", "/thingId", "", 400, "protocoladapter:unknown.topicpath", "", "", nil},
		{"the Policy ID", lamp, "delete", "/policyId", "", 400, "protocoladapter:unknown.topicpath", "", "", nil},
		{"the definition", lamp, "delete", "/definition", "", 204, "", "deleted", "", []string{`"definition":"org.acme:lamp:1.0.0", => `}},
		{"the definition of a Thing without", naked, "delete", "/definition", "", 404, "things:definition.notfound", "", "", nil},
		{"the attributes", lamp, "delete", "/attributes", "", 204, "", "deleted", "",
			[]string{`"attributes":{"model":"L1","place":{"lat":1.50,"lon":2},"none":null}, => `}},
		{"the attributes of a Thing without", naked, "delete", "/attributes", "", 404, "things:attributes.notfound", "", "", nil},
		{"an attribute, whatever the value says", lamp, "delete", "/attributes/model", "1", 204, "", "deleted", "", []string{`"model":"L1", => `}},
		{"an attribute that is null", lamp, "delete", "/attributes/none", "", 204, "", "deleted", "", []string{`,"none":null => `}},
		{"an inner attribute", lamp, "delete", "/attributes/place/lat", "", 204, "", "deleted", "", []string{`"lat":1.50, => `}},
		{"an attribute that is not there", lamp, "delete", "/attributes/x", "", 404, "things:attribute.notfound", "", "", nil},
		{"an attribute inside a text", lamp, "delete", "/attributes/model/x", "", 404, "things:attribute.notfound", "", "", nil},
		{"an attribute of a Thing without", naked, "delete", "/attributes/x", "", 404, "things:attribute.notfound", "", "", nil},
		{"the features", lamp, "delete", "/features", "", 204, "", "deleted", "", []string{lamp[strings.Index(lamp, `,"features"`):len(lamp)-1] + ` => `}},
		{"the features of a Thing without", naked, "delete", "/features", "", 404, "things:features.notfound", "", "", nil},
		{"a Feature", lamp, "delete", "/features/bare", "", 204, "", "deleted", "", []string{`,"bare":{} => `}},
		{"a Feature that is not there", lamp, "delete", "/features/x", "", 404, "things:feature.notfound", "", "", nil},
		{"a Feature's definition", lamp, "delete", "/features/light/definition", "", 204, "", "deleted", "",
			[]string{`"definition":["org.acme:light:1.0.0"], => `}},
		{"a Feature's definition that is not there", lamp, "delete", "/features/bare/definition", "", 404, "things:feature.definition.notfound", "", "", nil},
		{"the definition of no Feature", lamp, "delete", "/features/x/definition", "", 404, "things:feature.notfound", "", "", nil},
		{"properties", lamp, "delete", "/features/light/properties", "", 204, "", "deleted", "", []string{`"properties":{"on":true,"color":{"r":1}}, => `}},
		{"properties that are not there", lamp, "delete", "/features/bare/properties", "", 404, "things:feature.properties.notfound", "", "", nil},
		{"a property", lamp, "delete", "/features/light/properties/color/r", "", 204, "", "deleted", "", []string{`{"r":1} => {}`}},
		{"a property that is not there", lamp, "delete", "/features/light/properties/x", "", 404, "things:feature.property.notfound", "", "", nil},
		{"a property of a Feature without", lamp, "delete", "/features/bare/properties/x", "", 404, "things:feature.property.notfound", "", "", nil},
		{"a property of no Feature", lamp, "delete", "/features/x/properties/x", "", 404, "things:feature.notfound", "", "", nil},
		{"desired properties", lamp, "delete", "/features/light/desiredProperties", "", 204, "", "deleted", "", []string{`,"desiredProperties":{"on":false} => `}},
		{"desired properties that are not there", lamp, "delete", "/features/bare/desiredProperties", "", 404, "things:feature.desiredProperties.notfound", "", "", nil},
		{"a desired property", lamp, "delete", "/features/light/desiredProperties/on", "", 204, "", "deleted", "", []string{`{"on":false} => {}`}},
		{"a desired property that is not there", lamp, "delete", "/features/bare/desiredProperties/x", "", 404, "things:feature.desiredProperty.notfound", "", "", nil},
		{"a part of no Thing", "", "delete", "/features", "", 404, "things:thing.notfound", "", "", nil},
		{"a path that nothing has", lamp, "delete", "/x", "", 400, "protocoladapter:unknown.path", "", "", nil},
	})
}
