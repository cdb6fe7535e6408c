package policy

import "testing"

func TestSomebodyMayWrite(t *testing.T) {
	const root = `"resources":{"policy:/":{"grant":["READ","WRITE"],"revoke":[]}}`
	for _, c := range []struct {
		name, text string
		want       bool
	}{
		{"the owner", entries("u:a has +RW policy:/"), true},
		{"nobody", `{}`, false},
		{"nobody at all", entries(" has +RW policy:/"), false},
		{"READ only", entries("u:a has +R policy:/; +W thing:/"), false},
		{"a part only", entries("u:a has +W policy:/entries"), false},
		{"without a slash", entries("u:a has +W policy:"), true},
		{"revoked at once", entries("u:a has +W policy:/; -W policy:/"), false},
		{"revoked in another entry", entries("u:a has +W policy:/", "u:a has -W policy:/"), false},
		{"revoked from another one", entries("u:a, u:b has +W policy:/", "u:a has -W policy:/"), true},
		{"revoked below", entries("u:a has +W policy:/; -W policy:/entries/a"), true},
		{"an expiring subject", `{"entries":{"e":{"subjects":{"u:a":{"type":"","expiry":"2099-01-01T00:00:00Z"}},` + root + `}}}`, false},
		{"revoked from an expiring subject", `{"entries":{"e":{"subjects":{"u:a":{"type":""}},` + root + `},"r":{"subjects":{"u:a":{"type":"x","expiry":"2099-01-01T00:00:00Z"}},"resources":{"policy:/":{"grant":[],"revoke":["WRITE"]}}}}}`, false},
		{"with imports it is not asked", `{"imports":{"n:i":{}}}`, true},
		{"by a reference", `{"entries":{"role":{` + root + `},"e":{"subjects":{"u:a":{"type":""}},"references":[{"entry":"role"}]}}}`, true},
		{"not by a reference to subjects only", `{"entries":{"who":{"subjects":{"u:a":{"type":""}}},"e":{"references":[{"entry":"who"}]}}}`, false},
		{"what may not be added by a reference", `{"entries":{"role":{"subjects":{},"resources":{},"allowedAdditions":["subjects"]},"e":{"subjects":{"u:a":{"type":""}},` + root + `,"references":[{"entry":"role"}]}}}`, false},
	} {
		if got := modelOf(t, "n:p", c.text).SomebodyMayWrite(); got != c.want {
			t.Errorf("%s: %t", c.name, got)
		}
	}
}
