package twin

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twinbroker/twinbroker/twin/protocol"
)

// keepTime has what happens by itself written down, a line each.
func (w *world) keepTime() chan string {
	happened := make(chan string, 100)
	w.KeepTime(func(o *Outcome) {
		if o.Err != nil {
			happened <- o.Err.Error()
		}
		for _, e := range o.Events {
			happened <- fmt.Sprintf("%s %s %s %d", e.Topic.Action, e.Path, text(e.Value), e.Revision)
		}
		for _, a := range o.Announcements {
			happened <- announced(a)
		}
	})
	return happened
}

func announced(a Announcement) string {
	return fmt.Sprintf("%s to %s: %s", a.Message.Topic, a.Subjects, text(a.Message.Value))
}

// take gives what happened so far.
func take(happened chan string) string {
	var all []string
	for {
		select {
		case s := <-happened:
			all = append(all, s)
		default:
			return strings.Join(all, "\n")
		}
	}
}

func in(d time.Duration) string { return string(protocol.AppendTime(nil, time.Now().Add(d))) }

func TestSubjectsExpire(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := Options{SubjectExpiry: time.Minute, AnnouncementSpread: -1}
		w := newWorld(t, o)
		happened := w.keepTime()
		w.mustPolicy(gateID, "create", "/", gate)
		at := in(10 * time.Minute)
		w.mustPolicy(gateID, "modify", "/entries/GUEST/subjects/user:eve", `{"type":"x","expiry":"`+at+`"}`)
		w.mustPolicy(gateID, "modify", "/entries/GUEST/subjects/iss:a/b", `{"type":"x","expiry":"`+in(20*time.Minute)+`"}`)
		w.mustPolicy(gateID, "modify", "/entries/OWNER/subjects/iss:a/b", `{"type":"x","expiry":"`+in(20*time.Minute)+`"}`)
		w.mustPolicy(gateID, "modify", "/entries/GUEST/subjects/user:later", `{"type":"x","expiry":"`+in(time.Hour)+`"}`)
		// One that is put off stays.
		w.mustPolicy(gateID, "modify", "/entries/OWNER/subjects/user:eve", `{"type":"y","expiry":"`+at+`"}`)
		w.mustPolicy(gateID, "modify", "/entries/OWNER/subjects/user:eve", `{"type":"y"}`)

		time.Sleep(10*time.Minute - time.Second)
		synctest.Wait()
		if got := take(happened); got != "" {
			t.Errorf("too early: %s", got)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if got, want := take(happened), `deleted /entries/GUEST/subjects/user:eve  8`; got != want {
			t.Errorf("after ten minutes:\n%s\nwant\n%s", got, want)
		}
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		if got, want := take(happened), `deleted / {"OWNER":["iss:a/b"],"GUEST":["iss:a/b"]} 9`; got != want {
			t.Errorf("after twenty minutes:\n%s\nwant\n%s", got, want)
		}
		if got := w.policy(gateID); strings.Contains(got, "iss:") || !strings.Contains(got, "user:later") || strings.Count(got, "user:eve") != 1 {
			t.Errorf("it is %s", got)
		}

		// Across a restart, also where it is over before that.
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Hour)
		w.open(o)
		happened = w.keepTime()
		synctest.Wait()
		if got, want := take(happened), `deleted /entries/GUEST/subjects/user:later  10`; got != want {
			t.Errorf("after a restart:\n%s\nwant\n%s", got, want)
		}
		w.reopen(o) // the journal says the same
		if got := w.policy(gateID); strings.Contains(got, "later") {
			t.Errorf("it is %s", got)
		}
	})
}

func TestExpiredSubjectsMayNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Options{SubjectExpiry: -1}) // and nothing keeps time
		w.mustPolicy(gateID, "create", "/", gate)
		w.mustPolicy(gateID, "modify", "/entries/GUEST/subjects/user:eve", `{"type":"x","expiry":"`+in(time.Second)+`"}`)
		read := func() int {
			return w.as("user:eve", policyCommand(gateID, "retrieve", "/", "", "")).Response.Status
		}
		if read() != 200 {
			t.Error("not yet")
		}
		time.Sleep(time.Second)
		if read() != 404 {
			t.Error("no longer")
		}
	})
}

func TestTheEndOfSubjectsIsAnnounced(t *testing.T) {
	const to = "org.acme/gate/policies/announcements/subjectDeletion to "
	for _, c := range []struct{ name, announcement, before, after string }{ // announced a minute before the end, and at the end
		{"before", `{"beforeExpiry":"1m"}`, "B", ""},
		{"when deleted", `{"whenDeleted":true}`, "", "D"},
		{"once", `{"beforeExpiry":"1m","whenDeleted":true}`, "B", ""},
		{"not at all", `{}`, "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, Options{SubjectExpiry: time.Minute, AnnouncementSpread: -1})
				happened := w.keepTime()
				w.mustPolicy(gateID, "create", "/", gate)
				at := in(3 * time.Minute)
				w.mustPolicy(gateID, "modify", "/entries/GUEST/subjects/user:eve", `{"type":"x","expiry":"`+at+`","announcement":`+c.announcement+`}`)
				want := to + `[user:eve]: {"deleteAt":"` + at + `","subjectIds":["user:eve"]}`
				time.Sleep(2*time.Minute - time.Second)
				synctest.Wait()
				if got := take(happened); got != "" {
					t.Errorf("too early: %s", got)
				}
				time.Sleep(2 * time.Second)
				synctest.Wait()
				if got := take(happened); got != strings.ReplaceAll(c.before, "B", want) {
					t.Errorf("before the end: %s", got)
				}
				time.Sleep(time.Minute)
				synctest.Wait()
				got := take(happened)
				if !strings.HasPrefix(got, "deleted /entries/GUEST/subjects/user:eve") || strings.Contains(got, to) != (c.after == "D") {
					t.Errorf("at the end: %s", got)
				}
			})
		})
	}
}

func TestWhenSubjectsAreTakenAwayTheyAreTold(t *testing.T) {
	const path = "/entries/GUEST/subjects/user:eve"
	told := `{"type":"x","announcement":{"whenDeleted":true}}`
	for _, c := range []struct {
		name, action, path, value string
		want                      bool
	}{
		{"by themselves", "delete", path, "", true},
		{"with their entry", "delete", "/entries/GUEST", "", true},
		{"by others in their place", "modify", "/entries/GUEST/subjects", `{}`, true},
		{"with their Policy", "delete", "/", "", true},
		{"not when they are changed", "modify", path, `{"type":"y","announcement":{"whenDeleted":true}}`, false},
		{"not when nothing is to be told any more", "modify", path, `{"type":"y"}`, false},
		{"not when somebody else goes", "delete", "/entries/GUEST/subjects/user:bob", "", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, Options{})
			w.keepTime()
			w.mustPolicy(gateID, "create", "/", gate)
			w.mustPolicy(gateID, "modify", path, told)
			o := w.mustPolicy(gateID, c.action, c.path, c.value)
			if got := len(o.Announcements); (got == 1) != c.want {
				t.Fatalf("%d announcements", got)
			}
			if c.want && !strings.HasPrefix(announced(o.Announcements[0]), "org.acme/gate/policies/announcements/subjectDeletion to [user:eve]: ") {
				t.Error(announced(o.Announcements[0]))
			}
		})
	}
	t.Run("and how it is to be acknowledged", func(t *testing.T) {
		w := newWorld(t, Options{})
		w.keepTime()
		w.mustPolicy(gateID, "create", "/", gate)
		w.mustPolicy(gateID, "modify", path, `{"type":"x","announcement":{"whenDeleted":true,"requestedAcks":{"labels":["a:b"],"timeout":"10s"}}}`)
		a := w.mustPolicy(gateID, "delete", path, "").Announcements[0].Message
		if acks := text(a.Headers.Value(protocol.HeaderRequestedAcks)); acks != `["a:b"]` {
			t.Errorf("asked for %s", acks)
		}
		if timeout, _ := a.Headers.Get(protocol.HeaderTimeout); timeout != "10000ms" {
			t.Errorf("waiting %s", timeout)
		}
	})
}

func TestTimesInPoliciesAreRoundedUp(t *testing.T) {
	for _, c := range []struct{ to, at, want string }{
		{"1s", "2030-05-17T09:30:00.2Z", "2030-05-17T09:30:01Z"},
		{"30s", "2030-05-17T09:30:01Z", "2030-05-17T09:30:30Z"},
		{"1h", "2030-05-17T09:00:00Z", "2030-05-17T09:00:00Z"},
		{"1h", "2030-05-17T09:00:00.001+00:00", "2030-05-17T10:00:00Z"},
		{"1h", "2030-05-17T23:30:00Z", "2030-05-18T00:00:00Z"},
		{"12h", "2030-05-17T09:30:00Z", "2030-05-17T12:00:00Z"},
		{"24h", "2030-05-17T09:30:00Z", "2030-05-18T00:00:00Z"},
		{"360h", "2030-05-02T09:30:00Z", "2030-05-16T00:00:00Z"},
		{"5ms", "2030-05-17T09:30:00.001Z", "2030-05-17T09:30:00.005Z"},
		{"-1s", "2030-05-17T09:30:00.001Z", "2030-05-17T09:30:00.001Z"},
	} {
		to, err := time.ParseDuration(c.to)
		if err != nil {
			t.Fatal(err)
		}
		v := rounding{expiries: to}.expiry(jsonText(t, `"`+c.at+`"`))
		if got := v.String(); got != `"`+c.want+`"` {
			t.Errorf("%s to %s is %s, want %s", c.at, c.to, got, c.want)
		}
	}
	for _, c := range []struct{ to, before, want string }{
		{"1m", "1h", "1h"}, {"1m", "90s", "120s"}, {"1m", "1s", "60s"}, {"90s", "1m", "90s"}, {"1h", "61m", "120m"}, {"1m", "5ms", "5ms"}, {"1m", "soon", "soon"},
	} {
		to, _ := time.ParseDuration(c.to)
		v := rounding{announcements: to}.beforeExpiry(jsonText(t, `"`+c.before+`"`))
		if got := v.String(); got != `"`+c.want+`"` {
			t.Errorf("%s to %s is %s, want %s", c.before, c.to, got, c.want)
		}
	}
}
