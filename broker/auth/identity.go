package auth

import (
	"crypto/tls"
	"crypto/x509"
	"strings"
	"time"
)

// Identity is who a client was proved to be.
type Identity struct {
	Subjects []string // under which it acts; the first is the originator of what it does
	Admin    bool     // one of them is an admin subject
	Username string   // that was proved; "" where none was
	// Proof names what was proved, and stays the same from connection to
	// connection: "user:ann", "cert:CN=gw-7,O=Acme", "jwt:https://id.acme.example 42",
	// "anonymous". Only the same Proof may take over a session.
	Proof   string
	Expires time.Time // when the proof ends; zero: never
	// Integration are the subjects that the token gives for Policies, with
	// {{ policy-entry:label }} left open; nil without a token.
	Integration []string

	ChosenID    string            // the client identifier, where the client chose it
	issuer      string            // of a token
	certificate *x509.Certificate // that was shown, whatever it means
}

// Request is what a client shows.
type Request struct {
	ClientID string
	// OwnID says whether the broker itself has made up the identifier, for a
	// client of that Proof; nil: it has not.
	OwnID       func(proof string) bool
	HasUsername bool
	Username    string
	HasPassword bool
	Password    []byte
	TLS         *tls.ConnectionState // nil without TLS
	Remote      string               // host:port
	// Enhanced authentication (MQTT 5.0 section 4.12).
	AuthMethod string
	AuthData   []byte
}

// Refusal says why a client is not let in.
type Refusal struct {
	Code   byte   // reason code of CONNACK (MQTT 5.0 section 3.2.2.2)
	Reason string // told to the client: nothing that it could guess with
	Cause  string // for the log: no secrets
}

// Reason codes of refusals.
const (
	CodeBadClientID   = 0x85
	CodeUnavailable   = 0x88
	CodeBadUserOrPass = 0x86
	CodeNotAuthorized = 0x87
	CodeBadMethod     = 0x8C
	CodeRateExceeded  = 0x9F
)

// Ways to say who one is, as metrics and logs name them.
const (
	byPassword    = "password"
	byCertificate = "certificate"
	byToken       = "token"
	byNothing     = "anonymous"
)

// AnonymousProof is the Proof of clients that show nothing.
const AnonymousProof = "anonymous"

// maxSubjects bounds the subjects of one client.
const maxSubjects = 256

// maxSubject bounds the bytes of one subject.
const maxSubject = 1024

// validSubject says whether a text can be a subject: Policies name it, logs and
// headers carry it.
func validSubject(s string) bool {
	if s == "" || len(s) > maxSubject {
		return false
	}
	for _, r := range s {
		if r < ' ' || r == 0x7F || r == '\uFFFD' { // the last also stands for what is no UTF-8
			return false
		}
	}
	before, after, found := strings.Cut(s, ":")
	return found && before != "" && after != ""
}
