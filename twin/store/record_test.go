package store

import (
	"encoding/binary"
	"reflect"
	"testing"
)

func encodeRecord(seq uint64, r *record) []byte {
	var key [8]byte
	binary.BigEndian.PutUint64(key[:], seq)
	var state State
	if r.flags&flagState != 0 {
		state = text(r.state)
	}
	out, sum := appendRecord(nil, r, state)
	sealRecord(out, sum, &key)
	return out
}

var someRecords = []record{
	{op: opChange, kind: things, id: "org.acme:lamp", revision: 1, time: 1, flags: flagCreated, change: []byte(`{"a":1}`)},
	{op: opChange, kind: things, id: "org.acme:lamp", revision: 64, time: -5, prev: pointer{seq: 80}, base: pointer{seq: 3}, flags: flagState | flagMore, change: []byte("c"), state: []byte("state")},
	{op: opChange, kind: 255, id: "x", revision: 1 << 60, time: 1 << 62, prev: pointer{delta: 1}, base: pointer{delta: 7}, flags: flagDeleted | flagReceipt | flagHeaders, receipt: Receipt{"client", 5, 65535}, headers: []byte("h"), change: []byte{}},
	{op: opChange, kind: things, id: "x", revision: 57, time: 5, flags: flagCreated | flagOrigin, origin: origin{created: -3, modified: 1 << 60}, change: []byte("c")},
	{op: opReceipt, flags: flagReceipt, receipt: Receipt{"c", 1, 1}},
	{op: opRelease, flags: flagReceipt, receipt: Receipt{"", 1 << 63, 0}},
	{op: opForget, flags: flagReceipt, receipt: Receipt{Client: "c"}},
	{op: opGap, time: 9, prev: pointer{seq: 17}},
}

func TestARecordComesBackAsItWas(t *testing.T) {
	const seq = 100
	for _, want := range someRecords {
		got, err := decodeRecord(seq, encodeRecord(seq, &want))
		if err != nil {
			t.Fatalf("%+v: %v", want, err)
		}
		for _, p := range []*pointer{&want.prev, &want.base} {
			if p.delta != 0 {
				*p = pointer{seq: seq - p.delta}
			}
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("got  %+v\nwant %+v", got, want)
		}
	}
}

func TestARecordElsewhereOrCutOffOrFlippedIsFoundOut(t *testing.T) {
	for _, r := range someRecords {
		text := encodeRecord(100, &r)
		if _, err := decodeRecord(101, text); err == nil {
			t.Errorf("%+v passes at another place", r)
		}
		for n := range text {
			if _, err := decodeRecord(100, text[:n]); err == nil {
				t.Errorf("%+v passes cut off at %d", r, n)
			}
		}
		for bit := range len(text) * 8 {
			text[bit/8] ^= 1 << (bit % 8)
			if _, err := decodeRecord(100, text); err == nil {
				t.Errorf("%+v passes with bit %d flipped", r, bit)
			}
			text[bit/8] ^= 1 << (bit % 8)
		}
	}
}

// FuzzRecord gives the decoder records whose checksum is right, so that what
// comes behind the checksum is tried as well.
func FuzzRecord(f *testing.F) {
	for _, r := range someRecords {
		text := encodeRecord(100, &r)
		f.Add(uint64(100), text[:len(text)-trailerSize])
	}
	f.Fuzz(func(t *testing.T, seq uint64, body []byte) {
		var key [8]byte
		binary.BigEndian.PutUint64(key[:], seq)
		text := append(append([]byte(nil), body...), 0, 0, 0, 0)
		binary.LittleEndian.PutUint32(text[len(body):], checksum(body, &key))
		r, err := decodeRecord(seq, text)
		if err != nil {
			return
		}
		if r.op == opChange && (r.prev.seq >= seq || r.base.seq >= seq) {
			t.Fatalf("record %d points to %d and %d", seq, r.prev.seq, r.base.seq)
		}
		again, err := decodeRecord(seq, encodeRecord(seq, &r))
		if err != nil || !reflect.DeepEqual(again, r) {
			t.Fatalf("%+v comes back as %+v, %v", r, again, err)
		}
	})
}

func FuzzState(f *testing.F) {
	for _, v := range []*version{{state: text("s"), revision: 1, seq: 2, base: 3, created: 4, modified: 5}, {revision: 9, seq: 8}} {
		f.Add("key", appendState(nil, "key", v))
	}
	f.Fuzz(func(t *testing.T, key string, entry []byte) {
		v, body, err := decodeState(key, entry)
		if err != nil {
			return
		}
		if body != nil {
			v.state = text(body)
		}
		again, text2, err := decodeState(key, appendState(nil, key, &v))
		v.state = nil
		if err != nil || again != v || string(text2) != string(body) {
			t.Fatalf("%+v comes back as %+v, %v", v, again, err)
		}
	})
}

func FuzzReceived(f *testing.F) {
	f.Add(appendReceived(nil, &received{epoch: 3, ids: map[uint16]struct{}{1: {}, 65535: {}}}))
	f.Fuzz(func(t *testing.T, entry []byte) {
		c, err := decodeReceived(entry)
		if err != nil {
			return
		}
		again, err := decodeReceived(appendReceived(nil, c))
		if err != nil || !reflect.DeepEqual(again, c) {
			t.Fatalf("%+v comes back as %+v, %v", c, again, err)
		}
	})
}
