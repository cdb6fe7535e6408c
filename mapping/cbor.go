package mapping

import (
	"cmp"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"math/big"
	"slices"
	"strconv"
	"strings"

	"github.com/fxamacker/cbor/v2"

	"github.com/twinbroker/twinbroker/twin/jsondoc"
)

// cborMode bounds what is decoded as JSON is bounded: as deep, text that is
// UTF-8, and no key twice in one map.
var cborMode = func() cbor.DecMode {
	mode, err := cbor.DecOptions{
		DupMapKey:        cbor.DupMapKeyEnforcedAPF,
		MaxNestedLevels:  jsondoc.DefaultDepth,
		TimeTagToAny:     cbor.TimeTagToRFC3339Nano,
		MapKeyByteString: cbor.MapKeyByteStringForbidden,
	}.DecMode()
	if err != nil {
		panic(err) // options that contradict each other
	}
	return mode
}()

// decodeCBOR makes JSON of CBOR as RFC 8949, section 6.1, advises: byte
// strings become base64url without padding (or what their tag 21 to 23 asks
// for), times RFC 3339 texts, big integers numbers, undefined null, and other
// tags are ignored. The keys of maps may be texts and integers. What CBOR does
// not order, the members of objects, are in the order of their names. NaN and
// infinite numbers are refused.
func decodeCBOR(payload []byte) (*jsondoc.Value, error) {
	if len(payload) == 0 {
		return nil, errors.New("it is empty")
	}
	var decoded any
	if err := cborMode.Unmarshal(payload, &decoded); err != nil {
		return nil, errors.New(strings.TrimPrefix(err.Error(), "cbor: "))
	}
	text, err := appendCBOR(make([]byte, 0, 2*len(payload)), decoded)
	if err != nil {
		return nil, err
	}
	return jsondoc.Parse(text, jsondoc.Limits{})
}

// maxCBORInteger is how many bits an integer may have: what it takes to write
// it in digits grows faster than its length.
const maxCBORInteger = 4096

func appendCBOR(dst []byte, v any) ([]byte, error) {
	switch v := v.(type) {
	case nil:
		return append(dst, "null"...), nil
	case bool:
		return strconv.AppendBool(dst, v), nil
	case uint64:
		return strconv.AppendUint(dst, v, 10), nil
	case int64:
		return strconv.AppendInt(dst, v, 10), nil
	case big.Int:
		if v.BitLen() > maxCBORInteger {
			return dst, fmt.Errorf("it has an integer of more than %d bits", maxCBORInteger)
		}
		return v.Append(dst, 10), nil
	case float64:
		return appendCBORFloat(dst, v)
	case string:
		return jsondoc.AppendString(dst, v), nil
	case []byte:
		return jsondoc.AppendString(dst, base64.RawURLEncoding.EncodeToString(v)), nil
	case []any:
		return appendCBORArray(dst, v)
	case map[any]any:
		return appendCBORMap(dst, v)
	case cbor.Tag:
		return appendCBORTag(dst, v)
	}
	return dst, fmt.Errorf("it has %s, which JSON has nothing for", describe(v))
}

// appendCBORFloat: a number that was sent with 32 bits is written with the
// digits that it takes to tell it from others of 32 bits, 23.4 and not
// 23.399999618530273.
func appendCBORFloat(dst []byte, f float64) ([]byte, error) {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return dst, fmt.Errorf("it has the number %v, which JSON does not have", f)
	}
	if f32 := float32(f); float64(f32) == f && f != math.Trunc(f) {
		return strconv.AppendFloat(dst, f, 'g', -1, 32), nil
	}
	return appendFloat(dst, f)
}

func appendCBORArray(dst []byte, list []any) ([]byte, error) {
	dst = append(dst, '[')
	for i, element := range list {
		if i > 0 {
			dst = append(dst, ',')
		}
		var err error
		if dst, err = appendCBOR(dst, element); err != nil {
			return dst, err
		}
	}
	return append(dst, ']'), nil
}

func appendCBORMap(dst []byte, object map[any]any) ([]byte, error) {
	type member struct {
		name  string
		value any
	}
	members := make([]member, 0, len(object))
	for key, value := range object {
		switch key := key.(type) {
		case string:
			members = append(members, member{key, value})
		case uint64, int64:
			members = append(members, member{fmt.Sprint(key), value})
		default:
			return dst, fmt.Errorf("it has a map with a key that is neither text nor an integer (%T)", key)
		}
	}
	slices.SortFunc(members, func(a, b member) int { return cmp.Compare(a.name, b.name) })
	dst = append(dst, '{')
	for i, m := range members {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(jsondoc.AppendString(dst, m.name), ':')
		var err error
		if dst, err = appendCBOR(dst, m.value); err != nil {
			return dst, err
		}
	}
	return append(dst, '}'), nil
}

// appendCBORTag: tags 21 to 23 say how a byte string is written in JSON; of
// all others the content counts.
func appendCBORTag(dst []byte, tag cbor.Tag) ([]byte, error) {
	if content, ok := tag.Content.([]byte); ok {
		switch tag.Number {
		case 22:
			return jsondoc.AppendString(dst, base64.StdEncoding.EncodeToString(content)), nil
		case 23:
			return jsondoc.AppendString(dst, strings.ToUpper(hex.EncodeToString(content))), nil
		}
	}
	return appendCBOR(dst, tag.Content)
}
