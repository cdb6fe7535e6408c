package store

import (
	"errors"
	"fmt"
	"hash/maphash"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"
)

// Kind says what an entity is: a Thing, a Policy, …. The numbers are written
// into the journal and the names into the snapshot file; neither may change.
type Kind uint8

// Key names an entity. The ID is 1 to 1,000 bytes long.
type Key struct {
	Kind Kind
	ID   string
}

// State is an entity's state. It is immutable: it is shared by everybody who
// asks for it. A State that takes up more memory than its text may say how
// much with a method Footprint() int.
type State interface {
	// AppendTo appends the text that KindSpec.Decode makes the same state of.
	AppendTo(dst []byte) []byte
	// Size is the length of that text.
	Size() int
}

// KindSpec is what the store has to know about a kind.
type KindSpec struct {
	// Name is that of its bucket in the snapshot file, and of messages.
	Name string
	// Decode makes a state of its text, which stays valid and unchanged.
	Decode func(text []byte) (State, error)
	// Apply makes the next state of the present one (nil: none) and a change
	// that was given to Put; nil: the change deleted it. It has to give the
	// state that was given to Put. The change stays valid and unchanged.
	Apply func(cur State, change []byte) (State, error)
	// Watched: [Store.Watch] counts the changes of its entities.
	Watched bool
	// KeepDeleted: that there was an entity of the kind is never forgotten,
	// whatever Options.ForgetDeleted says.
	KeepDeleted bool
}

// DefaultMemory is the bound of Options.Memory where none is given, in bytes.
const DefaultMemory = 256 << 20

// Options of a store. The zero value of a field means what stands behind it.
type Options struct {
	// Memory bounds the states kept in memory, in bytes: [DefaultMemory]. Those that
	// were used least lately are read from the snapshot file again when they
	// are needed. When more than this waits to be written there, Begin waits.
	Memory int64
	// Gather is how long the first change waits for others to come, so that
	// one sync serves them all: 0. For media on which each sync wears.
	Gather time.Duration
	// Patience is how long a full or stuck disk is waited for before changes
	// are refused: 10 s.
	Patience time.Duration
	// SegmentSize bounds a file of the journal: 64 MiB.
	SegmentSize int64
	// SnapshotEvery bounds how much journal has to be read again at start, in
	// bytes: 64 MiB. SnapshotAfter is how long a change is left to the journal
	// alone at most: 5 min.
	SnapshotEvery int64
	SnapshotAfter time.Duration
	// Retention is how long journal that the snapshot file covers is kept as
	// history: 72 h; negative: as long as MaxSize allows. Only time in which
	// the store is open counts (age.go).
	Retention time.Duration
	// MaxSize bounds what the journal takes on disk, at the expense of
	// retention; 0: not bounded.
	MaxSize int64
	// ForgetDeleted: when no journal that is kept holds a record of a deleted
	// entity any more, its tombstone goes too, unless its kind keeps those. If it is made again after that,
	// its revisions begin at 1. Without this, as in Ditto unless it is told to
	// (delete-final-deleted-snapshot), they go on, and state.db keeps a few
	// bytes for every entity that ever was.
	ForgetDeleted bool
	// QueueRecords and QueueBytes bound what waits for the disk: 16,384 and
	// 32 MiB. Begin waits while either is reached.
	QueueRecords int
	QueueBytes   int64
	// SyncDelay is an aid for benchmarks: a pause after each sync, to see how
	// a slow medium would do. A commit to the journal is one sync, a
	// transaction of the snapshot file two.
	SyncDelay time.Duration
	// Logger: none.
	Logger *slog.Logger
	// Clock: time.Now.
	Clock func() time.Time
	// OnFatal is told when a sync failed. Nothing can be stored from then on;
	// the process should say so and end. It runs on one of the store's
	// goroutines and must not call Close there.
	OnFatal func(error)

	hooks hooks
}

// hooks let tests make the disk fail around a real file.
type hooks struct {
	free           func(dir string) (int64, error) // free bytes; negative: not known
	reserve        int64                           // to be left free by a batch
	beforeCommit   func(batch []*Tx) error         // an error: the batch is not written
	afterCommit    func(batch []*Tx) error         // an error: the commit says so although all is written
	beforeSnapshot func() error
	snapshotRetry  time.Duration               // pause after a pass that failed
	stalled        time.Duration               // how long a write may take, instead of Options.Patience
	noSpare        bool                        // no segment is made ready in advance: where one ends is the records' doing alone
	noFallback     bool                        // recovery takes a commit that was not finished for damage
	elapsed        func() func() time.Duration // starts what gives the time since then
}

func (o *Options) fill() {
	set(&o.Memory, DefaultMemory)
	set(&o.Patience, 10*time.Second)
	set(&o.SegmentSize, 64<<20)
	set(&o.SnapshotEvery, 64<<20)
	set(&o.SnapshotAfter, 5*time.Minute)
	set(&o.Retention, 72*time.Hour)
	set(&o.QueueRecords, 16384)
	set(&o.QueueBytes, 32<<20)
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.hooks.free == nil {
		o.hooks.free = freeSpace
	}
	if o.hooks.elapsed == nil {
		o.hooks.elapsed = sinceNow
	}
	set(&o.hooks.reserve, 4<<20)
	set(&o.hooks.snapshotRetry, 2*time.Second)
}

func set[T int | int64 | time.Duration](field *T, value T) {
	if *field == 0 {
		*field = value
	}
}

var (
	// ErrClosed: the store has been closed.
	ErrClosed = errors.New("store is closed")
	// ErrBusy: the disk does not keep up; to be tried again later.
	ErrBusy = errors.New("store is busy")
	// ErrDiskFull: there is no room on the file system.
	ErrDiskFull = errors.New("disk is full")
	// ErrRefused: what a result was computed from could not be stored.
	ErrRefused = errors.New("change was refused")
	// ErrFailed: a sync failed, and nothing can be stored until the process
	// has been started again.
	ErrFailed = errors.New("store failed")
	// ErrLocked: another process uses the folder.
	ErrLocked = errors.New("data folder is in use")
	// ErrFormat: a file was written by a newer program.
	ErrFormat = errors.New("unknown file format")
	// ErrDamaged: a file does not hold what was written to it.
	ErrDamaged = errors.New("damaged")
)

// Store is an open data folder. Its methods may be called by any goroutine.
type Store struct {
	dir     string
	kinds   [256]*KindSpec
	watches [256]*watch
	o       Options
	hooks   *hooks
	lock    *os.File

	clock    clock
	table    table
	queue    queue
	journal  journal
	state    *stateFile
	receipts receipts
	mark     receiptMark
	counters counters
	horizon  horizon
	lag      lag
	pool     sync.Pool

	// gate is held, shared, by every open Tx; a failed batch is undone only
	// while there is none.
	gate       sync.RWMutex
	closed     atomic.Bool
	failed     atomic.Pointer[downError]
	anyRefused atomic.Bool

	overdue overdue
	trouble trouble

	teller        teller
	tell          chan told
	spares        chan []*Tx
	tellerDone    chan struct{}
	closing       chan struct{}
	committerDone chan struct{}
	aside         chan func() // what the committer does between two batches
	snapshots     snapshots
	snapshotsDone chan struct{}
	lastPass      error
}

type downError struct{ err error }

// broken says why nothing can be written any more, if so.
func (s *Store) broken() error {
	if f := s.failed.Load(); f != nil {
		return f.err
	}
	return nil
}

// down says why nobody may ask the store for anything any more, if so.
func (s *Store) down() error {
	if err := s.broken(); err != nil {
		return err
	}
	if s.closed.Load() {
		return ErrClosed
	}
	return nil
}

// Open opens the data folder, or makes it: it locks it against other
// processes, reads the journal from where the snapshot file ends, and is ready
// when everything that was ever acknowledged is there again. A file that is
// damaged, missing or newer than this program is an error that names it; the
// folder is then as it was before.
func Open(dir string, kinds map[Kind]KindSpec, o Options) (*Store, error) {
	o.fill()
	s := &Store{dir: dir, o: o}
	s.hooks = &s.o.hooks
	for k, spec := range kinds {
		if spec.Name == "" || spec.Decode == nil || spec.Apply == nil {
			return nil, fmt.Errorf("store: kind %d is not completely specified", k)
		}
		s.kinds[k] = &spec
		if spec.Watched {
			s.watches[k] = &watch{seed: maphash.MakeSeed()}
		}
	}
	s.clock.now = o.Clock
	s.table.init()
	s.queue.init(&s.o)
	s.receipts.init()
	s.counters.init()
	s.pool.New = func() any { return new(Tx) }
	s.snapshots.wake, s.snapshots.limit = make(chan struct{}, 1), fewestEntities
	s.journal.dir = filepath.Join(dir, "journal")
	s.journal.size, s.journal.delay, s.journal.hooks = o.SegmentSize, o.SyncDelay, s.hooks
	s.journal.now = s.clock.last.Load
	s.journal.spare.init(s.journal.dir)

	if err := noBackup(dir); err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	if err := makeDir(s.journal.dir); err != nil {
		return nil, fmt.Errorf("store: data folder: %w", usable(dir, s.unfinished(err)))
	}
	var err error
	if s.lock, err = lockDir(dir); err != nil {
		return nil, fmt.Errorf("store: %w", usable(dir, s.unfinished(err)))
	}
	if name := remoteName(dir); name != "" {
		o.Logger.Warn("the data folder is on a file system on which neither locks nor syncs can be relied on; make sure that no other machine uses it, or move data_dir to a local disk", "data_dir", dir, "file_system", name)
	}
	err = unfinishedRestore(dir)
	if err == nil {
		err = s.recover()
	}
	if err != nil {
		s.closeFiles()
		return nil, fmt.Errorf("store: %w", usable(dir, s.unfinished(err)))
	}
	s.start()
	return s, nil
}

func (s *Store) start() {
	s.tell = make(chan told, 4)
	s.spares = make(chan []*Tx, 4)
	s.tellerDone = make(chan struct{})
	s.closing = make(chan struct{})
	s.committerDone = make(chan struct{})
	s.aside = make(chan func())
	s.snapshotsDone = make(chan struct{})
	go func() {
		defer close(s.tellerDone)
		s.tellLoop()
	}()
	go func() {
		defer close(s.committerDone)
		s.commitLoop()
	}()
	go s.snapshotLoop()
	go s.spareLoop()
}

// Close stops taking changes, waits for open Txs to end, brings to disk what
// was accepted, tells of it, and writes a snapshot, so that the next Open is
// quick. It gives the error for which that could not be done completely, one of
// ErrDiskFull when all that is wrong is that there is no room for the snapshot;
// what was acknowledged is safe in any case.
func (s *Store) Close() error {
	s.gate.Lock()
	if s.closed.Swap(true) {
		s.gate.Unlock()
		<-s.tellerDone
		<-s.snapshotsDone
		return nil
	}
	s.gate.Unlock()
	s.queue.mu.Lock()
	if s.queue.room != nil {
		close(s.queue.room)
		s.queue.room = nil
	}
	s.queue.mu.Unlock()
	close(s.closing)
	<-s.committerDone
	<-s.tellerDone
	<-s.snapshotsDone
	<-s.journal.spare.done
	err := s.broken()
	if err == nil {
		s.overdue.journal.start()
		err = s.unfinished(s.lastPass, s.journal.finish())
		s.overdue.journal.stop()
	}
	return errors.Join(err, s.closeFiles())
}

// unfinished is what Open and Close say of what could not be written: where all
// that is wrong is that there is no room, it is ErrDiskFull and says what to do.
func (s *Store) unfinished(errs ...error) error {
	var noRoom error
	for _, err := range errs {
		if err != nil && (fatal(err) || !full(err)) {
			return errors.Join(errs...)
		}
		if noRoom == nil && err != nil {
			noRoom = s.noRoomLeft(err)
		}
	}
	return noRoom
}

// closeFiles closes whatever is open and lets go of the folder.
func (s *Store) closeFiles() error {
	var errs []error
	if s.journal.db != nil {
		errs = append(errs, s.journal.db.Close())
	}
	if s.state != nil {
		errs = append(errs, s.state.close())
	}
	if s.lock != nil {
		errs = append(errs, s.lock.Close())
	}
	return errors.Join(errs...)
}
