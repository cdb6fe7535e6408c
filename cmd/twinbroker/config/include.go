package config

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// includer reads the files that a configuration includes, and those that they
// include.
type includer struct {
	c    *Config
	d    *decoder
	read []readFile // all so far, the configuration itself first
}

// readFile is a file that was read.
type readFile struct {
	info  os.FileInfo
	place string // where it was named
	open  bool   // its own includes are still being read
}

// include appends the mappings and publications of the included files, each
// file's own before those of the files that it includes, in the order in
// which they are named.
func (c *Config) include(d *decoder) {
	from := c.File
	if c.places["include"] == variable("include") {
		from = "" // relative to where the program was started
	}
	i := &includer{c: c, d: d}
	if info, err := os.Stat(c.File); err == nil {
		i.read = append(i.read, readFile{info: info, place: c.File, open: true})
	}
	i.all(c.Include, from)
}

// all reads the files of a list that stands in the file from.
func (i *includer) all(names []string, from string) {
	places := make([]string, len(names))
	for n := range names {
		places[n] = i.c.places.of(at("include", n)) // before an included file's own list has these keys
	}
	for n, name := range names {
		key, place := at("include", n), places[n]
		if filepath.IsAbs(name) {
			name = filepath.Clean(name)
		} else {
			name = filepath.Join(filepath.Dir(from), name)
		}
		i.c.included = append(i.c.included, name)
		files, err := matching(name)
		switch {
		case err != nil:
			i.d.problems = append(i.d.problems, Problem{Place: place, Key: key, Text: fmt.Sprintf("%s is not a pattern of file names: %v", name, err)})
		case len(files) == 0:
			i.d.problems = append(i.d.problems, Problem{Place: place, Key: key, Text: fmt.Sprintf("no file fits %s", name), Warning: true})
		}
		for _, file := range files {
			i.file(file, place, key)
		}
	}
}

// matching gives the files that a name means, in the order of their names: the
// one of that very name, or those that fit it as a pattern.
func matching(name string) ([]string, error) {
	if _, err := os.Stat(name); err == nil || !strings.ContainsAny(name, `*?[`) {
		return []string{name}, nil
	}
	return filepath.Glob(name)
}

// file reads one file, which was named at that place.
func (i *includer) file(file, place, key string) {
	problem := func(format string, args ...any) {
		i.d.problems = append(i.d.problems, Problem{Place: place, Key: key, Text: fmt.Sprintf(format, args...)})
	}
	text, err := contents(file)
	if err != nil {
		problem("%s cannot be read: %v; a file is named relative to the one that includes it", file, unwrap(err))
		return
	}
	info, err := os.Stat(file)
	if err != nil {
		problem("%s cannot be read: %v", file, unwrap(err))
		return
	}
	for _, earlier := range i.read {
		switch {
		case !os.SameFile(earlier.info, info):
		case earlier.open:
			problem("leads back to %s, which is being read: files that include each other have no end", file)
			return
		default:
			problem("%s is included already, at %s: its rules would apply twice", file, earlier.place)
			return
		}
	}
	me := len(i.read)
	i.read = append(i.read, readFile{info: info, place: place, open: true})
	i.c.Included = append(i.c.Included, file)
	i.contents(text, file)
	i.read[me].open = false
}

// contents reads what a file brings.
func (i *includer) contents(text []byte, file string) {
	d, c := i.d, i.c
	d.place = func(line int) string { return file + ":" + strconv.Itoa(line) }
	d.before = map[string]int{"mappings": len(c.Mappings), "publications": len(c.Publications)}
	root := d.document(text, "")
	// The places of the whole lists stay those of the configuration itself.
	kept := map[string]string{}
	for _, key := range []string{"", "mappings", "publications", "include"} {
		if place, ok := d.places[key]; ok {
			kept[key] = place
		}
	}
	s := d.section(root, "")
	c.Mappings = append(c.Mappings, d.mappings(s.take("mappings"), "mappings")...)
	c.Publications = append(c.Publications, d.publications(s.take("publications"), "publications")...)
	names := s.texts("include")
	for _, name := range s.names {
		if isOwn(name) {
			s.known = append(s.known, name)
			d.problem(s.keys[name], name, "has no place in an included file: it brings mappings and publications, and may include others")
		}
	}
	s.end()
	i.all(names, file)
	for key, place := range kept {
		d.places[key] = place
	}
}

// isOwn says whether a key is one that only the configuration itself has.
func isOwn(name string) bool {
	return name == "connections" ||
		contains(sections, name) && name != "mappings" && name != "publications"
}

// IsReadFrom says whether the configuration was read from a file of that name,
// or would be, were there one.
func (c *Config) IsReadFrom(file string) bool {
	file = filepath.Clean(file)
	if c.File != "" && file == filepath.Clean(c.File) {
		return true
	}
	for _, name := range c.watched() {
		if file == filepath.Clean(name) {
			return true
		}
	}
	for _, name := range c.included {
		if fits, err := filepath.Match(name, file); file == name || err == nil && fits {
			return true
		}
	}
	return false
}

// Folders are those that the files of the configuration lie in, or may come to
// lie in.
func (c *Config) Folders() []string {
	var folders []string
	add := func(file string) {
		if folder := filepath.Dir(file); !contains(folders, folder) {
			folders = append(folders, folder)
		}
	}
	if c.File != "" {
		add(c.File)
	}
	for _, name := range slices.Concat(c.included, c.Included, c.watched()) {
		if !strings.ContainsAny(filepath.Dir(name), `*?[`) {
			add(name)
		}
	}
	return folders
}

// TakeFiles makes the files of another configuration this one's.
func (c *Config) TakeFiles(from *Config) {
	c.Include, c.Included, c.included = from.Include, from.Included, from.included
}
