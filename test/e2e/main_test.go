package e2e

import (
	"testing"

	"github.com/twinbroker/twinbroker/test/harness"
)

func TestMain(m *testing.M) { harness.Main(m) }

// versions runs a test with a client of each MQTT version, side by side.
func versions(t *testing.T, run func(t *testing.T, version byte)) {
	t.Run("MQTT 5", func(t *testing.T) { t.Parallel(); run(t, 5) })
	t.Run("MQTT 3.1.1", func(t *testing.T) { t.Parallel(); run(t, 4) })
}
