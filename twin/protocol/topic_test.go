package protocol

import (
	"errors"
	"strings"
	"testing"
)

func TestParseTopicReadsEveryShape(t *testing.T) {
	for _, tc := range []struct {
		in   string
		want Topic
	}{
		{"org.acme/lamp-1/things/twin/commands/modify", Topic{"org.acme", "lamp-1", Things, Twin, Commands, "modify"}},
		{"org.acme/lamp-1/things/twin/commands/create", Topic{"org.acme", "lamp-1", Things, Twin, Commands, "create"}},
		{"org.acme/lamp-1/things/twin/commands/merge", Topic{"org.acme", "lamp-1", Things, Twin, Commands, "merge"}},
		{"org.acme/lamp-1/things/twin/commands/delete", Topic{"org.acme", "lamp-1", Things, Twin, Commands, "delete"}},
		{"org.acme/lamp-1/things/twin/commands/migrate", Topic{"org.acme", "lamp-1", Things, Twin, Commands, "migrate"}},
		{"org.acme/lamp-1/things/twin/events/modified", Topic{"org.acme", "lamp-1", Things, Twin, Events, "modified"}},
		{"org.acme/lamp-1/things/live/commands/retrieve", Topic{"org.acme", "lamp-1", Things, Live, Commands, "retrieve"}},
		{"org.acme/lamp-1/things/live/messages/blink", Topic{"org.acme", "lamp-1", Things, Live, Messages, "blink"}},
		{"org.acme/lamp-1/things/live/messages/do/it//now", Topic{"org.acme", "lamp-1", Things, Live, Messages, "do/it//now"}},
		{"org.acme/lamp-1/things/live/messages", Topic{"org.acme", "lamp-1", Things, Live, Messages, ""}},
		{"org.acme/lamp-1/things/twin/acks/my:label", Topic{"org.acme", "lamp-1", Things, Twin, Acks, "my:label"}},
		{"org.acme/lamp-1/things/twin/acks", Topic{"org.acme", "lamp-1", Things, Twin, Acks, ""}},
		{"org.acme/lamp-1/things/twin/errors", Topic{"org.acme", "lamp-1", Things, Twin, Errors, ""}},
		{"_/_/things/twin/search/subscribe", Topic{"_", "_", Things, Twin, Search, "subscribe"}},
		{"org.acme/lamp-1/things/twin/streaming/subscribeForPersistedEvents",
			Topic{"org.acme", "lamp-1", Things, Twin, Streaming, "subscribeForPersistedEvents"}},
		{"org.acme/lamp-1/things/twin/streaming/request", Topic{"org.acme", "lamp-1", Things, Twin, Streaming, "request"}},
		{"org.acme/p1/policies/commands/retrieve", Topic{"org.acme", "p1", Policies, None, Commands, "retrieve"}},
		{"_/_/policies/commands/checkPermissions", Topic{"_", "_", Policies, None, Commands, "checkPermissions"}},
		{"org.acme/p1/policies/announcements/subjectDeletion", Topic{"org.acme", "p1", Policies, None, Announcements, "subjectDeletion"}},
		{"_/c1/connections/announcements/opened", Topic{"_", "c1", Connections, None, Announcements, "opened"}},
		{"/no-namespace/things/twin/commands/modify", Topic{"", "no-namespace", Things, Twin, Commands, "modify"}},
		{"a/b:c d%2F/things/twin/commands/modify", Topic{"a", "b:c d%2F", Things, Twin, Commands, "modify"}},
	} {
		got, err := ParseTopic(tc.in)
		if err != nil || got != tc.want {
			t.Errorf("%s: got %+v, %v", tc.in, got, err)
		}
		if back := got.String(); back != tc.in {
			t.Errorf("%s printed as %s", tc.in, back)
		}
	}
}

func TestParseTopicRefuses(t *testing.T) {
	for _, in := range []string{
		"", "/", "a", "a/", "a/b", "a/b/", "a/b/c", "a/b/things", "a/b/things/", "a/b/things/twin", "a/b/things/twin/",
		"a/b/things/commands/modify", "a/b/things/none/commands/modify", "a/b/things/Twin/commands/modify",
		"a/b/things/twin/command/modify", "a/b/things/twin/commands", "a/b/things/twin/commands/",
		"a/b/things/twin/commands/patch", "a/b/things/twin/commands/modify/", "a/b/things/twin/commands/modify/x",
		"a/b/things/twin/errors/x", "a/b/things/twin/search/subscribeForPersistedEvents",
		"a/b/things/twin/streaming/subscribe", "a/b/policies/twin/commands/modify", "a//things/twin/commands/modify",
		"a/b/policies", "//things/twin/commands/modify",
	} {
		_, err := ParseTopic(in)
		var e *Error
		if !errors.As(err, &e) || e.Status != 400 || e.Code != "protocoladapter:unknown.topicpath" || e.Description == "" {
			t.Errorf("%q: %v", in, err)
		}
	}
}

func TestMQTTTopicsCarryEveryName(t *testing.T) {
	for _, tc := range []struct {
		topic Topic
		mqtt  string
	}{
		{Topic{"a", "b", Things, Twin, Commands, "modify"}, "a/b/things/twin/commands/modify"},
		{Topic{"a", "b+c#d%e", Things, Twin, Commands, "modify"}, "a/b%2Bc%23d%25e/things/twin/commands/modify"},
		{Topic{"a", "b%2F", Things, Twin, Events, "modified"}, "a/b%252F/things/twin/events/modified"},
		{Topic{"a", "b", Things, Live, Messages, "up+down/50%"}, "a/b/things/live/messages/up%2Bdown/50%25"},
		{Topic{"a", "ä b:c", Policies, None, Commands, "retrieve"}, "a/ä b:c/policies/commands/retrieve"},
	} {
		if got := string(tc.topic.AppendMQTT(nil)); got != tc.mqtt {
			t.Errorf("%v: printed %s, want %s", tc.topic, got, tc.mqtt)
		}
		if got, err := ParseMQTTTopic(tc.mqtt); err != nil || got != tc.topic {
			t.Errorf("%s: got %v, %v", tc.mqtt, got, err)
		}
	}
	for _, bad := range []string{"a/b%/things/twin/commands/modify", "a/b%2/things/twin/commands/modify",
		"a/b%41/things/twin/commands/modify", "a/b%zz/things/twin/commands/modify", "a%/b/things/twin/commands/modify",
		"a/b/things/live/messages/50%", "a/b/things/twin/commands/modif%79"} {
		if got, err := ParseMQTTTopic(bad); err == nil {
			t.Errorf("%s: taken as %v", bad, got)
		}
	}
}

func TestEscapeNameMakesOneLevel(t *testing.T) {
	for name, want := range map[string]string{"": "", "plain": "plain", "a/b": "a%2Fb", "+#/%": "%2B%23%2F%25", "ü%": "ü%25"} {
		if got := EscapeName(name); got != want {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
		if back, err := UnescapeName(want); err != nil || back != name {
			t.Errorf("%q: back as %q, %v", want, back, err)
		}
	}
	if got, err := UnescapeName("a%2fb%2b"); err != nil || got != "a/b+" {
		t.Errorf("lower case: %q, %v", got, err)
	}
}

func TestEntityID(t *testing.T) {
	for topic, want := range map[Topic]string{
		{"a.b", "c", Things, Twin, Commands, "modify"}:           "a.b:c",
		{"_", "con", Connections, None, Announcements, "opened"}: "con",
	} {
		if got := topic.EntityID(); got != want {
			t.Errorf("%v: %s", topic, got)
		}
	}
}

func FuzzParseTopic(f *testing.F) {
	for _, seed := range []string{"org.acme/lamp-1/things/twin/commands/modify", "_/_/things/twin/search/subscribe",
		"a/b/policies/announcements/x/y", "//", "a/b%2B%25/things/live/messages/a/b", "a/b/things/twin/errors/"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		topic, err := ParseTopic(s)
		if err == nil {
			again, err := ParseTopic(topic.String())
			if err != nil || again != topic {
				t.Fatalf("%q printed %q, which is %+v, %v", s, topic.String(), again, err)
			}
			mqtt := string(topic.AppendMQTT(nil))
			if strings.ContainsAny(mqtt, "+#") {
				t.Fatalf("%q as MQTT topic is %q", s, mqtt)
			}
			again, err = ParseMQTTTopic(mqtt)
			if err != nil || again != topic {
				t.Fatalf("%q as MQTT topic is %q, which is %+v, %v", s, mqtt, again, err)
			}
		}
		if topic, err := ParseMQTTTopic(s); err == nil {
			if again, err := ParseMQTTTopic(string(topic.AppendMQTT(nil))); err != nil || again != topic && !strings.Contains(topic.Action, "%2") {
				t.Fatalf("%q: %+v comes back as %+v, %v", s, topic, again, err)
			}
		}
	})
}
