package protocol

import (
	"strconv"
	"strings"
	"time"

	"github.com/twinbroker/twinbroker/twin/jsondoc"
)

// Names of the headers about revisions and history (Ditto's page
// basic-history).
const (
	HeaderAtRevision        = "at-historical-revision"
	HeaderAtTimestamp       = "at-historical-timestamp"
	HeaderHistoricalHeaders = "historical-headers"
	HeaderEntityRevision    = "entity-revision"
)

// Moment is a place in the history of a Thing: a revision or a time. The zero
// value is none, that is the present.
type Moment struct {
	ByRevision bool
	Revision   int64     // where ByRevision; below 1 there is nothing
	Time       time.Time // else; zero: none
}

// IsPresent says that it is no place in the history.
func (m Moment) IsPresent() bool { return !m.ByRevision && m.Time.IsZero() }

// At is the place in the history that a retrieve asks for with
// at-historical-revision or at-historical-timestamp; at most one of them makes
// sense. Of a header that asks for both, or for what is no revision or no
// time, it says so (400 header.invalid).
func (h *Headers) At() (Moment, *Error) {
	revision, at := h.find(HeaderAtRevision), h.find(HeaderAtTimestamp)
	switch {
	case revision < 0 && at < 0:
		return Moment{}, nil
	case revision >= 0 && at >= 0:
		return Moment{}, &Error{Status: 400, Code: "header.invalid",
			Message: "The headers '" + h.list[revision].name + "' and '" + h.list[at].name +
				"' both say of when the Thing is wanted.",
			Description: "Send one of them."}
	case revision >= 0:
		hd := &h.list[revision]
		n, ok := revisionIn(hd)
		if !ok {
			return Moment{}, HeaderInvalid(hd.name, hd.asValue(), wantRevision)
		}
		return Moment{ByRevision: true, Revision: n}, nil
	}
	hd := &h.list[at]
	t, ok := timeIn(hd)
	if !ok {
		return Moment{}, HeaderInvalid(hd.name, hd.asValue(), wantTime)
	}
	return Moment{Time: t}, nil
}

const (
	wantRevision = "a revision, a whole number"
	wantTime     = "a time as in ISO 8601, like \"2022-10-24T03:11:15Z\""
)

// revisionIn reads a number, or the text of one: where a header comes from an
// MQTT user property, it is text.
func revisionIn(hd *header) (int64, bool) {
	if hd.value != nil {
		if n, ok := hd.value.Int(); ok {
			return n, true
		}
		if hd.value.Kind() != jsondoc.KindString {
			return 0, false
		}
	}
	n, err := strconv.ParseInt(hd.asText(), 10, 64)
	return n, err == nil
}

// timeIn reads a time in the form of ISO 8601 that Ditto's page shows, with or
// without seconds.
func timeIn(hd *header) (time.Time, bool) {
	if hd.value != nil && hd.value.Kind() != jsondoc.KindString {
		return time.Time{}, false
	}
	text := strings.ToUpper(hd.asText())
	for _, layout := range [...]string{time.RFC3339Nano, "2006-01-02T15:04Z07:00"} {
		if t, err := time.Parse(layout, text); err == nil && !t.IsZero() {
			return t.UTC(), true
		}
	}
	return time.Time{}, false
}

func checkRevision(name string, v *jsondoc.Value) *Error {
	if _, ok := revisionIn(&header{value: v}); !ok {
		return HeaderInvalid(name, v, wantRevision)
	}
	return nil
}

func checkTime(name string, v *jsondoc.Value) *Error {
	if _, ok := timeIn(&header{value: v}); !ok {
		return HeaderInvalid(name, v, wantTime)
	}
	return nil
}

// AppendValue appends a header as JSON; false when there is no such header.
func (h *Headers) AppendValue(dst []byte, key string) ([]byte, bool) {
	i := h.find(key)
	if i < 0 {
		return dst, false
	}
	if hd := &h.list[i]; hd.value != nil {
		return hd.value.AppendTo(dst), true
	}
	return jsondoc.AppendString(dst, h.list[i].text), true
}

// HistoryNotAccessible: the Thing cannot be had as it was then. why says what
// can be, as far as that is known.
func HistoryNotAccessible(id string, at Moment, why string) *Error {
	return historyNotAccessible("things:thing.history.notfound", "Thing", id, at, why)
}

// PolicyHistoryNotAccessible: the Policy cannot be had as it was then.
func PolicyHistoryNotAccessible(id string, at Moment, why string) *Error {
	return historyNotAccessible("policies:policy.history.notfound", "Policy", id, at, why)
}

func historyNotAccessible(code, what, id string, at Moment, why string) *Error {
	then, header := "revision '"+strconv.FormatInt(at.Revision, 10)+"'", HeaderAtRevision
	if !at.ByRevision {
		then, header = "timestamp '"+string(AppendTime(nil, at.Time))+"'", HeaderAtTimestamp
	}
	e := notFound(code, "The "+what+" with ID '"+id+"' at "+then)
	e.Description = "The header '" + header + "' asks for it. " + why
	return e
}
