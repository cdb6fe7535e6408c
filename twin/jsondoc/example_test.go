package jsondoc_test

import (
	"fmt"

	"github.com/twinbroker/twinbroker/twin/jsondoc"
)

func ExampleValue_Set() {
	thing, _ := jsondoc.ParseString(`{"features": {"t": {"properties": {"value": 23.420}}}}`)
	path, _ := jsondoc.ParsePointer("/features/t/properties/unit")
	changed, _ := thing.Set(path, jsondoc.String("°C"))
	fmt.Println(changed)
	fmt.Println(thing)
	// Output:
	// {"features":{"t":{"properties":{"value":23.420,"unit":"°C"}}}}
	// {"features":{"t":{"properties":{"value":23.420}}}}
}

func ExampleValue_Merge() {
	thing, _ := jsondoc.ParseString(`{"a":{"x":1,"y":2},"b":[1,2]}`)
	patch, _ := jsondoc.ParseString(`{"b":null,"a":{"y":2.0,"z":{"n":null}}}`)
	fmt.Println(thing.Merge(patch))
	// Output: {"a":{"x":1,"y":2.0,"z":{}}}
}

func ExampleValue_Select() {
	thing, _ := jsondoc.ParseString(`{"thingId":"o:t","features":{"a":{"properties":{"x":1,"y":2}},"b":{"properties":{"x":3}}}}`)
	fields, _ := jsondoc.ParseSelector("features/*/properties/x,thingId")
	fmt.Println(thing.Select(fields))
	// Output: {"features":{"a":{"properties":{"x":1}},"b":{"properties":{"x":3}}},"thingId":"o:t"}
}
