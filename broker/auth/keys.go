package auth

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// keySet are the public keys of an issuer.
type keySet struct{ keys []jose.JSONWebKey }

// maxKeys bounds a JSON Web Key Set.
const (
	maxKeys     = 100
	maxKeysSize = 1 << 20
	leastRSA    = 2048
)

// parseKeys reads a JSON Web Key Set (RFC 7517). Keys that are not for
// signatures, or of a kind that is not known, are passed over, as the RFC asks;
// a secret or private key is an error: it should not be there.
func parseKeys(text []byte) (*keySet, error) {
	var raw struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(text, &raw); err != nil || raw.Keys == nil {
		return nil, errors.New("is not a JSON Web Key Set: {\"keys\": […]}")
	}
	if len(raw.Keys) > maxKeys {
		return nil, fmt.Errorf("has more than %d keys", maxKeys)
	}
	set := &keySet{}
	for i, text := range raw.Keys {
		var key jose.JSONWebKey
		if key.UnmarshalJSON(text) != nil {
			continue
		}
		if _, symmetric := key.Key.([]byte); symmetric || !key.IsPublic() {
			return nil, fmt.Errorf("has a secret or private key (keys[%d]): only public ones belong there", i)
		}
		if key.Valid() && key.Use != "enc" && strong(&key) {
			set.keys = append(set.keys, key)
		}
	}
	if len(set.keys) == 0 {
		return nil, fmt.Errorf("has no key for RSA of %d bits, ECDSA or Ed25519", leastRSA)
	}
	return set, nil
}

func strong(key *jose.JSONWebKey) bool {
	switch k := key.Key.(type) {
	case *rsa.PublicKey:
		return k.N.BitLen() >= leastRSA
	case *ecdsa.PublicKey, ed25519.PublicKey:
		return true
	}
	return false
}

// of are the keys that a token may be signed with: those of its key ID, or all
// when it has none.
func (k *keySet) of(id, algorithm string) []jose.JSONWebKey {
	if k == nil {
		return nil
	}
	var fit []jose.JSONWebKey
	for _, key := range k.keys {
		if (id == "" || key.KeyID == id) && (key.Algorithm == "" || key.Algorithm == algorithm) {
			fit = append(fit, key)
		}
	}
	return fit
}

// keySource is where the keys of an issuer come from.
type keySource interface {
	// of gives the keys for a token. Its error says that nobody can say now.
	of(ctx context.Context, id, algorithm string) ([]jose.JSONWebKey, error)
}

// keysFile are keys from a file, read when the settings are loaded.
type keysFile struct{ set *keySet }

func (f keysFile) of(_ context.Context, id, algorithm string) ([]jose.JSONWebKey, error) {
	return f.set.of(id, algorithm), nil
}

// readKeysFile reads a file of keys.
func readKeysFile(file string) (keysFile, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return keysFile{}, err
	}
	set, err := parseKeys(text)
	if err != nil {
		return keysFile{}, fmt.Errorf("%s %w", file, err)
	}
	return keysFile{set}, nil
}

// CheckKeysFile says what is wrong with a file of keys.
func CheckKeysFile(file string) error {
	_, err := readKeysFile(file)
	return err
}

// Keys that are fetched are good until others are: the server may be away for
// as long as it likes. They are fetched again when they are old, and when a
// token names a key that is not among them, but not more often than the server
// can bear.
const (
	keysAge       = 15 * time.Minute
	fetchInterval = 10 * time.Second
	fetchWithin   = 5 * time.Second
)

// fetchedKeys are keys from a server.
type fetchedKeys struct {
	url, ca string
	client  *http.Client
	now     func() time.Time
	log     *slog.Logger

	fetching sync.Mutex // held by who fetches

	mu      sync.Mutex
	set     *keySet // nil: never fetched
	at      time.Time
	tried   time.Time
	failure error // of the last attempt
}

func newFetchedKeys(url, ca string, now func() time.Time, log *slog.Logger) (*fetchedKeys, error) {
	conf := &tls.Config{MinVersion: tls.VersionTLS12}
	if ca != "" {
		text, err := os.ReadFile(ca)
		if err != nil {
			return nil, fmt.Errorf("jwks_ca: %w", err)
		}
		conf.RootCAs = x509.NewCertPool()
		if !conf.RootCAs.AppendCertsFromPEM(text) {
			return nil, fmt.Errorf("jwks_ca %s: no certificate in PEM form in it", ca)
		}
	}
	return &fetchedKeys{url: url, ca: ca, now: now, log: log, client: &http.Client{
		Timeout:   fetchWithin,
		Transport: &http.Transport{TLSClientConfig: conf, Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true, IdleConnTimeout: time.Minute},
		CheckRedirect: func(r *http.Request, via []*http.Request) error {
			if r.URL.Scheme != "https" || len(via) > 3 {
				return errors.New("redirected to where keys are not fetched")
			}
			return nil
		},
	}}, nil
}

func (f *fetchedKeys) of(ctx context.Context, id, algorithm string) ([]jose.JSONWebKey, error) {
	set, old := f.known()
	keys := set.of(id, algorithm)
	if len(keys) > 0 {
		if old {
			go f.fetch() // nobody need wait for it
		}
		return keys, nil
	}
	fetched := make(chan struct{})
	go func() { defer close(fetched); f.fetch() }()
	select {
	case <-fetched:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.set == nil {
		return nil, fmt.Errorf("the issuer's keys are not there: %w", f.failure)
	}
	return f.set.of(id, algorithm), nil
}

func (f *fetchedKeys) known() (set *keySet, old bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.set, f.now().Sub(f.at) > keysAge
}

// fetch gets the keys, unless somebody tried a moment ago.
func (f *fetchedKeys) fetch() {
	f.fetching.Lock()
	defer f.fetching.Unlock()
	f.mu.Lock()
	soon := !f.tried.IsZero() && f.now().Sub(f.tried) < fetchInterval
	if !soon {
		f.tried = f.now()
	}
	f.mu.Unlock()
	if soon {
		return
	}
	set, err := f.get()
	f.mu.Lock()
	f.failure = err
	if err == nil {
		f.set, f.at = set, f.now()
	}
	f.mu.Unlock()
	if err != nil {
		f.log.Warn("the keys of an issuer of tokens cannot be fetched; those that are known stay", "url", f.url, "error", err)
	} else {
		f.log.Debug("the keys of an issuer of tokens were fetched", "url", f.url, "keys", len(set.keys))
	}
}

func (f *fetchedKeys) get() (*keySet, error) {
	r, err := f.client.Get(f.url)
	if err != nil {
		return nil, err
	}
	defer r.Body.Close()
	if r.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("the server answers %s", r.Status)
	}
	text, err := io.ReadAll(io.LimitReader(r.Body, maxKeysSize+1))
	if err != nil {
		return nil, err
	}
	if len(text) > maxKeysSize {
		return nil, fmt.Errorf("the answer has more than %d bytes", maxKeysSize)
	}
	set, err := parseKeys(text)
	if err != nil {
		return nil, fmt.Errorf("the answer %w", err)
	}
	return set, nil
}
