package policy

import (
	"bufio"
	"compress/gzip"
	"os"
	"strings"
	"testing"

	"github.com/twinbroker/twinbroker/twin/jsondoc"
)

// testdata/ditto.jsonl.gz has random Policies that import and refer to each
// other, one group a line, with questions about the one named n:p and the
// answers that Ditto 3.9 gave: its Policy.withResolvedImports, the entries that
// apply to the question's namespace where it has one, and its
// throughputOptimizedEvaluator of these; whole is hasUnrestrictedPermissions,
// some hasPartialPermissions, view what buildJsonView leaves of value.
func TestAnswersAreThoseOfDitto(t *testing.T) {
	f, err := os.Open("testdata/ditto.jsonl.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lines, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	scan := bufio.NewScanner(lines)
	scan.Buffer(nil, 1<<20)
	var whole, some, views int
	for n := 1; scan.Scan(); n++ {
		line := parsed(t, scan.Text())
		s := shelf{}
		policies, _ := line.Member("policies")
		for id, p := range policies.Members() {
			s[id] = p.String()
		}
		e := s.resolve(t, "n:p", nil)
		asks, _ := line.Member("asks")
		answers, _ := line.Member("answers")
		var want []*jsondoc.Value
		for answer := range answers.Elements() {
			want = append(want, answer)
		}
		for ask := range asks.Elements() {
			answer := want[0]
			want = want[1:]
			text := func(name string) string {
				v, _ := ask.Member(name)
				s, _ := v.Text()
				return s
			}
			says := func(name string) bool {
				v, _ := answer.Member(name)
				b, ok := v.Bool()
				if !ok {
					t.Fatalf("line %d: %s", n, answer)
				}
				return b
			}
			var who Subjects
			subjects, _ := ask.Member("who")
			for s := range subjects.Elements() {
				subject, _ := s.Text()
				who = append(who, subject)
			}
			of, path, refused := ParseResource(text("resource"))
			if refused != nil {
				t.Fatal(refused)
			}
			by, what := e, Permission(text("permission"))
			if namespace := text("namespace"); namespace != "" {
				by = e.For(namespace)
			}
			if got := by.Whole(who, what, of, path); got != says("whole") {
				t.Errorf("line %d: %s: whole %t", n, ask, got)
			}
			if got := by.Some(who, what, of, path); got != says("some") {
				t.Errorf("line %d: %s: some %t", n, ask, got)
			}
			if says("whole") {
				whole++
			}
			if says("some") {
				some++
			}
			value, ok := ask.Member("value")
			if !ok || !isResource(by, of, path) {
				continue
			}
			got, any := by.View(who, of, path, value)
			if !any {
				got = jsondoc.Object()
			}
			if view, _ := answer.Member("view"); !jsondoc.Equal(got, view) {
				t.Errorf("line %d: %s: view %s, want %s", n, ask, got, view)
			}
			if got.Len() > 0 && strings.Count(got.String(), ":") < strings.Count(value.String(), ":") {
				views++
			}
		}
	}
	if err := scan.Err(); err != nil {
		t.Fatal(err)
	}
	if whole < 100 || some < whole+50 || views < 50 {
		t.Errorf("the questions say little: %d, %d, %d", whole, some, views)
	}
}

// isResource says whether a path is that of a resource, or leads to one. For
// others Ditto's buildJsonView is not compared: it takes the resources below
// the last one on the way to the path for those below the path.
func isResource(e *Enforcer, of Resource, path jsondoc.Pointer) bool {
	var room setRoom
	n, _ := e.find(e.of(nil, &room), readPerm, of, path)
	return n != nowhere
}
