package control

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/twinbroker/twinbroker/twin"
	"github.com/twinbroker/twinbroker/twin/protocol"
	"github.com/twinbroker/twinbroker/twin/transfer"
)

// entities is a source.
type entities struct {
	lines []twin.Line
	err   error
	wait  func(ctx context.Context) error // before the error
}

func (e *entities) EachEntity(ctx context.Context, fn func(*twin.Line) error) error {
	for i := range e.lines {
		if err := fn(&e.lines[i]); err != nil {
			return err
		}
	}
	if e.wait != nil {
		return e.wait(ctx)
	}
	return e.err
}

func TestAnExportComesWholeOrSaysWhyNot(t *testing.T) {
	long := `{"thingId":"a:b","x":"` + strings.Repeat("x", 1<<20) + `"}`
	lines := []twin.Line{
		{Policy: true, Text: []byte(`{"policyId":"a:p"}`)},
		{Policy: true, ID: "a:q", Damage: errors.New("a bit is wrong")},
		{Text: []byte(long)},
		{ID: "a:c", Damage: errors.New("line\nbreak")},
		{Damage: errors.New("nothing more")},
	}
	for _, c := range []struct {
		name string
		from *entities
		err  string
	}{
		{"nothing", &entities{}, ""},
		{"all kinds", &entities{lines: lines}, ""},
		{"refused", &entities{err: errors.New("there is a reason")}, "the broker refuses: there is a reason"},
		{"broken off", &entities{lines: lines, err: errors.New("there is a reason")}, "broke it off: there is a reason"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			defer serve(t, dir, Handlers{Export: c.from}).Close()
			var got, want []string
			say := func(l *twin.Line) string { return fmt.Sprint(l.Policy, l.ID, string(l.Text), l.Damage) }
			err := client(t, dir).EachEntity(t.Context(), func(l *twin.Line) error {
				got = append(got, say(l))
				return nil
			})
			for i := range c.from.lines {
				want = append(want, say(&c.from.lines[i]))
			}
			if c.err == "" && err != nil || c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err)) {
				t.Errorf("got %v", err)
			}
			if c.err == "" && !slices.Equal(got, want) {
				t.Errorf("%.300q", got)
			}
		})
	}
}

// counting takes every line for a new one but for those that begin with x.
func counting(ctx context.Context, text io.Reader, o transfer.Options) (transfer.Imported, error) {
	all, err := io.ReadAll(text)
	n := transfer.Imported{UpTo: o.FromLine}
	for line := range strings.Lines(string(all)) {
		n.UpTo++
		if line[0] == 'x' {
			n.Bad++
			o.Bad(transfer.BadLine{Number: n.UpTo, ID: "a:b", Err: &protocol.Error{Status: 400, Code: "c", Message: "m", Description: "d"}})
			continue
		}
		n.Created++
		o.Progress(n)
	}
	return n, err
}

func TestAnImportIsToldOfAsItGoesOn(t *testing.T) {
	dir := t.TempDir()
	var was transfer.Options
	defer serve(t, dir, Handlers{Import: func(ctx context.Context, text io.Reader, o transfer.Options) (transfer.Imported, error) {
		was = o
		return counting(ctx, text, o)
	}}).Close()
	var bad []string
	var progress []int64
	o := transfer.Options{
		FromLine: 7, OnConflict: twin.Skip, Sender: twin.Sender{Subjects: []string{"user:a&b"}},
		Bad:      func(b transfer.BadLine) { bad = append(bad, b.Error()) },
		Progress: func(n transfer.Imported) { progress = append(progress, n.UpTo) },
	}
	n, err := client(t, dir).Import(t.Context(), strings.NewReader("a\nx\nb\n"), o)
	if err != nil || n != (transfer.Imported{Created: 2, Bad: 1, UpTo: 10}) {
		t.Errorf("%+v, %v", n, err)
	}
	if was.FromLine != 7 || was.OnConflict != twin.Skip || !slices.Equal(was.Sender.Subjects, o.Sender.Subjects) {
		t.Errorf("it was asked for %+v", was)
	}
	if len(bad) != 1 || bad[0] != "line 9 (a:b): c: m d" {
		t.Errorf("bad lines: %q", bad)
	}
	if !slices.Equal(progress, []int64{6, 8, 10}) {
		t.Errorf("it told of %d", progress)
	}
}

// torn is a text that cannot be read on.
type torn struct{}

func (torn) Read([]byte) (int, error) { return 0, errors.New("the text is torn") }

func TestWhatEndsAnImportEarlyIsTold(t *testing.T) {
	forever, _ := io.Pipe()
	for _, c := range []struct {
		name string
		text io.Reader
		into func(stop func()) func(context.Context, io.Reader, transfer.Options) (transfer.Imported, error)
		says string
		upTo int64
	}{
		{"the text", io.MultiReader(strings.NewReader("a\n"), torn{}), func(func()) func(context.Context, io.Reader, transfer.Options) (transfer.Imported, error) {
			return counting
		}, "the text is torn", 1},
		{"an interrupt", io.MultiReader(strings.NewReader("a\n"), forever), func(stop func()) func(context.Context, io.Reader, transfer.Options) (transfer.Imported, error) {
			return func(ctx context.Context, text io.Reader, o transfer.Options) (transfer.Imported, error) {
				first := make([]byte, 2)
				if _, err := io.ReadFull(text, first); err != nil {
					return transfer.Imported{}, err
				}
				stop()
				return counting(ctx, io.MultiReader(bytes.NewReader(first), text), o)
			}
		}, context.Canceled.Error(), 1},
		{"a full disk, while much is still to come", strings.NewReader(strings.Repeat("a\n", 10<<20)), func(func()) func(context.Context, io.Reader, transfer.Options) (transfer.Imported, error) {
			return func(_ context.Context, text io.Reader, _ transfer.Options) (transfer.Imported, error) {
				_, err := text.Read(make([]byte, 2))
				return transfer.Imported{Created: 1, UpTo: 1}, errors.Join(err, errors.New("the disk is full"))
			}
		}, "the disk is full", 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			ctx, stop := context.WithCancel(t.Context())
			defer stop()
			defer serve(t, dir, Handlers{Import: c.into(stop)}).Close()
			n, err := client(t, dir).Import(ctx, c.text, transfer.Options{})
			if err == nil || err.Error() != c.says || n.UpTo != c.upTo {
				t.Errorf("%+v, %v", n, err)
			}
		})
	}
}

func TestAStopEndsWhatIsUnderWayAndSaysSo(t *testing.T) {
	dir := t.TempDir()
	running := make(chan struct{}, 2)
	s := serve(t, dir, Handlers{
		Import: func(ctx context.Context, _ io.Reader, _ transfer.Options) (transfer.Imported, error) {
			running <- struct{}{}
			<-ctx.Done()
			return transfer.Imported{UpTo: 5}, ctx.Err()
		},
		Export: &entities{wait: func(ctx context.Context) error {
			running <- struct{}{}
			<-ctx.Done()
			return ctx.Err()
		}},
	})
	c := client(t, dir)
	ended := make(chan error, 2)
	text, _ := io.Pipe()
	go func() {
		n, err := c.Import(t.Context(), text, transfer.Options{})
		if n.UpTo != 5 {
			err = fmt.Errorf("%+v, %w", n, err)
		}
		ended <- err
	}()
	go func() { ended <- c.EachEntity(t.Context(), func(*twin.Line) error { return nil }) }()
	<-running
	<-running
	if _, err := c.Import(t.Context(), strings.NewReader(""), transfer.Options{}); err == nil || !strings.Contains(err.Error(), "another import") {
		t.Errorf("a second import: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := <-ended; err == nil || !strings.HasSuffix(err.Error(), "told to stop") {
			t.Errorf("it ended with %v", err)
		}
	}
}

// A verb meets a broker of another version.
func TestAnotherVersionIsNamed(t *testing.T) {
	for _, c := range []struct {
		name   string
		answer http.HandlerFunc
		says   string
	}{
		{"an older one", func(rw http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/status" {
				fmt.Fprint(rw, `{"version":"v0.1"}`)
				return
			}
			http.NotFound(rw, r)
		}, "version v0.1"},
		{"one that answers nothing", http.NotFound, "another version"},
		{"a newer one that refuses", func(rw http.ResponseWriter, r *http.Request) {
			http.Error(rw, otherFormat(r.Header.Get(formatHeader), "2"), http.StatusBadRequest)
		}, "format 1 to the broker, which speaks format 2"},
		{"a newer one that does not", func(rw http.ResponseWriter, _ *http.Request) {
			rw.Header().Set(formatHeader, "2")
		}, "format 1 to the broker, which speaks format 2"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			l, err := listen(dir)
			if err != nil {
				t.Fatal(err)
			}
			server := &http.Server{Handler: c.answer}
			go func() { _ = server.Serve(l) }()
			defer server.Close()
			verb := client(t, dir)
			if err := verb.EachEntity(t.Context(), nil); err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("export: %v", err)
			}
			if _, err := verb.Import(t.Context(), strings.NewReader("{}"), transfer.Options{}); err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("import: %v", err)
			}
		})
	}
	t.Run("a newer verb", func(t *testing.T) {
		dir := t.TempDir()
		s, err := Listen(dir, Handlers{}, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://twinbroker/store/export", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set(formatHeader, "2")
		answer, err := client(t, dir).http.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		if why, _ := io.ReadAll(answer.Body); answer.StatusCode != http.StatusBadRequest || !strings.Contains(string(why), "format 2") {
			t.Errorf("%d %s", answer.StatusCode, why)
		}
	})
}
