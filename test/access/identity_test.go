package access

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/twinbroker/twinbroker/broker/auth"
	"github.com/twinbroker/twinbroker/test/harness"
	"github.com/twinbroker/twinbroker/test/mqttraw"
)

// answer is what a broker answers to CONNECT.
func answer(t testing.TB, b *harness.Broker, o mqttraw.Options) byte {
	t.Helper()
	o.Version, o.Timeout = mqttraw.V5, harness.Patience
	c, ack, err := mqttraw.Dial(b.MQTT(), o)
	if refused := (*mqttraw.RefusedError)(nil); err != nil && !errors.As(err, &refused) {
		t.Error(err)
		return 0xFF
	}
	if err == nil {
		_ = c.Disconnect()
	}
	return ack.Reason
}

func TestTokensThatProveNothing(t *testing.T) {
	t.Parallel()
	key, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	other, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	set, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: &key.PublicKey, KeyID: "k"}}})
	if err != nil {
		t.Fatal(err)
	}
	b := harness.Start(t, harness.Options{Config: fmt.Sprintf(`
auth:
  jwt: [{alias: acme, issuer: "https://id.example", jwks_file: %s, audience: twins, leeway: 60s, subjects: ["{{ jwt:sub }}"]}]
`, harness.WriteFile(t, "keys.json", string(set)))})
	claims := func(change map[string]any) string {
		now := time.Now().Unix()
		all := map[string]any{"iss": "https://id.example", "aud": "twins", "sub": "42", "iat": now, "exp": now + 600}
		for name, v := range change {
			if all[name] = v; v == nil {
				delete(all, name)
			}
		}
		text, _ := json.Marshal(all)
		return string(text)
	}
	sign := func(alg jose.SignatureAlgorithm, with any, said string) string {
		s, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: with}, (&jose.SignerOptions{}).WithHeader("kid", "k"))
		if err != nil {
			t.Fatal(err)
		}
		signed, err := s.Sign([]byte(said))
		if err != nil {
			t.Fatal(err)
		}
		token, _ := signed.CompactSerialize()
		return token
	}
	none := func(header string) string {
		return base64.RawURLEncoding.EncodeToString([]byte(header)) + "." + base64.RawURLEncoding.EncodeToString([]byte(claims(nil))) + "."
	}
	public, _ := x509.MarshalPKIXPublicKey(&key.PublicKey)
	now := time.Now().Unix()
	good := sign(jose.ES256, key, claims(nil))
	var all sync.WaitGroup
	for _, row := range []struct {
		name, token string
		want        byte
	}{
		{"a good one", good, 0},
		{"one that ended, by less than clocks may differ", sign(jose.ES256, key, claims(map[string]any{"exp": now - 20})), 0},
		{"one that begins, by less than clocks may differ", sign(jose.ES256, key, claims(map[string]any{"nbf": now + 20})), 0},
		{"one that ended", sign(jose.ES256, key, claims(map[string]any{"exp": now - 120})), 0x87},
		{"one that has not begun", sign(jose.ES256, key, claims(map[string]any{"nbf": now + 600})), 0x87},
		{"one without an end", sign(jose.ES256, key, claims(map[string]any{"exp": nil})), 0x87},
		{"for others", sign(jose.ES256, key, claims(map[string]any{"aud": "others"})), 0x87},
		{"of another issuer", sign(jose.ES256, key, claims(map[string]any{"iss": "https://evil.example"})), 0x87},
		{"without an issuer", sign(jose.ES256, key, claims(map[string]any{"iss": nil})), 0x87},
		{"without a subject", sign(jose.ES256, key, claims(map[string]any{"sub": nil})), 0x87},
		{"by another key", sign(jose.ES256, other, claims(nil)), 0x87},
		{"by the public key as a secret", sign(jose.HS256, public, claims(nil)), 0x87},
		{"by nothing", none(`{"alg":"none","kid":"k"}`), 0x87},
		{"by nothing, in capitals", none(`{"alg":"NONE","kid":"k"}`), 0x87},
		{"by an algorithm that is left out", none(`{"kid":"k"}`), 0x87},
		{"with its own key in it", none(`{"alg":"ES256","jwk":{"kty":"EC","crv":"P-256","x":"AA","y":"AA"}}`), 0x87},
		{"cut", good[:len(good)-4], 0x87},
		{"with another's claims", strings.Split(good, ".")[0] + "." + base64.RawURLEncoding.EncodeToString([]byte(claims(map[string]any{"sub": "1"}))) + "." + strings.Split(good, ".")[2], 0x87},
	} {
		all.Go(func() { // at once: who is wrong often waits
			if got := answer(t, b, mqttraw.Options{Clean: true, Username: "jwt", Password: row.token}); got != row.want {
				t.Errorf("%s: %#x, want %#x", row.name, got, row.want)
			}
		})
	}
	all.Wait()
	if log := b.Log(); strings.Contains(log, strings.Split(good, ".")[2]) || strings.Contains(log, strings.Split(good, ".")[1]) {
		t.Error("a token is in the log")
	}
}

// Everything that a session holds is its owner's: subscriptions, what waits, the
// reply topic.
func TestASessionIsTakenOverByItsOwnerOnly(t *testing.T) {
	t.Parallel()
	b := harness.Start(t, harness.Options{Config: fmt.Sprintf(config, users(t, cast...))})
	as := func(user, id string) mqttraw.Options {
		o := mqttraw.Options{ClientID: id, SessionExpiry: 600}
		if user != "" {
			o.Username, o.Password = user, password
		}
		return o
	}
	for _, id := range []string{"gateway", "a/b", "größe", "%", "+", "#", "$SYS", "a b"} {
		owner := harness.Dial5(t, b, harness.Connect{ID: id, Keep: true, Expiry: 600, Username: "ann", Password: password})
		owner.Subscribe("ditto/_replies/#")
		for _, clean := range []bool{true, false} {
			for _, user := range []string{"eve", "root", "", "ben"} {
				o := as(user, id)
				o.Clean = clean
				if got := answer(t, b, o); got != 0x87 {
					t.Errorf("%q connects as ann's %q, clean %v: %#x", user, id, clean, got)
				}
			}
		}
		_ = owner.Publish("ditto/a/none/things/twin/commands/retrieve", `{"path":"/"}`, 1)
		if m := owner.Wait("ditto/_replies/#"); !strings.Contains(m.Payload, "404") { // it was not disturbed
			t.Errorf("%q: %v", id, m)
		}
		owner.Drop()
		if got := answer(t, b, as("eve", id)); got != 0x87 {
			t.Errorf("eve connects as ann's %q, who is away: %#x", id, got)
		}
		if got := answer(t, b, as("ann", id)); got != 0 {
			t.Errorf("ann connects as her own %q: %#x", id, got)
		}
	}
	// A client that looks like another's reply topic, or subject, gets nothing of it.
	ann := harness.Dial5(t, b, harness.Connect{ID: "x/y", Username: "ann", Password: password})
	ann.Subscribe("ditto/_replies/#")
	var others []*harness.Client5
	for _, id := range []string{"x%2Fy", "x%2fy", "x", "X/y", "x/y/", "x/y\t"} {
		c, err := harness.TryDial5(t, b, harness.Connect{ID: id, Username: "eve", Password: password})
		if err != nil {
			continue
		}
		c.Subscribe("ditto/_replies/#", "ditto/_replies/x%2Fy", "ditto/_replies/x/y", "#")
		others = append(others, c)
	}
	_ = ann.Publish("ditto/a/none/things/twin/commands/retrieve", `{"path":"/"}`, 1)
	ann.Wait("ditto/_replies/x%2Fy")
	for _, c := range others {
		c.Subscribe("marker/" + strings.ReplaceAll(c.ID(), "/", "_"))
		if err := c.Publish("marker/"+strings.ReplaceAll(c.ID(), "/", "_"), "", 1); err != nil {
			t.Fatal(err)
		}
		if m := c.Wait("#"); !strings.HasPrefix(m.Topic, "marker/") {
			t.Errorf("%q received %v", c.ID(), m)
		}
	}
	for _, id := range []string{"user:ann", "group:admins", "anonymous:some"} {
		if got := answer(t, b, as("eve", id)); got != 0x85 {
			t.Errorf("a client that is called %q: %#x", id, got)
		}
	}
}

// The hash is one that is checked fast; the throttle is the same for all.
func TestAThousandWrongPasswordsDoNotStopTheRightOnes(t *testing.T) {
	t.Parallel()
	b := harness.Start(t, harness.Options{Config: fmt.Sprintf(config, users(t, cast...))})
	if got := answer(t, b, mqttraw.Options{Clean: true, Username: "bob", Password: password}); got != 0 {
		t.Fatalf("bob: %#x", got)
	}
	var left atomic.Int64
	left.Store(1000)
	var guesses sync.WaitGroup
	var mu sync.Mutex
	outcomes := map[byte]int{}
	for range 50 {
		guesses.Go(func() {
			for n := left.Add(-1); n >= 0; n = left.Add(-1) {
				_, ack, err := mqttraw.Dial(b.MQTT(), mqttraw.Options{Version: mqttraw.V5, Clean: true, Username: "ann", Password: fmt.Sprint("guess", n), Timeout: harness.Patience})
				if refused := (*mqttraw.RefusedError)(nil); !errors.As(err, &refused) {
					ack.Reason = 0
				}
				mu.Lock()
				outcomes[ack.Reason]++
				mu.Unlock()
			}
		})
	}
	for range 20 { // beside it: who was here before waits for nobody
		if got := answer(t, b, mqttraw.Options{Clean: true, Username: "bob", Password: password}); got != 0 {
			t.Errorf("bob, beside the attack: %#x", got)
		}
	}
	guesses.Wait()
	if outcomes[0] > 0 || outcomes[0x86] == 0 || outcomes[0x86]+outcomes[0x9F] != 1000 {
		t.Errorf("the guesses were answered with %v", outcomes)
	}
	if got := answer(t, b, mqttraw.Options{Clean: true, Username: "ann", Password: password}); got != 0 {
		t.Errorf("ann, whose password was guessed: %#x", got)
	}
	if strings.Contains(b.Log(), "guess") || strings.Contains(b.Log(), password) {
		t.Error("a password is in the log")
	}
	if n := strings.Count(b.Log(), "client refused"); n > 200 {
		t.Errorf("%d lines in the log about one who guesses", n)
	}
}

// Names are compared as they are, and a rule or Policy for one is none for
// another that looks like it.
func TestSubjectsWithOddCharacters(t *testing.T) {
	t.Parallel()
	names := []string{"ann", "Ann", "größe", "grösse", "a+b", "+", "#", "a/b", "..", "%2F", "{{ request:subjectId }}", "*", "ann,owners", "$SYS", "a\u00a0b", "😀"}
	hash := auth.Hash([]byte(password))
	var file strings.Builder
	for _, name := range names {
		if !strings.Contains(name, ":") {
			fmt.Fprintf(&file, "%s:%s:\n", name, hash)
		}
	}
	b := harness.Start(t, harness.Options{Config: fmt.Sprintf(`
auth: {users_file: %s}
acl:
  - {subjects: ["user:ann"], publish: ["for/#"], subscribe: ["marker/#", "for/#"]}
  - {subjects: ["user:*", "user:+", "user:#"], publish: ["wild/#"]}
  - {subjects: ["group:owners"], publish: ["wild/#"]}
  - {subjects: ["group:none"], publish: ["own/{{ client:username }}/#"]}
`, harness.WriteFile(t, "users.passwd", file.String()))})
	clients := map[string]*harness.Client5{}
	for _, name := range names {
		c, err := harness.TryDial5(t, b, harness.Connect{Username: name, Password: password})
		if err != nil { // a name that no users file can have
			t.Logf("%q is not let in: %v", name, err)
			continue
		}
		c.Subscribe("ditto/_replies/#", "ditto/odd/#")
		clients[name] = c
	}
	if clients["ann"] == nil || len(clients) < 8 {
		t.Fatalf("%d of %d are let in", len(clients), len(names))
	}
	for name, c := range clients {
		if err := c.Publish("for/x", "1", 1); (err == nil) != (name == "ann") {
			t.Errorf("%q publishes by the rule for ann: %v", name, err)
		}
		for _, topic := range []string{"own/ann/x", "own/+/x", "own/x"} {
			if strings.ContainsAny(topic, "+#") {
				continue // no name of a topic
			}
			if c.Publish(topic, "1", 1) == nil {
				t.Errorf("%q publishes to %s", name, topic)
			}
		}
		if err := c.Publish("wild/x", "1", 1); err == nil && name != "*" && name != "+" && name != "#" {
			t.Errorf("%q publishes by a rule that names a subject with a wildcard", name)
		}
	}
	// Each makes a Thing that only its own subject may read.
	serial := 0
	for name, c := range clients {
		serial++
		id := fmt.Sprintf("odd/t%d", serial)
		err := c.Publish("ditto/"+id+"/things/twin/commands/create", `{"path":"/","value":{"attributes":{"a":1}}}`, 1)
		if err != nil && strings.Contains(err.Error(), "Subject ID") && strings.ContainsAny(name, "öß\u00a0") {
			continue // Policies, as Ditto's, take no such subject
		}
		if err != nil {
			t.Errorf("%q: %v", name, err)
		}
		for other, d := range clients {
			err := d.Publish("ditto/"+id+"/things/twin/commands/retrieve", `{"path":"/"}`, 1)
			if (err == nil) != (other == name) {
				t.Errorf("%q reads the Thing of %q: %v", other, name, err)
			}
		}
	}
}
