package auth

import (
	"net/netip"
	"sync"
	"time"
)

// throttle slows those who guess. Each wrong attempt raises a level, of the
// address that it came from and of the user that it was for; levels fall with
// time. At a level above the free one an attempt waits before it is looked at,
// the longer the higher the level, up to a bound: so a right password gets in
// in the end, whatever others did. A pair of address and user that was right
// before waits for nobody until it is wrong itself. The memory is bounded: the
// latest addresses, users and pairs are known.
type throttle struct {
	now func() time.Time

	mu        sync.Mutex
	addresses *recent[string, *level]
	users     *recent[string, *level]
	trusted   *recent[pair, struct{}]
	waiting   int
}

type pair struct{ address, user string }

// level is how often somebody was wrong of late.
type level struct {
	wrong   float64
	at      time.Time // of the last change
	waiting int
}

const (
	freeWrong     = 5                // wrong attempts without a consequence
	mostWrong     = 12               // higher no level rises
	fallsIn       = 15 * time.Second // by one
	firstDelay    = 250 * time.Millisecond
	addressDelay  = 4 * time.Second // the most for an address
	userDelay     = 2 * time.Second // the most for a user, whom others may attack
	addressWaits  = 32              // attempts of one address that wait at once
	allWait       = 4096            // of all addresses
	repeatedDelay = 500 * time.Millisecond
	levelsKept    = 20_000
	trustedKept   = 50_000
)

func newThrottle(now func() time.Time) *throttle {
	return &throttle{
		now: now, addresses: newRecent[string, *level](levelsKept), users: newRecent[string, *level](levelsKept),
		trusted: newRecent[pair, struct{}](trustedKept),
	}
}

// attempt is one on its way.
type attempt struct {
	who     pair
	trusted bool
	delay   time.Duration
	waits   bool
}

// begin says how long the attempt is to wait before it is looked at; ok is
// false when too many wait already. end is to be called in either case.
func (t *throttle) begin(remote, user string) (a attempt, ok bool) {
	a.who = pair{addressOf(remote), user}
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, a.trusted = t.trusted.get(a.who); a.trusted {
		return a, true
	}
	now := t.now()
	from, _ := t.addresses.get(a.who.address)
	of, _ := t.users.get(user)
	a.delay = max(from.delay(now, addressDelay), of.delay(now, userDelay))
	if a.delay == 0 {
		return a, true
	}
	if t.waiting >= allWait || from != nil && from.waiting >= addressWaits {
		return a, false
	}
	a.waits = true
	t.waiting++
	t.level(t.addresses, a.who.address).waiting++
	return a, true
}

// free says whether an attempt that did not have to wait would not have to now
// either: others that came with it may have been wrong meanwhile.
func (t *throttle) free(a *attempt) bool {
	if a.trusted || a.delay > 0 {
		return true
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.now()
	from, _ := t.addresses.get(a.who.address)
	of, _ := t.users.get(a.who.user)
	return from.delay(now, addressDelay) == 0 && of.delay(now, userDelay) == 0
}

// waited ends the attempt's waiting.
func (t *throttle) waited(a *attempt) {
	if !a.waits {
		return
	}
	a.waits = false
	t.mu.Lock()
	defer t.mu.Unlock()
	t.waiting--
	if l, ok := t.addresses.get(a.who.address); ok && l.waiting > 0 {
		l.waiting--
	}
}

// right says that the attempt was.
func (t *throttle) right(a *attempt) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.trusted.put(a.who, struct{}{})
}

// wrong says that the attempt was.
func (t *throttle) wrong(a *attempt) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.trusted.remove(a.who)
	now := t.now()
	t.level(t.addresses, a.who.address).raise(now)
	if a.who.user != "" {
		t.level(t.users, a.who.user).raise(now)
	}
}

func (t *throttle) level(of *recent[string, *level], name string) *level {
	l, ok := of.get(name)
	if !ok {
		l = &level{at: t.now()}
		of.put(name, l)
	}
	return l
}

// fall lets the time since the last change count.
func (l *level) fall(now time.Time) {
	if passed := now.Sub(l.at); passed > 0 {
		l.wrong = max(0, l.wrong-float64(passed)/float64(fallsIn))
		l.at = now
	}
}

func (l *level) raise(now time.Time) {
	l.fall(now)
	l.wrong = min(mostWrong, l.wrong+1)
}

func (l *level) delay(now time.Time, most time.Duration) time.Duration {
	if l == nil {
		return 0
	}
	l.fall(now)
	over := int(l.wrong) - freeWrong
	if over < 0 {
		return 0
	}
	return min(most, firstDelay<<over)
}

// addressOf is what counts as one address: an IPv4 address, or the network of
// 64 bits that an IPv6 address lies in, all of which are usually one party's.
func addressOf(remote string) string {
	ap, err := netip.ParseAddrPort(remote)
	if err != nil {
		return remote
	}
	ip := ap.Addr().Unmap()
	if ip.Is4() {
		return ip.String()
	}
	network, err := ip.WithZone("").Prefix(64)
	if err != nil {
		return ip.String()
	}
	return network.String()
}
