package jsondoc

import (
	"math/bits"
	"strings"
)

// Hash is a number that is the same for values that are [Equal], however they
// are written, and most likely another one for any other two. It stays the same
// from one run of the program to the next, and needs no memory for values as
// they usually are.
//
// It is no protection against somebody who looks for two values with the same
// number.
func Hash(v *Value) uint64 {
	if v.text != "" {
		h, _ := hashText(v.text, 0)
		return h
	}
	p := v.parts.Load()
	if v.kind == KindArray {
		h := uint64(hashArray)
		for i := range p.len() {
			h = hashMix(h, Hash(p.at(i)))
		}
		return h
	}
	h := uint64(hashObject)
	for i, name := range p.names.keys {
		h += hashMix(hashChars(name), Hash(p.at(i)))
	}
	return h
}

// Where the hashes of the kinds begin: any odd numbers, as long as they stay.
const (
	hashObject = 0x9e3779b97f4a7c15
	hashArray  = 0xd1b54a32d192ed03
	hashNumber = 0x8cb92ba72f3d8dd7
	hashString = 0xaef17502108ef2d9
	hashSecret = 0x589965cc75374cc3 // of the mixing; none of the above
)

// hashMix makes one number of two, whose order counts. It is the multiplication
// to twice the length, folded, that wyhash is built on.
func hashMix(a, b uint64) uint64 {
	hi, lo := bits.Mul64(a^hashSecret, bits.RotateLeft64(b, 32)^hashNumber)
	return hi ^ lo
}

// hashText is Hash for the value that begins at i of a checked, compact text;
// it gives the offset behind it too.
func hashText(text string, i int) (uint64, int) {
	switch text[i] {
	case '{':
		h := uint64(hashObject)
		// The members are added up, as their order does not count.
		for i++; text[i] != '}'; {
			if text[i] == ',' {
				i++
			}
			name, colon := hashQuoted(text, i)
			var member uint64
			member, i = hashText(text, colon+1)
			h += hashMix(name, member)
		}
		return h, i + 1
	case '[':
		h := uint64(hashArray)
		for i++; text[i] != ']'; {
			if text[i] == ',' {
				i++
			}
			var element uint64
			element, i = hashText(text, i)
			h = hashMix(h, element)
		}
		return h, i + 1
	case '"':
		h, end := hashQuoted(text, i)
		return ^h, end
	case 't', 'n':
		return uint64(text[i]) * hashObject, i + 4
	case 'f':
		return uint64(text[i]) * hashObject, i + 5
	}
	return hashDigits(text, i)
}

// hashQuoted hashes the characters of the string that starts at i, eight bytes
// at once, and gives the offset behind it.
func hashQuoted(text string, i int) (uint64, int) {
	start := i
	h := uint64(hashString)
	for i++; i+8 <= len(text); i += 8 {
		w := load(text, i)
		m := marks(w)
		if m == 0 {
			h = hashMix(h, w)
			continue
		}
		n := lowest(m)
		if text[i+n] != '"' {
			break // an escape
		}
		return hashMix(h+uint64(n), w&(1<<(8*n)-1)), i + n + 1
	}
	end := skipString(text, start)
	inside := text[start+1 : end-1]
	if strings.IndexByte(inside, '\\') >= 0 {
		inside = unescape(inside)
	}
	return hashChars(inside), end
}

// hashChars is hashQuoted for characters without quotes and escapes.
func hashChars(s string) uint64 {
	h := uint64(hashString)
	for len(s) >= 8 {
		h = hashMix(h, load(s, 0))
		s = s[8:]
	}
	var w uint64
	for i := range len(s) {
		w |= uint64(s[i]) << (8 * i)
	}
	return hashMix(h+uint64(len(s)), w)
}

// hashDigits hashes what the number that starts at i is worth: its digits
// without zeros at either end, and where its decimal point is. It gives the
// offset behind the number.
func hashDigits(text string, i int) (uint64, int) {
	start := i
	h := uint64(hashNumber)
	var (
		word     uint64 // of up to 16 digits
		digits   int
		zeros    int // that count if more digits follow
		point    int64
		fraction bool
		exponent string
	)
scan:
	for ; i < len(text); i++ {
		switch c := text[i]; {
		case '0' <= c && c <= '9':
			if !fraction {
				point++
			}
			switch {
			case c != '0':
				for ; zeros > 0; zeros-- {
					h, word, digits = hashDigit(h, word, digits, 0)
				}
				h, word, digits = hashDigit(h, word, digits, uint64(c-'0'))
			case digits > 0:
				zeros++
			default:
				point--
			}
		case c == '.':
			fraction = true
		case c == '-':
			h = ^h
		case c|0x20 == 'e':
			end := skipNumber(text, start)
			exponent, i = text[i+1:end], end
			break scan
		default:
			break scan
		}
	}
	if digits == 0 {
		return hashNumber, i
	}
	h = hashMix(h+uint64(digits), word)
	if len(exponent) <= 18 {
		return hashMix(h, uint64(point+smallExponent(exponent))), i
	}
	all := takeApart(text[start:i]).bigExponent()
	if all.IsInt64() {
		return hashMix(h, uint64(all.Int64())), i
	}
	return hashMix(h, hashChars(all.String())), i
}

func hashDigit(h, word uint64, digits int, digit uint64) (uint64, uint64, int) {
	if digits++; digits%16 == 0 {
		return hashMix(h, word<<4|digit), 0, digits
	}
	return h, word<<4 | digit, digits
}
