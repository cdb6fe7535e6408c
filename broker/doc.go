// Package broker is the MQTT server: mochi frames and decodes packets and keeps
// the connections, and everything that a client can rely on is decided here.
//
// A message goes one way. A client's PUBLISH takes its place in line (package
// broker/session), is routed by its topic (route.go): into the Ditto Protocol
// tree (command.go), through the mappings (mapped.go) or to the subscribers
// (plain.go). What changes a twin comes back when it is on disk (outcome.go):
// only then the acknowledgement, the response and the events leave. Whatever is
// refused passes refuse.go, which counts it, logs it, tells the client and the
// operators.
package broker
