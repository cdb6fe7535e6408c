package mapping

import (
	"strings"

	"github.com/expr-lang/expr/types"

	"github.com/twinbroker/twinbroker/twin/jsondoc"
)

// ruleVariables are what the expressions of a mapping can name, besides its
// captures. They go by the names of the placeholders: {{ mqtt:qos }} is
// mqtt.qos.
var ruleVariables = types.Map{
	"payload": types.Any,
	"message": types.Any, // with "each": the whole, of which the payload is an element
	"topic":   types.String,
	"client":  types.Map{"id": types.String, "username": types.Any},
	"header":  types.TypeOf(map[string]any{}), // the user properties; also those that Ditto's placeholders know
	"mqtt": types.Map{
		"topic": types.String, "qos": types.Int, "retain": types.Bool, "message-expiry-interval": types.Any,
		"content-type": types.Any, "response-topic": types.Any, "correlation-data": types.Any,
	},
	"now": types.Any, // milliseconds since 1970, as {{ time:now_epoch_millis }}
}

// variables gives the rule's expressions what they use of the message. They
// are made once for each payload.
func (r *rule) variables(m *message) map[string]any {
	if m.hasVariables {
		return m.variables
	}
	if m.variables == nil {
		m.variables = map[string]any{}
	}
	clear(m.variables)
	m.hasVariables = true
	for name, needed := range r.uses {
		if value, ok := r.variable(m, name, needed); ok {
			m.variables[name] = value
		}
	}
	return m.variables
}

// variable is what [quickNode] asks for.
func (m *message) variable(name string) (*jsondoc.Value, bool) {
	switch name {
	case "payload":
		return m.value, m.value != nil
	case "message":
		return m.document, m.document != nil
	}
	return nil, false
}

func (r *rule) variable(m *message, name string, needed *usage) (any, bool) {
	in := m.in
	switch name {
	case "payload":
		if m.value == nil { // not read yet: the condition does without it
			return nil, false
		}
		return needed.decode(m.value), true
	case "message":
		if m.document == nil { // likewise
			return nil, false
		}
		if m.whole == nil {
			m.whole = needed.decode(m.document)
		}
		return m.whole, true
	case "topic":
		return in.Topic, true
	case "client":
		client := map[string]any{"id": in.Client, "username": nil}
		if in.Username != "" {
			client["username"] = in.Username
		}
		return client, true
	case "header":
		return in.headerVariable(needed), true
	case "mqtt":
		return in.mqttVariable(), true
	case "now":
		return whole(in.Now.UnixMilli()), true
	}
	if i := r.pattern.capture(name); i >= 0 {
		return m.caps[i], true
	}
	return nil, false
}

func (in *Input) mqttVariable() map[string]any {
	mqtt := map[string]any{"topic": in.Topic, "qos": int(in.QoS), "retain": in.Retain}
	if p := in.Properties; p != nil {
		for _, name := range []string{"content-type", "response-topic", "correlation-data"} {
			if text, ok := in.appendMQTT(nil, name); ok {
				mqtt[name] = string(text)
			}
		}
		if p.Expiry > 0 {
			mqtt["message-expiry-interval"] = int(p.Expiry.Seconds())
		}
	}
	return mqtt
}

// headerVariable has the headers that are asked for by name under that name,
// and with them all user properties where all are wanted.
func (in *Input) headerVariable(needed *usage) map[string]any {
	header := map[string]any{}
	if needed.whole && in.Properties != nil {
		for _, u := range in.Properties.User {
			if _, ok := header[u.Name]; !ok {
				header[u.Name] = strings.Clone(u.Value)
			}
		}
	}
	for _, name := range needed.members {
		if text, ok := in.appendHeader(nil, name); ok {
			header[name] = string(text)
		}
	}
	return header
}
