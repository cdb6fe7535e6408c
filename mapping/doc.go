// Package mapping says what an MQTT message means for a twin, and what a
// signal of a twin means for MQTT.
//
// The one idea: both directions are a pattern that takes names out of a path,
// and templates that use those names in another. A rule takes "x/{device}/y"
// out of an MQTT topic and writes "org.acme:{{ device }}" as the ID of a Thing
// and JSON Pointers into its attributes and features; what one rule makes of
// one payload is one merge of one Thing, and all that comes of one message is
// applied together or not at all. What pointers and templates cannot say,
// expressions do; they are bounded in what they may cost, as the messages that
// they are given come from anybody. A publication takes "/features/{feature}/…"
// out of the path of an event and writes an MQTT topic. Patterns, templates and
// expressions are compiled once, when the configuration is read, and every
// mistake in them is told then, by its place in the configuration; what is left
// to go wrong with a message is refused as a Ditto Protocol error that names
// the rule.
//
// The words are those of Eclipse Ditto's placeholders (page
// "basic-placeholders") and of RFC 6901 and RFC 7396. The package knows no
// YAML and no MQTT packets: it is given a topic and a payload, and gives back
// protocol messages, or topics and payloads.
package mapping
