//go:build !unix

package mqttraw

import "syscall"

// Elsewhere the system's own size has to do.
func setReceiveBuffer(syscall.RawConn, int) error { return nil }
