package auth

import (
	"fmt"
	"slices"
	"strings"

	"github.com/twinbroker/twinbroker/mapping"
)

// IDRule says which client identifiers clients may choose.
type IDRule struct {
	Subjects []string // whom it is for; empty: everybody
	// IDs are what the identifiers look like: a * stands for any characters, or
	// none, and {{ client:username }} for the user name that was proved. One whose
	// placeholder has no value is for nobody.
	IDs []string
}

// Client identifiers are MQTT's names of sessions, and clients say what they are
// called. Whoever comes first has one, and only the same identity may take it
// over. Replies, publications to a client and rules with {{ client:id }} hang on
// it; so where there are rules for identifiers, a client may have those only that
// a rule gives it, or one that the broker makes up for it.

// idRule is an IDRule, compiled.
type idRule struct {
	subjects []string
	ids      []idPattern
}

// idPattern is what lies between the stars of one.
type idPattern []*mapping.Text

const usernamePlaceholder = "client:username"

func knownOfClient(name string) error {
	if name == usernamePlaceholder {
		return nil
	}
	return fmt.Errorf("there is no such placeholder here: known is %s", usernamePlaceholder)
}

func compileIDPattern(text string) (idPattern, error) {
	if text == "" {
		return nil, fmt.Errorf("is empty: write an identifier such as lamp-1, {{ client:username }} or gateway-*")
	}
	var pattern idPattern
	for _, part := range betweenStars(text) {
		t, err := mapping.ParseText(part, knownOfClient)
		if err != nil {
			return nil, err
		}
		pattern = append(pattern, t)
	}
	return pattern, nil
}

// betweenStars cuts a text at each star that is not within a placeholder.
func betweenStars(text string) []string {
	var parts []string
	begin, braces := 0, 0
	for i := range len(text) {
		switch text[i] {
		case '{':
			braces++
		case '}':
			braces--
		case '*':
			if braces == 0 {
				parts = append(parts, text[begin:i])
				begin = i + 1
			}
		}
	}
	return append(parts, text[begin:])
}

// fits says whether a client with that user name may be called so. What stands
// for a placeholder is taken as it is: a star in a name is no star.
func (p idPattern) fits(id, username string) bool {
	value := func(string) []string {
		if username == "" {
			return nil
		}
		return []string{username}
	}
	parts := make([]string, len(p))
	for i, t := range p {
		made, err := t.Values(value, 1)
		if err != nil || len(made) != 1 {
			return false
		}
		parts[i] = made[0]
	}
	last := len(parts) - 1
	if last == 0 {
		return id == parts[0]
	}
	rest, ok := strings.CutPrefix(id, parts[0])
	if !ok {
		return false
	}
	for _, part := range parts[1:last] {
		if _, rest, ok = strings.Cut(rest, part); !ok {
			return false
		}
	}
	return strings.HasSuffix(rest, parts[last])
}

// grantsID says whether a rule gives the client the identifier that it chose, or
// there are no rules.
func (s *state) grantsID(id *Identity) bool {
	if id.ChosenID == "" || len(s.compiled.ids) == 0 {
		return true
	}
	username := id.Username
	if id.Proof == AnonymousProof {
		username = "" // nobody has proved it
	}
	return slices.ContainsFunc(s.compiled.ids, func(r idRule) bool {
		return (len(r.subjects) == 0 || slices.ContainsFunc(r.subjects, func(subject string) bool { return slices.Contains(id.Subjects, subject) })) &&
			slices.ContainsFunc(r.ids, func(p idPattern) bool { return p.fits(id.ChosenID, username) })
	})
}

// mayHaveID is grantsID, but that administrators may have every identifier.
func (s *state) mayHaveID(id *Identity) bool { return id.Admin || s.grantsID(id) }

// idRefused is the answer to a client with an identifier that it may not have.
func idRefused() *Refusal {
	const reason = "client identifier not valid: no rule gives it to this client (auth.client_ids in the broker's configuration); a client that sends none is given one"
	return &Refusal{CodeBadClientID, reason, reason}
}

// IDByAdmin says whether the client has its identifier for no other reason than
// that it is an administrator.
func (a *Authenticator) IDByAdmin(id *Identity) bool {
	return id.Admin && !a.current.Load().grantsID(id)
}

// compileIDs compiles the rules for identifiers, and says which can never do
// anything.
func (s *Settings) compileIDs(prefixes []string, fail, warn func(key, format string, args ...any)) (rules []idRule) {
	for i, r := range s.ClientIDs {
		key := fmt.Sprintf("client_ids[%d]", i)
		rule := idRule{subjects: r.Subjects}
		if len(r.IDs) == 0 {
			fail(key+".ids", `is missing: the identifiers that these clients may have, such as ["{{ client:username }}"]`)
		}
		for n, subject := range r.Subjects {
			if !slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(subject, p) }) {
				warn(fmt.Sprintf("%s.subjects[%d]", key, n), "%q is a subject that no client can have: nothing in auth makes one that begins like it", subject)
			}
		}
		for n, text := range r.IDs {
			key := fmt.Sprintf("%s.ids[%d]", key, n)
			pattern, err := compileIDPattern(text)
			if err != nil {
				fail(key, "%v", err)
				continue
			}
			rule.ids = append(rule.ids, pattern)
			fixed, _ := pattern[0].Fixed()
			switch {
			case strings.Contains(text, usernamePlaceholder) && !s.provesNames():
				warn(key, "%q never fits: no client proves a user name (users_file, or username in certificates or jwt)", text)
			case slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(fixed, p) }):
				warn(key, "%q never fits: identifiers that begin like a subject are refused", text)
			}
		}
		rules = append(rules, rule)
	}
	return rules
}

// provesNames says whether a client can have a user name that was proved.
func (s *Settings) provesNames() bool {
	return s.UsersFile != "" || s.Certificates != nil && s.Certificates.Username != "" ||
		slices.ContainsFunc(s.Tokens, func(t TokenSettings) bool { return t.Username != "" })
}

// SharedIDs says of which two users one may have identifiers that begin like the
// other's, "" of none: of ann and ann-2 where a rule gives {{ client:username }}-*.
func (s *Settings) SharedIDs(u *Users) string {
	for i, r := range s.ClientIDs {
		for n, text := range r.IDs {
			parts := betweenStars(text)
			inner, after, _ := strings.Cut(strings.TrimPrefix(parts[0], "{{"), "}}")
			if len(parts) != 2 || parts[1] != "" || !strings.HasPrefix(parts[0], "{{") || strings.TrimSpace(inner) != usernamePlaceholder || strings.Contains(after, "{{") {
				continue
			}
			for _, name := range u.names() {
				for at := 1; at < len(name); at++ {
					if short := name[:at]; strings.HasPrefix(name[at:], after) && u.of(short) != nil && s.isFor(r.Subjects, u.of(short)) {
						return fmt.Sprintf("client_ids[%d].ids[%d], %q, lets the user %q have identifiers that begin with the name of the user %q", i, n, text, short, name)
					}
				}
			}
		}
	}
	return ""
}

func (s *Settings) isFor(subjects []string, u *user) bool {
	return len(subjects) == 0 || slices.ContainsFunc(subjects, func(subject string) bool { return slices.Contains(u.subjects, subject) })
}
