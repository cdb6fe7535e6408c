package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"

	"github.com/twinbroker/twinbroker/twin/jsondoc"
	"github.com/twinbroker/twinbroker/twin/protocol"
)

// pageSize is how many Things a page of a search has; it is Ditto's largest.
const pageSize = 200

// listThings prints the Things of namespaces (all, if there are none).
func listThings(ctx context.Context, c *client, out io.Writer, namespaces []string, most int, asJSON bool) error {
	rows := [][]string{{"THING", "REVISION", "MODIFIED", "POLICY", "DEFINITION"}}
	fields := "thingId,policyId,definition,_revision,_modified"
	if asJSON {
		fields = ""
	}
	printed := 0
	err := searchThings(ctx, c, namespaces, fields, func(thing *jsondoc.Value) (bool, error) {
		printed++
		more := most == 0 || printed < most
		if asJSON {
			_, err := fmt.Fprintln(out, thing.String())
			return more, err
		}
		rows = append(rows, []string{plain(thing, "thingId"), plain(thing, "_revision"), plain(thing, "_modified"), plain(thing, "policyId"), plain(thing, "definition")})
		return more, nil
	})
	if err != nil || asJSON || printed == 0 {
		return err
	}
	return table(out, rows)
}

// searchThings gives the Things of namespaces (all, if there are none), with
// these fields of them ("": all), page by page as a search gives them (Ditto's
// protocol-specification-things-search), until found says that there need be no
// more.
func searchThings(ctx context.Context, c *client, namespaces []string, fields string, found func(thing *jsondoc.Value) (more bool, err error)) error {
	query := []jsondoc.Member{{Name: "options", Value: jsondoc.String("size(" + strconv.Itoa(pageSize) + ")")}}
	if len(namespaces) > 0 {
		var names []*jsondoc.Value
		for _, n := range namespaces {
			names = append(names, jsondoc.String(n))
		}
		query = append(query, jsondoc.Member{Name: "namespaces", Value: jsondoc.Array(names...)})
	}
	subscribe := searchMessage("subscribe", query...)
	subscribe.Fields = fields
	created, err := c.ask(ctx, subscribe)
	if err != nil {
		return err
	}
	subscription, err := member(created, "subscriptionId")
	if err != nil {
		return err
	}
	correlation := random()
	request := func() error {
		m := searchMessage("request", jsondoc.Member{Name: "subscriptionId", Value: subscription}, jsondoc.Member{Name: "demand", Value: jsondoc.Int(1)})
		m.Headers.SetString("correlation-id", correlation)
		return c.send(ctx, m)
	}
	if err := request(); err != nil {
		return err
	}
	for {
		wait, cancel := context.WithTimeout(ctx, c.timeout)
		page, err := c.answer(wait, correlation)
		cancel()
		if err != nil {
			return err
		}
		switch page.Topic.Action {
		case "failed":
			return errors.New("the search failed: " + page.Value.String())
		case "complete":
			return nil
		}
		items, err := member(page, "items")
		if err != nil {
			return err
		}
		for thing := range items.Elements() {
			if more, err := found(thing); err != nil || !more {
				return err
			}
		}
		// After the last page "complete" has come with it, and is read first.
		if err := request(); err != nil {
			return err
		}
	}
}

func searchMessage(action string, value ...jsondoc.Member) *protocol.Message {
	return &protocol.Message{
		Topic: protocol.Topic{
			Namespace: protocol.Placeholder, Name: protocol.Placeholder,
			Group: protocol.Things, Channel: protocol.Twin, Criterion: protocol.Search, Action: action,
		},
		Value: jsondoc.Object(value...),
	}
}

func member(m *protocol.Message, name string) (*jsondoc.Value, error) {
	if m.Value != nil {
		if v, ok := m.Value.Member(name); ok {
			return v, nil
		}
	}
	return nil, fmt.Errorf("the broker's answer has no %q: %s", name, m.AppendJSON(nil))
}

// plain is a member's text without quotes, "" if there is none.
func plain(v *jsondoc.Value, name string) string {
	m, ok := v.Member(name)
	if !ok {
		return ""
	}
	if s, ok := m.Text(); ok {
		return s
	}
	return m.String()
}
