package policy

import (
	"errors"
	"testing"

	"github.com/twinbroker/twinbroker/twin/protocol"
)

func TestDefaultGrantsTheCreatorAll(t *testing.T) {
	p, err := Default("a:b", Subjects{"user:ann", "group:ops"})
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"policyId":"a:b","entries":{"DEFAULT":{"subjects":{"user:ann":{"type":"generated"}},` +
		`"resources":{"thing:/":{"grant":["READ","WRITE"],"revoke":[]},"policy:/":{"grant":["READ","WRITE"],"revoke":[]},` +
		`"message:/":{"grant":["READ","WRITE"],"revoke":[]}},"importable":"implicit"}}}`
	if got := p.String(); got != want {
		t.Errorf("got %s", got)
	}
}

func TestDefaultNeedsSomebody(t *testing.T) {
	var e *protocol.Error
	if _, err := Default("a:b", nil); !errors.As(err, &e) || e.Code != "things:thing.notcreatable" || e.Status != 400 {
		t.Errorf("%v", err)
	}
}
