package store

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// Span is a range of sequence numbers, ends included.
type Span struct {
	First uint64 `json:"first"`
	Last  uint64 `json:"last"`
}

// Loss is an entity of which Repair could not keep the newest state.
type Loss struct {
	Kind     string    `json:"kind"`
	ID       string    `json:"id"`
	Revision uint64    `json:"revision"`       // the newest one that is known to have been; 0: not known
	Kept     uint64    `json:"kept"`           // the one whose state was kept; 0: none
	Time     time.Time `json:"time,omitzero"`  // of the kept one
	Now      uint64    `json:"now"`            // the revision that it has now; 0: it does not exist
	Why      string    `json:"why,omitempty"`  // what happened to the newer ones
	Deleted  bool      `json:"gone,omitempty"` // nothing of it is left
}

func (l Loss) String() string {
	text := fmt.Sprintf("%s %q: ", l.Kind, l.ID)
	switch {
	case l.Deleted:
		text += "nothing of it could be saved"
	case l.Revision > l.Kept:
		text += fmt.Sprintf("its newest known revision was %d; kept is the state of revision %d, of %s", l.Revision, l.Kept, l.Time.Format(time.RFC3339))
	default:
		text += fmt.Sprintf("kept is the state of revision %d, of %s; there may have been newer ones", l.Kept, l.Time.Format(time.RFC3339))
	}
	if l.Now != 0 {
		text += fmt.Sprintf("; it is at revision %d now", l.Now)
	}
	if l.Why != "" {
		text += " (" + l.Why + ")"
	}
	return text
}

// Repaired says what Repair did, and what could not be saved.
type Repaired struct {
	Copied  int    `json:"copied"`  // segments that are whole
	Rebuilt int    `json:"rebuilt"` // segments of which what proves itself was kept
	Records uint64 `json:"records"`
	// Lost are the numbers of records that cannot be read any more, other than
	// by what they made of an entity.
	Lost []Span `json:"lost"`
	// Losses are the entities that are known to have suffered.
	Losses []Loss `json:"losses"`
	// Unnamed are parts of state.db that cannot be read, where entities may
	// have been of which nothing is known any more.
	Unnamed []string `json:"unnamed"`
	Ignored []string `json:"ignored"` // files that are no part of the data
}

// Clean says whether everything was saved.
func (r *Repaired) Clean() bool {
	return len(r.Lost) == 0 && len(r.Losses) == 0 && len(r.Unnamed) == 0
}

// Repair makes a data folder, in a new or empty folder, of what is left of a
// damaged one, which stays as it is. Every record and every entry of state.db
// counts whose checksum holds, wherever it is found. Segments that are whole
// are copied. In others, records say which numbers are lost. state.db is made
// of what is left of it and of the journal; an entity whose newest state cannot
// be told keeps the newest one that can, under a revision above all that are
// known to have been, so that no revision ever means two states. The error says
// why that could not be done; the new folder is of no use then.
func Repair(dir, into string, kinds map[Kind]KindSpec, now func() time.Time, watch Watch) (Repaired, error) {
	r := &repairer{dir: dir, into: into, watch: watch, now: now, wounds: make(map[Key]wound), old: make(map[Key]uint64), cache: make(map[Key]*version)}
	for k, spec := range kinds {
		r.kinds[k] = &spec
	}
	err := r.run()
	if err != nil {
		err = fmt.Errorf("store: repair: %w", err)
	}
	return r.is, err
}

// repairer is one repair.
type repairer struct {
	dir, into string
	layout    layout
	kinds     [256]*KindSpec
	watch     Watch
	now       func() time.Time
	is        Repaired
	total     int64
	done      int64

	states   []string // files that are a state.db
	segments []plan
	state    *stateWriter
	meta     stateMeta
	known    bool           // meta could be read
	newest   uint64         // the highest number that is known to have been given out
	bad      []Key          // entries of state.db whose checksum does not hold
	old      map[Key]uint64 // record of entries that were found where only old ones are
	holes    []string       // of state.db
	ranges   [][2][]byte    // of keys, that these holes leave; nil: no limit
	open     receipts       // as the journal tells of them
	latest   int64          // time
	wounds   map[Key]wound  // entities whose chain of changes is broken
	cache    map[Key]*version
	cached   int64
	format   uint64         // of the segment that is being rebuilt
	age      time.Duration  // of the journal, as far as it has been read
	last     uint64         // of the journal, as far as it has been written
	more     bool           // the last record's group goes on
	writer   *segmentWriter // of the segment that is being rebuilt
}

// wound is the newest change of an entity that is known and cannot be applied.
type wound struct {
	revision, seq, base uint64
	why                 string
}

func (r *repairer) run() (err error) {
	if r.layout, err = layoutOf(r.dir); err != nil {
		return err
	}
	if err := mustBeEmpty(r.into); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Join(r.into, "journal"), 0o700); err != nil {
		return err
	}
	for _, dir := range []string{r.dir, r.into} {
		lock, err := lockToRead(dir)
		if err != nil {
			return err
		}
		if lock != nil {
			defer lock.Close()
		}
	}
	if err := r.discover(); err != nil {
		return err
	}
	r.open.init()
	if r.state, err = newStateWriter(filepath.Join(r.into, stateName+temporarySuffix), &r.kinds); err != nil {
		return err
	}
	finished := false
	defer func() {
		if !finished {
			err = errors.Join(err, r.state.abandon())
		}
	}()
	for _, path := range r.states {
		if err := r.saveState(path); err != nil {
			return err
		}
	}
	if err := r.saveJournal(); err != nil {
		return err
	}
	if err := r.restore(); err != nil {
		return err
	}
	if err := r.endFolder(); err != nil {
		return err
	}
	if err := errors.Join(r.writeReceipts(), r.writeTombstones()); err != nil {
		return err
	}
	finished = true
	if err := r.state.finish(stateMeta{covered: r.last, receipt: r.last, latest: r.latest, age: max(r.age, r.meta.age)}); err != nil {
		return err
	}
	path := filepath.Join(r.into, stateName)
	return errors.Join(os.Rename(path+temporarySuffix, path), syncDir(r.into), syncDir(filepath.Join(r.into, "journal")))
}

// endFolder closes the journal. There is always a segment, so that a journal
// that was lost is not taken for one that never was.
func (r *repairer) endFolder() (err error) {
	if len(r.segments) == 0 && r.writer == nil && r.last > 0 {
		if r.writer, err = newSegmentWriter(filepath.Join(r.into, "journal"), r.last+1, journalFormat, r.age); err != nil {
			return err
		}
	}
	return r.endSegment()
}

func mustBeEmpty(dir string) error {
	names, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if len(names) > 0 {
		return fmt.Errorf("%s is not empty: name a folder that is not there yet, so that nothing is written over", dir)
	}
	return nil
}

func (r *repairer) progress(path string, bytes int64) {
	r.done += bytes
	if r.watch.Progress != nil {
		r.watch.Progress(path, min(r.done, r.total), r.total)
	}
}

// tell names damage as it is come upon.
func (r *repairer) tell(path string, errs ...error) {
	for _, err := range errs {
		r.watch.found(Finding{File: path, What: err.Error()})
	}
}
