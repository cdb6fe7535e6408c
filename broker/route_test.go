package broker

import "testing"

func TestBelowDollarOnlyBridgesTellTheirState(t *testing.T) {
	b := &Broker{cfg: Config{Root: "ditto", State: "twin"}, replies: "ditto/_replies"}
	for topic, allowed := range map[string]bool{
		"plant/line-1":                         true,
		"$SYS/broker/connection/host.up/state": true,
		"$SYS/broker/connection/state":         false,
		"$SYS/broker/connection/a/b/state":     false,
		"$SYS/broker/version":                  false,
		"$SYS/twinbroker/refused":              false,
		"$share/group/x":                       false,
		"ditto/_replies/somebody":              false,
		"twin/org.acme/lamp-1":                 false,
	} {
		if err := b.reserved(topic); (err == nil) != allowed {
			t.Errorf("%s: %v, want allowed %v", topic, err, allowed)
		}
	}
}
