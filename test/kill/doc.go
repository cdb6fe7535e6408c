// Package kill ends the broker with SIGKILL at random moments under load, and
// looks at what is there when it has started again.
//
// Clients publish numbered changes at QoS 1 and QoS 2 with many of them
// unacknowledged, are cut off with the broker or crash themselves, come back and
// send again what was not acknowledged, as MQTT wants it. Each change writes its
// number to several places of a Thing. A ledger knows what was sent and what was
// acknowledged, and from that what each Thing may look like: every acknowledged
// change is there, no change is there by half, revisions and events have neither
// gaps nor repeats, and a Thing that only QoS 2 changes has exactly one revision
// for each of them.
//
//	go test ./test/kill -rounds=50 -seed=7
//
// With -things there is a crowd of so many other Things besides (make soak: a
// million); the clients change some of them, and all the others must stay as they
// were made.
//
// That the checks can fail is itself tested, by breaking the promise on the
// test's side: TestTheChecksNotice puts an older copy of the data in place after
// a kill, and sends a publish again under a new packet identifier. Done by hand in
// the broker, each of these made the test fail within the first four rounds:
//
//   - acknowledging a command before it is committed: "7 is the last change, but 8
//     was acknowledged";
//   - telling responses and events before that: "the revision is 67 after an event
//     told of 76";
//   - starting without what QoS 2 had received: "change 5 follows on 5 at QoS 2";
//   - applying a redelivery at QoS 2 while its first delivery is known: "the
//     revision is 88 after 61 changes at QoS 2".
package kill
