package rql

import (
	"strconv"
	"strings"
	"time"
	"unsafe"

	"github.com/twinbroker/twinbroker/twin/jsondoc"
)

// patience is how many comparisons, of values and of characters with a pattern,
// an evaluation may take: about a tenth of a second. What anybody sends must
// not keep the broker busy, and a list of values against a list in a Thing, or
// a pattern against a long text, could do so for minutes. Ditto has no limit.
const patience = 10_000_000

// Matches holds the expression against a Thing. It needs no memory, except for
// strings of more than 256 bytes that are written with escapes. What takes more
// than ten million comparisons does not match, nor does its negation.
func (f *Filter) Matches(s *Subject) bool {
	e := evaluation{subject: s, now: s.Now, strict: f.scope == Search, left: patience}
	return e.match(&f.root) && e.left >= 0
}

// evaluation is one run of a filter. All of its time:now are the same.
type evaluation struct {
	subject *Subject
	now     time.Time
	strict  bool
	left    int // comparisons that it may still take; less than 0: it was given up
}

func (e *evaluation) match(n *node) bool {
	switch n.op {
	case opAnd:
		for i := range n.nodes {
			if !e.match(&n.nodes[i]) {
				return false
			}
		}
		return true
	case opOr:
		for i := range n.nodes {
			if e.match(&n.nodes[i]) {
				return true
			}
		}
		return false
	case opNot:
		return !e.match(&n.nodes[0])
	}
	return e.field(n)
}

// tally is what was found where a property leads.
type tally uint8

const (
	present tally = 1 << iota // there is a value
	matched                   // one that is equal, less, empty, or whatever was asked
	spread                    // the way led through an array
)

// holds is the answer of an operator. Without a value all of them say no,
// except empty and, but not in searches, ne.
func (e *evaluation) holds(n *node, t tally) bool {
	switch n.op {
	case opExists:
		return t&present != 0
	case opEmpty:
		return t&present == 0 || t&(matched|spread) == matched
	case opNe:
		return t&matched == 0 && (t&present != 0 || !e.strict)
	}
	return t&matched != 0
}

func (e *evaluation) field(n *node) bool {
	s := e.subject
	switch n.field.kind {
	case inThing:
		return e.holds(n, e.walk(n, s.Thing, n.field.path))
	case inMetadata:
		return e.holds(n, e.walk(n, s.Metadata, n.field.path))
	case inFeatures:
		return e.anyFeature(n)
	}
	var room [128]byte
	kind, text := jsondoc.KindString, ""
	switch n.field.kind {
	case theID:
		text = s.ID
	case theNamespace:
		text, _, _ = strings.Cut(s.ID, ":")
	case theRevision:
		if kind = jsondoc.KindNumber; s.Revision > 0 {
			text = stringOf(strconv.AppendUint(room[:0], s.Revision, 10))
		}
	case theCreated:
		if !s.Created.IsZero() {
			text = stringOf(appendTime(room[:0], s.Created.UTC()))
		}
	case theModified:
		if !s.Modified.IsZero() {
			text = stringOf(appendTime(room[:0], s.Modified.UTC()))
		}
	case theTime:
		text = stringOf(n.field.now.appendTo(room[:0], e.time()))
	case inSignal:
		if s.Signal != nil {
			if b, ok := s.Signal.appendPlaceholder(room[:0], n.field.name); ok {
				text = stringOf(b)
			}
		}
	}
	if text == "" {
		return e.holds(n, 0)
	}
	if e.scalar(n, kind, text) {
		return e.holds(n, present|matched)
	}
	return e.holds(n, present)
}

// anyFeature says whether there is a Feature for which the operator holds.
func (e *evaluation) anyFeature(n *node) bool {
	if e.subject.Thing != nil {
		if features, ok := e.subject.Thing.View().Member("features"); ok && features.Kind() == jsondoc.KindObject {
			items := features.Items()
			for feature, ok := items.Next(); ok; feature, ok = items.Next() {
				if len(n.field.path) == 0 {
					return n.op == opExists // empty(features/*): there is none at all
				}
				if e.holds(n, e.walkView(n, feature, n.field.path)) {
					return true
				}
			}
		}
	}
	return n.op == opEmpty && len(n.field.path) == 0
}

func (e *evaluation) walk(n *node, v *jsondoc.Value, path jsondoc.Pointer) tally {
	if v == nil {
		return 0
	}
	return e.walkView(n, v.View(), path)
}

// walkView follows a path. Where it leads through an array it goes on in each
// object that is an element of it.
func (e *evaluation) walkView(n *node, v jsondoc.View, path jsondoc.Pointer) tally {
	for i, name := range path {
		if v.Kind() == jsondoc.KindArray {
			return e.spread(n, v, path[i:])
		}
		var ok bool
		if v, ok = v.Member(name); !ok {
			return 0
		}
	}
	if e.leaf(n, v) {
		return present | matched
	}
	return present
}

func (e *evaluation) spread(n *node, v jsondoc.View, path jsondoc.Pointer) tally {
	var t tally
	items := v.Items()
	for element, ok := items.Next(); ok; element, ok = items.Next() {
		if element.Kind() == jsondoc.KindObject {
			if t |= e.walkView(n, element, path); t&matched != 0 {
				break
			}
		}
	}
	if t != 0 {
		t |= spread
	}
	return t
}

// leaf says whether a value is what was asked for. Of an array it is enough
// when one element is, however deep; objects never are.
func (e *evaluation) leaf(n *node, v jsondoc.View) bool {
	kind := v.Kind()
	if n.op >= opExists {
		return kind == jsondoc.KindNull || v.IsEmpty()
	}
	switch kind {
	case jsondoc.KindArray:
		items := v.Items()
		for element, ok := items.Next(); ok; element, ok = items.Next() {
			if e.leaf(n, element) {
				return true
			}
		}
	case jsondoc.KindString:
		var room [256]byte
		text, _ := v.Text(room[:0])
		return e.scalar(n, kind, text)
	case jsondoc.KindNumber:
		text, _ := v.Number()
		return e.scalar(n, kind, text)
	case jsondoc.KindBool:
		text := "false"
		if yes, _ := v.Bool(); yes {
			text = "true"
		}
		return e.scalar(n, kind, text)
	case jsondoc.KindNull:
		return e.scalar(n, kind, "null")
	}
	return false
}

// scalar says whether a value is what was asked for; for ne whether it is
// equal.
func (e *evaluation) scalar(n *node, kind jsondoc.Kind, text string) bool {
	switch n.op {
	case opLike, opILike:
		return e.like(n, kind, text)
	case opExists, opEmpty:
		return false
	}
	if e.left -= len(n.values); e.left < 0 {
		return false
	}
	for i := range n.values {
		l := &n.values[i]
		if kind == jsondoc.KindNull || l.kind == jsondoc.KindNull {
			if kind == l.kind && (n.op == opEq || n.op == opNe || n.op == opIn) {
				return true
			}
			continue
		}
		c, ok := e.compare(kind, text, l)
		if !ok {
			continue
		}
		switch n.op {
		case opEq, opNe, opIn:
			ok = c == 0
		case opGt:
			ok = c > 0
		case opGe:
			ok = c >= 0
		case opLt:
			ok = c < 0
		case opLe:
			ok = c <= 0
		}
		if ok {
			return true
		}
	}
	return false
}

// like looks at the text of a value; in searches only strings have one.
func (e *evaluation) like(n *node, kind jsondoc.Kind, text string) bool {
	if kind == jsondoc.KindNull || e.strict && kind != jsondoc.KindString {
		return false
	}
	var room [40]byte
	if kind == jsondoc.KindNumber {
		text = javaNumber(room[:0], text)
	}
	return likePattern(n.values[0].text).match(text, n.op == opILike, &e.left)
}

// time is when the evaluation takes place.
func (e *evaluation) time() time.Time {
	if e.now.IsZero() {
		e.now = time.Now()
	}
	return e.now
}

// stringOf is b as a string without a copy; b must not change any more.
func stringOf(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }
