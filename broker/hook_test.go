package broker

import (
	"testing"

	"github.com/mochi-mqtt/server/v2/packets"
)

func TestClientsOfMQTT3AreToldTheirOwnReturnCodes(t *testing.T) {
	for _, test := range []struct {
		reason packets.Code
		want   byte
	}{
		{packets.ErrUnsupportedProtocolVersion, 1},
		{packets.ErrClientIdentifierNotValid, 2},
		{packets.ErrServerUnavailable, 3},
		{packets.ErrServerBusy, 3},
		{packets.ErrServerShuttingDown, 3},
		{packets.ErrBadUsernameOrPassword, 4},
		{packets.ErrNotAuthorized, 5},
		{packets.ErrTopicNameInvalid, 5},
	} {
		if got := returnCode(test.reason.Code); got != test.want {
			t.Errorf("%s (%#x): %d, want %d", test.reason.Reason, test.reason.Code, got, test.want)
		}
	}
}
