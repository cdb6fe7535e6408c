package powercut

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// unit is one Thing, or a few that are always changed by the same message.
// One client changes it, so its changes are numbered from 1, and what number n
// leaves follows from n alone. Every change is one revision.
type unit struct {
	name    string
	kind    kind
	ids     []string
	changes []*change // in order, as far as they were sent
	told    []telling // revisions that somebody was told of
}

type kind int

const (
	small kind = iota // two attributes and a property that must agree
	large             // and a long text besides
	cycle             // made, changed, deleted and made again
	group             // three Things, by a mapping, in one transaction
)

// change is one publish.
type change struct {
	unit     *unit
	n        int
	client   *client
	id       uint16
	again    bool // it was sent on an earlier connection
	received bool // its PUBREC is in
	released bool // its PUBREL was sent, perhaps
	acked    int  // where in the trace it was acknowledged, by PUBACK or PUBREC
	complete int  // and completed, by PUBCOMP
}

// telling is an event or a response that showed a revision.
type telling struct{ at, revision int }

func newUnit(name string, k kind) *unit {
	u := &unit{name: name, kind: k}
	for i := range 1 + 2*max(0, int(k-cycle)) {
		u.ids = append(u.ids, fmt.Sprintf("%s:%s-%d", u.namespace(), name, i))
	}
	return u
}

// namespace: what is large is not followed by those who look.
func (u *unit) namespace() string {
	if u.kind == large {
		return "large"
	}
	return "small"
}

// ballast is the long text of change n: 1 to 40 KiB, and now and then next to
// the most that a Thing may have.
func (u *unit) ballast(n int) string {
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+-"
	r := rand.New(rand.NewPCG(uint64(n), uint64(len(u.name))<<8|uint64(u.name[len(u.name)-1])))
	size := 1<<10 + r.IntN(40<<10)
	if r.IntN(4) == 0 {
		size = 90 << 10
	}
	text := make([]byte, 0, size+10)
	for len(text) < size {
		for w := r.Uint64(); w > 0; w >>= 6 {
			text = append(text, letters[w&63])
		}
	}
	return string(text[:size])
}

// parts are the attributes and features after change n.
func (u *unit) parts(n int) string {
	more := ""
	if u.kind == large {
		more = `,"ballast":"` + u.ballast(n) + `"`
	}
	return fmt.Sprintf(`"attributes":{"n":%d,"copy":%d%s},"features":{"f":{"properties":{"n":%d}}}`, n, n, more, n)
}

// document is what a Thing of the unit is after n changes, "" when it is not
// there.
func (u *unit) document(id string, n int) string {
	if n == 0 || u.kind == cycle && n%3 == 0 {
		return ""
	}
	return fmt.Sprintf(`{"thingId":"%s","policyId":"%s",%s}`, id, id, u.parts(n))
}

// message is the publish that makes change n.
func (u *unit) message(n int) (topic, payload string) {
	if u.kind == group {
		return "group/" + u.name, fmt.Sprintf(`{"n":%d}`, n)
	}
	action := "merge"
	switch {
	case n == 1 || u.kind == cycle && n%3 == 1:
		action = "create"
	case u.kind == cycle && n%3 == 0:
		action = "delete"
	}
	topic = "ditto/" + strings.ReplaceAll(u.ids[0], ":", "/") + "/things/twin/commands/" + action
	if action == "delete" {
		return topic, `{"path":"/","headers":{"response-required":false}}`
	}
	return topic, `{"path":"/","headers":{"response-required":false},"value":{` + u.parts(n) + `}}`
}

// config makes a group's message three changes. The Things take more memory
// than they may have: snapshots are being written all the time.
var config = `auth: {anonymous: ["anonymous:local"]}
store: {memory: 1MiB}
limits: {queue_messages: 1000000, queue_size: 1GiB}
mappings:
` + part(0) + part(1) + part(2)

func part(i int) string {
	return fmt.Sprintf(`  - topic: group/{name}
    thing: "small:{{ name }}-%d"
    set: {/attributes/n: /n, /attributes/copy: /n, /features/f/properties/n: /n}
    create: {}
`, i)
}

// retained makes old segments go.
var retained = config + "history: {max_size: 100MiB}\n"

// acked is the last change that was acknowledged before a place in the trace.
func (u *unit) acked(at int) (n int) {
	for _, c := range u.changes {
		if c.acked < at {
			n = c.n
		}
	}
	return n
}

// shown is the newest revision that somebody was told of before a place.
func (u *unit) shown(at int) (revision int) {
	for _, t := range u.told {
		if t.at < at {
			revision = max(revision, t.revision)
		}
	}
	return revision
}
