package store

import (
	"archive/tar"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"
)

// A backup goes from the store to whoever writes it down as a tar stream:
//
//	offer.json          backupOffer
//	receipts            entries, if the offer has a state
//	kind/<name>         entries, sorted; as many parts as it takes
//	journal.json        backupJournal
//	segments/<name>     those that the backup has not yet
//
// The entries of the snapshot file are read in many short transactions, since
// a long one would keep the file's writer from enlarging it and that one
// everybody who wants to read. So they are of different moments: entries may be
// newer than what the offer says is covered, as in the snapshot file itself.
// Only when they have all been read is the end of the journal taken, so that it
// knows all that any entry knows: the segment that is being written is sealed,
// or, if there is little in it, read between two commits. (A new segment each
// time would be made of a file of full size, for a few records.)
const (
	offerName    = "offer.json"
	receiptsName = "receipts"
	kindPrefix   = "kind/"
	journalName  = "journal.json"
	segmentsDir  = "segments"
)

// backupOffer says what a backup begins with.
type backupOffer struct {
	State *offeredState `json:"state,omitempty"` // nil: the snapshot that is there will do
	Bytes int64         `json:"bytes"`           // about so much is to come
}

// offeredState is what the snapshot file says about itself.
type offeredState struct {
	Covered uint64 `json:"covered"`
	Time    uint64 `json:"time"`
	Receipt uint64 `json:"receipt"`
}

// backupJournal is the journal up to the backup's last record.
type backupJournal struct {
	Sequence uint64          `json:"sequence"`
	Mark     string          `json:"mark,omitempty"`
	Segments []BackupSegment `json:"segments"`
}

// ErrOtherBackup: the folder holds a backup that does not go with the store.
var ErrOtherBackup = errors.New("the backup is of another store, or of another course of this one")

// Backup writes to w what a backup lacks that has what the manifest says; the
// zero value has nothing. Everything is in it that was on disk when Backup was
// called, and perhaps more. Changes go on meanwhile; only old segments are not
// deleted before it ends.
func (s *Store) Backup(ctx context.Context, w io.Writer, have Manifest) error {
	if err := s.down(); err != nil {
		return err
	}
	defer s.journal.hold()()
	t := tar.NewWriter(w)
	offer, receipts, err := s.offer(have)
	if err != nil {
		return err
	}
	if err := writeJSON(t, offerName, offer); err != nil {
		return err
	}
	if offer.State != nil {
		if err := writePart(t, receiptsName, receipts); err != nil {
			return err
		}
		if err := s.state.sendKinds(ctx, t); err != nil {
			return err
		}
	}
	end, err := s.end(ctx)
	if err != nil {
		return err
	}
	j := backupJournal{Sequence: end.last}
	if j.Mark, err = s.markOf(end.last); err != nil {
		return err
	}
	last := end.last
	if end.image != nil {
		// By now that segment may be an old one as well.
		last = end.first - 1
	}
	if last > 0 {
		if j.Segments, err = s.journal.describe(last); err != nil {
			return err
		}
	}
	if end.image != nil {
		d, err := describeImage(end.first, end.image)
		if err != nil {
			return fmt.Errorf("%s: %w", end.path, err)
		}
		j.Segments = append(j.Segments, d)
	}
	if err := writeJSON(t, journalName, j); err != nil {
		return err
	}
	held := make(map[uint64]*BackupSegment)
	for i := range have.Segments {
		held[have.Segments[i].First] = &have.Segments[i]
	}
	for i := range j.Segments {
		d := &j.Segments[i]
		if old := held[d.First]; old != nil && old.sameAs(d) {
			continue
		}
		if d.Open {
			err = writePart(t, segmentsDir+"/"+d.name(), end.image)
		} else {
			err = s.sendSegment(ctx, t, d)
		}
		if err != nil {
			return err
		}
	}
	return t.Close()
}

// offer looks at what the backup has and says whether it needs a new snapshot:
// if it has none, if the journal does not reach back to what that one covers,
// or if that has become longer than the snapshot, so that it is better to have
// a new one than to replay.
func (s *Store) offer(have Manifest) (o backupOffer, receipts []byte, err error) {
	segments, err := s.journal.describe(0)
	if err != nil {
		return o, nil, err
	}
	s.journal.mu.Lock()
	next, bytes := s.journal.first, s.journal.bytes
	s.journal.mu.Unlock()
	s.queue.mu.Lock()
	committed := s.queue.committed
	s.queue.mu.Unlock()
	if err := agree(have, segments, next, committed); err != nil {
		return o, nil, err
	}
	if mark, err := s.markOf(have.Sequence); err != nil {
		return o, nil, err
	} else if mark != "" && have.Mark != "" && mark != have.Mark {
		return o, nil, fmt.Errorf("%w: record %d, its last one, differs from the journal's: back up to an empty folder", ErrOtherBackup, have.Sequence)
	}
	linked := have.State != nil
	from := next // the first record of the journal that is here
	if len(segments) > 0 {
		from = segments[0].Before + 1
	}
	if linked && have.Sequence+1 < from {
		linked = false // what comes between has been deleted
	}
	o.Bytes = bytes
	since := bytes
	for i := range segments {
		if segments[i].Last > have.Sequence || have.State == nil {
			o.Bytes += segments[i].Size
		}
		if have.State != nil && segments[i].Last > have.State.Covered {
			since += segments[i].Size
		}
	}
	state, receipts, err := s.state.offered()
	if err != nil {
		return o, nil, err
	}
	if linked && (state.Covered <= have.State.Covered || since <= max(have.State.Size, leastSnapshot)) {
		return o, nil, nil
	}
	size, err := fileSize(s.state.path)
	o.State, o.Bytes = &state, o.Bytes+size
	return o, receipts, err
}

// leastSnapshot is how much journal is replayed rather than a snapshot copied,
// however small that is.
const leastSnapshot = 1 << 20

// agree refuses a backup whose segments are not the journal's. next is the
// first number of the segment that is being written. What is older than the
// journal cannot be compared.
func agree(have Manifest, segments []BackupSegment, next, committed uint64) error {
	if have.Sequence > committed {
		return fmt.Errorf("%w: it goes up to record %d, the journal to %d: back up to an empty folder", ErrOtherBackup, have.Sequence, committed)
	}
	at := make(map[uint64]*BackupSegment)
	for i := range segments {
		at[segments[i].First] = &segments[i]
	}
	for i := range have.Segments {
		h := &have.Segments[i]
		d := at[h.First]
		switch {
		case d != nil && (d.sameAs(h) || h.Open && d.Last >= h.Last):
		case h.Open && h.First == next:
		case h.Last < next && (len(segments) == 0 || h.Last < segments[0].First):
		default:
			return fmt.Errorf("%w: its segment %s differs from the journal's: back up to an empty folder", ErrOtherBackup, h.name())
		}
	}
	return nil
}

// markOf tells a record from any other that could have its number: its
// checksum, which covers its time too. It is empty for a record that the
// journal does not have any more.
func (s *Store) markOf(seq uint64) (string, error) {
	path, t := s.journal.locate(seq)
	if seq == 0 || path == "" {
		return "", nil
	}
	g, err := openSegmentFile(path, t)
	if err != nil {
		return "", err
	}
	defer g.close()
	text, err := g.record(seq)
	if err != nil || len(text) < trailerSize {
		return "", err
	}
	return fmt.Sprintf("%x", text[len(text)-trailerSize:]), nil
}

// describe gives the segments that are not written any more, the oldest first:
// those up to a record, or all (0).
func (j *journal) describe(last uint64) ([]BackupSegment, error) {
	j.mu.Lock()
	old := append([]sealed(nil), j.old...)
	j.mu.Unlock()
	list := make([]BackupSegment, 0, len(old))
	for i := range old {
		if last != 0 && old[i].first > last {
			break
		}
		d, err := describeSegment(old[i].path)
		if err != nil {
			return nil, err
		}
		list = append(list, d)
	}
	return list, nil
}

// journalEnd is where the journal ends for a backup.
type journalEnd struct {
	last uint64 // the last record
	// What the segment that goes on holds, unless there is nothing in it.
	first uint64
	path  string
	image []byte
}

// end has the committer say where the journal ends. It does not wait for a disk
// that hangs beyond the end of ctx.
func (s *Store) end(ctx context.Context) (journalEnd, error) {
	type answer struct {
		end journalEnd
		err error
	}
	said := make(chan answer, 1)
	fn := func() {
		end, err := s.endHere()
		said <- answer{end, err}
	}
	select {
	case s.aside <- fn:
	case <-s.committerDone:
		return journalEnd{}, ErrClosed
	case <-ctx.Done():
		return journalEnd{}, ctx.Err()
	}
	select {
	case a := <-said:
		return a.end, a.err
	case <-ctx.Done():
		return journalEnd{}, ctx.Err()
	}
}

// littleInSegment is how much of a segment is read at most while commits wait:
// some milliseconds.
const littleInSegment = 8 << 20

// endHere begins a new segment, or reads the present one if there is little in
// it. Only the committer calls it.
func (s *Store) endHere() (end journalEnd, err error) {
	if err := s.broken(); err != nil {
		return end, err
	}
	j := &s.journal
	end.last = j.last
	if j.last < j.first {
		return end, nil
	}
	end.image, err = readLittle(j.path, min(littleInSegment, j.size/4))
	if err != nil || end.image != nil {
		end.first, end.path = j.first, j.path
		return end, err
	}
	return end, s.seal()
}

// seal begins a new segment. Only the committer calls it.
func (s *Store) seal() error {
	if err := s.roomFor(0); err != nil {
		return err
	}
	j := &s.journal
	next := j.last + 1
	if j.gap != 0 {
		next = j.gap
	}
	err := j.rotate(next)
	if err != nil && fatal(err) {
		s.fail(err)
	}
	return err
}

// readLittle reads what a bbolt file holds in its newest state; the file may be
// larger. It gives nil if that is more than most.
func readLittle(path string, most int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	pages, metas, err := openPages(f, info.Size())
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	used := int64(metas[0].pages) * pages.page
	if used < 0 || used > info.Size() {
		return nil, fmt.Errorf("%s: %w: it has %d bytes, %d should be there", path, ErrDamaged, info.Size(), used)
	}
	if used > most {
		return nil, nil
	}
	text := make([]byte, used)
	_, err = io.ReadFull(f, text)
	return text, err
}

// sendSegment sends a segment's file.
func (s *Store) sendSegment(ctx context.Context, t *tar.Writer, d *BackupSegment) error {
	f, err := os.Open(filepath.Join(s.journal.dir, d.name()))
	if err != nil {
		return err
	}
	defer f.Close()
	if err := t.WriteHeader(&tar.Header{Name: segmentsDir + "/" + d.name(), Mode: 0o600, Size: d.Size, ModTime: d.To}); err != nil {
		return err
	}
	_, err = io.Copy(t, &interruptible{ctx, io.LimitReader(f, d.Size)})
	return err
}

// interruptible is a reader that ends with its context.
type interruptible struct {
	ctx context.Context
	r   io.Reader
}

func (i *interruptible) Read(p []byte) (int, error) {
	if err := i.ctx.Err(); err != nil {
		return 0, err
	}
	return i.r.Read(p)
}

func writeJSON(t *tar.Writer, name string, v any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return writePart(t, name, text)
}

func writePart(t *tar.Writer, name string, text []byte) error {
	if err := t.WriteHeader(&tar.Header{Name: name, Mode: 0o600, Size: int64(len(text)), ModTime: time.Now()}); err != nil {
		return err
	}
	_, err := t.Write(text)
	return err
}
