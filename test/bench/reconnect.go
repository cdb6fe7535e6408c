//go:build linux

package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/twinbroker/twinbroker/broker/auth"
	"github.com/twinbroker/twinbroker/test/mqttraw"
)

const (
	reconnecting   = 5000
	clientPatience = 30 * time.Second // for a CONNACK, as paho has it; then the client tries again
	reconnectWhole = 5 * time.Minute  // then something is wrong
)

// measureReconnect lets clients with passwords, each a user of its own, connect
// at once to a broker that was just started and knows none of their passwords,
// and again after their connections were cut.
func (b *bench) measureReconnect(table *report) (err error) {
	dir, err := os.MkdirTemp(b.dir, "reconnect")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	// One hash for all saves making 5,000; the broker checks each all the same,
	// as it remembers what was right by user.
	hash := auth.Hash([]byte("secret"))
	var users strings.Builder
	for i := range reconnecting {
		fmt.Fprintf(&users, "device-%d:%s:devices\n", i, hash)
	}
	file, config := filepath.Join(dir, "users"), filepath.Join(dir, "bench.yaml")
	addr, err := freeAddress()
	if err != nil {
		return err
	}
	text := fmt.Sprintf("data_dir: %q\nlisteners: [{address: \"tcp://%s\"}]\nhttp: {address: \"off\"}\nauth: {users_file: %q}\n", filepath.Join(dir, "data"), addr, file)
	if err := errors.Join(os.WriteFile(file, []byte(users.String()), 0o600), os.WriteFile(config, []byte(text), 0o600)); err != nil {
		return err
	}
	srv, err := start(addr, "twinbroker ready", nil, b.programs.broker, "serve", "-c", config)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, srv.stop()) }()
	var took [2]time.Duration
	for i, what := range []string{"first", "again"} {
		if took[i], err = allConnect(addr); err != nil {
			return err
		}
		fmt.Fprintf(b.log, "reconnect %s: %v\n", what, took[i].Round(time.Millisecond))
	}
	table.addReconnect(took[0], took[1])
	return nil
}

// allConnect is how long it takes until all clients are connected at once. They
// are cut off then.
func allConnect(addr string) (time.Duration, error) {
	conns, errs := make([]net.Conn, reconnecting), make([]error, reconnecting)
	began := time.Now()
	var all sync.WaitGroup
	for i := range reconnecting {
		all.Go(func() {
			for conns[i] == nil {
				if conns[i], errs[i] = connectOnce(addr, fmt.Sprint("device-", i)); time.Since(began) > reconnectWhole {
					return
				}
			}
		})
	}
	all.Wait()
	took := time.Since(began)
	for i, c := range conns {
		if c == nil {
			return took, fmt.Errorf("device-%d is not back after %v: %w", i, took, errs[i])
		}
		_ = c.Close()
	}
	return took, nil
}

func connectOnce(addr, name string) (net.Conn, error) {
	c, err := net.DialTimeout("tcp", addr, clientPatience)
	if err != nil {
		return nil, err
	}
	_ = c.SetDeadline(time.Now().Add(clientPatience))
	_, err = c.Write(mqttraw.AppendConnect(nil, &mqttraw.Options{ClientID: name, Username: name, Password: "secret", Clean: true}))
	var connack [4]byte
	if err == nil {
		_, err = io.ReadFull(c, connack[:])
	}
	if err == nil && connack[3] != 0 {
		err = fmt.Errorf("refused with %d", connack[3])
	}
	if err != nil {
		_ = c.Close()
		return nil, err
	}
	return c, nil
}
