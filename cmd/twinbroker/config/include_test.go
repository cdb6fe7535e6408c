package config

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// folder puts files into a folder and gives it.
func folder(t testing.TB, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func mappingOn(topic string) string {
	return "mappings: [{topic: " + topic + ", thing: a:b, set: {/attributes/" + topic + ": \"\"}}]\n"
}

func topicsOf(c *Config) string {
	var topics []string
	for _, m := range c.Mappings {
		topics = append(topics, m.Topic)
	}
	for _, p := range c.Publications {
		topics = append(topics, ">"+p.Topic)
	}
	return strings.Join(topics, " ")
}

func TestIncludedFilesBringMappingsAndPublicationsInTheirOrder(t *testing.T) {
	dir := folder(t, map[string]string{
		"config.yaml": "include: [sub/second.yaml, \"recipes/*.yaml\"]\n" + mappingOn("first") + "publications: [{topic: out1}]\n",
		// Its own come before those of what it includes, which is named relative to it.
		"sub/second.yaml":      "include: [../third.yaml]\n" + mappingOn("second"),
		"third.yaml":           mappingOn("third") + "publications: [{topic: out2}]\n",
		"recipes/b.yaml":       mappingOn("fifth"),
		"recipes/a.yaml":       mappingOn("fourth"),
		"recipes/empty.yaml":   "# nothing\n",
		"recipes/c.other":      "not: YAML that is read\n",
		"recipes/sub/not.yaml": mappingOn("not"),
	})
	file := filepath.Join(dir, "config.yaml")
	c := load(t, file, Flags{})
	if got, want := topicsOf(c), "first second third fourth fifth >out1 >out2"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if !c.Rules.Matches("fifth") {
		t.Error("what is included is not compiled")
	}
	var shown strings.Builder
	if err := c.WriteYAML(&shown); err != nil {
		t.Fatal(err)
	}
	if got := topicsOf(load(t, write(t, shown.String()), Flags{})); got != topicsOf(c) || strings.Contains(shown.String(), "include") {
		t.Errorf("shown is\n%s", shown.String())
	}
	for name, want := range map[string]bool{"config.yaml": true, "third.yaml": true, "recipes/a.yaml": true, "recipes/new.yaml": true,
		"recipes/c.other": false, "other.yaml": false, "sub/second.yaml": true} {
		if got := c.IsReadFrom(filepath.Join(dir, name)); got != want {
			t.Errorf("read from %s: %v", name, got)
		}
	}
	want := []string{dir, filepath.Join(dir, "sub"), filepath.Join(dir, "recipes")}
	if got := c.Folders(); !reflect.DeepEqual(got, want) {
		t.Errorf("folders are %q, want %q", got, want)
	}
}

func TestTheEnvironmentIncludes(t *testing.T) {
	dir := folder(t, map[string]string{"config.yaml": "include: [nowhere.yaml]\n" + mappingOn("a"), "b.yaml": mappingOn("b")})
	t.Setenv("TWINBROKER_INCLUDE", `["b.yaml"]`)
	t.Setenv("TWINBROKER_MAPPINGS", `[{"topic":"c","thing":"a:b","set":{"/attributes/c":""}}]`)
	t.Chdir(dir)
	if got := topicsOf(load(t, "config.yaml", Flags{})); got != "c b" {
		t.Errorf("got %s", got)
	}
	if got := topicsOf(load(t, "", Flags{})); got != "c b" {
		t.Errorf("without a file: got %s", got)
	}
}

func TestProblemsOfIncludedFilesHaveTheirOwnPlaces(t *testing.T) {
	for _, test := range []struct {
		name  string
		files map[string]string
		want  string // lines; "…" stands for anything
	}{
		{"of what they say, numbered as they count", map[string]string{
			"config.yaml": "include: [x.yaml, y.yaml]\nmappings:\n  - {topic: a, thing: a:b}\n",
			"x.yaml":      "mappings:\n  - topic: b\n    thing: \"a:{{ x }}\"\n    set: {/attributes/a: \"\"}\n    formt: json\n",
			"y.yaml":      "publications:\n  - topic: c/#\nmappings:\n  - topic: b\n    thing: a:b\n    set: {/attributes/y: 5}\n",
		}, `config.yaml:3: mappings[0].set: is missing…
x.yaml:3: mappings[1].thing: has {{ x }}: there is no such capture…
x.yaml:5: mappings[1].formt: is not a key of the configuration; did you mean "format"?
y.yaml:2: publications[0].topic: has '#'…
y.yaml:6: mappings[2].set["/attributes/y"]: is 5: write {value: 5} for a constant`},
		{"what has no place there", map[string]string{
			"config.yaml": "include: [x.yaml]\n",
			"x.yaml":      "auth: {anonymous: [a:b]}\nstore:\n  memory: 1GiB\nmapings: []\nacl: []\n",
		}, `x.yaml:1: auth: has no place in an included file: it brings mappings and publications, and may include others
x.yaml:2: store: has no place…
x.yaml:4: mapings: is not a key of the configuration; did you mean "mappings"?
x.yaml:5: acl: has no place…`},
		{"what is no map, and no YAML", map[string]string{
			"config.yaml": "include:\n  - x.yaml\n  - y.yaml\n",
			"x.yaml":      "- topic: a\n",
			"y.yaml":      "\n\n}",
		}, `x.yaml:1: is a list, but should be a map of keys and values
y.yaml:…: is not YAML…`},
		{"files that are not there", map[string]string{
			"config.yaml": "include:\n  - x.yaml\n  - sub/y.yaml\n  - \"z/*.yaml\"\n  - \"[\"\n",
			"x.yaml":      "\ninclude: [nowhere.yaml]\n",
			"sub/a":       "",
		}, `config.yaml:3: include[1]: sub/y.yaml cannot be read: no such file or directory; a file is named relative to the one that includes it
config.yaml:4: include[2]: warning: no file fits z/*.yaml
config.yaml:5: include[3]: [ is not a pattern of file names: syntax error in pattern
x.yaml:2: include[0]: nowhere.yaml cannot be read…`},
		{"a folder", map[string]string{"config.yaml": "include: [sub]\n", "sub/a.yaml": ""},
			`config.yaml:1: include[0]: sub cannot be read: is a directory…`},
		{"a file that includes itself", map[string]string{"config.yaml": "include: [\"*.yaml\"]\n"},
			`config.yaml:1: include[0]: leads back to config.yaml, which is being read…`},
		{"files that include each other", map[string]string{
			"config.yaml": "include: [x.yaml]\n", "x.yaml": "include: [y.yaml]\n", "y.yaml": "\ninclude: [sub/../x.yaml]\n", "sub/a": "",
		}, `y.yaml:2: include[0]: leads back to x.yaml, which is being read: files that include each other have no end`},
		{"a file twice", map[string]string{
			"config.yaml": "include:\n  - x.yaml\n  - \"*x.yaml\"\n", "x.yaml": mappingOn("x"),
		}, `config.yaml:3: include[1]: x.yaml is included already, at config.yaml:2: its rules would apply twice`},
		{"a file that is no configuration", map[string]string{"config.yaml": "include: [x.yaml]\n", "x.yaml": strings.Repeat("secret ", 1000)},
			`x.yaml:1: is "secret secret secret secret secret secret secret secret secr"…, but should be a map of keys and values`},
		{"a value that is no list", map[string]string{"config.yaml": "include: x.yaml\n"},
			`config.yaml:1: include: is "x.yaml", but should be a list`},
	} {
		t.Run(test.name, func(t *testing.T) {
			file := filepath.Join(folder(t, test.files), "config.yaml")
			_, problems := Load(file, Flags{})
			compare(t, strings.Split(told(problems, file), "\n"), strings.Split(test.want, "\n"))
		})
	}
}

// compare compares lines with patterns, in which … stands for anything.
func compare(t *testing.T, got, want []string) {
	t.Helper()
	for i := range max(len(got), len(want)) {
		switch {
		case i >= len(got):
			t.Errorf("missing: %s", want[i])
		case i >= len(want):
			t.Errorf("too much: %s", got[i])
		case !fits(got[i], want[i]):
			t.Errorf("got  %s\nwant %s", got[i], want[i])
		}
	}
}

func TestAFileThatIsTooLargeForAConfigurationIsNotReadToItsEnd(t *testing.T) {
	file := filepath.Join(folder(t, map[string]string{"config.yaml": "include: [x.yaml]\n", "x.yaml": ""}), "config.yaml")
	if err := os.Truncate(filepath.Join(filepath.Dir(file), "x.yaml"), maxFile+1); err != nil {
		t.Fatal(err)
	}
	_, problems := Load(file, Flags{})
	compare(t, strings.Split(told(problems, file), "\n"), []string{"config.yaml:1: include[0]: x.yaml cannot be read: has more than the 64 MiB that a configuration may have…"})
}
