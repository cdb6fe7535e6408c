package powercut

import (
	"fmt"
	"strings"
	"testing"
)

// describe gives the moments of a trace, a word for each.
func describe(tr *trace) string {
	var all []string
	for _, m := range tr.moments {
		c, word := m.call, ""
		switch {
		case m.begin && m.end:
			word = "all"
		case m.begin:
			word = "begin"
		default:
			word = "end"
		}
		if c.failed {
			word += "!"
		}
		all = append(all, fmt.Sprintf("%s:%s=%d", c.name, word, c.result))
	}
	return strings.Join(all, " ")
}

func TestATraceIsRead(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"a call", `7 fdatasync(3</d/f>) = 0`, "fdatasync:all=0"},
		{"an error", `7 unlinkat(AT_FDCWD</d>, "x", 0) = -1 ENOENT (No such file or directory)`, "unlinkat:all!=-1"},
		{"a descriptor as the result", `7 openat(AT_FDCWD</d>, "x", O_RDWR|O_CREAT, 0600) = 8</d/x>`, "openat:all=8"},
		{"calls that overlap",
			"7  fdatasync(3</d/f> <unfinished ...>\n8  write(4<socket:[1]>, \"a\", 1) = 1\n7  <... fdatasync resumed>) = 0",
			"fdatasync:begin=0 write:all=1 fdatasync:end=0"},
		{"arguments that are known at the end",
			"7 accept4(3<socket:[1]>,  <unfinished ...>\n7 <... accept4 resumed>{sa_family=AF_INET, sin_port=htons(59188), sin_addr=inet_addr(\"127.0.0.1\")}, [112 => 16], SOCK_CLOEXEC) = 13<socket:[2]>",
			"accept4:begin=13 accept4:end=13"},
		{"a process that is killed", "7 fdatasync(3</d/f> <unfinished ...>) = ?\n7 fsync(3</d/f> <detached ...>\n8 +++ killed by SIGKILL +++", "fdatasync:begin!=0 fsync:begin!=0"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var tr trace
			if err := tr.read(strings.NewReader(c.text + "\n")); err != nil {
				t.Fatal(err)
			}
			if got := describe(&tr); got != c.want {
				t.Errorf("read %s, want %s", got, c.want)
			}
		})
	}
}

func TestStringsOfATraceAreRead(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{`"plain"`, "plain"},
		{`"a\0b\1772\12\n\t\v\f\r\"\\"`, "a\x00b\x7f2\n\n\t\v\f\r\"\\"},
		{`"\0\0\0"`, "\x00\x00\x00"},
		{`"\0009"`, "\x009"},
		{`""`, ""},
		{`"(<,) <unfinished ...>"`, "(<,) <unfinished ...>"},
		{`[{iov_base="ab", iov_len=2}, {iov_base="c", iov_len=1}]`, "abc"},
	} {
		var tr trace
		if err := tr.line([]byte("1 write(3</f>, " + c.text + ", 1) = 1")); err != nil {
			t.Errorf("%s: %v", c.text, err)
			continue
		}
		if got := string(tr.moments[0].call.args[1].bytes()); got != c.want {
			t.Errorf("%s is read as %q, want %q", c.text, got, c.want)
		}
	}
}

func TestWhatIsNoTraceIsRefused(t *testing.T) {
	for _, text := range []string{
		"fdatasync(3) = 0", "1 fdatasync", `1 write(3</f>, "ab"..., 9) = 9`, `1 write(3</f>, "ab`, "1 <... fsync resumed>) = 0", "1 fsync(3</f>)",
	} {
		var tr trace
		if err := tr.line([]byte(text)); err == nil {
			t.Errorf("%q is taken for a line of a trace: %s", text, describe(&tr))
		}
	}
}
