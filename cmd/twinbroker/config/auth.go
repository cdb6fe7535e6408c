package config

import (
	"go.yaml.in/yaml/v3"

	"github.com/twinbroker/twinbroker/broker/auth"
)

// Auth says who clients are.
type Auth = auth.Settings

// decodeAuth reads the section.
func (c *Config) decodeAuth(s *section, scalars map[string]string) {
	c.Auth.Anonymous = s.texts("anonymous")
	s.scalars(scalars, "users_file")
	c.Auth.AdminSubjects = s.texts("admin_subjects")
	s.later(laterAuth...)
	s.end()
}

// auth checks the section, and the files that it names.
func (k *checker) auth() {
	k.anonymous()
	if file := k.c.Auth.UsersFile; file != "" {
		k.usersFile(file)
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
		k.warn(key, "%s has %d passwords whose hash protects little: %s", file, len(users.Weak), users.Weak[0])
	}
}

// showAuth shows the section. It has names of files and subjects, no secrets.
func (c *Config) showAuth(section *yaml.Node) {
	add(section, "anonymous", textNodes(c.Auth.Anonymous))
	if len(c.Auth.AdminSubjects) > 0 {
		add(section, "admin_subjects", textNodes(c.Auth.AdminSubjects))
	}
}
