package protocol

import (
	"fmt"
	"testing"

	"github.com/twinbroker/twinbroker/twin/jsondoc"
)

func headersOf(t testing.TB, text string) Headers {
	t.Helper()
	v, err := jsondoc.ParseString(text)
	if err != nil {
		t.Fatal(err)
	}
	var h Headers
	h.parse(v.View())
	return h
}

func TestHeadersAreFoundWithoutRegardToCase(t *testing.T) {
	h := headersOf(t, `{"X-One":"1","two":2}`)
	if v, ok := h.Get("x-one"); !ok || v != "1" {
		t.Error(v, ok)
	}
	if v, ok := h.Get("TWO"); !ok || v != "2" || h.Value("Two").Kind() != jsondoc.KindNumber {
		t.Error(v, ok)
	}
	h.SetString("x-ONE", "other")
	h.Set("Three", jsondoc.Bool(true))
	h.Set("two", jsondoc.Null())
	if got := string(h.AppendJSON(nil)); got != `{"X-One":"other","Three":true}` {
		t.Error(got)
	}
	c := h.Clone()
	c.Delete("three")
	if h.Value("three") == nil || c.Len() != 1 || c.Value("three") != nil {
		t.Error("the copy is not one of its own")
	}
	n := 0
	for name, v := range h.All() {
		n++
		if name == "X-One" && v.String() != `"other"` {
			t.Error(v)
		}
	}
	if n != 2 {
		t.Error(n)
	}
	var none Headers
	if got := string(none.AppendJSON(nil)); got != "{}" || !none.ResponseRequired() || none.CorrelationID() != "" {
		t.Error(got)
	}
}

func TestAdmitTakesOutWhatClientsHaveNoSayIn(t *testing.T) {
	h := headersOf(t, `{"ditto-originator":"admin","Ditto-Sudo":true,"channel":"live","read-subjects":[],"subject":"x","etag":"e",
		"correlation-id":"c","my-own":{"a":1},"timeout":"3s","requested-acks":["twin-persisted"]}`)
	if err := h.Admit(); err != nil {
		t.Fatal(err)
	}
	if got := string(h.AppendJSON(nil)); got != `{"correlation-id":"c","my-own":{"a":1},"timeout":"3s","requested-acks":["twin-persisted"]}` {
		t.Error(got)
	}
}

func TestAdmitRefuses(t *testing.T) {
	for _, tc := range []struct{ headers, code string }{
		{`{"at-historical-revision":"one"}`, "header.invalid"},
		{`{"at-historical-revision":1.5}`, "header.invalid"},
		{`{"at-historical-revision":true}`, "header.invalid"},
		{`{"at-historical-timestamp":"yesterday"}`, "header.invalid"},
		{`{"at-historical-timestamp":"2021-01-18"}`, "header.invalid"},
		{`{"at-historical-timestamp":1610962932}`, "header.invalid"},
		{`{"merge-thing-patch-conditions":{"a":1}}`, "header.invalid"},
		{`{"dry-run":1}`, "header.invalid"},
		{`{"accept":"application/td+json"}`, "header.notsupported"},
		{`{"response-required":"maybe"}`, "header.invalid"},
		{`{"response-required":0}`, "header.invalid"},
		{`{"correlation-id":""}`, "header.invalid"},
		{`{"version":1}`, "header.invalid"},
	} {
		h := headersOf(t, tc.headers)
		if err := h.Admit(); err == nil || err.Code != tc.code || err.Status != 400 {
			t.Errorf("%s: %v", tc.headers, err)
		}
	}
	// What is refused is left as it came, for the answer.
	h := headersOf(t, `{"subject":1,"correlation-id":"c","if-equal":"x"}`)
	if h.Admit() == nil || string(h.AppendJSON(nil)) != `{"subject":1,"correlation-id":"c","if-equal":"x"}` {
		t.Errorf("%s", h.AppendJSON(nil))
	}
	for _, ok := range []string{`{"if-equal":"update"}`, `{"dry-run":false}`, `{"response-required":"false"}`,
		`{"version":2}`, `{"version":"2"}`, `{"accept":"application/json"}`, `{"response-required":null}`} {
		h := headersOf(t, ok)
		if err := h.Admit(); err != nil {
			t.Errorf("%s: %v", ok, err)
		}
	}
}

func TestOutwardKeepsWhatDittoLetsOut(t *testing.T) {
	h := headersOf(t, `{"correlation-id":"c","accept":"x","authorization":"secret","My-Own":1,"declared-acks":[],"requested-acks":["a"]}`)
	out := h.Outward()
	if got := string(out.AppendJSON(nil)); got != `{"correlation-id":"c","My-Own":1,"requested-acks":["a"]}` {
		t.Error(got)
	}
}

// A client may put as many into one message as its size allows: looking for
// each among all others would take minutes.
func TestManyHeadersAreSetAsFewAre(t *testing.T) {
	for _, n := range []int{5, 200_000} {
		text := []byte(`{"Own":"first"`)
		for i := range n {
			text = fmt.Appendf(text, `,"k%d":%d`, i, i)
		}
		h := headersOf(t, string(text)+`,"OWN":"last"}`)
		h.AddMissing(2*n+2, func(yield func(string, string) bool) {
			_ = yield("own", "no") && yield("other", "yes") && yield("OTHER", "no")
			for i := range n {
				_ = yield(fmt.Sprintf("K%d", i), "no") && yield(fmt.Sprintf("p%d", i), "yes")
			}
		})
		own, _ := h.Get("own")
		other, _ := h.Get("Other")
		k, _ := h.Get("k3")
		p, _ := h.Get("P4")
		if own != "last" || other != "yes" || k != "3" || p != "yes" || h.Len() != 2*n+2 {
			t.Errorf("%d headers: own %s, other %s, k3 %s, p4 %s, in all %d", n, own, other, k, p, h.Len())
		}
	}
}

// What a client wrote with escapes goes out as it wrote it.
func TestHeadersKeepTheirEscapes(t *testing.T) {
	const text = `{"topic":"a/b/things/twin/commands/retrieve","headers":{"a":"\u0041\/","b":"plain","\u0063":1.50,"d":null,"e":"ü"},"path":"/\u0061"}`
	m, err := ParseMessage([]byte(text), nil, jsondoc.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := string(m.Headers.AppendJSON(nil)), `{"a":"\u0041\/","b":"plain","c":1.50,"e":"ü"}`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if a, _ := m.Headers.Get("a"); a != "A/" || m.Path.String() != "/a" {
		t.Errorf("a is %q, the path %s", a, m.Path)
	}
}
