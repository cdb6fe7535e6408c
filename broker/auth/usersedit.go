package auth

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Edit says what becomes of a user.
type Edit struct {
	Name   string
	Hash   string   // of the new password; "": it stays as it is
	Groups []string // nil: they stay as they are
	Delete bool
}

// EditUsers changes one user of a users file, or adds it, and leaves all other
// lines as they are. The file is replaced as a whole and has the mode 0600
// then, so that who reads it meanwhile sees the old one or the new one. done
// says what was done: "added", "changed" or "deleted".
func EditUsers(file string, e Edit) (done string, err error) {
	if target, err := filepath.EvalSymlinks(file); err == nil {
		file = target // the file is replaced, not the link
	}
	text, err := os.ReadFile(file)
	switch {
	case errors.Is(err, fs.ErrNotExist) && e.Delete:
		return "", fmt.Errorf("%s is not there", file)
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return "", err
	}
	if _, mistakes := parseUsers(text); len(mistakes) > 0 {
		return "", fmt.Errorf("%s:%d: %s; the file is left as it is", file, mistakes[0].Line, mistakes[0].Text)
	}
	changed, done, err := e.apply(string(text))
	if err != nil {
		return "", fmt.Errorf("%s: %w", file, err)
	}
	return done, replaceFile(file, []byte(changed))
}

func (e *Edit) apply(text string) (changed, done string, err error) {
	lines := strings.SplitAfter(text, "\n")
	at := slices.IndexFunc(lines, func(line string) bool {
		name, _, found := strings.Cut(line, ":")
		return found && name == e.Name && line[0] != '#'
	})
	switch {
	case e.Delete && at < 0:
		return "", "", fmt.Errorf("there is no user %q", e.Name)
	case e.Delete:
		return strings.Join(slices.Delete(lines, at, at+1), ""), "deleted", nil
	case at < 0 && e.Hash == "":
		return "", "", fmt.Errorf("there is no user %q", e.Name)
	case at < 0:
		if n := len(text); n > 0 && text[n-1] != '\n' {
			text += "\n"
		}
		return text + e.line(e.Hash, e.Groups), "added", nil
	}
	fields := append(strings.Split(strings.TrimRight(lines[at], "\r\n"), ":"), "", "")
	h, groups := e.Hash, e.Groups
	if h == "" {
		h = fields[1]
	}
	if groups == nil && fields[2] != "" {
		groups = strings.Split(fields[2], ",")
	}
	lines[at] = e.line(h, groups)
	return strings.Join(lines, ""), "changed", nil
}

func (e *Edit) line(h string, groups []string) string {
	line := e.Name + ":" + h
	if len(groups) > 0 {
		line += ":" + strings.Join(groups, ",")
	}
	return line + "\n"
}

// replaceFile puts a new file in the place of one, or where none was.
func replaceFile(file string, text []byte) (err error) {
	f, err := os.CreateTemp(filepath.Dir(file), "."+filepath.Base(file)+".*") // mode 0600
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(f.Name())
		}
	}()
	keepOwner(f, file)
	_, err = f.Write(text)
	if err == nil {
		err = f.Sync()
	}
	if closing := f.Close(); err == nil {
		err = closing
	}
	if err == nil {
		err = os.Rename(f.Name(), file)
	}
	return err
}
