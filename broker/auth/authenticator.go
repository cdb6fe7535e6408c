package auth

import (
	"context"
	"crypto/x509"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Settings say how clients prove who they are.
type Settings struct {
	Anonymous     []string // subjects of clients that show nothing; empty: they are refused
	UsersFile     string   // "": there are none
	AdminSubjects []string
}

// Options are what an Authenticator needs for its work.
type Options struct {
	Log *slog.Logger
	Now func() time.Time // nil: time.Now
}

// Authenticator says who clients are.
type Authenticator struct {
	log       *slog.Logger
	now       func() time.Time
	passwords *passwords
	throttle  *throttle
	figures   figures
	nobody    *hash // what passwords of users are checked against that there are not

	loading sync.Mutex
	current atomic.Pointer[state]
}

// state is what was loaded; it does not change.
type state struct {
	settings Settings
	users    *Users // nil: passwords are not asked for
}

// New makes an Authenticator that lets nobody in until Load was called.
func New(o Options) *Authenticator {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	a := &Authenticator{log: o.Log, now: o.Now, passwords: newPasswords(), throttle: newThrottle(o.Now), figures: newFigures()}
	a.nobody, _ = parseHash(Hash([]byte("nobody")))
	a.current.Store(&state{})
	return a
}

// Load takes over settings and reads the files that they name. After an error
// everything is as it was.
func (a *Authenticator) Load(s Settings) error {
	a.loading.Lock()
	defer a.loading.Unlock()
	next := &state{settings: s}
	if s.UsersFile != "" {
		users, mistakes, err := ReadUsers(s.UsersFile)
		switch {
		case err != nil:
			return fmt.Errorf("auth.users_file: %w", err)
		case len(mistakes) > 0:
			return fmt.Errorf("auth.users_file: %s:%d: %s", s.UsersFile, mistakes[0].Line, mistakes[0].Text)
		}
		next.users = users
	}
	a.current.Store(next)
	a.passwords.forget()
	return nil
}

// Asks says whether anything is configured that proves who a client is.
func (a *Authenticator) Asks() bool { return a.current.Load().asks() }

func (s *state) asks() bool { return s.takesPasswords() }

// takesPasswords says whether a user name or password is looked at.
func (s *state) takesPasswords() bool { return s.users != nil }

// Connect says who the client is, or why it is not let in. It may take its
// time: passwords are slow to check, and who guesses waits.
func (a *Authenticator) Connect(ctx context.Context, r *Request) (*Identity, *Refusal) {
	s := a.current.Load()
	id, by, refused := a.prove(ctx, s, r)
	a.figures.count(by, refused)
	if refused != nil {
		return nil, refused
	}
	id.Admin = slices.ContainsFunc(id.Subjects, func(subject string) bool { return slices.Contains(s.settings.AdminSubjects, subject) })
	return id, nil
}

func (a *Authenticator) prove(ctx context.Context, s *state, r *Request) (id *Identity, by string, _ *Refusal) {
	switch {
	case r.AuthMethod != "":
		return nil, byToken, &Refusal{CodeBadMethod, "bad authentication method", "the authentication method is not known"}
	case s.takesPasswords() && (r.HasUsername || r.HasPassword):
		id, refused := a.password(ctx, s, r)
		return id, byPassword, refused
	case len(s.settings.Anonymous) == 0:
		return nil, byNothing, &Refusal{CodeNotAuthorized,
			"not authorized: clients without credentials are not let in (auth.anonymous in the broker's configuration, or --anonymous)", "no credentials"}
	}
	id = &Identity{Subjects: s.settings.Anonymous, Proof: AnonymousProof}
	if !s.asks() {
		id.Username = r.Username // nobody's name is proved, and none is worth more than another
	}
	return id, byNothing, nil
}

// wrongCredentials is the one answer to a name or password that is not right.
// It does not say which of them.
func wrongCredentials(cause string) *Refusal {
	return &Refusal{CodeBadUserOrPass, "bad user name or password", cause}
}

// password checks a user's.
func (a *Authenticator) password(ctx context.Context, s *state, r *Request) (*Identity, *Refusal) {
	try, ok := a.throttle.begin(r.Remote, r.Username)
	if !ok {
		return nil, &Refusal{CodeRateExceeded, "too many failed attempts: try again later", "too many attempts wait for their turn after failures"}
	}
	err := a.pause(ctx, try.delay)
	a.throttle.waited(&try)
	if err != nil {
		return nil, &Refusal{CodeUnavailable, "the broker is stopping", "stopping"}
	}
	u := s.users.byName[r.Username]
	against := a.nobody // as slow as for a user that is there
	if u != nil && u.hash != nil {
		against = u.hash
	}
	v := a.passwords.check(ctx, r.Username, against, r.Password)
	switch {
	case v.busy:
		return nil, &Refusal{CodeUnavailable, "too many passwords wait to be checked: try again later", "too many passwords wait to be checked"}
	case v.ok && u != nil && u.hash != nil && r.HasPassword:
		a.throttle.right(&try)
		return &Identity{Subjects: u.subjects, Username: u.name, Proof: userPrefix + u.name}, nil
	case v.repeated:
		_ = a.pause(ctx, repeatedDelay) // it learns nothing, and others need not suffer from it
	default:
		a.throttle.wrong(&try)
	}
	switch {
	case u == nil:
		return nil, wrongCredentials("no such user")
	case u.hash == nil:
		return nil, wrongCredentials("the user is disabled")
	}
	return nil, wrongCredentials("wrong password")
}

// pause waits, unless ctx ends before.
func (a *Authenticator) pause(ctx context.Context, d time.Duration) error {
	if d == 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Again says who a client that is connected is by what is loaded now, if it
// was let in with leaf, its certificate, or nil; false: it would not be let in
// any more.
func (a *Authenticator) Again(id *Identity, leaf *x509.Certificate) (*Identity, bool) {
	s := a.current.Load()
	next := *id
	switch name, isUser := strings.CutPrefix(id.Proof, userPrefix); {
	case isUser:
		if s.users == nil {
			return nil, false
		}
		u := s.users.byName[name]
		if u == nil || u.hash == nil {
			return nil, false
		}
		next.Subjects = u.subjects
	case id.Proof == AnonymousProof:
		if len(s.settings.Anonymous) == 0 {
			return nil, false
		}
		next.Subjects = s.settings.Anonymous
	}
	next.Admin = slices.ContainsFunc(next.Subjects, func(subject string) bool { return slices.Contains(s.settings.AdminSubjects, subject) })
	return &next, true
}

// TakesClientID says whether a client may have the identifier. One that looks
// like a subject could be taken for it where a publication goes to a client or
// a subject.
func (a *Authenticator) TakesClientID(id string) bool {
	s := a.current.Load()
	if !s.asks() {
		return true
	}
	for _, prefix := range s.prefixes() {
		if strings.HasPrefix(id, prefix) {
			return false
		}
	}
	return true
}

// prefixes are what the subjects begin with that can be had.
func (s *state) prefixes() []string {
	all := []string{userPrefix, groupPrefix}
	for _, subject := range s.settings.Anonymous {
		before, _, _ := strings.Cut(subject, ":")
		all = append(all, before+":")
	}
	return all
}
