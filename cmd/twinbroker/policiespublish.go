package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/twinbroker/twinbroker/broker/topics"
)

// publishByRules is what the rules of a configuration say of a publish.
type publishByRules struct {
	Allowed  bool     `json:"allowed"`
	Grants   []string `json:"grants"`
	Denies   []string `json:"denies,omitempty"`
	Mappings []string `json:"mappings,omitempty"` // that take it in
	Why      string   `json:"why"`
}

// explainPublish says whether rules let a client publish to a topic.
func (q *checkQuestion) explainPublish(out io.Writer, asJSON bool) error {
	cfg, topic := q.loaded, q.publish
	if err := topics.ValidName(topic); err != nil {
		return fmt.Errorf("--publish %q: %w", topic, err)
	}
	switch {
	case topics.Within(topic, cfg.Topics.Root):
		return fmt.Errorf("--publish %q: Policies decide about commands below %s/, not acl: ask for the Thing, check ID RESOURCE --permission WRITE, of a running broker", topic, cfg.Topics.Root)
	case topics.Within(topic, cfg.Topics.State):
		return fmt.Errorf("--publish %q: what is below %s/ is the broker's own to publish to", topic, cfg.Topics.State)
	case strings.HasPrefix(topic, "$") && !topics.Match("$SYS/broker/connection/+/state", topic):
		return fmt.Errorf("--publish %q: topics that begin with $ are the broker's own to publish to", topic)
	}
	answer := publishByRules{Grants: []string{}, Mappings: cfg.Rules.Names(topic)}
	for _, f := range cfg.Granted.Publishable(&q.client, topic) {
		if f.Denied {
			answer.Denies = append(answer.Denies, f.Filter)
			continue
		}
		answer.Allowed = true
		answer.Grants = append(answer.Grants, f.Filter)
	}
	switch {
	case cfg.Granted == nil:
		answer.Why = openToAll
	case answer.Allowed:
		answer.Why = "a rule grants it"
	case q.client.Admin:
		answer.Allowed, answer.Why = true, "they are an administrator's (auth.admin_subjects), and nothing else allows it"
	case len(answer.Denies) > 0:
		answer.Why = "a line of acl_file denies it"
	case cfg.Granted.NeedsMoreToPublish(&q.client):
		answer.Why = namesMissing
	default:
		answer.Why = fmt.Sprintf("none of the %d rules in acl and acl_file grants it to these subjects", cfg.Granted.Len())
	}
	if asJSON {
		return json.NewEncoder(out).Encode(answer)
	}
	said := "no"
	if answer.Allowed {
		said = "yes"
	}
	text := said + ": " + answer.Why + "\n"
	for _, f := range answer.Grants {
		text += "  granted " + f + "\n"
	}
	for _, f := range answer.Denies {
		text += "  denied " + f + "\n"
	}
	for _, m := range answer.Mappings {
		text += "  taken in by " + m + ", which then needs the Thing's Policy to let them WRITE what it sets\n"
	}
	_, err := io.WriteString(out, text)
	return err
}
