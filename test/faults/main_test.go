//go:build linux

package faults

import (
	"os"
	"testing"

	"github.com/twinbroker/twinbroker/test/harness"
)

// role says what the test binary is when it is started again by a test.
const role = "TWINBROKER_FAULTS_ROLE"

func TestMain(m *testing.M) {
	switch os.Getenv(role) {
	case roleMounts:
		holdMounts(os.Args[1:])
	case roleSyncs:
		filterSyncs(os.Args[1:])
	default:
		harness.Main(m)
	}
}
