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
	{op: opChange, kind: things, id: "org.acme:lamp", revision: 64, time: -5, prev: pointer{seq: 80}, base: pointer{seq: 3}, far: pointer{seq: 2}, created: -7, flags: flagState | flagMore, change: []byte("c"), state: []byte("state")},
	{op: opChange, kind: things, id: "org.acme:lamp", revision: 65, time: 6, prev: pointer{seq: 80}, base: pointer{seq: 3}, change: []byte("c")},
	{op: opChange, kind: 255, id: "x", revision: 1 << 60, time: 1 << 62, prev: pointer{delta: 1}, base: pointer{delta: 7}, far: pointer{delta: 99}, flags: flagDeleted | flagReceipt | flagHeaders, receipt: Receipt{"client", 5, 65535}, headers: []byte("h"), change: []byte{}},
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
		for _, p := range []*pointer{&want.prev, &want.base, &want.far} {
			if p.delta != 0 {
				*p = pointer{seq: seq - p.delta}
			}
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("got  %+v\nwant %+v", got, want)
		}
	}
}

// encodeFormat1 encodes a record as the programs of format 1 did.
func encodeFormat1(seq uint64, r *record) []byte {
	plain := *r
	plain.flags &^= flagState | flagDeleted | flagCreated
	out, _ := appendRecord(nil, &plain, nil)
	out[0], out[2] = 1, byte(r.flags)
	out = append(append(out[:len(out)-trailerSize], r.state...), 0, 0, 0, 0)
	var key [8]byte
	binary.BigEndian.PutUint64(key[:], seq)
	body := out[:len(out)-trailerSize]
	binary.LittleEndian.PutUint32(out[len(body):], checksum(body, &key))
	return out
}

func TestARecordOfFormat1IsRead(t *testing.T) {
	const seq = 100
	for _, want := range someRecords {
		got, err := decodeRecord(seq, encodeFormat1(seq, &want))
		if err != nil {
			t.Fatalf("%+v: %v", want, err)
		}
		for _, p := range []*pointer{&want.prev, &want.base} {
			if p.delta != 0 {
				*p = pointer{seq: seq - p.delta}
			}
		}
		want.far, want.created = pointer{}, 0
		if !reflect.DeepEqual(got, want) {
			t.Errorf("got  %+v\nwant %+v", got, want)
		}
	}
}

func TestARecordThatGetsItsStateLaterIsAsIfItHadHadIt(t *testing.T) {
	for _, want := range someRecords {
		if want.op != opChange || want.flags&(flagDeleted|flagCreated) != 0 {
			continue
		}
		want.flags |= flagState
		want.far, want.created, want.state = pointer{seq: 70}, 17, []byte("the state")
		without := want
		without.flags &^= flagState
		early, _ := appendRecord(nil, &without, nil)
		before := string(early)
		late, sum := withState(early, 70, 17, text("the state"))
		var key [8]byte
		key[7] = 100
		sealRecord(late, sum, &key)
		got, err := decodeRecord(100, late)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("got  %+v, %v\nwant %+v", got, err, want)
		}
		if string(early) != before {
			t.Error("the record that had no state has changed")
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
		for _, text := range [][]byte{encodeRecord(100, &r), encodeFormat1(100, &r)} {
			f.Add(uint64(100), text[:len(text)-trailerSize])
		}
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
		if r.op == opChange && (r.prev.seq >= seq || r.base.seq >= seq || r.far.seq >= seq) {
			t.Fatalf("record %d points to %d, %d and %d", seq, r.prev.seq, r.base.seq, r.far.seq)
		}
		again, err := decodeRecord(seq, encodeRecord(seq, &r))
		if err != nil || !reflect.DeepEqual(again, r) {
			t.Fatalf("%+v comes back as %+v, %v", r, again, err)
		}
	})
}

func FuzzState(f *testing.F) {
	for _, v := range []*version{{state: text("s"), revision: 1, seq: 2, base: 3, far: 9, created: 4, modified: 5}, {revision: 9, seq: 8}} {
		f.Add("key", appendState(nil, "thing", "key", v))
	}
	f.Fuzz(func(t *testing.T, key string, entry []byte) {
		v, body, err := decodeState("thing", key, entry)
		if err != nil {
			return
		}
		if body != nil {
			v.state = text(body)
		}
		again, text2, err := decodeState("thing", key, appendState(nil, "thing", key, &v))
		v.state = nil
		if err != nil || again != v || string(text2) != string(body) {
			t.Fatalf("%+v comes back as %+v, %v", v, again, err)
		}
	})
}

func FuzzReceived(f *testing.F) {
	key := []byte("ckey")
	f.Add(appendReceived(nil, key, &received{epoch: 3, ids: map[uint16]struct{}{1: {}, 65535: {}}}))
	f.Fuzz(func(t *testing.T, entry []byte) {
		c, err := decodeReceived(key, entry)
		if err != nil {
			return
		}
		again, err := decodeReceived(key, appendReceived(nil, key, c))
		if err != nil || !reflect.DeepEqual(again, c) {
			t.Fatalf("%+v comes back as %+v, %v", c, again, err)
		}
	})
}
