package powercut

import (
	"bytes"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
)

const (
	pageSize   = 4096
	sectorSize = 512
)

type page = [pageSize]byte

// disk is the model: what is below a folder, as the file system has it on the
// medium for sure, and what it may have there or not.
type disk struct {
	root    *folder
	base    string // the root's path
	folders map[string]*folder
	open    map[int]node // by descriptor, of the present life
	life    int
	files   int
}

// node is a *file or a *folder.
type node any

// folder is what names it holds.
type folder struct {
	durable map[string]node
	cached  map[string]node // as the programs see it
	pending []*naming       // what makes the one into the other, in order
}

// naming is a change of names that is on the medium as a whole or not at all.
type naming struct {
	call  *call
	names []string
	nodes []node // nil: the name goes
}

// file is one file, whatever its name.
type file struct {
	id      int
	version int     // counts the changes of what is durable
	pages   []*page // nil: zeros
	shared  bool    // pages are being read by somebody else
	size    int64
	cached  int64 // the size that the programs see
	pending []*writing
}

// writing is a write, a change of size, or both.
type writing struct {
	call *call
	at   int64
	data []byte
	size int64 // afterwards; -1: it stays
}

func newDisk(base string) *disk {
	root := newFolder()
	return &disk{root: root, base: base, folders: map[string]*folder{base: root}, open: make(map[int]node)}
}

func newFolder() *folder {
	return &folder{durable: make(map[string]node), cached: make(map[string]node)}
}

// apply takes one moment of the trace. A call may have its effect from the
// moment when it begins. A sync has it when it comes back, and then for what
// had come back before the sync began.
func (d *disk) apply(m moment) error {
	c := m.call
	if c.life != d.life {
		d.life = c.life
		clear(d.open)
	}
	if c.failed {
		return nil
	}
	if m.begin {
		if err := d.begin(c); err != nil {
			return fmt.Errorf("%s %v: %w", c.name, texts(c), err)
		}
	}
	if m.end {
		d.end(c)
	}
	return nil
}

func texts(c *call) (all []string) {
	for _, a := range c.args {
		all = append(all, a.text)
	}
	return all
}

func (d *disk) begin(c *call) error {
	n := d.open[c.args[0].fd()]
	switch c.name {
	case "openat":
		return d.create(c)
	case "close":
		delete(d.open, c.args[0].fd())
	case "mkdir", "mkdirat":
		name := d.path(c, 0)
		if in := d.folders[filepath.Dir(name)]; in != nil {
			made := newFolder()
			d.folders[name] = made
			in.rename(c, []string{filepath.Base(name)}, []node{made})
		}
	case "unlink", "unlinkat":
		name := d.path(c, 0)
		if in := d.folders[filepath.Dir(name)]; in != nil && in.cached[filepath.Base(name)] != nil {
			in.rename(c, []string{filepath.Base(name)}, []node{nil})
		}
	case "rename", "renameat", "renameat2":
		from, to := d.path(c, 0), d.path(c, len(c.args)/2)
		in, old := d.folders[filepath.Dir(from)], filepath.Base(from)
		if in == nil || in.cached[old] == nil {
			if d.folders[filepath.Dir(to)] != nil && d.folders[filepath.Dir(from)] == nil {
				return fmt.Errorf("from elsewhere: the trace does not say what it is")
			}
			return nil // a socket: nothing that is stored
		}
		if in != d.folders[filepath.Dir(to)] {
			return fmt.Errorf("from one folder to another: the model cannot tell what is left of that")
		}
		in.rename(c, []string{old, filepath.Base(to)}, []node{nil, in.cached[old]})
	case "truncate":
		name := d.path(c, 0)
		if in := d.folders[filepath.Dir(name)]; in != nil {
			in.cached[filepath.Base(name)].(*file).resize(c, c.args[1].number())
		}
	case "mmap":
		n = d.open[c.args[4].fd()]
		if n != nil && strings.Contains(c.args[2].text, "PROT_WRITE") && strings.Contains(c.args[3].text, "MAP_SHARED") {
			return fmt.Errorf("the file is written through memory: the trace does not have all of it")
		}
	case "fsync", "fdatasync", "accept4":
	default:
		f, ok := n.(*file)
		if !ok && n == nil {
			return nil // a socket, a terminal, what lies elsewhere
		}
		return f.change(c)
	}
	return nil
}

// path is the absolute path that is argument k, or k and k+1 of a call that
// names a folder for it to begin in.
func (d *disk) path(c *call, k int) string {
	if a := &c.args[k]; len(a.data) == 0 {
		return filepath.Clean(path(a, &c.args[k+1]))
	}
	return filepath.Clean(string(c.args[k].bytes()))
}

// create does what opening does to the disk.
func (d *disk) create(c *call) error {
	name := d.path(c, 0)
	in := d.folders[filepath.Dir(name)]
	if in == nil {
		return nil
	}
	base, flags := filepath.Base(name), c.args[2].text
	if in.cached[base] == nil {
		d.files++
		in.rename(c, []string{base}, []node{&file{id: d.files}})
	}
	if f, ok := in.cached[base].(*file); ok && strings.Contains(flags, "O_TRUNC") {
		f.resize(c, 0)
	}
	return nil
}

func (d *disk) end(c *call) {
	switch c.name {
	case "openat":
		name := d.path(c, 0)
		if of := d.folders[name]; of != nil {
			d.open[int(c.result)] = of
		} else if in := d.folders[filepath.Dir(name)]; in != nil {
			d.open[int(c.result)] = in.cached[filepath.Base(name)]
		}
	case "fsync", "fdatasync":
		switch n := d.open[c.args[0].fd()].(type) {
		case *file:
			n.sync(c.begin)
		case *folder:
			n.sync(c.begin)
		}
	}
}

func (f *folder) rename(c *call, names []string, nodes []node) {
	f.pending = append(f.pending, &naming{c, names, nodes})
	set(f.cached, names, nodes)
}

func set(in map[string]node, names []string, nodes []node) {
	for i, name := range names {
		if nodes[i] == nil {
			delete(in, name)
		} else {
			in[name] = nodes[i]
		}
	}
}

// sync makes durable what was over at that place of the trace.
func (f *folder) sync(before int) {
	f.pending = slices.DeleteFunc(f.pending, func(n *naming) bool {
		done := n.call.end < before
		if done {
			set(f.durable, n.names, n.nodes)
		}
		return done
	})
}

// change takes a call that changes the file.
func (f *file) change(c *call) error {
	switch c.name {
	case "pwrite64":
		data, at := c.args[1].bytes(), c.args[3].number()
		if c.end != never {
			data = data[:c.result]
		}
		w := &writing{call: c, at: at, data: data, size: -1}
		if end := at + int64(len(data)); end > f.cached {
			f.cached, w.size = end, end
		}
		f.pending = append(f.pending, w)
	case "ftruncate":
		f.resize(c, c.args[1].number())
	case "fallocate":
		if mode := c.args[1].text; mode != "0" {
			return fmt.Errorf("mode %s is unknown to the model", mode)
		}
		if size := c.args[2].number() + c.args[3].number(); size > f.cached {
			f.resize(c, size)
		}
	default:
		return fmt.Errorf("unknown to the model: the trace does not say all that happened to the file")
	}
	return nil
}

func (f *file) resize(c *call, size int64) {
	f.cached = size
	f.pending = append(f.pending, &writing{call: c, size: size})
}

// sync makes durable what was over at that place of the trace.
func (f *file) sync(before int) {
	f.pending = slices.DeleteFunc(f.pending, func(w *writing) bool {
		done := w.call.end < before
		if done {
			f.settle(w)
		}
		return done
	})
}

func (f *file) settle(w *writing) {
	f.version++
	if f.shared {
		f.pages, f.shared = slices.Clone(f.pages), false
	}
	if w.size >= 0 {
		f.size = w.size
		f.pages = resized(f.pages, w.size)
	}
	eachPage(w.at, w.data, func(i, at int, part []byte) {
		f.pages = grown(f.pages, i)
		f.pages[i] = patched(f.pages[i], at, part)
	})
}

// eachPage cuts a write into the pages that it touches.
func eachPage(at int64, data []byte, fn func(i, at int, part []byte)) {
	for len(data) > 0 {
		in := int(at % pageSize)
		n := min(pageSize-in, len(data))
		fn(int(at/pageSize), in, data[:n])
		data, at = data[n:], at+int64(n)
	}
}

// patched is a page with a part of it written. Pages are never changed.
func patched(old *page, at int, part []byte) *page {
	if len(part) == pageSize {
		if bytes.Equal(part, blank[:pageSize]) {
			return nil
		}
		return (*page)(part)
	}
	next := new(page)
	if old != nil {
		*next = *old
	}
	copy(next[at:], part)
	return next
}

func grown(pages []*page, i int) []*page {
	if i >= len(pages) {
		pages = append(pages, make([]*page, i+1-len(pages))...)
	}
	return pages
}

// resized cuts off what is behind a size.
func resized(pages []*page, size int64) []*page {
	last := int((size + pageSize - 1) / pageSize)
	if last < len(pages) {
		clear(pages[last:])
		pages = pages[:last]
	}
	if cut := int(size % pageSize); cut > 0 && last == len(pages) && pages[last-1] != nil {
		pages[last-1] = patched(pages[last-1], cut, blank[:pageSize-cut])
	}
	return pages
}

// wrote says whether something is not durable, and all of it was written there
// or further on in the file.
func (f *file) wrote(from int64) bool {
	wrote := false
	for _, w := range f.pending {
		if len(w.data) > 0 && w.at < from {
			return false
		}
		wrote = wrote || len(w.data) > 0
	}
	return wrote
}

// frozen is the disk at one place of the trace, for others to read while the
// disk goes on.
type frozen struct {
	root    *folder
	folders map[*folder]*folder
	files   map[*file]*file
}

// freeze copies what may change.
func (d *disk) freeze() *frozen {
	z := &frozen{folders: make(map[*folder]*folder), files: make(map[*file]*file)}
	z.keep(d.root)
	z.root = z.folders[d.root]
	return z
}

// keep copies a node and what lies below it.
func (z *frozen) keep(n node) {
	switch n := n.(type) {
	case *folder:
		if z.folders[n] != nil {
			return
		}
		z.folders[n] = &folder{durable: maps.Clone(n.durable), pending: slices.Clone(n.pending)}
		for _, below := range n.durable {
			z.keep(below)
		}
		for _, p := range n.pending {
			for _, below := range p.nodes {
				z.keep(below)
			}
		}
	case *file:
		if z.files[n] == nil {
			n.shared = true
			z.files[n] = &file{id: n.id, version: n.version, pages: n.pages, size: n.size, pending: slices.Clone(n.pending)}
		}
	}
}
