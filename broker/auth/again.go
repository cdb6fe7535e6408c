package auth

import (
	"context"
	"slices"
	"strings"
)

// This file says of clients that are connected who they are now.

// Again says who a client that is connected is by what is loaded now; false: it
// would not be let in any more. A token that was taken holds until it ends,
// unless its issuer's tokens are not taken at all any more.
func (a *Authenticator) Again(was *Identity) (*Identity, bool) {
	s := a.current.Load()
	id := *was
	switch {
	case id.Proof == AnonymousProof:
		if len(s.settings.Anonymous) == 0 {
			return nil, false
		}
		id.Subjects = s.settings.Anonymous
		if s.asks() {
			id.Username = "" // it was taken as it was said; now names are proved
		}
	case was.issuer != "":
		if !slices.ContainsFunc(s.issuers, func(i issuer) bool { return i.settings.Issuer == was.issuer }) {
			return nil, false
		}
	case strings.HasPrefix(id.Proof, certificatePrefix):
		by, err := s.certificate(was.certificate)
		if err != nil {
			return nil, false
		}
		id = *by
	default:
		u := s.users.of(strings.TrimPrefix(id.Proof, userPrefix))
		if u == nil || u.hash == nil {
			return nil, false
		}
		id.Subjects = u.subjects
	}
	if s.addCertificate(&id, was.certificate) != nil {
		return nil, false
	}
	s.finish(&id)
	id.ChosenID = was.ChosenID
	return &id, s.mayHaveID(&id)
}

// Renew checks the token by which a client that is connected says that it is
// still who it was (MQTT 5.0 section 4.12.1).
func (a *Authenticator) Renew(ctx context.Context, was *Identity, remote string, token []byte) (*Identity, *Refusal) {
	s := a.current.Load()
	id, refused := a.bearer(ctx, s, &Request{Remote: remote}, token)
	if refused == nil {
		if id.Proof != was.Proof {
			refused = &Refusal{CodeNotAuthorized, "not authorized: the token is another's", "the token is another's"}
		} else {
			refused = s.addCertificate(id, was.certificate)
		}
	}
	if refused == nil {
		s.finish(id)
		if id.ChosenID = was.ChosenID; !s.mayHaveID(id) {
			refused = idRefused()
		}
	}
	a.figures.count(byToken, refused)
	if refused != nil {
		return nil, refused
	}
	return id, nil
}
