package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sort"
	"time"

	"github.com/spf13/cobra"

	"github.com/twinbroker/twinbroker/twin/jsondoc"
	"github.com/twinbroker/twinbroker/twin/protocol"
)

// historyCommand prints what a Thing was, revision by revision.
func historyCommand(with withClient, asJSON func() bool) *cobra.Command {
	var most int
	cmd := &cobra.Command{
		Use:   "history ID [PATH]",
		Short: "Print what changed in a Thing, or at a path in it, and by whom, the oldest first",
		Long: `Print what changed in a Thing, or at a path in it, and by whom, the oldest first,
as far back as the broker's history goes.

For scripts each line is a revision: the Thing as it was, with _revision and
_modified, and in _context/headers what the broker kept with the change. Where
the Thing was deleted, a line has thingId and _revision only.`,
		Example: `  twinbroker things history org.acme:lamp-1
  twinbroker things history org.acme:lamp-1 /features/light --limit 0
  twinbroker things history org.acme:lamp-1 -o json`,
		Args: cobra.RangeArgs(1, 2),
		RunE: with(func(ctx context.Context, c *client, out io.Writer, args []string) error {
			if most < 0 {
				return fmt.Errorf("--limit %d: 0 (all) or more", most)
			}
			h := &thingHistory{c: c, out: out, asJSON: asJSON()}
			var err error
			if h.thing, err = command(protocol.ActionRetrieve, args[:1]); err != nil {
				return err
			}
			if len(args) > 1 {
				if h.path, err = jsondoc.ParsePointer(args[1]); err != nil {
					return err
				}
			}
			return h.print(ctx, uint64(most))
		}),
	}
	cmd.Flags().IntVar(&most, "limit", 20, "no more than this many of the last revisions (0: all that are kept)")
	return cmd
}

// thingHistory reads a Thing as it was, one revision after another.
type thingHistory struct {
	c      *client
	out    io.Writer
	asJSON bool
	thing  *protocol.Message // a retrieve of it
	path   jsondoc.Pointer   // what is looked at
}

// pastThing is a Thing at a revision.
type pastThing struct {
	revision uint64
	known    bool           // it could be read
	value    *jsondoc.Value // nil: it was deleted
	headers  *jsondoc.Value // that were kept
}

// pastFields are those of a line; in a Thing they stand in this order.
const pastFields = "thingId,policyId,definition,attributes,features,_metadata,_revision,_modified"

func (h *thingHistory) print(ctx context.Context, most uint64) error {
	m := *h.thing
	m.Fields = "_revision"
	now, err := h.c.ask(ctx, &m)
	if err != nil {
		return err
	}
	v, _ := now.Value.Member("_revision")
	n, ok := v.Int()
	if !ok || n < 1 {
		return errors.New("the broker did not say which revision the Thing has")
	}
	top := uint64(n)
	first := uint64(1)
	if most > 0 && top > most {
		first = top - most + 1
	}
	if first, err = h.oldest(ctx, first, top); err != nil {
		return err
	}
	before := pastThing{known: true}
	if first > 1 {
		if before, err = h.at(ctx, first-1); err != nil {
			return err
		}
	}
	for revision := first; revision <= top; revision++ {
		was, err := h.at(ctx, revision)
		if err != nil {
			return err
		}
		if was.known { // else retention has overtaken it
			if err := h.line(before, was); err != nil {
				return err
			}
		}
		before = was
	}
	return nil
}

// oldest is the oldest revision from first to top that can be read.
func (h *thingHistory) oldest(ctx context.Context, first, top uint64) (uint64, error) {
	was, err := h.at(ctx, first)
	if was.known || err != nil {
		return first, err
	}
	steps := sort.Search(int(top-first), func(i int) bool {
		if err == nil {
			was, err = h.at(ctx, first+uint64(i))
		}
		return err != nil || was.known
	})
	return first + uint64(steps), err
}

// at reads a revision.
func (h *thingHistory) at(ctx context.Context, revision uint64) (pastThing, error) {
	m := *h.thing
	m.Headers = protocol.Headers{}
	m.Headers.Set(protocol.HeaderAtRevision, jsondoc.Int(int64(revision)))
	m.Fields = pastFields
	r, err := h.c.ask(ctx, &m)
	var refused *refusedError
	switch {
	case errors.As(err, &refused) && refused.code == "things:thing.history.notfound":
		return pastThing{revision: revision}, nil
	case errors.As(err, &refused) && refused.code == "things:thing.notfound":
		return pastThing{revision: revision, known: true}, nil
	case err != nil:
		return pastThing{}, err
	}
	return pastThing{revision, true, r.Value, r.Headers.Value(protocol.HeaderHistoricalHeaders)}, nil
}

// line prints a revision.
func (h *thingHistory) line(before, was pastThing) error {
	if h.asJSON {
		_, err := fmt.Fprintln(h.out, h.json(was).String())
		return err
	}
	var changes []pastChange
	switch old, now := h.part(before.value), h.part(was.value); {
	case !before.known:
		changes = []pastChange{{"was", h.path, now}}
	case before.value != nil && was.value == nil:
		changes = []pastChange{{"deleted", nil, nil}}
	default:
		changes = compare(nil, h.path, old, now)
	}
	for _, c := range changes {
		value := ""
		if c.value != nil {
			value = "  " + c.value.String()
		}
		if _, err := fmt.Fprintf(h.out, "%s  r%d  %s  %s  %s%s\n", was.time(), was.revision, was.by(), c.what, c.path, value); err != nil {
			return err
		}
	}
	return nil
}

// json is a revision for scripts, in the form of the events that Ditto streams.
func (h *thingHistory) json(was pastThing) *jsondoc.Value {
	var members []jsondoc.Member
	if was.value == nil {
		members = append(members, jsondoc.Member{Name: "thingId", Value: jsondoc.String(h.thing.Topic.EntityID())},
			jsondoc.Member{Name: "_revision", Value: jsondoc.Int(int64(was.revision))})
		return jsondoc.Object(members...)
	}
	value := was.value
	if len(h.path) > 0 {
		fields := []jsondoc.Pointer{{"thingId"}, h.path, {"_revision"}, {"_modified"}}
		value = value.Select(jsondoc.NewSelector(fields...))
	}
	for name, v := range value.Members() {
		members = append(members, jsondoc.Member{Name: name, Value: v})
	}
	headers := was.headers
	if headers == nil {
		headers = jsondoc.Object()
	}
	return jsondoc.Object(append(members, jsondoc.Member{Name: "_context",
		Value: jsondoc.Object(jsondoc.Member{Name: "headers", Value: headers})})...)
}

// part is what is looked at, without the special fields; nil where it is not.
func (h *thingHistory) part(thing *jsondoc.Value) *jsondoc.Value {
	if thing == nil {
		return nil
	}
	if len(h.path) > 0 {
		v, _ := thing.Get(h.path)
		return v
	}
	var members []jsondoc.Member
	for name, v := range thing.Members() {
		if name != "_revision" && name != "_modified" {
			members = append(members, jsondoc.Member{Name: name, Value: v})
		}
	}
	return jsondoc.Object(members...)
}

// time is when the change was made, as far as that is known.
func (p pastThing) time() string {
	if p.value != nil {
		if v, ok := p.value.Member("_modified"); ok {
			text, _ := v.Text()
			if t, err := time.Parse(time.RFC3339Nano, text); err == nil {
				return t.Local().Format(time.DateTime)
			}
		}
	}
	return fmt.Sprintf("%-*s", len(time.DateTime), "-")
}

// by is who made the change, as far as that was kept.
func (p pastThing) by() string {
	if p.headers != nil {
		if v, ok := p.headers.Member(protocol.HeaderOriginator); ok {
			if text, ok := v.Text(); ok {
				return text
			}
		}
	}
	return "-"
}

// pastChange is one difference between two revisions.
type pastChange struct {
	what  string
	path  jsondoc.Pointer
	value *jsondoc.Value
}

// compare finds what differs, and goes into objects that were there before.
func compare(found []pastChange, at jsondoc.Pointer, old, now *jsondoc.Value) []pastChange {
	switch {
	case old == nil && now == nil:
		return found
	case old == nil:
		return append(found, pastChange{"created", at, now})
	case now == nil:
		return append(found, pastChange{"deleted", at, nil})
	case old.Kind() != jsondoc.KindObject || now.Kind() != jsondoc.KindObject:
		if old.String() == now.String() {
			return found
		}
		return append(found, pastChange{"modified", at, now})
	}
	below := func(name string) jsondoc.Pointer { return append(at[:len(at):len(at)], name) }
	for name, v := range old.Members() {
		next, _ := now.Member(name)
		found = compare(found, below(name), v, next)
	}
	for name, v := range now.Members() {
		if _, was := old.Member(name); !was {
			found = compare(found, below(name), nil, v)
		}
	}
	return found
}
