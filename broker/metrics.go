package broker

import (
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"github.com/twinbroker/twinbroker/broker/session"
	"github.com/twinbroker/twinbroker/twin"
)

// metrics are the broker's figures for Prometheus. Names and meanings are kept
// in docs/operating.md.
type metrics struct {
	registry *prometheus.Registry

	connections          prometheus.Counter
	connectionsRefused   prometheus.Counter
	protocolErrors       prometheus.Counter
	subscriptionsRefused prometheus.Counter
	received             [3]prometheus.Counter
	repeated             prometheus.Counter
	commands             prometheus.Counter
	mapped               prometheus.Counter
	mappedToNothing      prometheus.Counter
	events               prometheus.Counter
	encodings            prometheus.Counter
	announcements        prometheus.Counter
	responses            prometheus.Counter
	published            prometheus.Counter
	publicationsFailed   prometheus.Counter
	publicationsFiltered prometheus.Counter
	wills                prometheus.Counter
	refused              *prometheus.CounterVec
	mappedRefused        *prometheus.CounterVec
}

func newMetrics(b *Broker) *metrics {
	m := &metrics{registry: prometheus.NewRegistry()}
	counter := func(name, help string) prometheus.Counter {
		c := prometheus.NewCounter(prometheus.CounterOpts{Name: "twinbroker_" + name, Help: help})
		m.registry.MustRegister(c)
		return c
	}
	m.connections = counter("connections_total", "Network connections taken.")
	m.connectionsRefused = counter("connections_refused_total", "Clients that were not let in.")
	m.protocolErrors = counter("protocol_errors_total", "Connections ended because of a packet that breaks the MQTT protocol or is too large.")
	m.subscriptionsRefused = counter("subscriptions_refused_total", "Topic filters that were refused.")
	m.repeated = counter("publishes_repeated_total", "Redelivered publishes that were not applied again.")
	m.commands = counter("commands_total", "Messages taken into the Ditto Protocol tree.")
	m.mapped = counter("mapped_messages_total", "Messages that mappings took in.")
	m.mappedToNothing = counter("mapped_to_nothing_total", "Messages that mappings took in and that had nothing to say.")
	m.events = counter("events_total", "Twin events that came of changes.")
	m.encodings = counter("event_encodings_total", "Events written as JSON: once for all subscribers who may read the same of it.")
	m.announcements = counter("announcements_total", "Announcements of Policies to those whom they are about.")
	m.responses = counter("responses_total", "Responses and errors made.")
	m.published = counter("publications_total", "Messages made by publications.")
	m.publicationsFailed = counter("publications_failed_total", "Events that a publication could make no message of.")
	m.publicationsFiltered = counter("publications_filtered_total", "Events that a publication's filter left out.")
	m.wills = counter("wills_total", "Wills sent.")
	received := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "twinbroker_publishes_received_total", Help: "PUBLISH packets received, by QoS.",
	}, []string{"qos"})
	m.refused = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "twinbroker_refused_total", Help: "Messages refused, by the error's code.",
	}, []string{"error"})
	m.mappedRefused = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "twinbroker_mapped_refused_total", Help: "Messages refused that mappings took in, by the mapping that refused and the error's code.",
	}, []string{"rule", "error"})
	m.registry.MustRegister(received, m.refused, m.mappedRefused)
	for qos := range m.received {
		m.received[qos] = received.WithLabelValues(string(rune('0' + qos)))
	}
	m.read(b)
	return m
}

// read registers what is counted elsewhere and looked up when asked for.
func (m *metrics) read(b *Broker) {
	gauge := func(name, help string, value func() int) {
		m.registry.MustRegister(prometheus.NewGaugeFunc(
			prometheus.GaugeOpts{Name: "twinbroker_" + name, Help: help}, func() float64 { return float64(value()) }))
	}
	count := func(name, help string, labels prometheus.Labels, value func(*session.Counters) int64) {
		m.registry.MustRegister(prometheus.NewCounterFunc(
			prometheus.CounterOpts{Name: "twinbroker_" + name, Help: help, ConstLabels: labels},
			func() float64 { return float64(value(b.sessions.Counters())) }))
	}
	audited := func(name, help string, value *atomic.Int64) {
		m.registry.MustRegister(prometheus.NewCounterFunc(
			prometheus.CounterOpts{Name: "twinbroker_" + name, Help: help}, func() float64 { return float64(value.Load()) }))
	}
	audited("policy_changes_total", "Changes of Policies, those that were made with Things included.", &b.audit.changes)
	audited("administrator_overrules_total", "What clients were allowed for nothing but that they are administrators.", &b.audit.overruled)
	gauge("clients_connected", "Clients connected now.", func() int { _, n := b.sessions.Sessions(); return n })
	gauge("sessions", "Sessions, also of clients that are away.", func() int { n, _ := b.sessions.Sessions(); return n })
	gauge("subscriptions", "Subscriptions of all sessions.", func() int { return b.sessions.Subscriptions() })
	gauge("retained_messages", "Retained messages.", func() int { return b.retained.Len() })
	gauge("publishes_pending", "Publishes taken and not acknowledged yet.", func() int { return b.sessions.Pending() })
	history := func(name, help string, value func(twin.HistoryReads) float64) {
		m.registry.MustRegister(prometheus.NewCounterFunc(
			prometheus.CounterOpts{Name: "twinbroker_history_" + name, Help: help}, func() float64 { return value(b.twin.HistoryReads()) }))
	}
	history("reads_total", "Reads of history made for retrieves.", func(r twin.HistoryReads) float64 { return float64(r.Done) })
	history("reads_failed_total", "Of these, those that the disk did not let be, or that took too long.", func(r twin.HistoryReads) float64 { return float64(r.Failed) })
	history("read_seconds_total", "Time that they took.", func(r twin.HistoryReads) float64 { return r.Took.Seconds() })
	gauge("history_reads_waiting", "Reads of history that wait or run.", func() int { return b.twin.HistoryReads().Waiting })
	count("deliveries_total", "Messages written to subscribers.", nil, func(c *session.Counters) int64 { return c.Sent.Load() })
	for qos := range 3 {
		count("deliveries_dropped_total", "Messages that found a subscriber's queue full, by QoS.",
			prometheus.Labels{"qos": string(rune('0' + qos))}, func(c *session.Counters) int64 { return c.Dropped[qos].Load() })
	}
	count("deliveries_expired_total", "Messages that expired in a queue.", nil, func(c *session.Counters) int64 { return c.Expired.Load() })
	count("deliveries_withheld_total", "Messages that a subscriber was not allowed to have: not at all, or no longer when they were to be sent.",
		prometheus.Labels{"when": "published"}, func(c *session.Counters) int64 { return c.Withheld.Load() })
	count("deliveries_withheld_total", "Messages that a subscriber was not allowed to have: not at all, or no longer when they were to be sent.",
		prometheus.Labels{"when": "sent"}, func(c *session.Counters) int64 { return c.Revoked.Load() })
	count("deliveries_too_large_total", "Messages beyond a client's Maximum Packet Size.", nil, func(c *session.Counters) int64 { return c.TooLarge.Load() })
}

// Metrics is where the program's figures are registered.
func (b *Broker) Metrics() *prometheus.Registry { return b.metrics.registry }

func (m *metrics) receivedTotal() int64 {
	var sum float64
	for _, c := range m.received {
		var d dto.Metric
		if c.Write(&d) == nil {
			sum += d.GetCounter().GetValue()
		}
	}
	return int64(sum)
}
