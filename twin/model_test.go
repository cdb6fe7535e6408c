package twin

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
)

// model is a Thing as plain decoded JSON, with the same commands written down
// a second time and as simply as can be.
type model map[string]any

// get follows a path.
func (m model) get(path []string) (v any, there bool) {
	v = map[string]any(m)
	for _, name := range path {
		o, ok := v.(map[string]any)
		if !ok {
			return nil, false
		}
		if v, ok = o[name]; !ok {
			return nil, false
		}
	}
	return v, true
}

func (m model) set(path []string, v any) {
	o := map[string]any(m)
	for _, name := range path[:len(path)-1] {
		inner, ok := o[name].(map[string]any)
		if !ok {
			inner = map[string]any{}
			o[name] = inner
		}
		o = inner
	}
	o[path[len(path)-1]] = v
}

func (m model) delete(path []string) {
	v, _ := m.get(path[:len(path)-1])
	delete(v.(map[string]any), path[len(path)-1])
}

// mergePatch is RFC 7396, section 2.
func mergePatch(target, patch any) any {
	p, ok := patch.(map[string]any)
	if !ok {
		return patch
	}
	t, ok := target.(map[string]any)
	if !ok {
		t = map[string]any{}
	}
	for name, v := range p {
		if v == nil {
			delete(t, name)
		} else {
			t[name] = mergePatch(t[name], v)
		}
	}
	return t
}

func decoded(t *testing.T, text string) any {
	t.Helper()
	var v any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return v
}

// expect applies a command to the model and gives the status that it must
// have.
func (m model) expect(t *testing.T, action string, path []string, value string) int {
	_, there := m.get(path)
	if len(path) > 2 && path[0] == "features" && action != "merge" {
		if _, ok := m.get(path[:2]); !ok {
			return 404
		}
	}
	switch action {
	case "delete":
		if !there {
			return 404
		}
		m.delete(path)
		return 204
	case "modify":
		m.set(path, decoded(t, value))
		if there {
			return 204
		}
		return 201
	default:
		var patch any = decoded(t, value)
		for i := len(path) - 1; i >= 0; i-- {
			patch = map[string]any{path[i]: patch}
		}
		mergePatch(map[string]any(m), patch)
		return 204
	}
}

func TestRandomCommandsDoWhatAModelSays(t *testing.T) {
	scalars := []string{`1`, `2.5`, `"x"`, `true`, `null`, `[1,{"a":null}]`}
	objects := []string{`{}`, `{"a":1}`, `{"a":null,"b":{"c":2}}`, `{"b":{"c":null,"d":[]}}`, `null`}
	features := []string{`{}`, `{"properties":{"a":1}}`, `{"definition":["a:b:c"],"desiredProperties":{"b":{"c":1}}}`, `{"properties":null}`}
	type place struct {
		path   string
		values []string
	}
	places := []place{
		{"/definition", []string{`"a:b:c"`, `null`}},
		{"/attributes", objects}, {"/attributes/a", append(objects, scalars...)}, {"/attributes/b", append(objects, scalars...)},
		{"/attributes/b/c", append(objects, scalars...)}, {"/attributes/a/b/c", scalars},
		{"/features", []string{`{}`, `{"f":{}}`, `{"f":{"properties":{"b":{"c":3}}},"g":null}`}},
		{"/features/f", features}, {"/features/g", features}, {"/features/f/definition", []string{`["a:b:c"]`, `null`}},
		{"/features/f/properties", objects}, {"/features/f/properties/a", scalars}, {"/features/f/properties/b/c", scalars},
		{"/features/g/desiredProperties", objects}, {"/features/g/desiredProperties/b", append(objects, scalars...)},
	}
	for seed := range uint64(4) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 1))
			w := newWorld(t, Options{})
			w.must(lampID, "create", "/", `{}`)
			m := model{"thingId": lampID, "policyId": lampID}
			revision := uint64(1)
			for n := range 400 {
				p := places[random.IntN(len(places))]
				action := []string{"modify", "modify", "merge", "delete"}[random.IntN(4)]
				value := p.values[random.IntN(len(p.values))]
				path := strings.Split(p.path[1:], "/")
				want := m.expect(t, action, path, value)
				o := w.send(command(lampID, action, p.path, value))
				if o.Response.Status != want {
					t.Fatalf("%d: %s %s %s: %d, want %d", n, action, p.path, value, o.Response.Status, want)
				}
				if want < 300 {
					revision++
				}
				got, rev := w.thing(lampID)
				if rev != revision || !reflect.DeepEqual(decoded(t, got), any(map[string]any(m))) {
					t.Fatalf("%d: %s %s %s made revision %d %s\nwant %d %v", n, action, p.path, value, rev, got, revision, m)
				}
			}
			before, _ := w.thing(lampID)
			w.reopen(Options{})
			if after, rev := w.thing(lampID); after != before || rev != revision {
				t.Errorf("after a restart it is %d %s\nwas %s", rev, after, before)
			}
		})
	}
}
