package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/twinbroker/twinbroker/broker"
	"github.com/twinbroker/twinbroker/cmd/twinbroker/config"
	"github.com/twinbroker/twinbroker/twin"
	"github.com/twinbroker/twinbroker/twin/store"
)

// openTwin opens the data for a verb that reads or writes Things and Policies
// in the broker's stead. What the store has to say goes to log.
func openTwin(cfg *config.Config, to io.Writer) (*twin.Service, error) {
	collectSeldom()
	log, _ := newLogger(cfg, to)
	// A failed sync refuses what the verb does, and so ends it.
	service, err := twin.Open(cfg.DataDir, twin.Options{
		ThingSize: documentLimit(cfg.Limits.ThingSize), PolicySize: documentLimit(cfg.Limits.PolicySize), History: cfg.History.Headers,
		Store: storeOptions(cfg, log, &broker.Health{}, make(chan error, 1)),
	})
	if errors.Is(err, store.ErrLocked) {
		return nil, fmt.Errorf("a running broker, or another verb, holds the data; this verb needs them for itself, so stop that one first: %w", err)
	}
	return service, err
}

// dataThere says whether the folder holds data.
func dataThere(dir string) error {
	if _, err := os.Stat(filepath.Join(dir, "journal")); err != nil {
		if errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("there are no data in %s: name their folder with --data-dir, or the configuration with -c", dir)
		}
		return err
	}
	return nil
}

// closeTwin ends the service, and makes an error of it if err is none yet.
func closeTwin(service *twin.Service, err *error) {
	if closing := service.Close(); closing != nil && *err == nil {
		*err = fmt.Errorf("closing the store: %w", closing)
	}
}

// interrupted gives a context that ends with SIGINT or SIGTERM. A second signal
// ends the program at once.
func interrupted(ctx context.Context) (context.Context, func()) {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	return ctx, stop
}
