package mapping

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// Properties are the MQTT 5 properties of a message that placeholders and
// expressions can use (MQTT 5.0 section 3.3.2.3).
type Properties struct {
	ContentType   string
	ResponseTopic string
	Correlation   []byte
	Expiry        time.Duration // until the message expires, in whole seconds; 0: never
	User          []UserProperty
}

// UserProperty is one of a message's user properties.
type UserProperty struct{ Name, Value string }

// mqttNames are what {{ mqtt:… }} can name, besides mqtt:topic. The first
// four are those that Ditto knows as {{ header:mqtt.… }}, the others MQTT's
// names of its properties.
var mqttNames = []string{"topic", "qos", "retain", "message-expiry-interval", "content-type", "response-topic", "correlation-data"}

// messagePlaceholder finds the placeholders of an MQTT message that are not
// one fixed name each; ok is false when it is none of them.
func messagePlaceholder(prefix, name string) (p part, ok bool, err error) {
	switch prefix {
	case "time":
		moment, err := parseMoment(name)
		return part{source: fromTime, moment: moment}, err == nil, err
	case "mqtt":
		for _, known := range mqttNames {
			if name == known {
				return part{source: fromMQTT, name: name}, true, nil
			}
		}
		return part{}, false, fmt.Errorf("mqtt: has %s", strings.Join(mqttNames, ", "))
	case "header":
		if name == "" {
			return part{}, false, fmt.Errorf("header: needs the name of a user property")
		}
		return part{source: fromHeader, name: name}, true, nil
	}
	return part{}, false, nil
}

// appendMQTT appends what the message says of itself under the name.
func (in *Input) appendMQTT(dst []byte, name string) ([]byte, bool) {
	switch name {
	case "topic":
		return append(dst, in.Topic...), true
	case "qos":
		return append(dst, '0'+in.QoS), true
	case "retain":
		return strconv.AppendBool(dst, in.Retain), true
	}
	p := in.Properties
	if p == nil {
		return dst, false
	}
	switch name {
	case "content-type":
		return append(dst, p.ContentType...), p.ContentType != ""
	case "response-topic":
		return append(dst, p.ResponseTopic...), p.ResponseTopic != ""
	case "correlation-data":
		return append(dst, p.Correlation...), len(p.Correlation) > 0 && utf8.Valid(p.Correlation)
	}
	return strconv.AppendInt(dst, int64(p.Expiry/time.Second), 10), p.Expiry > 0
}

// appendHeader appends the value of a user property; names are
// case-insensitive, and the first of a name counts. Without such a property,
// Ditto's names of what MQTT itself carries are known: mqtt.topic and the
// like, content-type, reply-to and correlation-id (page
// "connectivity-protocol-bindings-mqtt5").
func (in *Input) appendHeader(dst []byte, name string) ([]byte, bool) {
	if in.Properties != nil {
		for i := range in.Properties.User {
			if u := &in.Properties.User[i]; strings.EqualFold(u.Name, name) {
				return append(dst, u.Value...), true
			}
		}
	}
	switch name = strings.ToLower(name); name {
	case "mqtt.topic", "mqtt.qos", "mqtt.retain", "mqtt.message-expiry-interval":
		return in.appendMQTT(dst, name[len("mqtt."):])
	case "content-type":
		return in.appendMQTT(dst, name)
	case "reply-to":
		return in.appendMQTT(dst, "response-topic")
	case "correlation-id":
		return in.appendMQTT(dst, "correlation-data")
	}
	return dst, false
}
