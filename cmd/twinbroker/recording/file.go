package recording

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"go.yaml.in/yaml/v3"
)

// File is a recording as it was read.
type File struct {
	Name    string
	Entries []*Entry

	document yaml.Node
}

// Read reads a recording. The error names the file and the line.
func Read(name string) (*File, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	return parse(name, text)
}

func parse(name string, text []byte) (*File, error) {
	f := &File{Name: name}
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	switch err := decoder.Decode(&f.document); {
	case errors.Is(err, io.EOF):
		return nil, fmt.Errorf("%s: holds no messages", name)
	case err != nil:
		return nil, fmt.Errorf("%s: is not YAML: %w", name, err)
	}
	if err := decoder.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%s: is more than one YAML document: a recording is one list", name)
	}
	list := f.document.Content[0]
	if list.Kind != yaml.SequenceNode || len(list.Content) == 0 {
		return nil, fmt.Errorf("%s:%d: is not a list of messages", name, list.Line)
	}
	for _, node := range list.Content {
		if node.Kind == yaml.AliasNode {
			node = node.Alias
		}
		e := &Entry{file: name, node: node}
		if err := e.read(); err != nil {
			return nil, err
		}
		f.Entries = append(f.Entries, e)
	}
	return f, nil
}

// Write writes the file anew, with the expectations that entries were given.
// Comments stay. The old file is replaced as a whole or not at all.
func (f *File) Write() error {
	var text bytes.Buffer
	if err := encode(&text, &f.document); err != nil {
		return err
	}
	mode := os.FileMode(0o644)
	if info, err := os.Stat(f.Name); err == nil {
		mode = info.Mode().Perm()
	}
	name := f.Name
	if real, err := filepath.EvalSymlinks(name); err == nil {
		name = real
	}
	next, err := os.CreateTemp(filepath.Dir(name), ".recording-*")
	if err != nil {
		return err
	}
	defer os.Remove(next.Name()) // it is gone when all went well
	_, err = next.Write(text.Bytes())
	err = errors.Join(err, next.Chmod(mode), next.Sync(), next.Close())
	if err != nil {
		return err
	}
	return os.Rename(next.Name(), name)
}

// Append writes a message as one more element of the list.
func Append(w io.Writer, m *Message) error {
	var text bytes.Buffer
	if err := encode(&text, &yaml.Node{Kind: yaml.SequenceNode, Content: []*yaml.Node{nodeOf(m)}}); err != nil {
		return err
	}
	_, err := w.Write(text.Bytes())
	return err
}

func encode(w io.Writer, node *yaml.Node) error {
	encoder := yaml.NewEncoder(w)
	encoder.SetIndent(2)
	if err := encoder.Encode(node); err != nil {
		return err
	}
	return encoder.Close()
}
