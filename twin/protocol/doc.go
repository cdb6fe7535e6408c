// Package protocol is the Ditto Protocol as bytes: the topic path, the
// headers, the envelope, the identifiers and the errors, with what Eclipse
// Ditto says about how each of them is written and what it refuses.
//
// It parses and prints, and does nothing else: it knows no Thing's state, no
// MQTT client and no storage. A message that it has parsed is well formed;
// whether it can be applied is for package twin to say. What it refuses, it
// refuses with an [Error] that carries Ditto's status and code, and that can
// be turned into the envelope which goes back to the sender.
//
// Sources: Ditto's documentation pages protocol-specification,
// protocol-specification-topic, protocol-specification-things,
// protocol-specification-errors and basic-namespaces-and-names.
package protocol
