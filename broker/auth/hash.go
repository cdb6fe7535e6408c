package auth

import (
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/crypto/argon2"
)

// The cost of a new password, in the terms of RFC 9106: three passes over 7 MiB
// by one thread. It is a compromise: 5,000 clients that come back to a broker
// that has just been started are let in within a minute on two cores, and a
// Raspberry Pi has memory for as many checks as it has cores.
const (
	argonTime    = 3
	argonMemory  = 7 << 10 // KiB
	argonThreads = 1
	saltSize     = 16
	keySize      = 32
)

// What a hash in a file may ask for: the machine has to bear it.
const (
	maxArgonTime   = 64
	maxArgonMemory = 256 << 10 // KiB
	maxIterations  = 10_000_000
)

// hash is a password as a users file holds it.
type hash struct {
	kind       string // "argon2id", or mosquitto's "6" (SHA-512) and "7" (PBKDF2 with SHA-512)
	salt, key  []byte
	time       uint32 // argon2id: passes; PBKDF2: iterations
	memory     uint32 // argon2id: KiB
	threads    uint8
	unguarded  string // why the hash is weak; "" when it is not
	parameters string // the text, to tell one hash from another
}

// Hash makes the text that a users file keeps of a password: argon2id in the
// PHC string format.
func Hash(password []byte) string {
	salt := make([]byte, saltSize)
	_, _ = rand.Read(salt) // never fails
	return phc(&hash{salt: salt, time: argonTime, memory: argonMemory, threads: argonThreads}, string(password))
}

// nobodys is a hash of no password that costs as much as that of like; nil: as
// one of Hash.
func nobodys(like *hash) *hash {
	if like == nil {
		like = &hash{kind: "argon2id", key: make([]byte, keySize), time: argonTime, memory: argonMemory, threads: argonThreads}
	}
	h := &hash{kind: like.kind, time: like.time, memory: like.memory, threads: like.threads, salt: make([]byte, saltSize), key: make([]byte, len(like.key))}
	_, _ = rand.Read(h.salt) // never fails
	_, _ = rand.Read(h.key)
	return h
}

// cost is about how long it takes to hold a password against the hash. A KiB
// that argon2id fills takes about as long as an iteration of PBKDF2, which is
// SHA-512 twice over a block: 0.7 µs each, on one machine.
func (h *hash) cost() int {
	switch h.kind {
	case "argon2id":
		return int(h.time) * int(h.memory)
	case "7":
		return int(h.time) * ((len(h.key) + sha512.Size - 1) / sha512.Size)
	}
	return 1
}

// rest is a hash of no password that costs what a cheaper one costs less than this
// one; nil: that is next to nothing.
func (h *hash) rest(cheaper *hash) *hash {
	less := h.cost() - cheaper.cost()
	like := *h
	switch passes := int(h.time); { // of PBKDF2, its iterations
	case h.kind == "argon2id" && less/passes >= 8*int(h.threads): // the least that argon2id fills
		like.memory = uint32(less / passes)
	case h.kind == "7" && less*passes >= h.cost():
		like.time = uint32(less * passes / h.cost())
	default:
		return nil
	}
	return nobodys(&like)
}

// phc hashes a password by argon2id, at the cost and with the salt of h, and
// writes that in the PHC string format.
func phc(h *hash, password string) string {
	key := argon2.IDKey([]byte(password), h.salt, h.time, h.memory, h.threads, keySize)
	b64 := base64.RawStdEncoding.EncodeToString
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, h.memory, h.time, h.threads, b64(h.salt), b64(key))
}

// parseHash reads what stands for a password. It never quotes it in errors.
func parseHash(text string) (*hash, error) {
	parts := strings.Split(text, "$")
	if len(parts) < 4 || parts[0] != "" {
		return nil, errors.New("the password is not hashed: twinbroker passwd and mosquitto_passwd -U do that")
	}
	h := &hash{kind: parts[1], parameters: text}
	var err error
	switch {
	case h.kind == "argon2id" && len(parts) == 6:
		err = h.argon(parts[2], parts[3])
	case h.kind == "7" && len(parts) == 5:
		n, bad := strconv.ParseUint(parts[2], 10, 32)
		if h.time = uint32(n); bad != nil || n == 0 || n > maxIterations {
			err = fmt.Errorf("its iterations are no number from 1 to %d", maxIterations)
		}
		if n < 1000 {
			h.unguarded = fmt.Sprintf("has only %d iterations of PBKDF2: whoever reads the file can guess the password", n)
		}
	case h.kind == "6" && len(parts) == 4:
		h.unguarded = "is hashed once with SHA-512: whoever reads the file can guess the password"
	default:
		return nil, fmt.Errorf("the password is hashed in a way that is not known: argon2id, and mosquitto's $6$ and $7$, are")
	}
	if err != nil {
		return nil, fmt.Errorf("the hash of the password is damaged: %w", err)
	}
	salt, saltErr := decode64(parts[len(parts)-2])
	key, keyErr := decode64(parts[len(parts)-1])
	least := 16
	if h.kind != "argon2id" {
		least = sha512.Size
	}
	if saltErr != nil || keyErr != nil || len(salt) < 8 || len(key) < least || len(key) > 128 {
		return nil, errors.New("the hash of the password is damaged: its salt or key is not base64, or too short")
	}
	h.salt, h.key = salt, key
	return h, nil
}

// argon reads "v=19" and "m=65536,t=3,p=4".
func (h *hash) argon(version, cost string) error {
	if version != fmt.Sprintf("v=%d", argon2.Version) {
		return fmt.Errorf("its version is not v=%d", argon2.Version)
	}
	known := map[string]uint64{}
	for _, field := range strings.Split(cost, ",") {
		name, number, _ := strings.Cut(field, "=")
		n, err := strconv.ParseUint(number, 10, 32)
		if err != nil || n == 0 {
			return errors.New("its cost is not of the form m=65536,t=3,p=4")
		}
		known[name] = n
	}
	m, t, p := known["m"], known["t"], known["p"]
	switch {
	case len(known) != 3 || m == 0 || t == 0 || p == 0 || p > 255 || m < 8*p:
		return errors.New("its cost is not of the form m=65536,t=3,p=4")
	case m > maxArgonMemory || t > maxArgonTime:
		return fmt.Errorf("it costs more than m=%d,t=%d, too much for a broker", maxArgonMemory, maxArgonTime)
	}
	h.memory, h.time, h.threads = uint32(m), uint32(t), uint8(p)
	return nil
}

// decode64 takes base64 with padding (mosquitto) and without (PHC).
func decode64(s string) ([]byte, error) {
	return base64.RawStdEncoding.DecodeString(strings.TrimRight(s, "="))
}

// matches says whether it is the hash of the password. It takes as long as the
// hash costs.
func (h *hash) matches(password []byte) bool {
	var key []byte
	switch h.kind {
	case "argon2id":
		key = argon2.IDKey(password, h.salt, h.time, h.memory, h.threads, uint32(len(h.key)))
	case "7":
		var err error
		if key, err = pbkdf2.Key(sha512.New, string(password), h.salt, int(h.time), len(h.key)); err != nil {
			return false // only in FIPS mode, with a short salt
		}
	default:
		sum := sha512.New()
		sum.Write(password)
		sum.Write(h.salt)
		key = sum.Sum(nil)
	}
	return subtle.ConstantTimeCompare(key, h.key) == 1
}
