// Package recording is the file of recorded MQTT messages that the verb "map"
// writes and tests with.
//
// The one idea: a YAML list that people read and edit. An entry is an MQTT
// message as a subscriber saw it, or a Ditto Protocol envelope, and what is
// expected to come of it. Everything is kept by its place in the file, so
// that a difference is told by the line of the value that differs, and so that
// new expectations are written without touching the comments around them. The
// package does not know what comes of a message: it is given that as a JSON
// value and compares.
package recording
