package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"
)

// RestoreOptions say what is restored of a backup. The zero value is all of it.
type RestoreOptions struct {
	// Until and UntilSequence restore an earlier moment: what was changed up
	// to that time, or by the records up to that number. One of them at most.
	Until         time.Time
	UntilSequence uint64
	// Partial restores what can be restored, where that is not everything.
	// What cannot be is then deleted.
	Partial bool
	// Progress is told now and then how far it is: nil.
	Progress func(Progress)
}

// Lost is an entity that an earlier moment cannot be restored of: it was
// changed last before the journal begins, and then again after that moment, so
// nothing says any more what it was.
type Lost struct {
	Kind string
	ID   string
	// Changed is when a change was made that the journal does have.
	Changed time.Time
}

// RestoreReport says what came of a restore.
type RestoreReport struct {
	Sequence uint64    // the last record
	Time     time.Time // of it; zero if no journal came with the backup
	Bytes    int64     // of the backup, read
	Entities int64     // Things and Policies that exist
	Lost     []Lost    // with RestoreOptions.Partial, or beside ErrLost
}

// ErrLost: not everything can be restored as it was.
var ErrLost = errors.New("not everything can be restored")

// restoreName is the folder within a data folder in which a restore is made.
// It is there until the restore is complete, and no store can be opened while
// it is.
const restoreName = "restore" + temporarySuffix

// Restore makes a data folder of a backup. The folder must be empty, or not
// there yet. Each file is compared with the manifest, each record verified, and
// the result opened, before it becomes the folder's content.
//
// An earlier moment is restored from the journal, as far back as the backup has
// that: entities get the version, with its revision and times, that was the
// newest then, and the journal up to there stays as their history. What is not
// restored are receipts of QoS 2 publishes: the clients have gone on since. The
// time of creation of an entity that has been created anew since then, and for
// the first time before the journal begins, is not known any more: it gets that
// of its oldest change that is. The error wraps ErrLost when something cannot
// be restored; nothing is left in the folder then.
func Restore(ctx context.Context, from, to string, kinds map[Kind]KindSpec, o RestoreOptions) (RestoreReport, error) {
	r := &restore{ctx: ctx, from: from, to: to, temporary: filepath.Join(to, restoreName), kinds: kinds, o: o}
	if err := r.run(); err != nil {
		return r.report, fmt.Errorf("restore %s to %s: %w", from, to, err)
	}
	return r.report, nil
}

type restore struct {
	ctx       context.Context
	from, to  string
	temporary string
	kinds     map[Kind]KindSpec
	o         RestoreOptions
	backup    Manifest
	report    RestoreReport
	step      string
	done      int64
	total     int64
}

func (r *restore) run() (err error) {
	if r.backup, err = ReadManifest(r.from); err != nil {
		if errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("there is no backup: %w", err)
		}
		return err
	}
	if err := emptyFolder(r.to); err != nil {
		return err
	}
	if err := os.MkdirAll(r.to, 0o700); err != nil {
		return err
	}
	lock, err := lockDir(r.to)
	if err != nil {
		return err
	}
	defer lock.Close()
	if err := r.clear(); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Join(r.temporary, "journal"), 0o700); err != nil {
		return err
	}
	if err := r.make(); err != nil {
		return errors.Join(err, os.RemoveAll(r.temporary))
	}
	return r.install()
}

// clear removes what a restore that was broken off has left.
func (r *restore) clear() error {
	if _, err := os.Lstat(r.temporary); err != nil {
		return nil
	}
	for _, name := range []string{"journal", stateName, restoreName} {
		if err := os.RemoveAll(filepath.Join(r.to, name)); err != nil {
			return err
		}
	}
	return syncDir(r.to)
}

// emptyFolder makes sure that nothing is in the folder, but for what a restore
// that was broken off has left.
func emptyFolder(dir string) error {
	names, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	unfinished := unfinishedRestore(dir) != nil
	for _, n := range names {
		switch n.Name() {
		case lockName, restoreName, "lost+found":
		case "journal", stateName:
			if unfinished {
				continue
			}
			fallthrough
		default:
			return fmt.Errorf("the folder is not empty, there is %q in it: give an empty one, or move what is there away", n.Name())
		}
	}
	return nil
}

// unfinishedRestore refuses a data folder that is being restored.
func unfinishedRestore(dir string) error {
	path := filepath.Join(dir, restoreName)
	if _, err := os.Lstat(path); err == nil {
		return fmt.Errorf("%s: a restore into this folder was not finished: run it again, or remove that folder to begin with no data", path)
	}
	return nil
}

// make builds the new content.
func (r *restore) make() error {
	r.total = r.backup.Bytes()
	last, err := r.journal()
	if err != nil {
		return err
	}
	// The restored store begins a segment of its own, so that those of the
	// backup stay what they are.
	dir := filepath.Join(r.temporary, "journal")
	age, err := journalAge(dir)
	if err != nil {
		return err
	}
	db, _, _, err := createSegment(dir, last+1, 1<<20, age, &spare{})
	if err != nil {
		return err
	}
	if err := db.Close(); err != nil {
		return err
	}
	return r.try(last)
}

// journal restores journal and snapshot and gives the last record's number.
func (r *restore) journal() (uint64, error) {
	if !r.o.Until.IsZero() || r.o.UntilSequence != 0 {
		w, err := r.rewind()
		if err != nil {
			return 0, err
		}
		return w.last, nil
	}
	if err := r.copy(r.backup.State.File, stateName, r.backup.State.SHA256); err != nil {
		return 0, err
	}
	for i := range r.backup.Segments {
		if err := r.copySegment(&r.backup.Segments[i]); err != nil {
			return 0, err
		}
	}
	r.report.Sequence, r.report.Time = r.backup.Sequence, r.backup.Time
	return r.backup.Sequence, nil
}

func (r *restore) copySegment(d *BackupSegment) error {
	to := filepath.Join("journal", d.name())
	if err := r.copy(d.file(), to, d.SHA256); err != nil {
		return err
	}
	return verifySegment(filepath.Join(r.temporary, to), d)
}

// copy copies a file of the backup and compares its checksum.
func (r *restore) copy(from, to, sum string) error {
	from = filepath.Join(r.from, from)
	f, err := os.Open(from)
	if err != nil {
		return err
	}
	defer f.Close()
	w, err := newCopyTo(filepath.Join(r.temporary, to))
	if err != nil {
		return err
	}
	r.step = "copying"
	w.told = r.progress
	_, err = io.Copy(w, &interruptible{r.ctx, f})
	got, err := w.finish(err)
	if err == nil && got != sum {
		err = differs(from)
	}
	return err
}

func differs(path string) error {
	return fmt.Errorf("%w: %s is not what the backup's manifest says: its SHA-256 differs; restore another backup", ErrDamaged, path)
}

// try opens the new folder as a broker would, which brings the snapshot up to
// date, and looks how far it goes.
func (r *restore) try(last uint64) error {
	r.step = "verifying"
	r.progress(0)
	s, err := Open(r.temporary, r.kinds, Options{Retention: -1})
	if err != nil {
		return err
	}
	if got := s.Stats().LastSeq; got != last {
		err = fmt.Errorf("%w: it ends with record %d, not with %d", ErrDamaged, got, last)
	}
	known, unread := s.state.newest(stateMeta{}, &s.kinds)
	if unread == nil && known > last {
		unread = fmt.Errorf("%w: %s knows of record %d, the journal ends with %d", ErrDamaged, stateName, known, last)
	}
	err = errors.Join(err, unread)
	for kind := range r.kinds {
		n := s.count(kind)
		r.report.Entities += n
	}
	return errors.Join(err, s.Close())
}

// count says how many entities of a kind exist.
func (s *Store) count(kind Kind) (n int64) {
	after := ""
	for {
		ids, err := s.Keys(kind, "", after, 10000)
		if err != nil || len(ids) == 0 {
			return n
		}
		n += int64(len(ids))
		after = ids[len(ids)-1]
	}
}

// install moves the new content to its place. The folder can be opened when the
// last step is done.
func (r *restore) install() error {
	for _, name := range []string{"journal", stateName} {
		if err := os.Rename(filepath.Join(r.temporary, name), filepath.Join(r.to, name)); err != nil {
			return err
		}
	}
	if err := syncDir(r.to); err != nil {
		return err
	}
	if err := os.RemoveAll(r.temporary); err != nil {
		return err
	}
	return syncDir(r.to)
}

func (r *restore) progress(n int) {
	r.done += int64(n)
	r.report.Bytes = r.done
	if r.o.Progress != nil {
		r.o.Progress(Progress{r.step, r.done, r.total})
	}
}
