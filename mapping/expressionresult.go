package mapping

import (
	"fmt"
	"iter"
	"maps"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/twinbroker/twinbroker/twin/jsondoc"
)

// maxResult is the most bytes of JSON that an expression may give; as many
// may be in a text that it puts together.
const maxResult = 256 << 10

var errTooLarge = fmt.Errorf("gives more than the %d bytes that a result may have", maxResult)

// appendResult appends what an expression gave as JSON. The members of an
// object come in the order of their names.
func appendResult(dst []byte, result any) ([]byte, error) {
	return appendNested(dst, result, 0)
}

// appendNested is appendResult within so many arrays and objects.
func appendNested(dst []byte, result any, depth int) ([]byte, error) {
	if depth > jsondoc.DefaultDepth {
		return dst, fmt.Errorf("gives more than %d arrays and objects within each other", jsondoc.DefaultDepth)
	}
	switch r := result.(type) {
	case nil:
		return append(dst, "null"...), nil
	case bool:
		return strconv.AppendBool(dst, r), nil
	case int:
		return strconv.AppendInt(dst, int64(r), 10), nil
	case int64:
		return strconv.AppendInt(dst, r, 10), nil
	case float64:
		return appendFloat(dst, r)
	case string:
		if len(r) > maxResult {
			return dst, errTooLarge
		}
		return jsondoc.AppendString(dst, r), nil
	case time.Time:
		return jsondoc.AppendString(dst, r.Format("2006-01-02T15:04:05.000Z07:00")), nil
	case []any:
		return appendArray(dst, slices.Values(r), depth)
	case []string:
		return appendArray(dst, slices.Values(r), depth)
	case []int:
		return appendArray(dst, slices.Values(r), depth)
	case []float64:
		return appendArray(dst, slices.Values(r), depth)
	case map[string]any:
		return appendObject(dst, r, depth)
	case map[any][]any: // of groupBy
		object := make(map[string]any, len(r))
		for key, group := range r {
			object[fmt.Sprint(key)] = group
		}
		return appendObject(dst, object, depth)
	case map[any]any:
		object := make(map[string]any, len(r))
		for key, value := range r {
			object[fmt.Sprint(key)] = value
		}
		return appendObject(dst, object, depth)
	}
	return dst, fmt.Errorf("gives %s, which is not JSON", describe(result))
}

func appendFloat(dst []byte, f float64) ([]byte, error) {
	switch {
	case math.IsNaN(f):
		return dst, fmt.Errorf("gives NaN, which is not a number that JSON has")
	case math.IsInf(f, 0):
		return dst, fmt.Errorf("gives an infinite number, which JSON does not have: is something divided by zero?")
	case f == 0:
		return append(dst, '0'), nil // also for -0
	}
	format := byte('f')
	if abs := math.Abs(f); abs < 1e-6 || abs >= 1e21 {
		format = 'e'
	}
	return strconv.AppendFloat(dst, f, format, -1, 64), nil
}

func appendArray[T any](dst []byte, values iter.Seq[T], depth int) ([]byte, error) {
	begin := len(dst)
	dst = append(dst, '[')
	first := true
	for value := range values {
		if !first {
			dst = append(dst, ',')
		}
		first = false
		var err error
		if dst, err = appendNested(dst, value, depth+1); err != nil {
			return dst, err
		}
		if len(dst)-begin > maxResult {
			return dst, errTooLarge
		}
	}
	return append(dst, ']'), nil
}

func appendObject(dst []byte, object map[string]any, depth int) ([]byte, error) {
	begin := len(dst)
	dst = append(dst, '{')
	for i, name := range slices.Sorted(maps.Keys(object)) {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(jsondoc.AppendString(dst, name), ':')
		var err error
		if dst, err = appendNested(dst, object[name], depth+1); err != nil {
			return dst, err
		}
		if len(dst)-begin > maxResult {
			return dst, errTooLarge
		}
	}
	return append(dst, '}'), nil
}

// describe names a result for an error message.
func describe(result any) string {
	switch r := result.(type) {
	case nil:
		return "nothing (nil)"
	case string:
		return "the text " + excerpt([]byte(r), maxExcerpt)
	case int, float64:
		return fmt.Sprintf("the number %v", r)
	case time.Duration:
		return "a duration (.Seconds() makes a number of it)"
	case byte:
		return "a byte of a text (text[0:1] is its first character)"
	case []any:
		return "an array"
	case map[string]any:
		return "an object"
	}
	return fmt.Sprintf("a %T", result)
}
