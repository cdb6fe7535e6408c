package control

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/twinbroker/twinbroker/twin/store"
)

func serve(t *testing.T, dir string, h Handlers) *Server {
	t.Helper()
	s, err := Listen(dir, h, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func client(t *testing.T, dir string) *Client {
	t.Helper()
	c, err := Dial(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func TestTheSocketIsTheOwnersAndGoesWithTheServer(t *testing.T) {
	for name, dir := range map[string]string{
		"a folder":                  t.TempDir(),
		"a folder with a long name": filepath.Join(t.TempDir(), strings.Repeat("long/", 60)),
	} {
		t.Run(name, func(t *testing.T) {
			if len(dir) > longestPath && runtime.GOOS != "linux" {
				t.Skip("only Linux has short names for folders")
			}
			if err := os.MkdirAll(dir, 0o755); err != nil {
				t.Fatal(err)
			}
			if _, err := Dial(dir); !errors.Is(err, ErrNotRunning) {
				t.Fatalf("before: %v", err)
			}
			s := serve(t, dir, Handlers{Status: func() Status { return Status{Version: "v", PID: 7} }})
			info, err := os.Stat(filepath.Join(dir, SocketName))
			if err != nil || info.Mode() != os.ModeSocket|0o600 {
				t.Fatalf("%v, %v", info.Mode(), err)
			}
			got, err := client(t, dir).Status(t.Context())
			if err != nil || got.Version != "v" || got.PID != 7 {
				t.Fatalf("%+v, %v", got, err)
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
				t.Fatalf("it leaves %v, %v", left, err)
			}
			if _, err := Dial(dir); !errors.Is(err, ErrNotRunning) {
				t.Fatalf("after: %v", err)
			}
		})
	}
}

func TestWhatADeadProcessLeftIsReplaced(t *testing.T) {
	dir := t.TempDir()
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: filepath.Join(dir, SocketName), Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	if err := errors.Join(l.Close(), os.Mkdir(filepath.Join(dir, makingName), 0o700), os.WriteFile(filepath.Join(dir, makingName, SocketName), nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	if _, err := Dial(dir); !errors.Is(err, ErrNotRunning) {
		t.Fatalf("the dead one: %v", err)
	}
	s := serve(t, dir, Handlers{Status: func() Status { return Status{} }})
	defer s.Close()
	if _, err := client(t, dir).Status(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestABackupComesWholeOrSaysWhyNot(t *testing.T) {
	large := bytes.Repeat([]byte("0123456789"), 100_000)
	for _, c := range []struct {
		name   string
		text   []byte
		err    error
		begins bool
	}{
		{"whole", large, nil, true},
		{"refused", nil, errors.New("there is a reason"), false},
		{"broken off", large, errors.New("there is a reason"), true},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			s := serve(t, dir, Handlers{Backup: func(_ context.Context, w io.Writer, have store.Manifest) error {
				if have.Sequence != 42 {
					t.Errorf("it has %+v", have)
				}
				if len(c.text) > 0 {
					if _, err := w.Write(c.text); err != nil {
						return err
					}
				}
				return c.err
			}})
			defer s.Close()
			in, err := client(t, dir).Backup(t.Context(), store.Manifest{Sequence: 42})
			var got []byte
			if begun := err == nil; begun != c.begins {
				t.Fatalf("the answer: %v", err)
			} else if begun {
				defer in.Close()
				got, err = io.ReadAll(in)
			}
			if !bytes.Equal(got, c.text) {
				t.Errorf("%d bytes have come", len(got))
			}
			if c.err == nil && err != nil || c.err != nil && (err == nil || !strings.Contains(err.Error(), c.err.Error())) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestOneBackupAtATimeAndNoneThatOutlivesTheServer(t *testing.T) {
	dir := t.TempDir()
	running, over := make(chan struct{}), make(chan struct{})
	s := serve(t, dir, Handlers{Backup: func(ctx context.Context, w io.Writer, _ store.Manifest) error {
		if _, err := w.Write([]byte("x")); err != nil {
			return err
		}
		close(running)
		<-ctx.Done()
		close(over)
		return ctx.Err()
	}})
	read := make(chan error, 1)
	go func() {
		in, err := client(t, dir).Backup(t.Context(), store.Manifest{})
		if err == nil {
			_, err = io.ReadAll(in)
		}
		read <- err
	}()
	<-running
	if _, err := client(t, dir).Backup(t.Context(), store.Manifest{}); err == nil || !strings.Contains(err.Error(), "another backup") {
		t.Errorf("a second one: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	select {
	case <-over:
	default:
		t.Error("it is still going on")
	}
	if err := <-read; err == nil {
		t.Error("who reads it is told nothing")
	}
}
