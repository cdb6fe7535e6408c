// Package powercut cuts the power at any moment of a run, without a machine to
// spare: it records with strace what the built program writes, syncs, renames
// and sends while clients load it, and makes from that record the folders that a
// power cut at one moment may leave. Each must open, hold whatever anybody had
// been told of before that moment, and hold nothing by half.
//
//	go test ./test/powercut -points 600 -v
//
// # The run
//
// The program lives three times, each time under load to the end: killed,
// stopped, killed. Clients publish at QoS 1 and 2, change small Things and such
// of up to 90 KiB, make and delete Things, and change three by one message. The
// n-th change of a Thing is its n-th revision and leaves what follows from n
// alone (ledger.go). Somebody follows the events, and somebody asks for
// revisions. Snapshots are being written all the time, a few segments get full,
// and old ones are deleted.
//
// Acknowledgements, events and answers are read out of the sockets' writes, and
// count from the moment when the write begins (told.go). That the trace has
// everything is checked: after each life the model of the disk, with all of the
// trace, must hold byte for byte what the real folder holds; and no file may be
// mapped for writing.
//
// # The model of the disk
//
// It promises what POSIX and the manual of fsync promise, and little more, so
// that it is worse than the file systems of today, but not impossible:
//
//   - A sync of a file makes durable what had been written to it, and its size,
//     by calls that had come back when the sync was called. It does so when it
//     comes back. One in progress has done nothing yet.
//   - Of a write that is not synced, each sector of 512 bytes is there or not,
//     whatever came of the others, of earlier writes, and of other files. In some
//     images it is pages of 4 KiB, or all but one sector, or writes in their
//     order up to a torn one, or sectors that are missing hold anything.
//   - Changes of a file's size happen in their order, at any time, before or
//     after what was written there. What a file has got and nobody wrote is zeros.
//   - A name is durable when its folder was synced; a sync of the file does not
//     help. Changes of names in one folder happen in their order (a folder of so
//     few names is one block), independent of files and of other folders: a
//     rename may be there before the data of what it renames.
//   - A killed process takes nothing with it: what it wrote may or may not get to
//     the disk, and what it read is not more durable for that.
//
// Some images have all that was not synced, some nothing of it. Most moments are
// chosen where a commit is written and its sync is not over, many of them while
// state.db is being written, too.
//
// # Each image
//
// The store opens it, and the test reads everything: each Thing is exactly what
// its revision says, and no older than what was acknowledged or shown; those
// that are changed together have the same revision; a new Thing has its Policy; a
// publish at QoS 2 is known as received if and only if its change is there,
// until it is released. Then, in a part of the images, state.db is taken away: the
// journal alone must say the same.
//
// That this can fail is tested by building store and program with a flaw: with
// the tag nosync commits are not synced, with nochecksum the checksums of records
// are not looked at. Then the test fails unless it finds bad images.
package powercut
