package rql

import (
	"encoding/json"
	"fmt"
	"math/big"
	"math/rand/v2"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/twinbroker/twinbroker/twin/jsondoc"
)

// random makes documents, and expressions together with what they mean on a
// decoded document, written down without regard to speed.
type random struct{ *rand.Rand }

func (r random) pick(from ...string) string { return from[r.IntN(len(from))] }

var (
	someNames   = []string{"a", "b", `c"`, "d/e", "f~", "ü", "*"}
	someNumbers = []string{"0", "1", "-1", "1.0", "1.50", "42", "9007199254740992", "9007199254740993", "-0.001", "1e2", "1E-3", "123456789012345678901234567890", "0.1000"}
	someStrings = []string{"", "1", "01.50", "+42", "1e2", "abc", "ABC", "aXc", "x\ny", "a\u2028b", "ü", "Ü", "true", "*", "\U0001F600", "\uFB01", "1.", ".5", "12x"}
	somePattern = []string{"", "*", "a*", "*c", "a?c", "A*", "?", "*b*", "x*y", "**", "ü", "1*", "t???", "a*c*", "*1*0*", "*.*", "\n", "??", `a\*`, "[a-z]*"}
)

// value is a random JSON text.
func (r random) value(depth int) string {
	switch n := r.IntN(10); {
	case n < 3 && depth > 0:
		var members []string
		for _, i := range r.Perm(len(someNames))[:r.IntN(5)] {
			name, _ := json.Marshal(someNames[i])
			if r.IntN(4) == 0 {
				name = []byte(escapeAll(someNames[i]))
			}
			members = append(members, string(name)+":"+r.value(depth-1))
		}
		return "{" + strings.Join(members, ",") + "}"
	case n < 5 && depth > 0:
		var elements []string
		for range r.IntN(4) {
			elements = append(elements, r.value(depth-1))
		}
		return "[" + strings.Join(elements, ",") + "]"
	case n < 7:
		return r.pick(someNumbers...)
	case n < 9:
		s := r.pick(someStrings...)
		if r.IntN(3) == 0 {
			return escapeAll(s)
		}
		b, _ := json.Marshal(s)
		return string(b)
	}
	return r.pick("true", "false", "null")
}

// escapeAll writes each character as an escape.
func escapeAll(s string) string {
	out := `"`
	for _, c := range jsonUnits(s) {
		out += fmt.Sprintf(`\u%04x`, c)
	}
	return out + `"`
}

func jsonUnits(s string) []uint16 {
	var units []uint16
	for _, c := range s {
		if c > 0xFFFF {
			c -= 0x10000
			units = append(units, uint16(0xD800+c>>10), uint16(0xDC00+c&0x3FF))
			continue
		}
		units = append(units, uint16(c))
	}
	return units
}

// at is what is found at a path: all the values, and whether the way led
// through an array.
func at(v any, path []string) (found []any, spread bool) {
	if len(path) == 0 {
		return []any{v}, false
	}
	switch v := v.(type) {
	case map[string]any:
		if next, ok := v[path[0]]; ok {
			return at(next, path[1:])
		}
	case []any:
		for _, e := range v {
			if o, ok := e.(map[string]any); ok {
				more, _ := at(o, path)
				found = append(found, more...)
			}
		}
		return found, len(found) > 0
	}
	return nil, false
}

// scalars are the values that operators see: arrays are opened, objects are
// not there.
func scalars(values []any) (out []any) {
	for _, v := range values {
		switch v := v.(type) {
		case []any:
			out = append(out, scalars(v)...)
		case map[string]any:
		default:
			out = append(out, v)
		}
	}
	return out
}

var javaDecimal = regexp.MustCompile(`^[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?$`)

// number is the value of a number, or of a string that is one.
func number(v any) (*big.Rat, bool) {
	switch v := v.(type) {
	case json.Number:
		n, ok := new(big.Rat).SetString(v.String())
		return n, ok
	case string:
		if javaDecimal.MatchString(v) {
			n, ok := new(big.Rat).SetString(strings.TrimSuffix(strings.Replace(strings.TrimPrefix(v, "+"), ".e", "e", 1), "."))
			return n, ok
		}
	}
	return nil, false
}

func plainText(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case bool:
		return strconv.FormatBool(v)
	case json.Number:
		return javaNumber(nil, v.String()) // has a table of its own
	}
	return ""
}

// plainCompare compares as compare does.
func plainCompare(v, with any, strict bool) (int, bool) {
	_, n1 := v.(json.Number)
	_, n2 := with.(json.Number)
	if strict && fmt.Sprintf("%T", v) != fmt.Sprintf("%T", with) {
		return 0, false
	}
	if n1 || n2 {
		x, ok1 := number(v)
		y, ok2 := number(with)
		if ok1 && ok2 {
			return x.Cmp(y), true
		}
	}
	a, b := jsonUnits(plainText(v)), jsonUnits(plainText(with))
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return int(a[i]) - int(b[i]), true
		}
	}
	return len(a) - len(b), true
}

func plainLike(v any, pattern string, fold, strict bool) bool {
	if _, ok := v.(string); v == nil || strict && !ok {
		return false
	}
	re := regexp.QuoteMeta(pattern)
	re = strings.NewReplacer(`\*`, "[^\n\r\u0085\u2028\u2029]*", `\?`, "[^\n\r\u0085\u2028\u2029]").Replace(re)
	text := plainText(v)
	if fold {
		re, text = asciiLower(re), asciiLower(text)
	}
	return regexp.MustCompile(`^(?:` + re + `)$`).MatchString(text)
}

func asciiLower(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, s)
}

// literalText is a random value of an expression, as text and decoded.
func (r random) literalText() (string, any) {
	switch r.IntN(6) {
	case 0, 1:
		for {
			if s := r.pick(someNumbers...); !strings.ContainsAny(s, "eE") && len(s) < 20 {
				return s, json.Number(s)
			}
		}
	case 2, 3, 4:
		s := r.pick(someStrings...)
		return string(jsondoc.AppendString(nil, s)), s
	}
	if r.IntN(3) == 0 {
		return "null", nil
	}
	yes := r.IntN(2) == 0
	return strconv.FormatBool(yes), yes
}

// expression makes one, and what says whether it holds for a Thing.
func (r random) expression(depth int, strict bool) (string, func(any) bool) {
	if depth > 0 && r.IntN(3) == 0 {
		var texts []string
		var holds []func(any) bool
		name := r.pick("and", "or", "not")
		for i := range 1 + r.IntN(3) {
			if i > 0 && name == "not" {
				break
			}
			text, f := r.expression(depth-1, strict)
			texts, holds = append(texts, text), append(holds, f)
		}
		return name + "(" + strings.Join(texts, ",") + ")", func(thing any) bool {
			for _, f := range holds {
				if f(thing) != (name == "and") {
					return name == "or"
				}
			}
			return name != "or"
		}
	}
	path := []string{"attributes"}
	for range 1 + r.IntN(3) {
		path = append(path, r.pick(someNames...))
	}
	if r.IntN(3) == 0 {
		path = append([]string{"features", r.pick("a", "b", "*"), "properties"}, path[1:]...)
	}
	// About the places that a path leads to; a Feature each for features/*.
	places := func(thing any) (out [][]any, spreads []bool) {
		if path[0] == "features" && path[1] == "*" {
			features, _ := thing.(map[string]any)["features"].(map[string]any)
			for _, f := range features {
				found, spread := at(f, path[2:])
				out, spreads = append(out, found), append(spreads, spread)
			}
			return out, spreads
		}
		found, spread := at(thing, path)
		return [][]any{found}, []bool{spread}
	}
	anyPlace := func(holds func(found []any, spread bool) bool) func(any) bool {
		return func(thing any) bool {
			out, spreads := places(thing)
			for i, found := range out {
				if holds(found, spreads[i]) {
					return true
				}
			}
			return false
		}
	}
	property := strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(jsondoc.Pointer(path).String()[r.IntN(2):])
	switch op := r.pick("eq", "ne", "gt", "ge", "lt", "le", "in", "in", "like", "ilike", "exists", "empty"); op {
	case "exists":
		return "exists(" + property + ")", anyPlace(func(found []any, _ bool) bool { return len(found) > 0 })
	case "empty":
		return "empty(" + property + ")", anyPlace(func(found []any, spread bool) bool {
			if len(found) == 0 {
				return true
			}
			text, _ := json.Marshal(found[0])
			return !spread && strings.Contains(` null "" [] {} `, " "+string(text)+" ")
		})
	case "like", "ilike":
		pattern := r.pick(somePattern...)
		return op + "(" + property + "," + string(jsondoc.AppendString(nil, pattern)) + ")", anyPlace(func(found []any, _ bool) bool {
			for _, v := range scalars(found) {
				if plainLike(v, pattern, op == "ilike", strict) {
					return true
				}
			}
			return false
		})
	default:
		var texts []string
		var values []any
		for i := range 1 + r.IntN(3) {
			if i == 0 || op == "in" {
				text, v := r.literalText()
				texts, values = append(texts, text), append(values, v)
			}
		}
		return op + "(" + property + "," + strings.Join(texts, ",") + ")", anyPlace(func(found []any, _ bool) bool {
			hit := false
			for _, v := range scalars(found) {
				for _, with := range values {
					if v == nil || with == nil {
						hit = hit || v == nil && with == nil && (op == "eq" || op == "ne" || op == "in")
						continue
					}
					if c, ok := plainCompare(v, with, strict); ok {
						switch op {
						case "gt":
							hit = hit || c > 0
						case "ge":
							hit = hit || c >= 0
						case "lt":
							hit = hit || c < 0
						case "le":
							hit = hit || c <= 0
						default:
							hit = hit || c == 0
						}
					}
				}
			}
			if op == "ne" {
				return !hit && (len(found) > 0 || !strict)
			}
			return hit
		})
	}
}

// A filter says the same as a plain evaluation, whether the Thing is a text,
// split, or put together by changes.
func TestFiltersAgreeWithAPlainEvaluation(t *testing.T) {
	r := random{rand.New(rand.NewPCG(1, 2))}
	matched := 0
	const rounds = 20_000
	for range rounds {
		text := `{"thingId":"a:b","attributes":` + r.value(4) + `,"features":{`
		for i, id := range someNames[:r.IntN(3)] {
			if i > 0 {
				text += ","
			}
			text += strconv.Quote(id) + `:{"properties":` + r.value(3) + `}`
		}
		text += "}}"
		if r.IntN(20) == 0 {
			text = text[:len(text)-1] + `,"filler":"` + strings.Repeat("x", 3000) + `"}`
		}
		var plain any
		d := json.NewDecoder(strings.NewReader(text))
		d.UseNumber()
		if err := d.Decode(&plain); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		parsed := document(t, text)
		scope := Scope(r.IntN(3))
		expression, holds := r.expression(3, scope == Search)
		f := parse(t, expression, scope)
		want := holds(plain)
		if want {
			matched++
		}
		for how, thing := range map[string]*jsondoc.Value{"parsed": parsed, "folded": parsed.Fold(), "rebuilt": rebuild(parsed)} {
			if got := f.Matches(&Subject{ID: "a:b", Thing: thing}); got != want {
				t.Fatalf("%s, scope %d, on %s (%s): %v", expression, scope, text, how, got)
			}
		}
	}
	if matched < rounds/5 || matched > rounds*4/5 {
		t.Errorf("%d of %d matched: that says little", matched, rounds)
	}
}

// rebuild makes a value of parts, without a text of its own.
func rebuild(v *jsondoc.Value) *jsondoc.Value {
	switch v.Kind() {
	case jsondoc.KindObject:
		var members []jsondoc.Member
		for name, m := range v.Members() {
			members = append(members, jsondoc.Member{Name: name, Value: rebuild(m)})
		}
		return jsondoc.Object(members...)
	case jsondoc.KindArray:
		var elements []*jsondoc.Value
		for e := range v.Elements() {
			elements = append(elements, rebuild(e))
		}
		return jsondoc.Array(elements...)
	}
	return v
}
