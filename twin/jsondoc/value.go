package jsondoc

import (
	"strconv"
	"strings"
	"sync/atomic"
)

// Kind says which of JSON's six kinds a value is of.
type Kind uint8

// The kinds of JSON values.
const (
	KindNull Kind = iota
	KindBool
	KindNumber
	KindString
	KindObject
	KindArray
)

var kindNames = [...]string{"null", "boolean", "number", "string", "object", "array"}

// String is the kind's name as JSON's specification (RFC 8259) has it.
func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return "kind " + strconv.Itoa(int(k))
}

// Value is one JSON value, with all that is in it. It never changes once it
// is made, so it may be shared between goroutines and between documents.
//
// A value that came from text has it in text, without insignificant white
// space. One that came about by a change has only its parts. At least one of
// the two is there always; the parts of a text are found when they are first
// asked for and kept from then on.
type Value struct {
	text  string
	parts atomic.Pointer[parts]
	kind  Kind
}

// Member is one member of an object.
type Member struct {
	Name  string
	Value *Value
}

var (
	nullValue   = &Value{text: "null", kind: KindNull}
	trueValue   = &Value{text: "true", kind: KindBool}
	falseValue  = &Value{text: "false", kind: KindBool}
	emptyText   = &Value{text: `""`, kind: KindString}
	emptyObject = &Value{text: "{}", kind: KindObject}
	emptyArray  = &Value{text: "[]", kind: KindArray}
)

// Null is JSON's null.
func Null() *Value { return nullValue }

// Bool is JSON's true or false.
func Bool(b bool) *Value {
	if b {
		return trueValue
	}
	return falseValue
}

// String is a JSON string with the characters of s. Bytes that are no UTF-8
// become U+FFFD.
func String(s string) *Value {
	if s == "" {
		return emptyText
	}
	if isPlain(s) {
		return &Value{text: `"` + s + `"`, kind: KindString}
	}
	return &Value{text: string(AppendString(nil, s)), kind: KindString}
}

// Number is a JSON number with exactly these digits. The error is a
// [*SyntaxError] when they are not a JSON number.
func Number(text string) (*Value, error) {
	if end := skipNumber(text, 0); end != len(text) {
		return nil, &SyntaxError{Offset: max(end, ^end), Problem: "not a JSON number"}
	}
	return &Value{text: text, kind: KindNumber}, nil
}

// Int is the JSON number i.
func Int(i int64) *Value {
	return &Value{text: strconv.FormatInt(i, 10), kind: KindNumber}
}

// Kind says of which kind the value is.
func (v *Value) Kind() Kind { return v.kind }

// IsNull says whether the value is JSON's null.
func (v *Value) IsNull() bool { return v.kind == KindNull }

// Size is the number of bytes of the value's text. It costs the same for
// every value.
func (v *Value) Size() int {
	if v.text != "" {
		return len(v.text)
	}
	return v.parts.Load().size
}

// AppendTo appends the value's text.
func (v *Value) AppendTo(dst []byte) []byte {
	if v.text != "" {
		return append(dst, v.text...)
	}
	return v.parts.Load().appendTo(dst, v.kind)
}

// String is the value's text.
func (v *Value) String() string {
	if v.text != "" {
		return v.text
	}
	return stringOf(v.AppendTo(make([]byte, 0, v.Size())))
}

// Text is the characters of a string, without quotes and escapes; false when
// the value is no string.
func (v *Value) Text() (string, bool) {
	if v.kind != KindString {
		return "", false
	}
	inside := v.text[1 : len(v.text)-1]
	if strings.IndexByte(inside, '\\') < 0 {
		return inside, true
	}
	return unescape(inside), true
}

// Bool is the value of a boolean; ok is false when the value is none.
func (v *Value) Bool() (value, ok bool) {
	return v.text == "true", v.kind == KindBool
}

// Int is the value of a number that is written as an integer (so not 1.0 or
// 1e3) and fits; false for anything else.
func (v *Value) Int() (int64, bool) {
	if v.kind != KindNumber {
		return 0, false
	}
	if strings.ContainsAny(v.text, ".eE") { // so that no error is made
		return 0, false
	}
	i, err := strconv.ParseInt(v.text, 10, 64)
	return i, err == nil
}

// Float is the value of a number as near as a float64 comes to it; false when
// the value is no number or is out of float64's range.
func (v *Value) Float() (float64, bool) {
	if v.kind != KindNumber {
		return 0, false
	}
	f, err := strconv.ParseFloat(v.text, 64)
	return f, err == nil
}

// Depth is the number of objects and arrays around the innermost value: 0 for
// a scalar, 1 for {} and {"a":1}. It reads the whole value.
func (v *Value) Depth() int {
	if v.kind < KindObject {
		return 0
	}
	if v.text != "" {
		return textDepth(v.text)
	}
	depth := 0
	parts := v.parts.Load()
	for i := range parts.len() {
		depth = max(depth, parts.at(i).Depth())
	}
	return depth + 1
}

// Compact is the same value in memory of its own and without the parts that
// were looked up in it. A value taken out of a larger text keeps all of that
// text alive: compact what is to be kept for longer than the whole.
func (v *Value) Compact() *Value {
	switch {
	case v.kind == KindNull:
		return nullValue
	case v.kind == KindBool:
		return Bool(v.text == "true")
	case v.text == "":
		return &Value{text: v.String(), kind: v.kind}
	case len(v.text) == 2 && v.kind == KindObject:
		return emptyObject
	case len(v.text) == 2 && v.kind == KindArray:
		return emptyArray
	case len(v.text) <= len(small{}.buf):
		s := &small{Value: Value{kind: v.kind}}
		s.text = stringOf(s.buf[:copy(s.buf[:], v.text)])
		return &s.Value
	}
	return &Value{text: strings.Clone(v.text), kind: v.kind}
}

// Fold is the same value without the parts that were looked up in it. It
// shares its text with v, if v has one.
func (v *Value) Fold() *Value {
	switch {
	case v.text == "":
		return v.Compact()
	case v.parts.Load() == nil:
		return v
	}
	return &Value{text: v.text, kind: v.kind}
}

// partSize is about what a part of a value takes in memory, with its name.
const partSize = 128

// Unfolded is about how many bytes the parts take that were looked up or
// changed in the value: what Fold gives back.
func (v *Value) Unfolded() int {
	p := v.parts.Load()
	if p == nil {
		return 0
	}
	n := partSize * (1 + p.len())
	for i := range p.len() {
		n += p.at(i).Unfolded()
	}
	return n
}

// small is a short value with its text in one piece of memory: most of what
// devices send is such a number.
type small struct {
	Value
	buf [16]byte
}
