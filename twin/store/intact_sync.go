//go:build !nosync

package store

// syncsCommits: a commit to the journal is synced before anybody is told of it. The
// tag nosync builds a store that leaves this out, for the test that cuts the
// power (test/powercut) to show that it finds out.
const syncsCommits = true
