// Package store keeps the twins: an append-only journal that is the truth,
// snapshots that make starting and forgetting cheap, and the states in use in
// memory. It knows kinds of records, not their meaning.
package store
