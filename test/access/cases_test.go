package access

import (
	"bytes"
	"embed"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

//go:embed cases/*.yaml
var files embed.FS

// File is a file of cases: one door.
type File struct {
	// Name is the file's, without folder and ending.
	Name string `yaml:"-"`
	// Title says in a line what the cases are about.
	Title string `yaml:"title"`
	// Policies, Things, Listen and Never are those of every case that does not
	// say otherwise.
	World `yaml:",inline"`
	Cases []*Case `yaml:"cases"`
}

// World is what there is to begin with. Texts in it, and in steps, may have
// {{ns}}: the namespace that is the case's own.
type World struct {
	// Policies by their names in the case's namespace: entries by their labels,
	// and raw "imports". In an entry "for" are names of users, or whole subjects;
	// "thing:/…", "policy:/…" and "message:/…" have letters for what is granted
	// (R, W, X) and, after a minus, revoked: "RW", "-R", "R -W". Anything else
	// stands there as it is.
	Policies map[string]yaml.Node `yaml:"policies"`
	// Things by their names, as JSON without thingId. Without policyId a Thing
	// has the Policy {{ns}}:policy.
	Things map[string]yaml.Node `yaml:"things"`
	// Listen are the topic filters of clients, by their names.
	Listen map[string][]string `yaml:"listen"`
	// Never are texts that may be in nothing that a client is sent, by names of
	// clients: the values that are secret.
	Never map[string][]string `yaml:"never"`
}

// Case is what clients do in a world, and what must come of it.
type Case struct {
	Name  string `yaml:"name"` // a sentence
	World `yaml:",inline"`
	// MQTT is the one protocol version that the case is for, 3 or 5; 0: both.
	MQTT int `yaml:"mqtt"`
	// Steps are done one after the other; a case with one has it in place.
	Steps []*Step `yaml:"steps"`
	Step  `yaml:",inline"`

	file   *File
	number int
}

// Step is what one client does, and what must come of it. A client is named
// like its user; further ones of a user have a name with a dot, as "bob.away":
// they have sessions that stay, and come and leave by steps.
type Step struct {
	As string `yaml:"as"` // the client that does it; not with Each
	// Each says who does it, each in a world of its own, and what the answer is.
	Each map[string]string `yaml:"each"`

	// A command: action and path. It is for the Thing "thing", the Thing On, the
	// Policy Policy, or has the topic path To.
	Send    string    `yaml:"send"`
	On      string    `yaml:"on"`
	Policy  string    `yaml:"policy"`
	To      string    `yaml:"to"`
	Value   yaml.Node `yaml:"value"`
	Headers yaml.Node `yaml:"headers"`
	Fields  string    `yaml:"fields"`
	Through string    `yaml:"through"` // another MQTT topic than the command's own

	// A publish of any other message, to a topic.
	Publish string `yaml:"publish"`
	Payload string `yaml:"payload"`
	Retain  bool   `yaml:"retain"`

	Response string `yaml:"response"` // the MQTT 5 Response Topic of a command or publish

	Subscribe []string `yaml:"subscribe"` // the answer is "granted" or "refused" for all of them

	// Search is the value of a search; Gives the Things that are found.
	Search yaml.Node `yaml:"search"`

	Come  bool  `yaml:"come"` // the client connects, and stays until it leaves; the answer may be "refused"
	Will  *Will `yaml:"will"` // that it comes with
	Leave bool  `yaml:"leave"`
	Drop  bool  `yaml:"drop"` // its connection breaks

	// Answer is the status of the response, with the code of an error; "none", as
	// usual for what is no command. Gives is the value of the response.
	Answer string    `yaml:"answer"`
	Gives  yaml.Node `yaml:"gives"`
	// Told is what clients are sent besides the response: by their names, several
	// with spaces between them. An event of "thing" is "action path value"; other
	// signals have their topic first, other messages are topic and payload. One
	// that ends in … stands for all that begin like that. With Each it is for
	// those who are allowed it.
	Told map[string]texts `yaml:"told"`
}

// Will is the message that is sent when the client's connection breaks.
type Will struct {
	Topic   string `yaml:"topic"`
	Payload string `yaml:"payload"`
	Retain  bool   `yaml:"retain"`
}

// texts are several, or one.
type texts []string

func (t *texts) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind == yaml.ScalarNode {
		*t = texts{n.Value}
		return nil
	}
	return n.Decode((*[]string)(t))
}

// load reads all files, in the order of their names.
func load() ([]*File, error) {
	entries, err := files.ReadDir("cases")
	if err != nil {
		return nil, err
	}
	var all []*File
	for _, e := range entries {
		text, err := files.ReadFile(path.Join("cases", e.Name()))
		if err != nil {
			return nil, err
		}
		f := &File{Name: strings.TrimSuffix(e.Name(), ".yaml")}
		d := yaml.NewDecoder(bytes.NewReader(text))
		d.KnownFields(true)
		if err := d.Decode(f); err != nil {
			return nil, fmt.Errorf("%s: %w", e.Name(), err)
		}
		if err := f.check(); err != nil {
			return nil, fmt.Errorf("%s: %w", e.Name(), err)
		}
		all = append(all, f)
	}
	return all, nil
}

func (f *File) check() error {
	if !regexp.MustCompile(`^[a-z]+$`).MatchString(f.Name) || f.Title == "" {
		return fmt.Errorf("a file of cases is named with a-z only and has a title")
	}
	names := map[string]bool{}
	for i, c := range f.Cases {
		c.file, c.number = f, i+1
		if len(c.Steps) == 0 {
			c.Steps = []*Step{&c.Step}
		}
		if c.Name == "" || names[c.Name] {
			return fmt.Errorf("case %d, %q: it needs a name of its own", i+1, c.Name)
		}
		names[c.Name] = true
		for n, s := range c.Steps {
			if err := s.check(n == len(c.Steps)-1); err != nil {
				return fmt.Errorf("case %q, step %d: %w", c.Name, n+1, err)
			}
		}
	}
	return nil
}

func (s *Step) check(last bool) error {
	what := 0
	for _, is := range []bool{s.Send != "", s.Publish != "", len(s.Subscribe) > 0, s.Search.Kind != 0, s.Come, s.Leave, s.Drop} {
		if is {
			what++
		}
	}
	switch {
	case what != 1:
		return fmt.Errorf("it does %d things", what)
	case (s.As == "") == (len(s.Each) == 0):
		return fmt.Errorf("it has either as or each")
	case len(s.Each) > 0 && (s.Answer != "" || !last):
		return fmt.Errorf("each is for the last step, and has the answers")
	case s.As != "" && s.Answer == "" && (s.Send != "" || len(s.Subscribe) > 0):
		return fmt.Errorf("it says no answer")
	}
	for _, names := range []map[string]string{s.Each} {
		for who := range names {
			for name := range strings.FieldsSeq(who) {
				if !known(name) {
					return fmt.Errorf("there is no client %q", name)
				}
			}
		}
	}
	for who := range s.Told {
		for name := range strings.FieldsSeq(who) {
			if !known(name) {
				return fmt.Errorf("there is no client %q", name)
			}
		}
	}
	if s.As != "" && !known(s.As) {
		return fmt.Errorf("there is no client %q", s.As)
	}
	return nil
}

func known(client string) bool {
	user, _, _ := strings.Cut(client, ".")
	return slices.Contains(cast, user)
}
