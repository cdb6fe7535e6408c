package config

import (
	"strings"
	"testing"
)

func TestWhatClosesTopics(t *testing.T) {
	for text, want := range map[string]string{
		"{}":                                "",
		"auth: {anonymous: [\"a:b\"]}":      "",
		"auth: {admin_subjects: []}":        "",
		"auth: {users_file: \"\"}":          "",
		"acl_file: \"\"":                    "",
		"acl: []":                           "(acl is set; 0 rules in acl and acl_file)",
		"auth: {admin_subjects: [\"a:b\"]}": "(auth.admin_subjects is set; 0 rules in acl and acl_file)",
		"acl: [{subjects: [\"a:b\"], publish: [x]}, {subjects: [\"a:c\"], publish: [x]}]": "(acl is set; 2 rules in acl and acl_file)",
		"topics: {root: d, state: s}\nacl: []":                                            "topics outside of d/… and s/… are closed",
	} {
		c := load(t, write(t, text+"\n"), Flags{})
		got := c.Closed()
		if got == "" != (want == "") || !strings.Contains(got, want) {
			t.Errorf("%s: %q", text, got)
		}
		if (c.Granted == nil) != (want == "") {
			t.Errorf("%s: rules %v", text, c.Granted)
		}
	}
}

func TestAFileOfRules(t *testing.T) {
	file := write(t, "# mosquitto's\nuser ann\ntopic read a/#\npattern write b/%u\n")
	c := load(t, write(t, "acl_file: "+file+"\n"), Flags{})
	if c.Granted.Len() != 2 || !strings.Contains(c.Closed(), "acl_file is set; 2 rules") {
		t.Errorf("%d rules: %s", c.Granted.Len(), c.Closed())
	}
	if !c.IsReadFrom(file) || len(c.Folders()) != 2 {
		t.Errorf("it is not watched: %v", c.Folders())
	}
	wrong := write(t, "user ann\n\ntopic read a/#/b\nallow c\npattern write b/%c\n")
	_, problems := Load(write(t, "acl_file: "+wrong+"\n"), Flags{})
	for _, want := range []string{
		wrong + `:3: acl_file: filter "a/#/b": # stands alone in the last level`,
		wrong + `:4: acl_file: "allow" begins no line of an ACL file…`,
		wrong + `:5: acl_file: warning: "b/%c": clients choose their identifiers themselves…`,
	} {
		found := false
		for _, p := range problems {
			found = found || fits(p.String(), want)
		}
		if !found {
			t.Errorf("missing: %s\nin %s", want, problems)
		}
	}
}
