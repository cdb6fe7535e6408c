package twin

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twinbroker/twinbroker/twin/jsondoc"
	"github.com/twinbroker/twinbroker/twin/policy"
	"github.com/twinbroker/twinbroker/twin/protocol"
	"github.com/twinbroker/twinbroker/twin/store"
)

// grants is an entry by its label: what a subject is granted, as "READ", at
// resources.
func grants(label, subject, permissions string, resources ...string) string {
	var parts []string
	for _, r := range resources {
		parts = append(parts, fmt.Sprintf(`%q:{"grant":["%s"],"revoke":[]}`, r, strings.ReplaceAll(permissions, " ", `","`)))
	}
	return fmt.Sprintf(`%q:{"subjects":{%q:{"type":"x"}},"resources":{%s}}`, label, subject, strings.Join(parts, ","))
}

func TestAThingGetsAPolicyThatItsMakerMayUse(t *testing.T) {
	const lamp = "org.acme:lamp"
	const ok = ""
	root := func(what string) string { return grants("a", "user:ann", what, "thing:/", "policy:/") }
	inline := func(entries string) string { return `{"_policy":{"entries":{` + entries + `}}}` }
	w := newWorld(t, Options{})
	w.provision("org.acme:all", `{`+root("READ WRITE")+`}`)
	w.provision("org.acme:read", `{`+root("READ")+`}`)
	w.provision("org.acme:write", `{`+grants("a", "user:ann", "READ WRITE", "thing:/")+`}`)
	w.provision("org.acme:part", `{`+grants("a", "user:ann", "READ WRITE", "thing:/attributes", "policy:/")+`}`)
	w.provision("org.acme:copy", `{`+grants("a", "user:ann", "READ WRITE", "thing:/", "policy:/entries/a")+`,`+grants("b", "user:bob", "WRITE", "policy:/", "thing:/")+`}`)
	w.provision("org.acme:hidden", everything("user:bob"))
	w.provision("org.acme:copied", `{`+grants("a", "user:ann", "READ", "policy:/")+`,`+grants("b", "user:ann", "WRITE", "policy:/", "thing:/")+`}`)
	w.provision("org.other:far", `{"a":{"subjects":{"user:ann":{"type":"x"}},"resources":{"thing:/":{"grant":["READ","WRITE"],"revoke":[]},"policy:/":{"grant":["READ","WRITE"],"revoke":[]}},"namespaces":["org.other"]}}`)
	for id, policyID := range map[string]string{"org.acme:mine": "org.acme:all", "org.acme:his": "org.acme:hidden"} {
		if _, o := w.put(`{"thingId":"`+id+`","policyId":"`+policyID+`","attributes":{"p":"org.acme:copied"}}`, Refuse); o.Err != nil {
			t.Fatal(o.Err)
		}
	}
	for n, c := range []struct {
		value   string
		mapping string // the Policy that a mapping gives; "": no mapping
		want    string
	}{
		{`{}`, "", ok},
		{`{"policyId":"org.acme:all"}`, "", ok},
		{`{"policyId":"org.acme:read"}`, "", "403 things:thing.notmodifiable"},
		{`{"policyId":"org.acme:part"}`, "", "403 things:thing.notmodifiable"},
		{`{"policyId":"org.acme:write"}`, "", "400 things:thing.notcreatable"},
		{`{"policyId":"org.acme:hidden"}`, "", "400 things:thing.notcreatable"},
		{`{"policyId":"org.acme:none"}`, "", "400 things:thing.notcreatable"},
		{`{"policyId":"org.other:far"}`, "", "403 things:thing.notmodifiable"},
		{inline(root("READ WRITE")), "", ok},
		{inline(root("WRITE")), "", ok},
		{inline(root("READ") + "," + grants("b", "user:bob", "WRITE", "policy:/")), "", "403 things:thing.notcreatable"},
		{inline(grants("a", "user:ann", "WRITE", "policy:/")), "", "403 things:thing.notmodifiable"},
		{`{"_copyPolicyFrom":"org.acme:all"}`, "", ok},
		{`{"_copyPolicyFrom":"org.acme:copied"}`, "", ok},
		{`{"_copyPolicyFrom":"org.acme:copy"}`, "", "403 things:thing.notcreatable"}, // what it may READ does not let it write
		{`{"_copyPolicyFrom":"org.acme:hidden"}`, "", "404 policies:policy.notfound"},
		{`{"_copyPolicyFrom":"org.acme:write"}`, "", "404 policies:policy.notfound"},
		{`{"_copyPolicyFrom":"{{ ref:things/org.acme:mine/attributes/p }}"}`, "", ok},
		{`{"_copyPolicyFrom":"{{ ref:things/org.acme:his/attributes/p }}"}`, "", "404 things:thing.notfound"},
		{`{}`, "org.acme:all", ok},
		{`{}`, "org.acme:write", ok},                    // who wrote the mapping may give it
		{`{"attributes":{"x":1}}`, "org.acme:part", ok}, // it is for the sender to say what it may WRITE
		{`{"attributes":{"x":{"y":1}},"features":null}`, "org.acme:part", "403 things:thing.notmodifiable"},
		{`{"features":{"f":{}}}`, "org.acme:part", "403 things:thing.notmodifiable"},
		{`{}`, "org.acme:part", "403 things:thing.notmodifiable"},
		{`{"attributes":{"x":1},"policyId":"org.acme:part"}`, "org.acme:part", "403 things:thing.notmodifiable"},
		{`{}`, "org.acme:read", "403 things:thing.notmodifiable"},
		{`{}`, "org.acme:hidden", "403 things:thing.notmodifiable"},
		{`{}`, "org.acme:none", "400 things:thing.notcreatable"},
		{`{"policyId":"org.acme:write"}`, "org.acme:all", "400 things:thing.notcreatable"},
	} {
		id := fmt.Sprintf("org.acme:t%d", n)
		o := w.apply(func(cmd *Command) {
			if c.mapping != "" {
				cmd.Create = &Create{Policy: c.mapping}
			}
		}, command(id, "merge", "/", c.value))
		got := ""
		if o.Err != nil {
			got = fmt.Sprintf("%d %s", o.Err.Status, o.Err.Code)
		}
		if got != c.want {
			t.Errorf("%s %s: %v, want %s", c.value, c.mapping, o.Err, c.want)
		}
		if _, rev := w.thing(id); (rev == 1) != (c.want == ok) || c.want != ok && w.policy(id) != "" {
			t.Errorf("%s %s: something is there, or nothing: %s", c.value, c.mapping, w.policy(id))
		}
		if c.want == ok && !o.Access.Some(policy.Subjects{"user:ann"}, policy.Write, policy.Thing, nil) {
			t.Errorf("%s %s: the event is told by another Policy", c.value, c.mapping)
		}
		if c.mapping == "org.acme:none" && !strings.Contains(o.Err.Description, "provision.policies") {
			t.Errorf("it does not say what to do: %s", o.Err.Description)
		}
	}
	refused := w.apply(func(cmd *Command) { cmd.Create = &Create{Policy: "org.acme:read"} }, command("org.acme:told", "merge", "/", `{}`))
	if refused.Err == nil || !strings.Contains(refused.Err.Message, "the Policy with ID 'org.acme:read' gives it no WRITE permission on all of 'thing:/'") {
		t.Errorf("it does not say what is missing where: %v", refused.Err)
	}
	t.Run("also with lockout, on request", func(t *testing.T) {
		e := command(lamp, "create", "/", inline(grants("a", "user:ann", "WRITE", "thing:/")+","+grants("b", "user:bob", "WRITE", "policy:/")))
		if o := w.send(e); o.Err == nil || o.Err.Code != "things:thing.notcreatable" {
			t.Error(o.Err)
		}
		if o := w.send(beside(e, `"allow-policy-lockout":true`, "")); o.Err != nil {
			t.Error(o.Err)
		}
	})
}

func TestAThingIsGivenAnotherPolicy(t *testing.T) {
	for _, c := range []struct{ who, action, path, value, want string }{
		{"user:owner", "modify", "/policyId", `"org.acme:new"`, ""},
		{"user:owner", "merge", "/policyId", `"org.acme:new"`, ""},
		{"user:owner", "modify", "/", `{"policyId":"org.acme:new"}`, ""},
		{"user:owner", "merge", "/", `{"policyId":"org.acme:new"}`, ""},
		{"user:owner", "migrate", "/", `{"thingDefinitionUrl":"a:b:2","migrationPayload":{"policyId":"org.acme:new"}}`, ""},
		{"user:owner", "modify", "/policyId", `"org.acme:none"`, "policies:policy.notfound"},
		{"user:owner", "modify", "/policyId", `"org.acme:hidden"`, "policies:policy.notfound"},
		{"user:owner", "merge", "/", `{"policyId":"org.acme:hidden"}`, "policies:policy.notfound"},
		{"user:owner", "migrate", "/", `{"thingDefinitionUrl":"a:b:2","migrationPayload":{"policyId":"org.acme:hidden"}}`, "policies:policy.notfound"},
		{"user:guest", "modify", "/policyId", `"org.acme:new"`, "things:policyId.notmodifiable"},
		{"user:guest", "merge", "/", `{"policyId":"org.acme:new"}`, "things:thing.notmodifiable"},
		{"admin", "modify", "/policyId", `"org.acme:hidden"`, ""},
		{"admin", "modify", "/policyId", `"org.acme:none"`, "policies:policy.notfound"},
	} {
		w := newHouse(t)
		w.provision("org.acme:new", `{`+grants("a", "user:owner", "READ", "policy:/")+`,`+grants("b", "user:new", "READ WRITE", "thing:/")+`}`)
		w.provision("org.acme:hidden", everything("user:new"))
		o := w.as(c.who, command(houseID, c.action, c.path, c.value))
		got := ""
		if o.Err != nil {
			got = o.Err.Code
		}
		if got != c.want {
			t.Errorf("%s %s of %s %s: %v", c.who, c.action, c.path, c.value, o.Err)
			continue
		}
		next := command(houseID, "modify", "/attributes/open", "5")
		if was := w.as("user:owner", next); (was.Err == nil) != (c.want != "") {
			t.Errorf("%s %s: who might before: %v", c.action, c.value, was.Err)
		}
		if now := w.as("user:new", next); (now.Err == nil) != (c.want == "") {
			t.Errorf("%s %s: who may now: %v", c.action, c.value, now.Err)
		}
		if c.want == "" && !o.Access.Whole(policy.Subjects{"user:new"}, policy.Read, policy.Thing, nil) {
			t.Errorf("%s %s: the event is told by the old Policy", c.action, c.value)
		}
	}
}

func TestAThingWithoutItsPolicyIsForAdministrators(t *testing.T) {
	w := newWorld(t, Options{})
	w.provision("org.acme:new", everything("user:ann"))
	if _, o := w.put(`{"thingId":"org.acme:lamp","policyId":"org.acme:gone","attributes":{"a":1}}`, Refuse); o.Err != nil {
		t.Fatal(o.Err)
	}
	e, err := w.Access("org.acme:lamp")
	if err != nil || e != policy.Nobody {
		t.Errorf("%v %v", e, err)
	}
	for _, c := range []struct{ action, path, value, want string }{
		{"retrieve", "/", "", "404 things:thing.notfound"},
		{"modify", "/attributes/a", "2", "403 things:thing.notmodifiable"},
		{"modify", "/policyId", `"org.acme:new"`, "403 things:thing.notmodifiable"},
		{"delete", "/", "", "403 things:thing.notmodifiable"},
		{"create", "/", "{}", "409 things:thing.conflict"},
	} {
		o := w.send(command("org.acme:lamp", c.action, c.path, c.value))
		if o.Err == nil || fmt.Sprint(o.Err.Status, " ", o.Err.Code) != c.want {
			t.Errorf("%s %s: %v", c.action, c.path, o.Err)
		} else if c.want == "403 things:thing.notmodifiable" && !strings.Contains(o.Err.Message, "no Policy with ID 'org.acme:gone'") {
			t.Errorf("%s %s: it does not say why: %v", c.action, c.path, o.Err)
		}
	}
	if o := w.as("admin", command("org.acme:lamp", "modify", "/policyId", `"org.acme:new"`)); o.Err != nil || !o.Overruled {
		t.Error(o.Err, o.Overruled)
	}
	w.must("org.acme:lamp", "modify", "/attributes/a", "2")
	t.Run("or comes back with the Policy", func(t *testing.T) {
		if _, o := w.put(`{"thingId":"org.acme:other","policyId":"org.acme:gone"}`, Refuse); o.Err != nil {
			t.Fatal(o.Err)
		}
		e := command("org.acme:other", "modify", "/attributes", "{}")
		if o := w.send(e); o.Err == nil {
			t.Fatal("it is there")
		}
		w.provision("org.acme:gone", everything("user:ann"))
		if o := w.send(e); o.Err != nil {
			t.Error(o.Err)
		}
	})
}

// What a Policy imports, the subjects that expire, and the Policies of a
// namespace, count as they are at that moment.
func TestADecisionIsMadeOnThePoliciesAsTheyAre(t *testing.T) {
	w := newWorld(t, Options{NamespacePolicies: policy.Roots{"org.*": {"org.root:all"}}})
	put := func(text string) {
		t.Helper()
		if _, o := w.put(text, Replace); o.Err != nil {
			t.Fatal(o.Err)
		}
	}
	put(`{"policyId":"org.acme:p","entries":{},"imports":{"org.acme:shared":{}}}`)
	put(`{"thingId":"org.acme:lamp","policyId":"org.acme:p","attributes":{"a":1}}`)
	reads := func(who string) bool {
		t.Helper()
		o := w.as(who, command("org.acme:lamp", "retrieve", "/attributes/a", ""))
		return o.Err == nil
	}
	step := func(name string, want bool, who string) {
		t.Helper()
		for range 2 { // the second time from what is kept
			if reads(who) != want {
				t.Errorf("%s: %v", name, !want)
			}
		}
	}
	step("an import that is not there", false, "user:bob")
	w.provision("org.acme:shared", `{`+grants("s", "user:bob", "READ", "thing:/")+`}`)
	step("an import that came", true, "user:bob")
	w.provision("org.acme:shared", `{`+grants("s", "user:eve", "READ", "thing:/")+`}`)
	step("an import that changed", false, "user:bob")
	step("an import that changed, for another", true, "user:eve")
	step("a Policy of the namespace that is not there", false, "user:root")
	w.provision("org.root:all", `{`+grants("r", "user:root", "READ", "thing:/")+`}`)
	step("a Policy of the namespace", true, "user:root")
	until := time.Now().Add(150 * time.Millisecond).UTC()
	w.provision("org.acme:shared", strings.Replace(`{`+grants("s", "user:bob", "READ", "thing:/")+`}`, `"type":"x"`, `"type":"x","expiry":"`+until.Format(time.RFC3339Nano)+`"`, 1))
	if !reads("user:bob") && time.Now().Before(until) {
		t.Error("a subject that has not expired")
	}
	for reads("user:bob") {
		if time.Since(until) > 10*time.Second {
			t.Fatal("the subject does not expire")
		}
		time.Sleep(10 * time.Millisecond)
	}
	if time.Now().Before(until) {
		t.Error("the subject expired before its time")
	}
}

func TestThingsOfOneMessageAreAllowedTogetherOrNotAtAll(t *testing.T) {
	w := newHouse(t)
	w.sender.Subjects = policy.Subjects{"user:guest"}
	before := w.Store().Stats().LastSeq
	o := w.together(
		[2]string{houseID, `{"attributes":{"open":2}}`},
		[2]string{"org.acme:new", `{"attributes":{"a":1}}`},
		[2]string{houseID, `{"attributes":{"code":2}}`})
	if o.Err == nil || o.Err.Code != "things:thing.notmodifiable" || w.Store().Stats().LastSeq != before || w.policy("org.acme:new") != "" {
		t.Errorf("%v; something was changed", o.Err)
	}
	o = w.together(
		[2]string{houseID, `{"attributes":{"open":2}}`},
		[2]string{"org.acme:new", `{"attributes":{"a":1}}`},
		[2]string{"org.acme:new", `{"attributes":{"a":2}}`}, // by the Policy that is made with it
		[2]string{"org.acme:also", `{"policyId":"org.acme:new"}`})
	if o.Err != nil || len(o.Accesses) != 4 {
		t.Fatal(o.Err)
	}
	for i, may := range []bool{true, false, false, false} {
		if o.AccessOf(i).Whole(policy.Subjects{"user:reader"}, policy.Read, policy.Thing, nil) != may {
			t.Errorf("event %d is told by another Policy", i)
		}
	}
}

// A Policy that is changed while its Things are: what is told after the change
// has been told is by the new one.
func TestNothingIsAllowedByAPolicyThatWasChangedBefore(t *testing.T) {
	w := newWorld(t, Options{})
	const policyID = "org.acme:shared"
	w.provision(policyID, everything("user:0"))
	const things = 8
	for i := range things {
		if _, o := w.put(fmt.Sprintf(`{"thingId":"org.acme:t%d","policyId":%q}`, i, policyID), Refuse); o.Err != nil {
			t.Fatal(o.Err)
		}
	}
	var turn atomic.Int64 // whose turn it surely is: that of the user with this number, or a later one
	stop := make(chan struct{})
	var all sync.WaitGroup
	var allowed, refused atomic.Int64
	for i := range things {
		all.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				since := turn.Load()
				user := since - int64(i%3) // one whose turn is over, or may be it
				m, _ := protocol.ParseMessage([]byte(command(fmt.Sprintf("org.acme:t%d", i), "modify", "/attributes/n", "1")), nil, jsondoc.Limits{})
				done := make(chan *Outcome, 1)
				w.Handle(&Command{Message: m, Sender: Sender{Client: "c", Subjects: policy.Subjects{fmt.Sprintf("user:%d", user)}}}, func(o *Outcome) { done <- o })
				o := <-done
				switch {
				case o.Err == nil && user < since:
					t.Errorf("user:%d changed a Thing after it was user:%d's turn", user, since)
					return
				case o.Err == nil:
					allowed.Add(1)
				default:
					refused.Add(1)
				}
			}
		})
	}
	deadline := time.Now().Add(20 * time.Second)
	for n := int64(1); n <= 20 || allowed.Load() < 20 || refused.Load() < 20; n++ {
		w.provision(policyID, everything(fmt.Sprintf("user:%d", n)))
		turn.Store(n)
		if time.Now().After(deadline) {
			t.Fatalf("%d allowed, %d refused", allowed.Load(), refused.Load())
		}
	}
	close(stop)
	all.Wait()
}

// What was decided by a change of a Policy that is not on disk yet is told when
// that is.
func TestADecisionIsToldWhenThePolicyIsOnDisk(t *testing.T) {
	for _, c := range []struct{ name, envelope string }{
		{"a retrieve that is allowed", command(houseID, "retrieve", "/", "")},
		{"a retrieve that is refused", command(houseID, "retrieve", "/attributes/code", "")},
		{"a change that is refused", command(houseID, "modify", "/attributes/code", "1")},
		{"a change that changes nothing", beside(command(houseID, "modify", "/attributes/open", "1"), `"if-equal":"skip","response-required":false`, "")},
		{"a condition that may not be asked", beside(command(houseID, "modify", "/attributes/open", "1"), `"condition":"eq(attributes/code,1)"`, "")},
		{"a Thing that may not be made", command("org.acme:new", "create", "/", `{"policyId":"org.acme:house"}`)},
		{"many Things", `{"topic":"_/_/things/twin/commands/retrieve","path":"/","value":{"thingIds":["org.acme:house"]}}`},
		{"the past", beside(command(houseID, "retrieve", "/", ""), atRevision(1), "")},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, Options{Store: store.Options{SyncDelay: 50 * time.Millisecond}})
			w.furnish()
			e, refused := w.ReadEntity([]byte(`{"policyId":"org.acme:house","entries":` + strings.Replace(houseRules, "user:guest", "user:new", 1) + `}`))
			if refused != nil {
				t.Fatal(refused)
			}
			var order atomic.Int64
			policyAt, told := make(chan int64, 1), make(chan int64, 1)
			w.PutEntity(e, w.sender, Replace, func(Placed, *Outcome) { policyAt <- order.Add(1) })
			m, err := protocol.ParseMessage([]byte(c.envelope), nil, jsondoc.Limits{})
			if err != nil {
				t.Fatal(err)
			}
			w.Handle(&Command{Message: m, Sender: Sender{Client: "c", Subjects: policy.Subjects{"user:new"}}}, func(*Outcome) { told <- order.Add(1) })
			if <-policyAt > <-told {
				t.Error("it is told before")
			}
		})
	}
}

func TestEnforcersAreKeptWithinBounds(t *testing.T) {
	w := newWorld(t, Options{})
	w.provision("org.acme:large", everything("user:ann"))
	first, _ := w.PolicyAccess("org.acme:large")
	if again, _ := w.PolicyAccess("org.acme:large"); again != first {
		t.Error("it is not kept")
	}
	room := w.enforcers.room
	for i := range 3 * room / (64 << 10) {
		w.enforcers.put(fmt.Sprintf("org.acme:p%d", i), &keptAccess{cost: 64 << 10})
	}
	cost := 0
	for i := range w.enforcers.shards {
		cost += w.enforcers.shards[i].cost
	}
	if cost > room || cost < room/2 {
		t.Errorf("%d bytes are kept, of %d", cost, room)
	}
}

// A Policy whose Thing is refused is not made, and nothing is known of its
// subjects that would expire.
func TestSubjectsOfAPolicyThatIsNotMadeAreNotWatched(t *testing.T) {
	w := newWorld(t, Options{})
	w.KeepTime(func(*Outcome) {})
	value := func(resource string) string {
		return `{"_policy":{"entries":{"a":{"subjects":{"user:ann":{"type":"x"},"user:bob":{"type":"x","expiry":"2099-01-01T00:00:00Z"}},` +
			`"resources":{"policy:/":{"grant":["READ","WRITE"],"revoke":[]},` + resource + `:{"grant":["WRITE"],"revoke":[]}}}}}}`
	}
	watched := func() bool {
		w.clock.mu.Lock()
		defer w.clock.mu.Unlock()
		return w.clock.policies["org.acme:lamp"] != nil
	}
	refused := value(`"message:/"`)
	if o := w.send(command("org.acme:lamp", "create", "/", refused)); o.Err == nil || watched() {
		t.Errorf("%v, watched: %v", o.Err, watched())
	}
	if o := w.together([2]string{"org.acme:lamp", value(`"thing:/"`)}, [2]string{"org.acme:other", refused}); o.Err == nil || watched() {
		t.Errorf("together: %v, watched: %v", o.Err, watched())
	}
	w.must("org.acme:lamp", "create", "/", value(`"thing:/"`))
	if !watched() {
		t.Error("one that is made is not watched")
	}
}
