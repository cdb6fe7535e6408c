package e2e

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/twinbroker/twinbroker/test/harness"
)

// store runs a verb that looks after the data in dir.
func store(t testing.TB, verb, dir, stdin string, args ...string) harness.Result {
	t.Helper()
	return harness.RunWith(t, nil, stdin, append([]string{"store", verb, "--data-dir", dir}, args...)...)
}

// someLines are so many lines, as they are exported.
func someLines(n int) []string {
	lines := []string{`{"policyId":"import.a:p","entries":{"all":{"subjects":{"test:anonymous":{"type":"x"}},"resources":{"thing:/":{"grant":["READ"],"revoke":[]}}}},"_revision":3,"_modified":"2024-05-17T09:30:00.250Z","_created":"2023-01-01T00:00:00Z"}` + "\n"}
	for i := range n - 1 {
		lines = append(lines, fmt.Sprintf(`{"thingId":"import.a:t%06d","policyId":"import.a:p","attributes":{"x":%d.50},"_revision":%d,"_modified":"2024-05-17T09:30:00.250Z","_created":"2023-01-01T00:00:00Z"}`+"\n",
			i, i, 1+i%200))
	}
	return lines
}

func TestWhatABrokerHadAnotherOneGoesOnWith(t *testing.T) {
	t.Parallel()
	b := harness.Start(t, harness.Options{})
	a := newApp(t, b, 5, harness.Connect{})
	a.must("transfer.a:lamp", "create", "/", `{"attributes":{"height":2.50,"big":9007199254740993}}`)
	a.must("transfer.a:lamp", "modify", "/features", `{"f":{"properties":{"t":1e3}}}`)
	a.must("transfer.a:gone", "create", "/", `{}`)
	a.must("transfer.a:gone", "delete", "/", "")

	running := store(t, "export", b.Dir(), "")
	b.Kill() // so that the journal has to be read
	r := store(t, "export", b.Dir(), "")
	lines := strings.Split(strings.TrimSuffix(r.Stdout, "\n"), "\n")
	if r.Code != 0 || len(lines) != 3 || !strings.Contains(r.Stderr, "exported 2 Policies and 1 Things") ||
		!strings.HasPrefix(lines[0], `{"policyId":"transfer.a:gone","entries":{"DEFAULT":`) ||
		!strings.HasPrefix(lines[2], `{"thingId":"transfer.a:lamp","policyId":"transfer.a:lamp","attributes":{"height":2.50,"big":9007199254740993},"features":{"f":{"properties":{"t":1e3}}},"_revision":2,"_modified":"`) {
		t.Fatalf("%+v", r)
	}
	if running.Code != 0 || running.Stdout != r.Stdout {
		t.Errorf("while it ran, the export was %+v", running)
	}

	dir := filepath.Join(t.TempDir(), "made", "data")
	in := store(t, "import", dir, r.Stdout)
	if in.Code != 0 || in.Stderr != "" || !strings.HasPrefix(in.Stdout, "imported up to line 3: 3 created, 0 replaced, 0 unchanged, 0 skipped, 0 bad, in ") {
		t.Fatalf("%+v", in)
	}
	if again := store(t, "export", dir, ""); again.Stdout != r.Stdout {
		t.Errorf("exported there is\n%s\nwant\n%s", again.Stdout, r.Stdout)
	}
	other := harness.Start(t, harness.Options{Dir: dir})
	c := newApp(t, other, 5, harness.Connect{})
	c.Subscribe("ditto/transfer.a/lamp/things/twin/events/#")
	c.must("transfer.a:lamp", "modify", "/attributes/height", "3")
	if e := read(t, c.Wait("ditto/transfer.a/lamp/things/twin/events/#")); e.Revision != 3 {
		t.Errorf("the next change has revision %d", e.Revision)
	}
	other.Kill()
	if end := store(t, "export", dir, ""); !strings.Contains(end.Stdout, `{"height":3,"big":9007199254740993}`) || !strings.Contains(end.Stdout, `"_revision":3,`) {
		t.Errorf("at the end: %+v", end)
	}
}

func TestExportWritesAWholeFileOrNone(t *testing.T) {
	t.Parallel()
	dir, out := filepath.Join(t.TempDir(), "data"), t.TempDir()
	lines := strings.Join(someLines(100), "")
	if r := store(t, "import", dir, lines); r.Code != 0 {
		t.Fatalf("%+v", r)
	}
	plain, packed := filepath.Join(out, "a.jsonl"), filepath.Join(out, "a.jsonl.gz")
	if err := os.WriteFile(plain, []byte("an older one"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{plain, packed} {
		if r := store(t, "export", dir, "", "-f", file); r.Code != 0 || r.Stdout != "" || !strings.Contains(r.Stderr, "exported 1 Policies and 99 Things") {
			t.Errorf("%+v", r)
		}
	}
	if text, err := os.ReadFile(plain); err != nil || string(text) != lines {
		t.Errorf("%v: %s", err, text)
	}
	f, err := os.Open(packed)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	if text, err := io.ReadAll(z); err != nil || string(text) != lines {
		t.Errorf("%v: %s", err, text)
	}
	if r := store(t, "import", filepath.Join(t.TempDir(), "data"), "", "-f", packed); r.Code != 0 || !strings.Contains(r.Stdout, "100 created") {
		t.Errorf("%+v", r)
	}
	for name, args := range map[string][]string{
		"a folder that is not there": {"-f", filepath.Join(out, "not", "there")},
		"a folder":                   {"-f", out},
		"a full disk":                {"-f", "/dev/full"},
		"an argument":                {"all"},
	} {
		if _, err := os.Stat("/dev/full"); err != nil && name == "a full disk" {
			continue
		}
		if r := store(t, "export", dir, "", args...); r.Code != 1 || strings.Count(r.Stderr, "\n") != 1 || !strings.HasPrefix(r.Stderr, "twinbroker: ") {
			t.Errorf("%s: %+v", name, r)
		}
	}
	if left, err := os.ReadDir(out); err != nil || len(left) != 2 {
		t.Errorf("there are %v, %v", left, err)
	}
	none := filepath.Join(t.TempDir(), "none")
	if r := store(t, "export", none, ""); r.Code != 1 || !strings.Contains(r.Stderr, none) || !strings.Contains(r.Stderr, "--data-dir") {
		t.Errorf("%+v", r)
	}
	if _, err := os.Stat(none); err == nil {
		t.Error("export made the folder")
	}
}

func TestImportNamesWhatIsBadAndTakesTheRest(t *testing.T) {
	t.Parallel()
	cfg := harness.WriteFile(t, "t.yaml", "limits: {thing_size: 1KiB}\n")
	large := `{"thingId":"bad.a:large","policyId":"bad.a:p","attributes":{"x":"` + strings.Repeat("x", 1024) + `"}}`
	text := strings.Join([]string{
		`{"thingId":"bad.a:a","policyId":"bad.a:p"}`,
		`{"thingId":"bad.a:b","policyId":"bad.a:p","atributes":{}}`,
		``,
		`{"thingId":"bad.a:c","policyId":"bad.a:p","attributes":{"x":}}`,
		large,
		`{"thingId":"bad.a:own"}`,
		`{"thingId":"bad.a:a","policyId":"bad.a:p","attributes":{"x":1}}`,
		`{"thingId":"bad.a:d","policyId":"bad.a:p"}`,
	}, "\r\n")
	dir := filepath.Join(t.TempDir(), "data")
	r := store(t, "import", dir, text, "-c", cfg)
	errors := strings.Split(strings.TrimSuffix(r.Stderr, "\n"), "\n")
	want := []string{
		"line 2 (bad.a:b): json.format.invalid: .*</atributes>.*",
		"line 4: json.invalid: .*At byte 60: .*",
		"line 5 (bad.a:large): things:thing.toolarge: .*",
		"line 6 (bad.a:own): things:thing.notcreatable: .*there is no subject.*", // with this file, there are no anonymous clients
		"line 7 (bad.a:a): things:thing.conflict: .*",
		"twinbroker: 5 lines were not taken in; .*",
	}
	if r.Code != 1 || !strings.HasPrefix(r.Stdout, "imported up to line 8: 2 created, 0 replaced, 0 unchanged, 0 skipped, 5 bad, in ") || len(errors) != len(want) {
		t.Fatalf("%+v", r)
	}
	for i, line := range errors {
		if !regexp.MustCompile("^" + strings.NewReplacer("(", `\(`, ")", `\)`).Replace(want[i]) + "$").MatchString(line) {
			t.Errorf("%s\nwant %s", line, want[i])
		}
	}
	r = store(t, "import", dir, text, "-c", cfg, "--on-conflict", "replace", "--subject", "user:ann", "--from-line", "6")
	if r.Code != 0 || r.Stderr != "" || !strings.HasPrefix(r.Stdout, "imported up to line 8: 1 created, 1 replaced, 1 unchanged, 0 skipped, 0 bad, in ") {
		t.Errorf("%+v", r)
	}
	all := store(t, "export", dir, "").Stdout
	if !strings.Contains(all, `"subjects":{"user:ann"`) || !strings.Contains(all, `{"thingId":"bad.a:a","policyId":"bad.a:p","attributes":{"x":1},"_revision":2,`) {
		t.Errorf("there is\n%s", all)
	}
	var torn bytes.Buffer
	z := gzip.NewWriter(&torn)
	_, _ = io.WriteString(z, strings.Join(someLines(2000), ""))
	_ = z.Close()
	for _, c := range []struct {
		name, stdin string
		args        []string
		says        []string
	}{
		{"a word that is none", "", []string{"--on-conflict", "merge"}, []string{"--on-conflict", "merge", "fail, skip or replace"}},
		{"a line that is none", "", []string{"--from-line", "-1"}, []string{"--from-line"}},
		{"a line behind the end", "{}", []string{"--from-line", "3"}, []string{"only 1 lines"}},
		{"a file that is not there", "", []string{"-f", "/does/not/exist"}, []string{"/does/not/exist"}},
		{"a file that looks compressed", "\x1f\x8bno", nil, []string{"gzip"}},
		{"a compressed file that is cut off", torn.String()[:torn.Len()*2/3], nil, []string{"beyond line", "is stored; go on with --from-line"}},
		{"an argument", "", []string{"file"}, []string{"file"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := store(t, "import", filepath.Join(t.TempDir(), "data"), c.stdin, c.args...)
			if r.Code != 1 || strings.Count(r.Stderr, "\n") != 1 || !strings.HasPrefix(r.Stderr, "twinbroker: ") {
				t.Fatalf("%+v", r)
			}
			for _, text := range c.says {
				if !strings.Contains(r.Stderr, text) {
					t.Errorf("it does not say %q: %s", text, r.Stderr)
				}
			}
		})
	}
}

// An import reads from a pipe that does not end until it has been ended, in
// some way.
func TestAnImportThatWasCutOffGoesOn(t *testing.T) {
	t.Parallel()
	lines := someLines(30000)
	whole := strings.Join(lines, "")
	goesOn := func(t *testing.T, v *harness.Verb, why string) []string {
		t.Helper()
		said := regexp.MustCompile(`twinbroker: the import ` + why + `: everything up to line (\d+) is stored; go on with (--from-line) (\d+)$`).FindStringSubmatch(strings.ReplaceAll(v.Errors(), "; everything", ": everything"))
		if said == nil {
			t.Fatalf("it ended with %s", v.Errors())
		}
		if said[1] == "0" {
			t.Errorf("it stored nothing: %s", said[0])
		}
		return said[2:]
	}
	interrupted := func(t *testing.T, v *harness.Verb, _ *harness.Broker) []string {
		if code := v.End(syscall.SIGINT); code != 1 {
			t.Errorf("it ended with status %d", code)
		}
		return goesOn(t, v, "was interrupted")
	}
	killed := func(_ *testing.T, v *harness.Verb, _ *harness.Broker) []string {
		v.End(syscall.SIGKILL)
		return nil
	}
	for _, c := range []struct {
		name   string
		broker bool // one runs
		end    func(t *testing.T, v *harness.Verb, b *harness.Broker) []string
	}{
		{"interrupted", false, interrupted},
		{"killed", false, killed},
		{"interrupted, while a broker runs", true, interrupted},
		{"killed, while a broker runs", true, func(t *testing.T, v *harness.Verb, b *harness.Broker) []string {
			killed(t, v, b)
			b.WaitLog("an import was not finished")
			return nil
		}},
		{"the broker was stopped", true, func(t *testing.T, v *harness.Verb, b *harness.Broker) []string {
			b.Stop()
			if code := v.Wait(); code != 1 {
				t.Errorf("it ended with status %d", code)
			}
			b.Restart()
			return goesOn(t, v, "ended early: the broker is told to stop")
		}},
		{"the broker was killed", true, func(t *testing.T, v *harness.Verb, b *harness.Broker) []string {
			b.Kill()
			if code := v.Wait(); code != 1 {
				t.Errorf("it ended with status %d", code)
			}
			b.Restart()
			return goesOn(t, v, "ended early: the broker has gone, or was told to stop")
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			pipe := filepath.Join(t.TempDir(), "pipe")
			if err := syscall.Mkfifo(pipe, 0o600); err != nil {
				t.Skip(err)
			}
			dir := filepath.Join(t.TempDir(), "data")
			var b *harness.Broker
			if c.broker {
				b = harness.Start(t, harness.Options{Dir: dir})
			}
			v := harness.Spawn(t, "store", "import", "--data-dir", dir, "-f", pipe)
			w, err := os.OpenFile(pipe, os.O_WRONLY, 0)
			if err != nil {
				t.Fatal(err)
			}
			defer w.Close()
			// More than stands in buffers: most of it has been read.
			if _, err := io.WriteString(w, strings.Join(lines[:25000], "")); err != nil {
				t.Fatal(err)
			}
			goOn := c.end(t, v, b)
			if r := store(t, "import", dir, whole, goOn...); r.Code != 0 || !strings.Contains(r.Stdout, "up to line 30000:") || strings.Contains(r.Stdout, " 30000 created") {
				t.Errorf("%+v", r)
			}
			if r := store(t, "export", dir, ""); r.Stdout != whole {
				t.Errorf("exported are %d bytes, want %d: %s", len(r.Stdout), len(whole), r.Stderr)
			}
		})
	}
}
