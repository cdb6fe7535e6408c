package auth

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/twinbroker/twinbroker/twin/protocol"
)

// user is one line of a users file.
type user struct {
	name     string
	hash     *hash // nil: disabled
	groups   []string
	subjects []string
	line     int
}

// Users are those of a users file, by name.
type Users struct {
	byName    map[string]*user
	costliest *hash // nil: nobody has a password
	// Weak says of whom the hash protects little, a sentence each.
	Weak []string
	// Nameless says which users and groups no Policy can name, a sentence each.
	Nameless []string
}

// Len is the number of users.
func (u *Users) Len() int { return len(u.byName) }

// names are theirs, in order.
func (u *Users) names() []string { return slices.Sorted(maps.Keys(u.byName)) }

// of is the user of that name; nil: there is none, or no users file.
func (u *Users) of(name string) *user {
	if u == nil {
		return nil
	}
	return u.byName[name]
}

// Mistake is what is wrong with a line of a users file.
type Mistake struct {
	Line int
	Text string
}

// maxUsersFile is how large a users file may be.
const maxUsersFile = 256 << 20

// ReadUsers reads a users file. The mistakes are all of it; users is nil when
// there are any. err is why the file cannot be read.
func ReadUsers(file string) (users *Users, mistakes []Mistake, err error) {
	info, err := os.Stat(file)
	if err != nil {
		return nil, nil, err
	}
	if info.Size() > maxUsersFile {
		return nil, nil, fmt.Errorf("%s has %d bytes, more than the %d that a users file may have", file, info.Size(), maxUsersFile)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, nil, err
	}
	users, mistakes = parseUsers(text)
	return users, mistakes, nil
}

// parseUsers reads lines of the form
//
//	name:hash
//	name:hash:group,group
//
// Empty lines and those that begin with # say nothing. A hash with a ! before
// it is a user that is disabled.
func parseUsers(text []byte) (*Users, []Mistake) {
	users := &Users{byName: map[string]*user{}}
	var mistakes []Mistake
	number := 0
	for line := range bytes.Lines(text) {
		number++
		u, err := parseUser(strings.TrimRight(string(line), "\r\n"))
		switch {
		case err != nil:
			mistakes = append(mistakes, Mistake{number, err.Error()})
			continue
		case u == nil:
			continue
		}
		u.line = number
		if first := users.byName[u.name]; first != nil {
			mistakes = append(mistakes, Mistake{number, fmt.Sprintf("the user %q is there twice, first in line %d", u.name, first.line)})
			continue
		}
		users.byName[u.name] = u
		if u.hash != nil && (users.costliest == nil || u.hash.cost() > users.costliest.cost()) {
			users.costliest = u.hash
		}
		for _, subject := range u.subjects {
			if why := Nameless(subject); why != "" {
				users.Nameless = append(users.Nameless, fmt.Sprintf("line %d: %s", number, why))
			}
		}
		if u.hash != nil && u.hash.unguarded != "" {
			users.Weak = append(users.Weak, fmt.Sprintf("line %d: the password of %q %s; set it again with twinbroker passwd", number, u.name, u.hash.unguarded))
		}
	}
	if len(mistakes) > 0 {
		return nil, mistakes
	}
	return users, nil
}

// parseUser reads a line; nil: it says nothing.
func parseUser(line string) (*user, error) {
	if strings.TrimSpace(line) == "" || line[0] == '#' {
		return nil, nil
	}
	fields := strings.Split(line, ":")
	if len(fields) < 2 || len(fields) > 3 {
		return nil, fmt.Errorf("is not of the form name:hash or name:hash:group,group")
	}
	u := &user{name: fields[0]}
	if err := CheckUserName(u.name); err != nil {
		return nil, err
	}
	text, disabled := strings.CutPrefix(fields[1], "!")
	if !disabled || text != "" {
		h, err := parseHash(text)
		if err != nil {
			return nil, fmt.Errorf("user %q: %w", u.name, err)
		}
		if !disabled {
			u.hash = h
		}
	}
	if len(fields) == 3 && fields[2] != "" {
		for _, group := range strings.Split(fields[2], ",") {
			group = strings.TrimSpace(group)
			if err := CheckGroupName(group); err != nil {
				return nil, fmt.Errorf("user %q: %w", u.name, err)
			}
			if !slices.Contains(u.groups, group) {
				u.groups = append(u.groups, group)
			}
		}
	}
	if len(u.groups)+1 > maxSubjects {
		return nil, fmt.Errorf("user %q has more than %d groups", u.name, maxSubjects-1)
	}
	u.subjects = SubjectsOf(u.name, u.groups)
	return u, nil
}

// SubjectsOf are those of a user of these groups.
func SubjectsOf(name string, groups []string) []string {
	subjects := []string{userPrefix + name}
	for _, group := range groups {
		subjects = append(subjects, groupPrefix+group)
	}
	return subjects
}

// Nameless says why no Policy can name a subject, "" where one can. Ditto's IDs
// of subjects have no characters from U+007F to U+00FF, which it takes for control
// characters (RegexPatterns.NO_CONTROL_CHARS): user:größe cannot be in a Policy,
// user:łukasz can. Such a client can still act under its other subjects, and rules
// for topics take any.
func Nameless(subject string) string {
	err := protocol.CheckSubjectID(nil, subject)
	if err == nil {
		return ""
	}
	return fmt.Sprintf("no Policy can name the subject %q, only rules for topics can (%s)", subject, strings.TrimSuffix(err.Description, "."))
}

// Subjects are those of a user; false where there is none of that name. Of one
// that is disabled, in says no.
func (u *Users) Subjects(name string) (subjects []string, in, ok bool) {
	found := u.of(name)
	if found == nil {
		return nil, false, false
	}
	return found.subjects, found.hash != nil, true
}

// What the subjects of a users file begin with.
const (
	userPrefix  = "user:"
	groupPrefix = "group:"
)

// CheckUserName says whether a users file can hold the name.
func CheckUserName(name string) error { return checkName("user", name, ":") }

// CheckGroupName says whether a users file can hold the group.
func CheckGroupName(name string) error { return checkName("group", name, ":,") }

func checkName(what, name, not string) error {
	switch {
	case name == "":
		return fmt.Errorf("the name of the %s is empty", what)
	case len(name) > 256:
		return fmt.Errorf("the name of the %s has more than 256 bytes", what)
	case !utf8.ValidString(name):
		return fmt.Errorf("the name of the %s is not UTF-8", what)
	case name[0] == '#':
		return fmt.Errorf("the %s %q begins with #, which begins comments", what, name)
	case strings.TrimSpace(name) != name:
		return fmt.Errorf("the %s %q begins or ends with a space", what, name)
	case strings.ContainsAny(name, not):
		return fmt.Errorf("the %s %q has one of %q in it, which separate the parts of a line", what, name, not)
	case !validSubject(userPrefix + name):
		return fmt.Errorf("the %s %q has a control character in it", what, name)
	}
	return nil
}
