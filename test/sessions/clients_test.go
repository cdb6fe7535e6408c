package sessions

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/eclipse/paho.golang/packets"
	"github.com/eclipse/paho.golang/paho"
	"github.com/eclipse/paho.golang/paho/session/state"
	mqtt "github.com/eclipse/paho.mqtt.golang"

	"github.com/twinbroker/twinbroker/test/harness"
	"github.com/twinbroker/twinbroker/test/mqttraw"
)

// line is the network between a client and the broker, that can be cut.
type line struct {
	mu       sync.Mutex
	conn     net.Conn
	released map[uint16]bool // identifiers of publishes that the client has sent a PUBREL for
	broken   int             // publishes that it sent again all the same
}

func (l *line) connect(b *harness.Broker) (net.Conn, error) {
	c, err := net.DialTimeout("tcp", b.MQTT(), harness.Patience)
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.conn = &tapped{Conn: c, line: l}
	return l.conn, nil
}

func (l *line) cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	_ = l.conn.Close()
}

// sent notes what the client sends.
func (l *line) sent(first byte, body []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch first >> 4 {
	case mqttraw.PUBREL:
		l.released[binary.BigEndian.Uint16(body)] = true
	case mqttraw.PUBLISH:
		id := binary.BigEndian.Uint16(body[2+binary.BigEndian.Uint16(body):])
		if first&8 != 0 && l.released[id] {
			l.broken++
		}
		l.released[id] = false
	}
}

// tapped is a connection that seems to be closed by the other side when it is
// cut on this one: paho takes no notice of what it thinks that it closed itself.
type tapped struct {
	net.Conn
	line *line
	out  []byte // not a whole packet yet
}

func (c *tapped) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if errors.Is(err, net.ErrClosed) {
		err = io.EOF
	}
	return n, err
}

func (c *tapped) Write(p []byte) (int, error) {
	c.out = append(c.out, p...)
	for {
		first, body, n, err := mqttraw.Next(c.out)
		if n == 0 || err != nil {
			break
		}
		c.line.sent(first, body)
		c.out = c.out[n:]
	}
	return c.Conn.Write(p)
}

// paho.mqtt.golang keeps what is not completed and sends it again when it has
// connected itself again, also to a broker that was killed meanwhile.
func TestPahoForMQTT3LosesAndDoublesNothing(t *testing.T) {
	t.Parallel()
	for _, killed := range []bool{false, true} {
		for _, qos := range []byte{1, 2} {
			t.Run(fmt.Sprintf("QoS %d, the broker is killed: %v", qos, killed), func(t *testing.T) {
				t.Parallel()
				b := harness.Start(t, harness.Options{})
				w := newTwin(t, b, "paho3")
				store := mqtt.NewOrderedMemoryStore()
				l := line{released: map[uint16]bool{}}
				var up sync.RWMutex // the broker can be dialled
				client := mqtt.NewClient(mqtt.NewClientOptions().AddBroker("tcp://wherever:1883").
					SetClientID("paho3").SetCleanSession(false).SetStore(store).
					SetAutoReconnect(true).SetMaxReconnectInterval(20 * time.Millisecond).
					SetCustomOpenConnectionFn(func(*url.URL, mqtt.ClientOptions) (net.Conn, error) {
						up.RLock()
						defer up.RUnlock()
						return l.connect(b)
					}))
				if token := client.Connect(); !token.WaitTimeout(harness.Patience) || token.Error() != nil {
					t.Fatal(token.Error())
				}
				defer client.Disconnect(0)
				const many = 600
				for n := 1; n <= many; n++ {
					client.Publish(w.topic(), qos, false, number(n))
					if n%100 != 50 {
						continue
					}
					if killed {
						up.Lock()
						b.Kill()
						b.Restart()
						up.Unlock()
					} else {
						l.cut()
					}
				}
				// The tokens of what is sent again do not tell of its end.
				eventually(t, "all is completed", func() bool { return len(store.All()) == 0 })
				w.follow(b)
				w.wantApplied(many, qos, l.broken)
			})
		}
	}
}

// wantApplied checks that all changes were applied, at QoS 2 once, but for those
// that the client published again after their PUBREL, which MQTT-4.3.3-6 forbids
// and no broker can tell from new ones: paho.mqtt.golang does so now and then.
// In which order it sends what it could not send at once is its own too.
func (w *twin) wantApplied(changes int, qos byte, broken int) {
	w.t.Helper()
	_, revision := w.look()
	if got := revision - 1; got < changes || qos == 2 && got > changes+broken {
		w.t.Errorf("%d changes were applied, want %d, and the client doubled %d", got, changes, broken)
	}
}

// paho.golang keeps its session over connections when it is told to.
func TestPahoForMQTT5LosesAndDoublesNothing(t *testing.T) {
	t.Parallel()
	for _, qos := range []byte{1, 2} {
		t.Run(fmt.Sprint("QoS ", qos), func(t *testing.T) {
			t.Parallel()
			b := harness.Start(t, harness.Options{})
			w := newTwin(t, b, "paho5")
			keep := state.NewInMemory()
			defer keep.Close()
			ctx, cancel := context.WithTimeout(context.Background(), harness.Patience)
			defer cancel()
			const rounds, burst = 12, 50
			expiry := uint32(600)
			sent := 0
			for round := range rounds {
				conn, err := net.DialTimeout("tcp", b.MQTT(), harness.Patience)
				must(t, err)
				client := paho.NewClient(paho.ClientConfig{
					ClientID: "paho5", Conn: packets.NewThreadSafeConn(conn), Session: keep, PacketTimeout: harness.Patience,
				})
				ack, err := client.Connect(ctx, &paho.Connect{
					ClientID: "paho5", KeepAlive: 60, CleanStart: round == 0,
					Properties: &paho.ConnectProperties{SessionExpiryInterval: &expiry},
				})
				must(t, err)
				if ack.SessionPresent != (round > 0) {
					t.Fatalf("round %d: session present %v", round, ack.SessionPresent)
				}
				for range burst {
					sent++
					p := &paho.Publish{Topic: w.topic(), Payload: number(sent), QoS: qos}
					if _, err := client.PublishWithOptions(ctx, p, paho.PublishOptions{Method: paho.PublishMethod_AsyncSend}); err != nil {
						t.Fatal(err)
					}
				}
				if round == rounds-1 { // the last one waits for its own
					sent++
					_, err := client.Publish(ctx, &paho.Publish{Topic: w.topic(), Payload: number(sent), QoS: qos})
					must(t, err)
					must(t, client.Disconnect(&paho.Disconnect{}))
				}
				_ = conn.Close()
				<-client.Done()
			}
			w.wantApplied(sent, qos, 0)
		})
	}
}
