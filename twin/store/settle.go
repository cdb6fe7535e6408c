package store

import (
	"errors"
	"fmt"
	"os"
)

// settle makes sure that the segment which is going to be written holds what
// was acknowledged, before anything is taken from it. When its newest state is
// not whole, that is what a loss of power leaves in the middle of a commit
// (see the package's documentation), and the state before it is the truth. So
// it is taken if it is whole, and if nothing says that the newest one had been
// acknowledged. Otherwise it is damage, and the file stays as it is.
func (s *Store) settle(seg *sealed, meta stateMeta) error {
	if err := s.settleFile(seg, meta); err != nil {
		return fmt.Errorf("%s: %w", seg.path, err)
	}
	return nil
}

func (s *Store) settleFile(seg *sealed, meta stateMeta) error {
	f, err := os.Open(seg.path)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if info.Size() == 0 {
		return fmt.Errorf("%w: the file is empty", ErrDamaged)
	}
	pages, metas, err := openPages(f, info.Size())
	if err != nil {
		return err
	}
	newest, damage := pages.verify(metas[0], seg.first)
	if damage == nil && len(metas) < 2 {
		return s.settleHalf(seg, newest, pages, metas[0], meta)
	}
	if damage == nil || !errors.Is(damage, ErrDamaged) || s.hooks.noFallback {
		return damage
	}
	if len(metas) < 2 || metas[1].txid+1 != metas[0].txid {
		return damage
	}
	older, err := pages.verify(metas[1], seg.first)
	if err != nil {
		return damage
	}
	last := older.last
	if last == 0 {
		last = seg.first - 1
	}
	known, err := s.state.newest(meta, &s.kinds)
	if err != nil {
		return err
	}
	if known > last {
		return fmt.Errorf("%w; without its last transaction it would end with record %d, but %s knows of record %d: restore a backup", damage, last, s.state.path, known)
	}
	if err := wipe(seg.path, metas[0].at, pages.page); err != nil {
		return err
	}
	attrs := []any{"file", seg.path, "transaction", metas[0].txid, "cause", damage, "kept", last}
	if newest.last > last {
		attrs = append(attrs, "given_up_from", last+1, "given_up_to", newest.last)
	} else if newest.last == 0 {
		attrs = append(attrs, "given_up_from", last+1)
	}
	s.o.Logger.Warn("the journal's last commit was not finished when the power failed; it is given up, nobody was told that it was stored", attrs...)
	return nil
}

// settleHalf is for a file with one valid meta page. What stands in the place
// of the other one may have been the newest, so nothing may be known of a
// record that the one which is left does not have.
func (s *Store) settleHalf(seg *sealed, kept ending, pages *pageFile, m metaPage, meta stateMeta) error {
	last := max(kept.last, seg.first-1)
	known, err := s.state.newest(meta, &s.kinds)
	if err != nil {
		return err
	}
	if known > last {
		return fmt.Errorf("%w: one of its meta pages is not valid; by the other one it ends with record %d, but %s knows of record %d: restore a backup, or save what there is by \"store verify --repair\"", ErrDamaged, last, s.state.path, known)
	}
	if other := make([]byte, pages.page); pages.read(other, pages.page-m.at) == nil && !allZero(other) {
		s.o.Logger.Warn("a meta page of the journal's last segment is not valid, as a loss of power in the middle of a commit leaves it; if there was none, the disk is damaging files, and the last commit may be missing",
			"file", seg.path, "kept", last)
	}
	return nil
}

func allZero(text []byte) bool {
	for _, b := range text {
		if b != 0 {
			return false
		}
	}
	return true
}

// wipe makes a meta page invalid for good, so that bbolt takes the other one.
func wipe(path string, at, size int64) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteAt(make([]byte, size), at)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}
