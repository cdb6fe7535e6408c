package mapping

import (
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/types"
)

// unixFunction is a function that the language lacks: many devices tell the
// time in seconds since 1970. Milliseconds are unix(x / 1000).
const unixFunction = "unix"

// withUnix adds the function to the options of an expression, unless a capture
// has its name.
func withUnix(options []expr.Option, variables types.Map) []expr.Option {
	if _, taken := variables[unixFunction]; taken {
		return options
	}
	return append(options, expr.Function(unixFunction, unix, new(func(any) time.Time)))
}

// unix is the time, in UTC, that is so many seconds after the beginning of 1970,
// to the millisecond.
func unix(a ...any) (any, error) {
	var seconds float64
	switch s := a[0].(type) {
	case int:
		seconds = float64(s)
	case float64:
		seconds = s
	default:
		return nil, fmt.Errorf("unix takes a number, the seconds since 1970, not %s", kindOf(fmt.Sprintf("%T", s)))
	}
	// RFC 3339, which the result is written in, has years of four digits.
	const first, last = -62135596800, 253402300799
	if !(seconds >= first && seconds <= last) {
		advice, format := "", byte('f')
		if math.Abs(seconds) >= 1e21 {
			format = 'g'
		}
		if seconds > last && seconds <= last*1000 {
			advice = "; of milliseconds, as these may be, take unix(… / 1000)"
		}
		return nil, fmt.Errorf("unix: %s seconds after 1970 is in no year from 1 to 9999%s", strconv.FormatFloat(seconds, format, -1, 64), advice)
	}
	return time.UnixMilli(int64(math.Round(seconds * 1000))).UTC(), nil
}
