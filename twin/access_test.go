package twin

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/twinbroker/twinbroker/twin/jsondoc"
	"github.com/twinbroker/twinbroker/twin/policy"
	"github.com/twinbroker/twinbroker/twin/protocol"
)

// The house of the tests: a Thing, and a Policy with a subject for each way of
// being allowed something of it.
const (
	houseID = "org.acme:house"
	house   = `{"thingId":"org.acme:house","policyId":"org.acme:house","definition":"a:b:1","attributes":{"open":1,"code":1234,"box":{"a":1,"key":"k"}},` +
		`"features":{"door":{"definition":["a:b:1"],"properties":{"open":true,"pin":7},"desiredProperties":{"open":false}},"safe":{"properties":{"content":"gold"}}}}`
	houseRules = `{` +
		`"owner":{"subjects":{"user:owner":{"type":"x"}},"resources":{"thing:/":{"grant":["READ","WRITE"],"revoke":[]},"policy:/":{"grant":["READ","WRITE"],"revoke":[]}}},` +
		`"reader":{"subjects":{"user:reader":{"type":"x"}},"resources":{"thing:/":{"grant":["READ"],"revoke":[]}}},` +
		`"writer":{"subjects":{"user:writer":{"type":"x"}},"resources":{"thing:/":{"grant":["WRITE"],"revoke":[]}}},` +
		`"guest":{"subjects":{"user:guest":{"type":"x"}},"resources":{` +
		`"thing:/attributes":{"grant":["READ","WRITE"],"revoke":[]},"thing:/attributes/code":{"grant":[],"revoke":["READ","WRITE"]},` +
		`"thing:/attributes/box/key":{"grant":[],"revoke":["READ","WRITE"]},` +
		`"thing:/features/door/properties/open":{"grant":["READ"],"revoke":[]},"thing:/features/door/desiredProperties/open":{"grant":["READ","WRITE"],"revoke":[]}}},` +
		`"group":{"subjects":{"group:staff":{"type":"x"}},"resources":{"thing:/features":{"grant":["READ","WRITE"],"revoke":[]},"thing:/features/safe":{"grant":[],"revoke":["READ","WRITE"]}}},` +
		`"elsewhere":{"subjects":{"user:far":{"type":"x"}},"resources":{"thing:/":{"grant":["READ","WRITE"],"revoke":[]}},"namespaces":["org.other"]},` +
		`"talker":{"subjects":{"user:talker":{"type":"x"}},"resources":{"message:/":{"grant":["READ","WRITE"],"revoke":[]}}}}`
)

func newHouse(t testing.TB) *world {
	w := newWorld(t, Options{})
	w.furnish()
	return w
}

// furnish puts the house and its Policy in their first state.
func (w *world) furnish() {
	w.t.Helper()
	w.provision(houseID, houseRules)
	if _, o := w.put(house, Replace); o.Err != nil {
		w.t.Fatal(o.Err)
	}
}

// as is what somebody with these subjects, separated by blanks, gets to hear.
func (w *world) as(subjects, envelope string) *Outcome {
	w.t.Helper()
	return w.apply(func(c *Command) {
		c.Sender.Subjects = policy.Subjects(strings.Fields(subjects))
		c.Sender.Admin = subjects == "admin"
	}, envelope)
}

// beside adds headers and members to an envelope of command.
func beside(envelope, headers, members string) string {
	if headers != "" {
		envelope = strings.Replace(envelope, `"c1"`, `"c1",`+headers, 1)
	}
	if members != "" {
		envelope = strings.TrimSuffix(envelope, "}") + "," + members + "}"
	}
	return envelope
}

func TestWhatIsReadIsWhatMayBeRead(t *testing.T) {
	const guestSees = `{"thingId":"org.acme:house","attributes":{"open":1,"box":{"a":1}},"features":{"door":{"properties":{"open":true},"desiredProperties":{"open":false}}}}`
	w := newHouse(t)
	for _, c := range []struct{ who, path, fields, want string }{
		{"user:owner", "/", "", house},
		{"user:reader", "/", "", house},
		{"admin", "/", "", house},
		{"user:writer", "/", "", "things:thing.notfound"},
		{"user:nobody", "/", "", "things:thing.notfound"},
		{"", "/", "", "things:thing.notfound"},
		{"user:far", "/", "", "things:thing.notfound"},
		{"user:talker", "/", "", "things:thing.notfound"},
		{"user:guest", "/", "", guestSees},
		{"user:nobody user:guest", "/", "", guestSees},
		{"user:guest group:staff", "/", "", `{"thingId":"org.acme:house","attributes":{"open":1,"box":{"a":1}},"features":{"door":{"definition":["a:b:1"],"properties":{"open":true,"pin":7},"desiredProperties":{"open":false}}}}`},
		{"group:staff", "/", "", `{"thingId":"org.acme:house","features":{"door":{"definition":["a:b:1"],"properties":{"open":true,"pin":7},"desiredProperties":{"open":false}}}}`},
		{"group:staff user:reader", "/features/safe", "", "things:feature.notfound"}, // what is revoked from one of them
		{"user:guest", "/", "attributes(open,code)", `{"attributes":{"open":1}}`},
		{"user:guest", "/", "features/safe", `{}`},
		{"user:guest", "/", "thingId,_revision,policyId", `{"thingId":"org.acme:house","_revision":1}`},
		{"user:guest", "/", "_policy", `{}`},
		{"user:reader", "/", "thingId,_policy", `{"thingId":"org.acme:house"}`},
		{"user:writer", "/", "thingId,_revision", "things:thing.notfound"},
		{"user:nobody", "/", "_policy", "things:thing.notfound"},
		{"user:guest", "/thingId", "", `"org.acme:house"`},
		{"user:writer", "/thingId", "", "things:thing.notfound"},
		{"user:guest", "/policyId", "", "things:policyId.notfound"},
		{"user:reader", "/policyId", "", `"org.acme:house"`},
		{"user:guest", "/definition", "", "things:definition.notfound"},
		{"user:guest", "/attributes", "", `{"open":1,"box":{"a":1}}`},
		{"user:guest", "/attributes", "code,box", `{"box":{"a":1}}`},
		{"user:guest", "/attributes/open", "", `1`},
		{"user:guest", "/attributes/code", "", "things:attribute.notfound"},
		{"user:guest", "/attributes/code/x", "", "things:attribute.notfound"},
		{"user:guest", "/attributes/none", "", "things:attribute.notfound"},
		{"user:guest", "/attributes/box", "", `{"a":1}`},
		{"user:guest", "/attributes/box/key", "", "things:attribute.notfound"},
		{"user:guest", "/features", "", `{"door":{"properties":{"open":true},"desiredProperties":{"open":false}}}`},
		{"user:guest", "/features/door", "", `{"properties":{"open":true},"desiredProperties":{"open":false}}`},
		{"user:guest", "/features/door/definition", "", "things:feature.definition.notfound"},
		{"user:guest", "/features/door/properties", "", `{"open":true}`},
		{"user:guest", "/features/door/properties/pin", "", "things:feature.property.notfound"},
		{"user:guest", "/features/door/desiredProperties/open", "", `false`},
		{"user:guest", "/features/door/desiredProperties/x", "", "things:feature.desiredProperty.notfound"},
		{"user:guest", "/features/safe", "", "things:feature.notfound"},
		{"user:guest", "/features/none", "", "things:feature.notfound"},
		{"user:guest", "/features/safe/properties", "", "things:feature.properties.notfound"},
		{"group:staff", "/attributes", "", "things:attributes.notfound"},
		{"group:staff", "/features/door/properties/pin", "", `7`},
		{"user:nobody", "/attributes", "", "things:thing.notfound"},
		{"user:nobody", "/features/door/properties/pin", "", "things:thing.notfound"},
		{"user:writer", "/attributes/open", "", "things:thing.notfound"},
		{"admin", "/features/safe/properties/content", "", `"gold"`},
	} {
		members := ""
		if c.fields != "" {
			members = fmt.Sprintf(`"fields":%q`, c.fields)
		}
		o := w.as(c.who, beside(command(houseID, "retrieve", c.path, ""), "", members))
		got := ""
		if o.Err != nil {
			got = o.Err.Code
			if o.Err.Status != 404 {
				t.Errorf("%s reads %s: status %d", c.who, c.path, o.Err.Status)
			}
		} else {
			got = text(o.Response.Value)
		}
		if got != c.want {
			t.Errorf("%s reads %s %s:\n%s, want\n%s", c.who, c.path, c.fields, got, c.want)
		}
		if o.Overruled != (c.who == "admin") {
			t.Errorf("%s reads %s: overruled: %v", c.who, c.path, o.Overruled)
		}
	}
}

func TestWhatIsWrittenIsWhatMayBeWritten(t *testing.T) {
	const ok = ""
	w := newHouse(t)
	for _, c := range []struct{ who, action, path, value, want string }{
		{"user:owner", "modify", "/", `{}`, ok},
		{"user:writer", "modify", "/", `{}`, ok},
		{"admin", "modify", "/", `{}`, ok},
		{"user:reader", "modify", "/", `{}`, "things:thing.notmodifiable"},
		{"user:guest", "modify", "/", `{}`, "things:thing.notmodifiable"},
		{"user:nobody", "modify", "/", `{}`, "things:thing.notmodifiable"},
		{"", "modify", "/", `{}`, "things:thing.notmodifiable"},
		{"user:far", "modify", "/", `{}`, "things:thing.notmodifiable"},
		{"user:talker", "modify", "/", `{}`, "things:thing.notmodifiable"},
		{"user:writer", "delete", "/", ``, ok},
		{"admin", "delete", "/", ``, ok},
		{"user:guest", "delete", "/", ``, "things:thing.notdeletable"},
		{"user:nobody", "delete", "/", ``, "things:thing.notdeletable"},
		{"user:guest", "modify", "/definition", `"a:b:2"`, "things:definition.notmodifiable"},
		{"user:guest", "delete", "/definition", ``, "things:definition.notmodifiable"},
		{"user:guest", "modify", "/attributes", `{"open":2}`, "things:attributes.notmodifiable"},
		{"user:guest", "delete", "/attributes", ``, "things:attributes.notmodifiable"},
		{"user:guest", "modify", "/attributes/open", `2`, ok},
		{"user:guest", "modify", "/attributes/new/deep", `2`, ok},
		{"user:guest", "delete", "/attributes/open", ``, ok},
		{"user:guest", "modify", "/attributes/code", `2`, "things:attribute.notmodifiable"},
		{"user:guest", "delete", "/attributes/code", ``, "things:attribute.notmodifiable"},
		{"user:guest", "modify", "/attributes/code/x", `2`, "things:attribute.notmodifiable"},
		{"user:guest", "modify", "/attributes/box", `{"a":2}`, "things:attribute.notmodifiable"},
		{"user:guest", "delete", "/attributes/box", ``, "things:attribute.notmodifiable"},
		{"user:guest", "modify", "/attributes/box/a", `2`, ok},
		{"user:guest", "modify", "/attributes/box/key", `2`, "things:attribute.notmodifiable"},
		{"user:guest", "delete", "/attributes/none", ``, "things:attribute.notfound"},
		{"user:reader", "delete", "/attributes/none", ``, "things:attribute.notmodifiable"},
		{"user:guest", "modify", "/features", `{}`, "things:features.notmodifiable"},
		{"user:guest", "modify", "/features/door", `{}`, "things:feature.notmodifiable"},
		{"user:guest", "modify", "/features/door/definition", `["a:b:2"]`, "things:feature.definition.notmodifiable"},
		{"user:guest", "modify", "/features/door/properties", `{}`, "things:feature.properties.notmodifiable"},
		{"user:guest", "modify", "/features/door/properties/open", `false`, "things:feature.property.notmodifiable"},
		{"user:guest", "modify", "/features/door/desiredProperties", `{}`, "things:feature.desiredProperties.notmodifiable"},
		{"user:guest", "modify", "/features/door/desiredProperties/open", `true`, ok},
		{"user:guest", "modify", "/features/door/desiredProperties/open/at", `1`, ok},
		{"user:guest", "modify", "/features/door/desiredProperties/x", `true`, "things:feature.desiredProperty.notmodifiable"},
		{"user:guest", "modify", "/features/none/desiredProperties/open", `true`, "things:feature.desiredProperty.notmodifiable"},
		{"group:staff", "modify", "/features/door", `{}`, ok},
		{"group:staff", "modify", "/features/safe/properties/content", `""`, "things:feature.property.notmodifiable"},
		{"group:staff", "delete", "/features", ``, "things:features.notmodifiable"},
		{"user:guest group:staff", "modify", "/features/door/properties/open", `false`, ok},
		{"user:writer group:staff", "modify", "/", `{}`, "things:thing.notmodifiable"},
		{"user:guest", "modify", "/policyId", `"org.acme:house"`, "things:policyId.notmodifiable"},

		{"user:guest", "merge", "/", `{"attributes":{"open":2}}`, ok},
		{"user:guest", "merge", "/", `{"attributes":{"open":2,"more":{"a":[1,{"code":1}]}},"features":{"door":{"desiredProperties":{"open":null}}}}`, ok},
		{"user:guest", "merge", "/", `{"attributes":{"open":2,"code":1}}`, "things:thing.notmodifiable"},
		{"user:guest", "merge", "/", `{"attributes":{"open":2},"features":{"door":{"properties":{"open":false}}}}`, "things:thing.notmodifiable"},
		{"user:guest", "merge", "/", `{"thingId":"org.acme:house","attributes":{"open":2}}`, "things:thing.notmodifiable"},
		{"user:guest", "merge", "/", `{"attributes":null}`, "things:thing.notmodifiable"},
		{"user:guest", "merge", "/", `{"attributes":{"box":null}}`, "things:thing.notmodifiable"},
		{"user:guest", "merge", "/", `{"attributes":{"box":{"a":null}}}`, ok},
		{"user:guest", "merge", "/", `{"attributes":{"box":{"key":null}}}`, "things:thing.notmodifiable"},
		{"user:guest", "merge", "/", `{"attributes":{"box":5}}`, "things:thing.notmodifiable"},
		{"user:guest", "merge", "/", `{"attributes":{"box":[]}}`, "things:thing.notmodifiable"},
		{"user:guest", "merge", "/", `{"attributes":{"box":{}}}`, ok},
		{"user:guest", "merge", "/", `{}`, ok},
		{"user:guest", "merge", "/", `{"attributes":{"code":{}}}`, "things:thing.notmodifiable"},
		{"user:guest", "merge", "/", `{"attributes":{"code":{"x":1}}}`, "things:thing.notmodifiable"},
		{"user:guest", "merge", "/attributes", `{"{{ /o.*/ }}":null}`, "things:thing.notmodifiable"},
		{"user:guest", "merge", "/attributes/new", `{"{{ /o.*/ }}":null}`, ok},
		{"user:guest", "merge", "/attributes/box", `{"a":5}`, ok},
		{"user:guest", "merge", "/attributes/box/key", `5`, "things:thing.notmodifiable"},
		{"user:guest", "merge", "/definition", `"a:b:2"`, "things:thing.notmodifiable"},
		{"user:guest", "merge", "/policyId", `"org.acme:house"`, "things:thing.notmodifiable"},
		{"user:guest", "merge", "/features/safe", `{}`, "things:thing.notmodifiable"},
		{"user:nobody", "merge", "/", `{}`, "things:thing.notmodifiable"},
		{"user:reader", "merge", "/", `{"attributes":{"open":2}}`, "things:thing.notmodifiable"},
		{"user:writer", "merge", "/", `{"attributes":{"code":null},"features":null}`, ok},
		{"admin", "merge", "/", `{"attributes":{"code":null}}`, ok},

		{"user:writer", "migrate", "/", `{"thingDefinitionUrl":"a:b:2"}`, ok},
		{"user:guest", "migrate", "/", `{"thingDefinitionUrl":"a:b:2"}`, "things:thing.notmodifiable"},
		{"user:nobody", "migrate", "/", `{"thingDefinitionUrl":"a:b:2"}`, "things:thing.notmodifiable"},
		{"user:writer", "migrate", "/", `{"thingDefinitionUrl":"a:b:2","migrationPayload":{"attributes":{"a":"{{ thing-json:attributes/code }}"}}}`, "placeholder:unresolved"},
		{"user:owner", "migrate", "/", `{"thingDefinitionUrl":"a:b:2","migrationPayload":{"attributes":{"a":"{{ thing-json:attributes/code }}"}}}`, ok},
		{"user:writer", "migrate", "/", `{"thingDefinitionUrl":"a:b:2","patchConditions":{"thing:/attributes":"eq(attributes/code,1234)"}}`, "things:condition.failed"},

		{"user:nobody", "create", "/", `{}`, "things:thing.conflict"},
		{"user:owner", "create", "/", `{}`, "things:thing.conflict"},
	} {
		w.furnish()
		_, before := w.thing(houseID)
		o := w.as(c.who, command(houseID, c.action, c.path, c.value))
		got := ""
		if o.Err != nil {
			got = o.Err.Code
		}
		if got != c.want {
			t.Errorf("%s %s of %s %s: %v, want %q", c.who, c.action, c.path, c.value, o.Err, c.want)
		}
		if is, rev := w.thing(houseID); (rev == before) != (o.Err != nil) || o.Err != nil && is != house {
			t.Errorf("%s %s of %s: revision %d, %s", c.who, c.action, c.path, rev, is)
		}
		if o.Err != nil {
			continue
		}
		if o.Overruled != (c.who == "admin") {
			t.Errorf("%s %s of %s: overruled: %v", c.who, c.action, c.path, o.Overruled)
		}
		if o.Access == nil || !o.Access.Whole(policy.Subjects{"user:reader"}, policy.Read, policy.Thing, nil) || o.AccessOf(0) != o.Access {
			t.Errorf("%s %s of %s: it does not tell who may read the event", c.who, c.action, c.path)
		}
	}
}

func TestConditionsAndTagsTellNothingOfWhatIsHidden(t *testing.T) {
	w := newHouse(t)
	tag := func(who, path string) string {
		o := w.as(who, command(houseID, "retrieve", path, ""))
		s, _ := o.Response.Headers.Get(protocol.HeaderETag)
		return s
	}
	attributes, pin := tag("user:owner", "/attributes"), tag("user:owner", "/features/door/properties/pin")
	if guest := tag("user:guest", "/attributes"); guest == attributes || guest != valueTag(mustParse(t, `{"open":1,"box":{"a":1}}`)) {
		t.Errorf("the entity tag of what the guest sees is %s", guest)
	}
	if tag("user:guest", "/") != `"rev:1"` {
		t.Error("the tag of the Thing")
	}
	header := func(key, value string) string { return fmt.Sprintf("%q:%q", key, value) }
	const hidden = "not to be seen by the sender"
	for _, c := range []struct{ who, action, path, value, headers, want string }{
		{"user:guest", "modify", "/attributes/open", `2`, header("condition", "eq(attributes/code,1234)"), hidden},
		{"user:guest", "modify", "/attributes/open", `2`, header("condition", "eq(attributes/none/x,1)"), "does not match"},
		{"user:guest", "modify", "/attributes/open", `2`, header("condition", "or(eq(attributes/open,1),exists(features/safe))"), hidden},
		{"user:guest", "modify", "/attributes/open", `2`, header("condition", "exists(attributes/box)"), hidden},
		{"user:guest", "modify", "/attributes/open", `2`, header("condition", "eq(_revision,1)"), hidden},
		{"user:guest", "modify", "/attributes/open", `2`, header("condition", "eq(attributes/open,7)"), "does not match"},
		{"user:guest", "modify", "/attributes/code", `2`, header("condition", "eq(attributes/open,1)"), "no WRITE permission"},
		{"user:guest", "modify", "/attributes/code", `2`, header("condition", "eq(attributes/code,1)"), hidden},
		{"user:nobody", "modify", "/attributes/code", `2`, header("condition", "eq(attributes/code,1)"), hidden},
		{"user:nobody", "delete", "/", ``, header("condition", "eq(attributes/code,1)"), hidden},
		{"user:nobody", "retrieve", "/", ``, header("condition", "eq(attributes/code,1)"), hidden},
		{"user:guest", "retrieve", "/attributes", ``, header("condition", "eq(attributes/code,1)"), hidden},
		{"user:guest", "retrieve", "/attributes", ``, header("live-channel-condition", "eq(attributes/code,1)"), hidden},
		{"user:guest", "retrieve", "/", ``, header("condition", "eq(attributes/open,1)") + "," + header("live-channel-condition", "eq(attributes/code,1)"), hidden},
		{"user:guest", "retrieve", "/attributes", ``, header("condition", "eq(attributes/open,1)"), ""},
		{"user:guest", "merge", "/attributes", `{"open":2}`, `"merge-thing-patch-conditions":{"open":"eq(attributes/code,1)"}`, hidden},
		{"user:guest", "merge", "/attributes", `{"open":2}`, `"merge-thing-patch-conditions":{"none":"eq(attributes/code,1)"}`, hidden},
		{"user:writer", "merge", "/attributes", `{"open":2}`, `"merge-thing-patch-conditions":{"open":"eq(attributes/open,1)"}`, hidden},
		{"admin", "retrieve", "/", ``, header("condition", "eq(attributes/code,1234)"), ""},

		{"user:writer", "modify", "/features/door/properties/pin", `8`, header("if-match", pin), "entity tag there is none"},
		{"user:writer", "modify", "/features/door/properties/pin", `8`, header("if-match", `"hash:0"`), "entity tag there is none"},
		{"user:writer", "modify", "/features/door/properties/pin", `8`, header("if-none-match", "*"), "entity tag there is none"},
		{"user:writer", "delete", "/features/door/properties/pin", ``, header("if-match", pin), "entity tag there is none"},
		{"user:guest", "retrieve", "/attributes", ``, header("if-none-match", attributes), ""},
		{"user:owner", "retrieve", "/attributes", ``, header("if-none-match", attributes), "not modified"},
		{"user:nobody", "retrieve", "/", ``, header("if-match", `"rev:9"`), "not to be seen"},
		{"user:nobody", "modify", "/", `{}`, header("if-match", `"rev:9"`), "no WRITE permission"},
		{"user:nobody", "create", "/", `{}`, header("if-match", `"rev:9"`), "there is a thing"},
	} {
		if c.value == "" && c.action != "retrieve" && c.action != "delete" {
			t.Fatal(c)
		}
		o := w.as(c.who, beside(command(houseID, c.action, c.path, c.value), c.headers, ""))
		said := ""
		switch {
		case o.Err != nil:
			said = o.Err.Message + " " + o.Err.Description
		case o.Response.Status == 304:
			said = "not modified"
		}
		if c.want == "" && said != "" || !strings.Contains(strings.ToLower(said), strings.ToLower(c.want)) {
			t.Errorf("%s %s of %s with %s: %s, want %q", c.who, c.action, c.path, c.headers, said, c.want)
		}
		if o.Err != nil && o.Err.ETag == hiddenTag {
			t.Errorf("%s %s of %s with %s: the error has a tag", c.who, c.action, c.path, c.headers)
		}
		w.furnish()
	}
}

// What would leave the Thing as it is goes on for who may not know that.
func TestIfEqualTellsNothingOfWhatIsHidden(t *testing.T) {
	w := newHouse(t)
	for _, c := range []struct {
		who, action, path, value string
		skipped                  bool
	}{
		{"user:owner", "modify", "/features/door/properties/pin", `7`, true},
		{"user:writer", "modify", "/features/door/properties/pin", `7`, false},
		{"user:guest", "modify", "/attributes/open", `1`, true},
		{"user:guest", "merge", "/", `{"attributes":{"open":1}}`, true},
		{"user:writer", "merge", "/", `{"attributes":{"open":1}}`, false},
		{"admin", "merge", "/", `{"attributes":{"code":1234}}`, true},
	} {
		w.furnish()
		o := w.as(c.who, beside(command(houseID, c.action, c.path, c.value), `"if-equal":"skip"`, ""))
		if (o.Err != nil) != c.skipped {
			t.Errorf("%s %s of %s %s: %v", c.who, c.action, c.path, c.value, o.Err)
		}
	}
}

func TestMetadataAreReadAsFarAsTheThing(t *testing.T) {
	w := newHouse(t)
	put := `"put-metadata":[{"key":"/attributes/open/by","value":"a"},{"key":"/attributes/code/by","value":"b"},{"key":"/features/safe/by","value":"c"}]`
	if o := w.as("user:owner", beside(command(houseID, "merge", "/", `{"attributes":{"open":1}}`), put, "")); o.Err != nil {
		t.Fatal(o.Err)
	}
	const all = `{"attributes":{"code":{"by":"b"},"open":{"by":"a"}},"features":{"safe":{"by":"c"}}}`
	const some = `{"attributes":{"open":{"by":"a"}}}`
	for _, c := range []struct{ who, path, get, want string }{
		{"user:owner", "/", "*", all},
		{"user:guest", "/", "*", some},
		{"user:guest", "/", "attributes/code/by", `{}`},
		{"user:guest", "/", "attributes/*/by", some},
		{"user:guest", "/attributes", "*", `{"open":{"by":"a"}}`},
		{"user:guest", "/attributes", "code/by", `{}`},
		{"admin", "/", "*", all},
	} {
		o := w.as(c.who, beside(command(houseID, "retrieve", c.path, ""), fmt.Sprintf(`"get-metadata":%q`, c.get), ""))
		if got := text(o.Response.Headers.Value(protocol.HeaderMetadata)); got != c.want {
			t.Errorf("%s of %s %s: %s, want %s", c.who, c.path, c.get, got, c.want)
		}
	}
	for who, want := range map[string]string{"user:owner": `{"_metadata":` + all + `}`, "user:guest": `{"_metadata":` + some + `}`} {
		o := w.as(who, beside(command(houseID, "retrieve", "/", ""), "", `"fields":"_metadata"`))
		if got := text(o.Response.Value); got != want {
			t.Errorf("%s: %s, want %s", who, got, want)
		}
	}
}

func TestThePastIsReadByThePresentPolicy(t *testing.T) {
	w := newHouse(t)
	if o := w.as("user:owner", command(houseID, "modify", "/attributes", `{"open":2,"code":9}`)); o.Err != nil {
		t.Fatal(o.Err)
	}
	read := func(who, fields string) string {
		o := w.as(who, beside(command(houseID, "retrieve", "/", ""), atRevision(1), fmt.Sprintf(`"fields":%q`, fields)))
		if o.Err != nil {
			return o.Err.Code
		}
		return text(o.Response.Value)
	}
	if got := read("user:guest", "attributes"); got != `{"attributes":{"open":1,"box":{"a":1}}}` {
		t.Error(got)
	}
	w.provision(houseID, strings.Replace(houseRules, `"thing:/attributes/code":{"grant":[],"revoke":["READ","WRITE"]}`, `"thing:/attributes/code":{"grant":["READ"],"revoke":[]}`, 1))
	if got := read("user:guest", "attributes/code"); got != `{"attributes":{"code":1234}}` {
		t.Errorf("allowed since: %s", got)
	}
	w.provision(houseID, everything("user:owner"))
	if got := read("user:guest", "attributes"); got != "things:thing.notfound" {
		t.Errorf("not allowed any more: %s", got)
	}
	if got := read("admin", "attributes/code"); got != `{"attributes":{"code":1234}}` {
		t.Errorf("an administrator: %s", got)
	}
	many := func(who string) string {
		o := w.as(who, `{"topic":"_/_/things/twin/commands/retrieve","headers":{`+atRevision(1)+`},"path":"/","fields":"attributes/open","value":{"thingIds":["org.acme:house","org.acme:none"]}}`)
		return text(o.Response.Value)
	}
	if many("user:guest") != `[]` || many("user:owner") != `[{"attributes":{"open":1}}]` {
		t.Errorf("of many: %s, %s", many("user:guest"), many("user:owner"))
	}
}

func TestManyThingsAreThoseThatMayBeRead(t *testing.T) {
	w := newHouse(t)
	w.provision("org.acme:other", everything("user:bob"))
	if _, o := w.put(`{"thingId":"org.acme:other","policyId":"org.acme:other","attributes":{"open":5}}`, Refuse); o.Err != nil {
		t.Fatal(o.Err)
	}
	if _, o := w.put(`{"thingId":"org.acme:stray","policyId":"org.acme:gone","attributes":{"open":6}}`, Refuse); o.Err != nil {
		t.Fatal(o.Err)
	}
	for _, c := range []struct{ who, want string }{
		{"user:guest", `[{"thingId":"org.acme:house","attributes":{"open":1}}]`},
		{"user:bob", `[{"thingId":"org.acme:other","attributes":{"open":5}}]`},
		{"user:bob user:owner", `[{"thingId":"org.acme:house","attributes":{"open":1,"code":1234}},{"thingId":"org.acme:other","attributes":{"open":5}}]`},
		{"user:nobody", `[]`},
		{"admin", `[{"thingId":"org.acme:house","attributes":{"open":1,"code":1234}},{"thingId":"org.acme:other","attributes":{"open":5}},{"thingId":"org.acme:stray","attributes":{"open":6}}]`},
	} {
		const fields = `"fields":"thingId,attributes(open,code)"`
		o := w.as(c.who, `{"topic":"_/_/things/twin/commands/retrieve","path":"/",`+fields+`,"value":{"thingIds":["org.acme:house","org.acme:other","org.acme:stray"]}}`)
		if got := text(o.Response.Value); got != c.want || o.Overruled != (c.who == "admin") {
			t.Errorf("%s retrieves %s", c.who, got)
		}
		o = w.as(c.who, `{"topic":"_/_/things/twin/search/subscribe","path":"/",`+fields+`,"value":{"options":"size(1)"}}`)
		id, _ := o.Response.Value.Member("subscriptionId")
		o = w.as(c.who, `{"topic":"_/_/things/twin/search/request","path":"/","value":{"subscriptionId":`+id.String()+`,"demand":9}}`)
		var items []*jsondoc.Value
		for _, m := range o.More {
			if page, ok := m.Value.Member("items"); ok {
				for item := range page.Elements() {
					items = append(items, item)
				}
			}
		}
		if got := text(jsondoc.Array(items...)); got != c.want || o.Overruled != (c.who == "admin") {
			t.Errorf("%s finds %s", c.who, got)
		}
		if last := o.More[len(o.More)-1]; last.Topic.Action != "complete" {
			t.Errorf("%s: it ends with %s", c.who, last.Topic.Action)
		}
	}
}

func mustParse(t testing.TB, text string) *jsondoc.Value {
	t.Helper()
	v, err := jsondoc.ParseString(text)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// Who may read nothing keeps a search busy for some Things at most, and then has
// to ask again.
func TestASearchEndsItsPagesThoughNothingMayBeRead(t *testing.T) {
	w := newWorld(t, Options{})
	w.provision("org.acme:p", everything("user:bob"))
	var told sync.WaitGroup
	for i := range requestHidden + 200 {
		e, err := w.ReadEntity(fmt.Appendf(nil, `{"thingId":"org.acme:t%05d","policyId":"org.acme:p"}`, i))
		if err != nil {
			t.Fatal(err)
		}
		told.Add(1)
		w.PutEntity(e, w.sender, Refuse, func(Placed, *Outcome) { told.Done() })
	}
	told.Wait()
	o := w.send(`{"topic":"_/_/things/twin/search/subscribe","path":"/"}`)
	id, _ := o.Response.Value.Member("subscriptionId")
	for _, want := range []string{"next", "complete"} {
		o = w.send(`{"topic":"_/_/things/twin/search/request","path":"/","value":{"subscriptionId":` + id.String() + `,"demand":9}}`)
		if len(o.More) != 1 || o.More[0].Topic.Action != want {
			t.Fatalf("%d answers, %s", len(o.More), o.More[0].AppendJSON(nil))
		}
	}
}
