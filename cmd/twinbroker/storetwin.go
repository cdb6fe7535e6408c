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
	"github.com/twinbroker/twinbroker/broker/control"
	"github.com/twinbroker/twinbroker/cmd/twinbroker/config"
	"github.com/twinbroker/twinbroker/twin"
	"github.com/twinbroker/twinbroker/twin/policy"
	"github.com/twinbroker/twinbroker/twin/store"
	"github.com/twinbroker/twinbroker/twin/transfer"
)

// importFunc is transfer.Import into some twin.
type importFunc func(context.Context, io.Reader, transfer.Options) (transfer.Imported, error)

// twinData are the Things and Policies of a broker that runs, or of a folder.
type twinData struct {
	transfer.Source
	Import importFunc
	folder bool
}

// sender is in whose name is imported. A broker that runs knows its own
// anonymous subjects.
func (d *twinData) sender(cfg *config.Config, subject string) policy.Subjects {
	switch {
	case subject != "":
		return policy.Subjects{subject}
	case d.folder && len(cfg.Auth.Anonymous) > 0:
		return policy.Subjects(cfg.Auth.Anonymous[:1])
	}
	return nil
}

// openTwin finds the broker that runs on the data, or opens their folder in its
// stead, which is made when it may be. done lets go of it, and makes an error of
// what goes wrong then, if err is none yet. What the store has to say goes to
// the writer.
func openTwin(cfg *config.Config, create bool, to io.Writer) (data *twinData, done func(err *error), err error) {
	client, err := control.Dial(cfg.DataDir)
	if err == nil {
		return &twinData{Source: client, Import: client.Import}, func(*error) { client.Close() }, nil
	}
	if !errors.Is(err, control.ErrNotRunning) {
		return nil, nil, err
	}
	if !create {
		if err := dataThere(cfg.DataDir); err != nil {
			return nil, nil, err
		}
	}
	collectSeldom()
	log, _ := newLogger(cfg, to)
	// A failed sync refuses what the verb does, and so ends it.
	options := twinOptions(cfg, storeOptions(cfg, log, &broker.Health{}, make(chan error, 1)))
	options.Unheard = true
	service, err := twin.Open(cfg.DataDir, options)
	if errors.Is(err, store.ErrLocked) {
		return nil, nil, fmt.Errorf("%w. It does not answer at %s: it is another verb, or a broker that has just started or could not make its socket, as its log says; try again when it has ended", err, filepath.Join(cfg.DataDir, control.SocketName))
	}
	if err != nil {
		return nil, nil, err
	}
	into := func(ctx context.Context, text io.Reader, o transfer.Options) (transfer.Imported, error) {
		return transfer.Import(ctx, service, text, o)
	}
	return &twinData{Source: service, Import: into, folder: true}, func(err *error) { closeTwin(service, err) }, nil
}

// dataThere says whether the folder holds data.
func dataThere(dir string) error {
	if _, err := os.Stat(filepath.Join(dir, "journal")); err != nil {
		if errors.Is(err, os.ErrNotExist) {
			if _, err := store.ReadManifest(dir); err == nil {
				return fmt.Errorf("%s is a backup: make a data folder of it with store restore first", dir)
			}
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
