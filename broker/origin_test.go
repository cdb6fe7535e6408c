package broker

import (
	"context"
	"net"
	"net/http"
	"testing"
)

func TestWhichPagesMayConnect(t *testing.T) {
	at := func(address string) net.Addr {
		a, err := net.ResolveTCPAddr("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	for _, test := range []struct {
		name, host, origin string
		local              string // address of the listener
		secure             bool
		listed             []string
		want               bool
	}{
		{"no browser", "broker:8083", "", "10.0.0.1:8083", false, nil, true},
		{"the same origin", "broker:8083", "http://broker:8083", "10.0.0.1:8083", false, nil, true},
		{"the same origin on the usual port", "broker", "http://broker", "10.0.0.1:80", false, nil, true},
		{"the same origin, the port said once", "broker:80", "http://broker", "10.0.0.1:80", false, nil, true},
		{"the same origin with TLS", "broker", "https://broker:443", "10.0.0.1:443", true, nil, true},
		{"without TLS, where the listener has it", "broker:8084", "http://broker:8084", "10.0.0.1:8084", true, nil, false},
		{"TLS ends before the listener", "app.example.org", "https://app.example.org", "10.0.0.1:8083", false, nil, true},
		{"another port", "broker:8083", "http://broker", "10.0.0.1:8083", false, nil, false},
		{"another host", "broker:8083", "http://evil.example:8083", "10.0.0.1:8083", false, nil, false},
		{"a file", "broker:8083", "null", "10.0.0.1:8083", false, nil, false},
		{"an extension", "broker:8083", "chrome-extension://broker:8083", "10.0.0.1:8083", false, nil, false},
		{"listed", "broker:8083", "https://a.example", "10.0.0.1:8083", false, []string{"https://A.example:443"}, true},
		{"listed by another scheme", "broker:8083", "http://a.example", "10.0.0.1:8083", false, []string{"https://a.example"}, false},
		{"all", "broker:8083", "null", "10.0.0.1:8083", false, []string{"*"}, true},
		{"this machine by its address", "127.0.0.1:8083", "http://127.0.0.1:8083", "127.0.0.1:8083", false, nil, true},
		{"this machine by its name", "localhost:8083", "http://localhost:8083", "127.0.0.1:8083", false, nil, true},
		{"this machine by IPv6", "[::1]:8083", "http://[::1]:8083", "[::1]:8083", false, nil, true},
		{"a foreign name that means this machine", "evil.example:8083", "http://evil.example:8083", "127.0.0.1:8083", false, nil, false},
		{"a foreign name that looks like it", "localhost.evil.example:8083", "http://localhost.evil.example:8083", "127.0.0.1:8083", false, nil, false},
		{"a foreign name that is listed", "app.example:8083", "http://app.example:8083", "127.0.0.1:8083", false, []string{"http://app.example:8083"}, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := (&http.Request{Host: test.host, Header: http.Header{}}).WithContext(
				context.WithValue(t.Context(), http.LocalAddrContextKey, at(test.local)))
			if test.origin != "" {
				r.Header.Set("Origin", test.origin)
			}
			if got := newOrigins(test.listed, test.secure).allow(r); got != test.want {
				t.Errorf("%v", got)
			}
		})
	}
}
