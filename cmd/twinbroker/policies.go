package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/twinbroker/twinbroker/twin/jsondoc"
	"github.com/twinbroker/twinbroker/twin/protocol"
)

// policiesCommand is the client of a running broker that reads, writes and
// explains Policies.
func policiesCommand() *cobra.Command {
	var flags clientFlags
	var output string
	cmd := &cobra.Command{
		Use:   "policies",
		Short: "Read, write and explain the Policies of a running broker",
	}
	flags.add(cmd)
	cmd.PersistentFlags().StringVarP(&output, "output", "o", "text", "how to print: text for people, json for scripts")

	with := flags.with(&output)
	asJSON := func() bool { return output == "json" }

	var resolved bool
	get := &cobra.Command{
		Use:   "get ID [PATH]",
		Short: "Print a Policy, or what is at a path in it",
		Example: `  twinbroker policies get org.acme:devices
  twinbroker policies get org.acme:devices /entries/operators/subjects
  twinbroker policies get org.acme:devices --resolved`,
		Args: cobra.RangeArgs(1, 2),
		RunE: with(func(ctx context.Context, c *client, out io.Writer, args []string) error {
			m, err := policyCommand(protocol.ActionRetrieve, args)
			if err != nil {
				return err
			}
			if resolved {
				m.Headers.SetString("policy-view", "resolved")
			}
			r, err := c.ask(ctx, m)
			if err != nil {
				return err
			}
			return printValue(out, r.Value, asJSON())
		}),
	}
	get.Flags().BoolVar(&resolved, "resolved", false, "with what it imports and refers to, as it is enforced")

	put := &cobra.Command{
		Use:   "put ID [PATH] VALUE",
		Short: "Write a Policy, or a value in it; VALUE is JSON, @FILE or - for standard input",
		Long: `Write a Policy, or a value in it. VALUE is JSON, @FILE or - for standard input.
What is there is replaced, all of it. A slash in the name of a resource or a
subject is a level of the path: /entries/ops/resources/thing:/features/lamp.`,
		Example: `  twinbroker policies put org.acme:devices @devices.json
  twinbroker policies put org.acme:devices /entries/operators/subjects/user:ann '{"type":"by hand"}'`,
		Args: cobra.RangeArgs(2, 3),
		RunE: with(func(ctx context.Context, c *client, out io.Writer, args []string) error {
			return putPolicy(ctx, c, out, args, asJSON())
		}),
	}
	del := &cobra.Command{
		Use:   "delete ID [PATH]",
		Short: "Delete a Policy, or what is at a path in it",
		Long: `Delete a Policy, or what is at a path in it. Nobody gets at the Things of a
Policy that is gone, but those of auth.admin_subjects.`,
		Args: cobra.RangeArgs(1, 2),
		RunE: with(func(ctx context.Context, c *client, out io.Writer, args []string) error {
			m, err := policyCommand(protocol.ActionDelete, args)
			if err != nil {
				return err
			}
			r, err := c.ask(ctx, m)
			if err != nil {
				return err
			}
			return printDone(out, "deleted", args, r, asJSON())
		}),
	}
	cmd.AddCommand(get, put, del, policiesCheckCommand(with, asJSON))
	return cmd
}

// policyCommand addresses a Policy, or the path in it, that args name.
func policyCommand(action string, args []string) (*protocol.Message, error) {
	if err := protocol.CheckPolicyID(args[0]); err != nil {
		return nil, fmt.Errorf("%s %s", err.Message, err.Description)
	}
	namespace, name, _ := strings.Cut(args[0], ":")
	m := &protocol.Message{Topic: protocol.Topic{
		Namespace: namespace, Name: name, Group: protocol.Policies, Criterion: protocol.Commands, Action: action,
	}}
	if len(args) > 1 {
		var err error
		if m.Path, err = jsondoc.ParsePointer(args[1]); err != nil {
			return nil, err
		}
	}
	return m, nil
}

func putPolicy(ctx context.Context, c *client, out io.Writer, args []string, asJSON bool) error {
	last := len(args) - 1
	text, err := valueText(args[last])
	if err != nil {
		return err
	}
	m, err := policyCommand(protocol.ActionModify, args[:last])
	if err != nil {
		return err
	}
	if m.Value, err = jsondoc.Parse(text, jsondoc.Limits{}); err != nil {
		return fmt.Errorf("the value is not JSON: %w (a string needs its quotes: '\"text\"')", err)
	}
	r, err := c.ask(ctx, m)
	if err != nil {
		return err
	}
	done := "modified"
	if r.Status == 201 {
		done = "created"
	}
	return printDone(out, done, args[:last], r, asJSON)
}
