package store

import (
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
)

// Compacted says what Compact has given back, in bytes of the files' sizes.
type Compacted struct {
	StateBefore   int64 `json:"state_before"`
	StateAfter    int64 `json:"state_after"`
	JournalBefore int64 `json:"journal_before"`
	JournalAfter  int64 `json:"journal_after"`
}

// compactFill is how full Compact makes the pages of state.db: fuller ones would
// be split by the next changes.
const compactFill = 0.9

// Compact gives back what files of a data folder that nobody uses do not need:
// state.db is written anew without its holes, sealed segments are cut off
// behind what they use, and half made files are removed. Whenever it is
// stopped, the folder is as it was or as it will be. A folder in which it comes
// upon damage stays as it is; the error names that.
func Compact(dir string, kinds map[Kind]KindSpec, watch Watch) (is Compacted, err error) {
	l, err := layoutOf(dir)
	if err != nil {
		return is, fmt.Errorf("store: %w", err)
	}
	if l.backup != nil {
		return is, fmt.Errorf("store: compact: %s is a backup, which stays as it is", dir)
	}
	lock, err := lockDir(dir)
	if err != nil {
		return is, fmt.Errorf("store: %w", err)
	}
	defer lock.Close()
	c := compacting{dir: dir, watch: watch}
	for k, spec := range kinds {
		c.kinds[k] = &spec
	}
	if err := c.run(); err != nil {
		return c.is, fmt.Errorf("store: compact: %w", err)
	}
	return c.is, nil
}

type compacting struct {
	dir         string
	kinds       [256]*KindSpec
	watch       Watch
	is          Compacted
	done, total int64
}

func (c *compacting) run() error {
	list, err := listSegments(filepath.Join(c.dir, "journal"))
	if err != nil {
		return err
	}
	path := filepath.Join(c.dir, stateName)
	if c.is.StateBefore, err = fileSize(path); err != nil {
		return err
	}
	c.total = 2 * c.is.StateBefore
	if _, err := checkState(path, &c.kinds, math.MaxInt64); err != nil {
		return fmt.Errorf("%s: %w: \"store verify\" says more", path, err)
	}
	c.progress(path, c.is.StateBefore)
	if err := c.rewrite(path); err != nil {
		return err
	}
	if c.is.StateAfter, err = fileSize(path); err != nil {
		return err
	}
	for i, seg := range list {
		c.is.JournalBefore += seg.size
		// The last one would only be grown again.
		if i < len(list)-1 {
			if err := cutOff(seg.path); err != nil {
				return err
			}
		}
		size, err := fileSize(seg.path)
		if err != nil {
			return err
		}
		c.is.JournalAfter += size
	}
	return nil
}

func (c *compacting) progress(path string, bytes int64) {
	c.done += bytes
	if c.watch.Progress != nil {
		c.watch.Progress(path, min(c.done, c.total), c.total)
	}
}

// rewrite writes state.db anew, in the order of its keys.
func (c *compacting) rewrite(path string) error {
	w, err := newStateWriter(path+temporarySuffix, &c.kinds)
	if err != nil {
		return err
	}
	meta, err := c.copyEntries(path, w)
	if err != nil {
		return errors.Join(err, w.abandon())
	}
	if err := w.finish(meta); err != nil {
		return errors.Join(err, os.Remove(path+temporarySuffix))
	}
	if err := os.Rename(path+temporarySuffix, path); err != nil {
		return err
	}
	return syncDir(c.dir)
}

func (c *compacting) copyEntries(path string, w *stateWriter) (stateMeta, error) {
	f, err := os.Open(path)
	if err != nil {
		return stateMeta{}, err
	}
	defer f.Close()
	p, metas, err := openPages(f, c.is.StateBefore)
	if err != nil {
		return stateMeta{}, err
	}
	look, err := p.walk(metas[0])
	if err != nil {
		return stateMeta{}, err
	}
	written := int64(0)
	s := stateCheck{walk: look, kinds: &c.kinds, whole: true}
	s.raw = func(bucket, key, entry []byte) error {
		if n := int64(len(key) + len(entry)); written/(16<<20) != (written+n)/(16<<20) {
			c.progress(path, 16<<20)
		}
		written += int64(len(key) + len(entry))
		return w.put(bucket, key, entry, compactFill)
	}
	err = s.run()
	return s.meta, err
}

// cutOff gives back what a sealed segment does not use of its file.
func cutOff(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	size, err := fileSize(path)
	if err != nil {
		return err
	}
	p, metas, err := openPages(f, size)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	// A file never uses less than it did.
	if used := int64(metas[0].pages) * p.page; used < size {
		return errors.Join(f.Truncate(used), f.Sync())
	}
	return nil
}
