package jsondoc

import (
	"iter"
	"strings"
	"unsafe"
)

// View is a look at a value inside a document. [Value.Get] takes a value out,
// which needs memory for it; a View is passed around by value and goes down
// into a document without needing any. It is for looking things up, not for
// keeping. The zero View shows nothing and must not be used.
//
// A long document that nobody has looked into yet is split into its parts, as
// for Get; they are kept for the next one.
type View struct {
	text  string // begins with the value's text and may go on behind it
	value *Value // where text is not read: a value that has parts, or will have
}

// View is a look at the value.
func (v *Value) View() View {
	if v.text != "" && (v.kind < KindObject || len(v.text) == 2 || len(v.text) <= shortText && v.parts.Load() == nil) {
		return View{text: v.text}
	}
	return View{value: v}
}

// Kind says of which kind the value is.
func (w View) Kind() Kind {
	if w.value != nil {
		return w.value.kind
	}
	return kindAt(w.text[0])
}

// IsEmpty says whether the value is an empty object, array or string.
func (w View) IsEmpty() bool {
	if w.value != nil {
		return w.value.Len() == 0
	}
	switch w.text[0] {
	case '"':
		return w.text[1] == '"'
	case '[':
		return w.text[1] == ']'
	case '{':
		return w.text[1] == '}'
	}
	return false
}

// Member finds an object's member by its name; false when there is none, or
// the value is no object.
func (w View) Member(name string) (View, bool) {
	if w.value != nil {
		if w.value.kind == KindObject {
			if p := w.value.look(); p.names != nil {
				if i := p.names.find(name); i >= 0 {
					return p.at(i).View(), true
				}
			}
		}
		return View{}, false
	}
	text := w.text
	if text[0] != '{' || text[1] == '}' {
		return View{}, false
	}
	for i := 0; text[i] != '}'; {
		colon := skipString(text, i+1)
		if isNamed(text[i+2:colon-1], name) {
			return View{text: text[colon+1:]}, true
		}
		i = skipValue(text, colon+1)
	}
	return View{}, false
}

// Reach is how many of p's names lead somewhere: all of them when there is
// something at p.
func (w View) Reach(p Pointer) int {
	for i, name := range p {
		next, ok := w.Member(name)
		if !ok {
			return i
		}
		w = next
	}
	return len(p)
}

// Members goes through an object's members; through none when the value is no
// object.
func (w View) Members() iter.Seq2[string, View] {
	return func(yield func(string, View) bool) {
		if w.value != nil {
			for name, v := range w.value.Members() {
				if !yield(name, v.View()) {
					return
				}
			}
			return
		}
		text := w.text
		if text[0] != '{' || text[1] == '}' {
			return
		}
		for i := 0; text[i] != '}'; {
			colon := skipString(text, i+1)
			name := text[i+2 : colon-1]
			if strings.IndexByte(name, '\\') >= 0 {
				name = unescape(name)
			}
			if !yield(name, View{text: text[colon+1:]}) {
				return
			}
			i = skipValue(text, colon+1)
		}
	}
}

// Len is the number of an object's members or an array's elements; 0 for
// anything else.
func (w View) Len() (n int) {
	if w.value != nil {
		return w.value.Len()
	}
	for items := w.Items(); ; n++ {
		if _, ok := items.Next(); !ok {
			return n
		}
	}
}

// AppendTo appends the value's text.
func (w View) AppendTo(dst []byte) []byte {
	if w.value != nil {
		return w.value.AppendTo(dst)
	}
	return append(dst, w.text[:skipValue(w.text, 0)]...)
}

// Value takes the value out, to be kept.
func (w View) Value() *Value {
	if w.value != nil {
		return w.value
	}
	text := w.text[:skipValue(w.text, 0)]
	switch kind := kindAt(text[0]); kind {
	case KindNull:
		return nullValue
	case KindBool:
		return Bool(text == "true")
	default:
		return &Value{text: text, kind: kind}
	}
}

// isNamed compares a member's name as it is written in a text.
func isNamed(key, name string) bool {
	if key == name {
		return true
	}
	if len(key) <= len(name) { // an escape is longer than what it stands for
		return false
	}
	var room [64]byte
	for i := range len(key) {
		if key[i] == '\\' {
			return string(appendUnescaped(room[:0], key)) == name
		}
	}
	return false
}

// Number is the text of a number, digit for digit; false when the value is
// none.
func (w View) Number() (string, bool) {
	if w.Kind() != KindNumber {
		return "", false
	}
	return w.text[:skipValue(w.text, 0)], true
}

// Bool is the value of a boolean; ok is false when the value is none.
func (w View) Bool() (value, ok bool) {
	return w.text != "" && w.text[0] == 't', w.Kind() == KindBool
}

// Text is the characters of a string; false when the value is no string. A
// string with escapes is written into room if it has room enough, which must
// then be left alone while the text is used.
func (w View) Text(room []byte) (string, bool) {
	if w.Kind() != KindString {
		return "", false
	}
	end := 1
	for {
		for end+8 <= len(w.text) {
			if m := marks(load(w.text, end)); m != 0 {
				end += lowest(m)
				break
			}
			end += 8
		}
		switch w.text[end] {
		case '"':
			return w.text[1:end], true
		case '\\':
			end = skipString(w.text, 0) - 1
			room = appendUnescaped(room[:0], w.text[1:end])
			return unsafe.String(unsafe.SliceData(room), len(room)), true
		}
		end++
	}
}

// Plain is the characters of a string that is written without escapes; false
// for anything else.
func (w View) Plain() (string, bool) {
	if w.Kind() != KindString {
		return "", false
	}
	end := skipString(w.text, 0) - 1
	text := w.text[1:end]
	return text, strings.IndexByte(text, '\\') < 0
}

// Items are the members' values of an object, or the elements of an array, one
// after the other. There are none of anything else.
type Items struct {
	text  string // before the next one there is a byte to skip; "" when there is no more
	parts *parts
	at    int
	named bool
}

// Items goes through what is in the value.
func (w View) Items() Items {
	kind := w.Kind()
	if kind < KindObject || w.IsEmpty() {
		return Items{}
	}
	if w.value != nil {
		return Items{parts: w.value.look()}
	}
	return Items{text: w.text, named: kind == KindObject}
}

// Next gives the next one; false when there is no more.
func (it *Items) Next() (View, bool) {
	if it.parts != nil {
		if it.at == it.parts.len() {
			return View{}, false
		}
		it.at++
		return it.parts.at(it.at - 1).View(), true
	}
	if it.text == "" {
		return View{}, false
	}
	start := 1
	if it.named {
		start = skipString(it.text, 1) + 1
	}
	found := it.text[start:]
	end := skipValue(found, 0)
	if c := found[end]; c == ',' {
		it.text = found[end:]
	} else {
		it.text = ""
	}
	return View{text: found}, true
}
