package control

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/twinbroker/twinbroker/twin"
	"github.com/twinbroker/twinbroker/twin/protocol"
	"github.com/twinbroker/twinbroker/twin/transfer"
)

// How a line of an export begins. What follows is the text of a Policy or a
// Thing, or else a left.
const (
	aPolicy = 'P'
	aThing  = 'T'
	isLeft  = '!'
)

// left is a Thing or a Policy that is damaged.
type left struct {
	Policy bool   `json:"policy,omitempty"`
	ID     string `json:"id,omitempty"`
	Damage string `json:"damage"`
}

// heard is a line of what an import answers while it goes on. The last one has
// Done.
type heard struct {
	Bad  *badLine           `json:"bad,omitempty"`
	UpTo *transfer.Imported `json:"upTo,omitempty"`
	Done *transfer.Imported `json:"done,omitempty"`
	// Error is why it was done before its time.
	Error string `json:"error,omitempty"`
}

// badLine is a transfer.BadLine.
type badLine struct {
	Number      int64  `json:"number"`
	ID          string `json:"id,omitempty"`
	Status      int    `json:"status"`
	Code        string `json:"code"`
	Message     string `json:"message"`
	Description string `json:"description,omitempty"`
}

func toWire(b transfer.BadLine) *badLine {
	return &badLine{b.Number, b.ID, b.Err.Status, b.Err.Code, b.Err.Message, b.Err.Description}
}

func (b *badLine) ofWire() transfer.BadLine {
	return transfer.BadLine{Number: b.Number, ID: b.ID, Err: &protocol.Error{
		Status: b.Status, Code: b.Code, Message: b.Message, Description: b.Description,
	}}
}

// exportTo writes what the source has.
func exportTo(ctx context.Context, w io.Writer, from transfer.Source) error {
	out := bufio.NewWriterSize(w, 256<<10)
	err := from.EachEntity(ctx, func(line *twin.Line) error {
		kind, text := byte(aThing), line.Text
		if line.Policy {
			kind = aPolicy
		}
		if line.Damage != nil {
			var err error
			if text, err = json.Marshal(left{line.Policy, line.ID, line.Damage.Error()}); err != nil {
				return err
			}
			kind = isLeft
		}
		// What bufio could not write it says again with the next byte.
		_ = out.WriteByte(kind)
		_, _ = out.Write(text)
		return out.WriteByte('\n')
	})
	if err == nil {
		err = out.Flush()
	}
	return err
}

// EachEntity is twin.Service.EachEntity of the broker's twin.
func (c *Client) EachEntity(ctx context.Context, fn func(*twin.Line) error) error {
	answer, err := c.do(ctx, http.MethodPost, "/store/export", nil)
	if err != nil {
		return err
	}
	text := &stream{answer}
	defer text.Close()
	in := bufio.NewReaderSize(text, 256<<10)
	var room []byte
	for {
		room = room[:0]
		for {
			part, err := in.ReadSlice('\n')
			room = append(room, part...)
			if errors.Is(err, bufio.ErrBufferFull) {
				continue
			}
			if errors.Is(err, io.EOF) && len(room) == 0 {
				return nil
			}
			if errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			if err != nil {
				return err
			}
			break
		}
		line, err := lineOf(room[:len(room)-1])
		if err == nil {
			err = fn(line)
		}
		if err != nil {
			return err
		}
	}
}

func lineOf(text []byte) (*twin.Line, error) {
	if len(text) > 0 {
		switch kind, text := text[0], text[1:]; kind {
		case aPolicy, aThing:
			return &twin.Line{Policy: kind == aPolicy, Text: text}, nil
		case isLeft:
			var is left
			if err := json.Unmarshal(text, &is); err != nil {
				return nil, unreadable(err)
			}
			return &twin.Line{Policy: is.Policy, ID: is.ID, Damage: errors.New(is.Damage)}, nil
		}
	}
	return nil, unreadable(fmt.Errorf("a line begins with %.1q", text))
}

func unreadable(err error) error {
	return fmt.Errorf("the broker's answer cannot be read: %w", err)
}

// The request of an import.
const (
	paramConflict = "on-conflict"
	paramFrom     = "from-line"
	paramSubject  = "subject"
)

func query(o *transfer.Options) string {
	v := url.Values{paramConflict: {strconv.Itoa(int(o.OnConflict))}, paramFrom: {strconv.FormatInt(o.FromLine, 10)}}
	for _, s := range o.Sender.Subjects {
		v.Add(paramSubject, s)
	}
	return v.Encode()
}

func optionsOf(v url.Values) (o transfer.Options, err error) {
	how, err := strconv.ParseUint(v.Get(paramConflict), 10, 8)
	if err != nil || twin.OnConflict(how) > twin.Replace {
		return o, fmt.Errorf("%s is %q", paramConflict, v.Get(paramConflict))
	}
	o.OnConflict, o.Sender.Subjects = twin.OnConflict(how), v[paramSubject]
	if o.FromLine, err = strconv.ParseInt(v.Get(paramFrom), 10, 64); err != nil || o.FromLine < 0 {
		return o, fmt.Errorf("%s is %q", paramFrom, v.Get(paramFrom))
	}
	return o, nil
}

// Import is transfer.Import into the broker's twin. Without a subject it is in
// the name of the broker's first anonymous one. When the context ends, it stops
// sending and waits for what became of the lines before; when the broker goes,
// it says up to where it had heard.
func (c *Client) Import(ctx context.Context, text io.Reader, o transfer.Options) (transfer.Imported, error) {
	asked, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	sending := newSending(ctx, text)
	defer sending.stop()
	total := transfer.Imported{UpTo: max(o.FromLine-1, 0)}
	answer, err := c.send(asked, "/store/import?"+query(&o), sending)
	if err != nil {
		return total, err
	}
	said := &stream{answer}
	defer said.Close()
	for in := json.NewDecoder(said); ; {
		var h heard
		err := in.Decode(&h)
		switch {
		case errors.Is(err, io.EOF):
			return total, errGone
		case err != nil:
			return total, err
		case h.Bad != nil:
			if o.Bad != nil {
				o.Bad(h.Bad.ofWire())
			}
		case h.UpTo != nil:
			total = *h.UpTo
			if o.Progress != nil {
				o.Progress(total)
			}
		case h.Done != nil && ctx.Err() != nil:
			return *h.Done, ctx.Err()
		case h.Done != nil && h.Error != "":
			return *h.Done, errors.New(h.Error)
		case h.Done != nil:
			return *h.Done, nil
		}
	}
}

// sending is a text on its way to the broker. Where it cannot be read on, it
// ends, and the trailer says why: so the broker still takes in what came before,
// and says what became of it.
type sending struct {
	*io.PipeReader
	trailer http.Header
	stopped func() bool
}

func newSending(ctx context.Context, text io.Reader) *sending {
	r, w := io.Pipe()
	go func() {
		_, err := io.CopyBuffer(onlyWriter{w}, text, make([]byte, 256<<10))
		w.CloseWithError(err) // nil: the end
	}()
	// A read of the text that is under way then is not waited for.
	stopped := context.AfterFunc(ctx, func() { w.CloseWithError(errors.New("the import was interrupted")) })
	return &sending{r, http.Header{errorTrailer: nil}, stopped}
}

// onlyWriter keeps io.Copy to the buffer that it is given.
type onlyWriter struct{ io.Writer }

func (s *sending) Read(p []byte) (int, error) {
	n, err := s.PipeReader.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		s.trailer.Set(errorTrailer, err.Error())
		err = io.EOF
	}
	return n, err
}

func (s *sending) stop() {
	s.stopped()
	s.Close()
}

// received is the text of an import as it comes.
type received struct{ r *http.Request }

func (in received) Read(p []byte) (int, error) {
	n, err := in.r.Body.Read(p)
	switch {
	case errors.Is(err, io.EOF):
		if why := in.r.Trailer.Get(errorTrailer); why != "" {
			err = errors.New(why)
		}
	case err != nil:
		err = fmt.Errorf("the verb has gone: %w", err)
	}
	return n, err
}

// serveImport takes lines in, and says meanwhile what becomes of them.
func (s *Server) serveImport(rw http.ResponseWriter, r *http.Request) {
	o, err := optionsOf(r.URL.Query())
	if err != nil {
		http.Error(rw, "the request cannot be read: "+err.Error(), http.StatusBadRequest)
		return
	}
	if !s.importing.TryLock() {
		http.Error(rw, "another import is under way; try again when it is over", http.StatusConflict)
		return
	}
	defer s.importing.Unlock()
	ctx, cancel := context.WithCancelCause(s.stopping)
	defer cancel(nil)
	out := &patient{rw: rw, control: http.NewResponseController(rw)}
	if err := out.control.EnableFullDuplex(); err != nil {
		http.Error(rw, err.Error(), http.StatusInternalServerError)
		return
	}
	rw.Header().Set("Content-Type", "application/x-ndjson")
	say := func(h heard, flush bool) {
		err := json.NewEncoder(out).Encode(h)
		if err == nil && flush {
			err = out.control.Flush()
		}
		if err != nil {
			cancel(errors.New("nobody hears what becomes of it"))
		}
	}
	o.Bad = func(b transfer.BadLine) { say(heard{Bad: toWire(b)}, false) }
	o.Progress = func(n transfer.Imported) { say(heard{UpTo: &n}, true) }
	o.Progress(transfer.Imported{UpTo: max(o.FromLine-1, 0)}) // the answer has begun
	n, err := s.handlers.Import(ctx, received{r}, o)
	last := heard{Done: &n}
	if err != nil {
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		last.Error = err.Error()
		s.log.Warn("an import was not finished", "error", err, "up_to_line", n.UpTo, "created", n.Created, "replaced", n.Replaced, "bad", n.Bad)
	} else {
		s.log.Info("an import was taken in", "lines", n.UpTo, "created", n.Created, "replaced", n.Replaced, "bad", n.Bad)
	}
	say(last, true)
	if err != nil {
		// The verb stops sending when it has heard it. Until then what it sends is
		// thrown away: if the connection were closed, it might not hear it.
		_ = out.control.SetReadDeadline(time.Now().Add(lastWord))
		_, _ = io.Copy(io.Discard, r.Body)
	}
}
