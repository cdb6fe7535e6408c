//go:build nosync

package powercut

const broken = "nosync"
