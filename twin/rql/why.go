package rql

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/twinbroker/twinbroker/twin/jsondoc"
)

// Why says in one line which parts of the expression decide whether it matches,
// and what they look at, such as
//
//	gt(features/lamp/properties/level,40) is false: it is 23.5
//
// It is for people who look for a mistake.
func (f *Filter) Why(s *Subject) string {
	e := evaluation{subject: s, now: s.Now, strict: f.scope == Search, left: patience}
	if e.match(&f.root); e.left < 0 {
		return "it takes more than ten million comparisons"
	}
	var reasons []string
	e.why(&f.root, &reasons)
	const most = 3
	if more := len(reasons) - most; more > 0 {
		reasons = append(reasons[:most], fmt.Sprintf("and %d more", more))
	}
	return strings.Join(reasons, "; ")
}

// why collects the comparisons that decide about a node.
func (e *evaluation) why(n *node, reasons *[]string) {
	e.left = patience
	holds := e.match(n)
	switch n.op {
	case opAnd, opOr:
		// One is enough for an and that fails and for an or that holds.
		one := holds == (n.op == opOr)
		for i := range n.nodes {
			e.left = patience
			if e.match(&n.nodes[i]) == holds {
				e.why(&n.nodes[i], reasons)
				if one {
					return
				}
			}
		}
	case opNot:
		e.why(&n.nodes[0], reasons)
	default:
		*reasons = append(*reasons, fmt.Sprintf("%s is %t: %s", n.appendTo(nil), holds, e.found(&n.field)))
	}
}

// found says what a property is.
func (e *evaluation) found(f *field) string {
	s := e.subject
	switch f.kind {
	case inThing:
		return foundIn(s.Thing, f.path)
	case inMetadata:
		return foundIn(s.Metadata, f.path)
	case inFeatures:
		return e.foundInFeatures(f.path)
	}
	text := ""
	switch f.kind {
	case theID:
		text = s.ID
	case theNamespace:
		text, _, _ = strings.Cut(s.ID, ":")
	case theRevision:
		if s.Revision > 0 {
			text = strconv.FormatUint(s.Revision, 10)
		}
	case theCreated:
		if !s.Created.IsZero() {
			text = string(appendTime(nil, s.Created.UTC()))
		}
	case theModified:
		if !s.Modified.IsZero() {
			text = string(appendTime(nil, s.Modified.UTC()))
		}
	case theTime:
		text = string(f.now.appendTo(nil, e.time()))
	case inSignal:
		if s.Signal != nil {
			text, _ = s.Signal.Placeholder(f.name)
		}
	}
	if text == "" {
		return missing
	}
	return "it is " + short(text)
}

const missing = "it is not there"

func foundIn(v *jsondoc.Value, path jsondoc.Pointer) string {
	if v == nil {
		return missing
	}
	for _, name := range path {
		if v.Kind() == jsondoc.KindArray {
			return "the way leads through the array " + short(v.String())
		}
		var ok bool
		if v, ok = v.Member(name); !ok {
			return missing
		}
	}
	return "it is " + short(v.String())
}

func (e *evaluation) foundInFeatures(path jsondoc.Pointer) string {
	var values []string
	if e.subject.Thing != nil {
		if features, ok := e.subject.Thing.Member("features"); ok && features.Kind() == jsondoc.KindObject {
			for id, feature := range features.Members() {
				if v, ok := feature.Get(path); ok {
					values = append(values, short(v.String())+" in "+id)
				}
			}
		}
	}
	if len(values) == 0 {
		return "it is in no Feature"
	}
	return short("it is " + strings.Join(values, ", "))
}

// short keeps a text within a line.
func short(text string) string {
	const most = 120
	if len(text) <= most {
		return text
	}
	end := most
	for !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end] + "…"
}
