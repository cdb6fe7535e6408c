package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/twinbroker/twinbroker/cmd/twinbroker/config"
	"github.com/twinbroker/twinbroker/cmd/twinbroker/recording"
	"github.com/twinbroker/twinbroker/twin/jsondoc"
)

// mapFlags are the flags of the verb "map".
type mapFlags struct {
	config, output string
	message        messageFlags
	out            bool
	thing          string
	record         recordFlags
	tests          []string
	update         bool
	login          clientFlags
}

// messageFlags are the message that is tried.
type messageFlags struct {
	topic, payload, payloadFile, client, username, contentType, replyTo, correlation, time string
	properties                                                                             []string
	qos                                                                                    int
	retain                                                                                 bool
}

// mapCommand tries mappings and publications without a broker.
func mapCommand() *cobra.Command {
	var f mapFlags
	cmd := &cobra.Command{
		Use:   "map",
		Short: "Try mappings and publications on a message, record messages, test with recorded ones",
		Long: `Try the mappings of a configuration on an MQTT message: which of them apply and
why, where each value comes from, and the Ditto Protocol messages that result.
Nothing is sent and nothing is stored. The status is 1 when nothing results.

With --out, also what publications send then: the changes are applied to a Thing
that is made for this alone, the one of --thing, or none if the mapping may
create it, or an empty one. Without --topic the payload is an envelope: a twin
event, or a command that changes a Thing.

With --record, the messages that come to topic filters of a running broker are
written to a file; with --test, such files are tried, and what results is
compared with what they expect; --update writes what results into them.`,
		Example: `  twinbroker map -c house.yaml --topic devices/heater/telemetry --payload '{"temp":21.5}'
  twinbroker map -c house.yaml --out --topic devices/heater/telemetry --payload '{"temp":21.5}'
  twinbroker map -c house.yaml --out --payload '{"topic":"org.acme/heater/things/twin/events/modified","path":"/features/climate/desiredProperties/mode","value":"eco"}'
  twinbroker map --record messages.yaml --filter 'devices/#' --for 1m --url mqtt://broker.example
  twinbroker map -c house.yaml --test messages.yaml --update
  twinbroker map -c house.yaml --test messages.yaml`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return f.run(cmd) },
	}
	p := cmd.Flags()
	p.StringVarP(&f.config, "config", "c", "", "configuration file (YAML)")
	p.StringVarP(&f.output, "output", "o", "text", "how to print: text for people, json for scripts")
	p.StringVar(&f.message.topic, "topic", "", "topic of the message")
	p.StringVar(&f.message.payload, "payload", "", "its payload; - for standard input, which is also read when it is piped")
	p.StringVar(&f.message.payloadFile, "payload-file", "", "file with its payload; - for standard input")
	p.StringArrayVar(&f.message.properties, "property", nil, "an MQTT 5 user property, name=value (repeatable)")
	p.StringVar(&f.message.contentType, "content-type", "", "its MQTT 5 content type")
	p.StringVar(&f.message.replyTo, "response-topic", "", "its MQTT 5 response topic")
	p.StringVar(&f.message.correlation, "correlation-data", "", "its MQTT 5 correlation data")
	p.IntVar(&f.message.qos, "qos", 0, "its QoS")
	p.BoolVar(&f.message.retain, "retain", false, "its retain flag")
	p.StringVar(&f.message.client, "client", defaultClient, "client ID of its publisher")
	p.StringVar(&f.message.username, "username", "", "user name of its publisher")
	p.StringVar(&f.message.time, "time", "", "when it comes, like 2026-07-01T12:00:00Z (default: now)")
	p.BoolVar(&f.out, "out", false, "also say what the publications send")
	p.StringVar(&f.thing, "thing", "", "with --out: the Thing that is there already, as JSON or @FILE")
	p.StringVar(&f.record.file, "record", "", "record messages of a running broker into this file, which must be new; - for standard output")
	p.StringArrayVar(&f.record.filters, "filter", nil, "with --record: a topic filter (repeatable)")
	p.DurationVar(&f.record.period, "for", 0, "with --record: end after this time")
	p.IntVar(&f.record.count, "count", 0, "with --record: end after this many messages")
	p.StringArrayVar(&f.tests, "test", nil, "compare what results from the recorded messages of this file with what it expects (repeatable)")
	p.BoolVar(&f.update, "update", false, "with --test: write what results into the file as what it expects")
	f.login.add(cmd)
	cmd.MarkFlagsMutuallyExclusive("record", "test", "topic")
	cmd.MarkFlagsMutuallyExclusive("record", "test", "payload")
	cmd.MarkFlagsMutuallyExclusive("record", "test", "payload-file")
	cmd.MarkFlagsMutuallyExclusive("payload", "payload-file")
	return cmd
}

// defaultClient is the client ID of messages of which nobody says who
// published them.
const defaultClient = "twinbroker-map"

func (f *mapFlags) run(cmd *cobra.Command) error {
	if f.output != "text" && f.output != "json" {
		return fmt.Errorf("--output %q: text or json", f.output)
	}
	switch flags := cmd.Flags(); {
	case f.record.file != "":
		ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
		defer stop()
		return f.recordTo(ctx, cmd.OutOrStdout(), cmd.ErrOrStderr())
	case flags.Changed("filter") || flags.Changed("for") || flags.Changed("count"):
		return errors.New("--filter, --for and --count go with --record FILE")
	case f.update && len(f.tests) == 0:
		return errors.New("--update goes with --test FILE")
	case len(f.tests) == 0 && f.message.topic == "" && !f.out:
		return errors.New("--topic is missing: the topic of the message to try (or --test FILE, --record FILE; see twinbroker map --help)")
	}
	cfg, err := f.load(cmd.ErrOrStderr())
	if err != nil {
		return err
	}
	d := &dryRun{cfg: cfg, out: f.out}
	if len(f.tests) > 0 {
		return testRecordings(d, f.tests, f.update, cmd.OutOrStdout(), f.output == "json")
	}
	entry, err := f.entry(cmd)
	if err != nil {
		return err
	}
	r, err := d.run(entry)
	if err != nil {
		return err
	}
	if f.output == "json" {
		_, err = fmt.Fprintln(cmd.OutOrStdout(), r.json(cfg).String())
	} else {
		err = r.print(cmd.OutOrStdout(), cfg)
	}
	if err == nil && r.why() != "" {
		return errors.New(r.why())
	}
	return err
}

func (f *mapFlags) load(problemsTo io.Writer) (*config.Config, error) {
	if f.config == "" {
		return nil, errors.New("-c is missing: the configuration file whose mappings are tried")
	}
	cfg, problems := config.Load(f.config, config.Flags{})
	if problems.Err() != nil {
		printProblems(problemsTo, problems)
		return nil, errReported
	}
	return cfg, nil
}

// entry is the message of the flags, as a recorded one.
func (f *mapFlags) entry(cmd *cobra.Command) (*recording.Entry, error) {
	m := &f.message
	e := &recording.Entry{Message: recording.Message{
		Topic: m.topic, QoS: byte(m.qos), Retain: m.retain, ContentType: m.contentType, ReplyTo: m.replyTo, Correlation: m.correlation,
		Client: m.client, Username: m.username, Time: time.Now(),
	}}
	if m.qos < 0 || m.qos > 2 {
		return nil, fmt.Errorf("--qos %d: 0, 1 or 2", m.qos)
	}
	if m.time != "" {
		at, err := time.Parse(time.RFC3339Nano, m.time)
		if err != nil {
			return nil, fmt.Errorf("--time %q: a time like 2026-07-01T12:00:00Z is needed", m.time)
		}
		e.Message.Time = at
	}
	for _, p := range m.properties {
		name, value, ok := strings.Cut(p, "=")
		if !ok {
			return nil, fmt.Errorf("--property %q: name=value is needed", p)
		}
		e.Message.Properties = append(e.Message.Properties, recording.Property{Name: name, Value: value})
	}
	if f.thing != "" {
		text, err := valueText(f.thing)
		if err != nil {
			return nil, fmt.Errorf("--thing: %w", err)
		}
		if e.Thing, err = jsondoc.Parse(text, jsondoc.Limits{}); err != nil {
			return nil, fmt.Errorf("--thing is not JSON: %w", err)
		}
	}
	payload, err := m.read(cmd)
	if err != nil {
		return nil, err
	}
	if m.topic != "" {
		e.Message.Payload = payload
		return e, nil
	}
	if e.Envelope, err = jsondoc.Parse(payload, jsondoc.Limits{}); err != nil {
		return nil, fmt.Errorf("without --topic the payload is a Ditto Protocol envelope, and this is not JSON: %w", err)
	}
	return e, nil
}

// read gives the payload: of the flags, or what is piped in.
func (m *messageFlags) read(cmd *cobra.Command) ([]byte, error) {
	flags := cmd.Flags()
	switch {
	case m.payload == "-" || m.payloadFile == "-":
		return io.ReadAll(cmd.InOrStdin())
	case flags.Changed("payload"):
		return []byte(m.payload), nil
	case flags.Changed("payload-file"):
		text, err := os.ReadFile(m.payloadFile)
		if err != nil {
			return nil, fmt.Errorf("--payload-file: %w", err)
		}
		return text, nil
	}
	if info, err := os.Stdin.Stat(); err == nil && info.Mode()&os.ModeCharDevice == 0 {
		return io.ReadAll(cmd.InOrStdin())
	}
	return nil, errors.New("--payload is missing: the payload of the message (--payload '' for an empty one, - for standard input)")
}

// recordTo records to the file, or to out.
func (f *mapFlags) recordTo(ctx context.Context, out, notes io.Writer) error {
	if f.record.file == "-" {
		return recordMessages(ctx, &f.login, &f.record, out, notes)
	}
	file, err := os.OpenFile(f.record.file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		if errors.Is(err, os.ErrExist) {
			return fmt.Errorf("--record %s: is there already; record to a new file", f.record.file)
		}
		return fmt.Errorf("--record: %w", err)
	}
	err = recordMessages(ctx, &f.login, &f.record, file, notes)
	info, stat := file.Stat()
	err = errors.Join(err, file.Close())
	if err != nil && stat == nil && info.Size() == 0 {
		_ = os.Remove(f.record.file) // nothing came of it
	}
	return err
}
