package twin

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestReadsOfHistoryAreCounted(t *testing.T) {
	w := newWorld(t, Options{})
	w.must(lampID, "create", "/", lamp)
	for _, revision := range []int{1, 7, 1} { // there is no 7, and for that nothing is read
		w.send(ask(lampID, "/attributes/model", atRevision(revision), ""))
	}
	w.past.close()
	if got := w.HistoryReads(); got.Done != 2 || got.Failed != 0 || got.Waiting != 0 || got.Took <= 0 {
		t.Errorf("%+v", got)
	}
}

func TestSlowReadsOfHistoryAreLogged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		r := newReaders(slog.New(slog.NewTextHandler(&log, nil)))
		r.read("quick", func(context.Context) { time.Sleep(readSlowly - time.Millisecond) })
		r.read("slow", func(context.Context) { time.Sleep(readSlowly) })
		r.read("slow", func(context.Context) { time.Sleep(time.Millisecond); r.failed() })
		if got := r.stats(); got.Waiting != 3 {
			t.Errorf("%+v", got)
		}
		r.close()
		if got, want := r.stats(), (HistoryReads{Done: 3, Failed: 1, Took: 2 * readSlowly}); got != want {
			t.Errorf("%+v, want %+v", got, want)
		}
		if text := log.String(); strings.Count(text, "\n") != 1 || !strings.Contains(text, "client=slow seconds=1 waiting=1") {
			t.Errorf("the log says:\n%s", text)
		}
	})
}
