package auth

import "github.com/prometheus/client_golang/prometheus"

// figures count what came of attempts.
type figures struct{ attempts *prometheus.CounterVec }

func newFigures() figures {
	return figures{prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "twinbroker_authentications_total",
		Help: "Clients that said who they are, by the way in which they did and what came of it.",
	}, []string{"by", "outcome"})}
}

func (f *figures) count(by string, refused *Refusal) {
	outcome := "accepted"
	switch {
	case refused == nil:
	case refused.Code == CodeRateExceeded:
		outcome = "slowed"
	default:
		outcome = "refused"
	}
	f.attempts.WithLabelValues(by, outcome).Inc()
}

// Collectors are the figures for /metrics.
func (a *Authenticator) Collectors() []prometheus.Collector {
	waiting := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "twinbroker_password_checks_waiting", Help: "Passwords that are being checked or wait to be.",
	}, func() float64 { return float64(a.passwords.waiting.Load()) })
	return []prometheus.Collector{a.figures.attempts, waiting}
}
