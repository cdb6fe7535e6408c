package recording

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/twinbroker/twinbroker/cmd/twinbroker/config"
	"github.com/twinbroker/twinbroker/twin/jsondoc"
	"go.yaml.in/yaml/v3"
)

// Message is an MQTT message. A subscriber is not told who published it:
// Client and Username are for those who know, and write them into the file.
type Message struct {
	Topic       string
	Payload     []byte
	QoS         byte
	Retain      bool
	ContentType string
	ReplyTo     string     // MQTT 5 response topic
	Correlation string     // MQTT 5 correlation data, where it is text
	Properties  []Property // MQTT 5 user properties
	Client      string
	Username    string
	Time        time.Time
}

// Property is an MQTT 5 user property.
type Property struct{ Name, Value string }

// Entry is one element of the list.
type Entry struct {
	Message  Message
	Envelope *jsondoc.Value // not nil: a Ditto Protocol envelope instead of an MQTT message
	Thing    *jsondoc.Value // the Thing that is there already; nil: not said

	file string
	node *yaml.Node // the map
}

// Standstill is the time of an entry that says none, so that it comes to the
// same result every time.
var Standstill = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

// The keys of an entry.
const (
	keyTopic       = "topic"
	keyPayload     = "payload"
	keyBase64      = "payload_base64"
	keyQoS         = "qos"
	keyRetain      = "retain"
	keyContentType = "content_type"
	keyReplyTo     = "response_topic"
	keyCorrelation = "correlation_data"
	keyProperties  = "properties"
	keyClient      = "client"
	keyUsername    = "username"
	keyTime        = "time"
	keyEnvelope    = "envelope"
	keyThing       = "thing"
	keyExpect      = "expect"
)

// Name is what the entry is called: its topic.
func (e *Entry) Name() string {
	if e.Envelope == nil {
		return e.Message.Topic
	}
	topic, _ := e.Envelope.Member("topic")
	if topic != nil {
		if text, ok := topic.Text(); ok {
			return text
		}
	}
	return "envelope"
}

// Place is where the entry begins, "file:line".
func (e *Entry) Place() string { return e.at(e.node) }

func (e *Entry) at(node *yaml.Node) string { return e.file + ":" + strconv.Itoa(node.Line) }

// value is the node of a key, nil when it is not there.
func (e *Entry) value(name string) *yaml.Node {
	for i := 0; i+1 < len(e.node.Content); i += 2 {
		if e.node.Content[i].Value == name {
			return e.node.Content[i+1]
		}
	}
	return nil
}

// read fills in the entry from its node.
func (e *Entry) read() error {
	if e.node.Kind != yaml.MappingNode {
		return fmt.Errorf("%s: is not a message: a map with the keys topic and payload is one", e.Place())
	}
	var seen []string
	for i := 0; i+1 < len(e.node.Content); i += 2 {
		key, value := e.node.Content[i], e.node.Content[i+1]
		if slices.Contains(seen, key.Value) {
			return fmt.Errorf("%s: %s: is there twice", e.at(key), key.Value)
		}
		seen = append(seen, key.Value)
		if err := e.take(key.Value, value); err != nil {
			return fmt.Errorf("%s: %s: %w", e.at(key), key.Value, err)
		}
	}
	has := func(name string) bool { return slices.Contains(seen, name) }
	switch {
	case has(keyEnvelope) && (has(keyTopic) || has(keyPayload) || has(keyBase64)):
		return fmt.Errorf("%s: has both an envelope and an MQTT message: an entry is one of them", e.Place())
	case !has(keyEnvelope) && !has(keyTopic):
		return fmt.Errorf("%s: has no topic", e.Place())
	case has(keyPayload) && has(keyBase64):
		return fmt.Errorf("%s: has both payload and payload_base64", e.Place())
	}
	if e.Message.Time.IsZero() {
		e.Message.Time = Standstill
	}
	return nil
}

func (e *Entry) take(name string, node *yaml.Node) (err error) {
	m := &e.Message
	if node.Kind == yaml.AliasNode {
		node = node.Alias
	}
	switch name {
	case keyTopic:
		m.Topic, err = text(node)
		if err == nil && m.Topic == "" {
			err = fmt.Errorf("is empty")
		}
	case keyPayload:
		var payload string
		payload, err = text(node)
		m.Payload = []byte(payload)
	case keyBase64:
		var encoded string
		if encoded, err = text(node); err == nil {
			if m.Payload, err = base64.StdEncoding.DecodeString(strings.Join(strings.Fields(encoded), "")); err != nil {
				err = fmt.Errorf("is not base64: %w", err)
			}
		}
	case keyQoS:
		m.QoS, err = qos(node)
	case keyRetain:
		err = node.Decode(&m.Retain)
	case keyContentType:
		m.ContentType, err = text(node)
	case keyReplyTo:
		m.ReplyTo, err = text(node)
	case keyCorrelation:
		m.Correlation, err = text(node)
	case keyProperties:
		m.Properties, err = properties(node)
	case keyClient:
		m.Client, err = text(node)
	case keyUsername:
		m.Username, err = text(node)
	case keyTime:
		m.Time, err = time.Parse(time.RFC3339Nano, node.Value)
		if err != nil {
			err = fmt.Errorf("%q is not a time like 2026-07-01T12:00:00.042Z", node.Value)
		}
	case keyEnvelope:
		e.Envelope, err = object(node)
	case keyThing:
		e.Thing, err = object(node)
	case keyExpect:
	default:
		err = fmt.Errorf("is not a key of a recorded message; these are: %s", strings.Join([]string{
			keyTopic, keyPayload, keyBase64, keyQoS, keyRetain, keyContentType, keyReplyTo, keyCorrelation, keyProperties,
			keyClient, keyUsername, keyTime, keyEnvelope, keyThing, keyExpect}, ", "))
	}
	return err
}

// text is the text of a scalar; a payload like 21.50 needs no quotes.
func text(node *yaml.Node) (string, error) {
	switch {
	case node.Kind != yaml.ScalarNode:
		return "", fmt.Errorf("should be a text: put a payload of JSON into single quotes")
	case node.Tag == "!!null":
		return "", nil
	}
	return node.Value, nil
}

func qos(node *yaml.Node) (byte, error) {
	n, err := strconv.Atoi(node.Value)
	if err != nil || n < 0 || n > 2 {
		return 0, fmt.Errorf("%q is not one of 0, 1, 2", node.Value)
	}
	return byte(n), nil
}

// properties reads {name: value}; a name that is there several times has a
// list.
func properties(node *yaml.Node) ([]Property, error) {
	if node.Kind != yaml.MappingNode {
		return nil, fmt.Errorf("should be a map of names and values")
	}
	var list []Property
	for i := 0; i+1 < len(node.Content); i += 2 {
		name, values := node.Content[i].Value, []*yaml.Node{node.Content[i+1]}
		if values[0].Kind == yaml.SequenceNode {
			values = values[0].Content
		}
		for _, value := range values {
			v, err := text(value)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
			list = append(list, Property{Name: name, Value: v})
		}
	}
	return list, nil
}

// object reads an object as YAML or as a text of JSON.
func object(node *yaml.Node) (*jsondoc.Value, error) {
	var v *jsondoc.Value
	var err error
	if node.Kind == yaml.ScalarNode {
		v, err = jsondoc.Parse([]byte(strings.TrimSpace(node.Value)), jsondoc.Limits{})
	} else {
		v, err = config.JSON(node)
	}
	if err == nil && v.Kind() != jsondoc.KindObject {
		err = fmt.Errorf("is not an object")
	}
	return v, err
}

// nodeOf is a message as an element of the list.
func nodeOf(m *Message) *yaml.Node {
	entry := &yaml.Node{Kind: yaml.MappingNode}
	add := func(name string, value *yaml.Node) {
		entry.Content = append(entry.Content, plain("!!str", name), value)
	}
	add(keyTopic, plain("!!str", m.Topic))
	if utf8.Valid(m.Payload) {
		payload := plain("!!str", string(m.Payload))
		if !strings.Contains(payload.Value, "\n") {
			payload.Style = yaml.SingleQuotedStyle
		}
		add(keyPayload, payload)
	} else {
		add(keyBase64, plain("!!str", base64.StdEncoding.EncodeToString(m.Payload)))
	}
	if m.QoS > 0 {
		add(keyQoS, plain("!!int", strconv.Itoa(int(m.QoS))))
	}
	if m.Retain {
		add(keyRetain, plain("!!bool", "true"))
	}
	text := func(name, value string) {
		if value != "" {
			add(name, plain("!!str", value))
		}
	}
	text(keyContentType, m.ContentType)
	text(keyReplyTo, m.ReplyTo)
	text(keyCorrelation, m.Correlation)
	if len(m.Properties) > 0 {
		add(keyProperties, propertyNode(m.Properties))
	}
	text(keyClient, m.Client)
	text(keyUsername, m.Username)
	add(keyTime, plain("!!timestamp", m.Time.UTC().Format("2006-01-02T15:04:05.000Z")))
	return entry
}

func propertyNode(list []Property) *yaml.Node {
	node := &yaml.Node{Kind: yaml.MappingNode}
	at := map[string]int{}
	for _, p := range list {
		value := plain("!!str", p.Value)
		i, again := at[p.Name]
		switch {
		case !again:
			at[p.Name] = len(node.Content) + 1
			node.Content = append(node.Content, plain("!!str", p.Name), value)
		case node.Content[i].Kind == yaml.SequenceNode:
			node.Content[i].Content = append(node.Content[i].Content, value)
		default:
			node.Content[i] = &yaml.Node{Kind: yaml.SequenceNode, Style: yaml.FlowStyle, Content: []*yaml.Node{node.Content[i], value}}
		}
	}
	return node
}

func plain(tag, value string) *yaml.Node {
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: tag, Value: value}
}
