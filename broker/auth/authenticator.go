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

	loading sync.Mutex
	current atomic.Pointer[state]
}

// state is what was loaded; it does not change.
type state struct {
	settings Settings
	users    *Users // nil: there is no users file
	compiled compiled
	issuers  []issuer
	// nobody is what the passwords of users are held against that there are not:
	// it costs as much as the costliest hash of the file. After a wrong password of
	// a user with a cheaper one, such as mosquitto's, what that costs less is worked
	// off as well. So each wrong answer takes as long as the others, and nobody
	// learns which users there are. Another way would be to deal out cheap and costly
	// hashes to names that nobody has; but then these would have to stay the same
	// from start to start, and an answer that comes fast costs who guesses less. A
	// right password takes no longer.
	nobody *hash
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
	a.current.Store(&state{nobody: nobodys(nil)})
	return a
}

// Load takes over settings and reads the files that they name. After an error
// everything is as it was.
func (a *Authenticator) Load(s Settings) error {
	a.loading.Lock()
	defer a.loading.Unlock()
	compiled, problems := s.compile()
	for _, p := range problems {
		if !p.Warning {
			return fmt.Errorf("auth.%s: %s", p.Key, p.Text)
		}
	}
	next := &state{settings: s, compiled: compiled, nobody: nobodys(nil)}
	if s.UsersFile != "" {
		users, mistakes, err := ReadUsers(s.UsersFile)
		switch {
		case err != nil:
			return fmt.Errorf("auth.users_file: %w", err)
		case len(mistakes) > 0:
			return fmt.Errorf("auth.users_file: %s:%d: %s", s.UsersFile, mistakes[0].Line, mistakes[0].Text)
		}
		next.users, next.nobody = users, nobodys(users.costliest)
	}
	if err := a.loadIssuers(next); err != nil {
		return err
	}
	a.current.Store(next)
	return nil
}

// loadIssuers finds the keys of those whose tokens are taken. What was fetched
// before stays known.
func (a *Authenticator) loadIssuers(next *state) error {
	for i := range next.settings.Tokens {
		t := &next.settings.Tokens[i]
		from := issuer{settings: t, meaning: &next.compiled.tokens[i]}
		var err error
		if t.KeysFile != "" {
			from.keys, err = readKeysFile(t.KeysFile)
		} else {
			from.keys, err = a.fetched(t)
		}
		if err != nil {
			return fmt.Errorf("auth.jwt[%d]: %w", i, err)
		}
		next.issuers = append(next.issuers, from)
	}
	return nil
}

func (a *Authenticator) fetched(t *TokenSettings) (keySource, error) {
	keys, err := newFetchedKeys(t.KeysURL, t.KeysCA, a.now, a.log)
	if err != nil {
		return nil, err
	}
	for _, old := range a.current.Load().issuers {
		if before, ok := old.keys.(*fetchedKeys); ok && before.url == t.KeysURL {
			before.mu.Lock()
			keys.set, keys.at = before.set, before.at
			before.mu.Unlock()
		}
	}
	go keys.fetch() // so that the first client need not wait for it
	return keys, nil
}

// Asks says whether anything is configured that proves who a client is.
func (a *Authenticator) Asks() bool { return a.current.Load().asks() }

func (s *state) asks() bool { return s.takesPasswords() || s.compiled.certificate != nil }

// takesPasswords says whether a user name and password are looked at.
func (s *state) takesPasswords() bool { return s.users != nil || len(s.issuers) > 0 }

// Connect says who the client is, or why it is not let in. It may take its
// time: passwords are slow to check, and who guesses waits.
//
// A password or token decides whose session it is. The subjects of a
// certificate come on top; without either they are all that there is.
func (a *Authenticator) Connect(ctx context.Context, r *Request) (*Identity, *Refusal) {
	s := a.current.Load()
	id, by, refused := a.prove(ctx, s, r)
	if refused == nil {
		refused = s.addCertificate(id, r.leaf())
	}
	if refused == nil {
		s.finish(id)
		if r.OwnID == nil || !r.OwnID(id.Proof) {
			id.ChosenID = r.ClientID
		}
		if !s.mayHaveID(id) {
			refused = idRefused()
		}
	}
	a.figures.count(by, refused)
	if refused != nil {
		return nil, refused
	}
	return id, nil
}

func (a *Authenticator) prove(ctx context.Context, s *state, r *Request) (id *Identity, by string, refused *Refusal) {
	leaf := r.leaf()
	switch {
	case r.AuthMethod != "":
		if !a.TakesMethod(r.AuthMethod) {
			return nil, byToken, &Refusal{CodeBadMethod, "bad authentication method", "the authentication method is not known"}
		}
		id, refused = a.bearer(ctx, s, r, r.AuthData)
		return id, byToken, refused
	case s.takesPasswords() && (r.HasPassword || r.HasUsername && leaf == nil):
		if s.mayBeEither(r) {
			return a.either(ctx, s, r)
		}
		if s.isToken(r) {
			id, refused = a.bearer(ctx, s, r, r.Password)
			return id, byToken, refused
		}
		id, refused = a.password(ctx, s, r)
		return id, byPassword, refused
	case leaf != nil && s.compiled.certificate != nil:
		id, err := s.certificate(leaf)
		if err != nil {
			return nil, byCertificate, &Refusal{CodeNotAuthorized, "not authorized: the certificate does not say who the client is", err.Error()}
		}
		return id, byCertificate, nil
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

// addCertificate adds what the certificate says to an identity that something
// else proved.
func (s *state) addCertificate(id *Identity, leaf *x509.Certificate) *Refusal {
	id.certificate = leaf
	if leaf == nil || s.compiled.certificate == nil || id.Proof == AnonymousProof || strings.HasPrefix(id.Proof, certificatePrefix) {
		return nil
	}
	by, err := s.certificate(leaf)
	if err != nil {
		return &Refusal{CodeNotAuthorized, "not authorized: the certificate does not say who the client is", err.Error()}
	}
	id.Subjects = slices.Clone(id.Subjects)
	for _, subject := range by.Subjects {
		if !slices.Contains(id.Subjects, subject) {
			id.Subjects = append(id.Subjects, subject)
		}
	}
	if id.Expires.IsZero() || by.Expires.Before(id.Expires) {
		id.Expires = by.Expires
	}
	return nil
}

// finish says what the subjects make of the client.
func (s *state) finish(id *Identity) {
	id.Admin = slices.ContainsFunc(id.Subjects, func(subject string) bool { return slices.Contains(s.settings.AdminSubjects, subject) })
}

// TakesMethod says whether a client may authenticate by that method (MQTT 5.0
// section 4.12).
func (a *Authenticator) TakesMethod(method string) bool {
	return method == TokenMethod && len(a.current.Load().issuers) > 0
}

// isToken says whether the password is taken for a token: by its user name, or
// by its looks where there is no such user.
func (s *state) isToken(r *Request) bool {
	if len(s.issuers) == 0 || !r.HasPassword {
		return false
	}
	if s.users == nil {
		return true
	}
	return s.users.of(r.Username) == nil && (r.Username == TokenUser || looksLikeToken(r.Password))
}

// mayBeEither says whether the password could be a token, and the name one of the
// users file.
func (s *state) mayBeEither(r *Request) bool {
	return s.users != nil && len(s.issuers) > 0 && r.HasPassword && r.Username != "" && r.Username != TokenUser && looksLikeToken(r.Password)
}

// either checks what may be a token or a user's password. What nobody made whose
// tokens are taken is treated alike, and costs the same, whether there is such a
// user or not: else it would tell which users there are.
func (a *Authenticator) either(ctx context.Context, s *state, r *Request) (id *Identity, by string, refused *Refusal) {
	_, err := s.token(ctx, r.Password, a.now())
	_, forged := err.(errForged)
	if s.users.of(r.Username) == nil && !forged {
		id, refused = a.bearer(ctx, s, r, r.Password)
		return id, byToken, refused
	}
	if id, refused = a.password(ctx, s, r); refused != nil && forged && s.users.of(r.Username) == nil && refused.Code == CodeBadUserOrPass {
		refused.Cause += ", and the token: " + err.Error()
	}
	return id, byPassword, refused
}

// bearer checks a token. There is nothing to guess in one, but checking it
// costs something: who was wrong too often waits.
func (a *Authenticator) bearer(ctx context.Context, s *state, r *Request, token []byte) (*Identity, *Refusal) {
	try, refused := a.turn(ctx, r.Remote, "")
	if refused != nil {
		return nil, refused
	}
	id, err := s.token(ctx, token, a.now())
	switch err.(type) {
	case nil:
		return id, nil
	case errNobodyKnows:
		return nil, &Refusal{CodeUnavailable, "the token cannot be checked now: try again later", err.Error()}
	case errForged:
		a.throttle.wrong(try)
	default:
		_ = a.pause(ctx, repeatedDelay)
	}
	return nil, &Refusal{CodeNotAuthorized, "not authorized: the token is not valid", "token: " + err.Error()}
}

// turn waits for as long as the one who asks has to.
func (a *Authenticator) turn(ctx context.Context, remote, user string) (*attempt, *Refusal) {
	try, ok := a.throttle.begin(remote, user)
	if !ok {
		return nil, &Refusal{CodeRateExceeded, "too many failed attempts: try again later", "too many attempts wait for their turn after failures"}
	}
	err := a.pause(ctx, try.delay)
	a.throttle.waited(&try)
	if err != nil {
		return nil, &Refusal{CodeUnavailable, "the broker is stopping", "stopping"}
	}
	return &try, nil
}

// wrongCredentials is the one answer to a name or password that is not right.
// It does not say which of them.
func wrongCredentials(cause string) *Refusal {
	return &Refusal{CodeBadUserOrPass, "bad user name or password", cause}
}

// password checks a user's.
func (a *Authenticator) password(ctx context.Context, s *state, r *Request) (*Identity, *Refusal) {
	u := s.users.of(r.Username)
	against, then := s.nobody, (*hash)(nil)
	if u != nil && u.hash != nil {
		against, then = u.hash, s.nobody.rest(u.hash)
	}
	var try *attempt
	v := verdict{late: true}
	for v.late { // many may have come at once, before the first of them was wrong
		var refused *Refusal
		if try, refused = a.turn(ctx, r.Remote, r.Username); refused != nil {
			return nil, refused
		}
		v = a.passwords.check(ctx, r.Username, against, then, r.Password, func() bool { return a.throttle.free(try) })
	}
	switch {
	case v.busy:
		return nil, &Refusal{CodeUnavailable, "too many passwords wait to be checked: try again later", "too many passwords wait to be checked"}
	case v.ok && u != nil && u.hash != nil && r.HasPassword:
		a.throttle.right(try)
		return &Identity{Subjects: u.subjects, Username: u.name, Proof: userPrefix + u.name}, nil
	case v.repeated:
		_ = a.pause(ctx, repeatedDelay) // it learns nothing, and others need not suffer from it
	default:
		a.throttle.wrong(try)
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

// TakesClientID says whether a client may have the identifier. One that looks
// like a subject could be taken for it where a publication goes to a client or
// a subject.
func (a *Authenticator) TakesClientID(id string) bool {
	s := a.current.Load()
	if !s.asks() {
		return true
	}
	for _, prefix := range s.settings.prefixes(&s.compiled) {
		if strings.HasPrefix(id, prefix) {
			return false
		}
	}
	return true
}

// prefixes are what the subjects begin with that can be had.
func (s *Settings) prefixes(c *compiled) []string {
	all := []string{userPrefix, groupPrefix}
	for _, subject := range s.Anonymous {
		before, _, _ := strings.Cut(subject, ":")
		all = append(all, before+":")
	}
	if c.certificate != nil {
		all = append(all, c.certificate.prefixes()...)
	}
	for i := range c.tokens {
		all = append(all, c.tokens[i].prefixes()...)
	}
	return all
}
