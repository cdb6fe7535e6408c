package e2e

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/eclipse/paho.golang/packets"
	"github.com/eclipse/paho.golang/paho"
	"github.com/go-jose/go-jose/v4"

	"github.com/twinbroker/twinbroker/test/harness"
)

// passwd sets a password with the program's own verb.
func passwd(t *testing.T, file, user, password string, more ...string) {
	t.Helper()
	r := harness.RunWith(t, nil, password+"\n", append([]string{"passwd", file, user}, more...)...)
	if r.Code != 0 {
		t.Fatalf("passwd: %s", r.Stderr)
	}
}

// connackCode connects with MQTT 5 and says what the broker answers.
func connackCode(t *testing.T, b *harness.Broker, o harness.Connect) byte {
	t.Helper()
	c, err := harness.TryDial5(t, b, o)
	if err != nil && c.Connack == nil {
		t.Fatal(err)
	}
	if err == nil {
		c.Disconnect()
	}
	return c.Connack.ReasonCode
}

// until polls.
func until(t *testing.T, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(harness.Patience); !is(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within %v", what, harness.Patience)
		}
	}
}

// ended waits until the broker disconnects a client.
func ended(t *testing.T, c *harness.Client5) byte {
	t.Helper()
	select {
	case d := <-c.Disconnected:
		return d.ReasonCode
	case <-time.After(harness.Patience):
		t.Fatal("the client is not disconnected")
	}
	return 0
}

func TestUsersAndTheirPasswords(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "users")
	const secret = "s3cret-of-ann"
	passwd(t, file, "ann", secret, "--group", "ops")
	passwd(t, file, "bob", "bobs")
	config := "auth: {users_file: " + file + ", admin_subjects: [\"group:admins\"]}\n"
	b := harness.Start(t, harness.Options{Config: config})
	b.WaitLog("clients prove who they are by the passwords of")

	ann := harness.Dial5(t, b, harness.Connect{ID: "phone", Username: "ann", Password: secret, Expiry: 600})
	harness.Dial3(t, b, harness.Connect{Username: "ann", Password: secret})
	for _, test := range []struct {
		name string
		as   harness.Connect
		want byte
	}{
		{"wrong password", harness.Connect{Username: "ann", Password: "no"}, 0x86},
		{"no such user", harness.Connect{Username: "eve", Password: secret}, 0x86},
		{"no credentials", harness.Connect{}, 0x87},
		{"an identifier that looks like a subject", harness.Connect{ID: "user:ann", Username: "bob", Password: "bobs"}, 0x85},
		{"another's living client", harness.Connect{ID: "phone", Username: "bob", Password: "bobs"}, 0x87},
		{"another's session, to go on with it", harness.Connect{ID: "phone", Username: "bob", Password: "bobs", Keep: true}, 0x87},
	} {
		if got := connackCode(t, b, test.as); got != test.want {
			t.Errorf("%s: %#x, want %#x", test.name, got, test.want)
		}
	}
	if _, err := harness.TryDial3(t, b, harness.Connect{Username: "ann", Password: "no"}); err == nil || !strings.Contains(err.Error(), "bad user name or password") {
		t.Errorf("MQTT 3.1.1, wrong password: %v", err)
	}
	if _, err := harness.TryDial3(t, b, harness.Connect{ID: "phone", Username: "bob", Password: "bobs"}); err == nil || !strings.Contains(strings.ToLower(err.Error()), "not authorized") {
		t.Errorf("MQTT 3.1.1, another's client: %v", err)
	}
	ann.Subscribe("ditto/_replies/#") // she was not disturbed
	again := harness.Dial5(t, b, harness.Connect{ID: "phone", Username: "ann", Password: secret, Expiry: 600, Keep: true})
	if code := ended(t, ann); code != 0x8E || !again.Connack.SessionPresent {
		t.Errorf("the same identity takes over: %#x, session present %v", code, again.Connack.SessionPresent)
	}

	// Her session is hers while she is away, too.
	again.Disconnect()
	if got := connackCode(t, b, harness.Connect{ID: "phone", Username: "bob", Password: "bobs"}); got != 0x87 {
		t.Errorf("another's session that is kept: %#x", got)
	}

	// A change of the file: bob's password and groups, and ann is gone.
	bob := harness.Dial5(t, b, harness.Connect{Username: "bob", Password: "bobs"})
	ann = harness.Dial5(t, b, harness.Connect{ID: "tablet", Username: "ann", Password: secret})
	passwd(t, file, "bob", "new", "--group", "admins")
	if r := harness.Run(t, "passwd", file, "ann", "--delete"); r.Code != 0 {
		t.Fatal(r.Stderr)
	}
	if code := ended(t, ann); code != 0x98 {
		t.Errorf("a user that was taken out is disconnected with %#x", code)
	}
	if got := connackCode(t, b, harness.Connect{Username: "ann", Password: secret}); got != 0x86 {
		t.Errorf("a user that was taken out: %#x", got)
	}
	if got := connackCode(t, b, harness.Connect{Username: "bob", Password: "bobs"}); got != 0x86 {
		t.Errorf("a password of before: %#x", got)
	}
	until(t, "the session of a user that was taken out is given up", func() bool {
		return connackCode(t, b, harness.Connect{ID: "phone", Username: "bob", Password: "new"}) == 0
	})
	bob.Subscribe("ditto/_replies/#") // he stayed

	// A file with a mistake changes nothing.
	if err := os.WriteFile(file, []byte("bob:plain\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	b.WaitLog("not taken over")
	if got := connackCode(t, b, harness.Connect{Username: "bob", Password: "new"}); got != 0 {
		t.Errorf("after a mistake in the file: %#x", got)
	}
	if strings.Contains(b.Log(), secret) {
		t.Error("a password is in the log")
	}
	shown := harness.Run(t, "config", "show", "-c", harness.WriteFile(t, "c.yaml", "auth: {users_file: "+filepath.Join(t.TempDir(), "none")+"}"))
	if shown.Code == 0 || !strings.Contains(shown.Stderr, "cannot be read") {
		t.Errorf("a users file that is not there: %+v", shown)
	}
}

func TestVerbsOfUsers(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "users")
	passwd(t, file, "ann", "pässword with spaces ", "--group", "ops")
	b := harness.Start(t, harness.Options{Config: "auth: {users_file: " + file + "}\n"})
	url := "mqtt://" + b.MQTT()
	list := func(env []string, stdin string, more ...string) harness.Result {
		return harness.RunWith(t, env, stdin, append([]string{"things", "list", "--url", url}, more...)...)
	}
	password := harness.WriteFile(t, "password", "pässword with spaces \nsecond line\n")
	for name, r := range map[string]harness.Result{
		"by the environment":     list([]string{"TWINBROKER_PASSWORD=pässword with spaces "}, "", "--user", "ann"),
		"by a file":              list(nil, "", "--user", "ann", "--password-file", password),
		"by standard input":      list(nil, "pässword with spaces \n", "--user", "ann", "--password-file", "-"),
		"a file before the rest": list([]string{"TWINBROKER_PASSWORD=x"}, "", "--user", "ann", "--password-file", password),
	} {
		if r.Code != 0 {
			t.Errorf("%s: %+v", name, r)
		}
	}
	other := filepath.Join(t.TempDir(), "users")
	warned := harness.RunWith(t, nil, "x\n", "passwd", other, "größe", "--group", "ops")
	if warned.Code != 0 || !strings.Contains(warned.Stdout, "added") || !strings.Contains(warned.Stderr, `no Policy can name the subject "user:größe"`) {
		t.Errorf("a name that no Policy can have: %+v", warned)
	}
	if r := harness.Run(t, "config", "check", "-c", harness.WriteFile(t, "c.yaml", "auth: {users_file: "+other+"}")); r.Code != 0 || !strings.Contains(r.Stdout+r.Stderr, "has names that no Policy can have (1): line 1: ") {
		t.Errorf("config check of it: %+v", r)
	}
	for name, test := range map[string]struct {
		r    harness.Result
		want string
	}{
		"wrong":                 {list([]string{"TWINBROKER_PASSWORD=x"}, "", "--user", "ann"), "bad user name or password"},
		"nothing":               {list(nil, ""), "clients without credentials are not let in"},
		"no password":           {list(nil, "", "--user", "ann"), "TWINBROKER_PASSWORD"},
		"a password and no one": {list(nil, "", "--password-file", password), "needs --user"},
		"a token and a user":    {list(nil, "", "--token", "x", "--user", "ann"), "leave --user"},
		"an empty password":     {harness.RunWith(t, nil, "\n", "passwd", file, "bob"), "is empty"},
		"a name with a colon":   {harness.RunWith(t, nil, "x\n", "passwd", file, "a:b"), "separate the parts"},
		"a group with a comma":  {harness.RunWith(t, nil, "x\n", "passwd", file, "bob", "--group", "a,b"), "separate the parts"},
		"no such user":          {harness.RunWith(t, nil, "", "passwd", file, "bob", "--delete"), "there is no user"},
	} {
		if test.r.Code == 0 || !strings.Contains(test.r.Stderr, test.want) {
			t.Errorf("%s: %+v, want %q", name, test.r, test.want)
		}
	}
}

// issuing is an authority that makes certificates.
type issuing struct {
	t    *testing.T
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	file string
}

func newIssuing(t *testing.T) *issuing {
	i := &issuing{t: t}
	i.key, _ = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Test"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &i.key.PublicKey, i.key)
	if err != nil {
		t.Fatal(err)
	}
	i.cert, _ = x509.ParseCertificate(der)
	i.file = i.write("ca.pem", "CERTIFICATE", der)
	return i
}

func (i *issuing) write(name, kind string, der []byte) string {
	return harness.WriteFile(i.t, name, string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})))
}

func (i *issuing) issue(serial int64, name string, until time.Time) (pair tls.Certificate, cert, key string) {
	i.t.Helper()
	k, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: until,
		IPAddresses: []net.IP{net.ParseIP("127.0.0.1")}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth},
	}, i.cert, &k.PublicKey, i.key)
	if err != nil {
		i.t.Fatal(err)
	}
	keyDER, _ := x509.MarshalECPrivateKey(k)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: k}, i.write("cert.pem", "CERTIFICATE", der), i.write("key.pem", "EC PRIVATE KEY", keyDER)
}

func (i *issuing) revoke(file string, serials ...int64) {
	i.t.Helper()
	list := &x509.RevocationList{Number: big.NewInt(time.Now().UnixNano()), ThisUpdate: time.Now(), NextUpdate: time.Now().Add(time.Hour)}
	for _, n := range serials {
		list.RevokedCertificateEntries = append(list.RevokedCertificateEntries, x509.RevocationListEntry{SerialNumber: big.NewInt(n), RevocationTime: time.Now()})
	}
	der, err := x509.CreateRevocationList(rand.Reader, list, i.cert, i.key)
	if err == nil {
		err = os.WriteFile(file, der, 0o600)
	}
	if err != nil {
		i.t.Fatal(err)
	}
}

func (i *issuing) client(pairs ...tls.Certificate) *tls.Config {
	roots := x509.NewCertPool()
	roots.AddCert(i.cert)
	return &tls.Config{RootCAs: roots, Certificates: pairs}
}

// awayGateway is a gateway that is away, and whose session is kept.
type awayGateway struct {
	*issuing
	b    *harness.Broker
	name string
}

// away connects a gateway that has a will, makes a Thing that the will changes,
// and cuts it off.
func (i *issuing) away(b *harness.Broker, serial int64, name string) awayGateway {
	i.t.Helper()
	pair, _, _ := i.issue(serial, name, time.Now().Add(time.Hour))
	c := harness.Dial5(i.t, b, harness.Connect{ID: name, TLS: i.client(pair), Expiry: 600, Delay: 2,
		Will: &paho.WillMessage{Topic: "ditto/org.acme/" + name + "/things/twin/commands/create", QoS: 1, Payload: []byte(`{"path":"/","value":{"_policy":{"entries":{"all":{"subjects":{"cert:gw-1":{"type":"t"},"cert:` +
			name + `":{"type":"t"}},"resources":{"thing:/":{"grant":["READ","WRITE"],"revoke":[]},"policy:/":{"grant":["READ","WRITE"],"revoke":[]}}}}}}}`)}})
	c.Drop()
	return awayGateway{i, b, name}
}

// again says whether its session is still there, for one with a new certificate.
func (g awayGateway) again() bool {
	g.t.Helper()
	pair, _, _ := g.issue(time.Now().UnixNano(), g.name, time.Now().Add(time.Hour))
	return harness.Dial5(g.t, g.b, harness.Connect{ID: g.name, TLS: g.client(pair), Keep: true, Expiry: 600}).Connack.SessionPresent
}

func TestCertificatesSayWhoClientsAre(t *testing.T) {
	t.Parallel()
	ca := newIssuing(t)
	later := time.Now().Add(time.Hour)
	_, cert, key := ca.issue(2, "server", later)
	crl := filepath.Join(t.TempDir(), "list.crl")
	ca.revoke(crl, 9)
	b := harness.Start(t, harness.Options{Listeners: true, Config: fmt.Sprintf(`
listeners:
  - address: tls://127.0.0.1:0
    tls: {cert: %s, key: %s, client_ca: %s, client_auth: request, crl: %s}
  - address: wss://127.0.0.1:0
    tls: {cert: %s, key: %s, client_ca: %s, client_auth: require}
auth:
  certificates: {subjects: ["cert:{{ cert:cn }}"]}
acl:
  - {subjects: ["cert:gw-1"], publish: ["harness/fence/#"], subscribe: ["harness/fence/#"]}
`, cert, key, ca.file, crl, cert, key, ca.file)})

	one, oneCert, oneKey := ca.issue(10, "gw-1", later)
	two, _, _ := ca.issue(11, "gw-2", later)
	revoked, _, _ := ca.issue(9, "gw-9", later)
	expired, _, _ := ca.issue(12, "gw-1", time.Now().Add(-time.Minute))
	first := harness.Dial5(t, b, harness.Connect{ID: "gw", TLS: ca.client(one)})
	second := harness.Dial5(t, b, harness.Connect{TLS: ca.client(two)})
	if got := connackCode(t, b, harness.Connect{ID: "gw", TLS: ca.client(two)}); got != 0x87 {
		t.Errorf("another gateway takes over: %#x", got)
	}
	if got := connackCode(t, b, harness.Connect{TLS: ca.client()}); got != 0x87 {
		t.Errorf("without a certificate: %#x", got)
	}
	if got := connackCode(t, b, harness.Connect{ID: "cert:gw-1", TLS: ca.client(two)}); got != 0x85 {
		t.Errorf("an identifier that looks like a subject: %#x", got)
	}
	for name, pair := range map[string]tls.Certificate{"revoked": revoked, "expired": expired} {
		if c, err := harness.TryDial5(t, b, harness.Connect{TLS: ca.client(pair)}); err == nil {
			t.Errorf("%s: %+v", name, c.Connack)
		}
	}
	if r := harness.Run(t, "things", "list", "--url", "mqtts://"+b.MQTT(), "--ca", ca.file, "--cert", oneCert, "--key", oneKey); r.Code != 0 {
		t.Errorf("things with a certificate: %+v", r)
	}
	web, _, err := openWeb(b.URL("wss"), "", ca.client(two))
	if err != nil {
		t.Fatal(err)
	}
	if got := connackCode(t, b, harness.Connect{Conn: web}); got != 0 {
		t.Errorf("a gateway by WebSocket: %#x", got)
	}
	if _, _, err := openWeb(b.URL("wss"), "", ca.client()); err == nil {
		t.Error("a WebSocket without the certificate that is required")
	}
	b.WaitLog(`reason="TLS: client didn't provide a certificate"`)
	// Two that are away, with a will that is due later.
	watch := harness.Dial5(t, b, harness.Connect{TLS: ca.client(one)})
	watch.Subscribe("ditto/org.acme/+/things/twin/events/#")
	ended4, still := ca.away(b, 14, "gw-4"), ca.away(b, 15, "gw-5")
	ca.revoke(crl, 9, 11, 14)
	if code := ended(t, second); code != 0x98 {
		t.Errorf("a client whose certificate is revoked is disconnected with %#x", code)
	}
	first.Subscribe("ditto/_replies/#") // the other stayed
	if m := watch.Wait("ditto/org.acme/#"); m.Topic != "ditto/org.acme/gw-5/things/twin/events/created" {
		t.Errorf("the wills of clients that are away: %v", m)
	}
	if got := watch.Drain("ditto/org.acme/#"); len(got) > 0 {
		t.Errorf("the will of one whose certificate is revoked: %v", got)
	}
	if ended4.again() {
		t.Error("the session of one whose certificate was revoked while it was away is still there")
	}
	if !still.again() {
		t.Error("the session of one whose certificate was not revoked has ended")
	}
	renewed, _, _ := ca.issue(13, "gw-1", later)
	harness.Dial5(t, b, harness.Connect{ID: "gw", TLS: ca.client(renewed)})
	if code := ended(t, first); code != 0x8E {
		t.Errorf("the same gateway with a new certificate: %#x", code)
	}
}

// tokens makes tokens, and the file of its key.
type tokens struct {
	t    *testing.T
	key  *ecdsa.PrivateKey
	file string
}

func newTokens(t *testing.T) *tokens {
	k, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	text, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: &k.PublicKey, KeyID: "k"}}})
	if err != nil {
		t.Fatal(err)
	}
	return &tokens{t, k, harness.WriteFile(t, "keys.json", string(text))}
}

func (k *tokens) token(subject string, until time.Time) string {
	s, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: k.key}, (&jose.SignerOptions{}).WithHeader("kid", "k"))
	if err != nil {
		k.t.Fatal(err)
	}
	signed, err := s.Sign([]byte(fmt.Sprintf(`{"iss":"https://id.example","aud":"twins","sub":%q,"exp":%d}`, subject, until.Unix())))
	if err != nil {
		k.t.Fatal(err)
	}
	text, _ := signed.CompactSerialize()
	return text
}

func (k *tokens) broker() *harness.Broker {
	return harness.Start(k.t, harness.Options{Config: fmt.Sprintf(`
auth:
  jwt: [{alias: acme, issuer: "https://id.example", jwks_file: %s, audience: twins, leeway: 0s, subjects: ["{{ jwt:sub }}"]}]
`, k.file)})
}

// bearer answers AUTH packets with its token.
type bearer struct{ token string }

func (a *bearer) Authenticate(*paho.Auth) *paho.Auth {
	return &paho.Auth{ReasonCode: 0x18, Properties: &paho.AuthProperties{AuthMethod: "JWT", AuthData: []byte(a.token)}}
}
func (a *bearer) Authenticated() {}

func TestTokensSayWhoClientsAre(t *testing.T) {
	t.Parallel()
	k := newTokens(t)
	b := k.broker()
	hour := time.Now().Add(time.Hour)
	good := k.token("42", hour)
	harness.Dial3(t, b, harness.Connect{Username: "jwt", Password: good})
	phone := harness.Dial5(t, b, harness.Connect{ID: "phone", Username: "jwt", Password: good})
	for _, test := range []struct {
		name string
		as   harness.Connect
		want byte
	}{
		{"another's", harness.Connect{ID: "phone", Username: "jwt", Password: k.token("43", hour)}, 0x87},
		{"expired", harness.Connect{Username: "jwt", Password: k.token("42", time.Now().Add(-time.Second))}, 0x87},
		{"tampered", harness.Connect{Username: "jwt", Password: good[:len(good)-8] + "AAAAAAAA"}, 0x87},
		{"an identifier that looks like a subject", harness.Connect{ID: "acme:42", Username: "jwt", Password: good}, 0x85},
		{"the same in a new token", harness.Connect{ID: "phone", Username: "x", Password: k.token("42", hour.Add(time.Hour))}, 0},
	} {
		if got := connackCode(t, b, test.as); got != test.want {
			t.Errorf("%s: %#x, want %#x", test.name, got, test.want)
		}
	}
	if code := ended(t, phone); code != 0x8E {
		t.Errorf("taken over by the same: %#x", code)
	}
	short := harness.Dial5(t, b, harness.Connect{Username: "jwt", Password: k.token("42", time.Now().Add(2*time.Second))})
	if code := ended(t, short); code != 0xA0 {
		t.Errorf("when the token ends: %#x", code)
	}
	for _, r := range []harness.Result{
		harness.Run(t, "things", "list", "--url", "mqtt://"+b.MQTT(), "--token", good),
		harness.Run(t, "things", "list", "--url", "mqtt://"+b.MQTT(), "--token-file", harness.WriteFile(t, "token", good+"\n")),
		harness.RunWith(t, []string{"TWINBROKER_TOKEN=" + good}, "", "things", "list", "--url", "mqtt://"+b.MQTT()),
	} {
		if r.Code != 0 {
			t.Errorf("things with a token: %+v", r)
		}
	}
	if strings.Contains(b.Log(), good[len(good)-20:]) {
		t.Error("a token is in the log")
	}
}

func TestEnhancedAuthenticationAndItsRenewal(t *testing.T) {
	t.Parallel()
	k := newTokens(t)
	b := k.broker()
	ctx, cancel := context.WithTimeout(context.Background(), harness.Patience)
	defer cancel()
	// dial begins with the data or, without, waits to be asked for them.
	dial := func(method, token string, asked bool) (*paho.Client, *paho.Connack, chan *paho.Disconnect) {
		conn, err := net.Dial("tcp", b.MQTT())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		disconnected := make(chan *paho.Disconnect, 1)
		c := paho.NewClient(paho.ClientConfig{Conn: packets.NewThreadSafeConn(conn), PacketTimeout: harness.Patience, AuthHandler: &bearer{token},
			OnServerDisconnect: func(d *paho.Disconnect) { disconnected <- d }})
		p := &paho.ConnectProperties{AuthMethod: method}
		if !asked {
			p.AuthData = []byte(token)
		}
		ack, _ := c.Connect(ctx, &paho.Connect{ClientID: t.Name() + fmt.Sprint(asked), CleanStart: true, KeepAlive: 60, Properties: p})
		if ack == nil {
			t.Fatal("no CONNACK")
		}
		return c, ack, disconnected
	}
	good := k.token("42", time.Now().Add(time.Hour))
	for _, asked := range []bool{false, true} {
		if _, ack, _ := dial("JWT", good, asked); ack.ReasonCode != 0 || ack.Properties.AuthMethod != "JWT" {
			t.Errorf("asked for it %v: %#x, method %q", asked, ack.ReasonCode, ack.Properties.AuthMethod)
		}
		if _, ack, _ := dial("JWT", good[:len(good)-8]+"AAAAAAAA", asked); ack.ReasonCode != 0x87 {
			t.Errorf("asked for it %v, a wrong one: %#x", asked, ack.ReasonCode)
		}
	}
	if _, ack, _ := dial("SCRAM-SHA-1", "x", false); ack.ReasonCode != 0x8C {
		t.Errorf("another method: %#x", ack.ReasonCode)
	}

	renew := func(c *paho.Client, token string) error {
		p := &paho.AuthProperties{AuthMethod: "JWT", AuthData: []byte(token)}
		r, err := c.Authenticate(ctx, &paho.Auth{ReasonCode: 0x19, Properties: p})
		if err == nil && !r.Success {
			err = fmt.Errorf("refused with %#x", r.ReasonCode)
		}
		return err
	}
	end := time.Now().Add(3 * time.Second)
	c, ack, disconnected := dial("JWT", k.token("42", end), false)
	if ack.ReasonCode != 0 {
		t.Fatalf("%#x", ack.ReasonCode)
	}
	if err := renew(c, good); err != nil {
		t.Fatalf("renewing: %v", err)
	}
	select {
	case d := <-disconnected:
		t.Fatalf("it is disconnected with %#x although the token was renewed", d.ReasonCode)
	case <-time.After(time.Until(end.Add(time.Second))):
	}
	_ = renew(c, k.token("43", time.Now().Add(time.Hour)))
	select {
	case d := <-disconnected:
		if d.ReasonCode != 0x87 {
			t.Errorf("renewed by another: %#x", d.ReasonCode)
		}
	case <-time.After(harness.Patience):
		t.Error("renewed by another: it stays connected")
	}
}

func TestProvisioning(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	const policy = `{"policyId":"org.acme:p","entries":{"all":{"subjects":{"anonymous:local":{"type":"any"}},"resources":{
		"policy:/":{"grant":["READ","WRITE"],"revoke":[]},"thing:/":{"grant":["READ","WRITE"],"revoke":[]}}}}}`
	write("policies/p.json", policy)
	write("things/lamp.json", `{"thingId":"org.acme:lamp","policyId":"org.acme:p","attributes":{"room":"hall"}}`)
	write("things/README", "no JSON")
	data := filepath.Join(t.TempDir(), "data")
	config := func(mode string) string {
		return harness.Anonymous + "provision: {policies: " + filepath.Join(dir, "policies") + ", things: " + filepath.Join(dir, "things") + ", mode: " + mode + "}\n"
	}
	room := func(b *harness.Broker) string {
		r := harness.Run(t, "things", "get", "org.acme:lamp", "/attributes/room", "--url", "mqtt://"+b.MQTT())
		return strings.TrimSpace(r.Stdout + r.Stderr)
	}
	b := harness.Start(t, harness.Options{Dir: data, Config: config("if-absent")})
	if got := room(b); got != `"hall"` {
		t.Fatal(got)
	}
	if r := harness.Run(t, "things", "merge", "org.acme:lamp", "/attributes/room", `"attic"`, "--url", "mqtt://"+b.MQTT()); r.Code != 0 {
		t.Fatal(r.Stderr)
	}
	b.Restart()
	if got := room(b); got != `"attic"` {
		t.Errorf("if-absent, after a restart: %s", got)
	}
	b.Stop()
	b = harness.Start(t, harness.Options{Dir: data, Config: config("enforce")})
	if got := room(b); got != `"hall"` {
		t.Errorf("enforce: %s", got)
	}
	b.Stop()

	write("policies/q.json", "{\n  \"policyId\": \"org.acme:q\",\n  \"entries\": }")
	write("things/b.json", `{"thingId":"org.acme:b","policyId":"org.acme:none"}`)
	write("things/c/c.json", `{"thingId":"org.acme:lamp","policyId":"org.acme:p"}`)
	write("things/d.json", `{"thingId":"org.acme:d"}`)
	write("things/e.json", policy)
	r := harness.Run(t, "serve", "--data-dir", data, "-c", harness.WriteFile(t, "c.yaml", config("enforce")), "--listen", "tcp://127.0.0.1:0", "--http", "off")
	for _, want := range []string{"q.json: json.invalid", "b.json: org.acme:b: there is no Policy org.acme:none", "lamp.json: org.acme:lamp is in", "d.json: org.acme:d names no Policy", "e.json: org.acme:p is a Policy"} {
		if r.Code != 1 || !strings.Contains(r.Stderr, want) {
			t.Errorf("status %d, without %q:\n%s", r.Code, want, r.Stderr)
		}
	}
}
