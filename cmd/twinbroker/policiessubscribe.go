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
	Policy    string   `json:"policy"`
	Things    []string `json:"things"`
	Sent      string   `json:"sent"`          // all | partly | nothing
	Not       []hidden `json:"not,omitempty"` // where partly: what is left out
	Why       []string `json:"why,omitempty"` // where nothing or unknown
	namespace string
	values    []*jsondoc.Value
}

// hidden is a part of Things that is not sent.
type hidden struct {
	Path string   `json:"path"`
	Why  []string `json:"why"`
}

// explainSubscription says what a subscription would not bring its subjects.
// The Things are those that the search shows to who asks.
func explainSubscription(ctx context.Context, c *client, out io.Writer, q *checkQuestion, asJSON bool) error {
	of, err := signalsOf(c.root, q.subscribe)
	if err != nil {
		return err
	}
	groups, err := thingsReached(ctx, c, q.subscribe)
	if err != nil {
		return err
	}
	all := enforcers{client: c}
	for _, g := range groups {
		enforcer, err := all.get(ctx, g.Policy)
		var refused *refusedError
		if errors.As(err, &refused) {
			g.Sent, g.Why = "unknown", []string{refused.text}
			continue
		}
		if err != nil {
			return err
		}
		g.explain(enforcer.For(g.namespace), q.subjects, of)
	}
	if asJSON {
		return json.NewEncoder(out).Encode(groups)
	}
	for _, g := range groups {
		if err := printWithheld(out, g); err != nil {
			return err
		}
	}
	if len(groups) == 0 {
		_, err = fmt.Fprintln(out, "no Thing that you may READ is reached by", q.subscribe)
	}
	return err
}

// thingsReached are the Things that a filter reaches, by Policy and namespace.
func thingsReached(ctx context.Context, c *client, filter string) ([]*withheld, error) {
	_, plainFilter := topics.SplitShared(filter)
	var namespaces []string
	if below := strings.Split(strings.TrimPrefix(plainFilter, c.root+"/"), "/"); below[0] != "+" && below[0] != "#" {
		namespaces = []string{below[0]}
	}
	groups := []*withheld{}
	err := searchThings(ctx, c, namespaces, "", func(thing *jsondoc.Value) (bool, error) {
		id, err := protocol.ParseThingID(plain(thing, "thingId"))
		if err != nil {
			return false, fmt.Errorf("the broker lists what is no Thing: %s", thing)
		}
		if !reaches(c.root, plainFilter, id) {
			return true, nil
		}
		policyID := plain(thing, "policyId")
		i := slices.IndexFunc(groups, func(g *withheld) bool { return g.Policy == policyID && g.namespace == id.Namespace })
		if i < 0 {
			i = len(groups)
			groups = append(groups, &withheld{Policy: policyID, namespace: id.Namespace})
		}
		groups[i].Things = append(groups[i].Things, plain(thing, "thingId"))
		groups[i].values = append(groups[i].values, thing)
		return true, nil
	})
	slices.SortStableFunc(groups, func(a, b *withheld) int { return strings.Compare(a.Policy, b.Policy) })
	return groups, err
}

// mostHidden is how many parts of Things are told of; where there are more, the
// Policy is better read as a whole.
const mostHidden = 100

func (g *withheld) explain(by *policy.Enforcer, who policy.Subjects, of policy.Resource) {
	switch {
	case by.Whole(who, policy.Read, of, nil):
		g.Sent = "all"
	case of != policy.Thing || !by.Some(who, policy.Read, of, nil):
		// A message comes whole or not at all; by its subject it may be another.
		g.Sent, g.Why = "nothing", explain(by, g.Policy, who, policy.Read, of, nil).Why
		if by.Some(who, policy.Read, of, nil) {
			g.Sent = "partly"
		}
	default:
		g.Sent = "partly"
		seen := map[string]bool{}
		for _, thing := range g.values {
			hiddenParts(by, who, nil, thing, func(path jsondoc.Pointer) {
				if text := path.String(); !seen[text] && len(g.Not) < mostHidden {
					seen[text] = true
					g.Not = append(g.Not, hidden{text, explain(by, g.Policy, who, policy.Read, of, path).Why})
				}
			})
		}
	}
}

// hiddenParts finds the topmost parts of a Thing that somebody may not READ.
func hiddenParts(by *policy.Enforcer, who policy.Subjects, at jsondoc.Pointer, v *jsondoc.Value, found func(jsondoc.Pointer)) {
	switch {
	case len(at) == 1 && at[0] == "thingId": // who may READ anything is told that
	case by.Whole(who, policy.Read, policy.Thing, at):
	case !by.Some(who, policy.Read, policy.Thing, at) || v.Kind() != jsondoc.KindObject:
		found(at)
	default:
		for name, member := range v.Members() {
			hiddenParts(by, who, append(at[:len(at):len(at)], name), member, found)
		}
	}
}

func printWithheld(out io.Writer, a *withheld) error {
	const most = 5
	names := a.Things
	more := ""
	if len(names) > most {
		names, more = names[:most], fmt.Sprintf(" and %d more", len(a.Things)-most)
	}
	_, err := fmt.Fprintf(out, "%s: %s%s (Policy %s)\n", a.Sent, strings.Join(names, ", "), more, a.Policy)
	for _, why := range a.Why {
		if err == nil {
			_, err = fmt.Fprintf(out, "  %s\n", why)
		}
	}
	for _, part := range a.Not {
		if err == nil {
			_, err = fmt.Fprintf(out, "  not %s: %s\n", part.Path, strings.Join(part.Why, "; "))
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
		return "", fmt.Errorf("--subscribe %q: Policies decide about what is below %s/ only; for other topics name the file with the acl rules with -c", filter, root)
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

// reaches says whether a filter below the root, not a shared one, is for signals
// of a Thing.
func reaches(root, filter string, id protocol.ThingID) bool {
	levels := strings.Split(filter, "/")
	if len(levels) > 3 {
		levels = levels[:3]
	}
	topic := root + "/" + protocol.EscapeName(id.Namespace) + "/" + protocol.EscapeName(id.Name)
	return topics.Match(strings.Join(levels, "/"), topic)
}
