package auth

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Made by mosquitto_passwd 2.0 of the password "secret".
const (
	mosquittoSHA512 = "$6$xdUK7YpYrIKQAwin$FDRolqthcYZ1uRvpisTob4Z4TKoLxiLejxkpI7fZfAaGQDWpT7wablLhGJ3HQBIpWrY0jGXHTWDs2R8yQgpEqA=="
	mosquittoPBKDF2 = "$7$101$NgrT10jL9O5kTV+E$ZL/a37xnCpk0NFLE+mkays68s+4X8iaEt17CQ2gyNUUU3X9QAqndNuauw5L/bWFanMGhcpTPAPH+UEPybqmeBQ=="
)

// Made by the command of the reference implementation of Argon2, of the password
// "password".
const referenceArgon2 = "$argon2id$v=19$m=64,t=2,p=1$c29tZXNhbHQ$Bo1ismRVk2qm6+YAYLCmWHDb+j3fjUH3"

func TestPasswordsOfAllKindsOfHashes(t *testing.T) {
	for _, test := range []struct{ name, hash, password string }{
		{"our own", Hash([]byte("secret")), "secret"},
		{"the reference implementation's", referenceArgon2, "password"},
		{"mosquitto's $6$", mosquittoSHA512, "secret"},
		{"mosquitto's $7$", mosquittoPBKDF2, "secret"},
	} {
		h, err := parseHash(test.hash)
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
			continue
		}
		for _, password := range []string{test.password, strings.ToUpper(test.password), test.password + " ", ""} {
			if got := h.matches([]byte(password)); got != (password == test.password) {
				t.Errorf("%s: %q matches: %v", test.name, password, got)
			}
		}
	}
	if one, other := Hash([]byte("a")), Hash([]byte("a")); one == other {
		t.Error("two hashes of one password are the same: they have no salt of their own")
	}
}

func TestHashesThatCannotBeUsed(t *testing.T) {
	own := Hash([]byte("x"))
	for _, test := range []struct{ hash, want string }{
		{"secret", "not hashed"},
		{"", "not hashed"},
		{"$1$abc$def", "not known"},
		{"$2b$12$abcdefghijk", "not known"},
		{"$6$rounds=5000$saltsalt$" + strings.Repeat("x", 86), "not known"},
		{"$6$c2FsdHNhbHRzYWx0$abcd", "too short"},
		{"$7$0$c2FsdHNhbHRzYWx0$" + strings.Repeat("A", 88), "iterations"},
		{"$7$99999999999$c2FsdHNhbHRzYWx0$" + strings.Repeat("A", 88), "iterations"},
		{strings.Replace(own, "v=19", "v=16", 1), "version"},
		{strings.Replace(own, "m=7168", "m=0", 1), "cost"},
		{strings.Replace(own, "m=7168", "m=99999999", 1), "too much"},
		{strings.Replace(own, "t=3", "t=3000", 1), "too much"},
		{strings.Replace(own, ",p=1", "", 1), "cost"},
		{strings.Replace(own, "p=1", "p=256", 1), "cost"},
		{strings.Replace(own, "argon2id", "argon2i", 1), "not known"},
		{own[:len(own)-30], "too short"},
		{own + "!", "not base64"},
	} {
		_, err := parseHash(test.hash)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", test.hash, err, test.want)
		}
		if secret := test.hash; err != nil && len(secret) > 20 && strings.Contains(err.Error(), secret[len(secret)-12:]) {
			t.Errorf("the error has the hash in it: %v", err)
		}
	}
}

func TestNamesThatNoPolicyCanHaveAreWarnedOf(t *testing.T) {
	users, mistakes := parseUsers([]byte("ann:!:ops\ngröße:!:ops\nłukasz:!:größen\nbob 😀:!\n" + strings.Repeat("x", 252) + ":!\n"))
	if len(mistakes) > 0 {
		t.Fatal(mistakes)
	}
	for i, want := range []string{`line 2: no Policy can name the subject "user:größe"`, `line 3: no Policy can name the subject "group:größen"`, "line 5: "} {
		if len(users.Nameless) != 3 || !strings.HasPrefix(users.Nameless[i], want) {
			t.Fatalf("%q, want %q", users.Nameless, want)
		}
	}
	s := Settings{Anonymous: []string{"anonymous:some", "anonymous:weiß"}}
	if p := s.Check(); len(p) != 1 || p[0].Key != "anonymous[1]" || !p[0].Warning {
		t.Errorf("%+v", p)
	}
}

func TestLinesOfAUsersFile(t *testing.T) {
	h := Hash([]byte("x"))
	users, mistakes := parseUsers([]byte("# users\n\nann:" + h + ":ops, admins,ops\r\nbob:" + h + "\n" +
		"off:!" + h + "\nnobody:!\nJörg @ home:" + h + ":"))
	if len(mistakes) > 0 {
		t.Fatal(mistakes)
	}
	for name, want := range map[string]string{
		"ann": "user:ann group:ops group:admins", "bob": "user:bob", "Jörg @ home": "user:Jörg @ home", "off": "user:off", "nobody": "user:nobody",
	} {
		u := users.of(name)
		if u == nil || strings.Join(u.subjects, " ") != want {
			t.Errorf("%s has %+v, want %s", name, u, want)
			continue
		}
		if disabled := u.hash == nil; disabled != (name == "off" || name == "nobody") {
			t.Errorf("%s is disabled: %v", name, disabled)
		}
	}
	for _, test := range []struct{ line, want string }{
		{"ann", "not of the form"},
		{"a:b:c:d", "not of the form"},
		{":" + h, "is empty"},
		{"ann:plain", "not hashed"},
		{"ann:" + h + ":a,,b", "is empty"},
		{" ann:" + h, "space"},
		{"a\x01b:" + h, "control"},
		{"a\xffb:" + h, "UTF-8"},
		{"x:" + h + "\nx:" + h, "twice, first in line 1"},
	} {
		users, mistakes := parseUsers([]byte(test.line))
		if users != nil || len(mistakes) != 1 || !strings.Contains(mistakes[0].Text, test.want) {
			t.Errorf("%q: %+v, want %q", test.line, mistakes, test.want)
		}
	}
}

func TestEditingAUsersFileLeavesTheRestAlone(t *testing.T) {
	file := filepath.Join(t.TempDir(), "users")
	edit := func(e Edit) string {
		t.Helper()
		done, err := EditUsers(file, e)
		if err != nil {
			return err.Error()
		}
		return done
	}
	text := func() string {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	h := Hash([]byte("one"))
	if got := edit(Edit{Name: "ann", Delete: true}); !strings.Contains(got, "not there") {
		t.Errorf("deleting from a file that is not there: %s", got)
	}
	if got := edit(Edit{Name: "ann", Hash: h, Groups: []string{"ops"}}); got != "added" {
		t.Fatal(got)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if err := os.WriteFile(file, []byte("# ann:not a user\nann:"+h+":ops\n\n# end\nbob:"+h), 0o644); err != nil {
		t.Fatal(err)
	}
	h2 := Hash([]byte("two"))
	if got := edit(Edit{Name: "ann", Hash: h2}); got != "changed" {
		t.Fatal(got)
	}
	if got := edit(Edit{Name: "eve", Hash: h}); got != "added" {
		t.Fatal(got)
	}
	if got := edit(Edit{Name: "bob", Hash: h2, Groups: []string{"a", "b"}}); got != "changed" {
		t.Fatal(got)
	}
	want := "# ann:not a user\nann:" + h2 + ":ops\n\n# end\nbob:" + h2 + ":a,b\neve:" + h + "\n"
	if text() != want {
		t.Errorf("got\n%s\nwant\n%s", text(), want)
	}
	if info, _ := os.Stat(file); info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v", info.Mode())
	}
	if got := edit(Edit{Name: "ann", Delete: true}); got != "deleted" || strings.Contains(text(), "\nann:") {
		t.Errorf("%s\n%s", got, text())
	}
	if got := edit(Edit{Name: "ann", Delete: true}); !strings.Contains(got, "no user") {
		t.Error(got)
	}
	if err := os.WriteFile(file, []byte("broken\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := edit(Edit{Name: "ann", Hash: h}); !strings.Contains(got, ":1: is not of the form") || text() != "broken\n" {
		t.Errorf("%s\n%s", got, text())
	}
	entries, _ := os.ReadDir(filepath.Dir(file))
	if names := slices.Collect(func(yield func(string) bool) {
		for _, e := range entries {
			yield(e.Name())
		}
	}); len(names) != 1 {
		t.Errorf("left behind: %v", names)
	}
}

func TestALinkToAUsersFileStays(t *testing.T) {
	dir := t.TempDir()
	real, link := filepath.Join(dir, "real"), filepath.Join(dir, "link")
	if err := os.WriteFile(real, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(real, link); err != nil {
		t.Fatal(err)
	}
	if _, err := EditUsers(link, Edit{Name: "a", Hash: Hash([]byte("x"))}); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Lstat(link); err != nil || info.Mode()&os.ModeSymlink == 0 {
		t.Errorf("the link is %v, %v", info.Mode(), err)
	}
	if text, _ := os.ReadFile(real); !strings.HasPrefix(string(text), "a:") {
		t.Errorf("the file has %q", text)
	}
}

func FuzzUsersFile(f *testing.F) {
	f.Add("ann:" + mosquittoSHA512 + ":ops\n# x\n")
	f.Add("ann:$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHQ$" + strings.Repeat("A", 43))
	f.Fuzz(func(t *testing.T, text string) {
		users, mistakes := parseUsers([]byte(text))
		if (users == nil) != (len(mistakes) > 0) {
			t.Fatalf("users %v, mistakes %v", users, mistakes)
		}
		if users == nil {
			return
		}
		for name, u := range users.byName {
			for _, s := range u.subjects {
				if !validSubject(s) {
					t.Errorf("%q has the subject %q", name, s)
				}
			}
		}
	})
}
