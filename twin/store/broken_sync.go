//go:build nosync

package store

const syncsCommits = false
