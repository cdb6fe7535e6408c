package auth

import (
	"context"
	"crypto/x509"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// cheap is a hash that costs little.
func cheap(password string) string {
	return phc(&hash{salt: []byte("saltsaltsaltsalt"), time: 1, memory: 8, threads: 1}, password)
}

func usersFile(t testing.TB, lines ...string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "users")
	if err := os.WriteFile(file, []byte(strings.Join(lines, "\n")), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func loaded(t testing.TB, s Settings) *Authenticator {
	t.Helper()
	a := New(Options{})
	if err := a.Load(s); err != nil {
		t.Fatal(err)
	}
	return a
}

func asUser(name, password string) *Request {
	return &Request{HasUsername: true, Username: name, HasPassword: true, Password: []byte(password), Remote: "192.0.2.1:1234"}
}

func always() bool { return true }

// connect is who somebody is in one word, or why nobody.
func connect(a *Authenticator, r *Request) string {
	id, refused := a.Connect(context.Background(), r)
	if refused != nil {
		return fmt.Sprintf("%#x %s", refused.Code, refused.Cause)
	}
	s := id.Proof + " " + strings.Join(id.Subjects, ",")
	if id.Username != "" {
		s += " as " + id.Username
	}
	if id.Admin {
		s += " admin"
	}
	return s
}

func TestWhoIsLetInWithPasswords(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		users := usersFile(t, "ann:"+cheap("secret")+":ops,admins", "bob:"+cheap("bobs")+"", "off:!"+cheap("x"), "jwt:"+cheap("real"))
		s := Settings{UsersFile: users, AdminSubjects: []string{"group:admins"}}
		with := s
		with.Anonymous = []string{"anonymous:local", "group:guests"}
		open := Settings{Anonymous: []string{"anonymous:local"}}
		nothing := &Request{Remote: "192.0.2.9:1"}
		for _, test := range []struct {
			name     string
			settings Settings
			request  *Request
			want     string
		}{
			{"right", s, asUser("ann", "secret"), "user:ann user:ann,group:ops,group:admins as ann admin"},
			{"right, no admin", s, asUser("bob", "bobs"), "user:bob user:bob as bob"},
			{"a user with the name jwt", s, asUser("jwt", "real"), "user:jwt user:jwt as jwt"},
			{"wrong", s, asUser("ann", "secreT"), "0x86 wrong password"},
			{"wrong never is anonymous", with, asUser("ann", "secreT"), "0x86 wrong password"},
			{"another's", s, asUser("bob", "secret"), "0x86 wrong password"},
			{"nobody's", with, asUser("eve", "secret"), "0x86 no such user"},
			{"a name in other letters", s, asUser("Ann", "secret"), "0x86 no such user"},
			{"disabled", with, asUser("off", "x"), "0x86 the user is disabled"},
			{"no password", with, &Request{HasUsername: true, Username: "ann"}, "0x86 wrong password"},
			{"an empty password", with, asUser("ann", ""), "0x86 wrong password"},
			{"a password and no name", with, &Request{HasPassword: true, Password: []byte("secret")}, "0x86 no such user"},
			{"the password of nobody", with, asUser("eve", "nobody"), "0x86 no such user"},
			{"nothing", s, nothing, "0x87 no credentials"},
			{"nothing where that is enough", with, nothing, "anonymous anonymous:local,group:guests"},
			{"credentials that nobody asked for", open, asUser("ann", "x"), "anonymous anonymous:local as ann"},
			{"credentials that nobody asked for, and nobody anonymous", Settings{}, asUser("ann", "x"), "0x87 no credentials"},
			{"a method that is not known", with, &Request{AuthMethod: "SCRAM-SHA-1"}, "0x8c the authentication method is not known"},
			{"tokens where none are taken", with, &Request{AuthMethod: "JWT", AuthData: []byte("x")}, "0x8c the authentication method is not known"},
		} {
			if got := connect(loaded(t, test.settings), test.request); got != test.want {
				t.Errorf("%s: %s, want %s", test.name, got, test.want)
			}
		}
	})
}

func TestARefusalTellsTheClientNothingToGuessWith(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := loaded(t, Settings{UsersFile: usersFile(t, "ann:"+cheap("secret"), "off:!"+cheap("secret"))})
		told := map[string]bool{}
		for _, r := range []*Request{asUser("ann", "wrong"), asUser("off", "secret"), asUser("eve", "secret")} {
			_, refused := a.Connect(context.Background(), r)
			told[fmt.Sprint(refused.Code, refused.Reason)] = true
			if strings.Contains(refused.Cause, "secret") {
				t.Errorf("the log has a password in it: %s", refused.Cause)
			}
		}
		if len(told) != 1 {
			t.Errorf("the answers differ: %v", told)
		}
	})
}

func TestARightPasswordIsHashedOnce(t *testing.T) {
	file := usersFile(t, "ann:"+phc(&hash{salt: []byte("saltsaltsaltsalt"), time: 2, memory: 32 << 10, threads: 1}, "password"))
	a := loaded(t, Settings{UsersFile: file})
	u := a.current.Load().users.of("ann")
	started := a.passwords.started.Load
	var all sync.WaitGroup
	for range 50 { // at once
		all.Go(func() {
			if got := connect(a, asUser("ann", "password")); !strings.HasPrefix(got, "user:ann") {
				t.Error(got)
			}
		})
	}
	all.Wait()
	for range 1000 {
		if !a.passwords.check(context.Background(), "ann", u.hash, nil, []byte("password"), always).ok {
			t.Fatal("a right password is wrong the second time")
		}
	}
	before := read(t, file)
	if err := os.WriteFile(file, []byte(before+"\nbob:"+cheap("x")), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := a.Load(Settings{UsersFile: file}); err != nil {
		t.Fatal(err)
	}
	if got := connect(a, asUser("ann", "password")); !strings.HasPrefix(got, "user:ann") {
		t.Errorf("after another user came: %s", got)
	}
	if n := started(); n != 1 {
		t.Errorf("it was hashed %d times", n)
	}
	if err := os.WriteFile(file, []byte("ann:"+cheap("other")), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := a.Load(Settings{UsersFile: file}); err != nil {
		t.Fatal(err)
	}
	if got := connect(a, asUser("ann", "password")); got != "0x86 wrong password" {
		t.Errorf("after her line has changed: %s", got)
	}
}

func TestWhatIsRememberedIsBounded(t *testing.T) {
	r := newRecent[int, int](10)
	for i := range 1000 {
		r.put(i, i)
		r.get(0)
	}
	if n := len(r.now) + len(r.then); n > 20 {
		t.Errorf("%d entries", n)
	}
	if _, ok := r.get(0); !ok {
		t.Error("what is used all the time is forgotten")
	}
	if _, ok := r.get(995); !ok {
		t.Error("what is new is forgotten")
	}
	if _, ok := r.get(500); ok {
		t.Error("what is old is not")
	}
}

// TestTenThousandWrongPasswordsDoNotStopARightOne also says what they cost who
// guesses.
func TestTenThousandWrongPasswordsDoNotStopARightOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := loaded(t, Settings{UsersFile: usersFile(t, "ann:"+cheap("secret"), "bob:"+cheap("bobs"))})
		from := func(r *Request, remote string) *Request { r.Remote = remote; return r }
		// Bob was here before the attack, and ann was not.
		if got := connect(a, from(asUser("bob", "bobs"), "192.0.2.1:5")); !strings.HasPrefix(got, "user:bob") {
			t.Fatal(got)
		}
		begin := time.Now()
		var all sync.WaitGroup
		var mu sync.Mutex
		outcomes := map[string]int{}
		for i := range 10_000 {
			all.Go(func() {
				got := connect(a, from(asUser("ann", fmt.Sprint("guess", i)), fmt.Sprintf("192.0.2.1:%d", 1024+i)))
				mu.Lock()
				outcomes[got]++
				mu.Unlock()
			})
			time.Sleep(time.Millisecond)
		}
		// While it goes on: who was here before is let in at once, from where the
		// attack comes from, and ann from elsewhere within moments.
		now := time.Now()
		if got := connect(a, from(asUser("bob", "bobs"), "192.0.2.1:6")); !strings.HasPrefix(got, "user:bob") || time.Since(now) > 0 {
			t.Errorf("bob, beside the attack: %s after %v", got, time.Since(now))
		}
		if got := connect(a, from(asUser("ann", "secret"), "198.51.100.7:6")); !strings.HasPrefix(got, "user:ann") || time.Since(now) > userDelay {
			t.Errorf("ann, whose password is guessed: %s after %v", got, time.Since(now))
		}
		all.Wait()
		guessed := outcomes["0x86 wrong password"]
		if most := freeWrong + addressWaits + int(time.Since(begin)/addressDelay+2)*addressWaits; guessed > most || guessed == 0 {
			t.Errorf("%d guesses were looked at within %v, want at most %d; %v", guessed, time.Since(begin), most, outcomes)
		}
		if slowed := outcomes["0x9f too many attempts wait for their turn after failures"]; guessed+slowed != 10_000 {
			t.Errorf("%v", outcomes)
		}
		now = time.Now()
		if got := connect(a, from(asUser("ann", "secret"), "192.0.2.1:7")); !strings.HasPrefix(got, "user:ann") || time.Since(now) > addressDelay {
			t.Errorf("ann, from where the attack came: %s after %v", got, time.Since(now))
		}
		time.Sleep(mostWrong * fallsIn)
		now = time.Now()
		if got := connect(a, from(asUser("ann", "no"), "192.0.2.1:7")); got != "0x86 wrong password" || time.Since(now) > 0 {
			t.Errorf("later: %s after %v", got, time.Since(now))
		}
	})
}

func TestWhoRepeatsOneWrongPasswordSlowsNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := loaded(t, Settings{UsersFile: usersFile(t, "lamp:"+cheap("new"), "ann:"+cheap("secret"))})
		for range 200 {
			if got := connect(a, asUser("lamp", "old")); got != "0x86 wrong password" {
				t.Fatal(got)
			}
		}
		now := time.Now()
		if got := connect(a, asUser("ann", "secret")); !strings.HasPrefix(got, "user:ann") || time.Since(now) > 0 {
			t.Errorf("another from the same address: %s after %v", got, time.Since(now))
		}
		if got := connect(a, asUser("lamp", "new")); !strings.HasPrefix(got, "user:lamp") {
			t.Errorf("when it is put right: %s", got)
		}
	})
}

func TestThrottleForgetsAndIsBounded(t *testing.T) {
	now := time.Unix(0, 0)
	th := newThrottle(func() time.Time { return now })
	for i := range 100_000 {
		a, _ := th.begin(fmt.Sprintf("10.%d.%d.%d:1", i>>16, i>>8&255, i&255), fmt.Sprint("user", i))
		th.wrong(&a)
	}
	if n := len(th.addresses.now) + len(th.addresses.then) + len(th.users.now) + len(th.users.then); n > 4*levelsKept {
		t.Errorf("%d levels are kept", n)
	}
	for _, test := range []struct{ a, b string }{
		{"192.0.2.1:1", "192.0.2.1:2"}, {"[2001:db8::1]:1", "[2001:db8::ffff:2]:9"}, {"[::ffff:192.0.2.1]:1", "192.0.2.1:5"},
	} {
		if addressOf(test.a) != addressOf(test.b) {
			t.Errorf("%s and %s are not one address", test.a, test.b)
		}
	}
	if addressOf("[2001:db8::1]:1") == addressOf("[2001:db8:0:1::1]:1") || addressOf("192.0.2.1:1") == addressOf("192.0.2.2:1") {
		t.Error("two addresses are one")
	}
}

func TestAClientIDThatLooksLikeASubject(t *testing.T) {
	s := Settings{UsersFile: usersFile(t), Anonymous: []string{"guest:x"}, Certificates: &CertificateSettings{Subjects: []string{"gw:{{ cert:cn }}"}}}
	a, open := loaded(t, s), loaded(t, Settings{Anonymous: []string{"anonymous:local"}})
	for id, want := range map[string]bool{
		"user:ann": false, "group:ops": false, "guest:x": false, "gw:7": false,
		"lamp": true, "org.acme:lamp-1": true, "user": true, "users:x": true, "": true,
	} {
		if got := a.TakesClientID(id); got != want {
			t.Errorf("%q may connect: %v", id, got)
		}
		if !open.TakesClientID(id) {
			t.Errorf("%q may not connect where nothing is asked for", id)
		}
	}
}

func TestWhoIsStillLetInAfterAChange(t *testing.T) {
	file := usersFile(t, "ann:"+cheap("a")+":ops", "bob:"+cheap("b"), "eve:"+cheap("e"))
	a := loaded(t, Settings{UsersFile: file, Anonymous: []string{"x:y"}})
	who := map[string]*Identity{}
	for name, r := range map[string]*Request{"ann": asUser("ann", "a"), "bob": asUser("bob", "b"), "eve": asUser("eve", "e"), "": {}} {
		id, refused := a.Connect(context.Background(), r)
		if refused != nil {
			t.Fatal(name, refused)
		}
		who[name] = id
	}
	if err := os.WriteFile(file, []byte("ann:"+cheap("another")+":boss\neve:!"+cheap("e")), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := a.Load(Settings{UsersFile: file, AdminSubjects: []string{"group:boss"}}); err != nil {
		t.Fatal(err)
	}
	if id, ok := a.Again(who["ann"]); !ok || strings.Join(id.Subjects, ",") != "user:ann,group:boss" || !id.Admin {
		t.Errorf("ann: %+v, %v", id, ok)
	}
	for _, name := range []string{"bob", "eve", ""} {
		if id, ok := a.Again(who[name]); ok {
			t.Errorf("%q is still let in as %+v", name, id)
		}
	}
	if err := a.Load(Settings{UsersFile: file + "x"}); err == nil {
		t.Error("a file that is not there is taken over")
	}
	if _, ok := a.Again(who["ann"]); !ok {
		t.Error("a change that failed changed something")
	}
}

// BenchmarkReconnect is what it takes to let a client in whose password the
// broker does not remember, and one whose it does. 5,000 clients that come back
// to a broker that was just started take 5,000 of the first on all cores: the
// metric clients/min is to be above 5,000 on two.
func BenchmarkReconnect(b *testing.B) {
	a := loaded(b, Settings{UsersFile: usersFile(b, "ann:"+Hash([]byte("secret")))})
	h := a.current.Load().users.of("ann").hash
	b.Run("first", func(b *testing.B) {
		var all sync.WaitGroup
		for i := range b.N {
			all.Go(func() { a.passwords.check(context.Background(), fmt.Sprint(i), h, nil, []byte("secret"), always) })
		}
		all.Wait()
		b.ReportMetric(float64(b.N)/b.Elapsed().Minutes(), "clients/min")
		a.passwords.forget()
	})
	b.Run("again", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, refused := a.Connect(context.Background(), asUser("ann", "secret")); refused != nil {
				b.Fatal(refused)
			}
		}
		b.ReportMetric(float64(b.N)/b.Elapsed().Minutes(), "clients/min")
	})
}

// A name that nobody had to prove is none any more when names are proved, and
// nobody stays who could not come back.
func TestWhatWasLetInIsHeldAgainstTheNewSettings(t *testing.T) {
	a := loaded(t, Settings{Anonymous: []string{"anonymous:local"}})
	id, refused := a.Connect(context.Background(), &Request{HasUsername: true, Username: "ann", Remote: "192.0.2.1:1"})
	if refused != nil || id.Username != "ann" {
		t.Fatalf("%v %v", id, refused)
	}
	users := usersFile(t, "ann:"+cheap("secret"))
	if err := a.Load(Settings{Anonymous: []string{"anonymous:local"}, UsersFile: users}); err != nil {
		t.Fatal(err)
	}
	if now, ok := a.Again(id); !ok || now.Username != "" {
		t.Errorf("%v %v", now, ok)
	}
	for who, want := range map[*Identity]bool{
		{Proof: "user:ann"}: true, {Proof: "user:bob"}: false, {Proof: "cert:CN=gw", certificate: &x509.Certificate{}}: false,
		{Proof: "jwt:https://id.acme.example 42", issuer: "https://id.acme.example"}: false,
	} {
		if _, got := a.Again(who); got != want {
			t.Errorf("%s: %v", who.Proof, got)
		}
	}
	if err := a.Load(Settings{UsersFile: users}); err != nil {
		t.Fatal(err)
	}
	if _, ok := a.Again(id); ok {
		t.Error("who shows nothing is still let in")
	}
}

// Guesses that come all at once, before the first of them is found to be wrong,
// are no more than those that come one by one; right passwords from elsewhere do
// not wait for them.
func TestManyGuessesAtOnceAreSlowedToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := loaded(t, Settings{UsersFile: usersFile(t, "ann:"+cheap("secret"), "bob:"+cheap("bobs"))})
		began := time.Now()
		started := a.passwords.started.Load()
		var all sync.WaitGroup
		var refused atomic.Int64
		for i := range 2000 {
			all.Go(func() {
				if _, no := a.Connect(context.Background(), asUser("ann", fmt.Sprint("guess", i))); no != nil && no.Code == CodeRateExceeded {
					refused.Add(1)
				}
			})
		}
		other := asUser("bob", "bobs")
		other.Remote = "198.51.100.1:1"
		if got := connect(a, other); got != "user:bob user:bob as bob" || time.Since(began) > 0 {
			t.Errorf("%s after %s", got, time.Since(began))
		}
		all.Wait()
		if n := a.passwords.started.Load() - started; n > 100 || refused.Load() < 1900 {
			t.Errorf("%d were looked at, and %d refused", n, refused.Load())
		}
	})
}
