package transfer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/twinbroker/twinbroker/twin"
)

// damaged gives a service on a folder with the Things a:a to a:e, of which what
// is stored of a:c, and of the Policy a:p, is not what was written.
func damaged(t *testing.T) *twin.Service {
	t.Helper()
	dir := t.TempDir()
	s := open(t, dir, twin.Options{})
	var text strings.Builder
	for _, name := range []string{"p", "q"} {
		fmt.Fprintf(&text, `{"policyId":"a:%s","entries":{"was-%s":{"subjects":{},"resources":{}}}}`+"\n", name, name)
	}
	for _, name := range []string{"a", "b", "c", "d", "e"} {
		fmt.Fprintf(&text, `{"thingId":"a:%s","policyId":"a:p","attributes":{"x":"was %s"}}`+"\n", name, name)
	}
	if n, bad := imported(t, s, text.String(), Options{}); n.Created != 7 {
		t.Fatalf("%+v, %q", n, bad)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, dir, twin.Options{}) // it looks at all of a small file; so the damage comes after
	path := filepath.Join(dir, "state.db")
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, was := range []string{"was c", "was-p"} {
		for from := 0; ; {
			i := bytes.Index(whole[from:], []byte(was))
			if i < 0 {
				break
			}
			if _, err := f.WriteAt([]byte("is "), int64(from+i)); err != nil {
				t.Fatal(err)
			}
			from += i + 1
		}
	}
	return s
}

func TestWhatIsDamagedIsNamedAndTheRestGoesOn(t *testing.T) {
	s := damaged(t)
	var out bytes.Buffer
	var left []string
	n, err := Export(context.Background(), s, &out, ExportOptions{Damaged: func(l *twin.Line) { left = append(left, Left(l)) }})
	if err != nil || n.Policies != 1 || n.Things != 4 || n.Damaged != 2 || n.Bytes != int64(out.Len()) || strings.Count(out.String(), "\n") != 5 {
		t.Errorf("%+v, %v", n, err)
	}
	want := []string{"Policy a:p: ", "Thing a:c: "}
	if !slices.EqualFunc(left, want, strings.HasPrefix) || !strings.Contains(left[0], "state.db") {
		t.Errorf("left out: %q", left)
	}
	if strings.Contains(out.String(), `"a:c"`) {
		t.Errorf("exported are\n%s", &out)
	}

	var text strings.Builder
	for _, name := range []string{"b", "c", "d"} {
		fmt.Fprintf(&text, `{"thingId":"a:%s","policyId":"a:q"}`+"\n", name)
	}
	text.WriteString(`{"policyId":"a:p","entries":{}}` + "\n" + `{"policyId":"a:q","entries":{}}` + "\n")
	in, bad := imported(t, s, text.String(), Options{OnConflict: twin.Replace})
	if in != (Imported{Replaced: 3, Bad: 2, UpTo: 5}) {
		t.Errorf("%+v", in)
	}
	want = []string{"line 2 (a:c): things:thing.unavailable: ", "line 4 (a:p): policies:policy.unavailable: "}
	if !slices.EqualFunc(bad, want, strings.HasPrefix) || !strings.Contains(bad[0], "damaged") {
		t.Errorf("bad lines: %q", bad)
	}
}

// unfindable is a source that cannot say what comes behind the first Policy.
type unfindable struct{}

func (unfindable) EachEntity(_ context.Context, fn func(*twin.Line) error) error {
	return errors.Join(
		fn(&twin.Line{Policy: true, Text: []byte("{}")}),
		fn(&twin.Line{Policy: true, Damage: errors.New("a page is wrong")}),
		fn(&twin.Line{Text: []byte("{}")}))
}

func TestDamageThatHidesOthersIsNamed(t *testing.T) {
	var out bytes.Buffer
	var left []string
	n, err := Export(context.Background(), unfindable{}, &out, ExportOptions{Damaged: func(l *twin.Line) { left = append(left, Left(l)) }})
	if err != nil || n != (Exported{Policies: 1, Things: 1, Damaged: 1, Bytes: 6}) || out.String() != "{}\n{}\n" {
		t.Errorf("%+v, %v: %s", n, err, &out)
	}
	if len(left) != 1 || left[0] != "what follows of kind Policy cannot be found: a page is wrong" {
		t.Errorf("left out: %q", left)
	}
}

func TestAGentleImportAsksBeforeItGoesOn(t *testing.T) {
	s := open(t, t.TempDir(), twin.Options{})
	var text strings.Builder
	for n := range 3000 {
		fmt.Fprintf(&text, `{"thingId":"a:t%05d","policyId":"a:p"}`+"\n", n)
	}
	asked, enough := 0, errors.New("enough")
	o := Options{Gentle: true, Await: func(context.Context) error {
		if asked++; asked > 5 {
			return enough
		}
		return nil
	}}
	n, err := Import(context.Background(), s, strings.NewReader(text.String()), o)
	if err != enough || n != (Imported{Created: 5 * batchLines, UpTo: 5 * batchLines}) {
		t.Errorf("%+v, %v", n, err)
	}
}
