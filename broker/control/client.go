package control

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/twinbroker/twinbroker/twin/store"
)

// ErrNotRunning: no broker answers in the data folder.
var ErrNotRunning = errors.New("no broker runs")

// Client is a verb's side of a running broker.
type Client struct{ http *http.Client }

// Dial finds the broker that runs on the data folder. The error wraps
// ErrNotRunning if there is none.
func Dial(dir string) (*Client, error) {
	conn, err := dial(dir)
	switch {
	case err == nil:
		conn.Close()
	case errors.Is(err, os.ErrNotExist), errors.Is(err, syscall.ECONNREFUSED), errors.Is(err, syscall.ENOTDIR):
		return nil, fmt.Errorf("%w on the data in %s", ErrNotRunning, dir)
	case errors.Is(err, os.ErrPermission):
		return nil, fmt.Errorf("%s belongs to somebody else: run this as the user of the broker, or as root: %w", filepath.Join(dir, SocketName), err)
	default:
		return nil, fmt.Errorf("the broker's socket: %w", err)
	}
	return &Client{&http.Client{Transport: &http.Transport{
		DialContext: func(context.Context, string, string) (net.Conn, error) { return dial(dir) },
	}}}, nil
}

// Close ends the connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// do sends a request; an answer that is an error comes back as one.
func (c *Client) do(ctx context.Context, method, path string, body any) (*http.Response, error) {
	text, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	r, err := http.NewRequestWithContext(ctx, method, "http://twinbroker"+path, bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	return c.ask(r)
}

// send sends a text while the answer comes; an answer that is an error comes
// back as one.
func (c *Client) send(ctx context.Context, path string, text *sending) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://twinbroker"+path, text)
	if err != nil {
		return nil, err
	}
	r.Trailer = text.trailer
	return c.ask(r)
}

func (c *Client) ask(r *http.Request) (*http.Response, error) {
	r.Header.Set(formatHeader, format)
	answer, err := c.http.Do(r)
	if err != nil {
		if errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) {
			err = errGone
		}
		return nil, err
	}
	is := answer.Header.Get(formatHeader)
	if answer.StatusCode == http.StatusOK && (is == "" || is == format) {
		return answer, nil
	}
	defer answer.Body.Close()
	switch {
	case answer.StatusCode == http.StatusOK:
		return nil, errors.New(otherFormat(format, is))
	case answer.StatusCode == http.StatusNotFound || answer.StatusCode == http.StatusMethodNotAllowed:
		version := "another version"
		if r.URL.Path != statusPath {
			if s, err := c.Status(r.Context()); err == nil {
				version = "version " + s.Version
			}
		}
		return nil, fmt.Errorf("the broker that runs is %s of the program, and cannot do this while it runs: restart it with this program, or stop it first", version)
	}
	why, err := io.ReadAll(io.LimitReader(answer.Body, 4<<10))
	if err != nil {
		return nil, err
	}
	return nil, fmt.Errorf("the broker refuses: %s", strings.TrimSpace(string(why)))
}

// Status asks the broker about itself.
func (c *Client) Status(ctx context.Context) (*Status, error) {
	answer, err := c.do(ctx, http.MethodGet, statusPath, nil)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	s := &Status{}
	if err := json.NewDecoder(answer.Body).Decode(s); err != nil {
		return nil, fmt.Errorf("the broker's answer cannot be read: %w", err)
	}
	return s, nil
}

// Backup asks for what a backup lacks. What comes is the stream of
// store.Store.Backup; it has to be closed.
func (c *Client) Backup(ctx context.Context, have store.Manifest) (io.ReadCloser, error) {
	answer, err := c.do(ctx, http.MethodPost, "/store/backup", have)
	if err != nil {
		return nil, err
	}
	return &stream{answer}, nil
}

// errGone: an answer did not come to its end.
var errGone = errors.New("the broker has gone, or was told to stop")

// stream is an answer that says at its end whether it is complete.
type stream struct{ answer *http.Response }

func (s *stream) Read(p []byte) (int, error) {
	n, err := s.answer.Body.Read(p)
	if err == io.EOF {
		if why := s.answer.Trailer.Get(errorTrailer); why != "" {
			err = errors.New("the broker broke it off: " + why)
		}
	} else if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET) {
		err = errGone
	}
	return n, err
}

func (s *stream) Close() error { return s.answer.Body.Close() }
