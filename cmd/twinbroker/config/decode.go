package config

import "go.yaml.in/yaml/v3"

// decode reads the whole document. Scalars are only collected, by key: they
// meet those of the environment and of the flags later.
func (c *Config) decode(d *decoder, root *yaml.Node) (scalars map[string]string) {
	scalars = map[string]string{}
	s := d.section(root, "")
	s.scalars(scalars, "data_dir")
	c.Include = s.texts("include")
	c.Listeners = d.listeners(s.take("listeners"), "listeners")
	s.inner("http").only(scalars, "address")
	c.decodeAuth(s.inner("auth"), scalars)
	if s.has("acl") {
		c.ACL = d.acl(s.take("acl"), "acl")
	}
	s.scalars(scalars, "acl_file")
	c.creation(d, s, "creation")
	s.inner("audit").only(scalars, "file")
	s.inner("provision").only(scalars, "policies", "things", "mode")
	s.inner("topics").only(scalars, "root", "state", "state_payload")
	c.Mappings = d.mappings(s.take("mappings"), "mappings")
	c.Publications = d.publications(s.take("publications"), "publications")
	s.inner("store").only(scalars, "memory", "sync", "patience")
	s.inner("merge").only(scalars, "drop_emptied_objects")
	policies := s.inner("policies")
	c.Policies.NamespaceRoots = d.namespaceRoots(policies.take("namespace_roots"), "policies.namespace_roots")
	policies.only(scalars, "subject_expiry_granularity", "subject_announcement_granularity", "subject_announcement_spread")
	history := s.inner("history")
	c.History.Headers = history.texts("headers")
	history.only(scalars, "retention", "max_size", "forget_deleted")
	limits := s.inner("limits")
	limits.later("state_on_subscribe")
	limits.only(scalars, "packet_size", "message_size", "thing_size", "policy_size", "clients", "queue_messages", "queue_size")
	s.inner("log").only(scalars, "level", "format")
	if s.has("connections") && s.isEmpty("connections") {
		s.take("connections") // none are asked for
	} else {
		s.later("connections")
	}
	s.end()
	return scalars
}

// inner is the section that is the value of a key.
func (s *section) inner(name string) *section {
	return s.d.section(s.take(name), under(s.key, name))
}

// scalars collects scalars by their key.
func (s *section) scalars(into map[string]string, names ...string) {
	for _, name := range names {
		if text, ok := s.d.scalar(s.take(name), under(s.key, name)); ok {
			into[under(s.key, name)] = text
		}
	}
}

// only collects the scalars of a section that has no other keys.
func (s *section) only(into map[string]string, names ...string) {
	s.scalars(into, names...)
	s.end()
}
