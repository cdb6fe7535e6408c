package config

import (
	"errors"
	"strconv"

	"github.com/twinbroker/twinbroker/twin/jsondoc"
	"go.yaml.in/yaml/v3"
)

// JSON is the JSON value of a YAML node of any file: a number that JSON writes
// the same way keeps its digits, and maps keep their order. The error names
// the line; it is not nil for what JSON does not have, such as a key that is
// no text, and for what aliases make too large.
func JSON(node *yaml.Node) (*jsondoc.Value, error) {
	d := &decoder{place: func(line int) string { return "line " + strconv.Itoa(line) }}
	v := d.constant(node, "")
	if len(d.problems) > 0 {
		return nil, errors.New(d.problems[0].String())
	}
	return v, nil
}
