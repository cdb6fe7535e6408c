package mapping

import (
	"errors"
	"strconv"
	"strings"
	"time"
)

// moment is what {{ time:… }} stands for: the time at which a message came,
// moved by an offset and cut off at a unit (Ditto's time placeholder).
type moment struct {
	millis bool
	offset time.Duration
	unit   string // "" for the time as it is
}

// timeUnits are Ditto's units. A month and a year are as long as they are on
// average.
var timeUnits = map[string]time.Duration{
	"ms": time.Millisecond, "s": time.Second, "m": time.Minute, "h": time.Hour,
	"d": 24 * time.Hour, "w": 7 * 24 * time.Hour,
	"mo": 2629746 * time.Second, "y": 31556952 * time.Second,
}

var errMoment = errors.New("time: has now and now_epoch_millis, with an offset such as -1h or +7d and a unit to cut off at such as [d]; units are ms, s, m, h, d, w, mo, y")

// parseMoment parses "now-1h[d]", the part behind "time:".
func parseMoment(s string) (*moment, error) {
	m := &moment{}
	rest, ok := strings.CutPrefix(s, "now")
	if !ok {
		return nil, errMoment
	}
	rest, m.millis = strings.CutPrefix(rest, "_epoch_millis")
	if head, unit, hasUnit := strings.Cut(rest, "["); hasUnit {
		if unit, ok = strings.CutSuffix(unit, "]"); !ok || timeUnits[unit] == 0 {
			return nil, errMoment
		}
		rest, m.unit = head, unit
	}
	if rest == "" {
		return m, nil
	}
	sign := rest[0]
	digits := strings.TrimRight(rest[1:], "msdhwoy")
	unit := rest[1+len(digits):]
	if unit == "" {
		unit = "s"
	}
	n, err := strconv.ParseUint(digits, 10, 31)
	if err != nil || timeUnits[unit] == 0 || sign != '+' && sign != '-' {
		return nil, errMoment
	}
	m.offset = time.Duration(n) * timeUnits[unit]
	if n > 0 && m.offset/time.Duration(n) != timeUnits[unit] || m.offset < 0 {
		return nil, errors.New("the offset is more than the 292 years that it can be")
	}
	if sign == '-' {
		m.offset = -m.offset
	}
	return m, nil
}

// appendTo appends the time, with now for the present: milliseconds in UTC.
func (m *moment) appendTo(dst []byte, now time.Time) []byte {
	if m.offset != 0 || m.unit != "" {
		now = m.at(now)
	}
	if m.millis {
		return strconv.AppendInt(dst, now.UnixMilli(), 10)
	}
	return now.UTC().AppendFormat(dst, "2006-01-02T15:04:05.000Z")
}

func (m *moment) at(now time.Time) time.Time {
	t := now.UTC().Add(m.offset)
	year, month, day := t.Date()
	switch m.unit {
	case "":
		return t
	case "w": // its Monday
		return time.Date(year, month, day-(int(t.Weekday())+6)%7, 0, 0, 0, 0, time.UTC)
	case "mo":
		return time.Date(year, month, 1, 0, 0, 0, 0, time.UTC)
	case "y":
		return time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC)
	}
	return t.Truncate(timeUnits[m.unit])
}
