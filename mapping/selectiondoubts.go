package mapping

import (
	"fmt"
	"strings"

	"github.com/twinbroker/twinbroker/twin/jsondoc"
)

// doubts tells of a filter that looks at what it will never see, and of extra
// fields that nobody sees.
func (p *publication) doubts() []Problem {
	var doubts []Problem
	if s := &p.selection; s.filter != nil {
		for _, field := range s.filter.Fields() {
			if p.sees(field) {
				continue
			}
			why := "no event tells it"
			if !strings.HasPrefix(field[0], "_") {
				why = "a change of " + p.config.Path + " does not tell it"
			}
			doubts = append(doubts, Problem{
				Path: fmt.Sprintf("publications[%d].filter", p.number),
				Text: fmt.Sprintf("looks at %s, which it does not see: %s; name it in extraFields", strings.TrimPrefix(field.String(), "/"), why),
			})
		}
	}
	silent := p.payload == payloadValue || p.payload == payloadExpression && p.expression.uses["extra"] == nil
	if p.selection.extra != nil && p.selection.filter == nil && silent {
		doubts = append(doubts, Problem{
			Path: fmt.Sprintf("publications[%d].extraFields", p.number),
			Text: "has no effect: the payload does not carry what it names, and there is no filter that could look at it",
		})
	}
	return doubts
}

// sees says whether a filter may find something at a place.
func (p *publication) sees(field jsondoc.Pointer) bool {
	switch first := field[0]; {
	case p.selection.extra.mayHave(field):
		return true
	case first == fieldCreated || first == fieldMetadata:
		return false
	case first == fieldThingID || strings.HasPrefix(first, "_"):
		return true // every event has these
	}
	for i := range min(len(field), len(p.path.levels)) {
		if l := &p.path.levels[i]; !l.fits(field[i]) && !isWildcard(field, i) {
			return false
		}
	}
	return true
}

// isWildcard says whether a level of a place stands for every Feature.
func isWildcard(p jsondoc.Pointer, i int) bool {
	return i == 1 && p[0] == "features" && p[1] == "*" || i == 2 && p[0] == fieldMetadata && p[1] == "features" && p[2] == "*"
}

// mayHave says whether one of the fields leads to a place, into it, or to
// something around it.
func (x *extraFields) mayHave(place jsondoc.Pointer) bool {
	if x == nil {
		return false
	}
	for _, field := range x.selector.Pointers() {
		meet := true
		for i := range min(len(field), len(place)) {
			if field[i] != place[i] && !isWildcard(field, i) && !isWildcard(place, i) && !strings.Contains(field[i], "{{") {
				meet = false
				break
			}
		}
		if meet {
			return true
		}
	}
	return false
}
