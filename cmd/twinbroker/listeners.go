package main

import (
	"crypto/tls"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/twinbroker/twinbroker/broker"
	"github.com/twinbroker/twinbroker/broker/auth"
	"github.com/twinbroker/twinbroker/cmd/twinbroker/config"
)

// brokerListeners are the configured listeners, with certificates that can be
// exchanged while they listen.
func brokerListeners(cfg *config.Config, certs *certificates) []broker.Listener {
	var all []broker.Listener
	for i, l := range cfg.Listeners {
		one := broker.Listener{Address: l.Address, Origins: l.Origins}
		if l.TLS != nil {
			name := nameOf(cfg.Listeners, i)
			one.TLS = certs.of(name)
			one.Trust = func() *auth.Trust { return (*certs.current.Load())[name].trust }
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
	current atomic.Pointer[map[string]listenerTLS]
}

// listenerTLS is what one listener shows, and whom it trusts.
type listenerTLS struct {
	conf  *tls.Config
	trust *auth.Trust // nil: it asks for no certificates
}

// load reads the files of all listeners. What they come to is in use once the
// function that it returns is called.
func (c *certificates) load(cfg *config.Config) (use func(), err error) {
	next := map[string]listenerTLS{}
	for i, l := range cfg.Listeners {
		if l.TLS == nil {
			continue
		}
		one, err := serverTLS(l.TLS)
		if err != nil {
			return nil, fmt.Errorf("listener %s: %w", l.Address, err)
		}
		next[nameOf(cfg.Listeners, i)] = one
	}
	return func() { c.current.Store(&next) }, nil
}

// of is the configuration of a listener, which asks for the current one at each
// handshake.
func (c *certificates) of(name string) *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12,
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
			conf := (*c.current.Load())[name].conf
			if conf == nil {
				return nil, fmt.Errorf("listener %s is not configured any more", name)
			}
			return conf, nil
		},
	}
}

func serverTLS(t *config.TLS) (listenerTLS, error) {
	pair, err := tls.LoadX509KeyPair(t.Cert, t.Key)
	if err != nil {
		return listenerTLS{}, fmt.Errorf("tls.cert %s and tls.key %s: %w", t.Cert, t.Key, err)
	}
	one := listenerTLS{conf: &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}}
	switch t.ClientAuth {
	case "request":
		one.conf.ClientAuth = tls.VerifyClientCertIfGiven
	case "require":
		one.conf.ClientAuth = tls.RequireAndVerifyClientCert
	default:
		return one, nil
	}
	trust, err := auth.LoadTrust(t.ClientCA, t.CRL, time.Now())
	if err != nil {
		return listenerTLS{}, fmt.Errorf("tls.%w", err)
	}
	one.trust = trust
	one.conf.ClientCAs = trust.Roots
	one.conf.VerifyConnection = func(s tls.ConnectionState) error {
		if err := trust.VerifyChains(s.VerifiedChains); err != nil {
			return fmt.Errorf("tls: the certificate of %s: %w", s.PeerCertificates[0].Subject, err)
		}
		return nil
	}
	one.conf.SessionTicketsDisabled = true // each handshake asks for the certificate anew
	return one, nil
}
