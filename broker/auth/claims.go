package auth

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

func knownClaim(name string) error {
	claim, ok := strings.CutPrefix(name, "jwt:")
	switch {
	case !ok:
		return errors.New("there is no such placeholder here: known are the claims of the token, as jwt:sub, and jwt:a/b for what is within one")
	case claim == "":
		return errors.New("jwt: needs the name of a claim")
	}
	return nil
}

// claimValues are the values of a placeholder: a text, a number or a truth is
// one, an array has one for each element. A slash leads into an object, and
// into those of an array (Ditto's page basic-placeholders, jwt:).
func claimValues(claims map[string]any) func(name string) []string {
	return func(name string) []string {
		claim := strings.TrimPrefix(name, "jwt:")
		if v, ok := claims[claim]; ok { // a name with slashes, such as a URL
			return scalars(v, nil)
		}
		return scalars(within(claims, strings.Split(strings.TrimPrefix(claim, "/"), "/")), nil)
	}
}

func within(v any, path []string) any {
	if len(path) == 0 {
		return v
	}
	switch v := v.(type) {
	case map[string]any:
		return within(v[path[0]], path[1:])
	case []any:
		var all []any
		for _, element := range v {
			all = append(all, within(element, path))
		}
		return all
	}
	return nil
}

func scalars(v any, to []string) []string {
	switch v := v.(type) {
	case string:
		if v != "" {
			to = append(to, v)
		}
	case json.Number:
		to = append(to, v.String())
	case bool:
		to = append(to, strconv.FormatBool(v))
	case []any:
		for _, element := range v {
			to = scalars(element, to)
		}
	}
	return to
}

// parseClaims decodes what a token says, with numbers as they are written.
func parseClaims(text []byte) (map[string]any, error) {
	var claims map[string]any
	d := json.NewDecoder(strings.NewReader(string(text)))
	d.UseNumber()
	if err := d.Decode(&claims); err != nil || claims == nil {
		return nil, fmt.Errorf("its claims are not a JSON object")
	}
	return claims, nil
}
