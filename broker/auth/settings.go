package auth

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Settings say how clients prove who they are.
type Settings struct {
	Anonymous     []string             // subjects of clients that show nothing; empty: they are refused
	UsersFile     string               // "": there are none
	Certificates  *CertificateSettings // nil: a client's certificate says nothing of who it is
	Tokens        []TokenSettings      // whose tokens are taken
	AdminSubjects []string
	ClientIDs     []IDRule // which client identifiers clients may have; empty: any
}

// CertificateSettings say what clients' certificates mean.
type CertificateSettings struct {
	Subjects []string // templates: "cert:{{ cert:cn }}"
	Username string   // template; "": such a client has no user name
}

// TokenSettings say whose tokens are taken, and what they mean.
type TokenSettings struct {
	Alias    string // what its subjects begin with
	Issuer   string // the claim iss
	KeysFile string // JSON Web Key Set (RFC 7517); or
	KeysURL  string // where it is fetched, by HTTPS
	KeysCA   string // PEM file of the authorities that the URL's server is checked against; "": the system's
	Audience []string
	Leeway   time.Duration // by which clocks may differ
	Subjects []string      // templates: "{{ jwt:sub }}"
	Username string        // template; "": such a client has no user name
	// Integration are templates of what its clients can make subjects of
	// Policies (Ditto's page basic-policy, activateTokenIntegration);
	// {{ policy-entry:label }} stays as it is.
	Integration []string
}

// DefaultIntegration is Ditto's.
const DefaultIntegration = "integration:" + entryLabel + ":{{ jwt:aud }}"

const entryLabel = "{{ policy-entry:label }}"

// DefaultLeeway is by how much clocks may differ unless it is said.
const DefaultLeeway = 30 * time.Second

// MaxLeeway bounds it: a token that has ended should not live on for long.
const MaxLeeway = 10 * time.Minute

// Problem is a mistake in Settings.
type Problem struct {
	Key     string // "jwt[0].subjects[1]"
	Text    string
	Warning bool
}

// Check says what is wrong with settings, apart from the files that they name.
func (s *Settings) Check() []Problem {
	_, problems := s.compile()
	for i, subject := range s.Anonymous {
		if why := Nameless(subject); validSubject(subject) && why != "" {
			problems = append(problems, Problem{Key: fmt.Sprintf("anonymous[%d]", i), Warning: true, Text: why})
		}
	}
	for i, subject := range s.AdminSubjects {
		if !validSubject(subject) {
			problems = append(problems, Problem{Key: fmt.Sprintf("admin_subjects[%d]", i),
				Text: fmt.Sprintf("%q is not a subject such as group:admins or user:ann", subject)})
		}
		if slices.Contains(s.Anonymous, subject) {
			problems = append(problems, Problem{Key: fmt.Sprintf("admin_subjects[%d]", i), Warning: true,
				Text: fmt.Sprintf("makes an admin of everybody without credentials: %q is a subject of auth.anonymous too", subject)})
		}
	}
	return problems
}

// compiled are the templates of settings.
type compiled struct {
	certificate *meaning
	tokens      []meaning
	ids         []idRule
}

func (s *Settings) compile() (c compiled, problems []Problem) {
	fail := func(key, format string, args ...any) {
		problems = append(problems, Problem{Key: key, Text: fmt.Sprintf(format, args...)})
	}
	if s.Certificates != nil {
		m := compileMeaning("certificates", "", s.Certificates.Subjects, s.Certificates.Username, knownCertificate, fail)
		c.certificate = &m
		for i, text := range m.subjects {
			prefix, _ := text.Fixed()
			if before, _, found := strings.Cut(prefix, ":"); !found || before == "" {
				fail(fmt.Sprintf("certificates.subjects[%d]", i), "does not begin with a prefix and a colon, as cert:{{ cert:cn }} does: its subjects could be taken for others")
			}
		}
	}
	for i := range s.Tokens {
		t, key := &s.Tokens[i], fmt.Sprintf("jwt[%d]", i)
		s.checkAlias(i, fail)
		switch {
		case t.Issuer == "":
			fail(key+".issuer", "is missing: the claim iss of the tokens that are taken")
		case strings.ContainsAny(t.Issuer, " \t\r\n"):
			fail(key+".issuer", "%q has a space in it, which no issuer has", t.Issuer)
		case slices.ContainsFunc(s.Tokens[:i], func(o TokenSettings) bool { return o.Issuer == t.Issuer }):
			fail(key+".issuer", "%q is the issuer of another entry already: one entry says what its tokens mean", t.Issuer)
		}
		switch u, err := url.Parse(t.KeysURL); {
		case t.KeysFile == "" && t.KeysURL == "":
			fail(key+".jwks_file", "is missing: the file of the issuer's keys (JSON Web Key Set), or jwks_url, where they are fetched")
		case t.KeysFile != "" && t.KeysURL != "":
			fail(key+".jwks_url", "and jwks_file are both there: one of them says where the keys are")
		case t.KeysURL != "" && (err != nil || u.Scheme != "https" || u.Host == ""):
			fail(key+".jwks_url", "%q is not an address such as https://id.acme.example/keys: keys are fetched by HTTPS only", t.KeysURL)
		case t.KeysCA != "" && t.KeysURL == "":
			fail(key+".jwks_ca", "has no use without jwks_url")
		}
		if t.Leeway > MaxLeeway {
			fail(key+".leeway", "%s is too long: at most %s", t.Leeway, MaxLeeway)
		}
		if len(t.Audience) == 0 {
			problems = append(problems, Problem{Key: key + ".audience", Warning: true,
				Text: "is missing: tokens that the issuer made for other services are taken too"})
		}
		m := compileMeaning(key, t.Alias+":", t.Subjects, t.Username, knownClaim, fail)
		m.integrate(key, t.Integration, fail)
		c.tokens = append(c.tokens, m)
	}
	c.ids = s.compileIDs(s.prefixes(&c), fail, func(key, format string, args ...any) {
		problems = append(problems, Problem{Key: key, Text: fmt.Sprintf(format, args...), Warning: true})
	})
	return c, problems
}

// ownPrefixes are those of subjects that no issuer of tokens can give.
var ownPrefixes = []string{"user", "group", "anonymous", "cert"}

func (s *Settings) checkAlias(i int, fail func(key, format string, args ...any)) {
	alias, key := s.Tokens[i].Alias, fmt.Sprintf("jwt[%d].alias", i)
	switch {
	case alias == "":
		fail(key, "is missing: what the issuer's subjects begin with, as acme in acme:42")
	case strings.ContainsAny(alias, ": \t") || !validSubject(alias+":x"):
		fail(key, "%q is not a plain word", alias)
	case slices.Contains(ownPrefixes, alias):
		fail(key, "%q is what other subjects begin with: the issuer could make itself any %s", alias, alias)
	case slices.ContainsFunc(s.Tokens[:i], func(o TokenSettings) bool { return o.Alias == alias }):
		fail(key, "%q is the alias of another entry already: their subjects could not be told apart", alias)
	case s.Certificates != nil && slices.ContainsFunc(s.Certificates.Subjects, func(c string) bool { return strings.HasPrefix(c, alias+":") }),
		slices.ContainsFunc(s.Anonymous, func(a string) bool { return strings.HasPrefix(a, alias+":") }):
		fail(key, "%q is what other subjects in auth begin with: they could not be told apart", alias)
	}
}
