package twin

import (
	"fmt"
	"strings"
	"testing"

	"github.com/twinbroker/twinbroker/twin/jsondoc"
	"github.com/twinbroker/twinbroker/twin/store"
)

func TestChangesAreSmallInTheJournal(t *testing.T) {
	path, _ := jsondoc.ParsePointer("/features/environment/properties/temperature")
	c := change{op: opSet, path: path, value: jsondoc.Int(23)}
	record := c.appendTo(nil)
	if want := "\x02\x2c/features/environment/properties/temperature23"; string(record) != want {
		t.Errorf("%q", record)
	}
	long := change{op: opDelete, path: jsondoc.Pointer{"attributes", strings.Repeat("k", 256)}}
	back, err := decodeChange(long.appendTo(nil))
	if err != nil || back.op != opDelete || back.path.String() != long.path.String() || back.value != nil {
		t.Errorf("%+v, %v", back, err)
	}
}

func TestRecordsThatAreNoneAreRefused(t *testing.T) {
	doc, err := decodeDocument([]byte(`{"a":1}`))
	if err != nil {
		t.Fatal(err)
	}
	for name, record := range map[string]string{
		"nothing": "", "only the op": "\x01", "a path that is cut off": "\x02\x09/a", "no value": "\x02\x02/a",
		"a value that is no JSON": "\x02\x02/ax", "an op that is none": "\x09\x02/a1", "a path that is none": "\x02\x04/a//1",
	} {
		if got, err := applyRecord(doc, []byte(record)); err == nil {
			t.Errorf("%s: gave %v", name, got)
		}
	}
	if _, err := applyRecord(nil, []byte("\x02\x02/a1")); err == nil {
		t.Error("a change of nothing")
	}
	if got, err := applyRecord(doc, []byte("\x05\x00")); got != nil || err != nil {
		t.Errorf("removed: %v, %v", got, err)
	}
	for _, text := range []string{``, `1`, `{`} {
		if _, err := decodeDocument([]byte(text)); err == nil {
			t.Errorf("%q is no document", text)
		}
	}
}

// A value cut out of a message keeps all of that message's text alive. A
// document must not come to hold a hundred messages for a hundred numbers.
func TestADocumentDoesNotHoldWhatItNoLongerSays(t *testing.T) {
	d := newDocument(jsondoc.Object())
	compacted := 0
	for i := range 2000 {
		patch, err := jsondoc.ParseString(fmt.Sprintf(`{"a%d":%d,"pad":"%s"}`, i%100, i, strings.Repeat("x", 300)))
		if err != nil {
			t.Fatal(err)
		}
		c := change{op: opMerge, value: patch}
		before := d.held
		if d, err = c.apply(d); err != nil {
			t.Fatal(err)
		}
		if d.held < before {
			compacted++
		}
		if d.held > 2*d.Size()+heldAnyway {
			t.Fatalf("change %d: %d bytes, and %d held", i, d.Size(), d.held)
		}
	}
	if compacted == 0 || compacted > 200 {
		t.Errorf("put into one piece %d times", compacted)
	}
	for i := range 100 {
		c := change{op: opDelete, path: jsondoc.Pointer{fmt.Sprintf("a%d", i)}}
		d, _ = c.apply(d)
	}
	if want := `{"pad":"` + strings.Repeat("x", 300) + `"}`; d.String() != want {
		t.Errorf("left is %s", d)
	}
}

func FuzzApplyRecord(f *testing.F) {
	for _, seed := range []string{"\x01\x00{}", "\x02\x02/a1", "\x03\x01/{\"a\":null}", "\x04\x04/b/c", "\x05\x00", "\x02\x80\x01/a1"} {
		f.Add([]byte(seed))
	}
	const text = `{"a":1,"b":{"c":[1],"d":null}}`
	f.Fuzz(func(t *testing.T, record []byte) {
		doc, err := decodeDocument([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		next, err := applyRecord(doc, record)
		if doc.(document).String() != text {
			t.Fatalf("%q changed what was", record)
		}
		if err != nil || next == nil {
			return
		}
		c, err := decodeChange(record)
		if err != nil {
			t.Fatal(err)
		}
		again, err := applyRecord(doc, c.appendTo(nil))
		if err != nil || string(again.AppendTo(nil)) != string(next.AppendTo(nil)) {
			t.Fatalf("%q: %s, then %v %v", record, next.AppendTo(nil), again, err)
		}
		var _ store.State = next
	})
}
