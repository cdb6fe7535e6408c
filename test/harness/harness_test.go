package harness

import "testing"

func TestMain(m *testing.M) { Main(m) }

func TestBothKindsOfClientTalkThroughARunningBroker(t *testing.T) {
	t.Parallel()
	b := Start(t, Options{})
	for _, version := range []byte{5, 4} {
		c := Dial(t, b, version, Connect{})
		c.Subscribe("a/+")
		if err := c.Publish("a/b", "hello", 1); err != nil {
			t.Fatal(err)
		}
		if m := c.Wait("a/b"); m.Payload != "hello" || m.QoS != 1 {
			t.Errorf("version %d: received %v", version, m)
		}
		if m := c.Drain("#"); len(m) != 0 {
			t.Errorf("version %d: received %v besides", version, m)
		}
	}
}

func TestABrokerStartsAgainOnItsFolderAfterKillAndStop(t *testing.T) {
	t.Parallel()
	b := Start(t, Options{Config: Anonymous})
	for _, end := range []func(){b.Kill, b.Stop, func() {}} {
		end()
		b.Restart()
		Dial5(t, b, Connect{})
		Dial3(t, b, Connect{}).Drop()
	}
}

func TestMatchesFollowsTheSpecification(t *testing.T) {
	for _, c := range []struct {
		filter, topic string
		want          bool
	}{
		{"#", "a/b", true}, {"a/#", "a", true}, {"a/+", "a/b", true}, {"a/+", "a/b/c", false}, {"a/+", "a", false},
		{"#", "$SYS/x", false}, {"+/x", "$SYS/x", false}, {"$SYS/#", "$SYS/x", true}, {"$share/g/a/+", "a/b", true},
	} {
		if got := Matches(c.filter, c.topic); got != c.want {
			t.Errorf("Matches(%q, %q) = %v, want %v", c.filter, c.topic, got, c.want)
		}
	}
}
