package mapping

import (
	"fmt"

	"github.com/twinbroker/twinbroker/twin/placeholder"
)

// Text is a text with placeholders that somebody else knows, each of which may
// have several values: "cert:{{ cert:san-dns | fn:lower() }}". Ditto's functions
// work on all of them.
type Text struct{ template template }

// ParseText parses a text; known says of a placeholder's name why there is none
// such, or nil.
func ParseText(s string, known func(name string) error) (*Text, error) {
	t, err := parseTemplate(s, &scope{named: known})
	if err != nil {
		return nil, err
	}
	return &Text{t}, nil
}

// Fixed says whether the text has no placeholders, and begins with what stands
// before the first.
func (t *Text) Fixed() (prefix string, whole bool) {
	if text, ok := t.template.literal(); ok {
		return text, true
	}
	if first := &t.template.parts[0]; first.source == fromText {
		return first.text, false
	}
	return "", false
}

// Values are the texts that it stands for: one for each value of its
// placeholder, all combinations where there are several placeholders, and none
// where one of them has no value. More than most are an error, as is a value
// that a function cannot work with.
func (t *Text) Values(of func(name string) []string, most int) ([]string, error) {
	texts := []string{""}
	for i := range t.template.parts {
		p := &t.template.parts[i]
		values := []string{p.text}
		switch p.source {
		case fromNamed:
			values = of(p.name)
		case fromPipeline:
			var err error
			if values, err = valuesOf(p.pipeline, of); err != nil {
				return nil, fmt.Errorf("{{ %s }} cannot be filled in: %w", p.text, err)
			}
		}
		if len(texts)*len(values) > most {
			return nil, fmt.Errorf("it stands for more than %d texts", most)
		}
		longer := make([]string, 0, len(texts)*len(values))
		for _, text := range texts {
			for _, value := range values {
				if len(text)+len(value) > maxResult {
					return nil, placeholder.ErrTooLong
				}
				longer = append(longer, text+value)
			}
		}
		texts = longer
	}
	return texts, nil
}

// valuesOf are what the pipeline leaves of all values of its first placeholder.
// Of those among the arguments the first value counts.
func valuesOf(p *pipeline, of func(name string) []string) ([]string, error) {
	inputs := make([]placeholder.Value, len(p.Inputs))
	for i := range p.Inputs {
		if values := of(p.Inputs[i].name); len(values) > 0 {
			inputs[i] = placeholder.Value{Text: values[0], Others: values[1:], OK: true}
		}
	}
	return p.All(inputs)
}
