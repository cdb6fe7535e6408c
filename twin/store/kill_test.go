package store

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"
)

// The kill test runs this same test binary as a child that changes entities
// as fast as it can and prints what was acknowledged, kills it with SIGKILL at
// a random moment, and looks at what the folder holds.

const killDir = "STORE_KILL_TEST_DIR"

// killClients work at the same time, each on its own entities: a counter "n"
// in a Thing and the same number in a Policy, changed in one group, with a
// receipt for each number.
const killClients = 8

func killKeys(c int) (Key, Key) {
	id := fmt.Sprint("client", c)
	return Key{things, id}, Key{policies, id}
}

func TestMain(m *testing.M) {
	if dir := os.Getenv(killDir); dir != "" {
		killChild(dir)
	}
	os.Exit(m.Run())
}

func killChild(dir string) {
	fail := func(err error) {
		fmt.Println("error", err)
		os.Exit(1)
	}
	s, err := Open(dir, testKinds(), killOptions())
	if err != nil {
		fail(err)
	}
	type ack struct{ client, n int }
	acks := make(chan ack, 1024)
	for c := range killClients {
		thing, policy := killKeys(c)
		go func() {
			window := make(chan struct{}, 16)
			for {
				window <- struct{}{}
				tx, err := s.Begin(thing, policy)
				if err != nil {
					fail(err)
				}
				n := int(tx.Get(thing).Revision) + 1
				// Each is deleted now and then.
				var next State
				change := "-"
				if n%10 != 0 {
					change = fmt.Sprint(n)
					next = text(change)
				}
				tx.Put(thing, []byte(change), next)
				tx.Put(policy, []byte(change), next)
				tx.Commit(&Receipt{thing.ID, 1, uint16(n)}, nil, func(err error) {
					if err != nil {
						fail(err)
					}
					acks <- ack{c, n}
					<-window
				})
				if n > 100 {
					s.Release(Receipt{thing.ID, 1, uint16(n - 100)}, nil)
				}
			}
		}()
	}
	out := bufio.NewWriter(os.Stdout)
	fmt.Fprintln(out, "ready")
	for a := range acks {
		fmt.Fprintln(out, a.client, a.n)
		if len(acks) == 0 {
			out.Flush()
		}
	}
}

func killOptions() Options {
	return Options{SegmentSize: 1 << 20, SnapshotEvery: 256 << 10, Memory: 1 << 20, Retention: time.Nanosecond}
}

func TestKilledUnderLoadNothingAcknowledgedIsLost(t *testing.T) {
	rounds := 5
	if testing.Short() {
		rounds = 2
	}
	dir := t.TempDir()
	var acked [killClients]int
	for round := range rounds {
		cmd := exec.Command(os.Args[0], "-test.run=^$")
		cmd.Env = append(os.Environ(), killDir+"="+dir)
		stdout, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewReader(stdout)
		if line, _ := lines.ReadString('\n'); line != "ready\n" {
			t.Fatalf("round %d: child says %q", round, line)
		}
		killer := time.AfterFunc(time.Duration(rand.IntN(400))*time.Millisecond, func() { cmd.Process.Kill() })
		for {
			line, err := lines.ReadString('\n')
			if err == io.EOF {
				break // what follows the last newline was cut off by the kill
			}
			client, n, _ := strings.Cut(strings.TrimSpace(line), " ")
			c, err1 := strconv.Atoi(client)
			number, err2 := strconv.Atoi(n)
			if err1 != nil || err2 != nil {
				t.Fatalf("round %d: child says %q", round, line)
			}
			if number != acked[c]+1 && acked[c] != 0 && number <= acked[c] {
				t.Fatalf("round %d: client %d: %d acknowledged after %d", round, c, number, acked[c])
			}
			acked[c] = number
		}
		cmd.Wait()
		killer.Stop()
		checkKilled(t, dir, round, &acked)
	}
}

func checkKilled(t *testing.T, dir string, round int, acked *[killClients]int) {
	t.Helper()
	s, err := Open(dir, testKinds(), killOptions())
	if err != nil {
		t.Fatalf("round %d: %v", round, err)
	}
	total := 0
	for c := range killClients {
		thing, policy := killKeys(c)
		e, p := view(t, s, thing), view(t, s, policy)
		n := int(e.Revision)
		if n < acked[c] {
			t.Errorf("round %d: client %d: %d was acknowledged, %d is there", round, c, acked[c], n)
		}
		if e.State != p.State || e.Revision != p.Revision {
			t.Errorf("round %d: client %d: half of a group: thing at %d, policy at %d", round, c, e.Revision, p.Revision)
		}
		if n > 0 && (e.State == nil) != (n%10 == 0) || e.State != nil && string(e.State.(text)) != fmt.Sprint(n) {
			t.Errorf("round %d: client %d: revision %d has state %v", round, c, n, e.State)
		}
		// The release of n-100 is sent right after n: each kill can come between
		// the two, once for each client, and nobody sends that release again.
		_, ids := s.Receipts(thing.ID)
		if want := min(n, 100); len(ids) < want || len(ids) > want+1+round {
			t.Errorf("round %d: client %d at %d: %d receipts, want about %d", round, c, n, len(ids), want)
		}
		acked[c] = n
		total += n
	}
	t.Logf("round %d: %d changes so far, %d segments", round, total, s.Stats().Segments)
	// Half of the rounds leave the next child a clean folder.
	if round%2 == 0 {
		crash(t, s)
	} else {
		closeStore(t, s)
	}
}
