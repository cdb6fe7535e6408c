package twin

import "testing"

func TestOnePolicyIsToldFromAnotherOfItsID(t *testing.T) {
	w := newWorld(t, Options{})
	created := func() int64 {
		t.Helper()
		at, err := w.PolicyCreated("org.acme:p")
		if err != nil {
			t.Fatal(err)
		}
		if at.IsZero() {
			return 0
		}
		return at.UnixNano()
	}
	if created() != 0 {
		t.Error("one that is not there was made at some time")
	}
	w.mustPolicy("org.acme:p", "create", "/", `{"entries":`+everything("user:ann")+`}`)
	first := created()
	w.mustPolicy("org.acme:p", "modify", "/entries/more", `{"subjects":{},"resources":{}}`)
	if first == 0 || created() != first {
		t.Errorf("a change makes another one of it: %d, %d", first, created())
	}
	w.mustPolicy("org.acme:p", "delete", "/", "")
	if created() != 0 {
		t.Error("one that is gone was made at some time")
	}
	w.mustPolicy("org.acme:p", "create", "/", `{"entries":`+everything("user:ann")+`}`)
	if again := created(); again <= first {
		t.Errorf("made at %d, and another at %d", first, again)
	}
}
