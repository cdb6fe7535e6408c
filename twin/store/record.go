package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
)

// recordFormat is the first byte of every record. A reader refuses a higher
// one, so a later program may change the layout and still read this one.
// Format 1 has no far pointer and no time of creation.
const recordFormat = 2

// What a record says happened.
type recordOp uint8

const (
	opChange  recordOp = 1 // an entity changed; a QoS 2 receipt may come with it
	opReceipt recordOp = 2 // a QoS 2 publish was taken that changed nothing
	opRelease recordOp = 3 // a QoS 2 receipt was released
	opForget  recordOp = 4 // all receipts of a client ended
	opGap     recordOp = 5 // the numbers between pointer and this one were refused
)

type recordFlags uint8

const (
	flagDeleted recordFlags = 1 << iota // the change deleted the entity: a tombstone
	flagCreated                         // it did not exist before: the change alone gives the state
	flagState                           // the full state stands in the record
	flagReceipt                         // a receipt stands in the record
	flagHeaders                         // kept headers stand in the record
	flagMore                            // the next record belongs to the same atomic group

	flagOrigin recordFlags = 1 << 7 // the entity came from elsewhere: origin stands in the record
)

// flagLost: of a gap, that there were records, which a repair could not save.
const flagLost = flagDeleted

// trailerSize is what the checksum takes at a record's end.
const trailerSize = 4

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// pointer names another record of the journal. While a group is being encoded
// its own sequence numbers are not known yet, so a pointer within the group is
// kept as a distance.
type pointer struct {
	seq   uint64 // absolute, 0: none
	delta uint64 // not 0: this many records before the record that holds it
}

// record is one journal record, decoded. Its slices lead into the text it was
// decoded from.
type record struct {
	op       recordOp
	flags    recordFlags
	kind     Kind
	id       string
	revision uint64
	time     int64   // Unix nanoseconds
	prev     pointer // the entity's record before this one (opGap: the record before the gap)
	base     pointer // the entity's last record from which its state can be had without an earlier one
	origin   origin
	receipt  Receipt
	headers  []byte
	change   []byte
	far      pointer // complete ones: the entity's last record before this one whose revision is a multiple of farEvery
	created  int64   // with a full state: when the entity was created; 0: format 1 does not say
	state    []byte
}

// complete says whether the record gives the state without an earlier one.
func (r *record) complete() bool { return r.flags&(flagDeleted|flagCreated|flagState) != 0 }

// errRecord is wrapped by every complaint about a record's content.
var errRecord = errors.New("damaged record")

// appendRecord encodes the record and leaves room for the trailer, which
// sealRecord fills once the sequence number is known. It also gives the
// checksum so far.
func appendRecord(dst []byte, r *record, state State) ([]byte, uint32) {
	start := len(dst)
	dst = append(dst, recordFormat, byte(r.op), byte(r.flags))
	dst = binary.BigEndian.AppendUint64(dst, uint64(r.time))
	switch r.op {
	case opChange:
		dst = append(dst, byte(r.kind))
		dst = appendText(dst, r.id)
		dst = binary.AppendUvarint(dst, r.revision)
		dst = appendPointer(dst, r.prev)
		dst = appendPointer(dst, r.base)
		dst = appendOrigin(dst, r)
	case opGap:
		dst = appendPointer(dst, r.prev)
	}
	if r.flags&flagReceipt != 0 {
		dst = appendText(dst, r.receipt.Client)
		dst = binary.AppendUvarint(dst, r.receipt.Epoch)
		dst = binary.BigEndian.AppendUint16(dst, r.receipt.PacketID)
	}
	if r.flags&flagHeaders != 0 {
		dst = binary.AppendUvarint(dst, uint64(len(r.headers)))
		dst = append(dst, r.headers...)
	}
	if r.op == opChange {
		dst = binary.AppendUvarint(dst, uint64(len(r.change)))
		dst = append(dst, r.change...)
		if r.complete() {
			dst = appendPointer(dst, r.far)
		}
	}
	if r.flags&flagState != 0 {
		dst = appendFull(dst, r, state)
	}
	sum := crc32.Update(0, castagnoli, dst[start:])
	return append(dst, 0, 0, 0, 0), sum
}

// appendFull writes a full state. Its text runs to the trailer: its length
// need not be known before it is written.
func appendFull(dst []byte, r *record, state State) []byte {
	if r.op == opChange {
		dst = binary.BigEndian.AppendUint64(dst, uint64(r.created))
	}
	return state.AppendTo(dst)
}

// withState gives a copy of an encoded record, not sealed yet, of a change
// that holds no full state, together with that. What the full state brings
// with it stands at the end, so the rest need not be known.
func withState(text []byte, far uint64, created int64, state State) ([]byte, uint32) {
	out := make([]byte, 0, len(text)+24+state.Size())
	out = append(out, text[:len(text)-trailerSize]...)
	out[2] |= byte(flagState)
	out = appendPointer(out, pointer{seq: far})
	out = appendFull(out, &record{op: opChange, created: created}, state)
	sum := crc32.Checksum(out, castagnoli)
	return append(out, 0, 0, 0, 0), sum
}

// sealRecord completes an encoded record: the checksum also covers the
// sequence number, so a record at the wrong place is found out. seq is the
// record's key.
func sealRecord(text []byte, sum uint32, seq *[8]byte) {
	sum = crc32.Update(sum, castagnoli, seq[:])
	binary.LittleEndian.PutUint32(text[len(text)-trailerSize:], sum)
}

func appendText(dst []byte, s string) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(s)))
	return append(dst, s...)
}

// appendPointer writes an absolute number doubled, a distance doubled plus one.
func appendPointer(dst []byte, p pointer) []byte {
	if p.delta != 0 {
		return binary.AppendUvarint(dst, p.delta<<1|1)
	}
	return binary.AppendUvarint(dst, p.seq<<1)
}

// checkRecord verifies the checksum of the record under the given key.
func checkRecord(text []byte, seq *[8]byte) error {
	if len(text) < 3+8+trailerSize {
		return fmt.Errorf("%w: %d bytes are too few", errRecord, len(text))
	}
	body := text[:len(text)-trailerSize]
	if checksRecords && checksum(body, seq) != binary.LittleEndian.Uint32(text[len(body):]) {
		return fmt.Errorf("%w: checksum differs", errRecord)
	}
	return nil
}

func checksum(body []byte, seq *[8]byte) uint32 {
	return crc32.Update(crc32.Checksum(body, castagnoli), castagnoli, seq[:])
}

// decodeRecord reads the record with the given sequence number. Distances come
// out as absolute numbers. Anything that appendRecord would not write is an
// error that wraps errRecord.
func decodeRecord(seq uint64, text []byte) (record, error) {
	var key [8]byte
	binary.BigEndian.PutUint64(key[:], seq)
	var r record
	if err := checkRecord(text, &key); err != nil {
		return r, err
	}
	d := decoder{rest: text[:len(text)-trailerSize], seq: seq}
	format := d.byte("format")
	if format == 0 || format > recordFormat {
		return r, fmt.Errorf("%w: record format %d, known are those up to %d", errRecord, format, recordFormat)
	}
	r.op = recordOp(d.byte("operation"))
	r.flags = recordFlags(d.byte("flags"))
	r.time = int64(d.uint64("time"))
	switch r.op {
	case opChange:
		r.kind = Kind(d.byte("kind"))
		r.id = d.text("id")
		r.revision = d.uvarint("revision")
		r.prev = d.pointer("previous record")
		r.base = d.pointer("base record")
		d.origin(&r)
	case opGap:
		r.prev = d.pointer("record before the gap")
	case opReceipt, opRelease, opForget:
		if r.flags&flagReceipt == 0 {
			d.fail("receipt")
		}
	default:
		return r, fmt.Errorf("%w: unknown operation %d", errRecord, r.op)
	}
	if r.flags&flagReceipt != 0 {
		r.receipt.Client = d.text("receipt's client")
		r.receipt.Epoch = d.uvarint("receipt's epoch")
		r.receipt.PacketID = d.uint16("receipt's packet id")
	}
	if r.flags&flagHeaders != 0 {
		r.headers = d.bytes("headers")
	}
	if r.op == opChange {
		r.change = d.bytes("change")
		if format > 1 && r.complete() {
			r.far = d.pointer("far record")
		}
		if format > 1 && r.flags&flagState != 0 {
			r.created = int64(d.uint64("time of creation"))
		}
	}
	if r.flags&flagState != 0 {
		r.state = d.rest
		d.rest = nil
	}
	if d.err == nil && len(d.rest) > 0 {
		d.err = fmt.Errorf("%w: %d bytes too many", errRecord, len(d.rest))
	}
	return r, d.err
}

// decoder takes fields off the front and remembers the first thing amiss.
type decoder struct {
	rest []byte
	seq  uint64
	err  error
}

func (d *decoder) fail(what string) {
	if d.err == nil {
		d.err = fmt.Errorf("%w: %s is cut off or missing", errRecord, what)
	}
	d.rest = nil
}

func (d *decoder) take(n int, what string) []byte {
	if n < 0 || n > len(d.rest) || d.err != nil {
		d.fail(what)
		return nil
	}
	out := d.rest[:n:n]
	d.rest = d.rest[n:]
	return out
}

func (d *decoder) byte(what string) byte {
	if b := d.take(1, what); b != nil {
		return b[0]
	}
	return 0
}

func (d *decoder) uint16(what string) uint16 {
	if b := d.take(2, what); b != nil {
		return binary.BigEndian.Uint16(b)
	}
	return 0
}

func (d *decoder) uint64(what string) uint64 {
	if b := d.take(8, what); b != nil {
		return binary.BigEndian.Uint64(b)
	}
	return 0
}

func (d *decoder) uvarint(what string) uint64 {
	v, n := binary.Uvarint(d.rest)
	if n <= 0 {
		d.fail(what)
		return 0
	}
	d.rest = d.rest[n:]
	return v
}

func (d *decoder) bytes(what string) []byte {
	n := d.uvarint(what)
	if n > uint64(len(d.rest)) {
		d.fail(what)
		return nil
	}
	return d.take(int(n), what)
}

func (d *decoder) text(what string) string { return string(d.bytes(what)) }

func (d *decoder) pointer(what string) pointer {
	v := d.uvarint(what)
	p := pointer{seq: v >> 1}
	if v&1 != 0 {
		if p.seq == 0 || p.seq >= d.seq {
			d.fail(what)
			return pointer{}
		}
		p.seq = d.seq - p.seq
	}
	if p.seq >= d.seq {
		d.fail(what)
	}
	return p
}
