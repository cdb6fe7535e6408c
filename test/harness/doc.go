// Package harness runs the built program from outside: it builds twinbroker
// once for each test process, starts it on free ports and a folder of its own,
// stops or kills it, and gives tests real MQTT clients to talk to it.
//
// A test that ends stops its brokers with SIGTERM and fails when one does not
// end with status 0 or has reported a data race; when a test failed, what its
// brokers logged is shown. Environment: TWINBROKER_BIN names a binary to test
// instead of building one.
package harness
