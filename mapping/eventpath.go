package mapping

import (
	"errors"
	"fmt"
	"strings"
)

// Names that a Thing and a Feature prescribe (Ditto's pages "basic-thing" and
// "basic-feature").
var (
	thingParts   = []string{"thingId", "policyId", "definition", "attributes", "features"}
	featureParts = []string{"definition", "properties", "desiredProperties"}
)

// checkEventPath says why no change can be at a path or within it.
func checkEventPath(p *pattern) error {
	if len(p.levels) == 0 {
		return nil
	}
	deep := len(p.levels) > 1 || p.rest >= 0
	parts := p.levels[0].among(thingParts)
	switch {
	case len(parts) == 0:
		return errors.New("leads to no place of a thing: it begins with /attributes, /features, /definition or /policyId")
	case deep && len(parts) == 1 && parts[0] != "attributes" && parts[0] != "features":
		return fmt.Errorf("leads into %s, which is written as a whole", parts[0])
	case len(parts) != 1 || parts[0] != "features" || len(p.levels) < 3:
		return nil
	}
	parts = p.levels[2].among(featureParts)
	switch {
	case len(parts) == 0:
		return fmt.Errorf("leads to %q in a feature, which has %s", p.levels[2].prefix+p.levels[2].suffix, strings.Join(featureParts, ", "))
	case len(parts) == 1 && parts[0] == "definition" && (len(p.levels) > 3 || p.rest >= 0):
		return errors.New("leads into a definition, which is written as a whole")
	}
	return nil
}

// among are the names that fit the level.
func (l *level) among(names []string) []string {
	var fit []string
	for _, name := range names {
		if _, ok := l.match(name); ok {
			fit = append(fit, name)
		}
	}
	return fit
}
