package policy

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/twinbroker/twinbroker/twin/jsondoc"
	"github.com/twinbroker/twinbroker/twin/protocol"
)

func (p *parsing) subjects(e *Entry, v *jsondoc.Value) *protocol.Error {
	e.Subjects = make([]Subject, 0, v.Len())
	return p.members(v, "subjects", func(id string, v *jsondoc.Value) *protocol.Error {
		if err := protocol.CheckSubjectID(p.here(), id); err != nil {
			return err
		}
		s := Subject{ID: id}
		if err := p.subject(&s, v); err != nil {
			return err
		}
		e.Subjects = append(e.Subjects, s)
		return nil
	})
}

func (p *parsing) subject(s *Subject, v *jsondoc.Value) *protocol.Error {
	typed := false
	err := p.members(v, "a subject", func(name string, v *jsondoc.Value) (err *protocol.Error) {
		switch {
		case name == memberType:
			typed = true
			s.Type, err = p.text(v, "what the subject is, as you like")
		case v.IsNull() && (name == memberExpiry || name == memberAnnouncement):
		case name == memberExpiry:
			text, ok := v.Text()
			if !ok {
				text = v.String()
			}
			s.Expiry, ok = parseExpiry(text)
			if !ok {
				err = protocol.SubjectExpiryInvalid(p.here(), text)
			}
		case name == memberAnnouncement:
			s.Announcement = &Announcement{}
			err = p.announcement(s.Announcement, v)
		default:
			err = p.stranger()
		}
		return err
	})
	if err == nil && !typed {
		err = protocol.JSONFieldMissing(p.here(memberType).String())
	}
	return err
}

// parseExpiry reads a time in ISO 8601, as RFC 3339 narrows it down.
func parseExpiry(text string) (time.Time, bool) {
	var t time.Time
	if t.UnmarshalText([]byte(text)) != nil || t.IsZero() { // the zero time means that there is none
		return time.Time{}, false
	}
	return t.UTC(), true
}

const (
	memberBeforeExpiry          = "beforeExpiry"
	memberWhenDeleted           = "whenDeleted"
	memberRequestedAcks         = "requestedAcks"
	memberLabels                = "labels"
	memberTimeout               = "timeout"
	memberRandomizationInterval = "randomizationInterval"
)

func (p *parsing) announcement(a *Announcement, v *jsondoc.Value) *protocol.Error {
	return p.members(v, "when the subject's end is announced", func(name string, v *jsondoc.Value) (err *protocol.Error) {
		switch name {
		case memberBeforeExpiry:
			a.beforeExpiry, a.BeforeExpiry, err = p.duration(v, "ms", "s", "m", "h", "")
		case memberWhenDeleted:
			when, ok := v.Bool()
			if !ok && !v.IsNull() {
				return protocol.JSONFormatInvalid(p.here(), "true or false")
			}
			a.WhenDeleted = when
		case memberRequestedAcks:
			if v.IsNull() {
				return nil
			}
			err = p.requestedAcks(a, v)
		case memberRandomizationInterval:
			a.randomizationInterval, a.RandomizationInterval, err = p.duration(v, "ms", "s", "m", "h", "d", "")
		default:
			err = p.stranger()
		}
		return err
	})
}

func (p *parsing) requestedAcks(a *Announcement, v *jsondoc.Value) *protocol.Error {
	return p.members(v, "requested acknowledgements", func(name string, v *jsondoc.Value) (err *protocol.Error) {
		switch name {
		case memberLabels:
			if v.IsNull() {
				return nil
			}
			if a.RequestedAcks, err = p.texts(v, "labels of acknowledgements"); err != nil {
				return err
			}
			for _, label := range a.RequestedAcks {
				if !ackLabel.MatchString(label) {
					return protocol.AcknowledgementLabelInvalid(p.here(), label)
				}
			}
		case memberTimeout:
			a.acksTimeout, a.AcksTimeout, err = p.duration(v, "ms", "s", "m", "h", "d", "")
		default:
			err = p.stranger()
		}
		return err
	})
}

// ackLabel is a label of acknowledgements, with or without a placeholder for
// the connection that issues them.
var ackLabel = regexp.MustCompile(`^(\{\{\s*[a-z]+:[a-z]+\s*}}:)?[a-zA-Z0-9_:-]{3,165}$`)

// duration reads what must be a duration in one of the units.
func (p *parsing) duration(v *jsondoc.Value, units ...string) (string, time.Duration, *protocol.Error) {
	if v.IsNull() {
		return "", 0, nil
	}
	text, ok := v.Text()
	if !ok {
		text = v.String()
	}
	d, unit, is := parseDuration(text)
	if !ok || !is || !slices.Contains(units, unit) {
		return "", 0, protocol.SubjectAnnouncementInvalid(p.here(), text, durationWanted)
	}
	return text, d, nil
}

const durationWanted = "It is a number followed by 'h' (hours), 'm' (minutes), 's' (seconds) or 'ms' (milliseconds)."

var durationUnits = []struct {
	suffix string
	is     time.Duration
}{{"ms", time.Millisecond}, {"s", time.Second}, {"m", time.Minute}, {"h", time.Hour}, {"d", 24 * time.Hour}, {"", time.Second}}

// parseDuration reads a duration as Ditto writes it: digits and a unit.
func parseDuration(text string) (d time.Duration, unit string, ok bool) {
	digits := strings.TrimLeft(text, "0123456789")
	n, err := strconv.ParseInt(text[:len(text)-len(digits)], 10, 64)
	if err != nil {
		return 0, "", false
	}
	for _, u := range durationUnits {
		if digits == u.suffix {
			if n > int64(100*365*24*time.Hour/u.is) {
				return 0, "", false
			}
			return time.Duration(n) * u.is, u.suffix, true
		}
	}
	return 0, "", false
}

// RoundUpExpiry is a subject's expiry as it is kept: the next time that is a
// multiple of the granularity, counted from the begin of the next larger unit,
// so 15 days from the first of the month and 12 hours from midnight, in UTC. A
// granularity of several units counts as that many of its largest. Zero leaves
// the expiry alone.
//
// Source: Ditto's page basic-policy, "Expiring Policy subjects".
func RoundUpExpiry(expiry time.Time, granularity time.Duration) time.Time {
	if granularity <= 0 {
		return expiry
	}
	expiry = expiry.UTC()
	day := time.Date(expiry.Year(), expiry.Month(), expiry.Day(), 0, 0, 0, 0, time.UTC)
	var unit time.Duration
	var from time.Time
	switch {
	case granularity >= 24*time.Hour:
		unit, from = 24*time.Hour, day.AddDate(0, 0, 1-day.Day())
	case granularity >= time.Hour:
		unit, from = time.Hour, day
	case granularity >= time.Minute:
		unit, from = time.Minute, expiry.Truncate(time.Hour)
	case granularity >= time.Second:
		unit, from = time.Second, expiry.Truncate(time.Minute)
	case granularity >= time.Millisecond:
		unit, from = time.Millisecond, expiry.Truncate(time.Second)
	default:
		unit, from = time.Nanosecond, expiry.Truncate(time.Millisecond)
	}
	step := granularity.Truncate(unit)
	over := expiry.Sub(from) % step
	if over == 0 {
		return expiry
	}
	return expiry.Add(step - over)
}

// RoundUpBeforeExpiry is the time before a subject's expiry at which it is
// announced, as it is kept: the next multiple of the granularity, at least one.
func RoundUpBeforeExpiry(before, granularity time.Duration) time.Duration {
	granularity = max(granularity, time.Millisecond)
	before = max(before, granularity)
	return (before + granularity - 1) / granularity * granularity
}

// Expired says whether the subject is over at a time.
func (s *Subject) Expired(now time.Time) bool {
	return !s.Expiry.IsZero() && !now.Before(s.Expiry)
}
