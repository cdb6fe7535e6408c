//go:build nochecksum && !nosync

package powercut

const broken = "nochecksum"
