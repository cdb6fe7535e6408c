package twin

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/twinbroker/twinbroker/twin/jsondoc"
	"github.com/twinbroker/twinbroker/twin/placeholder"
	"github.com/twinbroker/twinbroker/twin/protocol"
)

// The placeholder {{ thing-json:attributes/x }} in the payload of a migration
// stands for what the Thing has at the path, as text: a text's characters, the
// JSON of anything else, and of an array each of its elements. Functions can
// stand behind it; of several values that are left the first counts (Ditto's
// ImmutableThingJsonPlaceholder, MigrateThingDefinitionStrategy and
// PlaceholderFilter). A text that is nothing but a placeholder without
// functions becomes what that stands for, of whatever kind it is.

// placeholderPattern finds placeholders, in the two spellings of Ditto.
var placeholderPattern = regexp.MustCompile(`\{\{\s*([^{}]*?)\s*\}\}|\$\{\s*([^{}]*?)\s*\}`)

// filling fills in placeholders with what a Thing has.
type filling struct {
	thing  *jsondoc.Value
	rights *rights // what it may READ of it is what there is
	room   int     // bytes that texts may still get
	work   int     // bytes that functions were given
}

// maxWork is how many bytes the functions of one migration may be given.
const maxWork = 4 << 20

var errMuchWork = fmt.Errorf("the functions of all placeholders together have more than %d bytes to work on", maxWork)

// value is the value with the placeholders in its texts filled in.
func (f *filling) value(v *jsondoc.Value) (*jsondoc.Value, *protocol.Error) {
	switch v.Kind() {
	case jsondoc.KindString:
		if text, _ := v.Text(); strings.Contains(text, "{") && f.room >= 0 {
			return f.text(v, text)
		}
	case jsondoc.KindObject:
		kept := keeper{from: v}
		for name, inner := range v.Members() {
			next, err := f.value(inner)
			if err != nil {
				return nil, err
			}
			kept.keep(name, inner, next)
		}
		return kept.object(), nil
	case jsondoc.KindArray:
		elements, changed := make([]*jsondoc.Value, 0, v.Len()), false
		for inner := range v.Elements() {
			next, err := f.value(inner)
			if err != nil {
				return nil, err
			}
			changed = changed || next != inner
			elements = append(elements, next)
		}
		if changed {
			return jsondoc.Array(elements...), nil
		}
	}
	return v, nil
}

func (f *filling) text(v *jsondoc.Value, text string) (*jsondoc.Value, *protocol.Error) {
	found := placeholderPattern.FindAllStringIndex(text, -1)
	if found == nil {
		return v, nil
	}
	var out strings.Builder
	end := 0
	for _, at := range found {
		whole := text[at[0]:at[1]]
		inside := strings.TrimSpace(strings.Trim(whole, "${}"))
		if whole == text && !placeholder.HasFunctions(inside) {
			if is, ok := f.find(inside); ok {
				return is, nil
			}
			return nil, protocol.PlaceholderUnresolved(whole)
		}
		is, err := f.said(inside, whole)
		if err != nil {
			return nil, err
		}
		if f.room -= at[0] - end + len(is); f.room < 0 {
			return v, nil
		}
		out.WriteString(text[end:at[0]])
		out.WriteString(is)
		end = at[1]
	}
	out.WriteString(text[end:])
	return jsondoc.String(out.String()), nil
}

// said is the text that a placeholder becomes, with its functions.
func (f *filling) said(inside, whole string) (string, *protocol.Error) {
	p, err := placeholder.Parse(inside, func(name string) (*jsondoc.Value, error) {
		if v, ok := f.find(name); ok {
			return v, nil
		}
		return nil, nil // which may have fn:default behind it
	})
	if err != nil {
		return "", functionWrong(whole, err)
	}
	inputs := make([]placeholder.Value, len(p.Inputs))
	for i, v := range p.Inputs {
		if v != nil {
			f.work += v.Size()
		}
		if f.work > maxWork {
			return "", protocol.FunctionTooComplex(whole, errMuchWork)
		}
		inputs[i] = textsOf(v)
	}
	text, ok, err := p.First(inputs)
	if err != nil {
		return "", functionWrong(whole, err)
	}
	if !ok {
		return "", protocol.PlaceholderUnresolved(whole)
	}
	return text, nil
}

func functionWrong(whole string, err error) *protocol.Error {
	switch {
	case errors.Is(err, placeholder.ErrUnknown):
		return protocol.FunctionUnknown(whole, err)
	case errors.Is(err, placeholder.ErrTooMany):
		return protocol.FunctionTooComplex(whole, err)
	}
	return protocol.FunctionSignatureInvalid(whole, err)
}

// textsOf is what a placeholder gives that stands for the value; nil: for
// nothing.
func textsOf(v *jsondoc.Value) (texts placeholder.Value) {
	if v == nil || v.Kind() != jsondoc.KindArray {
		if v != nil {
			texts = placeholder.Value{Text: textOf(v), OK: true}
		}
		return texts
	}
	for element := range v.Elements() {
		if text := textOf(element); texts.OK {
			texts.Others = append(texts.Others, text)
		} else {
			texts = placeholder.Value{Text: text, OK: true}
		}
	}
	return texts
}

func textOf(v *jsondoc.Value) string {
	if text, ok := v.Text(); ok {
		return text
	}
	return v.String()
}

// find is what the inside of a placeholder stands for.
func (f *filling) find(inside string) (*jsondoc.Value, bool) {
	path, ok := strings.CutPrefix(inside, "thing-json:")
	if !ok {
		return nil, false
	}
	p, err := jsondoc.ParsePointer(strings.TrimSpace(path))
	if err != nil || len(p) == 0 {
		return nil, false
	}
	v, ok := f.thing.Get(p)
	return v, ok && f.rights.readsAll(p)
}
