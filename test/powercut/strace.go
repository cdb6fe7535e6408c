package powercut

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
)

// traced are the system calls that change files or write to sockets, and those
// that say what a descriptor is. Some are only here so that a program that
// begins to use them is found out: the model of the disk does not know them.
const traced = "openat,open,creat,close,dup,dup2,dup3,accept4,accept," +
	"write,writev,pwrite64,pwritev,pwritev2,sendto,sendmsg,ftruncate,truncate,fallocate,fsync,fdatasync," +
	"rename,renameat,renameat2,unlink,unlinkat,mkdir,mkdirat,link,linkat,symlink,symlinkat," +
	"mmap,copy_file_range,sendfile,splice,io_uring_setup"

// call is one system call.
type call struct {
	name   string
	args   []arg
	result int64
	failed bool // it gave an error, or never came back
	begin  int  // place in the trace where it was called
	end    int  // and where it came back; never if the process was killed before
	life   int  // of the program, counted from 0
}

// arg is an argument: its text, without strings, and its strings.
type arg struct {
	text string
	data [][]byte
}

// never is behind the end of every trace.
const never = int(^uint(0) >> 1)

// moment is a place in the trace: a call begins, or comes back, or both.
type moment struct {
	call       *call
	begin, end bool
}

// trace is what strace saw, in the order in which it saw it: what one call had
// to wait for is before it.
type trace struct {
	moments []moment
	life    int
	under   map[int]*call // by thread: what has not come back
	room    []byte        // for the string that is being read
	lines   atomic.Int64
}

// read takes the output of one strace -f, to its end.
func (t *trace) read(r io.Reader) error {
	t.under = make(map[int]*call)
	in := bufio.NewReaderSize(r, 1<<20)
	for n := 1; ; n++ {
		line, err := readLine(in)
		if errors.Is(err, io.EOF) {
			t.life++
			return nil
		}
		if err == nil {
			t.lines.Add(1)
			err = t.line(line)
		}
		if err != nil {
			return fmt.Errorf("line %d of the trace: %w: %.200q … %.100q", n, err, line, line[max(0, len(line)-100):])
		}
	}
}

// readLine gives a line of any length without its end, valid until the next.
func readLine(in *bufio.Reader) ([]byte, error) {
	line, err := in.ReadSlice('\n')
	if !errors.Is(err, bufio.ErrBufferFull) {
		return bytes.TrimSuffix(line, []byte("\n")), err
	}
	long := slices.Clone(line)
	for errors.Is(err, bufio.ErrBufferFull) {
		line, err = in.ReadSlice('\n')
		long = append(long, line...)
	}
	return bytes.TrimSuffix(long, []byte("\n")), err
}

var (
	unfinished = []byte("<unfinished ...>")
	detached   = []byte("<detached ...>")
	resumed    = []byte("<... ")
)

func (t *trace) line(line []byte) error {
	text, rest, ok := bytes.Cut(line, []byte(" "))
	thread, err := strconv.Atoi(string(text))
	if err != nil || !ok {
		return errors.New("it does not begin with the number of a thread")
	}
	rest = bytes.TrimLeft(rest, " ")
	if bytes.HasPrefix(rest, []byte("+++ ")) || bytes.HasPrefix(rest, []byte("--- ")) {
		return nil // a thread's end, a signal
	}
	here := len(t.moments)
	if after, ok := bytes.CutPrefix(rest, resumed); ok {
		c := t.under[thread]
		_, after, ok = bytes.Cut(after, []byte(" resumed>"))
		if c == nil || !ok {
			return errors.New("nothing was left unfinished there")
		}
		delete(t.under, thread)
		more, after, err := t.arguments(after)
		if err != nil {
			return err
		}
		c.args = append(c.args, more...)
		if bytes.HasPrefix(after, detached) {
			return nil
		}
		if err := c.finish(after, here); err != nil {
			return err
		}
		t.moments = append(t.moments, moment{call: c, end: true})
		return nil
	}
	name, rest, ok := bytes.Cut(rest, []byte("("))
	if !ok {
		return errors.New("it is no call")
	}
	c := &call{name: string(name), begin: here, end: never, life: t.life, failed: true}
	if c.args, rest, err = t.arguments(rest); err != nil {
		return err
	}
	m := moment{call: c, begin: true}
	switch {
	case bytes.HasPrefix(rest, detached):
		// The process was killed.
	case bytes.HasPrefix(rest, unfinished):
		t.under[thread] = c
	default:
		m.end = true
		if err := c.finish(rest, here); err != nil {
			return err
		}
	}
	t.moments = append(t.moments, m)
	return nil
}

// finish reads the result, which stands behind the arguments.
func (c *call) finish(rest []byte, here int) (err error) {
	rest, ok := bytes.CutPrefix(bytes.TrimLeft(rest, " "), []byte("= "))
	if !ok {
		return errors.New("it has no result")
	}
	if rest[0] == '?' {
		return nil // the process was killed
	}
	c.end = here
	end := bytes.IndexFunc(rest, func(r rune) bool { return r == ' ' || r == '<' })
	if end < 0 {
		end = len(rest)
	}
	if c.result, err = strconv.ParseInt(string(rest[:end]), 0, 64); err != nil && c.name != "mmap" { // an address may be too large
		return err
	}
	c.failed = c.result == -1
	return nil
}

// arguments reads what stands between the brackets of a call, up to their end
// or to where strace broke off, and gives the rest.
func (t *trace) arguments(text []byte) (args []arg, rest []byte, err error) {
	var a arg
	var words []byte
	depth := 0
	flush := func() {
		if a.text = strings.TrimSpace(string(words)); a.text != "" || a.data != nil {
			args = append(args, a)
		}
		a, words = arg{}, words[:0]
	}
	for i := 0; i < len(text); i++ {
		switch ch := text[i]; ch {
		case '"':
			data, n, err := t.unquote(text[i+1:])
			if err != nil {
				return nil, nil, err
			}
			if i += n; bytes.HasPrefix(text[i+1:], []byte("...")) {
				return nil, nil, errors.New("a string is cut short")
			}
			a.data = append(a.data, data)
		case '<':
			if bytes.HasPrefix(text[i:], unfinished) || bytes.HasPrefix(text[i:], detached) {
				flush()
				return args, text[i:], nil
			}
			n := bytes.IndexByte(text[i:], '>')
			if n < 0 {
				return nil, nil, errors.New("a bracket is not closed")
			}
			words = append(words, text[i:i+n+1]...)
			i += n
		case '(', '[', '{':
			depth++
			words = append(words, ch)
		case ')', ']', '}':
			if depth == 0 {
				flush()
				return args, text[i+1:], nil
			}
			depth--
			words = append(words, ch)
		case ',':
			if depth == 0 {
				flush()
				continue
			}
			words = append(words, ch)
		default:
			words = append(words, ch)
		}
	}
	return nil, nil, errors.New("the arguments do not end")
}

// blank is what strings of zeros are, of which there are many long ones.
var blank = make([]byte, 256<<10)

// unquote reads a string in strace's notation, behind its first quote, and says
// how many bytes it takes with the last one.
func (t *trace) unquote(text []byte) (data []byte, n int, err error) {
	out := t.room[:0]
	defer func() { t.room = out }()
	for i := 0; i < len(text); i++ {
		switch ch := text[i]; {
		case ch == '"':
			if len(out) <= len(blank) && bytes.Equal(out, blank[:len(out)]) {
				return blank[:len(out):len(out)], i + 1, nil
			}
			return bytes.Clone(out), i + 1, nil
		case ch != '\\':
			out = append(out, ch)
		case i+1 == len(text):
			return nil, 0, errors.New("a string does not end")
		default:
			i++
			b := text[i]
			switch b {
			case 'n':
				b = '\n'
			case 't':
				b = '\t'
			case 'v':
				b = '\v'
			case 'f':
				b = '\f'
			case 'r':
				b = '\r'
			case '0', '1', '2', '3', '4', '5', '6', '7':
				b = 0
				for k := 0; k < 3 && i < len(text) && text[i] >= '0' && text[i] <= '7'; k++ {
					b = b<<3 | (text[i] - '0')
					i++
				}
				i--
			}
			out = append(out, b)
		}
	}
	return nil, 0, errors.New("a string does not end")
}

// fd is the descriptor that an argument names; -1 if it names none.
func (a *arg) fd() int {
	text, _, _ := strings.Cut(a.text, "<")
	n, err := strconv.Atoi(text)
	if err != nil {
		return -1
	}
	return n
}

// number is an argument that is a number.
func (a *arg) number() int64 {
	n, err := strconv.ParseInt(a.text, 0, 64)
	if err != nil {
		panic(fmt.Sprintf("%q is no number", a.text)) // strace's output is not what it was when this was written
	}
	return n
}

// bytes are all strings of an argument in one.
func (a *arg) bytes() []byte {
	if len(a.data) == 1 {
		return a.data[0]
	}
	return bytes.Join(a.data, nil)
}

// path puts together a path out of the folder's argument and its own.
func path(at, a *arg) string {
	name := string(a.bytes())
	if strings.HasPrefix(name, "/") {
		return name
	}
	_, dir, _ := strings.Cut(at.text, "<")
	return strings.TrimSuffix(dir, ">") + "/" + name
}
