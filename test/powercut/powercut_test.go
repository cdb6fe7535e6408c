package powercut

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twinbroker/twinbroker/test/harness"
)

var (
	points  = flag.Int("points", 0, "at how many places of a recorded run the power is cut; 0: nothing is recorded")
	changes = flag.Int64("changes", 4000, "how many changes are acknowledged in each life of the program")
	seed    = flag.Uint64("seed", 0, "of the random choices; 0: another one each time. The run itself is never the same")
)

// TestMain builds the program with the same flaw that this test is built with.
func TestMain(m *testing.M) {
	if broken == "" {
		harness.Main(m)
	}
	dir, err := os.MkdirTemp("", "twinbroker-test-")
	if err == nil {
		bin := filepath.Join(dir, "twinbroker")
		cmd := exec.Command("go", "build", "-tags", broken, "-o", bin, "github.com/twinbroker/twinbroker/cmd/twinbroker")
		cmd.Stderr = os.Stderr
		if err = cmd.Run(); err == nil {
			err = os.Setenv("TWINBROKER_BIN", bin)
		}
	}
	code := 1
	if err == nil {
		code = m.Run()
	} else {
		fmt.Fprintln(os.Stderr, err)
	}
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

// pending says what is not synced at a place of the trace.
type pending uint8

const (
	ofJournal pending = 1 << iota // writes to a segment
	ofCommit                      // among them one that leads to others: a meta page
	ofState                       // writes to state.db
	ofNames                       // names of segments
)

// survey gives for each place what is not synced there.
func (r *recording) survey(t *testing.T) []pending {
	t.Helper()
	d := newDisk(r.base)
	places := make([]pending, 0, len(r.trace.moments)+1)
	for i := 0; ; i++ {
		places = append(places, d.pending())
		if i == len(r.trace.moments) {
			return places
		}
		if err := d.apply(r.trace.moments[i]); err != nil {
			t.Fatal(err)
		}
	}
}

func (d *disk) pending() (p pending) {
	for path, in := range d.folders {
		if len(in.pending) > 0 && filepath.Base(path) == "journal" {
			p |= ofNames
		}
		for name, n := range in.cached {
			f, ok := n.(*file)
			switch {
			case !ok || len(f.pending) == 0:
			case name == "state.db" && f.wrote(0):
				p |= ofState
			case strings.HasSuffix(name, ".db") && name != "state.db" && f.wrote(0):
				if p |= ofJournal; !f.wrote(2 * pageSize) {
					p |= ofCommit
				}
			}
		}
	}
	return p
}

// choose takes n places, most of them where something is not synced, and in
// their order.
func choose(random *rand.Rand, places []pending, n int) []int {
	var chosen []int
	for _, want := range []struct {
		share int // of 100
		what  pending
	}{{40, ofCommit}, {20, ofCommit | ofState}, {10, ofJournal}, {10, ofNames}, {100, 0}} {
		var fit []int
		for i, p := range places {
			if p&want.what == want.what {
				fit = append(fit, i)
			}
		}
		random.Shuffle(len(fit), func(i, k int) { fit[i], fit[k] = fit[k], fit[i] })
		chosen = append(chosen, fit[:min(n*want.share/100, n-len(chosen), len(fit))]...)
	}
	slices.Sort(chosen)
	return chosen
}

// cut is an image to be looked at.
type cut struct {
	frozen *frozen
	at     int
	extent extent
	seed   uint64
	alone  bool // the journal is looked at without state.db, too
}

// outcome is what came of all images.
type outcome struct {
	mu      sync.Mutex
	images  int
	rolled  int
	missing int
	largest int64
	found   map[string]int // by sort
	shown   []string
	bad     int
}

func TestWhatIsAcknowledgedOutlivesAPowerCut(t *testing.T) {
	if *points == 0 {
		t.Skip("-points says at how many places the power is cut")
	}
	if *seed == 0 {
		*seed = uint64(time.Now().UnixNano())
	}
	t.Logf("seed %d", *seed)
	random := rand.New(rand.NewPCG(*seed, 0))
	r := record(t, random, *changes)
	places := r.survey(t)
	chosen := choose(random, places, *points)

	room, err := os.MkdirTemp("/dev/shm", "powercut")
	if err != nil {
		room, err = os.MkdirTemp("", "powercut")
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(room) })
	shared := &sealed{dir: filepath.Join(room, "sealed"), has: make(map[string]bool)}
	if err := os.Mkdir(shared.dir, 0o700); err != nil {
		t.Fatal(err)
	}
	o := &outcome{found: make(map[string]int)}
	begun := time.Now()
	cuts := make(chan cut)
	var workers sync.WaitGroup
	for range 2 {
		workers.Go(func() {
			for c := range cuts {
				o.look(t, r, c, shared, room)
			}
		})
	}
	d, next := newDisk(r.base), 0
	for i, at := range chosen {
		for ; next < at; next++ {
			if err := d.apply(r.trace.moments[next]); err != nil {
				t.Fatal(err)
			}
		}
		z := d.freeze()
		cuts <- cut{z, at, some, random.Uint64(), i%4 == 0}
		if i%10 == 0 {
			cuts <- cut{z, at, all, random.Uint64(), true}
			cuts <- cut{z, at, nothing, random.Uint64(), true}
		}
	}
	close(cuts)
	workers.Wait()
	var both, commit, names int
	for _, at := range chosen {
		p := places[at]
		if p&ofCommit != 0 {
			commit++
		}
		if p&ofState != 0 && p&ofCommit != 0 {
			both++
		}
		if p&ofNames != 0 {
			names++
		}
	}
	t.Logf("%d places, at %d of them a commit was written and not synced, at %d neither was state.db, at %d names of segments were not", len(chosen), commit, both, names)
	t.Logf("%d images in %v, the largest of %d MiB, with %d sectors missing; in %d the last commit was given up; %d are bad: %v",
		o.images, time.Since(begun).Round(time.Second), o.largest>>20, o.missing, o.rolled, o.bad, o.found)
	for _, s := range o.shown {
		if broken == "" {
			t.Error(s)
		} else {
			t.Log(s)
		}
	}
	if broken != "" && o.bad == 0 {
		t.Errorf("the store was built with %s, and no image shows it", broken)
	}
}

// look makes an image and looks at it.
func (o *outcome) look(t *testing.T, r *recording, c cut, shared *sealed, room string) {
	dir, err := os.MkdirTemp(room, "image")
	if err != nil {
		t.Error(err)
		return
	}
	defer os.RemoveAll(dir)
	m := &image{frozen: c.frozen, random: rand.New(rand.NewPCG(c.seed, 1)), extent: c.extent, sealed: shared}
	if err := m.write(dir); err != nil {
		t.Error(err)
		return
	}
	x := &examination{units: r.units, clients: r.clients, at: c.at}
	x.folder(filepath.Join(dir, "data"), c.alone)
	o.mu.Lock()
	defer o.mu.Unlock()
	o.images++
	o.rolled += int(min(1, x.rolled.Load()))
	o.missing += m.missing
	o.largest = max(o.largest, m.size)
	if len(x.findings) == 0 {
		return
	}
	o.bad++
	for _, f := range x.findings {
		o.found[f.sort]++
	}
	if len(o.shown) < 5 {
		o.shown = append(o.shown, fmt.Sprintf("cut at %d (%s): %s, and %d more", c.at, m, x.findings[0], len(x.findings)-1))
	}
}
