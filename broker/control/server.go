package control

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/twinbroker/twinbroker/twin/store"
)

// Handlers are what a broker does for the verbs.
type Handlers struct {
	Status func() Status
	// Backup is store.Store.Backup.
	Backup func(ctx context.Context, w io.Writer, have store.Manifest) error
}

// Server answers verbs.
type Server struct {
	path   string
	server *http.Server
	log    *slog.Logger
	backup sync.Mutex // held while one is taken
}

// stalled is how long a verb may take no bytes before it is given up: what it
// makes the broker hold is let go then.
const stalled = time.Minute

// closeWithin is how long Close waits for a backup to notice that it is over.
const closeWithin = 2 * time.Second

// Listen makes the socket in the data folder, whose lock must be held, and
// answers until Close.
func Listen(dir string, h Handlers, log *slog.Logger) (*Server, error) {
	l, err := listen(dir)
	if err != nil {
		return nil, err
	}
	s := &Server{path: filepath.Join(dir, SocketName), log: log}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /status", func(rw http.ResponseWriter, _ *http.Request) {
		rw.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(rw).Encode(h.Status()) // the verb may have gone
	})
	mux.HandleFunc("POST /store/backup", func(rw http.ResponseWriter, r *http.Request) { s.serveBackup(rw, r, h.Backup) })
	s.server = &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	go func() {
		if err := s.server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			log.Error("the socket of the program's own verbs does not work any more", "socket", s.path, "error", err)
		}
	}()
	return s, nil
}

// Close removes the socket, breaks off a backup that is being taken, and waits
// until that has ended, but not for a disk that hangs. There will be no other.
func (s *Server) Close() error {
	err := errors.Join(os.Remove(s.path), s.server.Close())
	over := make(chan struct{})
	go func() {
		s.backup.Lock()
		close(over)
	}()
	t := time.NewTimer(closeWithin)
	defer t.Stop()
	select {
	case <-over:
	case <-t.C:
	}
	return err
}

func (s *Server) serveBackup(rw http.ResponseWriter, r *http.Request, backup func(context.Context, io.Writer, store.Manifest) error) {
	var have store.Manifest
	if err := json.NewDecoder(r.Body).Decode(&have); err != nil {
		http.Error(rw, "what the backup has cannot be read: "+err.Error(), http.StatusBadRequest)
		return
	}
	if !s.backup.TryLock() {
		http.Error(rw, "another backup is being taken; try again when it is over", http.StatusConflict)
		return
	}
	defer s.backup.Unlock()
	begun := time.Now()
	rw.Header().Set("Content-Type", "application/x-tar")
	rw.Header().Set("Trailer", errorTrailer)
	out := &patient{rw: rw, control: http.NewResponseController(rw)}
	if err := backup(r.Context(), out, have); err != nil {
		if !out.begun {
			rw.Header().Del("Trailer")
			http.Error(rw, err.Error(), http.StatusConflict)
		}
		rw.Header().Set(errorTrailer, err.Error())
		s.log.Warn("a backup was not finished", "error", err, "bytes", out.n)
		return
	}
	s.log.Info("a backup was taken", "bytes", out.n, "took", time.Since(begun).Round(time.Millisecond))
}

// patient is a response whose reader may be slow, but has to go on.
type patient struct {
	rw      http.ResponseWriter
	control *http.ResponseController
	begun   bool
	n       int64
}

func (p *patient) Write(b []byte) (int, error) {
	p.begun = true
	if err := p.control.SetWriteDeadline(time.Now().Add(stalled)); err != nil {
		return 0, err
	}
	n, err := p.rw.Write(b)
	p.n += int64(n)
	return n, err
}
