package broker

import (
	"context"
	"log/slog"
)

// quiet is the log handler that mochi writes to. It drops the attributes that
// hold whole packets, passwords and payloads with them, and makes what mochi
// calls a warning an information at most: what an operator should know of is
// logged by this package itself.
type quiet struct{ next slog.Handler }

// secret are the attribute keys under which mochi logs packets and wills.
var secret = map[string]bool{"packet": true, "pk": true, "will": true}

func (q *quiet) Enabled(ctx context.Context, level slog.Level) bool {
	return q.next.Enabled(ctx, lowered(level))
}

func (q *quiet) Handle(ctx context.Context, r slog.Record) error {
	clean := slog.NewRecord(r.Time, lowered(r.Level), "mochi: "+r.Message, r.PC)
	r.Attrs(func(a slog.Attr) bool {
		if !secret[a.Key] {
			clean.AddAttrs(a)
		}
		return true
	})
	return q.next.Handle(ctx, clean)
}

func (q *quiet) WithAttrs(attrs []slog.Attr) slog.Handler {
	kept := make([]slog.Attr, 0, len(attrs))
	for _, a := range attrs {
		if !secret[a.Key] {
			kept = append(kept, a)
		}
	}
	return &quiet{next: q.next.WithAttrs(kept)}
}

func (q *quiet) WithGroup(name string) slog.Handler { return &quiet{next: q.next.WithGroup(name)} }

func lowered(level slog.Level) slog.Level {
	if level > slog.LevelDebug {
		return slog.LevelDebug
	}
	return level
}
