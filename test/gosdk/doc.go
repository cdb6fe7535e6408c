// Package gosdk tests that programs with Eclipse Ditto's SDK for Go work with
// twinbroker as they are: the SDK, unchanged, against the built program with
// the configuration of docs/recipes/ditto-go-sdk.yaml.
//
// It is a module of its own, so that only its tests (make sdk) need the SDK;
// test/e2e puts on the wire what the SDK does, for everybody.
package gosdk
