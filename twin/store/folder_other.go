//go:build !linux

package store

// remoteName is not known in one way on other systems.
func remoteName(string) string { return "" }
