// Package twin is the service behind the Ditto Protocol: it takes a message
// and who sent it, applies it to the Thing that it addresses, and gives back
// what follows: the response, and the event for the world.
//
// It is where Ditto's rules about Things are: what a Thing looks like, which
// path has what, what a command does to it, and what is answered when it
// cannot. A change is worked out on an immutable document ([jsondoc.Value]),
// written down as a small record and handed to the store; the outcome is told
// when everything that it was computed from is on disk, and not before. The
// same record applied to the same state gives the same state, which is how
// package store gets it back after a restart.
//
// It knows no MQTT: who may connect, where responses go and what reaches whom
// is for package broker.
//
// Sources: Ditto's documentation pages protocol-specification-things,
// basic-thing, basic-feature; where they leave something open, what Ditto 3.9
// does.
package twin
