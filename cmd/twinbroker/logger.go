package main

import (
	"io"
	"log/slog"

	"github.com/twinbroker/twinbroker/cmd/twinbroker/config"
)

// newLogger makes the program's log; its level can be changed while it runs.
func newLogger(cfg *config.Config, to io.Writer) (*slog.Logger, *slog.LevelVar) {
	level := new(slog.LevelVar)
	level.Set(cfg.Log.Level)
	o := &slog.HandlerOptions{Level: level}
	if cfg.Log.Format == "json" {
		return slog.New(slog.NewJSONHandler(to, o)), level
	}
	return slog.New(slog.NewTextHandler(to, o)), level
}
