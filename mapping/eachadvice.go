package mapping

import (
	"strconv"
	"strings"

	"github.com/twinbroker/twinbroker/twin/jsondoc"
)

// This file tells those about "each" who look for a value within an array, or
// in an element for one that stands beside the array.

// adviseEach is advice for a {{ payload:/… }} without a value: the end of a
// sentence, "" where "each" has nothing to do with it.
func (m *message) adviseEach(placeholder string) string {
	rest, ok := strings.CutPrefix(placeholder, "payload:")
	if !ok || m.value == nil {
		return ""
	}
	rest, _, _ = strings.Cut(rest, "|") // its functions
	pointer, err := jsondoc.ParsePointer(strings.TrimSpace(rest))
	if err != nil || len(pointer) == 0 {
		return ""
	}
	if m.value == m.document && m.value.Kind() == jsondoc.KindArray && !isIndex(pointer[0]) {
		return "; the payload is an array of " + strconv.Itoa(m.value.Len()) + " elements: " + takeApart(nil)
	}
	if m.isBeside(pointer) {
		return "; it stands beside the array: write {{ message:" + pointer.String() + " }}"
	}
	return ""
}

// besideArray is adviseEach for a line of "set" that points into the payload.
func (m *message) besideArray(p jsondoc.Pointer) string {
	if !m.isBeside(p) {
		return ""
	}
	return `; it stands beside the array: write {value: "{{ message:` + p.String() + ` }}"}, or for what is not a text {expr: "` + inExpression("message", p) + `"}`
}

// isBeside says whether the payload is an element, and the whole has what the
// element has not.
func (m *message) isBeside(p jsondoc.Pointer) bool {
	if m.value == m.document || m.document == nil {
		return false
	}
	_, ok := lookup(m.document, p)
	return ok
}

// inExpression is what an expression calls a place in a variable.
func inExpression(variable string, p jsondoc.Pointer) string {
	for _, name := range p {
		switch {
		case isIndex(name):
			variable += "[" + name + "]"
		case isPlainName(name):
			variable += "." + name
		default:
			variable += "['" + strings.ReplaceAll(name, "'", `\'`) + "']"
		}
	}
	return variable
}

// isPlainName says whether an expression can write the name behind a dot.
func isPlainName(name string) bool {
	for i, c := range name {
		letter := c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		if !letter && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return name != ""
}

// takeApart says how the elements of an array are taken.
func takeApart(array jsondoc.Pointer) string {
	each := `""`
	if len(array) > 0 {
		each = array.String()
	}
	return "each: " + each + " takes them one by one"
}

// isIndex says whether a level of a pointer can count to an element.
func isIndex(name string) bool {
	_, err := strconv.ParseUint(name, 10, 31)
	return err == nil
}
