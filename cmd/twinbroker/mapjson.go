package main

import (
	"fmt"

	"github.com/twinbroker/twinbroker/cmd/twinbroker/config"
	"github.com/twinbroker/twinbroker/mapping"
	"github.com/twinbroker/twinbroker/twin/jsondoc"
)

// json says to scripts what came of the message, and how: "mappings" that
// were tried, the "nearest" where none fits, "events" with the publications
// that were tried, and the "result" as recordings expect it.
func (r *dryResult) json(cfg *config.Config) *jsondoc.Value {
	var o object
	if r.trace != nil {
		var tried []*jsondoc.Value
		for i := range r.trace.Rules {
			tried = append(tried, ruleJSON(cfg, &r.trace.Rules[i]))
		}
		o.add("mappings", jsondoc.Array(tried...))
	}
	if r.nearest != nil {
		var list []*jsondoc.Value
		for _, n := range r.nearest {
			near := entryJSON(cfg, "mappings", n.Rule, n.Topic)
			near.text("why", n.Why)
			list = append(list, near.value())
		}
		o.add("nearest", jsondoc.Array(list...))
	}
	if r.out {
		var events []*jsondoc.Value
		for i := range r.events {
			events = append(events, toldJSON(cfg, &r.events[i]))
		}
		o.add("events", jsondoc.Array(events...))
	}
	o.add("result", r.value(cfg, r.out))
	if why := r.why(); why != "" {
		o.text("why", why)
	}
	return o.value()
}

// entryJSON names an entry of one of the configuration's lists.
func entryJSON(cfg *config.Config, list string, index int, topic string) object {
	var o object
	o.add("index", jsondoc.Int(int64(index)))
	o.text("topic", topic)
	o.text("place", cfg.Place(fmt.Sprintf("%s[%d]", list, index)))
	return o
}

func ruleJSON(cfg *config.Config, t *mapping.RuleTrace) *jsondoc.Value {
	o := entryJSON(cfg, "mappings", t.Rule, t.Topic)
	o.add("tried", jsondoc.Bool(t.Tried))
	if !t.Tried {
		return o.value()
	}
	var captures object
	for _, c := range t.Captures {
		captures.text(c.Name, c.Value)
	}
	o.add("captures", captures.value())
	var steps []*jsondoc.Value
	for _, s := range t.Steps {
		steps = append(steps, stepJSON(&s))
	}
	o.add("steps", jsondoc.Array(steps...))
	if t.Err != nil {
		o.add("refused", refusedValue(t.Err))
		return o.value()
	}
	var changes []*jsondoc.Value
	for i := range t.Changes {
		changes = append(changes, changeValue(cfg, &t.Changes[i]))
	}
	o.add("changes", jsondoc.Array(changes...))
	return o.value()
}

func stepJSON(s *mapping.Step) *jsondoc.Value {
	var o object
	o.text("key", s.Key)
	if s.Path != "" {
		o.text("path", s.Path)
	}
	if s.From != "" {
		o.text("from", s.From)
	}
	if s.Value != nil {
		o.add("value", s.Value)
	}
	if s.Why != "" {
		o.text("why", s.Why)
	}
	return o.value()
}

func toldJSON(cfg *config.Config, t *told) *jsondoc.Value {
	var o object
	o.add("event", envelopeValue(t.event))
	var list []*jsondoc.Value
	for _, p := range t.publications {
		tried := entryJSON(cfg, "publications", p.Publication, p.Topic)
		if p.Extra != nil {
			tried.add("extra", p.Extra)
		}
		if p.Why != "" {
			tried.text("why", p.Why)
		}
		var outs []*jsondoc.Value
		for i := range p.Outs {
			outs = append(outs, outValue(cfg, &p.Outs[i]))
		}
		tried.add("sent", jsondoc.Array(outs...))
		list = append(list, tried.value())
	}
	o.add("publications", jsondoc.Array(list...))
	return o.value()
}
