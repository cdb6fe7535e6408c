package auth

import (
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// certificateNames are what {{ cert:… }} can name.
var certificateNames = []string{"cn", "san-dns", "san-email", "san-uri", "san-ip", "serial", "issuer-cn", "o", "ou"}

func knownCertificate(name string) error {
	rest, ok := strings.CutPrefix(name, "cert:")
	if ok && slices.Contains(certificateNames, rest) {
		return nil
	}
	return fmt.Errorf("there is no such placeholder here: known are cert:%s", strings.Join(certificateNames, ", cert:"))
}

// certificateValues are the values of a placeholder.
func certificateValues(c *x509.Certificate) func(name string) []string {
	return func(name string) (values []string) {
		switch strings.TrimPrefix(name, "cert:") {
		case "cn":
			values = []string{c.Subject.CommonName}
		case "san-dns":
			values = c.DNSNames
		case "san-email":
			values = c.EmailAddresses
		case "san-uri":
			for _, u := range c.URIs {
				values = append(values, u.String())
			}
		case "san-ip":
			for _, ip := range c.IPAddresses {
				values = append(values, ip.String())
			}
		case "serial":
			values = []string{serial(c)}
		case "issuer-cn":
			values = []string{c.Issuer.CommonName}
		case "o":
			values = c.Subject.Organization
		case "ou":
			values = c.Subject.OrganizationalUnit
		}
		return slices.DeleteFunc(slices.Clone(values), func(s string) bool { return s == "" })
	}
}

// serial is the serial number as openssl prints it.
func serial(c *x509.Certificate) string {
	text := strings.ToUpper(c.SerialNumber.Text(16))
	if len(text)%2 == 1 {
		text = "0" + text
	}
	return text
}

// leaf is the certificate that a client proved to be its own, and that was
// verified in the handshake; nil: none.
func (r *Request) leaf() *x509.Certificate {
	if r.TLS == nil || len(r.TLS.VerifiedChains) == 0 {
		return nil
	}
	return r.TLS.PeerCertificates[0]
}

const certificatePrefix = "cert:"

// certificateProof names whom a certificate was made for. A new certificate for
// the same has the same, so a session outlives the renewal.
func certificateProof(c *x509.Certificate) string {
	if name := c.Subject.String(); name != "" {
		return certificatePrefix + name
	}
	names := slices.Concat(c.DNSNames, c.EmailAddresses)
	for _, u := range c.URIs {
		names = append(names, u.String())
	}
	for _, ip := range c.IPAddresses {
		names = append(names, ip.String())
	}
	if len(names) == 0 {
		names = []string{serial(c)}
	}
	return certificatePrefix + strings.Join(names, ",")
}

// certificate says who the client is by its certificate.
func (s *state) certificate(c *x509.Certificate) (*Identity, error) {
	if s.compiled.certificate == nil {
		return nil, errors.New("auth.certificates is not configured")
	}
	subjects, username, err := s.compiled.certificate.of(certificateValues(c))
	if err != nil {
		return nil, fmt.Errorf("the certificate of %q: %w", c.Subject.String(), err)
	}
	return &Identity{Subjects: subjects, Username: username, Proof: certificateProof(c), Expires: c.NotAfter}, nil
}
