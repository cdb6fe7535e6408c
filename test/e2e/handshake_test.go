package e2e

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twinbroker/twinbroker/test/harness"
)

// A client whose handshake fails gets no answer of MQTT: who looks for the
// reason finds it in the broker's log and audit log.
func TestHandshakesThatFailAreTold(t *testing.T) {
	t.Parallel()
	ca, other := newIssuing(t), newIssuing(t)
	later := time.Now().Add(time.Hour)
	_, cert, key := ca.issue(2, "server", later)
	crl, audit := filepath.Join(t.TempDir(), "list.crl"), filepath.Join(t.TempDir(), "audit.jsonl")
	ca.revoke(crl, 9)
	b := harness.Start(t, harness.Options{Listeners: true, Config: fmt.Sprintf(`
listeners:
  - address: tls://127.0.0.1:0
    tls: {cert: %s, key: %s, client_ca: %s, client_auth: request, crl: %s}
auth: {certificates: {subjects: ["cert:{{ cert:cn }}"]}}
audit: {file: %s}
`, cert, key, ca.file, crl, audit)})

	_, revokedCert, revokedKey := ca.issue(9, "gw-9", later)
	_, foreignCert, foreignKey := other.issue(10, "gw-10", later)
	told := []string{
		"TLS: the certificate of CN=gw-9: the certificate was revoked",
		"TLS: the certificate of CN=gw-10: x509: certificate signed by unknown authority",
		"TLS: the client does not speak TLS, which this listener needs",
	}
	for i, args := range [][]string{
		{"--url", "mqtts://" + b.MQTT(), "--ca", ca.file, "--cert", revokedCert, "--key", revokedKey},
		{"--url", "mqtts://" + b.MQTT(), "--ca", ca.file, "--cert", foreignCert, "--key", foreignKey},
		{"--url", "mqtt://" + b.MQTT()},
	} {
		r := harness.Run(t, append([]string{"things", "list"}, args...)...)
		if r.Code == 0 {
			t.Errorf("%s: was let in", told[i])
		}
		if i == 2 && !strings.Contains(r.Stderr, "mqtts://?") {
			t.Errorf("the client says %q, and no word of TLS", r.Stderr)
		}
		b.WaitLog(told[i])
		until(t, told[i]+" in the audit log", func() bool { return fileHas(audit, told[i]) })
	}
	if got := metric(t, b, "twinbroker_connections_refused_total"); got != 3 {
		t.Errorf("%v connections are counted as refused, want 3", got)
	}

	// Who only looks whether the port is open is no news.
	looks, err := net.Dial("tcp", b.MQTT())
	if err != nil {
		t.Fatal(err)
	}
	_ = looks.Close()
	good, _, _ := ca.issue(11, "gw-11", later)
	harness.Dial5(t, b, harness.Connect{TLS: ca.client(good)})
	if n := strings.Count(b.Log(), `msg="client refused"`); n != 3 {
		t.Errorf("%d clients are told of, want 3\n%s", n, b.Log())
	}
}

func fileHas(file, words string) bool {
	text, err := os.ReadFile(file)
	return err == nil && strings.Contains(string(text), words)
}
