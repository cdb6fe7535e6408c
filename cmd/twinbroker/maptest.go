package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/twinbroker/twinbroker/cmd/twinbroker/recording"
	"github.com/twinbroker/twinbroker/twin/jsondoc"
)

// testRecordings tries the recorded messages of files and compares what comes
// of each with what its entry expects. With update it writes what comes into
// the files instead. Publications are compared where an entry expects some,
// and written where it does, or where --out asks for them.
func testRecordings(d *dryRun, files []string, update bool, out io.Writer, asJSON bool) error {
	var asExpected, updated, differ int
	for _, name := range files {
		file, err := recording.Read(name)
		if err != nil {
			return err
		}
		changed := false
		for _, e := range file.Entries {
			t, err := testEntry(d, e)
			if err != nil {
				return fmt.Errorf("%s: %w", e.Place(), err)
			}
			if t.ok() {
				asExpected++
			} else if update {
				e.SetExpect(t.result)
				changed = true
				updated++
			} else {
				differ++
			}
			if err := t.print(out, update, asJSON); err != nil {
				return err
			}
		}
		if !changed {
			continue
		}
		if err := file.Write(); err != nil {
			return fmt.Errorf("--update: %w", err)
		}
	}
	switch {
	case differ > 0:
		return fmt.Errorf("%d of %d messages come to something else than is expected (--update writes what they come to)", differ, differ+asExpected)
	case !asJSON:
		_, err := fmt.Fprintf(out, "%d messages come to what is expected", asExpected)
		if updated > 0 {
			_, err = fmt.Fprintf(out, ", and %d do now", updated)
		}
		if err == nil {
			_, err = fmt.Fprintln(out)
		}
		return err
	}
	return nil
}

// tested is an entry with what came of it.
type tested struct {
	entry       *recording.Entry
	result      *jsondoc.Value
	differences []recording.Difference
	unexpected  bool // nothing is expected: the entry has no "expect"
}

func testEntry(d *dryRun, e *recording.Entry) (*tested, error) {
	expectsOut := e.Envelope != nil || e.Expects("publications")
	trial := &dryRun{cfg: d.cfg, out: d.out || expectsOut}
	r, err := trial.run(e)
	if err != nil {
		return nil, err
	}
	t := &tested{entry: e}
	if !e.Expects("") {
		t.result, t.unexpected = r.value(d.cfg, trial.out), true
		return t, nil
	}
	t.result = r.value(d.cfg, trial.out)
	t.differences, err = e.Compare(t.result)
	return t, err
}

func (t *tested) ok() bool { return !t.unexpected && len(t.differences) == 0 }

// print says how an entry did: a line, and one more for each difference.
func (t *tested) print(out io.Writer, update, asJSON bool) error {
	state := "ok"
	switch {
	case t.ok():
	case update:
		state = "updated"
	default:
		state = "differs"
	}
	if asJSON {
		_, err := fmt.Fprintln(out, t.json(state).String())
		return err
	}
	expects := ""
	if state == "updated" {
		expects = t.nowExpects()
	}
	_, err := fmt.Fprintf(out, "%-8s %s: %s%s\n", state, t.entry.Place(), t.entry.Name(), expects)
	if state == "differs" && t.unexpected {
		_, more := fmt.Fprintf(out, "  nothing is expected yet, got %s\n", t.result)
		err = errors.Join(err, more)
	}
	for _, difference := range t.differences {
		_, more := fmt.Fprintf(out, "  %s\n", difference)
		err = errors.Join(err, more)
	}
	return err
}

// nowExpects points out an entry that from now on expects no change: a mistake
// of a mapping would be written down as it is.
func (t *tested) nowExpects() string {
	for _, what := range []string{"refused", "nothing"} {
		if v, ok := t.result.Member(what); ok {
			why := ""
			if message, ok := v.Member("message"); ok {
				v = message
			}
			if text, ok := v.Text(); ok {
				why = ": " + text
			}
			return " (now expects: " + what + why + ")"
		}
	}
	return ""
}

func (t *tested) json(state string) *jsondoc.Value {
	var o object
	o.text("place", t.entry.Place())
	o.text("name", t.entry.Name())
	o.text("state", state)
	var list []*jsondoc.Value
	for _, d := range t.differences {
		var difference object
		difference.text("place", d.Place)
		difference.text("pointer", d.Pointer.String())
		difference.text("expected", d.Expected)
		difference.text("actual", d.Actual)
		list = append(list, difference.value())
	}
	o.add("differences", jsondoc.Array(list...))
	o.add("result", t.result)
	return o.value()
}
