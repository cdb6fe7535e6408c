package mapping

import (
	"fmt"
	"regexp"

	"github.com/twinbroker/twinbroker/twin/jsondoc"
)

// This file finds names in single braces where {{ name }} is meant.

var braced = regexp.MustCompile(`\{([A-Za-z_][\w:-]*)(\.\.\.)?\}`)

// bracedName is the first name in single braces in a text without
// placeholders; "" when there is none.
func bracedName(text string) string {
	if found := braced.FindStringSubmatch(text); found != nil {
		return found[1]
	}
	return ""
}

// bracedDoubts tells of captures in single braces in the values that a rule
// writes, where braces may be meant.
func (r *rule) bracedDoubts() []Problem {
	var doubts []Problem
	doubt := func(key string, v *jsondoc.Value) {
		if name := r.bracedCapture(v); name != "" {
			doubts = append(doubts, Problem{
				Path: fmt.Sprintf("mappings[%d]%s", r.number, key),
				Text: fmt.Sprintf("has {%s}, which stands for itself: {{ %s }} is what {%s} took in topic", name, name, name),
			})
		}
	}
	for i := range r.config.Set {
		doubt(fmt.Sprintf(".set[%q]", r.config.Set[i].Path), r.config.Set[i].Value)
	}
	for i := range r.config.Headers {
		doubt(fmt.Sprintf(".headers[%q]", r.config.Headers[i].Name), r.config.Headers[i].Value)
	}
	if c := r.config.Create; c != nil {
		doubt(".create.definition", c.Definition)
		doubt(".create.attributes", c.Attributes)
	}
	return doubts
}

var doubleBraced = regexp.MustCompile(`\{\{.*?\}\}`)

// bracedCapture is the first of the rule's captures in single braces in the
// texts of a value, which may be nil; "" when there is none.
func (r *rule) bracedCapture(v *jsondoc.Value) string {
	if v == nil {
		return ""
	}
	switch v.Kind() {
	case jsondoc.KindString:
		text, _ := v.Text()
		for _, found := range braced.FindAllStringSubmatch(doubleBraced.ReplaceAllString(text, " "), -1) {
			if r.pattern.capture(found[1]) >= 0 {
				return found[1]
			}
		}
	case jsondoc.KindArray:
		for element := range v.Elements() {
			if name := r.bracedCapture(element); name != "" {
				return name
			}
		}
	case jsondoc.KindObject:
		for _, member := range v.Members() {
			if name := r.bracedCapture(member); name != "" {
				return name
			}
		}
	}
	return ""
}

var plainWord = regexp.MustCompile(`^[A-Za-z][\w-]*$`)

// inYAML is a text as it can be written between the braces of YAML.
func inYAML(text string) string {
	if plainWord.MatchString(text) {
		return text
	}
	return quote([]byte(text))
}
