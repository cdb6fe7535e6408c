package auth

import (
	"fmt"

	"github.com/twinbroker/twinbroker/mapping"
)

const labelPlaceholder = "policy-entry:label"

// integrate compiles what clients with a token can make subjects of Policies.
func (m *meaning) integrate(key string, templates []string, fail func(key, format string, args ...any)) {
	for i, text := range templates {
		t, err := mapping.ParseText(text, func(name string) error {
			if name == labelPlaceholder {
				return nil
			}
			return knownClaim(name)
		})
		if err != nil {
			fail(fmt.Sprintf("%s.integration_subjects[%d]", key, i), "%v", err)
			continue
		}
		m.integration = append(m.integration, t)
	}
}

// integrations are these subjects for the claims of a token, with the label of
// the entry of a Policy left open.
func (m *meaning) integrations(values func(name string) []string) (subjects []string, err error) {
	for _, text := range m.integration {
		made, err := text.Values(func(name string) []string {
			if name == labelPlaceholder {
				return []string{entryLabel}
			}
			return values(name)
		}, maxSubjects)
		if err != nil {
			return nil, err
		}
		subjects = append(subjects, made...)
	}
	return subjects, nil
}
