package transfer

import (
	"bufio"
	"bytes"
	"errors"
	"io"
)

// lines cuts a text into lines and counts them.
type lines struct {
	in   *bufio.Reader
	most int   // bytes of a line
	n    int64 // number of the line that next gave last
}

func newLines(r io.Reader, most int) *lines {
	return &lines{in: bufio.NewReaderSize(r, 256<<10), most: most}
}

// next appends the next line to dst, without its end. A line that is too long
// is read to its end and not kept: then size is more than there may be. The
// error is io.EOF when there is no further line, or that of reading; what was
// read of the line is not given then.
func (l *lines) next(dst []byte) (out []byte, size int, err error) {
	start := len(dst)
	for {
		part, err := l.in.ReadSlice('\n')
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) && (!errors.Is(err, io.EOF) || size+len(part) == 0) {
			return dst[:start], 0, err
		}
		if size += len(part); size <= l.most+2 {
			dst = append(dst, part...)
		}
		if errors.Is(err, bufio.ErrBufferFull) {
			continue
		}
		break
	}
	l.n++
	line := dst[start:]
	if size <= l.most+2 {
		line = bytes.TrimSuffix(bytes.TrimSuffix(line, []byte("\n")), []byte("\r"))
		if size = len(line); size <= l.most {
			if l.n == 1 {
				if rest, ok := bytes.CutPrefix(line, byteOrderMark); ok {
					line = line[:copy(line, rest)]
				}
			}
			return dst[:start+len(line)], len(line), nil
		}
	}
	return dst[:start], size, nil
}

var byteOrderMark = []byte("\xef\xbb\xbf")

// skip passes over lines up to the given number.
func (l *lines) skip(to int64) error {
	begun := false // the next line, which is longer than the buffer
	for l.n < to {
		part, err := l.in.ReadSlice('\n')
		switch begun = begun || len(part) > 0; {
		case err == nil, errors.Is(err, io.EOF) && begun:
			l.n++
			begun = false
		case !errors.Is(err, bufio.ErrBufferFull):
			return err
		}
	}
	return nil
}
