package broker

import (
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/twinbroker/twinbroker/broker/session"
)

// origins says which web pages may connect. Browsers let any page open a
// WebSocket to anywhere, with the certificate and from the address of whoever
// looks at it, and only tell the server which page it is (RFC 6455 section 10.2).
type origins struct {
	listed []string // normalised; "*": all
	secure bool     // the listener has TLS
}

func newOrigins(listed []string, secure bool) *origins {
	o := &origins{secure: secure}
	for _, text := range listed {
		if u, err := url.Parse(text); err == nil && text != "*" {
			text = normalised(u)
		}
		o.listed = append(o.listed, text)
	}
	return o
}

// allow says whether a request may be let in: it comes from no browser, from a
// page that is listed, or from one of the same origin.
func (o *origins) allow(r *http.Request) bool {
	said := r.Header.Values("Origin")
	if len(said) == 0 || len(said) == 1 && said[0] == "" {
		return true
	}
	if slices.Contains(o.listed, "*") {
		return true
	}
	if len(said) > 1 {
		return false
	}
	u, err := url.Parse(said[0])
	if err != nil || u.Host == "" || u.Path != "" || u.User != nil {
		return false // "null", too
	}
	return slices.Contains(o.listed, normalised(u)) || o.isOwn(u, r)
}

// isOwn says whether a page has the origin that the request was sent to. Where
// the listener has no TLS, something before it may: then the page has https, and
// both names are without a port.
func (o *origins) isOwn(page *url.URL, r *http.Request) bool {
	own := url.URL{Scheme: "http", Host: r.Host}
	if o.secure {
		own.Scheme = "https"
	}
	same := normalised(page) == normalised(&own) || !o.secure && page.Scheme == "https" && strings.EqualFold(page.Host, r.Host)
	return same && !isRebound(r)
}

// isRebound says whether a request to this machine's own address names another
// host: so does a page elsewhere whose name was made to mean 127.0.0.1, to be
// taken for one of the same origin. A proxy that sends on the name that it was
// called by looks the same; its pages are to be listed.
func isRebound(r *http.Request) bool {
	local, _ := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
	if local == nil {
		return false
	}
	host, _, err := net.SplitHostPort(local.String())
	if err != nil || !net.ParseIP(host).IsLoopback() {
		return false
	}
	called := (&url.URL{Host: r.Host}).Hostname()
	name := strings.ToLower(strings.TrimSuffix(called, "."))
	if ip := net.ParseIP(called); ip != nil {
		return !ip.IsLoopback()
	}
	return name != "localhost" && !strings.HasSuffix(name, ".localhost")
}

// normalised is an origin with its port, in small letters.
func normalised(u *url.URL) string {
	scheme, port := strings.ToLower(u.Scheme), u.Port()
	if port == "" {
		switch scheme {
		case "http":
			port = "80"
		case "https":
			port = "443"
		}
	}
	return scheme + "://" + strings.ToLower(u.Hostname()) + ":" + port
}

// refuseOrigin counts a page that was not let in, and says so in the log.
func (b *Broker) refuseOrigin(listener string, r *http.Request) {
	b.metrics.connectionsRefused.Inc()
	if say, hidden := b.turnedAway.mayLog(hostOf(r.RemoteAddr), time.Now()); say {
		b.log.Warn("web page refused: its origin is neither the listener's own nor among its origins",
			"origin", r.Header.Get("Origin"), "host", r.Host, "remote", r.RemoteAddr, "listener", listener, "not_logged_before", hidden)
		b.tellTurnedAway(&session.Peer{Remote: r.RemoteAddr, Listener: listener},
			map[string]any{"message": "the web page's origin is neither the listener's own nor among its origins", "origin": r.Header.Get("Origin")}, hidden)
	}
}
