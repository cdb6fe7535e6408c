package transfer

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/twinbroker/twinbroker/twin"
	"github.com/twinbroker/twinbroker/twin/jsondoc"
	"github.com/twinbroker/twinbroker/twin/policy"
	"github.com/twinbroker/twinbroker/twin/protocol"
	"github.com/twinbroker/twinbroker/twin/store"
)

func open(t testing.TB, dir string, o twin.Options) *twin.Service {
	t.Helper()
	s, err := twin.Open(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

var ann = twin.Sender{Subjects: policy.Subjects{"user:ann"}}

// exported is all that there is.
func exported(t testing.TB, s *twin.Service) string {
	t.Helper()
	var out bytes.Buffer
	n, err := Export(context.Background(), s, &out, ExportOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if n.Bytes != int64(out.Len()) || n.Policies+n.Things != int64(bytes.Count(out.Bytes(), []byte("\n"))) {
		t.Errorf("it counts %+v for %d bytes", n, out.Len())
	}
	return out.String()
}

// imported imports a text and gives the bad lines too.
func imported(t testing.TB, to Target, text string, o Options) (Imported, []string) {
	t.Helper()
	bad := []string{}
	o.Sender = ann
	o.Bad = func(b BadLine) { bad = append(bad, b.Error()) }
	n, err := Import(context.Background(), to, strings.NewReader(text), o)
	if err != nil {
		t.Fatal(err)
	}
	return n, bad
}

// thing is a random Thing's line, without special fields.
func thing(rnd *rand.Rand, id string) string {
	numbers := []string{"0", "-0.0", "1.50", "23.420", "1e3", "9007199254740993", "123456789012345678901234567890.10", "1E-7"}
	var value func(depth int) string
	value = func(depth int) string {
		switch rnd.IntN(6 - min(depth, 2)) {
		case 0:
			return numbers[rnd.IntN(len(numbers))]
		case 1:
			return []string{"true", "false", "null"}[rnd.IntN(3)]
		case 2, 3:
			return []string{`""`, `"x"`, `"\u00e9\ud83d\ude00"`, `"é\/\"\\"`, `"` + strings.Repeat("long ", rnd.IntN(40)) + `"`}[rnd.IntN(5)]
		case 4:
			return "[" + value(depth+1) + "," + value(depth+1) + "]"
		}
		return fmt.Sprintf(`{"b%d":%s,"a":%s}`, rnd.IntN(9), value(depth+1), value(depth+1))
	}
	return fmt.Sprintf(`{"thingId":%q,"policyId":"a:p%d","attributes":{"x":%s,"\u0079":%s},"features":{"f":{"properties":{"t":%s}}}}`,
		id, rnd.IntN(3), value(0), value(0), value(0))
}

func TestWhatIsExportedIsTheSameAgainElsewhere(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	var lines []string
	for n := range 3 {
		lines = append(lines, fmt.Sprintf(`{"policyId":"a:p%d","entries":{"x":{"subjects":{"user:ann":{"type":"t%d"}},"resources":{"thing:/":{"grant":["READ","WRITE"],"revoke":[]}}}}}`, n, n))
	}
	for n := range 2000 {
		lines = append(lines, thing(rnd, fmt.Sprintf("a:t%05d", n)))
	}
	sorted := slices.Clone(lines)
	rnd.Shuffle(len(lines), func(i, j int) { lines[i], lines[j] = lines[j], lines[i] })
	dir := t.TempDir()
	s := open(t, dir, twin.Options{Store: store.Options{Memory: 1 << 20}})
	if n, bad := imported(t, s, strings.Join(lines, "\n"), Options{}); len(bad) > 0 || n != (Imported{Created: 2003, UpTo: 2003}) {
		t.Fatalf("%+v, %q", n, bad)
	}
	all := exported(t, s)
	got := strings.Split(strings.TrimSuffix(all, "\n"), "\n")
	for i, line := range got {
		before, special, _ := strings.Cut(line, `,"_revision":1,"_modified":"`)
		if special == "" || before+"}" != sorted[i] {
			t.Fatalf("line %d is\n%s\nwant\n%s and special fields", i+1, line, sorted[i])
		}
	}
	// Some change, so that revisions and times differ.
	for n := range 300 {
		m := &protocol.Message{Topic: protocol.Topic{Namespace: "a", Name: fmt.Sprintf("t%05d", rnd.IntN(2000)), Group: protocol.Things, Channel: protocol.Twin,
			Criterion: protocol.Commands, Action: protocol.ActionModify}, Path: jsondoc.Pointer{"attributes", "n"}, Value: jsondoc.Int(int64(n))}
		s.Handle(&twin.Command{Message: m, Sender: ann}, func(o *twin.Outcome) {
			if o.Err != nil {
				t.Error(o.Err)
			}
		})
	}
	all = exported(t, s)
	if !strings.Contains(all, `"_revision":2,`) {
		t.Error("nothing has changed")
	}
	other := open(t, t.TempDir(), twin.Options{})
	if n, bad := imported(t, other, all, Options{}); len(bad) > 0 || n.Created != 2003 {
		t.Errorf("%+v, %q", n, bad)
	}
	if again := exported(t, other); again != all {
		t.Error("what is exported there is not the same")
	}
	if n, bad := imported(t, other, all, Options{OnConflict: twin.Replace}); len(bad) > 0 || n.Unchanged != 2003 || n.Replaced != 0 {
		t.Errorf("once more: %+v, %q", n, bad)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if reopened := exported(t, open(t, dir, twin.Options{})); reopened != all {
		t.Error("after reopening it is not the same")
	}
}

func TestLinesComeInManyForms(t *testing.T) {
	const a, b, p = `{"thingId":"a:a","policyId":"a:p"}`, `{"thingId":"a:b","policyId":"a:p"}`, `{"policyId":"a:p","entries":{}}`
	changed := `{"thingId":"a:a","policyId":"a:p","attributes":{}}`
	large := `{"thingId":"a:l","policyId":"a:p","attributes":{"x":"` + strings.Repeat("x", 3<<20) + `"}}`
	for _, c := range []struct {
		name, text string
		o          Options
		want       Imported
		bad        []string // how the bad lines begin
		there      []string
	}{
		{"nothing", "", Options{}, Imported{}, nil, nil},
		{"empty lines", "\n\r\n  \n", Options{}, Imported{UpTo: 3}, nil, nil},
		{"no end of the last line", a + "\n" + b, Options{}, Imported{Created: 2, UpTo: 2}, nil, []string{"a:a", "a:b"}},
		{"CR LF", a + "\r\n\r\n" + b + "\r\n", Options{}, Imported{Created: 2, UpTo: 3}, nil, []string{"a:a", "a:b"}},
		{"a byte order mark", "\ufeff" + a + "\n" + b + "\n", Options{}, Imported{Created: 2, UpTo: 2}, nil, []string{"a:a", "a:b"}},
		{"a byte order mark elsewhere", a + "\n\ufeff" + b + "\n", Options{}, Imported{Created: 1, Bad: 1, UpTo: 2}, []string{"line 2: json.invalid"}, []string{"a:a"}},
		{"UTF-16", "\xff\xfe{\x00}\x00\n\x00", Options{}, Imported{Bad: 2, UpTo: 2}, []string{"line 1: json.invalid", "line 2: json.invalid"}, nil},
		{"a Thing before its Policy", a + "\n" + p + "\n", Options{}, Imported{Created: 2, UpTo: 2}, nil, []string{"a:a"}},
		{"bad lines amid good ones", "x\n" + a + "\n{}\n" + b + "\n{\"thingId\":\"b\"}", Options{}, Imported{Created: 2, Bad: 3, UpTo: 5},
			[]string{"line 1: json.invalid", "line 3: json.field.missing", "line 5 (b): things:id.invalid"}, []string{"a:a", "a:b"}},
		{"an ID twice, and the same", a + "\n" + a, Options{}, Imported{Created: 1, Unchanged: 1, UpTo: 2}, nil, []string{"a:a"}},
		{"an ID twice is refused", a + "\n" + changed, Options{}, Imported{Created: 1, Bad: 1, UpTo: 2}, []string{"line 2 (a:a): things:thing.conflict"}, []string{"a:a"}},
		{"an ID twice is skipped", a + "\n" + changed, Options{OnConflict: twin.Skip}, Imported{Created: 1, Skipped: 1, UpTo: 2}, nil, []string{"a:a"}},
		{"an ID twice is replaced", a + "\n" + changed, Options{OnConflict: twin.Replace}, Imported{Created: 1, Replaced: 1, UpTo: 2}, nil, []string{"a:a"}},
		{"a huge line", large + "\n" + b + "\n", Options{}, Imported{Created: 2, UpTo: 2}, nil, []string{"a:b", "a:l"}},
		{"a line that is too long", a + "\n" + large + "\n" + b + "\n", Options{LineSize: 1 << 20}, Imported{Created: 2, Bad: 1, UpTo: 3},
			[]string{"line 2: json.invalid: The line has 31457"}, []string{"a:a", "a:b"}},
		{"a last line that is too long", a + "\n" + large, Options{LineSize: 1 << 20}, Imported{Created: 1, Bad: 1, UpTo: 2},
			[]string{"line 2: json.invalid: The line has 31457"}, []string{"a:a"}},
		{"a line that is just long enough", a + "\r\n", Options{LineSize: len(a)}, Imported{Created: 1, UpTo: 1}, nil, []string{"a:a"}},
		{"a line that is just too long", a + "\r\n", Options{LineSize: len(a) - 1}, Imported{Bad: 1, UpTo: 1}, []string{"line 1: json.invalid: The line has 3"}, nil},
		{"from a line on", "x\n" + a + "\n" + b, Options{FromLine: 3}, Imported{Created: 1, UpTo: 3}, nil, []string{"a:b"}},
		{"from a line on, past long ones", large + "\n" + a + "\n" + b, Options{FromLine: 2}, Imported{Created: 2, UpTo: 3}, nil, []string{"a:a", "a:b"}},
		{"from behind the end", a + "\n" + b, Options{FromLine: 3}, Imported{UpTo: 2}, nil, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := open(t, t.TempDir(), twin.Options{ThingSize: -1})
			n, bad := imported(t, s, c.text, c.o)
			if n != c.want {
				t.Errorf("it counts %+v, want %+v", n, c.want)
			}
			if !slices.EqualFunc(bad, c.bad, strings.HasPrefix) {
				t.Errorf("bad lines are\n%s\nwant\n%s", strings.Join(bad, "\n"), strings.Join(c.bad, "\n"))
			}
			if there, err := s.List(nil, "", 9); err != nil || !slices.Equal(there, c.there) {
				t.Errorf("there are %v (%v), want %v", there, err, c.there)
			}
		})
	}
}

func TestAnImportFromBehindTheEndSaysSo(t *testing.T) {
	s := open(t, t.TempDir(), twin.Options{})
	_, err := Import(context.Background(), s, strings.NewReader("{}\n{}"), Options{FromLine: 4})
	if err == nil || !strings.Contains(err.Error(), "only 2 lines") {
		t.Errorf("%v", err)
	}
}

// failing is a text that ends in an error.
type failing struct{ io.Reader }

func (f failing) Read(p []byte) (int, error) {
	n, err := f.Reader.Read(p)
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

func TestWhatWasReadBeforeAnErrorIsStored(t *testing.T) {
	s := open(t, t.TempDir(), twin.Options{})
	text := failing{strings.NewReader(`{"thingId":"a:a","policyId":"a:p"}` + "\n" + `{"thingId":"a:b","poli`)}
	n, err := Import(context.Background(), s, text, Options{})
	if err == nil || !strings.Contains(err.Error(), "beyond line 1") || n != (Imported{Created: 1, UpTo: 1}) {
		t.Errorf("%+v, %v", n, err)
	}
}

// stopping is a target that can take in nothing any more from some line on, or
// calls stop there.
type stopping struct {
	*twin.Service
	left int
	over int    // how many it was asked to take in beyond that
	stop func() // nil: it refuses
	late bool   // refuses when the next one comes
	held []func()
}

func (s *stopping) PutEntity(e *twin.Entity, sender twin.Sender, how twin.OnConflict, done func(twin.Placed, *twin.Outcome)) {
	for _, fn := range s.held {
		fn()
	}
	s.held = nil
	if s.left--; s.left < 0 {
		s.over++
	}
	if s.left >= 0 || s.stop != nil && s.left < -1 {
		s.Service.PutEntity(e, sender, how, done)
		return
	}
	if s.stop != nil {
		s.stop()
		s.Service.PutEntity(e, sender, how, done)
		return
	}
	refuse := func() { done(0, &twin.Outcome{Err: protocol.ThingUnavailable(e.ID(), store.ErrDiskFull)}) }
	if s.late {
		s.late = false
		s.held = append(s.held, refuse)
		return
	}
	refuse()
}

func TestAnImportThatEndedEarlyGoesOnWhereItWas(t *testing.T) {
	var text strings.Builder
	for n := range 3000 {
		fmt.Fprintf(&text, `{"thingId":"a:t%05d","policyId":"a:p"}`+"\n", n)
	}
	whole := open(t, t.TempDir(), twin.Options{})
	imported(t, whole, text.String(), Options{})
	for _, c := range []struct {
		name string
		make func(s *twin.Service, cancel func()) *stopping
	}{
		{"a full disk", func(s *twin.Service, _ func()) *stopping { return &stopping{Service: s, left: 1234} }},
		{"a full disk at once", func(s *twin.Service, _ func()) *stopping { return &stopping{Service: s} }},
		{"a commit that was refused", func(s *twin.Service, _ func()) *stopping {
			return &stopping{Service: s, left: 1234, late: true}
		}},
		{"an interrupt", func(s *twin.Service, cancel func()) *stopping {
			return &stopping{Service: s, left: 1234, stop: cancel}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := open(t, t.TempDir(), twin.Options{})
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			target := c.make(s, cancel)
			n, err := Import(ctx, target, strings.NewReader(text.String()), Options{Sender: ann})
			if err == nil || n.UpTo != n.Created || n.UpTo > 3000-256 || target.stop == nil && n.UpTo > 1234 {
				t.Fatalf("%+v, %v", n, err)
			}
			if target.stop == nil && target.over > 2 {
				t.Errorf("it was asked to take in %d more", target.over)
			}
			ids, listErr := s.List(nil, "", 0)
			if listErr != nil || int64(len(ids)) < n.UpTo || n.UpTo > 0 && ids[n.UpTo-1] != fmt.Sprintf("a:t%05d", n.UpTo-1) {
				t.Errorf("up to line %d, there are %d Things, %v", n.UpTo, len(ids), listErr)
			}
			rest, bad := imported(t, s, text.String(), Options{FromLine: n.UpTo + 1})
			if len(bad) > 0 || rest.UpTo != 3000 || n.UpTo+rest.Created+rest.Unchanged != 3000 {
				t.Errorf("the rest: %+v, %q", rest, bad)
			}
			if there, err := s.List(nil, "", 0); err != nil || len(there) != 3000 {
				t.Errorf("at the end there are %d Things, %v", len(there), err)
			}
		})
	}
}

// A text that has not come to its end must not keep an import from ending.
func TestAnInterruptWaitsForNoText(t *testing.T) {
	s := open(t, t.TempDir(), twin.Options{})
	r, w := io.Pipe()
	defer w.Close()
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		_, _ = io.WriteString(w, `{"thingId":"a:a","policyId":"a:p"}`+"\n")
		cancel()
	}()
	if _, err := Import(ctx, s, r, Options{}); err != context.Canceled {
		t.Errorf("%v", err)
	}
}

func TestAnExportEndsWithTheFirstError(t *testing.T) {
	s := open(t, t.TempDir(), twin.Options{})
	imported(t, s, `{"thingId":"a:a","policyId":"a:p"}`, Options{})
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := Export(ctx, s, io.Discard, ExportOptions{}); err != context.Canceled {
		t.Errorf("interrupted: %v", err)
	}
	r, w := io.Pipe()
	r.CloseWithError(io.ErrShortWrite)
	if _, err := Export(context.Background(), s, w, ExportOptions{}); err != io.ErrShortWrite {
		t.Errorf("not written: %v", err)
	}
}
