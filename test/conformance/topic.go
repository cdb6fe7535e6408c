package conformance

import (
	"bytes"
	"embed"
	"fmt"
	"io"
	"path"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"
)

//go:embed cases/*.yaml
var files embed.FS

// Topic is a file of cases.
type Topic struct {
	// Name is the file's, without folder and ending.
	Name string `yaml:"-"`
	// Title says in a line what the cases are about.
	Title string `yaml:"title"`
	// About is what the cases are about: Things, or with "policies" Policies.
	// What is said of a case's Thing is meant of a Policy then.
	About string `yaml:"about"`
	// Headers are the predefined headers whose whole behaviour is shown here, each
	// with what the page is to say of it beyond works or not yet.
	Headers map[string]string `yaml:"headers"`
	// Errors are codes that no message brings about in a test, each with its
	// status and state.
	Errors map[string]string `yaml:"errors"`
	// Things are states that cases begin with, by names that they use.
	Things map[string]yaml.Node `yaml:"things"`
	Cases  []*Case              `yaml:"cases"`
}

// Case is a state and messages, with what must come of them. Texts may have
// placeholders, see [Vars].
type Case struct {
	// Name is a sentence of what happens.
	Name string `yaml:"name"`
	// Source is where in Ditto's documentation or code this stands.
	Source string `yaml:"source"`
	// Pending names what the case waits for, until the program fulfils it.
	Pending string `yaml:"pending"`
	// Says is the case's row on the page; without it, it is in the counts only.
	Says string `yaml:"says"`
	// Differs says how the program does it otherwise than Ditto. The case expects
	// what the program does.
	Differs string `yaml:"differs"`
	// MQTT is the one protocol version that the case is for, 3 or 5; 0: both.
	MQTT int `yaml:"mqtt"`
	// ID is the Thing's, instead of one in the case's own namespace.
	ID string `yaml:"id"`
	// Thing is there to begin with, with revision 1: a name of the topic's
	// Things, or JSON without thingId and, if it is the Thing's own, policyId.
	Thing yaml.Node `yaml:"thing"`
	// Others are there too, and Policies; by the names of their IDs.
	Others   map[string]yaml.Node `yaml:"others"`
	Policies map[string]yaml.Node `yaml:"policies"`
	// Hidden are the parts of the Thing that the client may not READ, by JSON
	// Pointer; "/" is all of it.
	Hidden []string `yaml:"hidden"`
	// Steps are the messages; a case with one has it in place.
	Steps []*Step `yaml:"steps"`
	Step  `yaml:",inline"`

	// Topic is the file, Number the place in it, from 1.
	Topic  *Topic `yaml:"-"`
	Number int    `yaml:"-"`
}

// Step is a message and what must come of it.
type Step struct {
	// Send is action and path of a command for the case's Thing.
	Send string `yaml:"send"`
	// To is the topic path, if the command is for something else.
	To string `yaml:"to"`
	// Members of the envelope.
	Value   yaml.Node `yaml:"value"`
	Headers yaml.Node `yaml:"headers"`
	Fields  string    `yaml:"fields"`
	// Envelope is the payload's text, instead of one that is put together.
	Envelope string `yaml:"envelope"`
	// Root sends to ditto itself, with the topic in the envelope.
	Root bool `yaml:"root"`
	// Properties are those of an MQTT 5 PUBLISH.
	Properties *Properties `yaml:"properties"`

	// Response is a status; a status of 400 and above (and 304) with the error's
	// code; "none"; or an envelope, in which what is left out is as usual.
	Response yaml.Node `yaml:"response"`
	// Answer is the value of the response. Without it a 201 has the command's
	// value, or the whole Thing.
	Answer yaml.Node `yaml:"answer"`
	// AnswerText is the value of the response to the letter.
	AnswerText string `yaml:"answerText"`
	// Event is the action of the one event; "none" or nothing for no event; or
	// an envelope with "action", in which what is left out is as usual. Told is
	// its value; without it it has the command's, or the whole Thing.
	Event yaml.Node `yaml:"event"`
	Told  yaml.Node `yaml:"told"`
	// After is the Thing afterwards, as in Case; "none" when it is gone. Changes
	// is the same in another way: what differs from before, by JSON Pointer, where
	// {{absent}} stands for what is gone. Without either the Thing is what an
	// event created, modified or deleted says, and unchanged without an event.
	After   yaml.Node `yaml:"after"`
	Changes yaml.Node `yaml:"changes"`
}

// Properties of a PUBLISH.
type Properties struct {
	User          map[string]string `yaml:"user"`
	ResponseTopic string            `yaml:"responseTopic"`
	Correlation   string            `yaml:"correlation"`
	ContentType   string            `yaml:"contentType"`
}

// Policies says whether the cases are about Policies.
func (t *Topic) Policies() bool { return t.About == "policies" }

// Action is the command's.
func (s *Step) Action() string { action, _, _ := strings.Cut(s.Send, " "); return action }

// Path is the command's.
func (s *Step) Path() string { _, path, _ := strings.Cut(s.Send, " "); return path }

// Load reads all topics, in the order of their names.
func Load() ([]*Topic, error) {
	entries, err := files.ReadDir("cases")
	if err != nil {
		return nil, err
	}
	var topics []*Topic
	for _, e := range entries {
		file := path.Join("cases", e.Name())
		text, err := files.ReadFile(file)
		if err != nil {
			return nil, err
		}
		t, err := parse(strings.TrimSuffix(e.Name(), ".yaml"), text)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		topics = append(topics, t)
	}
	return topics, nil
}

func parse(name string, text []byte) (*Topic, error) {
	t := &Topic{Name: name}
	d := yaml.NewDecoder(bytes.NewReader(text))
	d.KnownFields(true)
	if err := d.Decode(t); err != nil && err != io.EOF {
		return nil, err
	}
	if t.About != "" && !t.Policies() {
		return nil, fmt.Errorf("about is %q, and may be policies", t.About)
	}
	if !regexp.MustCompile(`^[a-z]+(-[a-z]+)*$`).MatchString(name) || t.Title == "" {
		return nil, fmt.Errorf("a file of cases is named with a-z and dashes, and has a title")
	}
	names := map[string]bool{}
	for n, c := range t.Cases {
		c.Topic, c.Number = t, n+1
		if c.Send != "" || c.To != "" || c.Envelope != "" {
			c.Steps = append(c.Steps, &c.Step)
		}
		if err := c.check(); err != nil {
			return nil, fmt.Errorf("case %d, %q: %w", n+1, c.Name, err)
		}
		if names[c.Name] {
			return nil, fmt.Errorf("there are two cases %q", c.Name)
		}
		names[c.Name] = true
	}
	return t, nil
}

func (c *Case) check() error {
	switch {
	case c.Name == "":
		return fmt.Errorf("it has no name")
	case c.Source == "":
		return fmt.Errorf("it has no source")
	case len(c.Steps) == 0:
		return fmt.Errorf("it sends nothing")
	case c.MQTT != 0 && c.MQTT != 3 && c.MQTT != 5:
		return fmt.Errorf("mqtt is %d, and may be 3 or 5", c.MQTT)
	}
	for n, s := range c.Steps {
		switch {
		case absent(&s.Response):
			return fmt.Errorf("step %d says no response", n+1)
		case (s.EventAction() == "merged" || s.EventAction() == "migrated") && absent(&s.After) && absent(&s.Changes):
			return fmt.Errorf("step %d merges, and says not what the Thing is afterwards", n+1)
		}
	}
	return nil
}

// Status is what the response must have, 0 for no response.
func (s *Step) Status() string {
	status, _, _ := strings.Cut(scalarOr(&s.Response, "status"), " ")
	return strings.Replace(status, "none", "", 1)
}

// ErrorCode is what the response must have, "" for a success.
func (s *Step) ErrorCode() string {
	_, code, _ := strings.Cut(scalarOr(&s.Response, "status"), " ")
	return code
}

// EventAction is the action of the event, "" or "none" without one.
func (s *Step) EventAction() string { return scalarOr(&s.Event, "action") }

func absent(n *yaml.Node) bool { return n.Kind == 0 }

// scalarOr is a scalar's text, or that of a mapping's member.
func scalarOr(n *yaml.Node, member string) string {
	if n.Kind == yaml.MappingNode {
		n = Member(n, member)
	}
	if n == nil || n.Kind != yaml.ScalarNode {
		return ""
	}
	return n.Value
}

// Member is a mapping's, nil if it has none of that name.
func Member(n *yaml.Node, name string) *yaml.Node {
	for i := 0; n != nil && i+1 < len(n.Content); i += 2 {
		if n.Kind == yaml.MappingNode && n.Content[i].Value == name {
			return n.Content[i+1]
		}
	}
	return nil
}
