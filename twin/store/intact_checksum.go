//go:build !nochecksum

package store

// checksRecords: a record is not read unless its checksum is right. The tag
// nochecksum builds a store that does not look, for the test that cuts the
// power (test/powercut) to show that it finds out.
const checksRecords = true
