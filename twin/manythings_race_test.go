//go:build race

package twin

// manyThings is how many share a Policy. With the race detector 100,000 would
// take longer than all other tests of the package; "make interop" has them.
const manyThings = 10_000
