//go:build !race

package twin

// manyThings is how many share a Policy.
const manyThings = 100_000
