package documents

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/twinbroker/twinbroker/cmd/twinbroker/recording"
	"github.com/twinbroker/twinbroker/test/harness"
)

// root is the folder of the repository.
const root = "../.."

// reader does what a document says.
type reader struct {
	t       *testing.T
	name    string // of the document
	dir     string // where the reader works: the files that are saved, and docs
	broker  *harness.Broker
	device  harness.Client
	watcher harness.Client // sees all that is published
	sent    []message      // by device since watcher was looked at
	printed string
}

// follow does all that a document says, in a folder of its own that has docs
// in it.
func follow(t *testing.T, name string) {
	steps, err := read(filepath.Join(root, name))
	if err != nil {
		t.Fatal(err)
	}
	if len(steps) == 0 {
		t.Fatalf("%s has nothing to try", name)
	}
	r := &reader{t: t, name: name, dir: t.TempDir()}
	docs, err := filepath.Abs(filepath.Join(root, "docs"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(docs, filepath.Join(r.dir, "docs")); err != nil {
		t.Fatal(err)
	}
	for i := range steps {
		r.do(&steps[i])
	}
	r.end()
}

// end is done before another broker runs and at the end.
func (r *reader) end() {
	if r.broker == nil {
		return
	}
	r.device.Disconnect()
	r.watcher.Disconnect()
	r.broker.Stop()
	r.broker = nil
}

func (r *reader) fail(s *step, format string, args ...any) {
	r.t.Helper()
	r.t.Errorf("%s:%d: %s: "+format, append([]any{r.name, s.line, s.does}, args...)...)
}

func (r *reader) path(name string) string { return filepath.Join(r.dir, name) }

func (r *reader) save(s *step) {
	if err := os.WriteFile(r.path(s.argument), []byte(s.text+"\n"), 0o600); err != nil {
		r.t.Fatal(err)
	}
}

func (r *reader) do(s *step) {
	r.t.Helper()
	switch s.does {
	case "file":
		r.save(s)
	case "broker":
		r.save(s)
		r.start(s)
	case "recording":
		f, err := recording.Read(filepath.Join(root, filepath.Dir(r.name), s.argument))
		if err != nil {
			r.t.Fatal(err)
		}
		for _, e := range f.Entries {
			if e.Envelope != nil {
				continue // an event, which no client sends
			}
			r.publish(s, message{e.Message.Topic, string(e.Message.Payload)}, e.Message.Retain)
		}
	case "sends":
		for _, m := range s.messages() {
			r.publish(s, m, false)
		}
	case "refused":
		r.refused(s)
	case "thing":
		r.thing(s)
	case "no thing":
		if got := harness.Run(r.t, "things", "get", s.argument, "--url", r.url()); got.Code == 0 {
			r.fail(s, "%s is there: %s", s.argument, got.Stdout)
		}
	case "run", "fails":
		r.run(s)
	case "prints":
		if !textLike(s.text, strings.TrimSuffix(r.printed, "\n")) {
			r.fail(s, "printed was\n%s\nthe document says\n%s", r.printed, s.text)
		}
	case "receives", "receives nothing":
		r.receives(s)
	}
}

func (r *reader) url() string { return "mqtt://" + r.broker.MQTT() }

func (r *reader) start(s *step) {
	r.t.Helper()
	r.end()
	check := harness.RunIn(r.t, r.dir, "config", "check", "-c", s.argument)
	if check.Code != 0 || strings.Contains(check.Stdout+check.Stderr, "warning") {
		r.fail(s, "config check says %s%s", check.Stdout, check.Stderr)
	}
	r.broker = harness.Start(r.t, harness.Options{
		Args: []string{"-c", s.argument}, Dir: filepath.Join(r.t.TempDir(), "data"),
		Prepare: func(cmd *exec.Cmd) { cmd.Dir = r.dir },
	})
	r.device = harness.Dial5(r.t, r.broker, harness.Connect{ID: "device"})
	r.watcher = harness.Dial3(r.t, r.broker, harness.Connect{ID: "watcher"})
	r.watcher.Subscribe("#")
	r.sent = nil
}

func (r *reader) publish(s *step, m message, retain bool) {
	r.t.Helper()
	publish := r.device.Publish
	if retain {
		publish = r.device.PublishRetained
	}
	if err := publish(m.topic, m.payload, 1); err != nil {
		r.fail(s, "%s %s: %v", m.topic, m.payload, err)
	}
	r.sent = append(r.sent, m)
}

// refused publishes what the broker must refuse with the words on the next line.
func (r *reader) refused(s *step) {
	r.t.Helper()
	lines := strings.Split(s.text, "\n")
	for i := 0; i+1 < len(lines); i += 2 {
		topic, payload, _ := strings.Cut(lines[i], "  ")
		says, ok := strings.CutPrefix(lines[i+1], "→ ")
		if !ok {
			r.t.Fatalf("%s:%d: has no arrow before what the refusal says: %s", r.name, s.line, lines[i+1])
		}
		err := r.device.Publish(topic, strings.TrimLeft(payload, " "), 1)
		if err == nil {
			r.fail(s, "%s was taken", lines[i])
		} else if !textLike(anything+says+anything, err.Error()) {
			r.fail(s, "%s: %v\nthe document says\n%s", lines[i], err, says)
		}
	}
}

func (r *reader) thing(s *step) {
	r.t.Helper()
	got := harness.Run(r.t, "things", "get", s.argument, "-o", "json", "--url", r.url())
	if got.Code != 0 {
		r.fail(s, "%s", got.Stderr)
		return
	}
	difference, err := jsonLike(s.text, got.Stdout)
	if err != nil {
		r.fail(s, "%v", err)
	} else if difference != "" {
		r.fail(s, "%s: %s\n%s", s.argument, difference, got.Stdout)
	}
}

// run does commands of the program; those that talk to a broker are told where
// it is.
func (r *reader) run(s *step) {
	r.t.Helper()
	commands, err := s.commands()
	if err != nil {
		r.t.Fatalf("%s:%d: %v", r.name, s.line, err)
	}
	r.printed = ""
	for _, args := range commands {
		if len(args) < 2 || args[0] != "twinbroker" {
			r.t.Fatalf("%s:%d: is not a command of twinbroker: %v", r.name, s.line, args)
		}
		args = args[1:]
		if args[0] == "things" {
			args = append(args, "--url", r.url())
		}
		got := harness.RunIn(r.t, r.dir, args...)
		r.printed += got.Stdout + got.Stderr
		if (got.Code != 0) != (s.does == "fails") {
			r.fail(s, "%v ended with status %d\n%s%s", args, got.Code, got.Stdout, got.Stderr)
		}
	}
}

// receives compares what was published besides what the device sent.
func (r *reader) receives(s *step) {
	r.t.Helper()
	var got []message
	for _, m := range r.watcher.Drain("#") {
		at := -1
		for i, sent := range r.sent {
			if sent == (message{m.Topic, m.Payload}) {
				at = i
				break
			}
		}
		switch {
		case at >= 0:
			r.sent = append(r.sent[:at:at], r.sent[at+1:]...)
		case !strings.HasPrefix(m.Topic, "ditto/"):
			got = append(got, message{m.Topic, m.Payload})
		}
	}
	var want []message
	if s.does == "receives" {
		want = s.messages()
	}
	for i, m := range got {
		if i >= len(want) || m.topic != want[i].topic || !textLike(want[i].payload, m.payload) {
			r.fail(s, "got\n%v\nthe document says\n%v", got, want)
			return
		}
	}
	if len(got) < len(want) {
		r.fail(s, "got\n%v\nthe document says\n%v", got, want)
	}
}
