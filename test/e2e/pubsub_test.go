package e2e

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/twinbroker/twinbroker/test/harness"
)

// payloads are those of messages, in order.
func payloads(all []harness.Message) []string {
	var list []string
	for _, m := range all {
		list = append(list, m.Payload)
	}
	return list
}

func mustPublish(t testing.TB, c harness.Client, topic, payload string, qos byte) {
	t.Helper()
	if err := c.Publish(topic, payload, qos); err != nil {
		t.Fatalf("publishing to %s: %v", topic, err)
	}
}

func TestAMessageArrivesAtTheLowerQoSOfPublishAndSubscription(t *testing.T) {
	t.Parallel()
	b := harness.Start(t, harness.Options{})
	versions(t, func(t *testing.T, version byte) {
		from, to := harness.Dial(t, b, version, harness.Connect{}), harness.Dial(t, b, version, harness.Connect{})
		for published := range byte(3) {
			for subscribed := range byte(3) {
				topic := fmt.Sprintf("qos/%d/%d/%d", version, published, subscribed)
				if granted := to.SubscribeAt(topic, subscribed); granted != subscribed {
					t.Errorf("granted QoS %d, want %d", granted, subscribed)
				}
				mustPublish(t, from, topic, "x", published)
				if m := to.Wait(topic); m.QoS != min(published, subscribed) || m.Payload != "x" || m.Retain || m.Duplicate {
					t.Errorf("published at %d, subscribed at %d: received %v", published, subscribed, m)
				}
			}
		}
	})
}

func TestFiltersReachTheTopicsThatTheyShould(t *testing.T) {
	t.Parallel()
	b := harness.Start(t, harness.Options{})
	versions(t, func(t *testing.T, version byte) {
		root := fmt.Sprintf("w%d", version)
		topics := []string{"a", "a/b", "a/b/c", "a//c", "A/b", "a/", "/a", "b/b", "a/$x", "a/ü/c"}
		from := harness.Dial(t, b, version, harness.Connect{})
		for filter, want := range map[string][]string{
			"#":     topics,
			"+":     {"a"},
			"a/#":   {"a", "a/b", "a/b/c", "a//c", "a/", "a/$x", "a/ü/c"},
			"a/+":   {"a/b", "a/", "a/$x"},
			"a/+/c": {"a/b/c", "a//c", "a/ü/c"},
			"+/b":   {"a/b", "A/b", "b/b"},
			"+/+":   {"a/b", "A/b", "a/", "/a", "b/b", "a/$x"},
			"a/b":   {"a/b"},
			"/+":    {"/a"},
			"a/b/#": {"a/b", "a/b/c"},
		} {
			to := harness.Dial(t, b, version, harness.Connect{})
			to.Subscribe(root + "/" + filter)
			for _, topic := range topics {
				mustPublish(t, from, root+"/"+topic, topic, 1)
			}
			if got := payloads(to.Drain("#")); !slices.Equal(got, want) {
				t.Errorf("%s reached %q, want %q", filter, got, want)
			}
		}
	})
}

func TestAFilterThatIsNoneIsRefused(t *testing.T) {
	t.Parallel()
	b := harness.Start(t, harness.Options{})
	c := harness.Dial5(t, b, harness.Connect{})
	for filter, code := range map[string]byte{"a/#/b": 0x8F, "a#": 0x8F, "a+/b": 0x8F, "$share/g": 0x8F, "$share/+/a": 0x8F, "$share//a": 0x8F} {
		if got := c.SubscribeAt(filter, 1); got != code {
			t.Errorf("%s: answered %#x, want %#x", filter, got, code)
		}
	}
	if got := harness.Dial3(t, b, harness.Connect{}).SubscribeAt("$share//a", 1); got != 0x80 {
		t.Errorf("MQTT 3.1.1: answered %#x, want 0x80", got)
	}
}

func TestASharedSubscriptionGivesEachMessageToOneMember(t *testing.T) {
	t.Parallel()
	b := harness.Start(t, harness.Options{})
	versions(t, func(t *testing.T, version byte) {
		topic := fmt.Sprintf("work/%d", version)
		var all []string
		var members []harness.Client
		for range 3 {
			c := harness.Dial(t, b, version, harness.Connect{})
			if code := c.SubscribeAt("$share/workers/"+topic, 1); code != 1 {
				t.Fatalf("answered %#x", code)
			}
			members = append(members, c)
		}
		other := harness.Dial(t, b, version, harness.Connect{})
		other.SubscribeAt("$share/others/"+topic, 1)
		alone := harness.Dial(t, b, version, harness.Connect{})
		alone.Subscribe(topic)
		from := harness.Dial(t, b, version, harness.Connect{})
		var want []string
		for n := range 60 {
			want = append(want, fmt.Sprintf("%02d", n))
			mustPublish(t, from, topic, want[n], 1)
		}
		for n, c := range members {
			got := payloads(c.Drain("#"))
			if len(got) == 0 || !slices.IsSorted(got) {
				t.Errorf("member %d received %v", n, got)
			}
			all = append(all, got...)
		}
		slices.Sort(all)
		if !slices.Equal(all, want) {
			t.Errorf("the members received %v", all)
		}
		for _, c := range []harness.Client{other, alone} {
			if got := payloads(c.Drain("#")); !slices.Equal(got, want) {
				t.Errorf("received %v, want all", got)
			}
		}
		members[0].Drop() // and those who are left get the rest
		members[1].Unsubscribe("$share/workers/" + topic)
		for _, payload := range want {
			mustPublish(t, from, topic, payload, 1)
		}
		if got := payloads(members[2].Drain("#")); len(got) < 59 { // one may be on its way to a member that has gone
			t.Errorf("the member that is left received %v", got)
		}
	})
}

func TestASessionThatGoesOnGetsWhatCameMeanwhile(t *testing.T) {
	t.Parallel()
	b := harness.Start(t, harness.Options{})
	versions(t, func(t *testing.T, version byte) {
		o := harness.Connect{ID: fmt.Sprintf("away-%d", version), Keep: true, Expiry: 1000}
		topic := fmt.Sprintf("meanwhile/%d", version)
		c := harness.Dial(t, b, version, o)
		c.SubscribeAt(topic, 2)
		c.Drop()
		from := harness.Dial(t, b, version, harness.Connect{})
		for qos := range byte(3) {
			mustPublish(t, from, topic, fmt.Sprint(qos), qos)
		}
		c = harness.Dial(t, b, version, o)
		if c5, ok := c.(*harness.Client5); ok && !c5.Connack.SessionPresent {
			t.Error("no session is present")
		}
		if got := payloads(c.Drain(topic)); !slices.Equal(got, []string{"1", "2"}) {
			t.Errorf("received %v, want what had QoS 1 and 2", got)
		}
		c.Disconnect()
		o.Keep = false
		c = harness.Dial(t, b, version, o)
		mustPublish(t, from, topic, "x", 1)
		if got := c.Drain(topic); len(got) > 0 {
			t.Errorf("after a clean start: received %v", got)
		}
	})
}

func TestASecondConnectionOfAClientTakesOver(t *testing.T) {
	t.Parallel()
	b := harness.Start(t, harness.Options{})
	first := harness.Dial5(t, b, harness.Connect{ID: "one", Expiry: 100, Keep: true})
	first.Subscribe("taken/#")
	second := harness.Dial5(t, b, harness.Connect{ID: "one", Expiry: 100, Keep: true})
	select {
	case d := <-first.Disconnected:
		if d.ReasonCode != 0x8E {
			t.Errorf("disconnected with %#x, want 0x8E (session taken over)", d.ReasonCode)
		}
	case <-time.After(harness.Patience):
		t.Error("the first connection goes on")
	}
	if !second.Connack.SessionPresent {
		t.Error("no session is present")
	}
	mustPublish(t, second, "taken/x", "x", 1)
	second.Wait("taken/x")
}

func TestTheBrokersOwnTopicsTakeNoPublish(t *testing.T) {
	t.Parallel()
	b := harness.Start(t, harness.Options{})
	c := harness.Dial5(t, b, harness.Connect{})
	watcher := harness.Dial5(t, b, harness.Connect{})
	watcher.Subscribe("#", "$SYS/#")
	watcher.Drain("#")
	watcher.Drain("$SYS/#")
	for _, topic := range []string{"$SYS/broker/version", "$x", "ditto/_replies/" + watcher.ID(), "ditto/_replies", "ditto/_replies/x/y"} {
		err := c.Publish(topic, "forged", 1)
		refused, ok := err.(*harness.Refused)
		if !ok || refused.Code != 0x87 || refused.Reason == "" {
			t.Errorf("%s: %v, want a refusal with 0x87 and a reason", topic, err)
		}
	}
	for _, m := range append(watcher.Drain("#"), watcher.Drain("$SYS/#")...) {
		if m.Payload == "forged" {
			t.Errorf("received %v", m)
		}
	}
}
