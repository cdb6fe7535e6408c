package conformance

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/twinbroker/twinbroker/test/harness"
)

func TestMain(m *testing.M) { harness.Main(m) }

// senders is how many clients of each protocol version send cases at once.
// They wait for the disk most of the time, and the broker writes what they send
// together.
const senders = 8

// large is {{large}}, larger than a Thing may be.
var large = strings.Repeat("x", 110_000)

// run is a case with one protocol version.
type run struct {
	*Case
	version byte // as harness.Dial takes it
	vars    Vars
	err     error
}

var errNotRun = errors.New("it was not run: its client ended before")

// restricted are namespaces in which nobody may make anything, or no Policies.
const restricted = `
creation:
  revoke:
    - {namespaces: ["*.restricted"]}
    - {namespaces: ["*.nopolicies"], resources: [policy]}
`

// revision of each Thing that is there to begin with.
const revision = 1

func runs(topics []*Topic) []*run {
	var all []*run
	for _, t := range topics {
		for _, c := range t.Cases {
			for _, version := range []byte{4, 5} {
				if c.MQTT == 3 && version == 5 || c.MQTT == 5 && version == 4 {
					continue
				}
				r := &run{Case: c, version: version, vars: Vars{"large": large}}
				r.vars["ns"] = fmt.Sprintf("%s.c%d.v%d", t.Name, c.Number, version)
				r.vars["thing"] = r.vars["ns"] + ":thing"
				if c.ID != "" {
					r.vars["thing"] = r.vars.Fill(c.ID)
				}
				_, r.vars["name"], _ = strings.Cut(r.vars["thing"], ":")
				all = append(all, r)
			}
		}
	}
	return all
}

// begin is what is there before the broker starts: lines as store import reads
// them.
func (r *run) begin() ([]string, error) {
	lines := []string{fmt.Sprintf(`{"thingId":%q,"_revision":%d,"attributes":{}}`, r.marker(), revision)}
	for name := range r.Policies {
		n := r.Policies[name]
		text, err := r.vars.JSON(&n)
		if err != nil {
			return nil, err
		}
		lines = append(lines, fmt.Sprintf(`{"policyId":%q,%s`, r.vars.Fill(name), strings.TrimPrefix(text, "{")))
	}
	add := func(id string, thing string) {
		// A Thing that names no Policy gets its own.
		thing = strings.Replace(thing, `,"policyId":`+quote(id), "", 1)
		lines = append(lines, strings.TrimSuffix(thing, "}")+fmt.Sprintf(`,"_revision":%d}`, revision))
	}
	if thing, err := r.thing(&r.Thing, r.vars["thing"]); err != nil {
		return nil, err
	} else if thing != "" {
		add(r.vars["thing"], thing)
	}
	for name := range r.Others {
		n := r.Others[name]
		id := r.vars.Fill(name)
		thing, err := r.thing(&n, id)
		if err != nil {
			return nil, err
		}
		add(id, thing)
	}
	// Policies come before the Things that name them.
	slices.SortStableFunc(lines, func(a, b string) int {
		return strings.Compare(a[:8], b[:8])
	})
	return lines, nil
}

// TestConformance runs every case with both protocol versions.
func TestConformance(t *testing.T) {
	topics, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	all := runs(topics)
	var lines []string
	for _, r := range all {
		begin, err := r.begin()
		if err != nil {
			t.Fatalf("%s, case %q: %v", r.Topic.Name, r.Name, err)
		}
		lines = append(lines, begin...)
	}
	dir := filepath.Join(t.TempDir(), "data")
	config := harness.WriteFile(t, "import.yaml", harness.Anonymous)
	if done := harness.RunWith(t, nil, strings.Join(lines, "\n"), "store", "import", "-c", config, "--data-dir", dir); done.Code != 0 {
		t.Fatalf("the states to begin with: %s%s", done.Stdout, done.Stderr)
	}
	b := harness.Start(t, harness.Options{Dir: dir, Config: harness.Anonymous + restricted})

	var working sync.WaitGroup
	for _, version := range []byte{4, 5} {
		work := make(chan *run, len(all))
		for _, r := range all {
			if r.version == version {
				r.err = errNotRun
				work <- r
			}
		}
		close(work)
		for range senders {
			s := newSender(t, b, version)
			working.Go(func() {
				for r := range work {
					r.err = s.run(r)
				}
			})
		}
	}
	working.Wait()
	report(t, topics, all)
}

// report makes the outcome of each case a test of its own.
func report(t *testing.T, topics []*Topic, all []*run) {
	failed := map[*Case][]*run{}
	for _, r := range all {
		if r.err != nil {
			failed[r.Case] = append(failed[r.Case], r)
		}
	}
	for _, topic := range topics {
		pending := map[string]int{}
		t.Run(topic.Name, func(t *testing.T) {
			for _, c := range topic.Cases {
				t.Run(strings.ReplaceAll(c.Name, "/", "⁄"), func(t *testing.T) {
					switch {
					case c.Pending == "":
						for _, r := range failed[c] {
							t.Errorf("MQTT %s\n%v\nsource: %s", map[byte]string{4: "3.1.1", 5: "5"}[r.version], r.err, c.Source)
						}
					case len(failed[c]) == 0:
						t.Errorf("it passes, so it is no longer pending: take the mark away (pending: %s)", c.Pending)
					default:
						pending[c.Pending]++
						t.Logf("pending (%s): %v", c.Pending, failed[c][0].err)
					}
				})
			}
		})
		t.Logf("%-12s %3d cases, pending %v", topic.Name, len(topic.Cases), pending)
	}
}
