package auth

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
)

// Each wrong answer is made with the same work, whether there is such a user or
// not, and whatever its hash costs.
func TestAWrongAnswerCostsTheSameForEveryName(t *testing.T) {
	key := strings.Repeat("QUJD", 21) + "QQ==" // 64 bytes
	six, seven := "$6$c2FsdHNhbHQ=$"+key, "$7$101$c2FsdHNhbHQ=$"+key
	slow := phc(&hash{salt: []byte("saltsaltsaltsalt"), time: 2, memory: 64, threads: 1}, "right")
	quick := cheap("right")
	for _, test := range []struct {
		name  string
		lines []string
		costs map[string]string // of a wrong password, by user; eve is not there
	}{
		{"mosquitto's hashes only", []string{"ann:" + seven, "bob:" + seven}, map[string]string{"ann": "7/101", "bob": "7/101", "eve": "7/101"}},
		{"SHA-512 only", []string{"ann:" + six}, map[string]string{"ann": "6/0", "eve": "6/0"}},
		{"both", []string{"ann:" + six, "bob:" + seven}, map[string]string{"ann": "6/0 7/100", "bob": "7/101", "eve": "7/101"}},
		{"mosquitto's and ours", []string{"ann:" + slow, "bob:" + seven, "dan:!" + slow}, map[string]string{
			"ann": "argon2id/2*64", "bob": "7/101 argon2id/2*13", "dan": "argon2id/2*64", "eve": "argon2id/2*64"}},
		{"ours at two costs", []string{"ann:" + quick, "bob:" + slow}, map[string]string{"ann": "argon2id/1*8 argon2id/2*60", "bob": "argon2id/2*64", "eve": "argon2id/2*64"}},
		{"ours at nearly the same cost", []string{"ann:" + phc(&hash{salt: []byte("saltsaltsaltsalt"), time: 2, memory: 63, threads: 1}, "right"), "bob:" + slow}, map[string]string{"ann": "argon2id/2*63", "bob": "argon2id/2*64", "eve": "argon2id/2*64"}},
		{"nobody has a password", []string{"dan:!" + slow}, map[string]string{"dan": "argon2id/3*7168", "eve": "argon2id/3*7168"}},
		{"there are no users", nil, map[string]string{"eve": "argon2id/3*7168"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := loaded(t, Settings{UsersFile: usersFile(t, test.lines...)})
				var mu sync.Mutex
				var worked []string
				total := 0
				a.passwords.matches = func(h *hash, password []byte) bool {
					mu.Lock()
					defer mu.Unlock()
					cost := fmt.Sprint(h.kind, "/", h.time)
					if h.kind == "argon2id" {
						cost += fmt.Sprint("*", h.memory)
					}
					worked = append(worked, cost)
					total += h.cost()
					return string(password) == "right"
				}
				for user, want := range test.costs {
					worked, total = nil, 0
					if got := connect(a, asUser(user, "wrong")); !strings.HasPrefix(got, "0x86") {
						t.Fatal(got)
					}
					if got := strings.Join(worked, " "); got != want {
						t.Errorf("%s: %s, want %s", user, got, want)
					}
					if most := a.current.Load().nobody; total > most.cost() || total < most.cost()-8*int(most.time) {
						t.Errorf("%s: %d, and nobody %d", user, total, most.cost())
					}
					// The right one costs what it costs.
					worked = nil
					if got := connect(a, asUser(user, "right")); strings.HasPrefix(got, "user:") && len(worked) != 1 {
						t.Errorf("%s, who is right: %q", user, worked)
					}
				}
			})
		})
	}
}
