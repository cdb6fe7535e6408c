package main

import (
	"time"

	"github.com/twinbroker/twinbroker/cmd/twinbroker/config"
	"github.com/twinbroker/twinbroker/twin"
	"github.com/twinbroker/twinbroker/twin/store"
)

// twinOptions is what the configuration says of twins.
func twinOptions(cfg *config.Config, data store.Options) twin.Options {
	return twin.Options{
		ThingSize: documentLimit(cfg.Limits.ThingSize), PolicySize: documentLimit(cfg.Limits.PolicySize),
		DropEmptied: cfg.Merge.DropEmptied, History: cfg.History.Headers,
		SubjectExpiry:       noTimeIsNone(cfg.Policies.SubjectExpiry),
		SubjectAnnouncement: noTimeIsNone(cfg.Policies.SubjectAnnouncement),
		AnnouncementSpread:  noTimeIsNone(cfg.Policies.AnnouncementSpread),
		NamespacePolicies:   cfg.Policies.NamespaceRoots,
		Creation:            cfg.Creation,
		Store:               data,
	}
}

// noTimeIsNone is a duration as the twin takes it, for which 0 is the default
// and what is negative is none.
func noTimeIsNone(d time.Duration) time.Duration {
	if d == 0 {
		return -1
	}
	return d
}
