//go:build !nosync && !nochecksum

package powercut

// broken says in which way the store was broken on purpose.
const broken = ""
