package auth

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"
)

// Trust is whom a listener trusts to make certificates of clients, and which of
// these are not valid any more.
type Trust struct {
	Roots   *x509.CertPool
	revoked []revocations
	// Stale says that a list of revoked certificates should have been replaced;
	// "" when none is. It is held to all the same.
	Stale string
}

// revocations are those of one authority.
type revocations struct {
	issuer  []byte // its name, in DER
	keyID   []byte
	serials map[string]struct{}
}

// LoadTrust reads the authorities (PEM) and the lists of revoked certificates
// (PEM or DER; "": none). Each list must be signed by one of the authorities.
func LoadTrust(caFile, crlFile string, now time.Time) (*Trust, error) {
	text, err := os.ReadFile(caFile)
	if err != nil {
		return nil, fmt.Errorf("client_ca: %w", err)
	}
	authorities, err := parseCertificates(text)
	if err != nil {
		return nil, fmt.Errorf("client_ca %s: %w", caFile, err)
	}
	t := &Trust{Roots: x509.NewCertPool()}
	for _, c := range authorities {
		t.Roots.AddCert(c)
	}
	if crlFile == "" {
		return t, nil
	}
	if text, err = os.ReadFile(crlFile); err != nil {
		return nil, fmt.Errorf("crl: %w", err)
	}
	if err := t.readLists(text, authorities, now); err != nil {
		return nil, fmt.Errorf("crl %s: %w", crlFile, err)
	}
	return t, nil
}

// CheckAuthorities says what is wrong with a file of authorities (PEM).
func CheckAuthorities(file string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	if _, err = parseCertificates(text); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	return nil
}

func parseCertificates(text []byte) (all []*x509.Certificate, err error) {
	for {
		var block *pem.Block
		if block, text = pem.Decode(text); block == nil {
			break
		}
		if block.Type != "CERTIFICATE" {
			continue
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, err
		}
		all = append(all, c)
	}
	if len(all) == 0 {
		return nil, errors.New("no certificate in PEM form in it")
	}
	return all, nil
}

func (t *Trust) readLists(text []byte, authorities []*x509.Certificate, now time.Time) error {
	var lists [][]byte
	if bytes.Contains(text, []byte("-----BEGIN")) {
		for {
			var block *pem.Block
			if block, text = pem.Decode(text); block == nil {
				break
			}
			if block.Type == "X509 CRL" {
				lists = append(lists, block.Bytes)
			}
		}
	} else if len(text) > 0 {
		lists = append(lists, text)
	}
	if len(lists) == 0 {
		return errors.New("no list of revoked certificates in it")
	}
	for _, der := range lists {
		list, err := x509.ParseRevocationList(der)
		if err != nil {
			if strings.HasSuffix(err.Error(), "unsupported crl version") {
				return errFirstVersion
			}
			return err
		}
		issuer := signer(list, authorities)
		if issuer == nil {
			return fmt.Errorf("the list of %q is signed by none of the authorities in client_ca", list.Issuer.String())
		}
		r := revocations{issuer: issuer.RawSubject, keyID: issuer.SubjectKeyId, serials: map[string]struct{}{}}
		for i := range list.RevokedCertificateEntries {
			r.serials[string(list.RevokedCertificateEntries[i].SerialNumber.Bytes())] = struct{}{}
		}
		t.revoked = append(t.revoked, r)
		if !list.NextUpdate.IsZero() && now.After(list.NextUpdate) {
			t.Stale = fmt.Sprintf("the list of %q should have been replaced by %s: who was revoked since is let in",
				list.Issuer.String(), list.NextUpdate.UTC().Format(time.DateTime))
		}
	}
	return nil
}

// errFirstVersion is for lists of a version that RFC 5280 (section 5.1.2.1) does
// not allow any more, and "openssl ca" makes by default.
var errFirstVersion = errors.New("the list has version 1, and version 2 is needed (RFC 5280): openssl makes it when crlnumber is in the configuration of the authority")

func signer(list *x509.RevocationList, authorities []*x509.Certificate) *x509.Certificate {
	for _, c := range authorities {
		if bytes.Equal(c.RawSubject, list.RawIssuer) && list.CheckSignatureFrom(c) == nil {
			return c
		}
	}
	return nil
}

var errRevoked = errors.New("the certificate was revoked")

// VerifyChains says why a client with these verified chains is not trusted: in
// each of them a certificate was revoked.
func (t *Trust) VerifyChains(chains [][]*x509.Certificate) error {
	if len(t.revoked) == 0 || len(chains) == 0 {
		return nil
	}
	for _, chain := range chains {
		if !t.anyRevoked(chain) {
			return nil
		}
	}
	return errRevoked
}

func (t *Trust) anyRevoked(chain []*x509.Certificate) bool {
	for _, c := range chain {
		for i := range t.revoked {
			r := &t.revoked[i]
			if !bytes.Equal(c.RawIssuer, r.issuer) || len(c.AuthorityKeyId) > 0 && len(r.keyID) > 0 && !bytes.Equal(c.AuthorityKeyId, r.keyID) {
				continue
			}
			if _, ok := r.serials[string(c.SerialNumber.Bytes())]; ok {
				return true
			}
		}
	}
	return false
}

// Still says why a client that is connected would not be trusted any more, by
// what it showed when it connected.
func (t *Trust) Still(shown []*x509.Certificate, now time.Time) error {
	if len(shown) == 0 {
		return nil
	}
	between := x509.NewCertPool()
	for _, c := range shown[1:] {
		between.AddCert(c)
	}
	chains, err := shown[0].Verify(x509.VerifyOptions{
		Roots: t.Roots, Intermediates: between, CurrentTime: now, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	})
	if err != nil {
		return err
	}
	return t.VerifyChains(chains)
}
