package store

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// manifestFormat is the format version of a backup.
const manifestFormat = 1

const manifestName = "manifest.json"

// Manifest says what a backup consists of: a folder with
//
//	manifest.json                         this
//	segments/00000000000000000001.db      the journal's segments
//	open-…/00000000000000000002.db        one that was still being written
//	state-00000000000000000001.db         a snapshot file, named by what it covers
//	lock                                  which process is at it
//	*.tmp                                 half made; removed by the next backup
//
// The files are those of a data folder, but their names keep a broker from
// running on it. What the manifest does not name is no part of the backup.
type Manifest struct {
	Format int `json:"format"`
	// Made is when the backup was finished.
	Made time.Time `json:"made"`
	// Sequence is the number of the last record in it, and Time when that was
	// written; zero if no journal was left to copy.
	Sequence uint64    `json:"sequence"`
	Time     time.Time `json:"time,omitzero"`
	// Mark tells that record from another store's of the same number.
	Mark     string          `json:"mark,omitempty"`
	State    *BackupState    `json:"state"`
	Segments []BackupSegment `json:"segments"`
}

// BackupState describes the snapshot file of a backup.
type BackupState struct {
	File    string `json:"file"`
	Size    int64  `json:"size"`
	Covered uint64 `json:"covered"` // the journal is needed from the number after this
	SHA256  string `json:"sha256"`
}

// Bytes is what the backup's files take.
func (m *Manifest) Bytes() int64 {
	var n int64
	if m.State != nil {
		n = m.State.Size
	}
	for i := range m.Segments {
		n += m.Segments[i].Size
	}
	return n
}

// ReadManifest reads the manifest of a backup. The error wraps os.ErrNotExist
// if there is none.
func ReadManifest(dir string) (Manifest, error) {
	var m Manifest
	path := filepath.Join(dir, manifestName)
	text, err := os.ReadFile(path)
	if err != nil {
		return m, err
	}
	if err := json.Unmarshal(text, &m); err != nil {
		return m, fmt.Errorf("%s: %w: %w", path, ErrDamaged, err)
	}
	if m.Format > manifestFormat {
		return m, fmt.Errorf("%s: %w: the backup has format %d, this program knows formats up to %d: use the newer program", path, ErrFormat, m.Format, manifestFormat)
	}
	if err := m.check(); err != nil {
		return m, fmt.Errorf("%s: %w", path, err)
	}
	return m, nil
}

// check says whether the parts of a backup make a whole.
func (m *Manifest) check() error {
	if m.Format < 1 || m.State == nil || filepath.Base(m.State.File) != m.State.File {
		return fmt.Errorf("%w: it does not say what the backup consists of", ErrDamaged)
	}
	reached := m.State.Covered
	for i := range m.Segments {
		s := &m.Segments[i]
		if i == 0 && s.Before > m.State.Covered {
			return fmt.Errorf("%w: the snapshot covers the journal up to record %d, the first segment begins after %d", ErrDamaged, m.State.Covered, s.Before)
		}
		if i > 0 && s.Before != m.Segments[i-1].Last || s.Last < s.First || s.Before >= s.First {
			return fmt.Errorf("%w: segment %s does not follow the one before", ErrDamaged, s.name())
		}
		reached = s.Last
	}
	if reached != m.Sequence || m.State.Covered > m.Sequence {
		return fmt.Errorf("%w: it ends with record %d instead of %d", ErrDamaged, reached, m.Sequence)
	}
	return nil
}

// write puts the manifest into the folder, in one step.
func (m *Manifest) write(dir string) error {
	text, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return err
	}
	path := filepath.Join(dir, manifestName)
	f, err := os.OpenFile(path+temporarySuffix, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(append(text, '\n'))
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := os.Rename(path+temporarySuffix, path); err != nil {
		return err
	}
	return syncDir(dir)
}

// noBackup refuses to use a backup as a data folder: it would be neither any
// more.
func noBackup(dir string) error {
	if exists(filepath.Join(dir, manifestName)) {
		return fmt.Errorf("%s is a backup, as its %s says, and stays as it is: make a data folder of it with \"store restore\"", dir, manifestName)
	}
	return nil
}
