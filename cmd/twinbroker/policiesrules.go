package main

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/twinbroker/twinbroker/broker/topics"
)

// byRules is what the rules of a configuration say of a subscription.
type byRules struct {
	Sent   string   `json:"sent"` // all | partly | nothing
	Grants []string `json:"grants"`
	Denies []string `json:"denies,omitempty"`
	Why    string   `json:"why"`
}

const (
	openToAll    = "no authentication and no rules are configured: everything is open"
	namesMissing = "a rule of these subjects names what the client is called: say it with --username, or --client-id"
)

// treeOf is the tree of Policies in which all that a filter matches lies, "" where
// there is none.
func (q *checkQuestion) treeOf(filter string) string {
	for _, tree := range []string{q.loaded.Topics.Root, q.loaded.Topics.State} {
		if topics.CanReach(filter, tree) && filter[0] != '#' && filter[0] != '+' {
			return tree
		}
	}
	return ""
}

// explainRules says what the rules for topics let a subscription bring.
func (q *checkQuestion) explainRules(out io.Writer, asJSON bool) error {
	cfg := q.loaded
	_, filter := topics.SplitShared(q.subscribe)
	if err := topics.ValidFilter(q.subscribe); err != nil {
		return fmt.Errorf("--subscribe %q: %w", q.subscribe, err)
	}
	if tree := q.treeOf(filter); tree != "" {
		return fmt.Errorf("--subscribe %q: Policies decide about what is below %s/, not acl: leave -c out, or name a user with --as-user, and a running broker with --url", q.subscribe, tree)
	}
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
		answer.Why = openToAll
	case q.client.Admin && answer.Sent != "all":
		answer.Sent, answer.Why = "all", "they are an administrator's (auth.admin_subjects), and nothing else allows all of it"
	case answer.Sent == "nothing" && cfg.Granted.NeedsMore(&q.client):
		answer.Why = namesMissing
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
