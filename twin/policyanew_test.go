package twin

import (
	"testing"

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
