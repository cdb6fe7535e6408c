package control

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
)

// longestPath is what every system takes for the path of a Unix socket.
const longestPath = 103

// makingName is the folder in which the socket is made. Nobody else can look
// into it, so the socket is never there with the wrong permissions.
const makingName = SocketName + ".tmp"

// listen makes the socket in the folder, in the place of one that a dead
// process left. The folder's lock must be held. The socket has to be removed
// when it is closed.
func listen(dir string) (net.Listener, error) {
	making := filepath.Join(dir, makingName)
	if err := os.RemoveAll(making); err != nil {
		return nil, err
	}
	if err := os.Mkdir(making, 0o700); err != nil {
		return nil, err
	}
	defer os.RemoveAll(making)
	var l *net.UnixListener
	err := within(making, func(short string) (err error) {
		l, err = net.ListenUnix("unix", &net.UnixAddr{Name: short, Net: "unix"})
		return err
	})
	if err != nil {
		return nil, err
	}
	l.SetUnlinkOnClose(false) // it is under another name by then
	made, path := filepath.Join(making, SocketName), filepath.Join(dir, SocketName)
	if err = os.Chmod(made, 0o600); err == nil {
		err = os.Rename(made, path)
	}
	if err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

// dial connects to the socket in the folder.
func dial(dir string) (conn net.Conn, err error) {
	err = within(dir, func(short string) (err error) {
		conn, err = net.Dial("unix", short)
		return err
	})
	return conn, err
}

// within gives fn the path of the socket in dir, or another name of it that is
// short enough for a Unix socket.
func within(dir string, fn func(path string) error) error {
	path := filepath.Join(dir, SocketName)
	if len(path) <= longestPath {
		return fn(path)
	}
	short, done, err := shorten(dir)
	if err != nil {
		return fmt.Errorf("%s: a Unix socket's path may have %d bytes, this one has %d: choose a shorter data_dir: %w", path, longestPath, len(path), err)
	}
	defer done()
	return fn(short + "/" + SocketName)
}
