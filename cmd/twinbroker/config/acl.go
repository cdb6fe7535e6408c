package config

import (
	"fmt"
	"strconv"

	"go.yaml.in/yaml/v3"

	"github.com/twinbroker/twinbroker/broker/acl"
)

// acl reads the list of rules for topics.
func (d *decoder) acl(node *yaml.Node, key string) []acl.Rule {
	var list []acl.Rule
	d.each(node, key, func(element *yaml.Node, key string) {
		s := d.section(element, key)
		list = append(list, acl.Rule{Subjects: s.texts("subjects"), Publish: s.texts("publish"), Subscribe: s.texts("subscribe")})
		s.end()
	})
	return list
}

// proving are the keys by any of which some clients may do less than others:
// whether they are there decides what happens to topics without a rule.
var proving = []string{"auth.users_file", "auth.certificates", "auth.jwt", "auth.admin_subjects", "acl", "acl_file"}

// closed says whether topics outside of the twin's trees are closed but for what
// rules grant.
func (c *Config) closed() bool {
	return c.why() != ""
}

// acl compiles the rules for topics.
func (k *checker) acl() {
	if !k.c.closed() {
		return
	}
	var file *acl.File
	if name := k.c.ACLFile; name != "" {
		text, err := contents(name)
		if err != nil {
			k.fail("acl_file", "%s cannot be read: %v", name, unwrap(err))
			return
		}
		file = acl.ParseFile(string(text))
	}
	rules, problems := acl.Compile(k.c.ACL, file, acl.Trees{k.c.Topics.Root, k.c.Topics.State})
	for _, p := range problems {
		if p.Chosen && len(k.c.Auth.ClientIDs) > 0 { // not as they like
			continue
		}
		told := Problem{Place: k.c.places.of(p.Path), Key: p.Path, Text: p.Text, Warning: p.Warning}
		if p.Line > 0 {
			told.Place, told.Key = k.c.ACLFile+":"+strconv.Itoa(p.Line), "acl_file"
		}
		k.problems = append(k.problems, told)
	}
	k.c.Granted = rules
}

// subjects checks that publications say who may be told what they tell.
func (k *checker) subjects() {
	if !k.c.closed() {
		return
	}
	for i := range k.c.Publications {
		if len(k.c.Publications[i].Subjects) == 0 {
			k.fail(under(at("publications", i), "subjects"), `is missing: what these may READ is published, such as subjects: ["group:devices"]; it is needed as not everybody may see everything (%s)`, k.c.why())
		}
	}
}

// watched are the files besides those of the configuration itself that are read
// again when they change.
func (c *Config) watched() []string {
	if c.ACLFile == "" {
		return c.proofs()
	}
	return append(c.proofs(), c.ACLFile)
}

// why names a key that says that clients are not all the same.
func (c *Config) why() string {
	for _, key := range proving {
		switch {
		case c.places[key] == "":
		case key == "auth.users_file" && c.Auth.UsersFile == "", key == "auth.admin_subjects" && len(c.Auth.AdminSubjects) == 0, key == "acl_file" && c.ACLFile == "":
		default:
			return key + " is set"
		}
	}
	return ""
}

// Closed says which topics are closed; "" when none is. Where there are no rules
// at all, likely nobody thought of it.
func (c *Config) Closed() string {
	if !c.closed() {
		return ""
	}
	return fmt.Sprintf("topics outside of %s/… and %s/… are closed but for what rules grant (%s; %d rules in acl and acl_file)",
		c.Topics.Root, c.Topics.State, c.why(), c.Granted.Len())
}

func (c *Config) showACL() *yaml.Node {
	list := &yaml.Node{Kind: yaml.SequenceNode}
	for i := range c.ACL {
		r := &c.ACL[i]
		node := &yaml.Node{Kind: yaml.MappingNode}
		for _, texts := range []struct {
			key  string
			list []string
		}{{"subjects", r.Subjects}, {"publish", r.Publish}, {"subscribe", r.Subscribe}} {
			if len(texts.list) > 0 {
				add(node, texts.key, textNodes(texts.list))
			}
		}
		list.Content = append(list.Content, node)
	}
	return list
}
