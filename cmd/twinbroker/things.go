package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/twinbroker/twinbroker/twin/jsondoc"
	"github.com/twinbroker/twinbroker/twin/protocol"
)

// thingsCommand is the client of a running broker that reads and writes Things.
func thingsCommand() *cobra.Command {
	var flags clientFlags
	var output string
	cmd := &cobra.Command{
		Use:   "things",
		Short: "Read, write and watch the Things of a running broker",
	}
	flags.add(cmd)
	cmd.PersistentFlags().StringVarP(&output, "output", "o", "text", "how to print: text for people, json for scripts")

	with := flags.with(&output)

	var fields string
	get := &cobra.Command{
		Use:   "get ID [PATH]",
		Short: "Print a Thing, or what is at a path in it",
		Example: `  twinbroker things get org.acme:lamp-1
  twinbroker things get org.acme:lamp-1 /features/light/properties/on`,
		Args: cobra.RangeArgs(1, 2),
		RunE: with(func(ctx context.Context, c *client, out io.Writer, args []string) error {
			m, err := command(protocol.ActionRetrieve, args)
			if err != nil {
				return err
			}
			m.Fields = fields
			r, err := c.ask(ctx, m)
			if err != nil {
				return err
			}
			return printValue(out, r.Value, output == "json")
		}),
	}
	get.Flags().StringVar(&fields, "fields", "", "only these, like attributes,features/light/properties/on")

	var namespaces []string
	var most int
	list := &cobra.Command{
		Use:   "list",
		Short: "List the Things",
		Args:  cobra.NoArgs,
		RunE: with(func(ctx context.Context, c *client, out io.Writer, _ []string) error {
			return listThings(ctx, c, out, namespaces, most, output == "json")
		}),
	}
	list.Flags().StringSliceVar(&namespaces, "namespace", nil, "only those of this namespace (repeatable)")
	list.Flags().IntVar(&most, "limit", 0, "no more than this many (0: all)")

	put := &cobra.Command{
		Use:   "put ID [PATH] VALUE",
		Short: "Write a Thing, or a value in it; VALUE is JSON, @FILE or - for standard input",
		Long: `Write a Thing, or a value in it. VALUE is JSON, @FILE or - for standard input.

What is there is replaced, all of it: without a PATH, also what the device has
reported. To keep what VALUE does not mention, use "things merge". A Feature
that PATH leads into must be there already; a merge makes it.`,
		Example: `  twinbroker things put org.acme:lamp-1 '{"attributes":{"room":"hall"}}'
  twinbroker things put org.acme:lamp-1 /attributes/room '"cellar"'`,
		Args: cobra.RangeArgs(2, 3),
		RunE: with(func(ctx context.Context, c *client, out io.Writer, args []string) error {
			return change(ctx, c, out, protocol.ActionModify, args, output == "json")
		}),
	}
	merge := &cobra.Command{
		Use:   "merge ID [PATH] PATCH",
		Short: "Merge a JSON merge patch (RFC 7396) into a Thing; PATCH is JSON, @FILE or -",
		Long: `Merge a JSON merge patch (RFC 7396) into a Thing, or into what is at PATH in it.
PATCH is JSON, @FILE or - for standard input. What it does not mention is kept,
what is missing is made, and null takes away.`,
		Example: `  twinbroker things merge org.acme:lamp-1 '{"attributes":{"room":null,"floor":2}}'
  twinbroker things merge org.acme:lamp-1 /features/light/desiredProperties/on true`,
		Args: cobra.RangeArgs(2, 3),
		RunE: with(func(ctx context.Context, c *client, out io.Writer, args []string) error {
			return change(ctx, c, out, protocol.ActionMerge, args, output == "json")
		}),
	}
	del := &cobra.Command{
		Use:   "delete ID [PATH]",
		Short: "Delete a Thing, or what is at a path in it",
		Args:  cobra.RangeArgs(1, 2),
		RunE: with(func(ctx context.Context, c *client, out io.Writer, args []string) error {
			m, err := command(protocol.ActionDelete, args)
			if err != nil {
				return err
			}
			r, err := c.ask(ctx, m)
			if err != nil {
				return err
			}
			return printDone(out, "deleted", args, r, output == "json")
		}),
	}
	watch := &cobra.Command{
		Use:   "watch [ID|NAMESPACE]...",
		Short: "Print events as they happen, of all Things or of these",
		RunE: with(func(ctx context.Context, c *client, out io.Writer, args []string) error {
			return watchThings(ctx, c, out, args, output == "json")
		}),
	}
	cmd.AddCommand(get, list, put, merge, del, watch, historyCommand(with, func() bool { return output == "json" }))
	return cmd
}

// command addresses a Thing, or the path in it, that args name.
func command(action string, args []string) (*protocol.Message, error) {
	id, err := parseID(args[0])
	if err != nil {
		return nil, err
	}
	m := &protocol.Message{Topic: protocol.Topic{
		Namespace: id.Namespace, Name: id.Name,
		Group: protocol.Things, Channel: protocol.Twin, Criterion: protocol.Commands, Action: action,
	}}
	if len(args) > 1 {
		if m.Path, err = jsondoc.ParsePointer(args[1]); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// change sends what the last argument holds.
func change(ctx context.Context, c *client, out io.Writer, action string, args []string, asJSON bool) error {
	last := len(args) - 1
	text, err := valueText(args[last])
	if err != nil {
		return err
	}
	m, err := command(action, args[:last])
	if err != nil {
		return err
	}
	if m.Value, err = jsondoc.Parse(text, jsondoc.Limits{}); err != nil {
		return fmt.Errorf("the value is not JSON: %w (a string needs its quotes: '\"text\"')", err)
	}
	if action == protocol.ActionMerge {
		m.Headers.SetString("content-type", "application/merge-patch+json")
	}
	r, err := c.ask(ctx, m)
	var refused *refusedError
	switch {
	case errors.As(err, &refused) && action == protocol.ActionModify && refused.code == "things:feature.notfound":
		return fmt.Errorf("%w\nA merge makes it: twinbroker things merge %s '%s'", err, strings.Join(args[:last], " "), strings.ReplaceAll(args[last], "'", `'\''`))
	case err != nil:
		return err
	}
	done := "modified"
	if r.Status == 201 {
		done = "created"
	}
	return printDone(out, done, args[:last], r, asJSON)
}

func valueText(arg string) ([]byte, error) {
	switch {
	case arg == "-":
		return io.ReadAll(os.Stdin)
	case strings.HasPrefix(arg, "@"):
		return os.ReadFile(arg[1:])
	}
	return []byte(arg), nil
}

func printDone(out io.Writer, done string, target []string, r *protocol.Message, asJSON bool) error {
	if asJSON {
		_, err := fmt.Fprintf(out, "%s\n", r.AppendJSON(nil))
		return err
	}
	_, err := fmt.Fprintln(out, done, strings.Join(target, " "))
	return err
}

// printValue prints compact JSON for scripts, indented for people.
func printValue(out io.Writer, v *jsondoc.Value, compact bool) error {
	if v == nil {
		return errors.New("the broker answered without a value")
	}
	if compact || v.Kind() != jsondoc.KindObject && v.Kind() != jsondoc.KindArray {
		_, err := fmt.Fprintln(out, v.String())
		return err
	}
	var indented strings.Builder
	enc := json.NewEncoder(&indented)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(json.RawMessage(v.String())); err != nil {
		return err
	}
	_, err := io.WriteString(out, indented.String())
	return err
}

// watchThings follows twin events until it is interrupted.
func watchThings(ctx context.Context, c *client, out io.Writer, which []string, asJSON bool) error {
	if len(which) == 0 {
		which = []string{""}
	}
	for _, w := range which {
		level := "+/+"
		if id, err := parseID(w); err == nil {
			level = protocol.EscapeName(id.Namespace) + "/" + protocol.EscapeName(id.Name)
		} else if w != "" {
			if strings.Contains(w, ":") {
				return err
			}
			level = protocol.EscapeName(w) + "/+"
		}
		if err := c.subscribe(ctx, c.root+"/"+level+"/things/twin/events/#"); err != nil {
			return err
		}
	}
	for {
		select {
		case e := <-c.events:
			if err := printEvent(out, e, asJSON); err != nil {
				return err
			}
		case err := <-c.failed:
			return err
		case <-ctx.Done():
			return nil
		}
	}
}

func printEvent(out io.Writer, e *protocol.Message, asJSON bool) error {
	if asJSON {
		_, err := fmt.Fprintf(out, "%s\n", e.AppendJSON(nil))
		return err
	}
	value := ""
	if e.Value != nil {
		value = e.Value.String()
	}
	_, err := fmt.Fprintf(out, "%s  %s  r%d  %s  %s  %s\n",
		e.Timestamp.Local().Format(time.TimeOnly), e.Topic.EntityID(), e.Revision, e.Topic.Action, e.Path, value)
	return err
}

// table prints columns for people.
func table(out io.Writer, rows [][]string) error {
	w := tabwriter.NewWriter(out, 0, 4, 2, ' ', 0)
	for _, row := range rows {
		fmt.Fprintln(w, strings.Join(row, "\t"))
	}
	return w.Flush()
}
