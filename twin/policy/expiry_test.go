package policy

import (
	"testing"
	"time"
)

func TestExpiriesAreRoundedUp(t *testing.T) {
	for _, c := range []struct {
		expiry, want string
		granularity  time.Duration
	}{
		{"2030-05-17T09:30:15.25Z", "2030-05-17T09:30:15.25Z", 0},
		{"2030-05-17T09:30:15.25Z", "2030-05-17T09:30:15.25Z", -time.Hour},
		{"2030-05-17T09:30:15.25Z", "2030-05-17T09:30:16Z", time.Second},
		{"2030-05-17T09:30:15Z", "2030-05-17T09:30:15Z", time.Second},
		{"2030-05-17T09:30:15.25Z", "2030-05-17T09:30:30Z", 30 * time.Second},
		{"2030-05-17T09:30:30Z", "2030-05-17T09:30:30Z", 30 * time.Second},
		{"2030-05-17T09:30:31Z", "2030-05-17T09:31:00Z", 30 * time.Second},
		{"2030-05-17T09:30:15Z", "2030-05-17T10:00:00Z", time.Hour},
		{"2030-05-17T10:00:00Z", "2030-05-17T10:00:00Z", time.Hour},
		{"2030-05-17T10:00:00.000000001Z", "2030-05-17T11:00:00Z", time.Hour},
		{"2030-05-17T09:30:15Z", "2030-05-17T12:00:00Z", 12 * time.Hour},
		{"2030-05-17T12:00:01Z", "2030-05-18T00:00:00Z", 12 * time.Hour},
		{"2030-05-17T09:30:15Z", "2030-05-18T00:00:00Z", 24 * time.Hour},
		{"2030-05-01T00:00:00Z", "2030-05-01T00:00:00Z", 15 * 24 * time.Hour},
		{"2030-05-01T00:00:01Z", "2030-05-16T00:00:00Z", 15 * 24 * time.Hour},
		{"2030-05-17T09:30:15Z", "2030-05-31T00:00:00Z", 15 * 24 * time.Hour},
		{"2030-05-17T09:30:15Z", "2030-05-17T09:45:00Z", 15*time.Minute + time.Second},
		{"2030-12-31T23:59:59Z", "2031-01-01T00:00:00Z", time.Hour},
		{"2030-05-17T09:30:15.0001Z", "2030-05-17T09:30:15.005Z", 5 * time.Millisecond},
		{"2030-05-17T09:30:15.000000001Z", "2030-05-17T09:30:15.0000001Z", 100},
		{"2030-05-17T01:30:00+02:00", "2030-05-17T00:00:00Z", 12 * time.Hour},
	} {
		expiry, ok := parseExpiry(c.expiry)
		if !ok {
			t.Fatal(c.expiry)
		}
		if got := RoundUpExpiry(expiry, c.granularity); got.Format(time.RFC3339Nano) != c.want {
			t.Errorf("%s by %s: %s", c.expiry, c.granularity, got.Format(time.RFC3339Nano))
		}
	}
}

func TestTimesBeforeExpiryAreRoundedUp(t *testing.T) {
	for _, c := range []struct{ before, granularity, want time.Duration }{
		{time.Hour, time.Minute, time.Hour},
		{time.Hour + time.Second, time.Minute, time.Hour + time.Minute},
		{time.Second, time.Minute, time.Minute},
		{0, time.Minute, time.Minute},
		{1500 * time.Microsecond, 0, 2 * time.Millisecond},
	} {
		if got := RoundUpBeforeExpiry(c.before, c.granularity); got != c.want {
			t.Errorf("%s by %s: %s", c.before, c.granularity, got)
		}
	}
}

// A duration that was changed is written anew, and is not shorter.
func TestChangedDurationsAreWritten(t *testing.T) {
	a := modelOf(t, "n:p", inAnnouncement(`"beforeExpiry":"90m"`)).Entries[0].Subjects[0].Announcement
	for d, want := range map[time.Duration]string{
		90 * time.Minute: "90m", 2 * time.Hour: "2h", 61 * time.Minute: "61m", 61 * time.Second: "61s", 1500 * time.Millisecond: "1500ms", time.Microsecond: "1ms"} {
		a.BeforeExpiry = d
		got, _ := a.JSON().Member("beforeExpiry")
		if text, _ := got.Text(); text != want {
			t.Errorf("%s: %s", d, text)
		}
	}
	a.BeforeExpiry = 0
	if _, ok := a.JSON().Member("beforeExpiry"); ok {
		t.Error("it is still there")
	}
}

func TestExpired(t *testing.T) {
	at := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	s := Subject{Expiry: at}
	if s.Expired(at.Add(-1)) || !s.Expired(at) || !s.Expired(at.Add(1)) || (&Subject{}).Expired(at) {
		t.Error("wrong time")
	}
}
