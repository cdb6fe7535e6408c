package protocol

// EscapeName percent-encodes what an MQTT topic level cannot carry.
func EscapeName(name string) string { panic("being written") }

// UnescapeName is the reverse of [EscapeName].
func UnescapeName(level string) (string, error) { panic("being written") }

// ParseMQTTTopic parses what stands below the root of the Ditto tree in an
// MQTT topic.
func ParseMQTTTopic(belowRoot string) (Topic, error) { panic("being written") }

// AppendMQTT appends the topic path as it stands in an MQTT topic.
func (t Topic) AppendMQTT(dst []byte) []byte { panic("being written") }
