package conformance

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// after is what the Thing must be after a step; before is what it was.
func (r *run) after(step *Step, before string) (string, error) {
	if !absent(&step.After) {
		return r.thing(&step.After, r.vars["thing"])
	}
	changes := map[string]any{}
	switch action := step.EventAction(); {
	case !absent(&step.Changes):
		text, err := r.vars.JSON(&step.Changes)
		if err != nil {
			return "", err
		}
		value, err := decode(text)
		if err != nil {
			return "", err
		}
		changes, _ = value.(map[string]any)
	case action == "created" || action == "modified":
		if step.Path() == "/" {
			return r.thing(&step.Value, r.vars["thing"])
		}
		text, err := r.vars.JSON(&step.Value)
		if err != nil {
			return "", err
		}
		value, err := decode(text)
		if err != nil {
			return "", err
		}
		changes[r.vars.Fill(step.Path())] = value
	case action == "deleted" && step.Path() == "/":
		return "", nil
	case action == "deleted":
		changes[r.vars.Fill(step.Path())] = "{{absent}}"
	default:
		return before, nil
	}
	return change(before, changes)
}

// visible is what the client sees of the Thing.
func (r *run) visible(thing string) (string, error) {
	if thing == "" || slices.Contains(r.Hidden, "/") {
		return "", nil
	}
	changes := map[string]any{}
	for _, path := range r.Hidden {
		changes[path] = "{{absent}}"
	}
	return change(thing, changes)
}

// change sets and removes values at JSON Pointers. It decodes everything, so
// that it has nothing in common with the program.
func change(text string, changes map[string]any) (string, error) {
	root, err := decode(text)
	if err != nil {
		return "", fmt.Errorf("what to change: %w: %q", err, text)
	}
	unescape := strings.NewReplacer("~1", "/", "~0", "~")
	for _, pointer := range slices.Sorted(maps.Keys(changes)) {
		at, _ := root.(map[string]any)
		keys := strings.Split(strings.TrimPrefix(pointer, "/"), "/")
		for _, key := range keys[:len(keys)-1] {
			inner, ok := at[unescape.Replace(key)].(map[string]any)
			if !ok {
				inner = map[string]any{}
				at[unescape.Replace(key)] = inner
			}
			at = inner
		}
		last := unescape.Replace(keys[len(keys)-1])
		if changes[pointer] == "{{absent}}" {
			delete(at, last)
		} else {
			at[last] = changes[pointer]
		}
	}
	changed, err := json.Marshal(root)
	return string(changed), err
}
