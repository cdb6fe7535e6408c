package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/twinbroker/twinbroker/broker/acl"
	"github.com/twinbroker/twinbroker/broker/topics"
	"github.com/twinbroker/twinbroker/cmd/twinbroker/config"
	"github.com/twinbroker/twinbroker/twin/jsondoc"
	"github.com/twinbroker/twinbroker/twin/policy"
	"github.com/twinbroker/twinbroker/twin/protocol"
)

// checkQuestion is what "policies check" asks.
type checkQuestion struct {
	subjects    policy.Subjects
	permissions []string
	isPolicy    bool
	subscribe   string
	publish     string
	config      string // of users, and of the rules that subscribe and publish ask about
	asUser      string
	client      acl.Client
	loaded      *config.Config // from config
}

// policiesCheckCommand explains what subjects may do, and why.
func policiesCheckCommand(with withClient, asJSON func() bool) *cobra.Command {
	q := &checkQuestion{}
	cmd := &cobra.Command{
		Use:   "check [ID [RESOURCE]...]",
		Short: "Say what subjects may do with a Thing, and which entries of its Policy say so",
		Long: `Say what subjects may do with a Thing (with --policy: by a Policy), and which
entries and resources of the Policy say so. RESOURCE is one like thing:/,
thing:/features/lamp, message:/ or policy:/; without one it is those three.

With --subscribe, say what they would not be sent by a subscription to a topic
filter, and why. It covers the Things that you may READ yourself. Outside of the
twin's own topics, rules say it: name their file with -c; no broker is asked.
With --publish, say whether these rules let them publish to a topic.

-c also says which groups a user of the configuration has: --as-user NAME asks
about all of the user's subjects at once.

You need READ on the Policy, or be one of auth.admin_subjects.`,
		Example: `  twinbroker policies check org.acme:lamp-1 --subject user:ann
  twinbroker policies check org.acme:lamp-1 thing:/features/lamp/properties --subject user:ann --subject group:ops --permission WRITE
  twinbroker policies check --subscribe 'ditto/org.acme/+/things/twin/events/#' --subject group:dashboards
  twinbroker policies check org.acme:lamp-1 -c config.yaml --as-user ann
  twinbroker policies check -c config.yaml --subscribe 'plant/#' --subject group:operators
  twinbroker policies check -c config.yaml --publish devices/lamp-1/telemetry --as-user lamp-1`,
	}
	online := with(func(ctx context.Context, c *client, out io.Writer, args []string) error {
		switch {
		case q.subscribe != "" && len(args) > 0:
			return errors.New("--subscribe asks about all Things of the filter: leave the ID out")
		case q.subscribe != "":
			return explainSubscription(ctx, c, out, q, asJSON())
		case len(args) == 0:
			return errors.New("the ID of a Thing is needed (or with --policy of a Policy), or --subscribe")
		}
		return explainRights(ctx, c, out, q, args[0], args[1:], asJSON())
	})
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		switch {
		case q.subscribe != "" && q.publish != "":
			return errors.New("--subscribe and --publish are two questions: ask one")
		case q.publish != "" && len(args) > 0:
			return errors.New("--publish asks about a topic: leave the ID out")
		case q.publish != "" && q.config == "":
			return errors.New("--publish needs -c: the configuration whose acl rules are asked")
		case q.config != "" && q.subscribe == "" && q.publish == "" && len(args) == 0:
			return errors.New("-c goes with --subscribe, --publish, or the ID of a Thing: say what is to be asked")
		}
		if err := q.who(cmd.ErrOrStderr()); err != nil {
			return err
		}
		_, filter := topics.SplitShared(q.subscribe)
		switch {
		case q.publish != "":
			return q.explainPublish(cmd.OutOrStdout(), asJSON())
		case q.config != "" && filter != "" && (q.asUser == "" || q.treeOf(filter) == ""):
			return q.explainRules(cmd.OutOrStdout(), asJSON())
		}
		return online(cmd, args)
	}
	f := cmd.Flags()
	f.StringArrayVar((*[]string)(&q.subjects), "subject", nil, "a subject that the client has, like user:ann (repeatable)")
	f.StringSliceVar(&q.permissions, "permission", nil, "only these of READ, WRITE, EXECUTE (repeatable)")
	f.BoolVar(&q.isPolicy, "policy", false, "ID is that of a Policy")
	f.StringVar(&q.subscribe, "subscribe", "", "a topic filter, like ditto/org.acme/+/things/twin/events/#")
	f.StringVar(&q.publish, "publish", "", "with -c: a topic outside of the twin's own, like plant/valve")
	f.StringVarP(&q.config, "config", "c", "", "the configuration file whose users are known, and whose acl rules --subscribe and --publish ask")
	f.StringVar(&q.asUser, "as-user", "", "with -c: a user of its users_file, with all its groups")
	f.StringVar(&q.client.ID, "client-id", "", "with -c: the client's identifier, for rules that name it")
	f.StringVar(&q.client.Username, "username", "", "with -c: the client's user name, for rules that name it")
	return cmd
}

// enforcers are the Policies that were read, as they are enforced.
type enforcers struct {
	client *client
	of     map[string]*policy.Enforcer
}

// get reads a Policy with what it imports; [policy.Nobody] for one that is not
// there.
func (e *enforcers) get(ctx context.Context, id string) (*policy.Enforcer, error) {
	if known := e.of[id]; known != nil {
		return known, nil
	}
	m, err := policyCommand(protocol.ActionRetrieve, []string{id})
	if err != nil {
		return nil, err
	}
	m.Headers.SetString("policy-view", "resolved")
	r, err := e.client.ask(ctx, m)
	if err != nil {
		return nil, err
	}
	model, refused := policy.ParseResolved(id, r.Value)
	if refused != nil {
		return nil, fmt.Errorf("the Policy %s that the broker sent: %w", id, refused)
	}
	enforcer, err := policy.Resolve(model, policy.ResolveOptions{})
	if err != nil {
		return nil, err
	}
	if e.of == nil {
		e.of = map[string]*policy.Enforcer{}
	}
	e.of[id] = enforcer
	return enforcer, nil
}

// policyIDOf asks for the Policy of a Thing.
func policyIDOf(ctx context.Context, c *client, thing string) (string, error) {
	m, err := command(protocol.ActionRetrieve, []string{thing, "/policyId"})
	if err != nil {
		return "", err
	}
	r, err := c.ask(ctx, m)
	var refused *refusedError
	if errors.As(err, &refused) && refused.code == "things:thing.notfound" {
		return "", fmt.Errorf("%w\nFor a Policy itself: --policy", err)
	}
	if err != nil {
		return "", err
	}
	id, ok := "", false
	if r.Value != nil {
		id, ok = r.Value.Text()
	}
	if !ok {
		return "", fmt.Errorf("the broker did not say which Policy %s has", thing)
	}
	return id, nil
}

// explained is an answer for scripts.
type explained struct {
	Policy     string   `json:"policy"`
	Resource   string   `json:"resource"`
	Permission string   `json:"permission"`
	Granted    string   `json:"granted"` // yes | partly | no
	Why        []string `json:"why"`
}

func explainRights(ctx context.Context, c *client, out io.Writer, q *checkQuestion, id string, resources []string, asJSON bool) error {
	policyID, namespace := id, ""
	if !q.isPolicy {
		thing, err := parseID(id)
		if err != nil {
			return err
		}
		if policyID, err = policyIDOf(ctx, c, id); err != nil {
			return err
		}
		namespace = thing.Namespace
	}
	if len(resources) == 0 {
		resources = []string{"thing:/", "message:/", "policy:/"}
	}
	all := enforcers{client: c}
	enforcer, err := all.get(ctx, policyID)
	if err != nil {
		return err
	}
	var answers []explained
	for _, text := range resources {
		of, path, err := parseResource(text)
		if err != nil {
			return err
		}
		by := enforcer
		if namespace != "" && of != policy.Policy {
			by = enforcer.For(namespace)
		}
		permissions, err := q.permissionsFor(of)
		if err != nil {
			return err
		}
		for _, what := range permissions {
			answers = append(answers, explain(by, policyID, q.subjects, what, of, path))
		}
	}
	if asJSON {
		return json.NewEncoder(out).Encode(answers)
	}
	for _, a := range answers {
		if err := printExplained(out, a); err != nil {
			return err
		}
	}
	return nil
}

func explain(by *policy.Enforcer, policyID string, who policy.Subjects, what policy.Permission, of policy.Resource, path jsondoc.Pointer) explained {
	reason := by.Explain(who, what, of, path)
	a := explained{Policy: policyID, Resource: string(of) + ":" + path.String(), Permission: string(what), Granted: "no", Why: []string{}}
	switch {
	case reason.Whole:
		a.Granted = "yes"
	case reason.Some:
		a.Granted = "partly"
	}
	for _, rule := range reason.Here {
		a.Why = append(a.Why, rule.String())
	}
	for _, rule := range reason.Below {
		a.Why = append(a.Why, rule.String())
	}
	for _, rule := range reason.LeftOut {
		a.Why = append(a.Why, rule.String())
	}
	if len(a.Why) == 0 {
		a.Why = []string{"no entry of Policy '" + policyID + "' says anything about it to " + strings.Join(who, ", ")}
		for _, subject := range who {
			if !strings.Contains(subject, ":") {
				a.Why = append(a.Why, "'"+subject+"' has no prefix: users are user:"+subject+", groups group:"+subject)
			}
		}
	}
	return a
}

func printExplained(out io.Writer, a explained) error {
	_, err := fmt.Fprintf(out, "%s %s: %s\n", a.Permission, a.Resource, a.Granted)
	for _, why := range a.Why {
		if err == nil {
			_, err = fmt.Fprintf(out, "  %s\n", why)
		}
	}
	return err
}

// permissionsFor are those that were asked for; else those that mean something
// for the kind of resource.
func (q *checkQuestion) permissionsFor(of policy.Resource) ([]policy.Permission, error) {
	if len(q.permissions) == 0 {
		if of == policy.Policy {
			return []policy.Permission{policy.Read, policy.Write, policy.Execute}, nil
		}
		return []policy.Permission{policy.Read, policy.Write}, nil
	}
	var list []policy.Permission
	for _, name := range q.permissions {
		switch what := policy.Permission(strings.ToUpper(name)); what {
		case policy.Read, policy.Write, policy.Execute:
			list = append(list, what)
		default:
			return nil, fmt.Errorf("--permission %q: one of READ, WRITE, EXECUTE", name)
		}
	}
	return list, nil
}

// parseResource reads a resource as a Policy spells it.
func parseResource(text string) (policy.Resource, jsondoc.Pointer, error) {
	kind, path, ok := strings.Cut(text, ":")
	of := policy.Resource(kind)
	if !ok || of != policy.Thing && of != policy.Message && of != policy.Policy {
		return "", nil, fmt.Errorf("%q is no resource: one is like thing:/features/lamp, message:/ or policy:/", text)
	}
	pointer, err := jsondoc.ParsePointer(path)
	if err != nil {
		return "", nil, fmt.Errorf("%q is no resource: %w", text, err)
	}
	return of, pointer, nil
}
