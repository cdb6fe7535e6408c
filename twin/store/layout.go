package store

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
)

// layout is where the files of a data folder are, or of a backup.
type layout struct {
	state    string
	segments []string // in the order of their names
	others   []string // what is in the journal's folder and is no segment
	half     []string // half made files
	backup   *Manifest
}

// layoutOf looks for the files. What has nothing of a data folder nor of a
// backup is an error, so that a mistyped name is not taken for one in good
// order.
func layoutOf(dir string) (l layout, err error) {
	m, err := ReadManifest(dir)
	if err == nil {
		l.backup, l.state = &m, filepath.Join(dir, m.State.File)
		for i := range m.Segments {
			l.segments = append(l.segments, filepath.Join(dir, m.Segments[i].file()))
		}
		return l, nil
	}
	if !errors.Is(err, os.ErrNotExist) {
		return l, err
	}
	if _, err := os.Stat(dir); err != nil {
		return l, err
	}
	if err := unfinishedRestore(dir); err != nil {
		return l, err
	}
	l.state = filepath.Join(dir, stateName)
	journal := filepath.Join(dir, "journal")
	names, err := os.ReadDir(journal)
	if errors.Is(err, os.ErrNotExist) {
		if !exists(l.state) {
			return l, fmt.Errorf("%s is no data folder and no backup: it has neither %s nor journal: name another one by --data-dir", dir, stateName)
		}
	} else if err != nil {
		return l, err
	}
	if half := l.state + temporarySuffix; exists(half) {
		l.half = append(l.half, half)
	}
	for _, n := range names {
		path := filepath.Join(journal, n.Name())
		switch _, err := segmentFirst(n.Name()); {
		case filepath.Ext(path) == temporarySuffix:
			l.half = append(l.half, path)
		case err != nil:
			l.others = append(l.others, path)
		default:
			l.segments = append(l.segments, path)
		}
	}
	slices.Sort(l.segments)
	return l, nil
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// files gives the segments with what their names and sizes say. One that is not
// there, though a backup should have it, is not given.
func (l *layout) files() (list []sealed, missing []string, err error) {
	for _, path := range l.segments {
		size, err := fileSize(path)
		if errors.Is(err, os.ErrNotExist) {
			missing = append(missing, path)
			continue
		}
		if err != nil {
			return nil, nil, err
		}
		first, err := segmentFirst(filepath.Base(path))
		if err != nil {
			return nil, nil, err
		}
		list = append(list, sealed{path: path, first: first, size: size})
	}
	for i := range list[:max(len(list)-1, 0)] {
		list[i].last = list[i+1].first - 1
	}
	return list, missing, nil
}
