package auth

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"math/big"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// authority makes certificates.
type authority struct {
	t    testing.TB
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	file string
}

func newAuthority(t testing.TB, name string) *authority {
	t.Helper()
	a := &authority{t: t}
	a.key = newKey(t)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &a.key.PublicKey, a.key)
	if err != nil {
		t.Fatal(err)
	}
	if a.cert, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	a.file = writePEM(t, "CERTIFICATE", der)
	return a
}

func newKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func writePEM(t testing.TB, kind string, der ...[]byte) string {
	t.Helper()
	var text []byte
	for _, d := range der {
		text = append(text, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: d})...)
	}
	file := filepath.Join(t.TempDir(), "file.pem")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// issue makes a certificate of a client or server.
func (a *authority) issue(c *x509.Certificate) tls.Certificate {
	a.t.Helper()
	key := newKey(a.t)
	if c.SerialNumber == nil {
		c.SerialNumber = big.NewInt(time.Now().UnixNano())
	}
	if c.NotAfter.IsZero() {
		c.NotBefore, c.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	}
	c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth}
	der, err := x509.CreateCertificate(rand.Reader, c, a.cert, &key.PublicKey, a.key)
	if err != nil {
		a.t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		a.t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}

// revoke makes a list of revoked certificates.
func (a *authority) revoke(next time.Time, serials ...int64) []byte {
	a.t.Helper()
	template := &x509.RevocationList{Number: big.NewInt(1), ThisUpdate: time.Now().Add(-2 * time.Hour), NextUpdate: next}
	for _, n := range serials {
		template.RevokedCertificateEntries = append(template.RevokedCertificateEntries,
			x509.RevocationListEntry{SerialNumber: big.NewInt(n), RevocationTime: time.Now()})
	}
	der, err := x509.CreateRevocationList(rand.Reader, template, a.cert, a.key)
	if err != nil {
		a.t.Fatal(err)
	}
	return der
}

// handshake is what a server sees of a client that shows a certificate.
func handshake(t testing.TB, server, client *tls.Config) (*tls.ConnectionState, error) {
	t.Helper()
	listen, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listen.Close()
	b, err := net.Dial("tcp", listen.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	a, err := listen.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	client.InsecureSkipVerify = true // whom the client talks to is not what is tried here
	done := make(chan error, 1)
	go func() { done <- tls.Client(b, client).Handshake() }()
	s := tls.Server(a, server)
	err = s.Handshake()
	a.Close()
	<-done
	state := s.ConnectionState()
	return &state, err
}

func shownBy(t testing.TB, ca *authority, client tls.Certificate) *tls.ConnectionState {
	t.Helper()
	trust, err := LoadTrust(ca.file, "", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	state, err := handshake(t, &tls.Config{
		Certificates: []tls.Certificate{ca.issue(&x509.Certificate{Subject: pkix.Name{CommonName: "server"}})},
		ClientAuth:   tls.RequireAndVerifyClientCert, ClientCAs: trust.Roots,
	}, &tls.Config{Certificates: []tls.Certificate{client}})
	if err != nil {
		t.Fatal(err)
	}
	return state
}

func TestWhoIsLetInWithACertificate(t *testing.T) {
	ca := newAuthority(t, "Acme Devices")
	uri, _ := url.Parse("spiffe://acme/gw/7")
	full := shownBy(t, ca, ca.issue(&x509.Certificate{
		SerialNumber: big.NewInt(0xABC),
		Subject:      pkix.Name{CommonName: "gw-7", Organization: []string{"Acme"}, OrganizationalUnit: []string{"Ops", "Field"}},
		DNSNames:     []string{"gw-7.acme.example", "gw-7.local"}, EmailAddresses: []string{"gw@acme.example"},
		URIs: []*url.URL{uri}, IPAddresses: []net.IP{net.ParseIP("192.0.2.7")},
	}))
	plain := shownBy(t, ca, ca.issue(&x509.Certificate{DNSNames: []string{"only-san.example"}}))
	odd := shownBy(t, ca, ca.issue(&x509.Certificate{Subject: pkix.Name{CommonName: "a:b/#+{{ x }} ü"}}))
	bad := shownBy(t, ca, ca.issue(&x509.Certificate{Subject: pkix.Name{CommonName: "new\nline"}}))
	users := usersFile(t, "ann:"+cheap("secret")+":ops")
	with := func(state *tls.ConnectionState, r *Request) *Request { r.TLS = state; return r }
	for _, test := range []struct {
		name     string
		subjects []string
		username string
		request  *Request
		want     string
	}{
		{"cn", []string{"cert:{{ cert:cn }}"}, "", with(full, &Request{}), "cert:CN=gw-7,OU=Ops+OU=Field,O=Acme cert:gw-7"},
		{"all of it", []string{"d:{{ cert:san-dns }}", "e:{{ cert:san-email }}", "u:{{ cert:san-uri }}", "i:{{ cert:san-ip }}", "s:{{ cert:serial }}", "ic:{{ cert:issuer-cn }}", "o:{{ cert:o }}/{{ cert:ou | fn:lower() }}"},
			"{{ cert:cn }}", with(full, &Request{}),
			"cert:CN=gw-7,OU=Ops+OU=Field,O=Acme d:gw-7.acme.example,d:gw-7.local,e:gw@acme.example,u:spiffe://acme/gw/7,i:192.0.2.7,s:0ABC,ic:Acme Devices,o:Acme/ops,o:Acme/field as gw-7"},
		{"no name but SAN", []string{"cert:{{ cert:san-dns }}"}, "", with(plain, &Request{}), "cert:only-san.example cert:only-san.example"},
		{"nothing that makes a subject", []string{"cert:{{ cert:cn }}"}, "", with(plain, &Request{}), `0x87 the certificate of "": it has nothing of what makes a subject`},
		{"odd characters", []string{"cert:{{ cert:cn }}"}, "", with(odd, &Request{}), `cert:CN=a:b/#\+{{ x }} ü cert:a:b/#+{{ x }} ü`},
		{"control characters", []string{"cert:{{ cert:cn }}"}, "", with(bad, &Request{}), `0x87 the certificate of "CN=new\nline": "cert:new\nline" cannot be a subject: it is empty, longer than 1024 bytes, or has control characters`},
		{"a user name says nothing beside a certificate", []string{"cert:{{ cert:cn }}"}, "", with(full, &Request{HasUsername: true, Username: "ann"}), "cert:CN=gw-7,OU=Ops+OU=Field,O=Acme cert:gw-7"},
		{"a password comes first", []string{"cert:{{ cert:cn }}"}, "", with(full, asUser("ann", "secret")), "user:ann user:ann,group:ops,cert:gw-7 as ann"},
		{"a wrong password is not made good", []string{"cert:{{ cert:cn }}"}, "", with(full, asUser("ann", "no")), "0x86 wrong password"},
		{"no certificate", []string{"cert:{{ cert:cn }}"}, "", with(&tls.ConnectionState{}, &Request{}), "0x87 no credentials"},
		{"a certificate that nobody has verified", []string{"cert:{{ cert:cn }}"}, "", with(&tls.ConnectionState{PeerCertificates: full.PeerCertificates}, &Request{}), "0x87 no credentials"},
	} {
		a := loaded(t, Settings{UsersFile: users, Certificates: &CertificateSettings{Subjects: test.subjects, Username: test.username}})
		if got := connect(a, test.request); got != test.want {
			t.Errorf("%s: %s\nwant %s", test.name, got, test.want)
		}
	}
	only := loaded(t, Settings{UsersFile: users, Anonymous: []string{"anonymous:local"}})
	if got := connect(only, with(full, &Request{})); got != "anonymous anonymous:local" {
		t.Errorf("where certificates only open the door: %s", got)
	}
	a := loaded(t, Settings{Certificates: &CertificateSettings{Subjects: []string{"cert:{{ cert:cn }}"}}})
	if id, refused := a.Connect(context.Background(), with(full, &Request{})); refused != nil || !id.Expires.Equal(full.PeerCertificates[0].NotAfter) {
		t.Errorf("%+v, %+v: the connection does not end with the certificate", id, refused)
	}
}

func TestRevokedCertificates(t *testing.T) {
	ca, other := newAuthority(t, "Acme"), newAuthority(t, "Other")
	client := func(of *authority, serial int64) tls.Certificate {
		return of.issue(&x509.Certificate{SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: "x"}})
	}
	both := filepath.Join(t.TempDir(), "both.pem")
	if err := os.WriteFile(both, []byte(read(t, ca.file)+read(t, other.file)), 0o600); err != nil {
		t.Fatal(err)
	}
	later := time.Now().Add(time.Hour)
	lists := writePEM(t, "X509 CRL", ca.revoke(later, 5, 6), other.revoke(later, 7))
	trust, err := LoadTrust(both, lists, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	server := &tls.Config{
		Certificates: []tls.Certificate{client(ca, 99)}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: trust.Roots,
		VerifyConnection: func(s tls.ConnectionState) error { return trust.VerifyChains(s.VerifiedChains) },
	}
	for _, test := range []struct {
		name string
		cert tls.Certificate
		ok   bool
	}{
		{"not revoked", client(ca, 4), true},
		{"revoked", client(ca, 5), false},
		{"the same number of another authority", client(other, 5), true},
		{"revoked by the other", client(other, 7), false},
		{"of an authority that is not trusted", client(newAuthority(t, "Acme"), 4), false},
		{"expired", ca.issue(&x509.Certificate{SerialNumber: big.NewInt(4), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(-time.Minute)}), false},
		{"not valid yet", ca.issue(&x509.Certificate{SerialNumber: big.NewInt(4), NotBefore: time.Now().Add(time.Minute), NotAfter: time.Now().Add(time.Hour)}), false},
	} {
		_, err := handshake(t, server, &tls.Config{Certificates: []tls.Certificate{test.cert}})
		if (err == nil) != test.ok {
			t.Errorf("%s: %v", test.name, err)
		}
		if err := trust.Still([]*x509.Certificate{test.cert.Leaf}, time.Now()); (err == nil) != test.ok {
			t.Errorf("%s, when it is connected: %v", test.name, err)
		}
	}

	der := filepath.Join(t.TempDir(), "list.der")
	if err := os.WriteFile(der, ca.revoke(time.Now().Add(-time.Hour), 5), 0o600); err != nil {
		t.Fatal(err)
	}
	if trust, err = LoadTrust(ca.file, der, time.Now()); err != nil || !strings.Contains(trust.Stale, "should have been replaced") {
		t.Errorf("a list that is old: %v, %+v", err, trust)
	} else if trust.Still([]*x509.Certificate{client(ca, 5).Leaf}, time.Now()) == nil {
		t.Error("it revokes nothing")
	}
	for _, test := range []struct{ ca, crl, want string }{
		{ca.file, writePEM(t, "X509 CRL", other.revoke(later)), "signed by none"},
		{ca.file, writePEM(t, "X509 CRL", newAuthority(t, "Acme").revoke(later)), "signed by none"},
		{ca.file, ca.file, "no list"},
		{ca.file, writePEM(t, "X509 CRL", ofVersion1(t)), "crlnumber"},
		{ca.file, os.DevNull, "no list"},
		{ca.file, "/nowhere", "no such file"},
		{os.DevNull, "", "no certificate"},
	} {
		if _, err := LoadTrust(test.ca, test.crl, time.Now()); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s, %s: %v, want %q", test.ca, test.crl, err, test.want)
		}
	}
}

// ofVersion1 is a list that "openssl ca" made without crlnumber.
func ofVersion1(t testing.TB) []byte {
	der, err := base64.StdEncoding.DecodeString("MIGVMDwwCgYIKoZIzj0EAwIwEDEOMAwGA1UEAwwFUGxhbnQXDTI2MTEyMjEzMzUwNVoXDTI2MTIyMjEzMzUwNVowCgYIKoZIzj0EAw" +
		"IDSQAwRgIhAOSzS1k6rdkA5/c2YEnkB1yjN9ma7iOzgXSdLe9oSx1pAiEAj7MQ19Qb7eCMloGRH+/wCHecSppz/vQPTwjWnvXvWMs=")
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func read(t testing.TB, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
