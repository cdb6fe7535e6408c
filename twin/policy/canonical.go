package policy

import (
	"strconv"
	"time"

	"github.com/twinbroker/twinbroker/twin/jsondoc"
)

// JSON is the Policy as Ditto stores and returns it: each entry with subjects,
// resources and importable, whether or not they were given; permissions once
// each; resources without a slash at their end; expiries in UTC; what means
// nothing in a Policy left out. Imports, namespaces, allowedAdditions and
// references are there only where they were given.
func (m *Model) JSON() *jsondoc.Value {
	members := make([]jsondoc.Member, 0, 3)
	if m.ID != "" {
		members = append(members, jsondoc.Member{Name: memberPolicyID, Value: jsondoc.String(m.ID)})
	}
	if len(m.Imports) > 0 {
		members = append(members, jsondoc.Member{Name: memberImports, Value: m.importsJSON()})
	}
	entries := make([]jsondoc.Member, 0, len(m.Entries))
	for i := range m.Entries {
		entries = append(entries, jsondoc.Member{Name: m.Entries[i].Label, Value: m.Entries[i].JSON()})
	}
	return jsondoc.Object(append(members, jsondoc.Member{Name: memberEntries, Value: jsondoc.Object(entries...)})...)
}

func (m *Model) importsJSON() *jsondoc.Value {
	imports := make([]jsondoc.Member, 0, len(m.Imports))
	for _, i := range m.Imports {
		imports = append(imports, jsondoc.Member{Name: i.Policy, Value: i.JSON()})
	}
	return jsondoc.Object(imports...)
}

// JSON is what is imported of a Policy.
func (i *Import) JSON() *jsondoc.Value {
	var members []jsondoc.Member
	if i.written {
		members = append(members, jsondoc.Member{Name: memberEntries, Value: texts(i.Entries)})
	}
	if len(i.Transitive) > 0 {
		members = append(members, jsondoc.Member{Name: memberTransitive, Value: texts(i.Transitive)})
	}
	return jsondoc.Object(members...)
}

// JSON is the entry.
func (e *Entry) JSON() *jsondoc.Value {
	members := make([]jsondoc.Member, 0, 6)
	subjects := make([]jsondoc.Member, 0, len(e.Subjects))
	for i := range e.Subjects {
		subjects = append(subjects, jsondoc.Member{Name: e.Subjects[i].ID, Value: e.Subjects[i].JSON()})
	}
	resources := make([]jsondoc.Member, 0, len(e.Resources))
	for i := range e.Resources {
		resources = append(resources, jsondoc.Member{Name: e.Resources[i].Key(), Value: e.Resources[i].JSON()})
	}
	members = append(members,
		jsondoc.Member{Name: memberSubjects, Value: jsondoc.Object(subjects...)},
		jsondoc.Member{Name: memberResources, Value: jsondoc.Object(resources...)})
	if e.namespaced || len(e.Namespaces) > 0 {
		members = append(members, jsondoc.Member{Name: memberNamespaces, Value: texts(e.Namespaces)})
	}
	members = append(members, jsondoc.Member{Name: memberImportable, Value: jsondoc.String(string(e.Importable))})
	if e.AllowedAdditions != nil {
		members = append(members, jsondoc.Member{Name: memberAllowedAdditions, Value: texts(*e.AllowedAdditions)})
	}
	if len(e.References) > 0 {
		references := make([]*jsondoc.Value, 0, len(e.References))
		for _, ref := range e.References {
			references = append(references, ref.JSON())
		}
		members = append(members, jsondoc.Member{Name: memberReferences, Value: jsondoc.Array(references...)})
	}
	return jsondoc.Object(members...)
}

// JSON is the reference.
func (r Reference) JSON() *jsondoc.Value {
	entry := jsondoc.Member{Name: memberEntry, Value: jsondoc.String(r.Entry)}
	if r.Import == "" {
		return jsondoc.Object(entry)
	}
	return jsondoc.Object(jsondoc.Member{Name: memberImport, Value: jsondoc.String(r.Import)}, entry)
}

// JSON is what is granted and revoked.
func (p *Permissions) JSON() *jsondoc.Value {
	return object(memberGrant, texts(p.Grant), memberRevoke, texts(p.Revoke))
}

// JSON is the subject, without its ID.
func (s *Subject) JSON() *jsondoc.Value {
	members := append(make([]jsondoc.Member, 0, 3), jsondoc.Member{Name: memberType, Value: jsondoc.String(s.Type)})
	if !s.Expiry.IsZero() {
		members = append(members, jsondoc.Member{Name: memberExpiry, Value: jsondoc.String(formatExpiry(s.Expiry))})
	}
	if s.Announcement != nil {
		members = append(members, jsondoc.Member{Name: memberAnnouncement, Value: s.Announcement.JSON()})
	}
	return jsondoc.Object(members...)
}

// formatExpiry writes a time with as many digits of a second as it needs, in
// threes.
func formatExpiry(t time.Time) string {
	layout := "2006-01-02T15:04:05Z"
	switch n := t.Nanosecond(); {
	case n%1e3 != 0:
		layout = "2006-01-02T15:04:05.000000000Z"
	case n%1e6 != 0:
		layout = "2006-01-02T15:04:05.000000Z"
	case n != 0:
		layout = "2006-01-02T15:04:05.000Z"
	}
	return t.UTC().Format(layout)
}

// JSON is the announcement.
func (a *Announcement) JSON() *jsondoc.Value {
	var members []jsondoc.Member
	add := func(name string, v *jsondoc.Value) { members = append(members, jsondoc.Member{Name: name, Value: v}) }
	if text := written(a.beforeExpiry, a.BeforeExpiry); text != "" {
		add(memberBeforeExpiry, jsondoc.String(text))
	}
	add(memberWhenDeleted, jsondoc.Bool(a.WhenDeleted))
	var acks []jsondoc.Member
	if len(a.RequestedAcks) > 0 {
		acks = append(acks, jsondoc.Member{Name: memberLabels, Value: texts(a.RequestedAcks)})
	}
	if text := written(a.acksTimeout, a.AcksTimeout); text != "" {
		acks = append(acks, jsondoc.Member{Name: memberTimeout, Value: jsondoc.String(text)})
	}
	if len(acks) > 0 {
		add(memberRequestedAcks, jsondoc.Object(acks...))
	}
	if text := written(a.randomizationInterval, a.RandomizationInterval); text != "" {
		add(memberRandomizationInterval, jsondoc.String(text))
	}
	return jsondoc.Object(members...)
}

// written is a duration as it was written, if it still says the same, or else
// in the largest unit that it has a whole number of.
func written(text string, d time.Duration) string {
	if was, _, ok := parseDuration(text); ok && was == d {
		return text
	}
	switch {
	case d == 0:
		return ""
	case d%time.Hour == 0:
		return strconv.FormatInt(int64(d/time.Hour), 10) + "h"
	case d%time.Minute == 0:
		return strconv.FormatInt(int64(d/time.Minute), 10) + "m"
	case d%time.Second == 0:
		return strconv.FormatInt(int64(d/time.Second), 10) + "s"
	}
	return strconv.FormatInt(int64((d+time.Millisecond-1)/time.Millisecond), 10) + "ms"
}

func texts[T ~string](list []T) *jsondoc.Value {
	values := make([]*jsondoc.Value, 0, len(list))
	for _, s := range list {
		values = append(values, jsondoc.String(string(s)))
	}
	return jsondoc.Array(values...)
}
