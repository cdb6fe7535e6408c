package config

import (
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// parseListener reads "tcp://0.0.0.0:1883", "ws://0.0.0.0:8083/mqtt".
func parseListener(address string) (Listener, error) {
	l := Listener{Address: address}
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return l, fmt.Errorf("%q is not an address such as tcp://0.0.0.0:1883", address)
	}
	l.Scheme, l.Host, l.Path = u.Scheme, u.Host, u.Path
	switch u.Scheme {
	case "tcp", "tls":
		if l.Path != "" {
			return l, fmt.Errorf("%q has a path, which only ws:// and wss:// have", address)
		}
	case "ws", "wss":
	case "mqtt":
		return l, fmt.Errorf("%q: write tcp:// for mqtt://", address)
	case "mqtts", "ssl":
		return l, fmt.Errorf("%q: write tls:// for %s://", address, u.Scheme)
	default:
		return l, fmt.Errorf("%q begins with %q, which is not one of tcp, tls, ws, wss", address, u.Scheme)
	}
	if u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return l, fmt.Errorf("%q has more than scheme, host, port and path", address)
	}
	return l, checkHostPort(u.Host)
}

// checkHostPort checks an address as net.Listen takes it.
func checkHostPort(address string) error {
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return fmt.Errorf("%q is not host:port", address)
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil { // with 0 the system chooses one
		return fmt.Errorf("%q has the port %q, which is not a number up to 65535", address, port)
	}
	return nil
}

// isLoopback says whether only this machine reaches the address.
func isLoopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return false
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback() || strings.EqualFold(host, "localhost")
}

// onLoopback says whether only this machine reaches the listeners.
func (c *Config) onLoopback() bool {
	for i := range c.Listeners {
		if !isLoopback(c.Listeners[i].Host) {
			return false
		}
	}
	return true
}

// listeners reads the list of listeners.
func (d *decoder) listeners(node *yaml.Node, key string) []Listener {
	var list []Listener
	d.each(node, key, func(element *yaml.Node, key string) {
		s := d.section(element, key)
		address, certificates := s.text("address"), s.take("tls")
		origins := s.texts("origins")
		s.end()
		if element != nil && element.Kind != yaml.MappingNode {
			return
		}
		if address == "" {
			d.problems = append(d.problems, Problem{Place: d.places[key], Key: under(key, "address"),
				Text: "is missing: where to listen, such as tcp://0.0.0.0:1883"})
		}
		l, err := parseListener(address)
		if err != nil && address != "" {
			d.problems = append(d.problems, Problem{Place: d.places.of(under(key, "address")), Key: under(key, "address"), Text: err.Error()})
		}
		if certificates != nil {
			l.TLS = d.tls(certificates, under(key, "tls"))
		}
		l.Origins = origins
		list = append(list, l)
	})
	return list
}

func (d *decoder) tls(node *yaml.Node, key string) *TLS {
	s := d.section(node, key)
	t := &TLS{Cert: s.text("cert"), Key: s.text("key"), ClientCA: s.text("client_ca"), ClientAuth: s.text("client_auth"), CRL: s.text("crl")}
	s.end()
	if t.ClientAuth == "" {
		t.ClientAuth = "none"
	}
	return t
}

func (h *HTTP) read(text string) error {
	if h.Address = text; text == "off" {
		h.Address = ""
		return nil
	}
	if err := checkHostPort(text); err != nil {
		return fmt.Errorf("%w; off turns it off", err)
	}
	return nil
}

func (h *HTTP) print() string {
	if h.Address == "" {
		return "off"
	}
	return h.Address
}
