package auth

import (
	"fmt"
	"slices"

	"github.com/twinbroker/twinbroker/mapping"
)

// meaning makes subjects of what a certificate or a token says.
type meaning struct {
	prefix   string
	subjects []*mapping.Text
	username *mapping.Text // nil: none
	// integration are the subjects that activateTokenIntegration makes.
	integration []*mapping.Text
}

func compileMeaning(key, prefix string, subjects []string, username string, known func(string) error, fail func(key, format string, args ...any)) meaning {
	m := meaning{prefix: prefix}
	if len(subjects) == 0 {
		fail(key+".subjects", "is missing: the subjects that these clients have")
	}
	for i, text := range subjects {
		t, err := mapping.ParseText(text, known)
		if err != nil {
			fail(fmt.Sprintf("%s.subjects[%d]", key, i), "%v", err)
			continue
		}
		m.subjects = append(m.subjects, t)
	}
	if username != "" {
		var err error
		if m.username, err = mapping.ParseText(username, known); err != nil {
			fail(key+".username", "%v", err)
		}
	}
	return m
}

// of is what it makes of the values. An error says why there is nothing to
// make: a subject that Policies could not name, too many, or none.
func (m *meaning) of(values func(name string) []string) (subjects []string, username string, err error) {
	for _, text := range m.subjects {
		made, err := text.Values(values, maxSubjects)
		if err != nil {
			return nil, "", err
		}
		for _, subject := range made {
			subject = m.prefix + subject
			switch {
			case !validSubject(subject):
				return nil, "", fmt.Errorf("%q cannot be a subject: it is empty, longer than %d bytes, or has control characters", subject, maxSubject)
			case !slices.Contains(subjects, subject):
				subjects = append(subjects, subject)
			}
		}
	}
	switch {
	case len(subjects) == 0:
		return nil, "", fmt.Errorf("it has nothing of what makes a subject")
	case len(subjects) > maxSubjects:
		return nil, "", fmt.Errorf("it makes more than %d subjects", maxSubjects)
	}
	if m.username != nil {
		names, err := m.username.Values(values, maxSubjects)
		if err != nil {
			return nil, "", err
		}
		if len(names) > 0 && validSubject(userPrefix+names[0]) {
			username = names[0]
		}
	}
	return subjects, username, nil
}

// prefixes are what the subjects begin with, colon included.
func (m *meaning) prefixes() (all []string) {
	if m.prefix != "" {
		return []string{m.prefix}
	}
	for _, text := range m.subjects {
		fixed, _ := text.Fixed()
		for i := range fixed {
			if fixed[i] == ':' {
				all = append(all, fixed[:i+1])
				break
			}
		}
	}
	return all
}
