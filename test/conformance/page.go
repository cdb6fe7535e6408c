package conformance

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// Page is docs/ditto-compatibility.md with the parts that are made of the cases
// put in anew. Such a part stands between
//
//	<!-- cases: NAME -->
//	<!-- end of cases -->
//
// where NAME is suite, commands, policycommands, headers, errors, or of-TOPIC for the rows of a
// topic. The error names a part that there is not, and a topic with rows that
// has no part.
func Page(page string, topics []*Topic) (string, error) {
	parts := map[string]func() string{
		"suite":          func() string { return suiteTable(topics) },
		"commands":       func() string { return commandTable(topics, false) },
		"policycommands": func() string { return commandTable(topics, true) },
		"headers":        func() string { return headerTable(topics) },
		"errors":         func() string { return errorTable(topics) },
	}
	for _, t := range topics {
		if rows := topicRows(t); rows != "" {
			parts["of-"+t.Name] = func() string { return rows }
		}
	}
	var unknown []string
	made := part.ReplaceAllStringFunc(page, func(found string) string {
		name := part.FindStringSubmatch(found)[1]
		text, ok := parts[name]
		if !ok {
			unknown = append(unknown, name)
			return found
		}
		delete(parts, name)
		return "<!-- cases: " + name + " -->\n" + text() + "<!-- end of cases -->"
	})
	if len(unknown) > 0 {
		return "", fmt.Errorf("there are no cases for the parts %v", unknown)
	}
	if len(parts) > 0 {
		return "", fmt.Errorf("the page has no parts <!-- cases: … --> for %v", slices.Sorted(maps.Keys(parts)))
	}
	return made, nil
}

var part = regexp.MustCompile(`(?s)<!-- cases: (\S+) -->.*?<!-- end of cases -->`)

func suiteTable(topics []*Topic) string {
	var b strings.Builder
	b.WriteString("| topic | about | cases | work | differ | not yet |\n|---|---|---|---|---|---|\n")
	line := func(name, title string, n [3]int) {
		fmt.Fprintf(&b, "| %s | %s | %d | %d | %d | %d |\n", name, title, n[0]+n[1]+n[2], n[0], n[1], n[2])
	}
	var all [3]int
	for _, t := range topics {
		var n [3]int
		for _, c := range t.Cases {
			n[c.place()]++
		}
		line("[`"+t.Name+"`](../test/conformance/cases/"+t.Name+".yaml)", t.Title, n)
		for i := range n {
			all[i] += n[i]
		}
	}
	line("", "together", all)
	return b.String()
}

// place is where a case is counted: works, differs, not yet.
func (c *Case) place() int {
	switch {
	case c.Pending != "":
		return 2
	case c.Differs != "":
		return 1
	}
	return 0
}

// state is what the page says of a case.
func (c *Case) state() string {
	state := "works"
	if c.Pending != "" {
		state = "not yet"
	}
	if c.Differs != "" {
		state = strings.TrimPrefix(state+", and differs: ", "works, and ") + oneLine(c.Differs)
	}
	return state
}

func oneLine(text string) string { return strings.Join(strings.Fields(text), " ") }

// topicRows are the cases of a topic that say a row, and how others differ.
func topicRows(t *Topic) string {
	var rows, differs strings.Builder
	for _, c := range t.Cases {
		if c.Says != "" {
			fmt.Fprintf(&rows, "| %s | %s |\n", oneLine(c.Says), c.state())
		} else if c.Differs != "" {
			fmt.Fprintf(&differs, "- Differs, %s: %s\n", c.Name, oneLine(c.Differs))
		}
	}
	text := rows.String()
	if text != "" {
		text = "| what | state |\n|---|---|\n" + text
	}
	if text != "" && differs.Len() > 0 {
		text += "\n"
	}
	return text + differs.String()
}

// command is a row of a table of commands.
type command struct{ name, pattern string }

// policyPaths are the rows of the table of commands for Policies.
var policyPaths = []command{
	{"/", `/`},
	{"/entries", `/entries`},
	{"/entries/<label>", `/entries/[^/]+`},
	{"/entries/<label>/subjects", `/entries/[^/]+/subjects`},
	{"/entries/<label>/subjects/<subject>", `/entries/[^/]+/subjects/.+`},
	{"/entries/<label>/resources", `/entries/[^/]+/resources`},
	{"/entries/<label>/resources/<resource>", `/entries/[^/]+/resources/.+`},
	{"/entries/<label>/importable", `/entries/[^/]+/importable`},
	{"/entries/<label>/allowedAdditions", `/entries/[^/]+/allowedAdditions`},
	{"/entries/<label>/namespaces", `/entries/[^/]+/namespaces`},
	{"/entries/<label>/references", `/entries/[^/]+/references`},
	{"/imports", `/imports`},
	{"/imports/<id>", `/imports/[^/]+`},
	{"/imports/<id>/entries", `/imports/[^/]+/entries`},
	{"/imports/<id>/transitiveImports", `/imports/[^/]+/transitiveImports`},
}

// paths are the rows of the table of commands for Things.
var paths = []command{
	{"/", `/`},
	{"/thingId", `/thingId`},
	{"/policyId", `/policyId`},
	{"/definition", `/definition`},
	{"/attributes", `/attributes`},
	{"/attributes/<path>", `/attributes/[^{].*`},
	{"/features", `/features`},
	{"/features/<id>", `/features/[^/]+`},
	{"/features/<id>/definition", `/features/[^/]+/definition`},
	{"/features/<id>/properties", `/features/[^/]+/properties`},
	{"/features/<id>/properties/<path>", `/features/[^/]+/properties/.+`},
	{"/features/<id>/desiredProperties", `/features/[^/]+/desiredProperties`},
	{"/features/<id>/desiredProperties/<path>", `/features/[^/]+/desiredProperties/.+`},
}

var (
	actions       = []string{"create", "modify", "merge", "retrieve", "delete", "migrate"}
	policyActions = []string{"create", "modify", "retrieve", "delete"}
)

// commandTable has the statuses that the cases show, of each command on each
// path.
func commandTable(topics []*Topic, policies bool) string {
	paths, actions := paths, actions
	if policies {
		paths, actions = policyPaths, policyActions
	}
	type cell struct{ path, action string }
	shown := map[cell]map[string]bool{} // status, and whether a case that works shows it
	for c := range cases(topics) {
		for _, s := range c.Steps {
			if s.To != "" || s.Status() == "" || c.Topic.Policies() != policies {
				continue
			}
			for _, p := range paths {
				if !regexp.MustCompile("^(?:" + p.pattern + ")$").MatchString(s.Path()) {
					continue
				}
				at := cell{p.name, s.Action()}
				if shown[at] == nil {
					shown[at] = map[string]bool{}
				}
				shown[at][s.Status()] = shown[at][s.Status()] || c.Pending == ""
			}
		}
	}
	var b strings.Builder
	fmt.Fprintf(&b, "| path | %s |\n|---%s|\n", strings.Join(actions, " | "), strings.Repeat("|---", len(actions)))
	for _, p := range paths {
		fmt.Fprintf(&b, "| `%s` |", p.name)
		for _, action := range actions {
			var texts []string
			for _, status := range slices.Sorted(maps.Keys(shown[cell{p.name, action}])) {
				if !shown[cell{p.name, action}][status] {
					status += " (not yet)"
				}
				texts = append(texts, status)
			}
			text := strings.Join(texts, ", ")
			if text == "400" || text == "" || text == "400 (not yet)" {
				text = "–"
			}
			fmt.Fprintf(&b, " %s |", text)
		}
		b.WriteString("\n")
	}
	return b.String()
}

// cases goes through the cases of all topics.
func cases(topics []*Topic) func(yield func(*Case) bool) {
	return func(yield func(*Case) bool) {
		for _, t := range topics {
			for _, c := range t.Cases {
				if !yield(c) {
					return
				}
			}
		}
	}
}

// errorTable has each code that cases show, and those that no case can.
func errorTable(topics []*Topic) string {
	type row struct{ status, state string }
	rows := map[string]row{}
	for c := range cases(topics) {
		for _, s := range c.Steps {
			code := s.ErrorCode()
			if code == "" || rows[code].state == "works" {
				continue
			}
			state := "works"
			if c.Pending != "" {
				state = "not yet (" + c.Topic.Name + ")"
			}
			rows[code] = row{s.Status(), state}
		}
	}
	for _, t := range topics {
		for code, text := range t.Errors {
			status, why, _ := strings.Cut(text, " ")
			rows[code] = row{status, why}
		}
	}
	var b strings.Builder
	b.WriteString("| code | status | state |\n|---|---|---|\n")
	for _, code := range slices.Sorted(maps.Keys(rows)) {
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", code, rows[code].status, rows[code].state)
	}
	return b.String()
}
