package powercut

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/twinbroker/twinbroker/twin"
	"github.com/twinbroker/twinbroker/twin/jsondoc"
	"github.com/twinbroker/twinbroker/twin/store"
)

var kinds = twin.Kinds()

// kindOf is the store's kind with that name.
func kindOf(name string) store.Kind {
	for k, spec := range kinds {
		if spec.Name == name {
			return k
		}
	}
	panic("there is no kind " + name)
}

// finding is what is wrong with an image: a few words for all of its sort, and
// the rest.
type finding struct{ sort, text string }

func (f finding) String() string { return f.sort + ": " + f.text }

// examination is a look at one image.
type examination struct {
	units    []*unit
	clients  []*client
	at       int // the power was cut before this place in the trace
	findings []finding
	rolled   atomic.Int64 // times that the last commit was given up
}

func (x *examination) find(sort, format string, args ...any) {
	x.findings = append(x.findings, finding{sort, fmt.Sprintf(format, args...)})
}

// folder opens the data folder and looks at all that it holds. Then, where the
// journal goes back to its beginning, it looks at what the journal alone says. A
// folder that is not there is one that the program would make.
func (x *examination) folder(dir string, alone bool) {
	x.verify(dir)
	x.open(dir)
	if !alone || len(x.findings) > 0 {
		return
	}
	if _, err := os.Stat(filepath.Join(dir, "journal", "00000000000000000001.db")); err != nil {
		return
	}
	if err := os.Remove(filepath.Join(dir, "state.db")); err != nil {
		x.find("image", "%v", err)
		return
	}
	x.open(dir)
	for i := range x.findings {
		x.findings[i].text += " (without state.db)"
	}
}

// verify has the tool for it look at the folder, if there is anything in it.
func (x *examination) verify(dir string) {
	if _, err := os.Stat(filepath.Join(dir, "journal")); err != nil {
		return
	}
	_, err := store.Verify(dir, kinds, store.Watch{Found: func(f store.Finding) { x.find("does not verify", "%v", f) }})
	if err != nil {
		x.find("does not verify", "%v", err)
	}
}

func (x *examination) open(dir string) {
	defer func() {
		if p := recover(); p != nil {
			x.find("panic", "%v", p)
		}
	}()
	s, err := store.Open(dir, kinds, store.Options{Logger: slog.New(x)})
	if err != nil {
		x.find("does not open", "%v", err)
		return
	}
	defer func() {
		if err := s.Close(); err != nil {
			x.find("does not close", "%v", err)
		}
	}()
	things, policies := x.listed(s, "thing"), x.listed(s, "policy")
	reached := make(map[*unit]int)
	for _, u := range x.units {
		reached[u] = x.unit(s, u, things, policies)
	}
	for id := range things {
		x.find("invented", "Thing %s", id)
	}
	for _, c := range x.clients {
		if c.qos == 2 {
			x.receipts(s, c, reached)
		}
	}
}

// listed are the IDs of a kind.
func (x *examination) listed(s *store.Store, name string) map[string]bool {
	ids, err := s.Keys(kindOf(name), "", "", 0)
	if err != nil {
		x.find("unreadable", "%v", err)
	}
	listed := make(map[string]bool)
	for _, id := range ids {
		listed[id] = true
	}
	return listed
}

// unit looks at the Things of a unit and gives their revision. It takes them
// off the list.
func (x *examination) unit(s *store.Store, u *unit, things, policies map[string]bool) (revision int) {
	for i, id := range u.ids {
		e, err := s.View(store.Key{Kind: kindOf("thing"), ID: id})
		if err != nil {
			x.find("unreadable", "%v", err)
			continue
		}
		if i > 0 && int(e.Revision) != revision {
			x.find("half applied", "%s has revision %d, %s has %d", id, e.Revision, u.ids[0], revision)
		}
		revision = int(e.Revision)
		x.thing(u, id, e)
		if want := u.document(id, revision) != ""; things[id] != want {
			x.find("listed wrongly", "%s at revision %d: %v", id, revision, things[id])
		}
		if (revision > 0) != policies[id] {
			x.find("half applied", "%s has revision %d, but its Policy is there: %v", id, revision, policies[id])
		}
		delete(things, id)
	}
	if n := u.acked(x.at); revision < n {
		x.find("lost", "%s has revision %d, but change %d was acknowledged", u.name, revision, n)
	}
	if n := u.shown(x.at); revision < n {
		x.find("taken back", "%s has revision %d, but %d was shown", u.name, revision, n)
	}
	if n := len(u.changes); revision > n {
		x.find("applied twice", "%s has revision %d after %d changes", u.name, revision, n)
	}
	return revision
}

// thing compares a Thing with what it has to be.
func (x *examination) thing(u *unit, id string, e store.Entry) {
	want := u.document(id, int(e.Revision))
	got := ""
	if e.State != nil {
		got = string(e.State.AppendTo(nil))
	}
	if got == want {
		return
	}
	a, errA := jsondoc.Parse([]byte(got), jsondoc.Limits{})
	b, errB := jsondoc.Parse([]byte(want), jsondoc.Limits{})
	if errA != nil || errB != nil || !jsondoc.Equal(a, b) {
		at := 0
		for at < min(len(got), len(want)) && got[at] == want[at] {
			at++
		}
		x.find("wrong", "%s at revision %d has %.60q at byte %d, not %.60q (%v, %v)", id, e.Revision, got[at:], at, want[at:], errA, errB)
	}
}

// receipts looks at what is known of a client's publishes at QoS 2: of each
// that was applied, until it is released.
func (x *examination) receipts(s *store.Store, c *client, reached map[*unit]int) {
	_, ids := s.Receipts(c.name)
	for id, ch := range c.byID {
		has := slices.Contains(ids, id)
		applied := reached[ch.unit] >= ch.n
		what := fmt.Sprintf("change %d of %s by %s, packet %d", ch.n, ch.unit.name, c.name, id)
		switch {
		case has && !applied:
			x.find("receipt", "of %s, which is not there", what)
		case has && ch.complete < x.at:
			x.find("receipt", "of %s, which was completed", what)
		case !has && applied && (ch.acked >= x.at || !ch.released):
			x.find("receipt", "none of %s, which was not released", what)
		}
	}
}

// The examination is the log's handler.
func (x *examination) Enabled(_ context.Context, level slog.Level) bool {
	return level >= slog.LevelWarn
}
func (x *examination) WithAttrs([]slog.Attr) slog.Handler { return x }
func (x *examination) WithGroup(string) slog.Handler      { return x }
func (x *examination) Handle(_ context.Context, r slog.Record) error {
	if strings.Contains(r.Message, "given up") {
		x.rolled.Add(1)
	}
	return nil
}
