//go:build unix

package mqttraw

import "syscall"

func setReceiveBuffer(raw syscall.RawConn, size int) error {
	var set error
	if err := raw.Control(func(fd uintptr) {
		set = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, size)
	}); err != nil {
		return err
	}
	return set
}
