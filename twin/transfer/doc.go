// Package transfer takes the state of all Policies and Things out as lines of
// text, and takes such lines in. The one idea: a line is one entity, as JSON,
// and stands for itself. So both ways stream, in memory that does not grow with
// what is transferred; a line that cannot be taken in is named and holds up no
// other; and what was interrupted goes on from a line.
//
// A line is what [twin.Service.ReadEntity] reads: the Thing or the Policy as
// Ditto shows it, perhaps with the special fields _revision, _modified and
// _created. Lines end in LF or CR LF; a byte order mark in front and empty
// lines are passed over.
//
// Importing is a line of production: one goroutine cuts the text into batches
// of lines, several read them, one puts what they found into the store in the
// order of the lines, and the caller's own goroutine hears what became of them,
// again in that order. What is counted as stored is on disk.
package transfer
