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
	"github.com/twinbroker/twinbroker/twin/transfer"
)

// Handlers are what a broker does for the verbs.
type Handlers struct {
	Status func() Status
	// Backup is store.Store.Backup.
	Backup func(ctx context.Context, w io.Writer, have store.Manifest) error
	Export transfer.Source
	// Import is transfer.Import into the broker's twin. Without a subject it is
	// in the name of the first anonymous one.
	Import func(ctx context.Context, text io.Reader, o transfer.Options) (transfer.Imported, error)
}

// Server answers verbs.
type Server struct {
	path              string
	handlers          Handlers
	server            *http.Server
	log               *slog.Logger
	backup, importing sync.Mutex      // held while one is under way
	stopping          context.Context // ends with Close
	stop              context.CancelCauseFunc
	mu                sync.Mutex     // guards the beginning of what running counts
	running           sync.WaitGroup // requests
}

// stalled is how long a verb may take no bytes before it is given up: what it
// makes the broker hold is let go then.
const stalled = time.Minute

// What is under way when the server is closed may take so long to come to an
// end by itself, then it loses its connection; and Close waits for so long until
// it has noticed that.
const (
	endWithin   = 500 * time.Millisecond
	closeWithin = 2 * time.Second
)

// lastWord is how long an import that ended early may take to be heard.
const lastWord = 10 * time.Second

// errStopping is why something ends when the server is closed.
var errStopping = errors.New("the broker is told to stop")

// Listen makes the socket in the data folder, whose lock must be held, and
// answers until Close.
func Listen(dir string, h Handlers, log *slog.Logger) (*Server, error) {
	l, err := listen(dir)
	if err != nil {
		return nil, err
	}
	s := &Server{path: filepath.Join(dir, SocketName), handlers: h, log: log}
	s.stopping, s.stop = context.WithCancelCause(context.Background())
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+statusPath, func(rw http.ResponseWriter, _ *http.Request) {
		rw.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(rw).Encode(h.Status()) // the verb may have gone
	})
	mux.HandleFunc("POST /store/backup", s.serveBackup)
	mux.HandleFunc("POST /store/export", s.serveExport)
	mux.HandleFunc("POST /store/import", s.serveImport)
	s.server = &http.Server{Handler: s.counted(mux), ReadHeaderTimeout: 10 * time.Second}
	go func() {
		if err := s.server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			log.Error("the socket of the program's own verbs does not work any more", "socket", s.path, "error", err)
		}
	}()
	return s, nil
}

// counted lets Close wait for requests, and refuses those of verbs that speak
// another format.
func (s *Server) counted(next http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		if s.stopping.Err() != nil {
			s.mu.Unlock()
			http.Error(rw, errStopping.Error(), http.StatusServiceUnavailable)
			return
		}
		s.running.Add(1)
		s.mu.Unlock()
		defer s.running.Done()
		rw.Header().Set(formatHeader, format)
		if is := r.Header.Get(formatHeader); is != "" && is != format {
			http.Error(rw, otherFormat(is, format), http.StatusBadRequest)
			return
		}
		next.ServeHTTP(rw, r)
	})
}

// Close removes the socket, breaks off what is under way, and waits until that
// has ended, but not for a disk that hangs. What comes after finds nobody.
func (s *Server) Close() error {
	err := os.Remove(s.path)
	s.mu.Lock()
	s.stop(errStopping)
	s.mu.Unlock()
	over := make(chan struct{})
	go func() {
		s.running.Wait()
		close(over)
	}()
	wait(over, endWithin)
	err = errors.Join(err, s.server.Close())
	wait(over, closeWithin)
	return err
}

func wait(over <-chan struct{}, most time.Duration) {
	t := time.NewTimer(most)
	defer t.Stop()
	select {
	case <-over:
	case <-t.C:
	}
}

func (s *Server) serveBackup(rw http.ResponseWriter, r *http.Request) {
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
	s.stream(rw, r, "application/x-tar", "a backup", func(ctx context.Context, w io.Writer) error {
		return s.handlers.Backup(ctx, w, have)
	})
}

func (s *Server) serveExport(rw http.ResponseWriter, r *http.Request) {
	s.stream(rw, r, "application/octet-stream", "an export", func(ctx context.Context, w io.Writer) error {
		return exportTo(ctx, w, s.handlers.Export)
	})
}

// stream answers with what write writes, and then says whether that is all.
func (s *Server) stream(rw http.ResponseWriter, r *http.Request, contentType, what string, write func(context.Context, io.Writer) error) {
	ctx, cancel := context.WithCancelCause(r.Context())
	defer cancel(nil)
	defer context.AfterFunc(s.stopping, func() { cancel(errStopping) })()
	begun := time.Now()
	rw.Header().Set("Content-Type", contentType)
	rw.Header().Set("Trailer", errorTrailer)
	out := &patient{rw: rw, control: http.NewResponseController(rw)}
	if err := write(ctx, out); err != nil {
		if errors.Is(err, context.Canceled) {
			err = context.Cause(ctx)
		}
		if !out.begun {
			rw.Header().Del("Trailer")
			http.Error(rw, err.Error(), http.StatusConflict)
		}
		rw.Header().Set(errorTrailer, err.Error())
		s.log.Warn(what+" was not finished", "error", err, "bytes", out.n)
		return
	}
	s.log.Info(what+" was taken", "bytes", out.n, "took", time.Since(begun).Round(time.Millisecond))
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
