package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/twinbroker/twinbroker/broker/topics"
	"github.com/twinbroker/twinbroker/twin/jsondoc"
	"github.com/twinbroker/twinbroker/twin/policy"
	"github.com/twinbroker/twinbroker/twin/protocol"
)

// withheld is what subjects are not sent of the Things of a Policy.
type withheld struct {
	Policy string   `json:"policy"`
	Things []string `json:"things"`
	Sent   string   `json:"sent"` // all | partly | nothing
	Why    []string `json:"why"`
}

// explainSubscription says what a subscription would not bring its subjects.
// The Things are those that the search shows to who asks.
func explainSubscription(ctx context.Context, c *client, out io.Writer, q checkQuestion, asJSON bool) error {
	of, err := signalsOf(c.root, q.subscribe)
	if err != nil {
		return err
	}
	var namespaces []string
	below := strings.Split(strings.TrimPrefix(q.subscribe, c.root+"/"), "/")
	if below[0] != "+" && below[0] != "#" {
		namespaces = []string{below[0]}
	}
	things := map[string][]string{} // by Policy and namespace
	var order []string
	err = searchThings(ctx, c, namespaces, "thingId,policyId", func(thing *jsondoc.Value) (bool, error) {
		id, err := protocol.ParseThingID(plain(thing, "thingId"))
		if err != nil {
			return false, fmt.Errorf("the broker lists what is no Thing: %s", thing)
		}
		if !reaches(c.root, q.subscribe, id) {
			return true, nil
		}
		key := plain(thing, "policyId") + " " + id.Namespace
		if things[key] == nil {
			order = append(order, key)
		}
		things[key] = append(things[key], plain(thing, "thingId"))
		return true, nil
	})
	if err != nil {
		return err
	}
	all := enforcers{client: c}
	answers := []withheld{}
	for _, key := range order {
		policyID, namespace, _ := strings.Cut(key, " ")
		enforcer, err := all.get(ctx, policyID)
		var refused *refusedError
		if errors.As(err, &refused) {
			answers = append(answers, withheld{policyID, things[key], "unknown", []string{refused.text}})
			continue
		}
		if err != nil {
			return err
		}
		a := explain(enforcer.For(namespace), policyID, q.subjects, policy.Read, of, nil)
		sent := map[string]string{"yes": "all", "partly": "partly", "no": "nothing"}[a.Granted]
		answers = append(answers, withheld{policyID, things[key], sent, a.Why})
	}
	slices.SortStableFunc(answers, func(a, b withheld) int { return strings.Compare(a.Policy, b.Policy) })
	if asJSON {
		return json.NewEncoder(out).Encode(answers)
	}
	for _, a := range answers {
		if err := printWithheld(out, a); err != nil {
			return err
		}
	}
	if len(answers) == 0 {
		_, err = fmt.Fprintln(out, "no Thing that you may READ is reached by", q.subscribe)
	}
	return err
}

func printWithheld(out io.Writer, a withheld) error {
	const most = 5
	names := a.Things
	more := ""
	if len(names) > most {
		names, more = names[:most], fmt.Sprintf(" and %d more", len(a.Things)-most)
	}
	_, err := fmt.Fprintf(out, "%s: %s%s (Policy %s)\n", a.Sent, strings.Join(names, ", "), more, a.Policy)
	for _, why := range a.Why {
		if err == nil && a.Sent != "all" {
			_, err = fmt.Fprintf(out, "  %s\n", why)
		}
	}
	return err
}

// signalsOf is the kind of resource that decides who gets what a filter below
// the root brings.
func signalsOf(root, filter string) (policy.Resource, error) {
	_, plain := topics.SplitShared(filter)
	if err := topics.ValidFilter(filter); err != nil {
		return "", fmt.Errorf("--subscribe %q: %w", filter, err)
	}
	levels := strings.Split(plain, "/")
	if levels[0] != root {
		return "", fmt.Errorf("--subscribe %q: Policies decide about what is below %s/ only; other topics are a matter of acl", filter, root)
	}
	for i, want := range []string{"things", "twin", "events"} {
		at := i + 3
		if at >= len(levels) || levels[at] == "#" {
			break
		}
		switch got := levels[at]; {
		case got == "+" || got == want:
		case got == "live" && at == 4:
			return policy.Message, nil
		default:
			return "", fmt.Errorf("--subscribe %q: %q is no level of events or live messages of Things: %s/<namespace>/<name>/things/twin/events/# is", filter, got, root)
		}
	}
	return policy.Thing, nil
}

// reaches says whether a filter below the root is for signals of a Thing.
func reaches(root, filter string, id protocol.ThingID) bool {
	_, filter = topics.SplitShared(filter)
	levels := strings.Split(filter, "/")
	if len(levels) > 3 {
		levels = levels[:3]
	}
	topic := root + "/" + protocol.EscapeName(id.Namespace) + "/" + protocol.EscapeName(id.Name)
	return topics.Match(strings.Join(levels, "/"), topic)
}
