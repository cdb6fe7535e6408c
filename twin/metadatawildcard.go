package twin

import (
	"slices"
	"strconv"

	"github.com/twinbroker/twinbroker/twin/jsondoc"
	"github.com/twinbroker/twinbroker/twin/protocol"
)

// The wildcards in the keys of metadata (Ditto's page basic-metadata, its
// MetadataWildcardValidator and MetadataFieldsWildcardResolver). A * stands for
// the members at one level. Only at the very beginning of a key, in */key, it
// stands for all leaves: whatever is no object.
//
// Ditto's code reads wildcards on the path of a Feature or below in ways that
// its page does not mean: there, what it gives to leaves may end up at a place
// that has nothing to do with them, or is refused. Here a key is relative to the
// command's path everywhere, and */key is for all leaves there. As on the page
// the IDs of a Thing and of its Policy are none of them.

const wildcard = "*"

// wildcardKeys are the keys with wildcards that there may be at a resource; P
// stands for properties or desiredProperties, "" for any name without a
// wildcard. Behind them stands at least one more name.
var wildcardKeys = map[resource][]jsondoc.Pointer{
	resThing: {
		{"features", "*", "P", "*"}, {"features", "*", "P", ""}, {"features", "", "P", "*"},
		{"features", "*", "definition"}, {"attributes", "*"}, {"*"},
	},
	resFeatures: {{"*", "P", "*"}, {"*", "P", ""}, {"", "P", "*"}, {"*", "definition"}, {"*"}},
	resFeature:  {{"P", "*"}, {"*"}},
}

// leavesOnly are those of all other resources.
var leavesOnly = []jsondoc.Pointer{{"*"}}

// placesForMetadata bounds how many places the wildcards of one command may
// stand for. Metadata at so many would be larger than a Thing may be by far.
const placesForMetadata = 1 << 16

// expansion resolves the wildcards in a command's keys, for what is at its
// resource; value is nil where nothing is.
type expansion struct {
	header string
	of     resource
	value  *jsondoc.Value
	behind jsondoc.Pointer   // what stands behind the part with wildcards
	found  []jsondoc.Pointer // for the key that is being resolved
	places int               // for all keys
}

// expand gives the keys that a key with wildcards stands for. One without any is
// given back as it is: the last name of a key is never a wildcard.
func (x *expansion) expand(key jsondoc.Pointer) ([]jsondoc.Pointer, *protocol.Error) {
	if !slices.Contains(key[:len(key)-1], wildcard) {
		return []jsondoc.Pointer{key}, nil
	}
	patterns, ok := wildcardKeys[x.of]
	if !ok {
		patterns = leavesOnly
	}
	i := slices.IndexFunc(patterns, func(p jsondoc.Pointer) bool { return fitsWildcards(key, p) })
	if i < 0 {
		return nil, protocol.HeaderUnusable(x.header, "The wildcards in "+key.String()+" are not ones that there are for the command's path.")
	}
	if x.value == nil {
		return nil, nil
	}
	n := len(patterns[i])
	x.behind, x.found = key[n:], nil
	if n == 1 && key[0] == wildcard {
		x.leaves(x.value, nil)
	} else {
		x.members(x.value, nil, key[:n])
	}
	if x.places > placesForMetadata {
		return nil, protocol.HeaderUnusable(x.header, "Its wildcards stand for more than "+strconv.Itoa(placesForMetadata)+" places.")
	}
	return x.found, nil
}

func fitsWildcards(key, pattern jsondoc.Pointer) bool {
	if len(key) <= len(pattern) || key[len(pattern)] == wildcard {
		return false
	}
	for i, want := range pattern {
		switch is := key[i]; want {
		case "P":
			if is != memberProperties && is != memberDesiredProperties {
				return false
			}
		case "":
			if is == wildcard {
				return false
			}
		default:
			if is != want {
				return false
			}
		}
	}
	return true
}

func (x *expansion) add(at jsondoc.Pointer) {
	if x.places++; x.places <= placesForMetadata {
		x.found = append(x.found, slices.Concat(at, x.behind))
	}
}

// leaves adds the key for everything in v that is no object.
func (x *expansion) leaves(v *jsondoc.Value, at jsondoc.Pointer) {
	if v.Kind() != jsondoc.KindObject {
		x.add(at)
		return
	}
	for name, inner := range v.Members() {
		if x.of == resThing && len(at) == 0 && (name == memberThingID || name == memberPolicyID) {
			continue
		}
		x.leaves(inner, append(at[:len(at):len(at)], name))
	}
}

// members adds the key for all members that are on the way to what is left of
// the part with wildcards. What the last names lead to need not be there.
func (x *expansion) members(v *jsondoc.Value, at, left jsondoc.Pointer) {
	if !slices.Contains(left, wildcard) {
		x.add(slices.Concat(at, left))
		return
	}
	if left[0] != wildcard {
		if inner, ok := v.Member(left[0]); ok {
			x.members(inner, append(at[:len(at):len(at)], left[0]), left[1:])
		}
		return
	}
	for name, inner := range v.Members() {
		x.members(inner, append(at[:len(at):len(at)], name), left[1:])
	}
}
