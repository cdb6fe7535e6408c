package twin

import (
	"strconv"
	"time"

	"github.com/twinbroker/twinbroker/twin/jsondoc"
	"github.com/twinbroker/twinbroker/twin/policy"
	"github.com/twinbroker/twinbroker/twin/protocol"
)

// rounding says to what the times in subjects are rounded up (Ditto's page
// basic-policy, "Expiring Policy subjects").
type rounding struct {
	expiries      time.Duration
	announcements time.Duration
}

// expiry is the time at which a subject expires, rounded up; as it is where it
// is none.
func (r rounding) expiry(v *jsondoc.Value) *jsondoc.Value {
	t, ok := timeOf(v)
	if !ok {
		return v
	}
	return jsondoc.String(string(protocol.AppendTime(nil, policy.RoundUpExpiry(t, r.expiries))))
}

func timeOf(v *jsondoc.Value) (time.Time, bool) {
	text, ok := v.Text()
	if !ok {
		return time.Time{}, false
	}
	t, err := time.Parse(time.RFC3339Nano, text)
	return t.UTC(), err == nil
}

// beforeExpiry is how long before the expiry an announcement is made, rounded
// up; as it is where it is none.
func (r rounding) beforeExpiry(v *jsondoc.Value) *jsondoc.Value {
	text, ok := v.Text()
	if !ok {
		return v
	}
	d, unit, ok := durationOf(text)
	if !ok || unit == "ms" {
		return v
	}
	d = policy.RoundUpBeforeExpiry(d, r.announcements)
	for _, u := range durationUnits {
		// The unit that it came with, or a smaller one if that does not do.
		if u.length <= unitLength(unit) && d%u.length == 0 {
			return jsondoc.String(strconv.FormatInt(int64(d/u.length), 10) + u.name)
		}
	}
	return v
}

var durationUnits = [...]struct {
	name   string
	length time.Duration
}{{"h", time.Hour}, {"m", time.Minute}, {"s", time.Second}, {"ms", time.Millisecond}}

func unitLength(name string) time.Duration {
	for _, u := range durationUnits {
		if u.name == name {
			return u.length
		}
	}
	return 0
}

// durationOf reads a duration as Ditto writes it: a whole number and h, m, s or
// ms.
func durationOf(text string) (d time.Duration, unit string, ok bool) {
	end := 0
	for end < len(text) && '0' <= text[end] && text[end] <= '9' {
		end++
	}
	n, err := strconv.ParseInt(text[:end], 10, 64)
	length := unitLength(text[end:])
	if err != nil || length == 0 || n > int64(1<<63-1)/int64(length) {
		return 0, "", false
	}
	return time.Duration(n) * length, text[end:], true
}
