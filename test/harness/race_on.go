//go:build race

package harness

// raceDetector says that the tests run with the race detector, so the program
// is built with it too.
const raceDetector = true
