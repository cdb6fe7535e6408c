package protocol

import (
	"regexp"
	"testing"
)

func TestAMessageWithoutACorrelationIDGetsOne(t *testing.T) {
	uuid := regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
	var one, other Headers
	one.Correlate()
	other.Correlate()
	if id := one.CorrelationID(); !uuid.MatchString(id) || id == other.CorrelationID() {
		t.Errorf("the correlation-ids are %q and %q", id, other.CorrelationID())
	}
	for range 1000 {
		if id := randomUUID(); !uuid.MatchString(id) {
			t.Fatalf("%q is no UUID of version 4", id)
		}
	}
}

func TestACorrelationIDThatIsThereStays(t *testing.T) {
	var h Headers
	h.SetString("Correlation-ID", "mine")
	h.Correlate()
	if got := string(h.AppendJSON(nil)); got != `{"Correlation-ID":"mine"}` {
		t.Errorf("the headers are %s", got)
	}
}
