package config

import (
	"io"
	"strconv"
	"strings"

	"github.com/twinbroker/twinbroker/twin/jsondoc"
	"go.yaml.in/yaml/v3"
)

// sections is the order in which WriteYAML writes.
var sections = []string{"data_dir", "listeners", "http", "auth", "acl", "acl_file", "creation", "audit", "provision", "topics", "mappings", "publications", "store", "merge", "policies", "history", "limits", "log"}

// WriteYAML writes the effective configuration as a file that Load reads to
// the same effect. It names files of keys, never what is in them; no setting
// of this version holds a secret itself.
func (c *Config) WriteYAML(w io.Writer) error {
	root := &yaml.Node{Kind: yaml.MappingNode}
	for _, name := range sections {
		switch name {
		case "listeners":
			add(root, name, c.showListeners())
		case "acl":
			if c.places["acl"] != "" {
				add(root, name, c.showACL())
			}
		case "acl_file":
			addText(root, name, c.ACLFile)
		case "creation":
			if c.Creation != nil {
				add(root, name, showCreation(c.Creation))
			}
		case "audit":
			if c.Audit != (Audit{}) {
				c.showSection(root, name)
			}
		case "mappings":
			add(root, name, c.showMappings())
		case "publications":
			add(root, name, c.showPublications())
		default:
			c.showSection(root, name)
		}
	}
	encoder := yaml.NewEncoder(w)
	encoder.SetIndent(2)
	if err := encoder.Encode(root); err != nil {
		return err
	}
	return encoder.Close()
}

// showSection shows the scalars of a section, and its lists of texts.
func (c *Config) showSection(root *yaml.Node, name string) {
	section := &yaml.Node{Kind: yaml.MappingNode}
	for _, s := range settings {
		inner, isInner := strings.CutPrefix(s.key, name+".")
		switch {
		case s.key == name:
			add(root, name, scalarNode(s.print(c)))
			return
		case isInner && s.print(c) != "":
			add(section, inner, scalarNode(s.print(c)))
		}
	}
	switch name {
	case "auth":
		c.showAuth(section)
	case "policies":
		c.showNamespaceRoots(section)
	case "history":
		add(section, "headers", textNodes(c.History.Headers))
	}
	add(root, name, section)
}

func (c *Config) showListeners() *yaml.Node {
	list := &yaml.Node{Kind: yaml.SequenceNode}
	for i := range c.Listeners {
		l := &c.Listeners[i]
		node := &yaml.Node{Kind: yaml.MappingNode}
		add(node, "address", textNode(l.Address))
		if l.TLS != nil {
			tls := &yaml.Node{Kind: yaml.MappingNode, Style: yaml.FlowStyle}
			addText(tls, "cert", l.TLS.Cert)
			addText(tls, "key", l.TLS.Key)
			addText(tls, "client_ca", l.TLS.ClientCA)
			addText(tls, "client_auth", l.TLS.ClientAuth)
			addText(tls, "crl", l.TLS.CRL)
			add(node, "tls", tls)
		}
		if len(l.Origins) > 0 {
			add(node, "origins", textNodes(l.Origins))
		}
		list.Content = append(list.Content, node)
	}
	return list
}

func (c *Config) showPublications() *yaml.Node {
	list := &yaml.Node{Kind: yaml.SequenceNode}
	for i := range c.Publications {
		p := &c.Publications[i]
		node := &yaml.Node{Kind: yaml.MappingNode}
		for _, texts := range []struct {
			key  string
			list []string
		}{{"subjects", p.Subjects}, {"signals", p.Signals}, {"namespaces", p.Namespaces}} {
			if len(texts.list) > 0 {
				add(node, texts.key, textNodes(texts.list))
			}
		}
		addText(node, "path", p.Path)
		addText(node, "filter", p.Filter)
		addText(node, "extraFields", p.Extra)
		add(node, "topic", textNode(p.Topic))
		if p.Expr != "" {
			payload := &yaml.Node{Kind: yaml.MappingNode, Style: yaml.FlowStyle}
			add(payload, "expr", textNode(p.Expr))
			add(node, "payload", payload)
		}
		addText(node, "payload", p.Payload)
		add(node, "qos", plainNode(strconv.Itoa(p.QoS)))
		add(node, "retain", plainNode(strconv.FormatBool(p.Retain)))
		addText(node, "to", p.To)
		list.Content = append(list.Content, node)
	}
	return list
}

func add(node *yaml.Node, key string, value *yaml.Node) {
	node.Content = append(node.Content, textNode(key), value)
}

// addText adds a text that is left out when it is empty.
func addText(node *yaml.Node, key, text string) {
	if text != "" {
		add(node, key, textNode(text))
	}
}

// textNode is a text, quoted where YAML would take it for something else.
func textNode(text string) *yaml.Node {
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: text}
}

// scalarNode is a setting: a whole number, true and false as themselves, all
// else as a text.
func scalarNode(text string) *yaml.Node {
	if _, err := strconv.ParseUint(text, 10, 63); err == nil || text == "true" || text == "false" {
		return plainNode(text)
	}
	return textNode(text)
}

// plainNode is what YAML knows a number, true, false or null by.
func plainNode(text string) *yaml.Node { return &yaml.Node{Kind: yaml.ScalarNode, Value: text} }

func textNodes(list []string) *yaml.Node {
	node := &yaml.Node{Kind: yaml.SequenceNode, Style: yaml.FlowStyle}
	for _, text := range list {
		node.Content = append(node.Content, textNode(text))
	}
	return node
}

// jsonNode is a JSON value in YAML.
func jsonNode(v *jsondoc.Value) *yaml.Node {
	switch v.Kind() {
	case jsondoc.KindString:
		text, _ := v.Text()
		return textNode(text)
	case jsondoc.KindArray:
		node := &yaml.Node{Kind: yaml.SequenceNode, Style: yaml.FlowStyle}
		for element := range v.Elements() {
			node.Content = append(node.Content, jsonNode(element))
		}
		return node
	case jsondoc.KindObject:
		node := &yaml.Node{Kind: yaml.MappingNode, Style: yaml.FlowStyle}
		for name, member := range v.Members() {
			add(node, name, jsonNode(member))
		}
		return node
	}
	return plainNode(v.String())
}
