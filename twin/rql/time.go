package rql

import (
	"strconv"
	"strings"
	"time"
)

// moment is the placeholder time:now or time:now_epoch_millis, moved by an
// offset and cut to a unit (Ditto's page basic-placeholders).
type moment struct {
	millis bool
	offset int64 // in milliseconds
	cut    string
}

// unit is how many milliseconds each unit has. Months and years are a twelfth
// and the whole of a mean year, as in Java's ChronoUnit; without a unit it is
// seconds.
var units = [...]struct {
	name   string
	millis int64
}{
	{"ms", 1}, {"s", 1000}, {"", 1000}, {"m", 60_000}, {"h", 3_600_000}, {"d", 86_400_000},
	{"w", 7 * 86_400_000}, {"mo", 31_556_952_000 / 12}, {"y", 31_556_952_000},
}

// farthest bounds offsets: ten thousand years.
const farthest = 10_000 * 31_556_952_000

// parseMoment reads time:now…; problem says why it cannot.
func parseMoment(s string) (m *moment, problem string) {
	rest, ok := strings.CutPrefix(s, "time:now")
	if !ok {
		return nil, "there are the placeholders time:now and time:now_epoch_millis"
	}
	m = &moment{}
	rest, m.millis = strings.CutPrefix(rest, "_epoch_millis")
	offset, cut, hasCut := strings.Cut(rest, "[")
	if hasCut {
		if cut, ok = strings.CutSuffix(cut, "]"); !ok {
			return nil, "the unit to which " + s + " is cut needs a closing bracket"
		}
		if m.cut, ok = unitName(cut); !ok {
			return nil, "a time is cut to one of [ms] [s] [m] [h] [d] [w] [mo] [y]"
		}
	}
	if offset == "" {
		return m, ""
	}
	const wanted = "behind time:now comes an offset, such as +1h or -30d (in ms, s, m, h, d, w, mo or y), or a unit in brackets"
	digits := 1
	for digits < len(offset) && offset[digits] >= '0' && offset[digits] <= '9' {
		digits++
	}
	if offset[0] != '+' && offset[0] != '-' || digits == 1 {
		return nil, wanted
	}
	for _, u := range units {
		if u.name != offset[digits:] {
			continue
		}
		n, err := strconv.ParseInt(offset[1:digits], 10, 64)
		if err != nil || n > farthest/u.millis {
			return nil, "an offset of more than ten thousand years"
		}
		m.offset = n * u.millis
		if offset[0] == '-' {
			m.offset = -m.offset
		}
		return m, ""
	}
	return nil, wanted
}

func unitName(s string) (string, bool) {
	for _, u := range units {
		if u.name == s {
			if s == "" {
				s = "s"
			}
			return s, true
		}
	}
	return "", false
}

// appendTo appends the moment as it is when it is now.
func (m *moment) appendTo(dst []byte, now time.Time) []byte {
	t := now.UTC()
	if m.offset != 0 {
		t = time.Unix(t.Unix()+m.offset/1000, int64(t.Nanosecond())+m.offset%1000*1e6).UTC()
	}
	t = cutTo(t, m.cut)
	if m.millis {
		return strconv.AppendInt(dst, t.UnixMilli(), 10)
	}
	return appendTime(dst, t)
}

// cutTo begins the unit that t is in. Weeks begin on Mondays.
func cutTo(t time.Time, unit string) time.Time {
	year, month, day := t.Date()
	switch unit {
	case "ms":
		return t.Truncate(time.Millisecond)
	case "s":
		return t.Truncate(time.Second)
	case "m":
		return t.Truncate(time.Minute)
	case "h":
		return t.Truncate(time.Hour)
	case "d":
	case "w":
		day -= (int(t.Weekday()) + 6) % 7
	case "mo":
		day = 1
	case "y":
		month, day = 1, 1
	default:
		return t
	}
	return time.Date(year, month, day, 0, 0, 0, 0, time.UTC)
}

// appendTime appends a time in UTC as Ditto prints it, with a fraction of no,
// three, six or nine digits.
func appendTime(dst []byte, t time.Time) []byte {
	layout := "2006-01-02T15:04:05Z"
	switch ns := t.Nanosecond(); {
	case ns == 0:
	case ns%1e6 == 0:
		layout = "2006-01-02T15:04:05.000Z"
	case ns%1e3 == 0:
		layout = "2006-01-02T15:04:05.000000Z"
	default:
		layout = "2006-01-02T15:04:05.000000000Z"
	}
	return t.UTC().AppendFormat(dst, layout)
}
