package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/eclipse/paho.golang/paho"

	"github.com/twinbroker/twinbroker/broker/topics"
	"github.com/twinbroker/twinbroker/cmd/twinbroker/recording"
)

// recordFlags say what is recorded, and for how long.
type recordFlags struct {
	file    string
	filters []string
	period  time.Duration
	count   int
}

// refusedTopic is where the broker tells operators what it refused.
const refusedTopic = "$SYS/twinbroker/refused"

// recordMessages writes the messages that come to the topic filters, each as
// soon as it comes, until the time is over, as many as asked for have come, or
// ctx ends.
//
// Signals of the Ditto Protocol's tree, which no mapping takes in, are left out
// unless a filter names the tree.
//
// What a mapping refuses reaches nobody (unless it says "relay: always"), so it
// cannot be recorded; it is told on notes, with the reason.
func recordMessages(ctx context.Context, login *clientFlags, f *recordFlags, out, notes io.Writer) error {
	if len(f.filters) == 0 {
		return errors.New("--record needs --filter: the topic filters to record, such as 'tele/#'")
	}
	recorded, leftOut := 0, 0
	leaveOut := !slices.ContainsFunc(f.filters, func(filter string) bool { return topics.Within(filter, login.root) })
	c := &client{timeout: login.timeout, failed: make(chan error, 1)}
	messages := make(chan recording.Message, 1024)
	refused := make(chan string, 1024)
	ended := make(chan struct{})
	defer close(ended)
	err := login.login(ctx, c, func(p *paho.Publish) {
		if p.Topic == refusedTopic {
			select {
			case refused <- refusedLine(p.Payload):
			case <-ended:
			}
			return
		}
		select {
		case messages <- received(p):
		case <-ended:
		}
	})
	if err != nil {
		return err
	}
	defer c.close()
	if err := c.subscribeAll(ctx, f.filters, notes); err != nil {
		return err
	}
	var over <-chan time.Time
	if f.period > 0 {
		over = time.After(f.period)
	}
	fmt.Fprintf(notes, "recording %s from %s; %s\n", strings.Join(f.filters, " "), login.url, f.end())
	defer func() {
		fmt.Fprintf(notes, "%d messages recorded\n", recorded)
		if leftOut > 0 {
			fmt.Fprintf(notes, "%d signals of %[2]s/… left out, which no mapping takes in (--filter '%[2]s/#' records them)\n", leftOut, login.root)
		}
	}()
	if _, err := fmt.Fprintf(out, "# recorded from %s, %s: %s\n", login.url, time.Now().UTC().Format(time.RFC3339), strings.Join(f.filters, " ")); err != nil {
		return err
	}
	for f.count == 0 || recorded < f.count {
		select {
		case m := <-messages:
			if leaveOut && topics.Within(m.Topic, login.root) {
				leftOut++
				continue
			}
			if err := recording.Append(out, &m); err != nil {
				return err
			}
			recorded++
		case line := <-refused:
			fmt.Fprintln(notes, line)
		case err := <-c.failed:
			return err
		case <-over:
			return nil
		case <-ctx.Done():
			return nil
		}
	}
	return nil
}

// subscribeAll subscribes to what is recorded, and to what is refused if the
// broker has that: another broker's messages can be recorded as well.
func (c *client) subscribeAll(ctx context.Context, filters []string, notes io.Writer) error {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	if err := c.subscribe(ctx, refusedTopic); err != nil {
		fmt.Fprintf(notes, "what mappings refuse is not told: %v\n", err)
	}
	for _, filter := range filters {
		// At QoS 2 and with the retain flag as published, a message is
		// recorded as it was sent.
		if err := c.subscribeWith(ctx, paho.SubscribeOptions{Topic: filter, QoS: 2, RetainAsPublished: true}); err != nil {
			return fmt.Errorf("--filter %s: %w", filter, err)
		}
	}
	return nil
}

// end says when the recording ends.
func (f *recordFlags) end() string {
	switch {
	case f.count > 0 && f.period > 0:
		return fmt.Sprintf("ends after %d messages or %s", f.count, f.period)
	case f.count > 0:
		return fmt.Sprintf("ends after %d messages", f.count)
	case f.period > 0:
		return fmt.Sprintf("ends after %s", f.period)
	}
	return "Ctrl-C ends it"
}

// received is a message as it is recorded.
func received(p *paho.Publish) recording.Message {
	m := recording.Message{Topic: p.Topic, Payload: p.Payload, QoS: p.QoS, Retain: p.Retain, Time: time.Now()}
	if p.Properties != nil {
		m.ContentType, m.ReplyTo = p.Properties.ContentType, p.Properties.ResponseTopic
		if utf8.Valid(p.Properties.CorrelationData) { // else no mapping can use it
			m.Correlation = string(p.Properties.CorrelationData)
		}
		for _, u := range p.Properties.User {
			m.Properties = append(m.Properties, recording.Property{Name: u.Key, Value: u.Value})
		}
	}
	return m
}

// refusedLine is a message of the topic for what is refused, in a line.
func refusedLine(payload []byte) string {
	var r struct{ Topic, Client, Message, Description string }
	if json.Unmarshal(payload, &r) != nil {
		return "refused, so not recorded: " + string(payload)
	}
	return fmt.Sprintf("refused, so not recorded: %s from %s: %s", r.Topic, r.Client, r.Message)
}
