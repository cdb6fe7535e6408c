//go:build linux

package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/twinbroker/twinbroker/test/mqttraw"
)

// site is where clients connect.
type site struct {
	addr   string
	owners int // of how many clients each has Things of its own, and a password; 0: it is open
}

// password is everybody's.
const password = "bench"

// dial connects a client; its user name is its identifier.
func (s site) dial(o mqttraw.Options) (*mqttraw.Conn, error) {
	if s.owners > 0 {
		o.Username, o.Password = o.ClientID, password
	}
	c, _, err := mqttraw.Dial(s.addr, o)
	return c, err
}

// guarded is the same traffic with doors.
func guarded(t traffic) traffic {
	t.guarded = true
	if t.rules == "" {
		t.rules = benchRules
	}
	t.rules += `acl:
  - {subjects: ["group:devices"], publish: ["devices/#"]}
`
	return t
}

// doors compares traffic with doors with the same that is all open, as the
// program of before has it if there is one.
func doors(key, name string, open traffic) comparison {
	base := open
	base.before = true
	return comparison{key: key, bound: 0.9, base: base, other: guarded(open), name: name, figure: byRate, show: rateOf}
}

// guardedClients is how many publishers have a user.
const guardedClients = 50

// withPolicy has a Thing bring its Policy: its client may change it, and those
// who show it may read it.
func withPolicy(payload string, owner int) string {
	policy := fmt.Sprintf(`{"entries":{`+
		`"DEVICE":{"subjects":{"user:bench-%d":{"type":"device"}},"resources":{"thing:/":{"grant":["READ","WRITE"],"revoke":[]}}},`+
		`"APPS":{"subjects":{"group:apps":{"type":"group"}},"resources":{"thing:/":{"grant":["READ"],"revoke":[]}}},`+
		`"OWNER":{"subjects":{"user:bench-create":{"type":"owner"}},"resources":{"policy:/":{"grant":["READ","WRITE"],"revoke":[]},"thing:/":{"grant":["READ","WRITE"],"revoke":[]}}}}}`,
		owner)
	return strings.Replace(payload, `"definition":`, `"_policy":`+policy+`,"definition":`, 1)
}

// usersFile has a user for each client. It is made once, by the program's own
// verb.
func (b *bench) usersFile() (string, error) {
	file := filepath.Join(b.dir, "users")
	if _, err := os.Stat(file); err == nil {
		return file, nil
	}
	users := map[string]string{"bench-create": "admins", "bench-check": "admins", "bench-sub": "apps"}
	for i := range guardedClients {
		users[fmt.Sprintf("bench-%d", i)] = "devices"
	}
	for user, group := range users {
		cmd := exec.Command(b.programs.broker, "passwd", file, user, "--group", group)
		cmd.Stdin = strings.NewReader(password + "\n")
		if text, err := cmd.CombinedOutput(); err != nil {
			return "", fmt.Errorf("passwd %s: %w: %s", user, err, text)
		}
	}
	return file, nil
}
