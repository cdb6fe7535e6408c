package auth

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

// algorithms are those that tokens may be signed with: with a public key, so
// that who can check a token cannot make one.
var algorithms = []jose.SignatureAlgorithm{
	jose.RS256, jose.RS384, jose.RS512, jose.PS256, jose.PS384, jose.PS512,
	jose.ES256, jose.ES384, jose.ES512, jose.EdDSA,
}

// TokenMethod is the method of enhanced authentication (MQTT 5.0 section 4.12)
// whose data is a token.
const TokenMethod = "JWT"

// TokenUser is a user name that says that the password is a token.
const TokenUser = "jwt"

// issuer is one whose tokens are taken.
type issuer struct {
	settings *TokenSettings
	meaning  *meaning
	keys     keySource
}

// looksLikeToken says whether a password could be a token (RFC 7515 section
// 3.1): three parts, of which the first is a JSON object in base64.
func looksLikeToken(password []byte) bool {
	return bytes.HasPrefix(password, []byte("ey")) && bytes.Count(password, []byte(".")) == 2
}

// ShownName is a user name that nobody has proved as logs and operators see it.
// Some clients send a token as the user name.
func ShownName(name string) string {
	if looksLikeToken([]byte(name)) {
		return "(a token)"
	}
	return name
}

// errNobodyKnows says that a token cannot be checked now.
type errNobodyKnows struct{ error }

// errForged says that nobody whose tokens are taken made this one. Others were
// good once, or for another service: to show them is a mistake and no attack.
type errForged struct{ error }

// token says who the bearer of a token is. Errors hold nothing of the token
// that would be of use to others.
func (s *state) token(ctx context.Context, text []byte, now time.Time) (*Identity, error) {
	parsed, err := jwt.ParseSigned(string(text), algorithms)
	if err != nil {
		return nil, errForged{errors.New("it is not a token signed by RSA, ECDSA or EdDSA")}
	}
	var said jwt.Claims
	if err := parsed.UnsafeClaimsWithoutVerification(&said); err != nil {
		return nil, errForged{errors.New("its claims cannot be read")}
	}
	at := slices.IndexFunc(s.issuers, func(i issuer) bool { return i.settings.Issuer == said.Issuer })
	if at < 0 || said.Issuer == "" {
		return nil, errForged{fmt.Errorf("its issuer %q is not one whose tokens are taken", said.Issuer)}
	}
	from, head := &s.issuers[at], parsed.Headers[0]
	keys, err := from.keys.of(ctx, head.KeyID, head.Algorithm)
	switch {
	case err != nil:
		return nil, errNobodyKnows{err}
	case len(keys) == 0:
		return nil, errForged{fmt.Errorf("it is signed with a key (kid %q, %s) that is not among those of %s", head.KeyID, head.Algorithm, said.Issuer)}
	}
	var body rawClaims
	proved := false
	for _, key := range keys {
		if proved = parsed.Claims(key.Key, &body, &said) == nil; proved {
			break
		}
	}
	if !proved {
		return nil, errForged{errors.New("its signature is wrong")}
	}
	return from.identify(body, &said, now)
}

// rawClaims keeps the text of the claims.
type rawClaims []byte

func (r *rawClaims) UnmarshalJSON(text []byte) error { *r = bytes.Clone(text); return nil }

// identify checks what the token, whose signature holds, says (RFC 7519 section
// 4.1), and makes subjects of it.
func (i *issuer) identify(body []byte, said *jwt.Claims, now time.Time) (*Identity, error) {
	if said.Expiry == nil {
		return nil, errors.New("it has no end (claim exp)")
	}
	expected := jwt.Expected{Issuer: i.settings.Issuer, AnyAudience: i.settings.Audience, Time: now}
	if err := said.ValidateWithLeeway(expected, i.settings.Leeway); err != nil {
		return nil, explain(err, said)
	}
	claims, err := parseClaims(body)
	if err != nil {
		return nil, err
	}
	subjects, username, err := i.meaning.of(claimValues(claims))
	if err != nil {
		return nil, err
	}
	integration, err := i.meaning.integrations(claimValues(claims))
	if err != nil {
		return nil, err
	}
	who := said.Subject
	if who == "" {
		who = "(" + subjects[0] + ")"
	}
	return &Identity{
		Subjects: subjects, Username: username, Proof: tokenProof + i.settings.Issuer + " " + who,
		Expires: said.Expiry.Time().Add(i.settings.Leeway), issuer: i.settings.Issuer, Integration: integration,
	}, nil
}

const tokenProof = "jwt:"

func explain(err error, said *jwt.Claims) error {
	switch {
	case errors.Is(err, jwt.ErrExpired):
		return fmt.Errorf("it ended at %s", said.Expiry.Time().UTC().Format(time.RFC3339))
	case errors.Is(err, jwt.ErrNotValidYet):
		return fmt.Errorf("it begins at %s", said.NotBefore.Time().UTC().Format(time.RFC3339))
	case errors.Is(err, jwt.ErrIssuedInTheFuture):
		return fmt.Errorf("it was made at %s, which is yet to come", said.IssuedAt.Time().UTC().Format(time.RFC3339))
	case errors.Is(err, jwt.ErrInvalidAudience):
		return fmt.Errorf("it is for another audience: %q", []string(said.Audience))
	}
	return err
}
