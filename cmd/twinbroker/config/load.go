package config

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
)

// Load gives the configuration that the file ("" for none), the environment
// and the flags come to, and all that is wrong with it; it is nil when the
// Problems have errors.
func Load(file string, flags Flags) (*Config, Problems) {
	c := &Config{File: file, places: places{}}
	d := &decoder{places: c.places}
	var scalars map[string]string
	if file != "" {
		text, err := contents(file)
		if err != nil {
			return nil, Problems{{Place: file, Text: fmt.Sprintf("cannot be read: %v; name the configuration with -c FILE, or leave it out for the defaults", unwrap(err))}}
		}
		c.places[""] = file
		d.place = func(line int) string { return file + ":" + strconv.Itoa(line) }
		scalars = c.decode(d, d.document(text, ""))
	}
	c.environment(d)
	c.include(d)
	c.listen(d, flags.Listen)
	told := append(d.problems, c.settle(scalars, flags.settings())...)
	c.defaults(flags)
	problems := told
	for _, p := range c.Check() {
		if !told.cover(p.Key) {
			problems = append(problems, p)
		}
	}
	problems = append(problems, strayVariables()...)
	problems.sort(append([]string{file}, c.Included...))
	if len(problems.Errors()) > 0 {
		return nil, problems
	}
	return c, problems
}

// maxFile is how large a file of the configuration may be: what is larger, or
// has no end, is none.
const maxFile = 64 << 20

func contents(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(text) > maxFile {
		err = fmt.Errorf("has more than the %d MiB that a configuration may have", maxFile>>20)
	}
	return text, err
}

// unwrap leaves the path out of an error that is told along with it.
func unwrap(err error) error {
	if e, ok := err.(*os.PathError); ok {
		return e.Err
	}
	return err
}

// listen replaces the listeners by those of the flags.
func (c *Config) listen(d *decoder, addresses []string) {
	if len(addresses) == 0 {
		return
	}
	c.Listeners = nil
	for key := range c.places {
		if strings.HasPrefix(key, "listeners") {
			delete(c.places, key)
		}
	}
	c.places["listeners"] = "--listen"
	for i, address := range addresses {
		l, err := parseListener(address)
		if err != nil {
			d.problems = append(d.problems, Problem{Place: "--listen", Key: under(at("listeners", i), "address"), Text: err.Error()})
		}
		c.Listeners = append(c.Listeners, l)
	}
}

// defaults fills in what is more than a scalar.
func (c *Config) defaults(flags Flags) {
	if len(c.Listeners) == 0 && c.places["listeners"] == "" {
		l, _ := parseListener(DefaultListener)
		c.Listeners = []Listener{l}
	}
	if c.places["history.headers"] == "" {
		c.History.Headers = []string{"ditto-originator", "correlation-id"}
	}
	unsaid := c.File == "" && c.places["auth.anonymous"] == "" && c.onLoopback()
	if len(c.Auth.Anonymous) == 0 && (flags.Anonymous || unsaid) {
		c.Auth.Anonymous = []string{AnonymousSubject}
		if flags.Anonymous {
			c.places["auth.anonymous"] = "--anonymous"
		}
	}
}

// cover says whether what a check says of a key follows from a problem told
// already: one of the key itself, of something within it, or of the whole
// that it is part of.
func (p Problems) cover(key string) bool {
	for i := range p {
		k := p[i].Key
		if k == "" {
			continue
		}
		if k == key || strings.HasPrefix(k, key+".") || strings.HasPrefix(k, key+"[") || strings.HasPrefix(key, k+".") || strings.HasPrefix(key, k+"[") {
			return true
		}
	}
	return false
}

// sort brings the problems of the files into the order of the files and their
// lines, before those of other places.
func (p Problems) sort(files []string) {
	type position struct{ file, line int }
	of := func(place string) position {
		cut := strings.LastIndexByte(place, ':')
		if cut < 0 {
			return position{file: len(files)}
		}
		line, err := strconv.Atoi(place[cut+1:])
		file := slices.Index(files, place[:cut])
		if err != nil || file < 0 {
			return position{file: len(files)}
		}
		return position{file, line}
	}
	slices.SortStableFunc(p, func(a, b Problem) int {
		x, y := of(a.Place), of(b.Place)
		return cmp.Or(cmp.Compare(x.file, y.file), cmp.Compare(x.line, y.line))
	})
}

// Notices is what to tell whoever starts a broker with the configuration:
// nothing is wrong, but it may surprise.
func (c *Config) Notices() []string {
	if ways := c.authNotices(); ways != nil || len(c.Auth.Anonymous) > 0 {
		return ways
	}
	fix := fmt.Sprintf(`start with --anonymous, or set TWINBROKER_AUTH_ANONYMOUS='[%q]'`, AnonymousSubject)
	if c.File != "" {
		fix = fmt.Sprintf(`write "auth: {anonymous: [%q]}" in %s, or start with --anonymous`, AnonymousSubject, c.File)
	}
	return []string{"clients without credentials are refused on every listener; to let them in, " + fix}
}
