package policy

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/twinbroker/twinbroker/twin/protocol"
)

// ValidNamespacePattern says whether a text can stand among an entry's
// namespaces: a namespace, or one followed by ".*" (Ditto's page basic-policy,
// "Namespaces").
func ValidNamespacePattern(s string) bool {
	return protocol.ValidNamespace(strings.TrimSuffix(s, ".*"))
}

// inNamespace says whether a namespace is one of a pattern's: "com.acme" is
// itself, "com.acme.*" all that is below it.
func inNamespace(namespace, pattern string) bool {
	if below, ok := strings.CutSuffix(pattern, "*"); ok && strings.HasSuffix(below, ".") {
		return strings.HasPrefix(namespace, below)
	}
	return namespace == pattern
}

// countsIn says whether an entry with these patterns counts for a namespace.
func countsIn(namespace string, patterns []string) bool {
	if len(patterns) == 0 {
		return true
	}
	return slices.ContainsFunc(patterns, func(p string) bool { return inNamespace(namespace, p) })
}

// Roots are the configured namespace root Policies: the IDs of the Policies
// whose implicit entries count in every Policy of the namespaces that a
// pattern stands for. A pattern is a namespace, one followed by ".*", or "*"
// (Ditto's page basic-policy, "Namespace root policies").
type Roots map[string][]string

// Check says what is wrong with the patterns or the IDs.
func (r Roots) Check() error {
	for pattern, ids := range r {
		if pattern != "*" && !ValidNamespacePattern(pattern) {
			return fmt.Errorf("%q is no pattern of namespaces; it is a namespace, one followed by \".*\", or \"*\"", pattern)
		}
		for _, id := range ids {
			if err := protocol.CheckPolicyID(id); err != nil {
				return fmt.Errorf("%q: %s", pattern, err.Message)
			}
		}
	}
	return nil
}

// For gives the root Policies of a namespace, those of the most exact pattern
// first.
func (r Roots) For(namespace string) []string {
	var patterns []string
	for pattern := range r {
		if pattern == "*" || inNamespace(namespace, pattern) {
			patterns = append(patterns, pattern)
		}
	}
	slices.SortFunc(patterns, func(a, b string) int {
		return cmp.Or(cmp.Compare(precedence(b), precedence(a)), cmp.Compare(a, b))
	})
	var ids []string
	for _, pattern := range patterns {
		for _, id := range r[pattern] {
			if !slices.Contains(ids, id) {
				ids = append(ids, id)
			}
		}
	}
	return ids
}

// Names says whether the Policy is a root of any namespace.
func (r Roots) Names(id string) bool {
	for _, ids := range r {
		if slices.Contains(ids, id) {
			return true
		}
	}
	return false
}

func precedence(pattern string) int {
	if !strings.HasSuffix(pattern, "*") {
		return 1 << 30
	}
	return len(pattern) - 1
}
