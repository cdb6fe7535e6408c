package policy

import (
	"time"

	"github.com/twinbroker/twinbroker/twin/jsondoc"
)

// Model is what a Policy's JSON says, checked. It never changes, so it may be
// shared. It shares memory with the JSON that it was made from.
//
// Source: Ditto's page basic-policy, and its JSON schema of a Policy.
type Model struct {
	ID      string
	Imports []Import
	Entries []Entry
	// Strangers are the places in the JSON that mean nothing in a Policy. Ditto
	// leaves them out of what it stores.
	Strangers []jsondoc.Pointer
}

// Entry is one entry of a Policy.
type Entry struct {
	Label      string
	Subjects   []Subject
	Resources  []Permissions
	Namespaces []string // patterns; the entry counts only for Things in one of them; empty: for all
	Importable Importable
	// AllowedAdditions is what entries that refer to this one may add; nil: all.
	AllowedAdditions *[]Addition
	References       []Reference

	// namespaced says that there is a list of namespaces, be it empty.
	namespaced bool
}

// Subject is one subject of an entry.
type Subject struct {
	ID, Type     string
	Expiry       time.Time // zero: it stays
	Announcement *Announcement
}

// Announcement is when and how it is announced that a subject goes.
type Announcement struct {
	BeforeExpiry  time.Duration // 0: not before
	WhenDeleted   bool
	RequestedAcks []string
	AcksTimeout   time.Duration // 0: the configured one
	// RandomizationInterval is by how much it may come earlier; 0: the
	// configured one.
	RandomizationInterval time.Duration

	// The durations as they were written.
	beforeExpiry, acksTimeout, randomizationInterval string
}

// Permissions is what an entry grants and revokes at one resource.
type Permissions struct {
	Resource      Resource
	Path          jsondoc.Pointer
	Grant, Revoke []Permission
}

// Key is the resource as it is written in a Policy: "thing:/features/lamp".
func (p *Permissions) Key() string { return string(p.Resource) + ":" + p.Path.String() }

// Importable says whether Policies that import this one get an entry.
type Importable string

// The kinds of importable entries.
const (
	Implicit Importable = "implicit" // always
	Explicit Importable = "explicit" // when they name it
	Never    Importable = "never"    // not at all, and nobody may refer to it
)

// Addition is a part of an entry that may be added to by who refers to it.
type Addition string

// The parts that may be added to.
const (
	AddSubjects   Addition = "subjects"
	AddResources  Addition = "resources"
	AddNamespaces Addition = "namespaces"
)

// Import is one imported Policy.
type Import struct {
	Policy string
	// Entries are the labels of the explicit entries that are imported too.
	Entries []string
	// Transitive are the imports of the imported Policy that are resolved first.
	Transitive []string

	// written says that the import is more than {}.
	written bool
}

// Reference is an entry that another one takes subjects, resources and
// namespaces from.
type Reference struct {
	Import string // the imported Policy that has it; "" for this Policy
	Entry  string
}

// Entry finds an entry by its label.
func (m *Model) Entry(label string) (*Entry, bool) {
	for i := range m.Entries {
		if m.Entries[i].Label == label {
			return &m.Entries[i], true
		}
	}
	return nil, false
}

// AllSubjects calls f with each subject and the label of its entry.
func (m *Model) AllSubjects(f func(label string, s *Subject)) {
	for i := range m.Entries {
		for j := range m.Entries[i].Subjects {
			f(m.Entries[i].Label, &m.Entries[i].Subjects[j])
		}
	}
}
