package access

import (
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/twinbroker/twinbroker/broker/auth"
	"github.com/twinbroker/twinbroker/test/harness"
)

func TestMain(m *testing.M) { harness.Main(m) }

// cast are the users whose clients are in every case. What each of them may do
// is said by the case's Policies; these have something besides:
//
//	root    is an administrator
//	nobody  shows no credentials
//	lamp    is of the group devices
//	ann     is, with ben, of the group owners
var cast = []string{"ann", "ben", "bob", "dan", "eve", "lamp", "root", "wes", "nobody"}

var groups = map[string]string{"ann": ",owners", "ben": ",owners", "lamp": ",devices", "root": ",admins"}

const password = "correct horse"

// config is of the broker that all cases share. The topics of a case have its
// namespace in them.
const config = `
auth: {users_file: %s, admin_subjects: ["group:admins"], anonymous: ["anonymous:some"]}
policies: {namespace_roots: {rooted.*: ["root:shared"]}}
creation:
  revoke:
    - {namespaces: ["creation.*"], subjects: ["user:eve", "anonymous:*"]}
    - {namespaces: ["creation.*"], subjects: ["user:bo?"], resources: [policy]}
    - {namespaces: ["creation.*"], subjects: ["user:dan"], definitions: [null, "org.acme:tree:*"], resources: [thing]}
acl:
  - {subjects: ["group:all", "anonymous:some"], publish: ["marker/#"], subscribe: ["marker/#"]}
  - {subjects: ["group:owners"], publish: ["plant/#"], subscribe: ["plant/#", "$SYS/#", "out/#"]}
  - {subjects: ["user:bob"], publish: ["in/+/{{ client:username }}/#"], subscribe: ["out/+/{{ client:username }}/#", "plant/+/open"]}
  - {subjects: ["user:dan"], publish: ["in/+/{{ client:username }}/#"], subscribe: ["out/#"]}
  - {subjects: ["group:devices"], publish: ["in/+/{{ client:username }}/#", "any/#"], subscribe: ["out/+/{{ client:username }}/#"]}
  - {subjects: ["user:eve"], publish: ["in/+/{{ client:username }}/#", "any/#"], subscribe: ["own/{{ client:username }}/#"]}
  - {subjects: ["user:wes"], publish: ["in/+/{{ client:username }}/#"]}
mappings:
  - {topic: "in/{ns}/{user}/set/{attribute}", format: text, thing: "{{ ns }}:thing", set: {"/attributes/{{ attribute }}": ""}}
  - {topic: "in/{ns}/{user}/merge", thing: "{{ ns }}:thing", set: {/attributes: ""}}
  - {topic: "in/{ns}/{user}/both", thing: "{{ ns }}:thing", set: {/attributes/open: /open, /attributes/secret: /secret}}
  - {topic: "in/{ns}/{user}/new/{policy}", thing: "{{ ns }}:new", set: {/attributes/a: ""}, create: {policy: "{{ ns }}:{{ policy }}"}}
  - {topic: "in/{ns}/{user}/own", thing: "{{ ns }}:own", set: {/attributes/a: ""}, create: {}}
  - {topic: "in/{ns}/{user}/ditto", format: ditto}
  - {topic: "in/{ns}/{user}/bound", format: ditto, thing: "{{ ns }}:thing"}
  - {topic: "any/{ns}/copy", thing: "{{ ns }}:thing", set: {/attributes/open: ""}, format: text, relay: always}
publications:
  - {subjects: ["user:bob"], topic: "out/{{ thing:namespace }}/bob/{{ topic:action }}", payload: envelope}
  - {subjects: ["user:eve"], topic: "out/{{ thing:namespace }}/eve"}
  - {subjects: ["user:bob"], topic: "out/{{ thing:namespace }}/kept/{{ attribute }}", path: "/attributes/{attribute}", payload: value, retain: true}
  - {subjects: ["user:bob"], topic: "out/{{ thing:namespace }}/extra", path: "/attributes/open", extraFields: "attributes,features", payload: envelope}
  - {subjects: ["user:bob"], topic: "out/{{ thing:namespace }}/filtered", path: "/attributes/open", filter: "eq(attributes/secret,'classified')", extraFields: "attributes/secret", payload: value}
  - {subjects: ["group:owners"], topic: "out/{{ thing:namespace }}/to", path: "/attributes/secret", payload: value, to: "user:dan"}
`

// senders is how many troupes of clients run cases at once.
const senders = 4

// users writes a file of users, who all have the same password.
func users(t testing.TB, names ...string) string {
	t.Helper()
	hash := auth.Hash([]byte(password))
	var b strings.Builder
	for _, name := range names {
		if name != "nobody" {
			fmt.Fprintf(&b, "%s:%s:all%s\n", name, hash, groups[name])
		}
	}
	return harness.WriteFile(t, "users.passwd", b.String())
}

// TestAccess runs every case, each with one of the protocol versions, or with
// both.
func TestAccess(t *testing.T) {
	t.Parallel()
	all, err := load()
	if err != nil {
		t.Fatal(err)
	}
	runs := runsOf(all)
	var policies, things []string
	for _, r := range runs {
		lines, err := r.lines()
		if err != nil {
			t.Fatalf("%s, case %q: %v", r.file.Name, r.Case.Name, err)
		}
		for _, line := range lines {
			if strings.HasPrefix(line, `{"policyId"`) {
				policies = append(policies, line)
			} else {
				things = append(things, line)
			}
		}
	}
	dir := filepath.Join(t.TempDir(), "data")
	text := fmt.Sprintf(config, users(t, cast...))
	file := harness.WriteFile(t, "import.yaml", text)
	if done := harness.RunWith(t, nil, strings.Join(append(policies, things...), "\n"), "store", "import", "-c", file, "--data-dir", dir); done.Code != 0 {
		t.Fatalf("the worlds to begin with: %s%s", done.Stdout, done.Stderr)
	}
	b := harness.Start(t, harness.Options{Dir: dir, Config: text})
	var working sync.WaitGroup
	for _, version := range []byte{4, 5} {
		work := make(chan *run, len(runs))
		for _, r := range runs {
			if r.version == version {
				r.err = fmt.Errorf("it was not run: its clients ended before")
				work <- r
			}
		}
		close(work)
		for range senders {
			actors := newTroupe(t, b, version)
			working.Go(func() {
				for r := range work {
					r.err = actors.run(r)
				}
			})
		}
	}
	working.Wait()
	report(t, all, runs)
	if log := b.Log(); strings.Contains(log, "classified") || strings.Contains(log, password) {
		t.Error("a secret is in the log")
	}
}

// report makes the outcome of each case a test of its own.
func report(t *testing.T, all []*File, runs []*run) {
	sum := 0
	for _, f := range all {
		count := 0
		t.Run(f.Name, func(t *testing.T) {
			for _, c := range f.Cases {
				t.Run(strings.ReplaceAll(c.Name, "/", "⁄"), func(t *testing.T) {
					for _, r := range runs {
						if r.Case != c {
							continue
						}
						if !*both || r.version == 5 || c.MQTT == 3 {
							count++
						}
						if r.err != nil {
							t.Errorf("MQTT %s, %s %s\n%v", map[byte]string{4: "3.1.1", 5: "5"}[r.version], r.vars["ns"], r.who, r.err)
						}
					}
				})
			}
		})
		t.Logf("%-12s %3d cases", f.Name, count)
		sum += count
	}
	t.Logf("%d cases", sum)
	if sum < 200 {
		t.Errorf("these are %d cases, and should be 200 at least", sum)
	}
}
