package broker

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"sync"
	"sync/atomic"
	"time"

	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/packets"

	"github.com/twinbroker/twinbroker/broker/acl"
	"github.com/twinbroker/twinbroker/broker/auth"
	"github.com/twinbroker/twinbroker/broker/session"
	"github.com/twinbroker/twinbroker/broker/topics"
	"github.com/twinbroker/twinbroker/mapping"
	"github.com/twinbroker/twinbroker/twin"
	"github.com/twinbroker/twinbroker/twin/policy"
	"github.com/twinbroker/twinbroker/twin/store"
)

// Twin is the digital twin behind the broker; *twin.Service is one.
type Twin interface {
	// Handle applies a command; done is called once, when everything that its
	// outcome was computed from is on disk.
	Handle(cmd *twin.Command, done func(*twin.Outcome))
	// HandleTogether applies changes of Things as one: all of them, or none.
	HandleTogether(cmds []*twin.Command, done func(*twin.Outcome))
	// Access is what a Thing's Policy allows now: nothing to anybody,
	// policy.Nobody, where there is no such Thing, or no such Policy.
	Access(thingID string) (*policy.Enforcer, error)
	// PolicyAccess is what a Policy allows now of itself.
	PolicyAccess(policyID string) (*policy.Enforcer, error)
	// PolicyCreated is when the Policy of that ID was made that is there now.
	PolicyCreated(policyID string) (time.Time, error)
	// KeepTime has subjects of Policies expire, and tells what comes of it.
	KeepTime(tell func(*twin.Outcome))
	// HistoryReads are figures of the retrieves that asked for the past.
	HistoryReads() twin.HistoryReads
}

// Store is where the twin's changes are on disk, and with them what QoS 2 has
// received; *store.Store is one.
type Store interface {
	Receipts(client string) (epoch uint64, ids []uint16)
	Release(r store.Receipt, done func(error))
	Forget(client string, epoch uint64, done func(error))
	Stats() store.Stats
	// OnBatch has functions run before and after what is on disk together is
	// told.
	OnBatch(before, after func())
	// Trouble says why changes cannot be stored at the moment, or nil.
	Trouble() error
}

// Listener is an address to take clients on.
type Listener struct {
	Address string      // tcp://host:port, tls://…, ws://host:port/path, wss://…
	TLS     *tls.Config // for tls and wss
	Origins []string    // for ws and wss: web origins allowed besides the server's own
	// Trust is whom clients' certificates are checked against now; nil: it asks
	// for none.
	Trust func() *auth.Trust
}

// Config says how the broker is to be.
type Config struct {
	Listeners []Listener
	Root      string // of the Ditto Protocol tree, "ditto"
	State     string // of the state tree, "twin"
	Live      Live
	Auth      *auth.Authenticator // who clients are
	Limits    Limits
	Version   string
	Log       *slog.Logger
	Audit     *slog.Logger // who did what, apart from Log; nil: a group of Log
}

// Live is what can be exchanged while the broker runs.
type Live struct {
	Anonymous    []string // subjects of clients without credentials; empty: they are refused
	Rules        *mapping.Rules
	Publications *mapping.Publications
	ACL          *acl.Rules // for topics outside of the twin's trees; nil: all is granted
}

// Limits bound what clients may use.
type Limits struct {
	Packet        int // bytes of an MQTT packet
	Message       int // bytes of a message that changes a twin
	Clients       int // connected at once; 0: no limit
	QueueMessages int // that wait for one session
	QueueBytes    int
}

// receiveMaximum is how many publishes of one client may be unacknowledged (MQTT
// 5.0 section 3.2.2.3.3), and sendMaximum how many deliveries to it, whatever
// more it would take.
const (
	receiveMaximum    = 1024
	sendMaximum       = 1024
	topicAliasMaximum = 256 // of one client's publishes
)

// Broker is a running MQTT server.
type Broker struct {
	cfg      Config // but for Live
	live     atomic.Pointer[Live]
	twin     Twin
	store    Store
	server   *mqtt.Server
	sessions *session.Registry
	retained topics.Names[*session.Message]
	keeping  sync.RWMutex // held from looking up or keeping retained messages until they are queued
	refusals refusals
	// turnedAway bounds the log of clients that are not let in, by address.
	turnedAway refusals
	faults     faults
	audit      *audit
	metrics    *metrics
	log        *slog.Logger

	replies string // root of the clients' own reply topics
	serial  atomic.Uint64
	stopped atomic.Bool // no further publishes are taken

	ctx    context.Context // ends with the broker
	cancel context.CancelFunc

	mu          sync.Mutex
	endpoints   []endpoint
	connections map[*connection]struct{}
	trusts      map[string]func() *auth.Trust // by the listener's address
	running     sync.WaitGroup                // connections, listeners and the status ticker
	started     time.Time
}

// New makes a broker that is not listening yet.
func New(cfg Config, tw Twin, st Store) (*Broker, error) {
	if cfg.Live.Rules == nil || cfg.Live.Publications == nil || cfg.Auth == nil {
		return nil, errors.New("broker: Rules and Publications must be compiled, if only of nothing, and Auth be there")
	}
	b := &Broker{
		cfg: cfg, twin: tw, store: st, log: cfg.Log, replies: cfg.Root + "/_replies", started: time.Now(),
		connections: map[*connection]struct{}{}, trusts: map[string]func() *auth.Trust{},
	}
	b.audit = newAudit(cfg.Audit, cfg.Log)
	b.ctx, b.cancel = context.WithCancel(context.Background())
	b.live.Store(&cfg.Live)
	b.metrics = newMetrics(b)
	b.metrics.registry.MustRegister(cfg.Auth.Collectors()...)
	b.showStore(st)
	capabilities := mqtt.NewDefaultServerCapabilities()
	capabilities.MaximumPacketSize = uint32(cfg.Limits.Packet)
	capabilities.MaximumClientWritesPending = 1 // mochi's own queue is not used
	capabilities.TopicAliasMaximum = topicAliasMaximum
	capabilities.ReceiveMaximum = receiveMaximum
	capabilities.MaximumInflight = math.MaxUint16 // the client's own Receive Maximum is not mochi's to lower
	if cfg.Limits.Clients > 0 {
		capabilities.MaximumClients = int64(cfg.Limits.Clients)
	}
	b.server = mqtt.New(&mqtt.Options{
		Capabilities:            capabilities,
		ClientNetReadBufferSize: 8 << 10,
		SysTopicResendInterval:  math.MaxInt32, // mochi's own $SYS topics reach nobody
		Logger:                  slog.New(&quiet{next: cfg.Log.Handler()}),
	})
	if err := b.server.AddHook(&hook{broker: b}, nil); err != nil {
		return nil, fmt.Errorf("broker: %w", err)
	}
	b.sessions = session.NewRegistry(session.Options{
		QueueMessages:  cfg.Limits.QueueMessages,
		QueueBytes:     cfg.Limits.QueueBytes,
		ReceiveMaximum: receiveMaximum,
		SendMaximum:    sendMaximum,
		Receipts:       receipts{st},
		Publish:        b.publishWill,
		May:            b.mayReceive,
		Log:            cfg.Log,
	})
	st.OnBatch(b.sessions.Gather, b.sessions.Send)
	return b, nil
}

// Start opens the listeners and takes clients. An error names the address.
func (b *Broker) Start() error {
	b.twin.KeepTime(func(out *twin.Outcome) {
		if out.Err != nil {
			b.log.Warn("subjects of a Policy may not expire when they should", "error", out.Err)
			return
		}
		b.tell(itself, out)
	})
	if err := b.server.Serve(); err != nil {
		return fmt.Errorf("broker: %w", err)
	}
	for _, l := range b.cfg.Listeners {
		e, err := open(l, b.refuseOrigin, b.handshakeRefused)
		if err != nil {
			b.closeListeners()
			return err
		}
		b.mu.Lock()
		b.endpoints = append(b.endpoints, e)
		b.trusts[e.address()] = l.Trust
		b.mu.Unlock()
	}
	for _, e := range b.endpoints {
		b.running.Go(func() { e.serve(b.connect) })
	}
	b.running.Go(func() { b.tellStatus(b.ctx) })
	return nil
}

// Reload exchanges what can be exchanged. Clients that are connected stay who
// they are; messages on their way are mapped by the rules that they met.
func (b *Broker) Reload(live Live) {
	b.live.Store(&live)
	b.sessions.RightsChanged()
}

// Addresses are those that the broker listens on, with the ports it got.
func (b *Broker) Addresses() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	var all []string
	for _, e := range b.endpoints {
		all = append(all, e.address())
	}
	return all
}

// Stop takes no more clients and messages, waits until what was accepted is
// stored and acknowledged or ctx ends, and disconnects everybody with "server
// shutting down" (0x8B).
func (b *Broker) Stop(ctx context.Context) {
	b.mu.Lock()
	b.stopped.Store(true)
	b.mu.Unlock()
	b.closeListeners()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for b.sessions.Pending() > 0 && ctx.Err() == nil {
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
	}
	// The events of what was just stored. Who is slow keeps nobody from
	// stopping.
	soon, cancel := context.WithTimeout(ctx, deliverWithin)
	defer cancel()
	for b.sessions.Waiting() && soon.Err() == nil {
		select {
		case <-tick.C:
		case <-soon.Done():
		}
	}
	b.sessions.Close(packets.ErrServerShuttingDown)
	b.mu.Lock()
	for c := range b.connections { // those too that have not sent a CONNECT packet
		_ = c.Close()
	}
	b.mu.Unlock()
	b.cancel()
	b.running.Wait()
	_ = b.server.Close() // its listeners and clients are gone; it only stops its clocks
}

// deliverWithin is how long a stop waits for deliveries to clients that take
// their time.
const deliverWithin = time.Second

func (b *Broker) closeListeners() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, e := range b.endpoints {
		e.close()
	}
}

// receipts lets the sessions keep their QoS 2 state with the twin's journal.
type receipts struct{ store Store }

func (r receipts) Known(client string) (uint64, []uint16) { return r.store.Receipts(client) }
func (r receipts) Release(client string, epoch uint64, id uint16, done func(error)) {
	r.store.Release(store.Receipt{Client: client, Epoch: epoch, PacketID: id}, done)
}
func (r receipts) Forget(client string, epoch uint64, done func(error)) {
	r.store.Forget(client, epoch, done)
}
