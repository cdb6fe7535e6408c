package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"unicode/utf8"

	"github.com/twinbroker/twinbroker/cmd/twinbroker/config"
	"github.com/twinbroker/twinbroker/mapping"
	"github.com/twinbroker/twinbroker/twin/jsondoc"
	"github.com/twinbroker/twinbroker/twin/protocol"
)

// print says to people what came of the message, and how.
func (r *dryResult) print(out io.Writer, cfg *config.Config) error {
	p := &mapPrinter{cfg: cfg}
	if r.trace != nil {
		for i := range r.trace.Rules {
			p.rule(&r.trace.Rules[i])
		}
		p.nearest(r.nearest)
		for i := range r.trace.Changes {
			p.line("")
			p.json(envelopeValue(r.trace.Changes[i].Message))
		}
	}
	if r.out {
		for _, t := range r.events {
			p.told(&t)
		}
	}
	_, err := io.WriteString(out, strings.TrimPrefix(p.text.String(), "\n"))
	return err
}

// mapPrinter collects the text.
type mapPrinter struct {
	cfg  *config.Config
	text strings.Builder
}

func (p *mapPrinter) line(format string, args ...any) {
	fmt.Fprintf(&p.text, format+"\n", args...)
}

func (p *mapPrinter) json(v *jsondoc.Value) {
	encoder := json.NewEncoder(&p.text)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	_ = encoder.Encode(json.RawMessage(v.String())) // JSON, into memory
}

// rule says what one mapping made of the message.
func (p *mapPrinter) rule(t *mapping.RuleTrace) {
	p.line("\nmappings[%d] (%s)  %s", t.Rule, t.Topic, p.cfg.Place(fmt.Sprintf("mappings[%d]", t.Rule)))
	rows := [][]string{}
	for _, c := range t.Captures {
		rows = append(rows, []string{"{" + c.Name + "}", cut(c.Value), "topic"})
	}
	for _, s := range t.Steps {
		name, value, from := s.Key, "-", s.From
		switch {
		case s.Key == "set":
			name = s.Path
		case s.Path != "":
			name += " " + s.Path
		}
		if s.Value != nil {
			value = cut(shown(&s))
		}
		if s.Why != "" {
			from = strings.TrimPrefix(from+": "+s.Why, ": ")
		}
		rows = append(rows, []string{name, value, from})
	}
	p.table(rows)
	p.line("  => %s", p.verdict(t))
}

// verdict is what became of the rule.
func (p *mapPrinter) verdict(t *mapping.RuleTrace) string {
	switch {
	case !t.Tried:
		return "not tried: a mapping before it refuses the message, and nothing of a refused message is applied"
	case t.Err != nil:
		return fmt.Sprintf("refused (%d %s)", t.Err.Status, t.Err.Code)
	case len(t.Changes) == 0:
		return "nothing: " + nothingOf(t)
	}
	var made []string
	for i := range t.Changes {
		made = append(made, changeLine(&t.Changes[i]))
	}
	return strings.Join(made, "\n  => ")
}

// changeLine is a change in a line.
func changeLine(c *mapping.Change) string {
	line := fmt.Sprintf("%s of %s", c.Message.Topic.Action, c.Message.Topic.EntityID())
	switch {
	case c.Ditto:
		return "the envelope " + c.Message.Topic.String()
	case c.Create == nil:
		return line
	case c.Create.Policy == "":
		return line + ", created if need be, with a Policy of its own"
	}
	return line + ", created if need be, with the Policy " + c.Create.Policy
}

// nearest names the patterns that nearly fit.
func (p *mapPrinter) nearest(list []mapping.Near) {
	if len(list) == 0 {
		return
	}
	p.line("\nno pattern fits; the nearest are")
	for _, n := range list {
		p.line("  mappings[%d] (%s)  %s\n    %s", n.Rule, n.Topic, p.cfg.Place(fmt.Sprintf("mappings[%d]", n.Rule)), n.Why)
	}
}

// told says what the publications made of an event.
func (p *mapPrinter) told(t *told) {
	p.line("\nevent %s at %s: %s", t.event.Topic, pathText(t.event), cut(valueOf(t.event)))
	for _, pub := range t.publications {
		p.line("\npublications[%d] (%s)  %s", pub.Publication, pub.Topic, p.cfg.Place(fmt.Sprintf("publications[%d]", pub.Publication)))
		if pub.Extra != nil {
			p.line("  extra %s", pub.Extra)
		}
		if pub.Why != "" {
			p.line("  => nothing: %s", pub.Why)
		}
		for i := range pub.Outs {
			out := &pub.Outs[i]
			if out.Err != nil {
				p.line("  => not sent: %v", out.Err)
				continue
			}
			p.line("  => %s", outLine(out))
		}
	}
}

// outLine is an MQTT message in a line.
func outLine(out *mapping.Out) string {
	payload := string(out.Payload)
	switch {
	case payload == "":
		payload = "(empty)"
	case !utf8.ValidString(payload):
		payload = fmt.Sprintf("(%d bytes)", len(payload))
	}
	line := fmt.Sprintf("%s  %s  QoS %d", out.Topic, payload, out.QoS)
	if out.Retain {
		line += ", retained"
	}
	if out.To != "" {
		line += ", to " + out.To + " only"
	}
	return line
}

func pathText(m *protocol.Message) string {
	if len(m.Path) == 0 {
		return "/"
	}
	return m.Path.String()
}

func valueOf(m *protocol.Message) string {
	if m.Value == nil {
		return "no value"
	}
	return m.Value.String()
}

func (p *mapPrinter) table(rows [][]string) {
	w := tabwriter.NewWriter(&p.text, 0, 4, 2, ' ', 0)
	for _, row := range rows {
		fmt.Fprintln(w, "  "+strings.Join(row, "\t"))
	}
	_ = w.Flush() // into memory
}

// shown is a value in the table. What is written into the Thing is JSON, where
// a text has quotes, which tell it from a number; an ID is written without.
func shown(s *mapping.Step) string {
	text, isText := s.Value.Text()
	if !isText || text == "" || s.Key == "set" || s.Key == "each" {
		return s.Value.String()
	}
	return text
}

// cut keeps a value within a line; the whole is in the message.
func cut(text string) string {
	const most = 60
	text = strings.Map(func(r rune) rune {
		if r < ' ' {
			return '\uFFFD'
		}
		return r
	}, text)
	if runes := []rune(text); len(runes) > most {
		return string(runes[:most]) + "…"
	}
	return text
}
