// Command baremochi is mochi and nothing else: the yardstick of the benchmark.
// It relays for whoever connects, keeps nothing, logs nothing, and has its
// limits raised so far that none of them is met.
package main

import (
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/hooks/auth"
	"github.com/mochi-mqtt/server/v2/listeners"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:1883", "address to listen at")
	pending := flag.Int("pending", 64<<10, "messages that may wait for one subscriber")
	buffer := flag.Int("buffer", 16<<10, "bytes of a connection's read and write buffer")
	flag.Parse()
	if err := run(*listen, *pending, *buffer); err != nil {
		fmt.Fprintln(os.Stderr, "baremochi:", err)
		os.Exit(1)
	}
}

func run(listen string, pending, buffer int) error {
	caps := mqtt.NewDefaultServerCapabilities()
	caps.MaximumClientWritesPending = int32(pending)
	caps.MaximumInflight = 65535
	caps.ReceiveMaximum = 65535
	server := mqtt.New(&mqtt.Options{
		Capabilities:             caps,
		ClientNetReadBufferSize:  buffer,
		ClientNetWriteBufferSize: buffer,
		Logger:                   slog.New(slog.DiscardHandler),
		SysTopicResendInterval:   3600,
	})
	if err := server.AddHook(new(auth.AllowHook), nil); err != nil {
		return err
	}
	if err := server.AddListener(listeners.NewTCP(listeners.Config{ID: "tcp", Address: listen})); err != nil {
		return err
	}
	if err := server.Serve(); err != nil {
		return err
	}
	fmt.Println("baremochi ready", listen)
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGINT, syscall.SIGTERM)
	<-stop
	return server.Close()
}
