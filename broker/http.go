package broker

import (
	"encoding/json"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Health says whether the program lives and is ready, with the reasons why it
// is not. The zero value is not ready: "starting".
type Health struct {
	mu      sync.Mutex
	ready   bool
	reasons map[string]string // part → what is wrong with it
}

// Ready says that everything has started.
func (h *Health) Ready() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ready = true
}

// Ail says that a part is not well; an empty text says that it is again.
func (h *Health) Ail(part, text string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if text == "" {
		delete(h.reasons, part)
		return
	}
	if h.reasons == nil {
		h.reasons = map[string]string{}
	}
	h.reasons[part] = text
}

// healthAnswer is the JSON of /health/live and /health/ready.
type healthAnswer struct {
	Status  string            `json:"status"` // "up" or "down"
	Reasons map[string]string `json:"reasons,omitempty"`
}

func (h *Health) answer(rw http.ResponseWriter, unstored string) {
	h.mu.Lock()
	a := healthAnswer{Status: "up", Reasons: map[string]string{}}
	if !h.ready {
		a.Reasons["broker"] = "starting"
	}
	for part, text := range h.reasons {
		a.Reasons[part] = text
	}
	h.mu.Unlock()
	if unstored != "" {
		a.Reasons["store"] = unstored
	}
	status := http.StatusOK
	if len(a.Reasons) > 0 {
		a.Status, status = "down", http.StatusServiceUnavailable
	}
	writeJSON(rw, status, a)
}

// HTTP serves /health/live, /health/ready and /metrics; /api/2 and /ws/2 are
// kept for Ditto's own interfaces.
func (b *Broker) HTTP(health *Health) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /health/live", func(rw http.ResponseWriter, _ *http.Request) {
		writeJSON(rw, http.StatusOK, healthAnswer{Status: "up"})
	})
	mux.HandleFunc("GET /health/ready", func(rw http.ResponseWriter, _ *http.Request) {
		health.answer(rw, b.unstored())
	})
	mux.Handle("GET /metrics", promhttp.HandlerFor(b.metrics.registry, promhttp.HandlerOpts{}))
	reserved := func(rw http.ResponseWriter, r *http.Request) {
		writeJSON(rw, http.StatusNotImplemented, map[string]any{
			"status": http.StatusNotImplemented, "error": "gateway:notsupported",
			"message": "This version does not serve Ditto's HTTP and WebSocket interfaces (" + r.URL.Path + "); use MQTT.",
		})
	}
	mux.HandleFunc("/api/2/", reserved)
	mux.HandleFunc("/ws/2", reserved)
	return mux
}

func writeJSON(rw http.ResponseWriter, status int, v any) {
	rw.Header().Set("Content-Type", "application/json")
	rw.WriteHeader(status)
	_ = json.NewEncoder(rw).Encode(v) // the client may have gone
}

// faults remembers when a message was last refused through the broker's own
// fault, and not for a reason that the store itself knows of.
type faults struct{ last atomic.Pointer[fault] }

type fault struct {
	at   time.Time
	text string
}

// faultLasts is how long after such a refusal the broker calls itself not ready.
const faultLasts = 10 * time.Second

func (f *faults) note(at time.Time, text string) { f.last.Store(&fault{at, text}) }

// unstored is why changes are not stored now, "" when they are.
func (b *Broker) unstored() string {
	if err := b.store.Trouble(); err != nil {
		return err.Error()
	}
	return b.faults.recent(time.Now())
}

// recent is what is wrong now, or was a moment ago; "" is nothing.
func (f *faults) recent(now time.Time) string {
	if l := f.last.Load(); l != nil && now.Sub(l.at) < faultLasts {
		return l.text
	}
	return ""
}
