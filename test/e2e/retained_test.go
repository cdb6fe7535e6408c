package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/eclipse/paho.golang/paho"

	"github.com/twinbroker/twinbroker/test/harness"
)

func mustRetain(t testing.TB, c harness.Client, topic, payload string) {
	t.Helper()
	if err := c.PublishRetained(topic, payload, 1); err != nil {
		t.Fatalf("publishing to %s: %v", topic, err)
	}
}

func TestRetainedMessages(t *testing.T) {
	t.Parallel()
	b := harness.Start(t, harness.Options{})
	versions(t, func(t *testing.T, version byte) {
		root := fmt.Sprintf("retained/%d/", version)
		from := harness.Dial(t, b, version, harness.Connect{})
		subscriber := func(t *testing.T, filter string) harness.Client {
			c := harness.Dial(t, b, version, harness.Connect{})
			c.Subscribe(filter)
			return c
		}
		t.Run("the last one is kept and marked", func(t *testing.T) {
			for _, payload := range []string{"1", "2"} {
				mustRetain(t, from, root+"last", payload)
			}
			if got := subscriber(t, root+"last").Drain("#"); len(got) != 1 || got[0].Payload != "2" || !got[0].Retain || got[0].QoS != 1 {
				t.Errorf("received %v", got)
			}
		})
		t.Run("one that is not to be kept changes nothing", func(t *testing.T) {
			mustRetain(t, from, root+"other", "kept")
			mustPublish(t, from, root+"other", "not", 1)
			if got := payloads(subscriber(t, root+"other").Drain("#")); !slices.Equal(got, []string{"kept"}) {
				t.Errorf("received %v", got)
			}
		})
		t.Run("an empty one deletes it, and arrives as any other", func(t *testing.T) {
			mustRetain(t, from, root+"gone", "x")
			present := subscriber(t, root+"gone")
			present.Wait("#")
			mustRetain(t, from, root+"gone", "")
			if m := present.Wait("#"); m.Payload != "" || m.Retain {
				t.Errorf("received %v", m)
			}
			if got := subscriber(t, root+"gone").Drain("#"); len(got) > 0 {
				t.Errorf("received %v", got)
			}
		})
		t.Run("whoever subscribed before gets it as any other", func(t *testing.T) {
			present := subscriber(t, root+"live")
			mustRetain(t, from, root+"live", "x")
			if m := present.Wait("#"); m.Retain {
				t.Errorf("received %v", m)
			}
		})
		t.Run("wildcards reach them, those of $SYS apart", func(t *testing.T) {
			for _, name := range []string{"wild/a", "wild/b", "wild/b/c"} {
				mustRetain(t, from, root+name, name)
			}
			got := payloads(subscriber(t, root+"wild/#").Drain("#"))
			slices.Sort(got)
			if !slices.Equal(got, []string{"wild/a", "wild/b", "wild/b/c"}) {
				t.Errorf("received %v", got)
			}
			for _, m := range subscriber(t, "#").Drain("#") {
				if m.Topic[0] == '$' {
					t.Errorf("received %v", m)
				}
			}
			if m := subscriber(t, "$SYS/broker/#").Wait("$SYS/broker/version"); !strings.HasPrefix(m.Payload, "twinbroker ") || !m.Retain {
				t.Errorf("received %v", m)
			}
		})
		t.Run("a shared subscription gets none", func(t *testing.T) {
			mustRetain(t, from, root+"shared", "x")
			c := harness.Dial(t, b, version, harness.Connect{})
			c.SubscribeAt("$share/g/"+root+"shared", 1)
			if got := c.Drain("#"); len(got) > 0 {
				t.Errorf("received %v", got)
			}
		})
	})
}

func TestRetainHandlingAndRetainAsPublished(t *testing.T) {
	t.Parallel()
	b := harness.Start(t, harness.Options{})
	c := harness.Dial5(t, b, harness.Connect{})
	mustRetain(t, c, "handling", "x")
	for _, row := range []struct {
		handling byte
		again    bool // subscribed already
		want     int
	}{{0, false, 1}, {0, true, 1}, {1, false, 1}, {1, true, 0}, {2, false, 0}, {2, true, 0}} {
		if !row.again {
			c.Unsubscribe("handling")
		}
		if _, err := c.SubscribeWith(&paho.Subscribe{Subscriptions: []paho.SubscribeOptions{{Topic: "handling", QoS: 1, RetainHandling: row.handling}}}); err != nil {
			t.Fatal(err)
		}
		if got := c.Drain("handling"); len(got) != row.want {
			t.Errorf("Retain Handling %d, subscribed already: %v: received %v, want %d", row.handling, row.again, got, row.want)
		}
	}
	for _, as := range []bool{true, false} {
		if _, err := c.SubscribeWith(&paho.Subscribe{Subscriptions: []paho.SubscribeOptions{{Topic: "as", QoS: 1, RetainAsPublished: as, RetainHandling: 2}}}); err != nil {
			t.Fatal(err)
		}
		mustRetain(t, c, "as", "x")
		if m := c.Wait("as"); m.Retain != as {
			t.Errorf("Retain As Published %v: received %v", as, m)
		}
	}
}
