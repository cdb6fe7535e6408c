package main

import (
	"log/slog"
	"os"
	"time"

	"github.com/twinbroker/twinbroker/broker"
	"github.com/twinbroker/twinbroker/cmd/twinbroker/config"
	"github.com/twinbroker/twinbroker/twin/store"
)

// benchSyncDelay names the environment variable that slows each sync of the
// disk, so that the benchmark can show what slow media do.
const benchSyncDelay = "TWINBROKER_BENCH_SYNC_DELAY"

// storeOptions are the configuration's for the store. An I/O error of a sync
// goes to failed.
func storeOptions(cfg *config.Config, log *slog.Logger, health *broker.Health, failed chan<- error) store.Options {
	delay, _ := time.ParseDuration(os.Getenv(benchSyncDelay))
	return store.Options{
		Memory: cfg.Store.Memory, Gather: cfg.Store.Sync, Patience: noTime(cfg.Store.Patience),
		Retention: noTime(cfg.History.Retention), MaxSize: cfg.History.MaxSize, ForgetDeleted: cfg.History.ForgetDeleted,
		SyncDelay: delay, Logger: log,
		OnFatal: func(err error) {
			health.Ail("store", err.Error())
			select {
			case failed <- err:
			default:
			}
		},
	}
}
