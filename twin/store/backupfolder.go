package store

import (
	"archive/tar"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// BackupOptions say how a backup is taken.
type BackupOptions struct {
	// Prune removes segments that the store itself has deleted. Without it
	// they stay: the backup's history then reaches further back.
	Prune bool
	// Progress is told now and then how far it is: nil.
	Progress func(Progress)
}

// Progress is how far something is that takes its time.
type Progress struct {
	Step        string // what is being done
	Done, Total int64  // bytes; the total may be a guess
}

// BackupReport says what came of a backup.
type BackupReport struct {
	Manifest
	Copied   int   // segments that were copied
	Snapshot bool  // whether the snapshot was
	Bytes    int64 // of what was copied
	Removed  int   // segments that are no part of it any more
}

// TakeBackup brings the backup in the folder, which is made where it is not
// there, up to date with what source gives, the stream of Store.Backup for
// somebody who has that already. What it takes is verified before it counts,
// and counts only when all of it is there: until then the folder holds the
// backup that it held before. A folder with anything else in it is refused.
func TakeBackup(ctx context.Context, dir string, source func(have Manifest) (io.ReadCloser, error), o BackupOptions) (BackupReport, error) {
	b := &backupFolder{dir: dir, o: o}
	report, err := b.take(ctx, source)
	if err != nil {
		return report, fmt.Errorf("backup to %s: %w", dir, err)
	}
	return report, nil
}

// backupFolder is the folder of a backup while it is being written.
type backupFolder struct {
	dir    string
	o      BackupOptions
	have   Manifest
	state  *stateBuilder
	offer  backupOffer
	report BackupReport
	done   int64
}

func (b *backupFolder) take(ctx context.Context, source func(Manifest) (io.ReadCloser, error)) (BackupReport, error) {
	if err := b.check(); err != nil {
		return b.report, err
	}
	if err := os.MkdirAll(filepath.Join(b.dir, segmentsDir), 0o700); err != nil {
		return b.report, err
	}
	lock, err := lockDir(b.dir)
	if err != nil {
		if errors.Is(err, ErrLocked) {
			err = errors.New("another process is writing a backup there")
		}
		return b.report, err
	}
	defer lock.Close()
	if err := b.look(); err != nil {
		return b.report, err
	}
	in, err := source(b.have)
	if err != nil {
		return b.report, err
	}
	defer in.Close()
	stop := context.AfterFunc(ctx, func() { in.Close() })
	defer stop()
	m, err := b.read(tar.NewReader(in))
	if b.state != nil {
		b.state.abandon()
	}
	if err == nil {
		err = m.check()
	}
	if err == nil {
		err = m.write(b.dir)
	}
	if ctx.Err() != nil {
		err = ctx.Err()
	}
	if err != nil {
		return b.report, err
	}
	b.report.Manifest = m
	return b.report, b.sweep(&m)
}

// check makes sure that nothing else is in the folder.
func (b *backupFolder) check() error {
	names, err := os.ReadDir(b.dir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	for _, n := range names {
		name := n.Name()
		switch {
		case name == manifestName, name == segmentsDir, name == lockName, name == "lost+found",
			strings.HasPrefix(name, "state-"), strings.HasPrefix(name, openPrefix), strings.HasSuffix(name, temporarySuffix):
		default:
			return fmt.Errorf("there is %q in it, which is no part of a backup: choose an empty folder", name)
		}
	}
	return nil
}

// look finds out what the folder has. What an earlier attempt copied before it
// was broken off does not count.
func (b *backupFolder) look() (err error) {
	b.have, err = ReadManifest(b.dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}

// read takes the stream in and gives the manifest of the backup that the
// folder then holds.
func (b *backupFolder) read(t *tar.Reader) (m Manifest, err error) {
	var j backupJournal
	for {
		h, err := t.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return m, err
		}
		switch {
		case h.Name == offerName:
			err = b.readOffer(t)
		case h.Name == receiptsName || strings.HasPrefix(h.Name, kindPrefix):
			err = b.readState(h, t)
		case h.Name == journalName:
			if err = json.NewDecoder(t).Decode(&j); err == nil {
				err = b.finishState(&m)
			}
		case strings.HasPrefix(h.Name, segmentsDir+"/"):
			err = b.readSegment(strings.TrimPrefix(h.Name, segmentsDir+"/"), t, &j)
		default:
			err = fmt.Errorf("the broker sends %q, which this program does not know: use the same version for both", h.Name)
		}
		if err != nil {
			return m, err
		}
	}
	if m.State == nil {
		return m, errors.New("the broker ended too early")
	}
	m.Format, m.Sequence, m.Mark, m.Made = manifestFormat, j.Sequence, j.Mark, time.Now().UTC()
	m.Segments, err = b.join(&j, m.State.Covered)
	if n := len(m.Segments); n > 0 {
		m.Time = m.Segments[n-1].To
	}
	return m, err
}

func (b *backupFolder) readOffer(r io.Reader) (err error) {
	if err := json.NewDecoder(r).Decode(&b.offer); err != nil {
		return err
	}
	if b.offer.State != nil {
		b.state, err = newStateBuilder(filepath.Join(b.dir, stateName+temporarySuffix))
	}
	return err
}

// readState takes over a part of the snapshot.
func (b *backupFolder) readState(h *tar.Header, r io.Reader) error {
	if b.state == nil {
		return fmt.Errorf("the broker sends %q unasked", h.Name)
	}
	part, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	b.progress("snapshot", int64(len(part)))
	if h.Name == receiptsName {
		return b.state.putReceipts(part)
	}
	if _, err := b.state.bucket([]byte(h.Name)); err != nil { // also of a kind that has no entries
		return err
	}
	return eachEntry(part, func(key, entry []byte) error { return b.state.put(h.Name, string(key), entry) })
}

// finishState completes the snapshot, or takes the one that is there.
func (b *backupFolder) finishState(m *Manifest) error {
	if b.state == nil {
		m.State = b.have.State
		return nil
	}
	err := b.state.finish(*b.offer.State)
	if err != nil {
		return err
	}
	b.state = nil
	s := &BackupState{Covered: b.offer.State.Covered}
	s.File = fmt.Sprintf("state-%020d%s", s.Covered, segmentSuffix)
	path := filepath.Join(b.dir, s.File)
	if err := os.Rename(filepath.Join(b.dir, stateName+temporarySuffix), path); err != nil {
		return err
	}
	if s.Size, s.SHA256, err = hashFile(path); err != nil {
		return err
	}
	b.report.Snapshot = true
	b.report.Bytes += s.Size
	m.State = s
	return syncDir(b.dir)
}

// readSegment writes a segment down and verifies it.
func (b *backupFolder) readSegment(name string, r io.Reader, j *backupJournal) error {
	var d *BackupSegment
	for i := range j.Segments {
		if j.Segments[i].name() == name {
			d = &j.Segments[i]
		}
	}
	if d == nil {
		return fmt.Errorf("the broker sends the segment %q without having said what it is", name)
	}
	path := filepath.Join(b.dir, d.file())
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	w, err := newCopyTo(path + temporarySuffix)
	if err != nil {
		return err
	}
	w.told = func(n int) { b.progress("journal", int64(n)) }
	_, err = io.Copy(w, r)
	if d.SHA256, err = w.finish(err); err != nil {
		return err
	}
	if err := verifySegment(path+temporarySuffix, d); err != nil {
		return err
	}
	if err := os.Rename(path+temporarySuffix, path); err != nil {
		return err
	}
	b.report.Copied++
	b.report.Bytes += d.Size
	return errors.Join(syncDir(filepath.Dir(path)), syncDir(b.dir))
}

// join puts the segments that the folder had and those of the store in order.
// Older ones that the store does not have any more stay as long as they lead
// up to its own.
func (b *backupFolder) join(j *backupJournal, covered uint64) ([]BackupSegment, error) {
	list, before := j.Segments, j.Sequence
	had := make(map[uint64]*BackupSegment)
	for i := range b.have.Segments {
		had[b.have.Segments[i].First] = &b.have.Segments[i]
	}
	for i := range list {
		if i == 0 {
			before = list[i].Before
		}
		if old := had[list[i].First]; list[i].SHA256 == "" && old != nil && old.sameAs(&list[i]) {
			list[i].SHA256, list[i].Open = old.SHA256, old.Open
		}
		if list[i].SHA256 == "" {
			return nil, fmt.Errorf("the broker did not send the segment %s", list[i].name())
		}
	}
	for i := len(b.have.Segments) - 1; i >= 0; i-- {
		old := b.have.Segments[i]
		if len(list) > 0 && old.First >= list[0].First {
			continue
		}
		if old.Last != before || b.o.Prune && old.Last <= covered {
			b.report.Removed += i + 1
			break
		}
		list = append([]BackupSegment{old}, list...)
		before = old.Before
	}
	return list, nil
}

// sweep removes what the manifest does not name.
func (b *backupFolder) sweep(m *Manifest) error {
	named := map[string]bool{m.State.File: true}
	for i := range m.Segments {
		named[m.Segments[i].file()] = true
	}
	err := filepath.WalkDir(b.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(b.dir, path)
		if ext := filepath.Ext(name); err != nil || d.IsDir() || ext != segmentSuffix && ext != temporarySuffix || named[name] {
			return err
		}
		if err := os.Remove(path); err != nil {
			return err
		}
		if dir := filepath.Dir(name); strings.HasPrefix(dir, openPrefix) {
			return os.Remove(filepath.Dir(path))
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("the backup is complete, but what is no part of it any more cannot be removed: %w", err)
	}
	return nil
}

func (b *backupFolder) progress(step string, n int64) {
	b.done += n
	if b.o.Progress != nil {
		b.o.Progress(Progress{step, b.done, max(b.offer.Bytes, b.done)})
	}
}

// copyTo is a file that is being written: it is synced in small steps, so that
// whoever else waits for the disk does not wait for long, and its SHA-256 is
// taken on the way.
type copyTo struct {
	f        *os.File
	sum      hash.Hash
	unsynced int
	told     func(n int)
}

const copyStep = 4 << 20

func newCopyTo(path string) (*copyTo, error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, err
	}
	return &copyTo{f: f, sum: sha256.New()}, nil
}

func (c *copyTo) Write(p []byte) (int, error) {
	n, err := c.f.Write(p)
	c.sum.Write(p[:n])
	if c.unsynced += n; err == nil && c.unsynced >= copyStep {
		c.unsynced = 0
		err = c.f.Sync()
	}
	if c.told != nil {
		c.told(n)
	}
	return n, err
}

// finish brings the file to disk and gives its checksum, unless err says that
// it is not complete.
func (c *copyTo) finish(err error) (string, error) {
	if err == nil {
		err = c.f.Sync()
	}
	return hex.EncodeToString(c.sum.Sum(nil)), errors.Join(err, c.f.Close())
}

// hashFile reads a file and gives its size and SHA-256.
func hashFile(path string) (int64, string, error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, "", err
	}
	defer f.Close()
	sum := sha256.New()
	n, err := io.Copy(sum, f)
	return n, hex.EncodeToString(sum.Sum(nil)), err
}
