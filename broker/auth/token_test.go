package auth

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// signingKey is what an issuer signs tokens with.
type signingKey struct {
	id  string
	alg jose.SignatureAlgorithm
	key any
}

// Keys of all kinds, made once: RSA takes its time.
var signingKeys = func() map[string]signingKey {
	r, _ := rsa.GenerateKey(rand.Reader, 2048)
	small, _ := rsa.GenerateKey(rand.Reader, 1024)
	_, e, _ := ed25519.GenerateKey(rand.Reader)
	var t testing.T
	all := map[string]signingKey{
		"rsa": {"rsa", jose.RS256, r}, "pss": {"rsa", jose.PS384, r}, "ec": {"ec", jose.ES256, newKey(&t)}, "ed": {"ed", jose.EdDSA, e},
		"other": {"ec", jose.ES256, newKey(&t)}, "small": {"small", jose.RS256, small}, "next": {"next", jose.ES256, newKey(&t)},
	}
	return all
}()

func (k signingKey) public() jose.JSONWebKey {
	return (&jose.JSONWebKey{Key: k.key, KeyID: k.id}).Public()
}

// keySetOf is a JSON Web Key Set.
func keySetOf(names ...string) []byte {
	var set jose.JSONWebKeySet
	for _, n := range names {
		set.Keys = append(set.Keys, signingKeys[n].public())
	}
	text, _ := json.Marshal(set)
	return text
}

func keysFileOf(t testing.TB, names ...string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "keys.json")
	if err := os.WriteFile(file, keySetOf(names...), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

type claims map[string]any

// token signs claims; those that are not there are good ones.
func token(t testing.TB, by string, c claims) string {
	t.Helper()
	k := signingKeys[by]
	options := (&jose.SignerOptions{}).WithType("JWT")
	if k.id != "" {
		options = options.WithHeader("kid", k.id)
	}
	s, err := jose.NewSigner(jose.SigningKey{Algorithm: k.alg, Key: k.key}, options)
	if err != nil {
		t.Fatal(err)
	}
	whole := claims{"iss": "https://id.example", "aud": "twins", "sub": "42", "exp": time.Now().Add(time.Hour).Unix(), "iat": time.Now().Unix()}
	for name, v := range c {
		whole[name] = v
		if v == nil {
			delete(whole, name)
		}
	}
	text, _ := json.Marshal(whole)
	signed, err := s.Sign(text)
	if err != nil {
		t.Fatal(err)
	}
	compact, err := signed.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return compact
}

// unsigned is a token by an algorithm that must never be taken.
func unsigned(alg, signature string) string {
	b64 := base64.RawURLEncoding.EncodeToString
	body := fmt.Sprintf(`{"iss":"https://id.example","aud":"twins","sub":"42","exp":%d}`, time.Now().Add(time.Hour).Unix())
	return b64([]byte(`{"alg":"`+alg+`","kid":"rsa","typ":"JWT"}`)) + "." + b64([]byte(body)) + "." + signature
}

func acme(t testing.TB, subjects ...string) TokenSettings {
	if len(subjects) == 0 {
		subjects = []string{"{{ jwt:sub }}"}
	}
	return TokenSettings{Alias: "acme", Issuer: "https://id.example", KeysFile: keysFileOf(t, "rsa", "ec", "ed"),
		Audience: []string{"twins", "others"}, Leeway: 30 * time.Second, Subjects: subjects}
}

func TestWhoIsLetInWithAToken(t *testing.T) { synctest.Test(t, whoIsLetInWithAToken) }

func whoIsLetInWithAToken(t *testing.T) {
	in := func(d time.Duration) any { return time.Now().Add(d).Unix() }
	const good = "jwt:https://id.example 42 acme:42"
	hmac := func() string { // signed with the public key as a secret
		public, _ := x509.MarshalPKIXPublicKey(signingKeys["rsa"].public().Key)
		s, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.HS256, Key: public}, (&jose.SignerOptions{}).WithHeader("kid", "rsa"))
		if err != nil {
			t.Fatal(err)
		}
		signed, _ := s.Sign([]byte(fmt.Sprintf(`{"iss":"https://id.example","aud":"twins","sub":"42","exp":%d}`, time.Now().Add(time.Hour).Unix())))
		text, _ := signed.CompactSerialize()
		return text
	}()
	tampered := func() string {
		parts := strings.Split(token(t, "ec", nil), ".")
		parts[1] = base64.RawURLEncoding.EncodeToString([]byte(fmt.Sprintf(`{"iss":"https://id.example","aud":"twins","sub":"root","exp":%d}`, time.Now().Add(time.Hour).Unix())))
		return strings.Join(parts, ".")
	}()
	for _, test := range []struct {
		name     string
		subjects []string
		token    string
		want     string // of a refusal: how its cause begins
	}{
		{"RS256", nil, token(t, "rsa", nil), good},
		{"PS384", nil, token(t, "pss", nil), good},
		{"ES256", nil, token(t, "ec", nil), good},
		{"EdDSA", nil, token(t, "ed", nil), good},
		{"none", nil, unsigned("none", ""), "it is not a token signed by"},
		{"None", nil, unsigned("None", ""), "it is not a token signed by"},
		{"none with a signature", nil, unsigned("none", "AAAA"), "it is not a token signed by"},
		{"HS256 with the public key", nil, hmac, "it is not a token signed by"},
		{"another's key under the same name", nil, token(t, "other", nil), "its signature is wrong"},
		{"a key that is not known", nil, token(t, "next", nil), "it is signed with a key"},
		{"other claims", nil, tampered, "its signature is wrong"},
		{"no token", nil, "secret", "it is not a token"},
		{"empty", nil, "", "it is not a token"},
		{"three dots", nil, "...", "it is not a token"},
		{"expired", nil, token(t, "ec", claims{"exp": in(-31 * time.Second)}), "it ended at"},
		{"expired, but the clocks differ", nil, token(t, "ec", claims{"exp": in(-20 * time.Second)}), good},
		{"without an end", nil, token(t, "ec", claims{"exp": nil}), "it has no end"},
		{"an end that is no time", nil, token(t, "ec", claims{"exp": "tomorrow"}), "its claims cannot be read"},
		{"not yet", nil, token(t, "ec", claims{"nbf": in(time.Minute)}), "it begins at"},
		{"not yet, but the clocks differ", nil, token(t, "ec", claims{"nbf": in(20 * time.Second)}), good},
		{"made in the future", nil, token(t, "ec", claims{"iat": in(time.Minute)}), "it was made at"},
		{"another audience", nil, token(t, "ec", claims{"aud": "mail"}), "it is for another audience"},
		{"no audience", nil, token(t, "ec", claims{"aud": nil}), "it is for another audience"},
		{"one of several audiences", nil, token(t, "ec", claims{"aud": []string{"mail", "others"}}), good},
		{"another issuer", nil, token(t, "ec", claims{"iss": "https://evil.example"}), "its issuer"},
		{"no issuer", nil, token(t, "ec", claims{"iss": nil}), "its issuer"},
		{"an array", []string{"{{ jwt:sub }}", "{{ jwt:groups }}"}, token(t, "ec", claims{"groups": []string{"a", "b", "42"}}), "jwt:https://id.example 42 acme:42,acme:a,acme:b"},
		{"nested", []string{"{{ jwt:realm/roles }}"}, token(t, "ec", claims{"realm": claims{"roles": []any{"x", 7, true, nil, claims{}}}}), "jwt:https://id.example 42 acme:x,acme:7,acme:true"},
		{"objects in an array", []string{"{{ jwt:orgs/id }}"}, token(t, "ec", claims{"orgs": []any{claims{"id": "a"}, claims{"id": "b"}, 5}}), "jwt:https://id.example 42 acme:a,acme:b"},
		{"a claim that is a URL", []string{"{{ jwt:https://acme/groups }}"}, token(t, "ec", claims{"https://acme/groups": "g"}), "jwt:https://id.example 42 acme:g"},
		{"functions", []string{"{{ jwt:email | fn:substring-before('@') | fn:lower() }}"}, token(t, "ec", claims{"email": "Ann@acme.example"}), "jwt:https://id.example 42 acme:ann"},
		{"a large number", []string{"{{ jwt:id }}"}, token(t, "ec", claims{"id": json.Number("12345678901234567890")}), "jwt:https://id.example 42 acme:12345678901234567890"},
		{"nothing that makes a subject", []string{"{{ jwt:groups }}"}, token(t, "ec", nil), "it has nothing of what makes a subject"},
		{"no sub", []string{"{{ jwt:id }}"}, token(t, "ec", claims{"sub": nil, "id": "x"}), "jwt:https://id.example (acme:x) acme:x"},
		{"control characters", nil, token(t, "ec", claims{"sub": "a\x00b"}), `"acme:a\x00b" cannot be a subject`},
		{"slashes and colons", nil, token(t, "ec", claims{"sub": "user:ann/../#"}), "jwt:https://id.example user:ann/../# acme:user:ann/../#"},
	} {
		a := loaded(t, Settings{Tokens: []TokenSettings{acme(t, test.subjects...)}, Anonymous: []string{"anonymous:local"}})
		for name, r := range map[string]*Request{
			"as a password": asUser("jwt", test.token), "by AUTH": {AuthMethod: "JWT", AuthData: []byte(test.token)},
			"without a name": {HasPassword: true, Password: []byte(test.token)},
		} {
			r.Remote = "192.0.2.1:1"
			got := connect(a, r)
			cause, refused := strings.CutPrefix(got, "0x87 token: ")
			if refused != !strings.HasPrefix(test.want, "jwt:") || !refused && got != test.want || refused && !strings.HasPrefix(cause, test.want) {
				t.Errorf("%s, %s: %s\nwant %s", test.name, name, got, test.want)
			}
			if len(test.token) > 20 && strings.Contains(got, test.token[len(test.token)-15:]) {
				t.Errorf("%s: the cause has the token in it", test.name)
			}
		}
	}
}

func TestATokenBesideUsers(t *testing.T) {
	users := usersFile(t, "ann:"+cheap("secret"))
	a := loaded(t, Settings{UsersFile: users, Tokens: []TokenSettings{acme(t)}})
	good := token(t, "ec", nil)
	for _, test := range []struct{ name, password, want string }{
		{"ann", "secret", "user:ann user:ann as ann"},
		{"ann", good, "0x86 wrong password"}, // it is ann's password that was asked for
		{"eve", good, "jwt:https://id.example 42 acme:42"},
		{"jwt", good, "jwt:https://id.example 42 acme:42"},
		{"", good, "jwt:https://id.example 42 acme:42"},
		{"eve", "secret", "0x86 no such user"},
	} {
		if got := connect(a, asUser(test.name, test.password)); got != test.want {
			t.Errorf("%s with %.10s: %s, want %s", test.name, test.password, got, test.want)
		}
	}
}

// A token that nobody made whose tokens are taken does not tell which users there
// are, neither by the answer nor by the work that it is.
func TestAForgedTokenTellsNoUsers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := loaded(t, Settings{
			UsersFile: usersFile(t, "ann:"+cheap("x")),
			Tokens:    []TokenSettings{{Alias: "acme", Issuer: "https://id.example", KeysFile: keysFileOf(t, "rsa"), Audience: []string{"twins"}, Subjects: []string{"{{ jwt:sub }}"}}},
		})
		worked := 0
		a.passwords.matches = func(*hash, []byte) bool { worked++; return false }
		answers := map[string]string{}
		for _, forged := range []string{token(t, "rsa", claims{"iss": "https://other.example"}), unsigned("none", ""), "eyJ9.e.f"} {
			for _, user := range []string{"ann", "eve"} {
				worked = 0
				_, refused := a.Connect(context.Background(), asUser(user, forged))
				if refused == nil {
					t.Fatal("let in")
				}
				answer := fmt.Sprint(refused.Code, refused.Reason, worked)
				if before, ok := answers[forged]; ok && before != answer || worked != 1 {
					t.Errorf("ann is answered %q, eve, who is not there, %q", before, answer)
				}
				answers[forged] = answer
			}
		}
		if got := connect(a, asUser("eve", unsigned("none", "y"))); !strings.Contains(got, "no such user, and the token: it is not a token") {
			t.Errorf("the log says %q", got)
		}
		if got := connect(a, asUser("eve", token(t, "rsa", nil))); !strings.HasPrefix(got, "jwt:https://id.example 42 acme:42") {
			t.Errorf("with a token: %s", got)
		}
		if got := connect(a, asUser("eve", token(t, "rsa", claims{"exp": 1}))); !strings.HasPrefix(got, "0x87 token: it ended at") {
			t.Errorf("with one that has ended: %s", got)
		}
	})
}

func TestATokenIsRenewedByItsOwnerOnly(t *testing.T) {
	a := loaded(t, Settings{Tokens: []TokenSettings{acme(t, "{{ jwt:sub }}", "{{ jwt:groups }}")}, AdminSubjects: []string{"acme:boss"}})
	end := time.Now().Add(time.Minute).Truncate(time.Second)
	id, refused := a.Connect(context.Background(), asUser("jwt", token(t, "ec", claims{"exp": end.Unix()})))
	if refused != nil || !id.Expires.Equal(end.Add(30*time.Second)) {
		t.Fatalf("%+v, %+v", id, refused)
	}
	next, refused := a.Renew(context.Background(), id, "192.0.2.1:1", []byte(token(t, "rsa", claims{"exp": end.Add(time.Hour).Unix(), "groups": "boss"})))
	if refused != nil || !next.Expires.Equal(end.Add(time.Hour+30*time.Second)) || strings.Join(next.Subjects, " ") != "acme:42 acme:boss" || !next.Admin {
		t.Errorf("%+v, %+v", next, refused)
	}
	for name, text := range map[string]string{"another's": token(t, "ec", claims{"sub": "43"}), "a wrong one": token(t, "other", nil), "none": ""} {
		if next, refused := a.Renew(context.Background(), id, "192.0.2.1:1", []byte(text)); refused == nil || refused.Code != CodeNotAuthorized {
			t.Errorf("%s: %+v, %+v", name, next, refused)
		}
	}
	if _, ok := a.Again(id); !ok {
		t.Error("it does not hold until it ends")
	}
	if err := a.Load(Settings{Anonymous: []string{"a:b"}}); err != nil {
		t.Fatal(err)
	}
	if _, ok := a.Again(id); ok {
		t.Error("it holds when its issuer's tokens are not taken any more")
	}
}

func TestFilesOfKeys(t *testing.T) {
	for _, test := range []struct{ name, text, want string }{
		{"not JSON", "keys", "is not a JSON Web Key Set"},
		{"a key alone", `{"kty":"EC"}`, "is not a JSON Web Key Set"},
		{"empty", `{"keys":[]}`, "has no key"},
		{"only what is not known", `{"keys":[{"kty":"XX"},5]}`, "has no key"},
		{"a small RSA key", string(keySetOf("small")), "has no key"},
		{"a secret", `{"keys":[{"kty":"oct","k":"c2VjcmV0"}]}`, "secret or private"},
		{"a private key", func() string {
			text, _ := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: signingKeys["ec"].key}}})
			return string(text)
		}(), "secret or private"},
		{"for encryption", strings.Replace(string(keySetOf("ec")), `"kty"`, `"use":"enc","kty"`, 1), "has no key"},
		{"good", string(keySetOf("ec", "small")), ""},
	} {
		_, err := parseKeys([]byte(test.text))
		if test.want == "" && err != nil || test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
			t.Errorf("%s: %v, want %q", test.name, err, test.want)
		}
	}
	only, _ := parseKeys([]byte(strings.Replace(string(keySetOf("rsa")), `"kty"`, `"alg":"RS512","kty"`, 1)))
	if len(only.of("rsa", "RS256")) != 0 || len(only.of("rsa", "RS512")) != 1 || len(only.of("", "RS512")) != 1 {
		t.Error("a key that is for one algorithm is used for another")
	}
}

// TestKeysThatAreFetched holds the keys of a server that changes them, goes
// away and comes back.
func TestKeysThatAreFetched(t *testing.T) {
	ca := newAuthority(t, "Web")
	var keys atomic.Value
	var gone atomic.Bool
	var asked atomic.Int64
	keys.Store(keySetOf("ec"))
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		if gone.Load() {
			http.Error(w, "gone", http.StatusServiceUnavailable)
			return
		}
		_, _ = w.Write(keys.Load().([]byte))
	}))
	server.TLS = &tls.Config{Certificates: []tls.Certificate{ca.issue(&x509.Certificate{Subject: pkix.Name{CommonName: "x"}, IPAddresses: []net.IP{net.ParseIP("127.0.0.1")}})}}
	server.StartTLS()
	defer server.Close()

	var ahead atomic.Int64 // how far the clock was put on
	a := New(Options{Now: func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }})
	later := func(d time.Duration) { ahead.Add(int64(d)) }
	s := acme(t)
	s.KeysFile, s.KeysURL, s.KeysCA = "", server.URL+"/keys", ca.file
	load := func() {
		t.Helper()
		if err := a.Load(Settings{Tokens: []TokenSettings{s}}); err != nil {
			t.Fatal(err)
		}
	}
	try := func(by string) string {
		got := connect(a, asUser("jwt", token(t, by, claims{"exp": time.Now().Add(24 * time.Hour).Unix()})))
		if strings.HasPrefix(got, "jwt:") {
			return "ok"
		}
		return got
	}
	gone.Store(true)
	load()
	if got := try("ec"); !strings.HasPrefix(got, "0x88 the issuer's keys are not there: the server answers 503") {
		t.Errorf("the server was never there: %s", got)
	}
	n := asked.Load()
	for range 20 {
		try("ec")
	}
	if asked.Load() > n {
		t.Error("a server that is away is asked for each token")
	}
	gone.Store(false)
	later(fetchInterval)
	if got := try("ec"); got != "ok" {
		t.Errorf("the server is there: %s", got)
	}
	later(fetchInterval)
	if got := try("next"); !strings.HasPrefix(got, "0x87 token: it is signed with a key") {
		t.Errorf("a key that is not there yet: %s", got)
	}
	keys.Store(keySetOf("ec", "next"))
	n = asked.Load()
	if got := try("next"); !strings.HasPrefix(got, "0x87 token: it is signed with a key") || asked.Load() > n {
		t.Errorf("the server was asked a moment ago: %s, %d times more", got, asked.Load()-n)
	}
	later(fetchInterval)
	if got := try("next"); got != "ok" {
		t.Errorf("a new key: %s", got)
	}
	gone.Store(true)
	later(10 * keysAge)
	for _, by := range []string{"ec", "next"} {
		if got := try(by); got != "ok" {
			t.Errorf("%s, while the server is away: %s", by, got)
		}
	}
	load()
	if got := try("ec"); got != "ok" {
		t.Errorf("after a reload, while the server is away: %s", got)
	}
	gone.Store(false)
	keys.Store(keySetOf("next"))
	later(10 * keysAge)
	deadline := time.Now().Add(20 * time.Second)
	for try("ec") == "ok" { // the old keys are asked for once more, and then are not there
		if time.Now().After(deadline) {
			t.Fatal("a key that was taken away is still good")
		}
		later(keysAge)
		time.Sleep(time.Millisecond)
	}

	s.KeysCA = "" // whom the system trusts: not this server
	b := New(Options{})
	if err := b.Load(Settings{Tokens: []TokenSettings{s}}); err != nil {
		t.Fatal(err)
	}
	if got := connect(b, asUser("jwt", token(t, "next", nil))); !strings.HasPrefix(got, "0x88") || !strings.Contains(got, "certificate") {
		t.Errorf("a server that nobody vouches for: %s", got)
	}
}

func TestWhatIsWrongWithSettings(t *testing.T) {
	good := acme(t)
	change := func(f func(*TokenSettings)) Settings {
		s := good
		f(&s)
		return Settings{Tokens: []TokenSettings{s}}
	}
	for _, test := range []struct {
		name     string
		settings Settings
		want     string
	}{
		{"good", Settings{Tokens: []TokenSettings{good}}, ""},
		{"an alias that users have", change(func(s *TokenSettings) { s.Alias = "user" }), "jwt[0].alias"},
		{"an alias with a colon", change(func(s *TokenSettings) { s.Alias = "a:b" }), "jwt[0].alias"},
		{"no alias", change(func(s *TokenSettings) { s.Alias = "" }), "jwt[0].alias"},
		{"an alias twice", Settings{Tokens: []TokenSettings{good, func() TokenSettings { s := good; s.Issuer = "x"; return s }()}}, "jwt[1].alias"},
		{"an issuer twice", Settings{Tokens: []TokenSettings{good, func() TokenSettings { s := good; s.Alias = "x"; return s }()}}, "jwt[1].issuer"},
		{"an alias that certificates have", func() Settings {
			s := Settings{Tokens: []TokenSettings{good}, Certificates: &CertificateSettings{Subjects: []string{"acme:{{ cert:cn }}"}}}
			return s
		}(), "jwt[0].alias"},
		{"no keys", change(func(s *TokenSettings) { s.KeysFile = "" }), "jwt[0].jwks_file"},
		{"keys without HTTPS", change(func(s *TokenSettings) { s.KeysFile, s.KeysURL = "", "http://id.example/keys" }), "jwt[0].jwks_url"},
		{"keys twice", change(func(s *TokenSettings) { s.KeysURL = "https://id.example/keys" }), "jwt[0].jwks_url"},
		{"a long leeway", change(func(s *TokenSettings) { s.Leeway = time.Hour }), "jwt[0].leeway"},
		{"no subjects", change(func(s *TokenSettings) { s.Subjects = nil }), "jwt[0].subjects"},
		{"a placeholder that is not there", change(func(s *TokenSettings) { s.Subjects = []string{"{{ cert:cn }}"} }), "jwt[0].subjects[0]"},
		{"no audience", change(func(s *TokenSettings) { s.Audience = nil }), "jwt[0].audience"},
		{"a certificate's placeholder", Settings{Certificates: &CertificateSettings{Subjects: []string{"c:{{ cert:name }}"}}}, "certificates.subjects[0]"},
		{"a certificate's subject without a prefix", Settings{Certificates: &CertificateSettings{Subjects: []string{"{{ cert:cn }}"}}}, "certificates.subjects[0]"},
		{"an admin that is none", Settings{AdminSubjects: []string{"ann"}}, "admin_subjects[0]"},
		{"everybody is an admin", Settings{Anonymous: []string{"a:b"}, AdminSubjects: []string{"a:b"}}, "admin_subjects[0]"},
	} {
		problems := test.settings.Check()
		if test.want == "" && len(problems) > 0 || test.want != "" && (len(problems) != 1 || problems[0].Key != test.want) {
			t.Errorf("%s: %+v, want %q", test.name, problems, test.want)
		}
	}
}

func FuzzToken(f *testing.F) {
	f.Add(token(f, "ec", nil))
	f.Add(unsigned("none", ""))
	f.Add("ey..")
	a := loaded(f, Settings{Tokens: []TokenSettings{acme(f)}})
	good, _ := a.current.Load().token(context.Background(), []byte(token(f, "ec", nil)), time.Now())
	if good == nil {
		f.Fatal("the good one is not")
	}
	f.Fuzz(func(t *testing.T, text string) {
		id, err := a.current.Load().token(context.Background(), []byte(text), time.Now())
		if (id == nil) == (err == nil) || id != nil && id.Proof != good.Proof { // nobody guesses a signature
			t.Errorf("%q: %+v, %v", text, id, err)
		}
	})
}

func FuzzKeys(f *testing.F) {
	f.Add(string(keySetOf("rsa", "ec", "ed")))
	f.Add(`{"keys":[{"kty":"EC","crv":"P-256","x":"AA","y":"AA"}]}`)
	f.Fuzz(func(t *testing.T, text string) {
		if set, err := parseKeys([]byte(text)); (set == nil) == (err == nil) || set != nil && len(set.keys) == 0 {
			t.Errorf("%+v, %v", set, err)
		}
	})
}
