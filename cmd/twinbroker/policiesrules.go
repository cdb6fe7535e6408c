package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/twinbroker/twinbroker/broker/topics"
	"github.com/twinbroker/twinbroker/cmd/twinbroker/config"
)

// byRules is what the rules of a configuration say of a subscription.
type byRules struct {
	Sent   string   `json:"sent"` // all | partly | nothing
	Grants []string `json:"grants"`
	Denies []string `json:"denies,omitempty"`
	Why    string   `json:"why"`
}

// explainRules says what the rules for topics let a subscription bring.
func (q *checkQuestion) explainRules(out, problemsTo io.Writer, asJSON bool) error {
	switch {
	case q.subscribe == "":
		return errors.New("-c goes with --subscribe: the rules of acl are about topics")
	case len(q.subjects) == 0:
		return errors.New("--subject is needed: who is to be asked about, like user:ann (several together are one client's)")
	}
	cfg, problems := config.Load(q.config, config.Flags{})
	if problems.Err() != nil {
		printProblems(problemsTo, problems)
		return errReported
	}
	_, filter := topics.SplitShared(q.subscribe)
	if err := topics.ValidFilter(q.subscribe); err != nil {
		return fmt.Errorf("--subscribe %q: %w", q.subscribe, err)
	}
	for _, tree := range []string{cfg.Topics.Root, cfg.Topics.State} {
		if topics.CanReach(filter, tree) && filter[0] != '#' && filter[0] != '+' {
			return fmt.Errorf("--subscribe %q: Policies decide about what is below %s/, not acl: leave -c out, and name a running broker with --url", q.subscribe, tree)
		}
	}
	q.client.Subjects = q.subjects
	answer := byRules{Sent: "nothing", Grants: []string{}}
	for _, f := range cfg.Granted.Receivable(&q.client, filter) {
		switch {
		case f.Denied:
			answer.Denies = append(answer.Denies, f.Filter)
		case topics.Covers(f.Filter, filter) && len(answer.Denies) == 0:
			answer.Sent = "all"
			answer.Grants = append(answer.Grants, f.Filter)
		default:
			if answer.Sent == "nothing" {
				answer.Sent = "partly"
			}
			answer.Grants = append(answer.Grants, f.Filter)
		}
	}
	switch {
	case cfg.Granted == nil:
		answer.Why = "no authentication and no rules are configured: everything is open"
	case answer.Sent == "nothing" && cfg.Granted.NeedsMore(&q.client):
		answer.Why = "a rule of these subjects names what the client is called: say it with --username, or --client-id"
	case answer.Sent == "nothing":
		answer.Why = fmt.Sprintf("none of the %d rules in acl and acl_file grants any of it to these subjects", cfg.Granted.Len())
	default:
		answer.Why = "what a rule grants is sent, and nothing else"
	}
	if asJSON {
		return json.NewEncoder(out).Encode(answer)
	}
	if _, err := fmt.Fprintf(out, "%s: %s\n", answer.Sent, answer.Why); err != nil {
		return err
	}
	for _, f := range answer.Grants {
		if _, err := fmt.Fprintf(out, "  granted %s\n", f); err != nil {
			return err
		}
	}
	for _, f := range answer.Denies {
		if _, err := fmt.Fprintf(out, "  denied %s\n", f); err != nil {
			return err
		}
	}
	return nil
}
