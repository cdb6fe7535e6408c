package access

import (
	"flag"
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/twinbroker/twinbroker/test/conformance"
)

// run is a case, of one that does it and with one protocol version, in a world
// of its own.
type run struct {
	*Case
	who     string // of those that do the last step; "" where the case says who
	want    string // what it is answered
	version byte
	world   World
	vars    conformance.Vars
	err     error
}

// both: in `go test` one in two runs is left out, so that all are done in a few
// seconds and each version has half of them.
var both = flag.Bool("both", false, "run each case with both protocol versions, not with one of them in turn")

func runsOf(all []*File) []*run {
	var runs []*run
	for _, f := range all {
		for _, c := range f.Cases {
			for _, version := range []byte{4, 5} {
				if c.MQTT == 3 && version == 5 || c.MQTT == 5 && version == 4 {
					continue
				}
				turn := 0 // of those that do the last step
				add := func(who, want string) {
					if turn++; !*both && c.MQTT == 0 && (c.number+turn)%2 != int(version)%2 {
						return
					}
					r := &run{Case: c, who: who, want: want, version: version, world: World{
						Policies: with(f.Policies, c.Policies), Things: with(f.Things, c.Things),
						Listen: with(f.Listen, c.Listen), Never: with(f.Never, c.Never),
					}}
					r.vars = conformance.Vars{"ns": fmt.Sprintf("%s.c%d.v%d", f.Name, c.number, version), "who": who}
					if who != "" {
						r.vars["ns"] += "." + strings.ReplaceAll(who, ".", "")
					}
					runs = append(runs, r)
				}
				each := c.Steps[len(c.Steps)-1].Each
				if len(each) == 0 {
					add("", "")
				}
				for _, names := range sorted(each) {
					for who := range strings.FieldsSeq(names) {
						add(who, each[names])
					}
				}
			}
		}
	}
	return runs
}

func sorted[V any](m map[string]V) []string {
	var names []string
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// with is what the file says, with what the case says instead.
func with[V any](file, own map[string]V) map[string]V {
	all := map[string]V{}
	for name, v := range file {
		all[name] = v
	}
	for name, v := range own {
		all[name] = v
	}
	return all
}

// lines are the Policies and Things that there are to begin with, as store
// import reads them.
func (r *run) lines() (lines []string, err error) {
	for _, name := range sorted(r.world.Policies) {
		n := r.world.Policies[name]
		text, err := r.policy(&n)
		if err != nil {
			return nil, fmt.Errorf("policy %s: %w", name, err)
		}
		lines = append(lines, fmt.Sprintf(`{"policyId":"%s:%s",%s`, r.vars["ns"], name, text[1:]))
	}
	for _, name := range sorted(r.world.Things) {
		n := r.world.Things[name]
		text, err := r.vars.JSON(&n)
		if err != nil {
			return nil, fmt.Errorf("thing %s: %w", name, err)
		}
		head := fmt.Sprintf(`{"thingId":"%s:%s"`, r.vars["ns"], name)
		if !strings.Contains(text, `"policyId":`) {
			head += fmt.Sprintf(`,"policyId":"%s:policy"`, r.vars["ns"])
		}
		if text != "{}" {
			head += ","
		}
		lines = append(lines, head+text[1:])
	}
	return lines, nil
}

// policy is the JSON of a Policy.
func (r *run) policy(n *yaml.Node) (string, error) {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	var entries []string
	raw := ""
	for i := 0; i+1 < len(n.Content); i += 2 {
		label, entry := n.Content[i].Value, n.Content[i+1]
		if entry.Kind == yaml.AliasNode {
			entry = entry.Alias
		}
		if label == "imports" {
			text, err := r.vars.JSON(entry)
			if err != nil {
				return "", err
			}
			raw = `,"imports":` + text
			continue
		}
		text, err := r.entry(entry)
		if err != nil {
			return "", fmt.Errorf("entry %s: %w", label, err)
		}
		entries = append(entries, fmt.Sprintf("%q:%s", label, text))
	}
	return fmt.Sprintf(`{"entries":{%s}%s}`, strings.Join(entries, ","), raw), nil
}

func (r *run) entry(n *yaml.Node) (string, error) {
	var subjects, resources, more []string
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i].Value, n.Content[i+1]
		switch group, _, _ := strings.Cut(key, ":"); {
		case key == "for":
			for name := range strings.FieldsSeq(r.vars.Fill(value.Value)) {
				if !strings.Contains(name, ":") {
					name = "user:" + name
				}
				subjects = append(subjects, fmt.Sprintf(`%q:{"type":"t"}`, name))
			}
		case group == "thing" || group == "policy" || group == "message":
			grant, revoke, _ := strings.Cut(value.Value, "-")
			resources = append(resources, fmt.Sprintf(`%q:{"grant":%s,"revoke":%s}`, key, letters(grant), letters(revoke)))
		default:
			text, err := r.vars.JSON(value)
			if err != nil {
				return "", err
			}
			more = append(more, fmt.Sprintf(",%q:%s", key, text))
		}
	}
	return fmt.Sprintf(`{"subjects":{%s},"resources":{%s}%s}`, strings.Join(subjects, ","), strings.Join(resources, ","), strings.Join(more, "")), nil
}

func letters(of string) string {
	names := []string{}
	for _, letter := range strings.TrimSpace(of) {
		names = append(names, map[rune]string{'R': `"READ"`, 'W': `"WRITE"`, 'X': `"EXECUTE"`}[letter])
	}
	return "[" + strings.Join(names, ",") + "]"
}
