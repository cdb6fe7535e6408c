package store

import (
	"fmt"
	"hash/maphash"
	"os"
	"path/filepath"
	"time"
)

// Finding is one thing in a data folder that is not as it should be.
type Finding struct {
	File        string `json:"file"`
	Where       string `json:"where,omitempty"` // within the file
	What        string `json:"what"`
	Consequence string `json:"consequence,omitempty"`
}

func (f Finding) String() string {
	text := f.File + ": "
	if f.Where != "" {
		text += f.Where + ": "
	}
	text += f.What
	if f.Consequence != "" {
		text += "; " + f.Consequence
	}
	return text
}

// Watch is told what a tool finds and how far it is. Each may be nil. They are
// called from the tool's own goroutine.
type Watch struct {
	Found    func(Finding)                        // something is wrong
	Noted    func(Finding)                        // something is worth knowing, and nothing is lost by it
	Progress func(file string, done, total int64) // bytes, of all that is to be read
}

func (w Watch) found(f Finding) {
	if w.Found != nil {
		w.Found(f)
	}
}

func (w Watch) noted(f Finding) {
	if w.Noted != nil {
		w.Noted(f)
	}
}

// Verified is what Verify has looked at, and how much of it is wrong.
type Verified struct {
	Findings int       `json:"findings"`
	Bytes    int64     `json:"bytes"`
	Segments int       `json:"segments"`
	Records  uint64    `json:"records"`
	First    uint64    `json:"first"`   // record of the journal
	Last     uint64    `json:"last"`    // record of the journal
	Covered  uint64    `json:"covered"` // by state.db
	From     time.Time `json:"from,omitzero"`
	To       time.Time `json:"to,omitzero"`
	Entities uint64    `json:"entities"` // in state.db, without the deleted ones
	Deleted  uint64    `json:"deleted"`
	Receipts int       `json:"receipts"` // clients that have some
	Compared uint64    `json:"compared"` // entries of state.db that were compared with the journal
	Beyond   uint64    `json:"beyond"`   // entries whose last change is older than the journal
	Unknown  uint64    `json:"unknown"`  // entries that the journal does not say enough about
}

// Verify reads everything in a data folder that nobody uses, or in a backup of
// one, and changes nothing: pages, checksums, the sequence of records, the
// revisions and pointers of every entity, and state.db against a replay of the
// journal. What is wrong is told to watch. The error says why the folder could
// not be looked at.
func Verify(dir string, kinds map[Kind]KindSpec, watch Watch) (Verified, error) {
	c := &checker{dir: dir, watch: watch, seed: maphash.MakeSeed(), known: make(map[uint64]standing), deleted: make(map[uint64]uint64), held: make(map[uint64]State)}
	c.fill(kinds)
	var err error
	if c.layout, err = layoutOf(dir); err != nil {
		return c.is, fmt.Errorf("store: %w", err)
	}
	c.state = c.layout.state
	lock, err := lockToRead(dir)
	if err != nil {
		return c.is, fmt.Errorf("store: %w", err)
	}
	if lock != nil {
		defer lock.Close()
	}
	err = c.run()
	if c.file != nil {
		c.file.Close()
	}
	if err != nil {
		return c.is, fmt.Errorf("store: %w", err)
	}
	return c.is, nil
}

// fill keeps what has to be known of the kinds.
func (c *checker) fill(kinds map[Kind]KindSpec) {
	for k, spec := range kinds {
		c.kinds[k] = &spec
	}
}

// checker is one verification.
type checker struct {
	dir, state string
	layout     layout
	kinds      [256]*KindSpec
	watch      Watch
	is         Verified
	list       []sealed
	done       int64
	partly     int64 // of state.db, while it is being read
	total      int64

	file     *os.File
	pages    *pageFile
	roots    [256][]byte
	hasState bool // state.db could be read, at least in part
	newest   uint64
	deleted  map[uint64]uint64 // tombstones: hash of the key, by record
	meta     stateMeta
	receipts map[string]*received

	seed  maphash.Seed
	known map[uint64]standing // by key
	held  map[uint64]State    // states after the last record that was read
	bytes int64               // that these are counted for
	lost  []span              // numbers that a record says are lost, its own included
	path  string              // of the segment that is being read
	scan  struct {
		before uint64 // number of the record before
		group  uint64 // number of the first record of its group, all of which have one time
		more   bool   // its group goes on
		torn   bool   // records before it are missing: perhaps the start of the next one's group
	}
	replayed receipts
}

func (c *checker) found(f Finding) {
	c.is.Findings++
	c.watch.found(f)
}

func (c *checker) progress(file string, bytes int64) {
	c.done += bytes
	if c.watch.Progress != nil {
		c.watch.Progress(file, min(c.done, c.total), c.total)
	}
}

func (c *checker) run() error {
	if err := c.look(); err != nil {
		return err
	}
	if err := c.checkStateFile(); err != nil {
		return err
	}
	c.replayed.init()
	for i := range c.list {
		if err := c.segment(i); err != nil {
			return err
		}
	}
	c.ends(c.list)
	if err := c.sums(); err != nil {
		return err
	}
	return c.compare()
}

// look lists the files and names what does not belong there.
func (c *checker) look() (err error) {
	if size, err := fileSize(c.state); err == nil {
		c.total += size
	}
	for _, path := range c.layout.half {
		c.watch.noted(Finding{File: path, What: "it was not finished when a program ended", Consequence: "the next start removes it"})
	}
	for _, path := range c.layout.others {
		_, err := segmentFirst(filepath.Base(path))
		c.found(Finding{File: path, What: err.Error(), Consequence: "the program does not start: move it out of the journal's folder"})
	}
	var missing []string
	if c.list, missing, err = c.layout.files(); err != nil {
		return err
	}
	for _, path := range missing {
		c.found(Finding{File: path, What: "it is missing", Consequence: "the backup cannot be restored"})
	}
	for _, seg := range c.list {
		c.total += seg.size
	}
	c.is.Bytes, c.is.Segments = c.total, len(c.list)
	return nil
}

// ends compares where journal and state.db say that they begin and end.
func (c *checker) ends(list []sealed) {
	journal := filepath.Join(c.dir, "journal")
	if !c.hasState {
		if len(list) > 0 && list[0].first > 1 {
			c.found(Finding{File: list[0].path, What: fmt.Sprintf("the journal begins with record %d, and there is no %s that has what came before", list[0].first, stateName), Consequence: "what was not changed since then is lost, unless a backup has it"})
		}
		return
	}
	if len(list) == 0 {
		if c.newest > 0 && (c.layout.backup == nil || c.newest > c.layout.backup.Sequence) {
			c.found(Finding{File: journal, What: fmt.Sprintf("it is empty, but %s knows of record %d", c.state, c.newest), Consequence: "the history is lost, and changes that came after"})
		}
		return
	}
	if list[0].first > c.meta.covered+1 {
		c.found(Finding{File: list[0].path, What: fmt.Sprintf("the journal begins with record %d, but %s covers it only up to record %d", list[0].first, c.state, c.meta.covered), Consequence: "the changes between are lost"})
	}
	if last := max(c.is.Last, list[len(list)-1].first-1); c.newest > last {
		c.found(Finding{File: list[len(list)-1].path, What: fmt.Sprintf("the journal ends with record %d, but %s knows of record %d", last, c.state, c.newest), Consequence: "the records between are missing, and perhaps later ones"})
	}
}
