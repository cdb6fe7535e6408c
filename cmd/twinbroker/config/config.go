package config

import (
	"log/slog"
	"time"

	"github.com/twinbroker/twinbroker/broker/acl"
	"github.com/twinbroker/twinbroker/mapping"
	"github.com/twinbroker/twinbroker/twin/policy"
)

// Config is an effective configuration: what file, environment, flags and
// defaults come to.
type Config struct {
	File     string   // "" without one
	Include  []string // files, or patterns of such, that bring more mappings and publications
	Included []string // the files that these came to, in the order in which they were read

	DataDir      string
	Listeners    []Listener
	HTTP         HTTP
	Auth         Auth
	ACL          []acl.Rule       // for topics outside of the twin's trees
	ACLFile      string           // more of them, in mosquitto's format; "": none
	Creation     *policy.Creation // who may make Things and Policies; nil: everybody
	Audit        Audit
	Provision    Provision
	Topics       Topics
	Mappings     []mapping.RuleConfig
	Publications []mapping.PublicationConfig
	Store        Store
	Merge        Merge
	Policies     Policies
	History      History
	Limits       Limits
	Log          Log

	// Rules and Published are the compiled Mappings and Publications.
	Rules     *mapping.Rules
	Published *mapping.Publications
	// Granted is the compiled ACL with the ACLFile; nil where nothing is closed.
	Granted *acl.Rules

	places   places
	included []string // Include as it was looked for, with that of the included files
}

// Listener is an address that MQTT clients connect to.
type Listener struct {
	Address string // as configured: "tcp://0.0.0.0:1883"
	Scheme  string // "tcp", "tls", "ws" or "wss"
	Host    string // "0.0.0.0:1883", as net.Listen takes it
	Path    string // of a WebSocket: "/mqtt"; "" is any
	TLS     *TLS   // not nil with tls and wss
	Origins []string
}

// TLS is what a listener shows its clients, and asks of them.
type TLS struct {
	Cert, Key  string // PEM files
	ClientCA   string // PEM file; "" when clients need no certificate
	ClientAuth string // "none", "request" or "require"
	CRL        string // file of revoked certificates; "" for none
}

// HTTP is the server of health and metrics.
type HTTP struct {
	Address string // "" is off
	Default bool   // nobody asked for it: when the port is taken, that is no reason to fail
}

// Audit says where it is written down who did what.
type Audit struct {
	File string // JSON lines; "": into the log
}

// Provision names what is put in place before clients may connect.
type Provision struct {
	Policies, Things string // folders of JSON files; "" for none
	Mode             string // IfAbsent or Enforce
}

// The modes of Provision.
const (
	IfAbsent = "if-absent" // what is there stays as it is
	Enforce  = "enforce"   // what is there becomes as it is in the files, at each start
)

// Topics names the topic trees of the twin.
type Topics struct {
	Root         string // of the Ditto Protocol
	State        string // of the state itself
	StatePayload string // "plain" or "json": how the state tree writes a scalar
}

// Roots are the trees that mappings and publications keep out of.
func (t Topics) Roots() mapping.Roots { return mapping.Roots{Ditto: t.Root, State: t.State} }

// Store says how twins are kept.
type Store struct {
	Memory   int64         // bytes of twins held in memory
	Sync     time.Duration // how long changes are gathered for one sync; 0 is "always"
	Patience time.Duration // how long a disk that is full or stuck is waited for
}

// Merge says how merges are done.
type Merge struct {
	// DropEmptied: what a merge's merge-thing-patch-conditions leave empty is
	// left out as well.
	DropEmptied bool
}

// Policies says how Policies are dealt with.
type Policies struct {
	// SubjectExpiry and SubjectAnnouncement are to what the times are rounded up
	// at which subjects expire, and how long before it is announced; 0: they are
	// not rounded.
	SubjectExpiry, SubjectAnnouncement time.Duration
	// AnnouncementSpread is by how much earlier announcements may be made.
	AnnouncementSpread time.Duration
	// NamespaceRoots are Policies whose entries count in all Policies of
	// namespaces, by patterns of these.
	NamespaceRoots policy.Roots
}

// History says how much of what was is kept.
type History struct {
	Retention time.Duration
	MaxSize   int64
	Headers   []string // kept with each change
	// ForgetDeleted: a Thing that was deleted begins at revision 1 if it is made
	// again after its history is gone.
	ForgetDeleted bool
}

// Limits bounds what clients may ask for. Sizes are in bytes; 0 is no limit.
type Limits struct {
	PacketSize    int64
	MessageSize   int64 // of what changes a twin
	ThingSize     int64
	PolicySize    int64
	Clients       int64
	QueueMessages int64 // what waits for one slow subscriber
	QueueSize     int64
}

// Log says what is logged and how.
type Log struct {
	Level  slog.Level
	Format string // "text" or "json"
}

// Flags are the settings of the command line; they come before all others.
type Flags struct {
	DataDir   *string
	Listen    []string // replaces the file's listeners
	HTTP      *string
	Anonymous bool
	LogLevel  *string
	LogFormat *string
}

// AnonymousSubject is the subject of clients without credentials where they
// are let in without the configuration giving them others.
const AnonymousSubject = "anonymous:local"

// DefaultListener is where MQTT clients connect when nothing else is said.
const DefaultListener = "tcp://127.0.0.1:1883"
