//go:build nochecksum

package store

const checksRecords = false
