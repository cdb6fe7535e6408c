package broker

import (
	"testing"

	"github.com/mochi-mqtt/server/v2/packets"
)

func TestWhoIsNotLetInIsToldInTheWordsOfHisVersion(t *testing.T) {
	for _, test := range []struct {
		version byte
		reason  packets.Code
		want    byte
	}{
		{3, packets.ErrNotAuthorized, 5},
		{4, packets.ErrUnsupportedProtocolVersion, 1},
		{4, packets.ErrClientIdentifierNotValid, 2},
		{4, packets.ErrServerUnavailable, 3},
		{4, packets.ErrServerBusy, 3},
		{4, packets.ErrServerShuttingDown, 3},
		{4, packets.ErrBadUsernameOrPassword, 4},
		{4, packets.ErrNotAuthorized, 5},
		{4, packets.ErrTopicNameInvalid, 5},
		{5, packets.ErrNotAuthorized, 0x87},
		{0x84, packets.ErrProtocolViolationProtocolVersion, 1},
	} {
		if got := returnCode(test.version, test.reason.Code); got != test.want {
			t.Errorf("version %d, %s (%#x): %#x, want %#x", test.version, test.reason.Reason, test.reason.Code, got, test.want)
		}
	}
}
