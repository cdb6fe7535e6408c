// Package store keeps the states of entities, whatever they are. The one idea:
// the journal is the truth. Every change is one record appended to it; one
// goroutine takes all that is waiting into one synced transaction, so one sync
// serves as many changes as there are, and nobody is told of a change, nor
// shown anything computed from it, before it is on disk. Everything else, the
// states in memory and the snapshot file, follows from the journal and can be
// made of it again. The package knows kinds of entities, not their meaning,
// and is the only one that knows bbolt.
//
// # The way of a change
//
// Begin locks entities and loads them; Put says how they change; Commit
// encodes the records on the caller's goroutine, gives them the next sequence
// numbers, makes the new states visible, and returns. The committer (one
// goroutine, committer.go) writes what has come meanwhile; the teller (another
// one, teller.go) then runs, in the order of sequence numbers, what waits for
// it, while the committer is already at the next batch. A reader (View, or a
// Tx that changes nothing) sees the newest states at once, together with the
// sequence number that its result has to wait for (After).
//
// The queue between callers and committer is bounded; when it is full Begin
// waits, and after Options.Patience refuses. So does it when more memory waits
// for the snapshot writer than Options.Memory.
//
// # Guarantees
//
//   - A done function that is called without an error: the change survives
//     SIGKILL and loss of power, as far as the disk keeps what it synced.
//   - A group (one Tx) is stored as a whole or not at all.
//   - Revisions of an entity count up by one, on beyond deletion and restart
//     (unless Options.ForgetDeleted, and not even then if KindSpec.KeepDeleted). Times grow strictly, whatever the
//     machine's clock does.
//   - Any revision whose record is in the journal that is kept can be read
//     (HistoryAt, HistoryAtTime, History), exactly as it was.
//   - If a batch cannot be written, it, and all that is queued behind it, is
//     undone in memory, and every result computed from it is refused. Its
//     sequence numbers are not used again: a record says that they are
//     missing on purpose. The next attempt starts from what is on disk.
//   - A write that the disk does not answer holds what is in it: that may be on
//     disk, so it is neither acknowledged nor refused before the answer. What
//     comes behind it is refused after Options.Patience, and told so first.
//   - A failed sync is final (ErrFailed, Options.OnFatal): the kernel may have
//     dropped what it could not write and report success the next time. What
//     is on disk is found out by the next start.
//   - A damaged, missing or newer file is an error of Open that names it, or
//     of the access that needs it. Nothing is dropped silently. What is given
//     up, with a warning, is a last commit that was not finished when the
//     power failed: nobody was told that it was stored.
//
// # One sync a commit
//
// bbolt syncs twice in a transaction: when the pages are written, and when the
// meta page is that leads to them, so that it never leads to pages that are
// not there. On a medium where a sync takes 10 ms that is half of the time.
// The journal syncs once, when all is written, and recovers from a meta page
// that was faster than its pages. Let k be a transaction that is being written
// when the power fails. Any part of what it wrote may be on disk, but not
// anything that hurts k-1:
//
//   - The sync of k-1 was over before k wrote anything. That also holds for
//     the first transaction of a process, because the segment is synced when
//     it is opened (the one before may have been killed before its sync).
//   - bbolt copies pages on write. k writes to pages that neither k-1 nor k
//     uses otherwise: what k itself frees is not given out before k+1 begins,
//     and there is no free list on disk. A reader would only keep pages from
//     being given out, and there is none: nobody reads by the handle that
//     writes. History in the segment being written is read past bbolt (tail.go).
//   - Meta pages take turns: k overwrites the one of k-2.
//   - The file has its full size from the start (spare.go), or grows by a sync
//     of its own, before anything is written there.
//
// So k-1 is there whole, with all that was acknowledged, and the question is
// only whether k is whole too. A page that has not been written may hold
// anything that once stood there, and look well. Therefore each transaction
// puts its number and a checksum over all records of the segment beside what
// leads to them (ending.go). A state is whole if that is its own, agrees with
// the records, each record with its checksum, and the tree with itself
// (pages.go, which reads the file without bbolt). A number must belong to one
// attempt to write only. bbolt would give it to another one after a restart or
// a failed commit, so the first transaction after a file was opened is synced
// in bbolt's way, the pages first: no leftover can be taken for a part of it,
// and none of an earlier process has a number as high as those after it.
//
// When a folder is opened, the last segment's newest state is verified, always
// and completely, before it is used (settle.go). If it is not whole, and the
// one before is, and is older by one transaction, then the newest meta page is
// wiped and synced, and what it led to is forgotten. Unless something says
// that it had been acknowledged: state.db has a record that would be lost. And
// after Close in good order there is nothing to forget: it ends with a
// transaction that adds no record, so damage to a record is damage in both
// states. What cannot be told apart is a page of the very last commit that
// goes bad, without a loss of power, after the process was killed and before
// state.db has any of that commit. Only the last segment is treated so; older
// ones have been synced for long.
//
// # Files
//
//	lock                              flock; holds the process id, for people
//	journal/00000000000000000001.db   bbolt, a segment named by its first number
//	  meta      format, first, age (of the journal, when it was begun), ending
//	  records   sequence number (8 bytes, big endian) -> record
//	state.db                          bbolt, the snapshot
//	  meta        format, covered, time, receipt (the last record that receipts follow), age, sum (CRC-32C of these)
//	  kind/…      a bucket for each kind: ID -> entry
//	  receipts    "c" + client -> format, epoch, packet ids, CRC-32C of this and of the key
//	  tombstones  number of the record that deleted it (8), kind (1), ID -> nothing;
//	              not of kinds whose deleted entities are never forgotten
//	journal/next.tmp                  the next segment, in the making (spare.go)
//	restore.tmp                       a restore that is not finished (restore.go)
//	*.tmp                             half made; removed at start
//
// Only the newest segment is written, without a freelist on disk: appending
// frees few pages. Older ones are deleted as a whole by retention, once the
// snapshot covers them. state.db has its freelist on disk, because it is large
// and full of holes, and its own writer (snapshot.go), so that writing it
// holds up no commit: small transactions, sorted by key. It is behind the
// journal, never ahead of what is on disk there; covered is the number up to
// which it makes the journal unnecessary. Single entries may be newer than
// that: each knows the number of its last change, and replay skips what the
// entry has already.
//
// # Records
//
//	format (1 byte), operation (1), flags (1), time (8: Unix nanoseconds)
//	change:   kind (1), id, revision, previous record, base record
//	origin:   time of creation (8), of the last change (8)   if flagged
//	gap:      previous record
//	receipt:  client, epoch, packet id (2)       if flagged
//	headers                                      if flagged
//	change:   what KindSpec.Apply takes
//	change:   far record                         if complete
//	state:    time of creation (8), the full state, up to the trailer  if flagged
//	trailer:  CRC-32C of all this and of the sequence number (4, little endian)
//
// Texts have their length in front; lengths and numbers are varints. A pointer
// is a varint: twice the number of the record it names, or, within a group,
// twice the distance plus one. An origin stands in the first record of an
// entity that came from elsewhere with its own times, and with a revision that
// need not be 1.
//
// An entry of state.db: format (1), flags (1: deleted), revision, sequence
// number, base record, far record, time of creation (8), of the last change
// (8), text, CRC-32C of this, of the ID and of the kind's name (4).
//
// # History
//
// A record is complete if it gives the state on its own: it creates the
// entity, deletes it, or holds the full state. Complete are every 64th
// revision and the first record of an entity in a segment. So each segment
// stands alone, whole ones can be deleted, and any revision in those that
// remain is made from a complete record and at most 63 changes, found by
// previous pointers.
//
// Whether a record is the first one in its segment is known only when it is
// appended: the caller encodes it before that. It takes for granted that the
// segment that is being written stays so, and holds the record before against
// its first number, which costs nothing where both are in it. When the
// committer has begun another segment meanwhile, it adds the full state to
// those of what it finds in the queue that now come first; the state stands at
// the end of a record, so the rest stays as it was encoded. The versions in
// memory do not learn of that. Base names a complete record at most 64
// revisions before, not always the last one.
//
// Base pointers lead from one complete record to the one before, and each
// complete record also points to the last one whose revision is a multiple of
// 4096 (far), so that one revision among a million is found in a few hundred
// steps, or a few thousand if each is in a segment of its own (historian.go).
//
// Retention deletes the oldest segments, once the snapshot covers them: when
// the journal has been in use for so long since they were sealed (age.go), or
// when all together are too large. It never deletes more than that, not even
// when the disk is full: how much history there is, is for the operator to
// say; changes wait, and are refused. What is due then goes at once.
//
// # Formats
//
// Each file says its format, and so does each record and entry. A higher one
// than the program knows is refused before anything is changed; lower ones are
// read for ever. When a folder of an earlier program is opened, state.db is
// raised in place, its entries one by one as they change, and the journal goes
// on in a new segment (upgrade.go). Folders of each earlier format are kept in
// test/testdata.
//
//	1  first
//	2  far records and times of creation, segments that stand alone, age, the list of
//	   tombstones, checksums of meta and receipts, kinds in the checksums of entries
//
// # Damage
//
// bbolt has no checksums for what it puts around all this, and believes what it
// reads. So no file gets to it before its pages have been looked at: the
// segments that are read, completely; state.db (statecheck.go) completely if it
// is small, else all but the leaves, each of which is verified when something
// is not found on it. pages.go can do that because bbolt writes a page in one
// way only: any change of what is between the entries shows.
//
// # Tools
//
// Verify reads everything there is and compares it; Repair makes a new folder
// of what is left of a damaged one; Inspect says what takes the space, and
// Compact gives it back. A gap that Repair leaves has the flag of a deletion.
package store
