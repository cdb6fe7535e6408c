package rql

import (
	"math"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/twinbroker/twinbroker/twin/jsondoc"
)

// literal is a value to compare with.
type literal struct {
	kind    jsondoc.Kind
	decimal bool    // a string that is a number as well
	text    string  // the characters of a string, or the value as it was written
	now     *moment // time:…, a string that is made when it is needed
}

// literal reads a value and the spaces behind it.
func (p *parser) literal(l *literal) bool {
	const wanted = `a value (a string in quotes, a number, true, false, null or time:now)`
	rest := p.text[p.at:]
	switch {
	case rest == "":
		return p.unexpected(p.at, wanted)
	case rest[0] == '"' || rest[0] == '\'':
		if !p.quoted(l) {
			return false
		}
	case rest[0] >= '0' && rest[0] <= '9', rest[0] == '-', rest[0] == '+':
		if !p.number(l) {
			return false
		}
	case strings.HasPrefix(rest, "time:"):
		start := p.at
		end := strings.IndexAny(rest, `,)"\`)
		if end < 0 {
			end = len(rest)
		}
		p.at += end
		l.kind, l.text = jsondoc.KindString, strings.TrimRight(rest[:end], " \n\r\t\f")
		var problem string
		if l.now, problem = parseMoment(l.text); problem != "" {
			return p.refuse(start, problem)
		}
	default:
		var word string
		switch {
		case strings.HasPrefix(rest, "true"):
			l.kind, word = jsondoc.KindBool, "true"
		case strings.HasPrefix(rest, "false"):
			l.kind, word = jsondoc.KindBool, "false"
		case strings.HasPrefix(rest, "null"):
			l.kind, word = jsondoc.KindNull, "null"
		default:
			return p.unexpected(p.at, wanted)
		}
		l.text = word
		p.at += len(word)
	}
	p.space()
	return true
}

// number reads an integer of 64 bits, or a number with a point, which is kept
// digit for digit; there are no exponents.
func (p *parser) number(l *literal) bool {
	start := p.at
	if c := p.text[p.at]; c == '-' || c == '+' {
		p.at++
	}
	first := p.at
	if p.at = p.digits(); p.at == first {
		return p.unexpected(p.at, "a digit")
	}
	if p.text[first] == '0' {
		p.at = first + 1 // as Ditto reads it: another digit is one too many
	}
	whole := p.at
	if p.at < len(p.text) && p.text[p.at] == '.' {
		p.at++
		if end := p.digits(); end > p.at {
			p.at = end
		} else {
			return p.unexpected(p.at, "a digit")
		}
	}
	l.kind, l.text = jsondoc.KindNumber, strings.TrimPrefix(p.text[start:p.at], "+")
	if p.at == whole {
		switch _, err := strconv.ParseInt(l.text, 10, 64); {
		case l.text == "-0" && p.digits() == p.at:
			return p.fail(start, "-0, which is written 0")
		case err != nil:
			return p.fail(start, "an integer that is not between "+strconv.Itoa(math.MinInt64)+" and "+strconv.Itoa(math.MaxInt64))
		}
	}
	return true
}

// digits gives the offset behind the digits that stand here.
func (p *parser) digits() int {
	i := p.at
	for i < len(p.text) && p.text[i] >= '0' && p.text[i] <= '9' {
		i++
	}
	return i
}

// quoted reads a string in double or single quotes.
func (p *parser) quoted(l *literal) bool {
	quote := p.text[p.at]
	start := p.at
	p.at++
	end := strings.IndexByte(p.text[p.at:], quote)
	if end < 0 {
		return p.fail(len(p.text), "the text ends within the string that begins at character "+
			strconv.Itoa(utf8.RuneCountInString(p.text[:start])+1))
	}
	l.kind, l.text = jsondoc.KindString, p.text[p.at:p.at+end]
	if strings.IndexByte(l.text, '\\') < 0 {
		p.at += end + 1
		l.decimal = jsondoc.IsDecimal(l.text)
		return true
	}
	var buf []byte
	for p.at < len(p.text) && p.text[p.at] != quote {
		if p.text[p.at] != '\\' {
			buf = append(buf, p.text[p.at])
			p.at++
			continue
		}
		var ok bool
		if buf, ok = p.escape(buf, quote); !ok {
			return false
		}
	}
	l.text = string(buf)
	l.decimal = jsondoc.IsDecimal(l.text)
	return p.take(quote, "the quote that ends the string")
}

// escape reads a backslash with what it is for.
func (p *parser) escape(dst []byte, quote byte) ([]byte, bool) {
	at := p.at + 1
	if at >= len(p.text) {
		return nil, p.unexpected(at, "an escaped character")
	}
	p.at += 2
	switch c := p.text[at]; c {
	case quote, '\\', '/':
		return append(dst, c), true
	case 'b':
		return append(dst, '\b'), true
	case 'f':
		return append(dst, '\f'), true
	case 'n':
		return append(dst, '\n'), true
	case 'r':
		return append(dst, '\r'), true
	case 't':
		return append(dst, '\t'), true
	case 'u':
		r, ok := p.hex()
		if !ok {
			return nil, p.fail(at, `\u without four hexadecimal digits`)
		}
		if utf16.IsSurrogate(r) {
			if !strings.HasPrefix(p.text[p.at:], `\u`) {
				return nil, p.fail(at, `one half of a surrogate pair`)
			}
			p.at += 2
			low, ok := p.hex()
			if r = utf16.DecodeRune(r, low); !ok || r == utf8.RuneError {
				return nil, p.fail(at, `one half of a surrogate pair`)
			}
		}
		return utf8.AppendRune(dst, r), true
	}
	return nil, p.unexpected(at, `one of `+string(quote)+` \ / b f n r t u behind the backslash`)
}

// hex reads four hexadecimal digits.
func (p *parser) hex() (rune, bool) {
	if p.at+4 > len(p.text) {
		return 0, false
	}
	var r rune
	for _, c := range []byte(p.text[p.at : p.at+4]) {
		switch {
		case c >= '0' && c <= '9':
			r = r<<4 | rune(c-'0')
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			r = r<<4 | rune(c|0x20-'a'+10)
		default:
			return 0, false
		}
	}
	p.at += 4
	return r, true
}
