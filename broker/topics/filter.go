package topics

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// MaxLength is the longest topic name or filter in bytes (MQTT 5.0 section 4.7.3).
const MaxLength = 65535

const sharePrefix = "$share/"

// ValidName says why name cannot be published to, or nil (MQTT 5.0 section 4.7.3).
func ValidName(name string) error {
	if err := validText(name, "topic"); err != nil {
		return err
	}
	if strings.ContainsAny(name, "+#") {
		return fmt.Errorf("topic %q: wildcards are for filters, not for topics", name)
	}
	return nil
}

// ValidFilter says why filter cannot be subscribed to, or nil (MQTT 5.0
// sections 4.7.1 and 4.8.2). Shared subscriptions are taken with their prefix.
func ValidFilter(filter string) error {
	if err := validText(filter, "filter"); err != nil {
		return err
	}
	f := filter
	if strings.HasPrefix(filter, sharePrefix) || filter == "$share" {
		group, rest, found := strings.Cut(strings.TrimPrefix(filter, sharePrefix), "/")
		switch {
		case filter == "$share" || !found || rest == "":
			return fmt.Errorf("filter %q: a shared subscription is $share/<group>/<filter>", filter)
		case group == "" || strings.ContainsAny(group, "+#"):
			return fmt.Errorf("filter %q: the share name must be a word without wildcards", filter)
		}
		f = rest
	}
	for level, last := "", false; !last; {
		level, f, last = cut(f)
		switch {
		case strings.Contains(level, "#") && (level != "#" || !last):
			return fmt.Errorf("filter %q: # stands alone in the last level", filter)
		case strings.Contains(level, "+") && level != "+":
			return fmt.Errorf("filter %q: + stands alone in its level", filter)
		}
	}
	return nil
}

func validText(s, what string) error {
	switch {
	case s == "":
		return errors.New("the " + what + " is empty")
	case len(s) > MaxLength:
		return fmt.Errorf("the %s has %d bytes, more than %d", what, len(s), MaxLength)
	case strings.IndexByte(s, 0) >= 0:
		return fmt.Errorf("%s %q has a NUL character", what, s)
	case !utf8.ValidString(s):
		return fmt.Errorf("%s %q is not valid UTF-8", what, s)
	}
	return nil
}

// SplitShared takes the group off a shared subscription's filter; group is
// empty for an ordinary one (MQTT 5.0 section 4.8.2).
func SplitShared(filter string) (group, rest string) {
	if !strings.HasPrefix(filter, sharePrefix) {
		return "", filter
	}
	group, rest, _ = strings.Cut(filter[len(sharePrefix):], "/")
	return group, rest
}

// Match says whether the topic name matches the filter, which must be valid
// and without a share prefix. A filter that begins with a wildcard does not
// match a name that begins with $ (MQTT 5.0 section 4.7.2).
func Match(filter, name string) bool {
	if name[0] == '$' && (filter[0] == '+' || filter[0] == '#') {
		return false
	}
	for {
		f, restF, lastF := cut(filter)
		if f == "#" {
			return true
		}
		n, restN, lastN := cut(name)
		if f != "+" && f != n {
			return false
		}
		switch {
		case lastF && lastN:
			return true
		case lastN:
			return restF == "#" // "a/#" matches "a" too
		case lastF:
			return false
		}
		filter, name = restF, restN
	}
}

// Within says whether name is root or lies below it.
func Within(name, root string) bool {
	return strings.HasPrefix(name, root) && (len(name) == len(root) || name[len(root)] == '/')
}

// CanReach says whether filter could match a name that is root or below it.
// The root has literal levels only.
func CanReach(filter, root string) bool {
	if root[0] == '$' && (filter[0] == '+' || filter[0] == '#') {
		return false
	}
	for {
		f, restF, lastF := cut(filter)
		if f == "#" {
			return true
		}
		r, restR, lastR := cut(root)
		if f != "+" && f != r {
			return false
		}
		if lastR {
			return true
		}
		if lastF {
			return false
		}
		filter, root = restF, restR
	}
}

// cut takes the first level off; last is true when nothing follows it.
func cut(s string) (level, rest string, last bool) {
	if i := strings.IndexByte(s, '/'); i >= 0 {
		return s[:i], s[i+1:], false
	}
	return s, "", true
}
