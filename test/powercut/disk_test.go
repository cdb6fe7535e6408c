package powercut

import (
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// run makes a disk of a trace of files below /d. In the text, w is a write of a
// whole page of that letter.
func run(t *testing.T, text string) *disk {
	t.Helper()
	var tr trace
	if err := tr.read(strings.NewReader(strings.TrimSuffix(text, "\n") + "\n")); err != nil {
		t.Fatal(err)
	}
	d := newDisk("/d")
	for _, m := range tr.moments {
		if err := d.apply(m); err != nil {
			t.Fatal(err)
		}
	}
	return d
}

func opened(name string, fd int) string {
	return fmt.Sprintf("1 openat(AT_FDCWD</>, \"/d/%s\", O_RDWR|O_CREAT|O_CLOEXEC, 0600) = %d</d/%s>\n", name, fd, name)
}

func written(fd int, letter string, page int) string {
	return fmt.Sprintf("1 pwrite64(%d</d/f>, \"%s\", 4096, %d) = 4096\n", fd, strings.Repeat(letter, pageSize), page*pageSize)
}

const (
	folderSynced = "1 openat(AT_FDCWD</>, \"/d\", O_RDONLY|O_CLOEXEC) = 9</d>\n1 fsync(9</d>) = 0\n1 close(9</d>) = 0\n"
	synced       = "1 fdatasync(3</d/f>) = 0\n"
)

// images are all that is left of a disk in many images: the files' names, and
// of each sector its first letter.
func images(t *testing.T, d *disk, e extent) []string {
	t.Helper()
	found := make(map[string]bool)
	room := t.TempDir()
	for seed := range uint64(100) {
		m := &image{frozen: d.freeze(), random: rand.New(rand.NewPCG(seed, 0)), extent: e,
			sealed: &sealed{dir: room, has: make(map[string]bool)}}
		dir := filepath.Join(room, fmt.Sprint("image", seed))
		if err := m.write(dir); err != nil {
			t.Fatal(err)
		}
		if m.garbage {
			continue
		}
		var all []string
		err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() {
				return err
			}
			text, err := os.ReadFile(path)
			sectors := ""
			for at := 0; at < len(text); at += sectorSize {
				sectors += strings.ReplaceAll(string(text[at:at+1]), "\x00", ".")
			}
			all = append(all, entry.Name()+"="+sectors)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		found[strings.Join(all, " ")] = true
	}
	return slices.Sorted(maps.Keys(found))
}

func TestWhatIsSyncedStays(t *testing.T) {
	d := run(t, opened("f", 3)+written(3, "a", 0)+synced+folderSynced+written(3, "b", 0))
	if got := images(t, d, nothing); !slices.Equal(got, []string{"f=aaaaaaaa"}) {
		t.Errorf("with nothing that is not synced: %v", got)
	}
	if got := images(t, d, all); !slices.Equal(got, []string{"f=bbbbbbbb"}) {
		t.Errorf("with all that is not synced: %v", got)
	}
	got := images(t, d, some)
	for _, want := range []string{"f=aaaaaaaa", "f=bbbbbbbb"} {
		if !slices.Contains(got, want) {
			t.Errorf("no image is %s: %v", want, got)
		}
	}
	if len(got) < 20 {
		t.Errorf("sectors are not torn: %v", got)
	}
}

func TestASyncIsForWhatWasOverBefore(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"the sync has not come back", "1 fdatasync(3</d/f> <unfinished ...>", "f="},
		{"the write began during the sync", "1 fdatasync(3</d/f> <unfinished ...>\n2 pwrite64(3</d/f>, \"" + strings.Repeat("b", pageSize) + "\", 4096, 4096) = 4096\n1 <... fdatasync resumed>) = 0", "f=aaaaaaaa"},
		{"the write ended during the sync", "2 pwrite64(3</d/f>, \"" + strings.Repeat("b", pageSize) + "\", 4096, 4096 <unfinished ...>\n1 fdatasync(3</d/f> <unfinished ...>\n2 <... pwrite64 resumed>) = 4096\n1 <... fdatasync resumed>) = 0", "f=aaaaaaaa"},
		{"the sync is of the file, not of its name", synced, "f=aaaaaaaa"},
	} {
		d := run(t, opened("f", 3)+folderSynced+written(3, "a", 0)+c.text)
		if got := images(t, d, nothing); !slices.Equal(got, []string{c.want}) {
			t.Errorf("%s: %v, want %s", c.name, got, c.want)
		}
	}
}

func TestNamesAreDurableWithTheirFolder(t *testing.T) {
	rename := "1 renameat(AT_FDCWD</>, \"/d/f\", AT_FDCWD</>, \"/d/g\") = 0\n"
	remove := "1 unlinkat(AT_FDCWD</>, \"/d/f\", 0) = 0\n"
	for _, c := range []struct {
		name, text string
		want       []string
	}{
		{"made", opened("f", 3) + written(3, "a", 0) + synced, []string{"", "f=aaaaaaaa"}},
		{"renamed", opened("f", 3) + written(3, "a", 0) + synced + folderSynced + rename, []string{"f=aaaaaaaa", "g=aaaaaaaa"}},
		{"made and renamed", opened("f", 3) + written(3, "a", 0) + synced + rename, []string{"", "f=aaaaaaaa", "g=aaaaaaaa"}},
		{"removed", opened("f", 3) + written(3, "a", 0) + synced + folderSynced + remove, []string{"", "f=aaaaaaaa"}},
		{"a folder, made again", "1 mkdirat(AT_FDCWD</>, \"/d/x\", 0700) = 0\n1 unlinkat(AT_FDCWD</>, \"/d/x\", AT_REMOVEDIR) = 0\n1 mkdirat(AT_FDCWD</>, \"/d/x\", 0700) = 0\n" + opened("x/f", 3), []string{"", "f="}},
		{"removed for good", opened("f", 3) + written(3, "a", 0) + synced + folderSynced + remove + folderSynced, []string{""}},
	} {
		if got := images(t, run(t, c.text), some); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

func TestAFileChangesItsSizeAtAnyTime(t *testing.T) {
	begun := opened("f", 3) + written(3, "a", 0) + written(3, "b", 1) + synced + folderSynced
	for _, c := range []struct {
		name, text string
		want       []string
	}{
		{"cut off", "1 ftruncate(3</d/f>, 4096) = 0\n", []string{"f=aaaaaaaa", "f=aaaaaaaabbbbbbbb"}},
		{"cut off and grown again", "1 ftruncate(3</d/f>, 4096) = 0\n1 ftruncate(3</d/f>, 8192) = 0\n", []string{"f=aaaaaaaa", "f=aaaaaaaa........", "f=aaaaaaaabbbbbbbb"}},
		{"given room", "1 fallocate(3</d/f>, 0, 8192, 512) = 0\n", []string{"f=aaaaaaaabbbbbbbb", "f=aaaaaaaabbbbbbbb."}},
		{"cut off by its name", "1 truncate(\"/d/f\", 0) = 0\n" + synced, []string{"f="}},
	} {
		if got := images(t, run(t, begun+c.text), some); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

func TestWhatTheModelDoesNotKnowIsAnError(t *testing.T) {
	for _, text := range []string{
		"1 mmap(NULL, 4096, PROT_READ|PROT_WRITE, MAP_SHARED, 3</d/f>, 0) = 0x7fdd04000000",
		"1 write(3</d/f>, \"x\", 1) = 1",
		"1 fallocate(3</d/f>, FALLOC_FL_PUNCH_HOLE, 0, 512) = 0",
		"1 dup(3</d/f>) = 4</d/f>",
	} {
		var tr trace
		if err := tr.read(strings.NewReader(opened("f", 3) + text + "\n")); err != nil {
			t.Fatal(err)
		}
		d := newDisk("/d")
		if err := d.apply(tr.moments[0]); err != nil {
			t.Fatal(err)
		}
		if err := d.apply(tr.moments[1]); err == nil {
			t.Errorf("%s: the model takes it", text)
		}
	}
}
