package main

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
	"sync/atomic"

	"github.com/twinbroker/twinbroker/broker"
	"github.com/twinbroker/twinbroker/cmd/twinbroker/config"
)

// brokerListeners are the configured listeners, with certificates that can be
// exchanged while they listen.
func brokerListeners(cfg *config.Config, certs *certificates) []broker.Listener {
	var all []broker.Listener
	for i, l := range cfg.Listeners {
		one := broker.Listener{Address: l.Address, Origins: l.Origins}
		if l.TLS != nil {
			one.TLS = certs.of(nameOf(cfg.Listeners, i))
		}
		all = append(all, one)
	}
	return all
}

// nameOf tells a listener from the others, also in a configuration with others
// before it: its address, and which it is of several with port 0.
func nameOf(listeners []config.Listener, i int) string {
	n := 0
	for _, l := range listeners[:i] {
		if l.Address == listeners[i].Address {
			n++
		}
	}
	return fmt.Sprintf("%s (%d)", listeners[i].Address, n)
}

// certificates are what the listeners with TLS show and ask for, by name.
type certificates struct {
	current atomic.Pointer[map[string]*tls.Config]
}

// load reads the files of all listeners; when one cannot be read, nothing is
// exchanged.
func (c *certificates) load(cfg *config.Config) error {
	next := map[string]*tls.Config{}
	for i, l := range cfg.Listeners {
		if l.TLS == nil {
			continue
		}
		conf, err := serverTLS(l.TLS)
		if err != nil {
			return fmt.Errorf("listener %s: %w", l.Address, err)
		}
		next[nameOf(cfg.Listeners, i)] = conf
	}
	c.current.Store(&next)
	return nil
}

// of is the configuration of a listener, which asks for the current one at each
// handshake.
func (c *certificates) of(name string) *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12,
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
			conf := (*c.current.Load())[name]
			if conf == nil {
				return nil, fmt.Errorf("listener %s is not configured any more", name)
			}
			return conf, nil
		},
	}
}

func serverTLS(t *config.TLS) (*tls.Config, error) {
	pair, err := tls.LoadX509KeyPair(t.Cert, t.Key)
	if err != nil {
		return nil, fmt.Errorf("tls.cert %s and tls.key %s: %w", t.Cert, t.Key, err)
	}
	conf := &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}
	if t.ClientCA != "" {
		pem, err := os.ReadFile(t.ClientCA)
		if err != nil {
			return nil, fmt.Errorf("tls.client_ca: %w", err)
		}
		conf.ClientCAs = x509.NewCertPool()
		if !conf.ClientCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("tls.client_ca %s: no certificate in PEM form in it", t.ClientCA)
		}
	}
	switch t.ClientAuth {
	case "request":
		conf.ClientAuth = tls.VerifyClientCertIfGiven
	case "require":
		conf.ClientAuth = tls.RequireAndVerifyClientCert
	}
	return conf, nil
}
