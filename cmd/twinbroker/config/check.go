package config

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/twinbroker/twinbroker/broker/auth"
	"github.com/twinbroker/twinbroker/mapping"
)

// Check says what is wrong with the configuration as a whole: what the
// sections say together, what the mappings and publications compile to, and
// the files that it names. It compiles Rules and Published. Load has done it
// already.
func (c *Config) Check() Problems {
	check := checker{c: c}
	check.trees()
	check.listeners()
	check.http()
	check.auth()
	check.acl()
	check.subjects()
	check.provision()
	check.limits()
	var problems []mapping.Problem
	c.Rules, problems = mapping.Compile(c.Mappings, c.Topics.Roots())
	check.compiled(problems)
	c.Published, problems = mapping.CompilePublications(c.Publications, c.Topics.Roots())
	check.compiled(problems)
	if c.Rules != nil && c.Published != nil {
		for _, doubt := range mapping.Doubts(c.Rules, c.Published) {
			check.warn(doubt.Path, "%s", doubt.Text)
		}
	}
	return check.problems
}

type checker struct {
	c        *Config
	problems Problems
}

func (k *checker) fail(key, format string, args ...any) {
	k.problems = append(k.problems, Problem{Place: k.c.places.of(key), Key: key, Text: fmt.Sprintf(format, args...)})
}

func (k *checker) warn(key, format string, args ...any) {
	k.fail(key, format, args...)
	k.problems[len(k.problems)-1].Warning = true
}

func (k *checker) compiled(problems []mapping.Problem) {
	for _, p := range problems {
		k.fail(p.Path, "%s", p.Text)
	}
}

func (k *checker) trees() {
	root, state := k.c.Topics.Root, k.c.Topics.State
	if strings.HasPrefix(root+"/", state+"/") || strings.HasPrefix(state+"/", root+"/") {
		k.fail("topics.state", "%q and topics.root %q lie within each other: each tree needs a root of its own", state, root)
	}
}

func (k *checker) listeners() {
	if len(k.c.Listeners) == 0 {
		k.fail("listeners", "is an empty list: no client could connect; leave it out for %s", DefaultListener)
	}
	first := map[string]int{}
	for i := range k.c.Listeners {
		l, key := &k.c.Listeners[i], at("listeners", i)
		if other, ok := first[l.Host]; ok && !strings.HasSuffix(l.Host, ":0") {
			k.fail(under(key, "address"), "%s is the address of listeners[%d] already", l.Host, other)
		} else {
			first[l.Host] = i
		}
		secure := l.Scheme == "tls" || l.Scheme == "wss"
		switch {
		case secure && l.TLS == nil:
			k.fail(under(key, "tls"), "is missing: %s needs a certificate, tls: {cert: FILE, key: FILE}", l.Address)
		case !secure && l.TLS != nil:
			k.fail(under(key, "tls"), "has no use with %s: write tls:// or wss:// for an encrypted listener", l.Address)
		case secure:
			k.tls(l.TLS, under(key, "tls"))
		}
		if len(l.Origins) > 0 && l.Scheme != "ws" && l.Scheme != "wss" {
			k.fail(under(key, "origins"), "has no use with %s: only browsers, by ws:// and wss://, have an origin", l.Address)
		}
		for n, origin := range l.Origins {
			u, err := url.Parse(origin)
			if origin != "*" && (err != nil || u.Scheme == "" || u.Host == "" || u.Path != "") {
				k.fail(at(under(key, "origins"), n), "%q is not an origin such as https://app.example.org, nor * for all", origin)
			}
		}
	}
}

func (k *checker) tls(t *TLS, key string) {
	switch {
	case t.Cert == "":
		k.fail(under(key, "cert"), "is missing: the file of the certificate (PEM)")
	case t.Key == "":
		k.fail(under(key, "key"), "is missing: the file of the private key (PEM)")
	default:
		k.certificate(t, key)
	}
	switch t.ClientAuth {
	case "none":
	case "request", "require":
		if t.ClientCA == "" {
			k.fail(under(key, "client_ca"), "is missing: the file of the authorities (PEM) that client certificates are checked against")
		}
	default:
		k.fail(under(key, "client_auth"), "%q is not one of none, request, require", t.ClientAuth)
	}
	if t.CRL != "" && t.ClientAuth == "none" {
		k.fail(under(key, "crl"), "has no use with client_auth: none: no client shows a certificate")
	}
	if t.ClientCA == "" {
		return
	}
	text, err := os.ReadFile(t.ClientCA)
	if err != nil {
		k.fail(under(key, "client_ca"), "%s cannot be read: %v", t.ClientCA, unwrap(err))
		return
	} else if !x509.NewCertPool().AppendCertsFromPEM(text) {
		k.fail(under(key, "client_ca"), "%s has no certificate in PEM in it", t.ClientCA)
		return
	}
	switch trust, err := auth.LoadTrust(t.ClientCA, t.CRL, time.Now()); {
	case err != nil:
		k.fail(under(key, "crl"), "%s", strings.TrimPrefix(err.Error(), "crl: "))
	case trust.Stale != "":
		k.warn(under(key, "crl"), "%s: %s", t.CRL, trust.Stale)
	}
}

// certificate tries the files of a certificate and its key.
func (k *checker) certificate(t *TLS, key string) {
	var texts [2][]byte
	for i, file := range []struct{ key, name string }{{"cert", t.Cert}, {"key", t.Key}} {
		var err error
		if texts[i], err = os.ReadFile(file.name); err != nil {
			k.fail(under(key, file.key), "%s cannot be read: %v", file.name, unwrap(err))
		}
	}
	if texts[0] == nil || texts[1] == nil {
		return
	}
	pair, err := tls.X509KeyPair(texts[0], texts[1])
	if err != nil {
		k.fail(key, "%s and %s are not a certificate and its key: %s", t.Cert, t.Key, strings.TrimPrefix(err.Error(), "tls: "))
		return
	}
	if now := time.Now(); pair.Leaf != nil && now.After(pair.Leaf.NotAfter) {
		k.warn(under(key, "cert"), "%s has expired on %s: clients will refuse it", t.Cert, pair.Leaf.NotAfter.Format(time.DateOnly))
	}
}

func (k *checker) http() {
	for i := range k.c.Listeners {
		if a := k.c.Listeners[i].Host; a == k.c.HTTP.Address && !strings.HasSuffix(a, ":0") && !k.c.HTTP.Default {
			k.fail("http.address", "%s is the address of listeners[%d] already", a, i)
		}
	}
}

func (k *checker) anonymous() {
	if len(k.c.Auth.Anonymous) == 0 {
		return
	}
	for i := range k.c.Listeners {
		if l := &k.c.Listeners[i]; l.Host != "" && !isLoopback(l.Host) {
			k.warn("auth.anonymous", "lets in clients without credentials, and %s can be reached from other machines: whoever gets there may read and change every twin", l.Address)
		}
	}
}

func (k *checker) provision() {
	for _, f := range []struct{ key, folder string }{{"provision.policies", k.c.Provision.Policies}, {"provision.things", k.c.Provision.Things}} {
		if f.folder == "" {
			continue
		}
		if info, err := os.Stat(f.folder); err != nil {
			k.fail(f.key, "%s cannot be read: %v", f.folder, unwrap(err))
		} else if !info.IsDir() {
			k.fail(f.key, "%s is no folder", f.folder)
		}
	}
}

func (k *checker) limits() {
	l := &k.c.Limits
	const most = 268435455 // MQTT 5, section 1.5.5
	if l.PacketSize > most {
		k.fail("limits.packet_size", "%s is more than the %d bytes of the longest MQTT packet", printSize(l.PacketSize), most)
	}
	if l.PacketSize > 0 && l.MessageSize > l.PacketSize { // 0 asks for no limit of its own
		k.warn("limits.message_size", "is never reached: limits.packet_size is %s", printSize(l.PacketSize))
	}
	if l.MessageSize > 0 && l.ThingSize > l.MessageSize {
		k.warn("limits.thing_size", "is more than limits.message_size, %s: a thing that large cannot be written at once", printSize(l.MessageSize))
	}
}
