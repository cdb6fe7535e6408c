// Package faults is about what happens to the disk under a running broker: it
// fills up and is emptied again, refuses to let files grow, takes long to sync,
// never comes back from it, or fails. Each test runs the built program on a
// disk that is made to do so, and asks MQTT clients what they see of it.
//
// Three things are done to the disk, none of which needs root:
//
//   - A small file system of its own (tmpfs, small_test.go). A process that
//     does nothing else holds it in a mount namespace of its own; the broker
//     and the tests get there by /proc/<pid>/root.
//   - A limit to the size of files, set and lifted while the broker runs
//     (RLIMIT_FSIZE, limit_test.go).
//   - A say in every sync (syncs_test.go). The broker is started under a filter
//     for system calls that asks the test what to do with fsync and fdatasync:
//     let it through, keep it waiting, or make an error of it (seccomp's user
//     notification; it works without ptrace).
package faults
