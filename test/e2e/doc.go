// Package e2e tests the built program from outside, as its users see it: real
// clients over real sockets, in every table a row for each behaviour that the
// documentation promises. What one package alone can show is tested there; here
// stands what only the whole can: that a command published over MQTT comes to
// its response, its event and its place on disk, and that whatever is refused
// leaves no trace but the refusal.
package e2e
