package twin

import (
	"testing"

	"github.com/twinbroker/twinbroker/twin/policy"
	"github.com/twinbroker/twinbroker/twin/store"
)

// takes is what comes of it when somebody makes a Policy that gives them all.
func (w *world) takes(who, id string) *Outcome {
	w.t.Helper()
	return w.as(who, policyCommand(id, "create", "/", `{"entries":`+everything(who)+`}`, ""))
}

// Who makes a deleted Policy anew gets the Things that have it: that there was
// one is known for ever, also where what was deleted is forgotten.
func TestADeletedPolicyIsNotForgottenUnderItsThings(t *testing.T) {
	w := newWorld(t, Options{Store: store.Options{SegmentSize: 1, MaxSize: 1, ForgetDeleted: true}})
	w.provision("org.acme:shared", everything("user:ann"))
	w.must("org.acme:a", "create", "/", `{"policyId":"org.acme:shared","attributes":{"secret":1}}`)
	w.must("org.acme:gone", "create", "/", `{}`)
	w.must("org.acme:gone", "delete", "/", "")
	w.mustPolicy("org.acme:shared", "delete", "/", "")
	for range 3 { // until no journal knows them
		w.must("org.acme:other", "modify", "/", `{}`)
		if err := w.store.Snapshot(); err != nil {
			t.Fatal(err)
		}
	}
	if _, revision := w.thing("org.acme:gone"); revision != 0 {
		t.Fatalf("the deleted Thing is at revision %d: it is not forgotten", revision)
	}
	if o := w.takes("user:eve", "org.acme:shared"); o.Err == nil || o.Err.Code != "policies:policy.notcreatable" {
		t.Errorf("somebody else made the Policy: %v", o.Err)
	}
	if o := w.as("user:eve", command("org.acme:shared", "create", "/", `{}`)); o.Err == nil || o.Err.Code != "policies:policy.notcreatable" {
		t.Errorf("somebody else made the Policy, with a Thing of that name: %v", o.Err)
	}
	if o := w.as("user:eve", command("org.acme:a", "retrieve", "/", "")); o.Err == nil {
		t.Error("somebody else reads the Thing")
	}
	w.must("org.acme:gone", "create", "/", `{"attributes":{"n":1}}`)
}

// A Policy that never was, and that is named by what was put in place, is nobody's
// to take.
func TestAPolicyThatNeverWasIsNotTakenFromWhatNamesIt(t *testing.T) {
	o := Options{Store: store.Options{SegmentSize: 1, MaxSize: 1}}
	w := newWorld(t, o)
	for _, line := range []string{
		`{"thingId":"org.acme:a","policyId":"org.acme:never","attributes":{"secret":1}}`,
		`{"thingId":"org.acme:b","policyId":"org.acme:never"}`,
		`{"thingId":"org.acme:same","policyId":"org.acme:same"}`,
		`{"policyId":"org.acme:importing","imports":{"org.acme:zero":{}},"entries":` + everything("user:ann") + `}`,
		`{"thingId":"org.acme:c","policyId":"org.acme:importing","attributes":{"secret":1}}`,
		`{"thingId":"org.acme:d","policyId":"org.acme:importing"}`,
	} {
		if _, o := w.put(line, Refuse); o.Err != nil {
			t.Fatal(line, o.Err)
		}
	}
	if _, o := w.put(`{"thingId":"org.acme:d","policyId":"org.acme:replaced"}`, Replace); o.Err != nil {
		t.Fatal(o.Err)
	}
	taking := map[string]func() *Outcome{
		"a Policy":                func() *Outcome { return w.takes("user:eve", "org.acme:never") },
		"the same again":          func() *Outcome { return w.takes("user:eve", "org.acme:never") },
		"with a Thing of that ID": func() *Outcome { return w.as("user:eve", command("org.acme:never", "create", "/", `{}`)) },
		"in a Thing": func() *Outcome {
			return w.as("user:eve", command("org.acme:e", "create", "/", `{"policyId":"org.acme:never","_policy":{"entries":`+everything("user:eve")+`}}`))
		},
		"the ID of the Thing":         func() *Outcome { return w.takes("user:eve", "org.acme:same") },
		"one that a Policy imports":   func() *Outcome { return w.takes("user:eve", "org.acme:zero") },
		"one that came by a new text": func() *Outcome { return w.takes("user:eve", "org.acme:replaced") },
	}
	check := func(when string) {
		t.Helper()
		for name, take := range taking {
			if o := take(); o.Err == nil || o.Err.Code != "policies:policy.notcreatable" {
				t.Errorf("%s, %s: %v", name, when, o.Err)
			}
		}
	}
	check("at once")
	w.reopen(o)
	check("after a start")
	for range 3 { // until the journal knows nothing of it any more
		w.must("org.acme:other", "modify", "/", `{}`)
		if err := w.store.Snapshot(); err != nil {
			t.Fatal(err)
		}
	}
	w.reopen(o)
	check("without the journal")

	// When the last that names it is gone, it is anybody's.
	w.provision("org.acme:open", everything("user:ann"))
	for _, id := range []string{"org.acme:a", "org.acme:b"} {
		if o := w.as("admin", command(id, "modify", "/policyId", `"org.acme:open"`)); o.Err != nil {
			t.Fatal(o.Err)
		}
	}
	if o := w.takes("user:eve", "org.acme:never"); o.Err != nil {
		t.Errorf("nothing names it any more: %v", o.Err)
	}
	// Where nothing names it, a name is anybody's from the beginning.
	if o := w.takes("user:eve", "org.acme:free"); o.Err != nil {
		t.Error(o.Err)
	}
}

// A Policy that is put in place after what names it is as its text says.
func TestAPolicyMayBePutInPlaceAfterItsThings(t *testing.T) {
	w := newWorld(t, Options{})
	if _, o := w.put(`{"thingId":"org.acme:a","policyId":"org.acme:p","attributes":{"n":1}}`, Refuse); o.Err != nil {
		t.Fatal(o.Err)
	}
	if _, o := w.put(`{"policyId":"org.acme:p","entries":`+everything("user:ann")+`,"_revision":7}`, Refuse); o.Err != nil {
		t.Fatal(o.Err)
	}
	if e, err := w.store.View(store.Key{Kind: kindPolicy, ID: "org.acme:p"}); err != nil || e.Revision != 7 {
		t.Errorf("revision %d, %v", e.Revision, err)
	}
	w.must("org.acme:a", "modify", "/attributes/n", "2")
}

// An administrator makes a Policy that is named, and that is noted.
func TestAnAdministratorMakesAPolicyThatIsNamed(t *testing.T) {
	w := newWorld(t, Options{})
	if _, o := w.put(`{"thingId":"org.acme:a","policyId":"org.acme:p"}`, Refuse); o.Err != nil {
		t.Fatal(o.Err)
	}
	w.sender.Admin = true
	if o := w.mustPolicy("org.acme:p", "create", "/", `{"entries":`+everything("user:ann")+`}`); !o.Overruled {
		t.Error("it is not noted that an administrator did it")
	}
}

// What was not put in place notes nothing.
func TestOnlyWhatIsPutInPlaceNamesAPolicy(t *testing.T) {
	w := newWorld(t, Options{})
	w.must("org.acme:a", "create", "/", `{}`)
	for _, how := range []OnConflict{Refuse, Skip} {
		w.put(`{"thingId":"org.acme:a","policyId":"org.acme:none","attributes":{"n":1}}`, how)
	}
	if noted, _ := w.named.has("org.acme:none"); noted {
		t.Error("it is noted")
	}
	if o := w.takes("user:eve", "org.acme:none"); o.Err != nil {
		t.Error(o.Err)
	}
}

// Only of a Policy that others named before it was made with a Thing it is said
// that it may change who may do what.
func TestOnlyAPolicyThatWasNamedChangesWhatOthersMayDo(t *testing.T) {
	w := newWorld(t, Options{NamespacePolicies: policy.Roots{"org.acme": {"org.acme:root"}}})
	if _, o := w.put(`{"thingId":"org.acme:a","policyId":"org.acme:noted"}`, Refuse); o.Err != nil {
		t.Fatal(o.Err)
	}
	w.must("org.acme:again", "create", "/", `{}`)
	w.must("org.acme:again", "delete", "/", "")
	w.mustPolicy("org.acme:again", "delete", "/", "")
	w.sender.Admin = true
	for id, named := range map[string]bool{"org.acme:new": false, "org.acme:noted": true, "org.acme:again": true, "org.acme:root": true} {
		o := w.must(id, "create", "/", `{}`)
		if len(o.Policies) != 1 || o.Named != named {
			t.Errorf("%s: %d Policies, named: %v", id, len(o.Policies), o.Named)
		}
	}
	if o := w.must("org.acme:other", "create", "/", `{"policyId":"org.acme:new"}`); o.Named || len(o.Policies) > 0 {
		t.Errorf("a Policy that was there: %d Policies, named: %v", len(o.Policies), o.Named)
	}
	w.put(`{"thingId":"org.acme:b","policyId":"org.acme:late"}`, Refuse)
	if o := w.together([2]string{"org.acme:late", `{"attributes":{"n":1}}`}, [2]string{"org.acme:later", `{"attributes":{"n":1}}`}); o.Err != nil || !o.Named {
		t.Errorf("several at once: %v, named: %v", o.Err, o.Named)
	}
}
