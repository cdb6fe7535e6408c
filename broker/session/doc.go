// Package session keeps what each client is owed: the acknowledgements of what
// it published, in order and only when the broker says so, and the messages
// that its subscriptions brought it, until it has acknowledged them.
//
// A [Session] belongs to a client identifier and outlives connections; a [Conn]
// is one connection of it, with the one goroutine that writes to its socket.
// Whoever has something for a client (the reader of another client, the
// goroutine that tells of commits) puts it into the session's queue and goes
// on; nobody but the connection's own writer waits for a socket. A queue has a
// bound, and what happens when it is full is the client's own affair: QoS 0 is
// dropped and counted, QoS 1 and 2 are held to the bound and then dropped and
// counted too, and no publisher is slowed.
//
// In the other direction each publish takes a [Slot]. Acknowledgements leave in
// the order of the publishes (MQTT 5.0 section 4.6), each when its slot and all
// before it are complete. A slot belongs to the connection; what QoS 2 has
// received belongs to the session, so that a redelivery after a takeover joins
// the first delivery and is not applied again.
//
// The package knows MQTT and nothing of twins. It writes packets through a
// [Wire] and reads none: the broker hands it what mochi has decoded.
package session
