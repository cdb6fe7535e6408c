package config

import (
	"fmt"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/twinbroker/twinbroker/broker/auth"
)

// Auth says who clients are.
type Auth = auth.Settings

// decodeAuth reads the section.
func (c *Config) decodeAuth(s *section, scalars map[string]string) {
	c.Auth.Anonymous = s.texts("anonymous")
	s.scalars(scalars, "users_file")
	if s.has("certificates") {
		by := s.inner("certificates")
		c.Auth.Certificates = &auth.CertificateSettings{Subjects: by.texts("subjects"), Username: by.text("username")}
		by.end()
	}
	c.Auth.Tokens = s.d.tokens(s.take("jwt"), "auth.jwt")
	c.Auth.AdminSubjects = s.texts("admin_subjects")
	c.Auth.ClientIDs = s.d.clientIDs(s.take("client_ids"), "auth.client_ids")
	s.end()
}

// clientIDs reads the rules for client identifiers: each is a map, or the text of
// an identifier that is for everybody.
func (d *decoder) clientIDs(node *yaml.Node, key string) []auth.IDRule {
	var list []auth.IDRule
	d.each(node, key, func(element *yaml.Node, key string) {
		if element != nil && element.Kind == yaml.MappingNode && !isPlaceholder(element) {
			s := d.section(element, key)
			list = append(list, auth.IDRule{Subjects: s.texts("subjects"), IDs: s.texts("ids")})
			s.end()
			return
		}
		text, _ := d.scalar(element, key)
		list = append(list, auth.IDRule{IDs: []string{text}})
	})
	return list
}

// tokens reads the list of those whose tokens are taken.
func (d *decoder) tokens(node *yaml.Node, key string) []auth.TokenSettings {
	var list []auth.TokenSettings
	d.each(node, key, func(element *yaml.Node, key string) {
		s := d.section(element, key)
		t := auth.TokenSettings{
			Alias: s.text("alias"), Issuer: s.text("issuer"),
			KeysFile: s.text("jwks_file"), KeysURL: s.text("jwks_url"), KeysCA: s.text("jwks_ca"),
			Audience: s.textOrTexts("audience"), Leeway: s.leeway(),
			Subjects: s.texts("subjects"), Username: s.text("username"),
			Integration: []string{auth.DefaultIntegration},
		}
		if s.has("integration_subjects") {
			t.Integration = s.texts("integration_subjects")
		}
		s.end()
		list = append(list, t)
	})
	return list
}

// textOrTexts is the value of a key that holds a text or a list of them.
func (s *section) textOrTexts(name string) []string {
	node := s.take(name)
	if node != nil && node.Kind == yaml.SequenceNode {
		return s.d.texts(node, under(s.key, name))
	}
	if text, _ := s.d.scalar(node, under(s.key, name)); text != "" {
		return []string{text}
	}
	return nil
}

func (s *section) leeway() time.Duration {
	node := s.take("leeway")
	text, ok := s.d.scalar(node, under(s.key, "leeway"))
	if !ok {
		return auth.DefaultLeeway
	}
	leeway, err := parseDuration(text)
	if err != nil {
		s.d.problem(node, under(s.key, "leeway"), err.Error())
	}
	return leeway
}

// auth checks the section, and the files that it names.
func (k *checker) auth() {
	k.anonymous()
	if file := k.c.Auth.UsersFile; file != "" {
		k.usersFile(file)
	}
	for _, p := range k.c.Auth.Check() {
		if p.Warning {
			k.warn(under("auth", p.Key), "%s", p.Text)
		} else {
			k.fail(under("auth", p.Key), "%s", p.Text)
		}
	}
	for i := range k.c.Auth.Tokens {
		t, key := &k.c.Auth.Tokens[i], at("auth.jwt", i)
		if t.KeysFile != "" {
			if err := auth.CheckKeysFile(t.KeysFile); err != nil {
				k.fail(under(key, "jwks_file"), "%v", err)
			}
		}
		if t.KeysCA != "" {
			if err := auth.CheckAuthorities(t.KeysCA); err != nil {
				k.fail(under(key, "jwks_ca"), "%v", err)
			}
		}
	}
	if k.c.Auth.Certificates != nil && !k.c.asksForCertificates() {
		k.warn("auth.certificates", "has no effect: no listener asks for certificates (listeners[].tls.client_auth: request, or require)")
	}
	k.plaintext()
}

// asksForCertificates says whether any listener does.
func (c *Config) asksForCertificates() bool {
	for i := range c.Listeners {
		if t := c.Listeners[i].TLS; t != nil && t.ClientAuth != "none" {
			return true
		}
	}
	return false
}

// plaintext warns of passwords and tokens that everybody on the way can read.
func (k *checker) plaintext() {
	if k.c.Auth.UsersFile == "" && len(k.c.Auth.Tokens) == 0 {
		return
	}
	for i := range k.c.Listeners {
		if l := &k.c.Listeners[i]; l.TLS == nil && l.Host != "" && !isLoopback(l.Host) {
			k.warn(under(at("listeners", i), "address"), "%s is not encrypted: whoever is on the way reads passwords and tokens; write tls:// or wss://, or put a proxy with TLS before it", l.Address)
		}
	}
}

func (k *checker) usersFile(file string) {
	const key = "auth.users_file"
	users, mistakes, err := auth.ReadUsers(file)
	if err != nil {
		k.fail(key, "%s cannot be read: %v; twinbroker passwd %s NAME makes it", file, unwrap(err), file)
		return
	}
	const most = 20
	for i, m := range mistakes {
		if i == most {
			k.fail(key, "%s has %d more mistakes", file, len(mistakes)-most)
			break
		}
		k.fail(key, "%s:%d: %s", file, m.Line, m.Text)
	}
	switch {
	case users == nil:
	case users.Len() == 0:
		k.warn(key, "%s has no users; twinbroker passwd %s NAME adds one", file, file)
	case len(users.Weak) > 0:
		k.warn(key, "%s has hashes that protect little (%d of %d): %s", file, len(users.Weak), users.Len(), users.Weak[0])
	}
	if users == nil {
		return
	}
	if n := len(users.Nameless); n > 0 {
		k.warn(key, "%s has names that no Policy can have (%d): %s", file, n, users.Nameless[0])
	}
	if shared := k.c.Auth.SharedIDs(users); shared != "" {
		k.warn("auth.client_ids", "%s; a sign that is in no name keeps them apart, such as : in {{ client:username }}:*", shared)
	}
}

// showAuth shows the section. It has names of files and subjects, no secrets.
func (c *Config) showAuth(section *yaml.Node) {
	add(section, "anonymous", textNodes(c.Auth.Anonymous))
	if by := c.Auth.Certificates; by != nil {
		node := &yaml.Node{Kind: yaml.MappingNode}
		add(node, "subjects", textNodes(by.Subjects))
		addText(node, "username", by.Username)
		add(section, "certificates", node)
	}
	if len(c.Auth.Tokens) > 0 {
		list := &yaml.Node{Kind: yaml.SequenceNode}
		for i := range c.Auth.Tokens {
			list.Content = append(list.Content, showToken(&c.Auth.Tokens[i]))
		}
		add(section, "jwt", list)
	}
	if len(c.Auth.AdminSubjects) > 0 {
		add(section, "admin_subjects", textNodes(c.Auth.AdminSubjects))
	}
	if len(c.Auth.ClientIDs) > 0 {
		list := &yaml.Node{Kind: yaml.SequenceNode}
		for _, r := range c.Auth.ClientIDs {
			node := &yaml.Node{Kind: yaml.MappingNode}
			if len(r.Subjects) > 0 {
				add(node, "subjects", textNodes(r.Subjects))
			}
			add(node, "ids", textNodes(r.IDs))
			list.Content = append(list.Content, node)
		}
		add(section, "client_ids", list)
	}
}

func showToken(t *auth.TokenSettings) *yaml.Node {
	node := &yaml.Node{Kind: yaml.MappingNode}
	addText(node, "alias", t.Alias)
	addText(node, "issuer", t.Issuer)
	addText(node, "jwks_file", t.KeysFile)
	addText(node, "jwks_url", t.KeysURL)
	addText(node, "jwks_ca", t.KeysCA)
	if len(t.Audience) > 0 {
		add(node, "audience", textNodes(t.Audience))
	}
	add(node, "leeway", scalarNode(printDuration(t.Leeway)))
	add(node, "subjects", textNodes(t.Subjects))
	addText(node, "username", t.Username)
	add(node, "integration_subjects", textNodes(t.Integration))
	return node
}

// authNotices say what authentication is on.
func (c *Config) authNotices() []string {
	var ways []string
	if c.Auth.UsersFile != "" {
		ways = append(ways, "the passwords of "+c.Auth.UsersFile)
	}
	if c.Auth.Certificates != nil && c.asksForCertificates() {
		ways = append(ways, "certificates")
	}
	for i := range c.Auth.Tokens {
		ways = append(ways, "tokens of "+c.Auth.Tokens[i].Issuer)
	}
	if len(ways) == 0 {
		return nil
	}
	text := "clients prove who they are by " + strings.Join(ways, ", ")
	switch {
	case len(c.Auth.Anonymous) > 0:
		text += fmt.Sprintf("; who shows nothing is let in as %s", strings.Join(c.Auth.Anonymous, ", "))
	default:
		text += "; who shows nothing is refused"
	}
	if len(c.Auth.AdminSubjects) == 0 {
		text += "; nobody is an admin (auth.admin_subjects)"
	}
	if len(c.Auth.ClientIDs) == 0 {
		text += "; clients may have any identifier that is free (auth.client_ids)"
	}
	return []string{text}
}

// proofs are the files that clients are recognised by. They are read again
// when they change.
func (c *Config) proofs() []string {
	files := []string{c.Auth.UsersFile}
	for i := range c.Auth.Tokens {
		files = append(files, c.Auth.Tokens[i].KeysFile, c.Auth.Tokens[i].KeysCA)
	}
	for i := range c.Listeners {
		if t := c.Listeners[i].TLS; t != nil {
			files = append(files, t.Cert, t.Key, t.ClientCA, t.CRL)
		}
	}
	var named []string
	for _, file := range files {
		if file != "" {
			named = append(named, file)
		}
	}
	return named
}
