package broker

import (
	"context"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twinbroker/twinbroker/broker/session"
)

// wall is a client's connection that takes nothing until it is opened.
type wall struct{ open chan struct{} }

func (w wall) Write([]byte) error { <-w.open; return nil }
func (wall) Hurry(time.Time)      {}
func (wall) Close(error)          {}

func TestAnImportWaitsForASubscriberButNotForOneThatTakesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := session.NewRegistry(session.Options{QueueMessages: 100, QueueBytes: 1 << 20, SendMaximum: 100, Log: slog.New(slog.DiscardHandler)})
		in := &intake{b: &Broker{sessions: r}}
		w := wall{make(chan struct{})}
		c, _ := r.Connect(session.Peer{ClientID: "c", Version: 5}, session.Terms{}, w)
		c.Start()
		c.Subscribe(session.Subscription{Filter: "t"})
		say := func(n int) {
			for range n {
				r.Publish(&session.Message{Topic: "t", Payload: make([]byte, 100)})
			}
			synctest.Wait()
		}
		waits := func(ctx context.Context) (time.Duration, error) {
			begun := time.Now()
			err := in.awaitSubscribers(ctx)
			return time.Since(begun), err
		}
		say(1)
		say(50)
		if took, err := waits(t.Context()); took != 0 || err != nil {
			t.Errorf("half full: %v, %v", took, err)
		}
		say(10)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := waits(ctx); err != context.DeadlineExceeded {
			t.Errorf("the context: %v", err)
		}
		if took, err := waits(t.Context()); took != slowFor || err != nil {
			t.Errorf("in vain: %v, %v", took, err)
		}
		if took, err := waits(t.Context()); took != 0 || err != nil {
			t.Errorf("once more: %v, %v", took, err)
		}
		say(100) // it is full, and nobody waits for it any more
		if took, err := waits(t.Context()); took != 0 || err != nil || in.inVain {
			t.Errorf("full: %v, %v", took, err)
		}
		close(w.open)
		synctest.Wait()
		if took, err := waits(t.Context()); took != 0 || err != nil {
			t.Errorf("empty: %v, %v", took, err)
		}
		c.Detach()
	})
}
