package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/twinbroker/twinbroker/broker"
	"github.com/twinbroker/twinbroker/broker/auth"
	"github.com/twinbroker/twinbroker/cmd/twinbroker/config"
)

// stopWithin is how long a clean stop may take before the clients are cut off.
const stopWithin = 10 * time.Second

// configFlags are the flags that override the file, for every verb that reads
// a configuration.
type configFlags struct {
	file, dataDir, http, logLevel, logFormat string
	listen                                   []string
	anonymous                                bool
}

func (f *configFlags) add(cmd *cobra.Command) {
	p := cmd.Flags()
	p.StringVarP(&f.file, "config", "c", "", "configuration file (YAML)")
	p.StringVar(&f.dataDir, "data-dir", "", "folder of the data")
	p.StringArrayVar(&f.listen, "listen", nil, "address for MQTT clients, like tcp://0.0.0.0:1883 (repeatable; replaces the file's)")
	p.StringVar(&f.http, "http", "", "address of health and metrics, or off")
	p.BoolVar(&f.anonymous, "anonymous", false, "let clients in without credentials, on every listener")
	p.StringVar(&f.logLevel, "log-level", "", "debug, info, warn or error")
	p.StringVar(&f.logFormat, "log-format", "", "text or json")
}

// load reads the configuration, with the flags that were given.
func (f *configFlags) load(cmd *cobra.Command) (*config.Config, config.Problems) {
	given := func(name string, value *string) *string {
		if cmd.Flags().Changed(name) {
			return value
		}
		return nil
	}
	return config.Load(f.file, config.Flags{
		DataDir: given("data-dir", &f.dataDir), Listen: f.listen, HTTP: given("http", &f.http), Anonymous: f.anonymous,
		LogLevel: given("log-level", &f.logLevel), LogFormat: given("log-format", &f.logFormat),
	})
}

func serveCommand() *cobra.Command {
	var flags configFlags
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run the broker",
		Long: `Run the broker. Without a configuration file it takes MQTT clients on
127.0.0.1:1883 without credentials, serves health and metrics on 127.0.0.1:8080
and keeps its data in ./data.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, problems := flags.load(cmd)
			if err := problems.Err(); err != nil {
				return fmt.Errorf("the configuration cannot be used: %w", err)
			}
			reload := func() (*config.Config, config.Problems) { return flags.load(cmd) }
			return serve(cfg, problems, reload, cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	flags.add(cmd)
	return cmd
}

// serve runs the broker until a signal ends it. The line "twinbroker ready"
// goes to out, the log to logs; load reads the configuration again.
func serve(cfg *config.Config, problems config.Problems, load loadFunc, out, logs io.Writer) (err error) {
	collectSeldom()
	log, level := newLogger(cfg, logs)
	for _, w := range problems.Warnings() {
		log.Warn(w.String())
	}
	for _, n := range cfg.Notices() {
		log.Info(n)
	}
	if closed := cfg.Closed(); closed != "" {
		log.Log(context.Background(), gravityOfClosed(cfg), closed)
	}
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	defer signal.Stop(signals)

	health := &broker.Health{}
	failed := make(chan error, 1)
	options := twinOptions(cfg, storeOptions(cfg, log, health, failed))
	service, err := openService(cfg.DataDir, options, signals)
	if err != nil || service == nil {
		return err
	}
	defer func() {
		if closing := closeService(service, noTime(cfg.Store.Patience), log); closing != nil && err == nil {
			err = closing
		}
	}()
	if err := provision(cfg, service, log); err != nil {
		return err
	}
	audit := &auditFile{log: log}
	if err := audit.open(cfg.Audit.File); err != nil {
		return err
	}
	defer audit.open("")
	certificates := &certificates{}
	show, err := certificates.load(cfg)
	if err != nil {
		return err
	}
	show()
	who := auth.New(auth.Options{Log: log})
	if err := who.Load(cfg.Auth); err != nil {
		return err
	}
	b, err := broker.New(broker.Config{
		Auth:      who,
		Listeners: brokerListeners(cfg, certificates),
		Root:      cfg.Topics.Root, State: cfg.Topics.State,
		Live:    live(cfg),
		Limits:  brokerLimits(cfg.Limits),
		Version: stamped(), Log: log, Audit: audit.logger(),
	}, service, service.Store())
	if err != nil {
		return err
	}
	if err := b.Start(); err != nil {
		return err
	}
	stop := func() {
		ctx, cancel := context.WithTimeout(context.Background(), stopWithin)
		defer cancel()
		defer whenStalled(service.Store(), noTime(cfg.Store.Patience), cancel)()
		b.Stop(ctx)
	}
	web, webAddress, err := serveHTTP(cfg, b.HTTP(health), log)
	if err != nil {
		stop()
		return err
	}
	defer web.Close()
	stopVerbs := serveControl(cfg, b, service, webAddress, log)
	defer stopVerbs()

	reload := &reloading{load: load, current: cfg, broker: b, twins: service, auth: who, audit: audit, closed: cfg.Closed(), certificates: certificates, level: level, log: log}
	defer reload.start()() // before it is ready: then it takes changes and SIGHUP, too

	health.Ready()
	fmt.Fprintf(out, "twinbroker ready mqtt=%s http=%s\n", strings.Join(b.Addresses(), ","), webAddress)
	log.Info("started", "version", stamped(), "data_dir", cfg.DataDir, "config", cfg.File)

	select {
	case s := <-signals:
		log.Info("stopping: what was accepted is finished first; a second signal stops at once", "signal", s.String())
	case fatal := <-failed:
		// What is not on disk is not acknowledged; the clients send it again.
		return fmt.Errorf("the disk failed, and the broker stops rather than acknowledge what may not be stored: %w", fatal)
	}
	go func() {
		<-signals
		os.Exit(1)
	}()
	stopVerbs() // what an import has stored is told to clients that are still there
	stop()
	return nil
}

// serveHTTP starts health and metrics. A default port that is taken is no
// reason not to start.
func serveHTTP(cfg *config.Config, handler http.Handler, log *slog.Logger) (io.Closer, string, error) {
	if cfg.HTTP.Address == "" {
		return io.NopCloser(nil), "off", nil
	}
	listen, err := net.Listen("tcp", cfg.HTTP.Address)
	if err != nil {
		if cfg.HTTP.Default && errors.Is(err, syscall.EADDRINUSE) {
			log.Warn("health and metrics are not served: another program has the port; choose one with --http or http.address", "address", cfg.HTTP.Address)
			return io.NopCloser(nil), "off", nil
		}
		return nil, "", fmt.Errorf("http.address %s: %w; choose another with --http or http.address, or --http off", cfg.HTTP.Address, err)
	}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	go func() {
		if err := server.Serve(listen); !errors.Is(err, http.ErrServerClosed) {
			log.Error("health and metrics are not served any more", "error", err)
		}
	}()
	return server, "http://" + listen.Addr().String(), nil
}
