// Package sessions tests what a client of the running broker can rely on when
// connections break, clients misbehave, or several things happen at once: that a
// publish is applied once or at least once, as its quality of service says, and
// that whatever one client does, the others do not notice.
package sessions
