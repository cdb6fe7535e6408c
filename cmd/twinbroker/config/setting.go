package config

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/viper"
)

// setting is a scalar of the configuration: it has a default and may come
// from the environment, and some from a flag.
type setting struct {
	key   string
	byDef string // the default
	read  func(c *Config, text string) error
	print func(c *Config) string
}

// settings is all scalars, in the order in which they are shown.
var settings = []setting{
	text("data_dir", "data", func(c *Config) *string { return &c.DataDir }, notEmpty),
	{
		key: "http.address", byDef: "127.0.0.1:8080",
		read:  func(c *Config, text string) error { return c.HTTP.read(text) },
		print: func(c *Config) string { return c.HTTP.print() },
	},
	text("auth.users_file", "", func(c *Config) *string { return &c.Auth.UsersFile }, anything),
	text("acl_file", "", func(c *Config) *string { return &c.ACLFile }, anything),
	text("audit.file", "", func(c *Config) *string { return &c.Audit.File }, anything),
	text("provision.policies", "", func(c *Config) *string { return &c.Provision.Policies }, anything),
	text("provision.things", "", func(c *Config) *string { return &c.Provision.Things }, anything),
	text("provision.mode", IfAbsent, func(c *Config) *string { return &c.Provision.Mode }, oneOf(IfAbsent, Enforce)),
	text("topics.root", "ditto", func(c *Config) *string { return &c.Topics.Root }, isRoot),
	text("topics.state", "twin", func(c *Config) *string { return &c.Topics.State }, isRoot),
	text("topics.state_payload", "plain", func(c *Config) *string { return &c.Topics.StatePayload }, oneOf("plain", "json")),
	size("store.memory", "256MiB", 1<<20, func(c *Config) *int64 { return &c.Store.Memory }),
	{
		key: "store.sync", byDef: "always",
		read:  func(c *Config, text string) error { return c.Store.readSync(text) },
		print: func(c *Config) string { return c.Store.printSync() },
	},
	duration("store.patience", "10s", func(c *Config) *time.Duration { return &c.Store.Patience }),
	boolean("merge.drop_emptied_objects", "false", func(c *Config) *bool { return &c.Merge.DropEmptied }),
	duration("policies.subject_expiry_granularity", "1h", func(c *Config) *time.Duration { return &c.Policies.SubjectExpiry }),
	duration("policies.subject_announcement_granularity", "1m", func(c *Config) *time.Duration { return &c.Policies.SubjectAnnouncement }),
	duration("policies.subject_announcement_spread", "5m", func(c *Config) *time.Duration { return &c.Policies.AnnouncementSpread }),
	duration("history.retention", "72h", func(c *Config) *time.Duration { return &c.History.Retention }),
	size("history.max_size", "1GiB", 0, func(c *Config) *int64 { return &c.History.MaxSize }),
	boolean("history.forget_deleted", "false", func(c *Config) *bool { return &c.History.ForgetDeleted }),
	size("limits.packet_size", "16MiB", 0, func(c *Config) *int64 { return &c.Limits.PacketSize }),
	size("limits.message_size", "256KiB", 0, func(c *Config) *int64 { return &c.Limits.MessageSize }),
	size("limits.thing_size", "100KiB", 0, func(c *Config) *int64 { return &c.Limits.ThingSize }),
	size("limits.policy_size", "100KiB", 0, func(c *Config) *int64 { return &c.Limits.PolicySize }),
	count("limits.clients", "0", func(c *Config) *int64 { return &c.Limits.Clients }),
	count("limits.queue_messages", "10000", func(c *Config) *int64 { return &c.Limits.QueueMessages }),
	size("limits.queue_size", "16MiB", 0, func(c *Config) *int64 { return &c.Limits.QueueSize }),
	{
		key: "log.level", byDef: "info",
		read:  func(c *Config, text string) error { return c.Log.readLevel(text) },
		print: func(c *Config) string { return strings.ToLower(c.Log.Level.String()) },
	},
	text("log.format", "text", func(c *Config) *string { return &c.Log.Format }, oneOf("text", "json")),
}

func text(key, byDef string, of func(*Config) *string, check func(string) error) setting {
	return setting{key: key, byDef: byDef,
		read:  func(c *Config, text string) error { *of(c) = text; return check(text) },
		print: func(c *Config) string { return *of(c) },
	}
}

func size(key, byDef string, least int64, of func(*Config) *int64) setting {
	return setting{key: key, byDef: byDef,
		read: func(c *Config, text string) (err error) {
			if *of(c), err = parseSize(text); err == nil && *of(c) < least {
				return fmt.Errorf("%s is too little: it takes at least %s", text, printSize(least))
			}
			return err
		},
		print: func(c *Config) string { return printSize(*of(c)) },
	}
}

func count(key, byDef string, of func(*Config) *int64) setting {
	return setting{key: key, byDef: byDef,
		read: func(c *Config, text string) (err error) {
			if *of(c), err = strconv.ParseInt(text, 10, 32); err != nil || *of(c) < 0 {
				return fmt.Errorf("%q is not a count: a whole number, 0 for no limit", text)
			}
			return nil
		},
		print: func(c *Config) string { return strconv.FormatInt(*of(c), 10) },
	}
}

func duration(key, byDef string, of func(*Config) *time.Duration) setting {
	return setting{key: key, byDef: byDef,
		read:  func(c *Config, text string) (err error) { *of(c), err = parseDuration(text); return err },
		print: func(c *Config) string { return printDuration(*of(c)) },
	}
}

func boolean(key, byDef string, of func(*Config) *bool) setting {
	return setting{key: key, byDef: byDef,
		read: func(c *Config, text string) error {
			if text != "true" && text != "false" {
				return fmt.Errorf("%q is neither true nor false", text)
			}
			*of(c) = text == "true"
			return nil
		},
		print: func(c *Config) string { return strconv.FormatBool(*of(c)) },
	}
}

func anything(string) error { return nil }

func notEmpty(text string) error {
	if text == "" {
		return fmt.Errorf("is empty")
	}
	return nil
}

func oneOf(words ...string) func(string) error {
	return func(text string) error {
		if !slices.Contains(words, text) {
			return fmt.Errorf("%q is not one of %s%s", text, strings.Join(words, ", "), maybe(nearest(text, words)))
		}
		return nil
	}
}

func maybe(word string) string {
	if word == "" {
		return ""
	}
	return fmt.Sprintf("; did you mean %q?", word)
}

// isRoot checks the root of a topic tree.
func isRoot(text string) error {
	switch {
	case text == "":
		return fmt.Errorf("is empty: a tree needs a root")
	case text[0] == '$':
		return fmt.Errorf("%q begins with $, which is the broker's own", text)
	case strings.ContainsAny(text, "+#{}\x00"):
		return fmt.Errorf("%q has a wildcard or a brace in it: a root is a plain topic", text)
	case strings.HasPrefix(text, "/") || strings.HasSuffix(text, "/") || strings.Contains(text, "//"):
		return fmt.Errorf("%q has an empty level", text)
	}
	return nil
}

func (s *Store) readSync(text string) (err error) {
	if s.Sync = 0; text == "always" {
		return nil
	}
	if s.Sync, err = parseDuration(text); err != nil {
		return fmt.Errorf("%q is neither always nor a duration such as 200ms", text)
	}
	const most = time.Minute
	if s.Sync > most {
		return fmt.Errorf("%s is too long: acknowledgements would wait for it; at most %s", text, most)
	}
	return nil
}

func (s *Store) printSync() string {
	if s.Sync == 0 {
		return "always"
	}
	return printDuration(s.Sync)
}

func (l *Log) readLevel(text string) error {
	words := []string{"debug", "info", "warn", "error"}
	if err := oneOf(words...)(text); err != nil {
		return err
	}
	return l.Level.UnmarshalText([]byte(text))
}

// variable is the environment variable of a key.
func variable(key string) string {
	return envPrefix + "_" + strings.ToUpper(strings.ReplaceAll(key, ".", "_"))
}

const envPrefix = "TWINBROKER"

// settle brings the scalars together: flags before environment before file
// before default. file holds the texts that the file has, by key.
func (c *Config) settle(file map[string]string, flags map[string]string) Problems {
	v := viper.New()
	v.SetEnvPrefix(envPrefix)
	v.SetEnvKeyReplacer(strings.NewReplacer(".", "_"))
	v.AutomaticEnv()
	for _, s := range settings {
		v.SetDefault(s.key, s.byDef)
	}
	inFile := map[string]any{}
	for key, text := range file {
		inner := inFile
		names := strings.Split(key, ".")
		for _, name := range names[:len(names)-1] {
			next, ok := inner[name].(map[string]any)
			if !ok {
				next = map[string]any{}
				inner[name] = next
			}
			inner = next
		}
		inner[names[len(names)-1]] = text
	}
	var problems Problems
	if err := v.MergeConfigMap(inFile); err != nil {
		problems = append(problems, Problem{Text: err.Error()})
	}
	for key, text := range flags {
		v.Set(key, text)
	}
	for _, s := range settings {
		place := c.places[s.key]
		switch {
		case has(flags, s.key):
			place = flagNames[s.key]
		case os.Getenv(variable(s.key)) != "":
			place = variable(s.key)
		}
		if place != "" {
			c.places[s.key] = place
		}
		if err := s.read(c, v.GetString(s.key)); err != nil {
			problems = append(problems, Problem{Place: place, Key: s.key, Text: err.Error()})
		}
	}
	c.HTTP.Default = c.places["http.address"] == ""
	return problems
}

func has(m map[string]string, key string) bool { _, ok := m[key]; return ok }

// flagNames are the flags that set a scalar.
var flagNames = map[string]string{
	"data_dir":     "--data-dir",
	"http.address": "--http",
	"log.level":    "--log-level",
	"log.format":   "--log-format",
}

// settings are the scalars that the flags set.
func (f *Flags) settings() map[string]string {
	set := map[string]string{}
	for key, text := range map[string]*string{
		"data_dir": f.DataDir, "http.address": f.HTTP, "log.level": f.LogLevel, "log.format": f.LogFormat,
	} {
		if text != nil {
			set[key] = *text
		}
	}
	return set
}
