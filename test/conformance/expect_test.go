package conformance

import (
	"encoding/json"
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/twinbroker/twinbroker/test/harness"
)

// request is a message on its way.
type request struct {
	mqtt        string // the MQTT topic
	payload     string
	properties  *Properties
	topic       string // the Ditto Protocol's
	correlation string
	headers     map[string]any
	value       string // "" for none
}

func (q *request) String() string {
	text := fmt.Sprintf("sent: %s\n      %s", q.mqtt, q.payload)
	if q.properties != nil {
		text += fmt.Sprintf("\n      with %+v", *q.properties)
	}
	return text
}

func (r *run) request(step *Step, correlation string) (*request, error) {
	q := &request{correlation: correlation, headers: map[string]any{}}
	q.topic = r.path() + "/commands/" + step.Action()
	if step.To != "" {
		q.topic = r.vars.Fill(step.To)
	}
	q.mqtt = "ditto/" + escaped.Replace(q.topic)
	if step.Properties != nil {
		p := *step.Properties
		p.ResponseTopic, p.Correlation = r.vars.Fill(p.ResponseTopic), r.vars.Fill(p.Correlation)
		q.properties = &p
	}
	var members []string
	if step.Root {
		q.mqtt = "ditto"
		members = append(members, `"topic":`+quote(q.topic))
	}
	headers := "{}"
	if !absent(&step.Headers) {
		var err error
		if headers, err = r.vars.JSON(&step.Headers); err != nil {
			return nil, err
		}
		sent, err := decode(headers)
		if err != nil {
			return nil, err
		}
		q.headers, _ = sent.(map[string]any)
	}
	if id, given := q.headers["correlation-id"]; given {
		q.correlation, _ = id.(string)
	} else if q.properties != nil && q.properties.Correlation != "" {
		q.correlation = q.properties.Correlation
	} else {
		headers = strings.TrimSuffix(headers, "}")
		if headers != "{" {
			headers += ","
		}
		headers += `"correlation-id":` + quote(correlation) + "}"
	}
	r.vars["correlation"] = q.correlation
	if path := step.Path(); path != "" {
		members = append(members, `"path":`+quote(r.vars.Fill(path)))
	}
	members = append(members, `"headers":`+headers)
	if step.Fields != "" {
		members = append(members, `"fields":`+quote(step.Fields))
	}
	if !absent(&step.Value) {
		var err error
		if q.value, err = r.vars.JSON(&step.Value); err != nil {
			return nil, err
		}
		members = append(members, `"value":`+q.value)
	}
	q.payload = "{" + strings.Join(members, ",") + "}"
	if step.Envelope != "" {
		q.payload = r.vars.Fill(step.Envelope)
	}
	return q, nil
}

// message is what must come; "" is nothing.
type message struct {
	text    string // without headers
	headers map[string]any
}

// envelope puts together what a response or an event must be: members that are
// usual, in the place of which those stand that the file names.
func (r *run) envelope(usual map[string]string, headers map[string]any, n *yaml.Node) (message, error) {
	var order = []string{"topic", "path", "value", "fields", "status", "revision", "timestamp", "extra", "metadata"}
	if n.Kind == yaml.MappingNode {
		for i := 0; i < len(n.Content); i += 2 {
			name := n.Content[i].Value
			if name == "action" || name == "status" {
				continue
			}
			text, err := r.vars.JSON(n.Content[i+1])
			if err != nil {
				return message{}, err
			}
			if name == "headers" {
				more, err := decode(text)
				if err != nil {
					return message{}, err
				}
				for name, value := range more.(map[string]any) {
					headers[name] = value
				}
				continue
			}
			usual[name] = text
		}
	}
	var members []string
	for _, name := range order {
		if usual[name] != "" {
			members = append(members, quote(name)+":"+usual[name])
		}
	}
	return message{"{" + strings.Join(members, ",") + "}", headers}, nil
}

// response is what must be answered.
func (r *run) response(step *Step, q *request, after string) (message, error) {
	status, code := step.Status(), step.ErrorCode()
	if status == "" {
		return message{}, nil
	}
	usual := map[string]string{"topic": quote(q.topic), "path": quote(r.vars.Fill(step.Path())), "status": status}
	headers := map[string]any{"correlation-id": q.correlation}
	switch {
	case code != "":
		topic, _, _ := strings.Cut(q.topic, r.group()+"/")
		usual["topic"], usual["path"] = quote(topic+r.group()+"/errors"), `"/"`
		usual["value"] = fmt.Sprintf(`{"status":%s,"error":%q,"message":"{{text}}","description":"{{text}}","href":"{{maybe}}"}`, status, code)
		if code == "header.invalid" {
			usual["value"] = strings.Replace(usual["value"], `"href"`, `"invalidHeaderKey":"{{maybe}}","href"`, 1)
		}
	case step.AnswerText != "":
		usual["value"] = r.vars.Fill(step.AnswerText)
	case !absent(&step.Answer):
		var err error
		if usual["value"], err = r.vars.JSON(&step.Answer); err != nil {
			return message{}, err
		}
	case status == "201" && step.Path() == "/":
		usual["value"] = after
	case status == "201":
		usual["value"] = q.value
	case status == "200":
		return message{}, fmt.Errorf("the answer is missing in the case")
	}
	return r.envelope(usual, headers, &step.Response)
}

// contentTypes of events.
var contentTypes = map[string]string{"created": "application/json", "modified": "application/json", "merged": "application/merge-patch+json", "migrated": "application/merge-patch+json"}

// event is what the world must be told.
func (r *run) event(step *Step, q *request, after string, revision int) (message, error) {
	action := step.EventAction()
	if action == "" || action == "none" {
		return message{}, nil
	}
	usual := map[string]string{
		"topic": quote(r.path() + "/events/" + action),
		"path":  quote(r.vars.Fill(step.Path())), "revision": fmt.Sprint(revision), "timestamp": `"{{time}}"`,
	}
	headers := map[string]any{"correlation-id": q.correlation, "content-type": "{{absent}}", "ditto-originator": "anonymous:local"}
	if typ := contentTypes[action]; typ != "" {
		headers["content-type"] = typ
	}
	switch {
	case !absent(&step.Told):
		var err error
		if usual["value"], err = r.vars.JSON(&step.Told); err != nil {
			return message{}, err
		}
	case action == "deleted":
	case step.Path() == "/" && action != "merged":
		usual["value"] = after
	default:
		usual["value"] = q.value
	}
	return r.envelope(usual, headers, &step.Event)
}

// compareOne says why what came is not the one message that must come.
func (r *run) compareOne(want message, came []harness.Message, q *request) error {
	if len(came) != 1 {
		if want.text == "" && len(came) == 0 {
			return nil
		}
		if want.text == "" || len(came) > 1 {
			return fmt.Errorf("%d messages came", len(came))
		}
		return fmt.Errorf("it did not come")
	}
	if want.text == "" {
		return fmt.Errorf("it must not come")
	}
	got, err := decode(came[0].Payload)
	if err != nil {
		return err
	}
	envelope, ok := got.(map[string]any)
	if !ok {
		return fmt.Errorf("it is no envelope")
	}
	headers, _ := envelope["headers"].(map[string]any)
	delete(envelope, "headers")
	text, err := json.Marshal(envelope)
	if err != nil {
		return err
	}
	if err := r.vars.Compare(want.text, string(text)); err != nil {
		return err
	}
	return r.vars.CompareHeaders(want.headers, headers, q.headers)
}
