package control

import (
	"time"

	"github.com/twinbroker/twinbroker/twin/store"
)

// Status is what a broker says about itself.
type Status struct {
	Version string    `json:"version"`
	PID     int       `json:"pid"`
	Started time.Time `json:"started"`
	// UptimeSeconds is how long ago that is, by a clock that nobody sets.
	UptimeSeconds int64    `json:"uptimeSeconds"`
	DataDir       string   `json:"dataDir"`
	Config        string   `json:"config,omitempty"` // the file; empty: none
	MQTT          []string `json:"mqtt"`
	HTTP          string   `json:"http"` // or "off"
	Store         Store    `json:"store"`
}

// Store are the store's figures. Those that count begin with the process.
type Store struct {
	FirstSequence    uint64  `json:"firstSequence"`    // the oldest record of the journal
	LastSequence     uint64  `json:"lastSequence"`     // the newest one on disk
	SnapshotSequence uint64  `json:"snapshotSequence"` // up to here the snapshot file is complete
	SnapshotLagBytes int64   `json:"snapshotLagBytes"` // journal beyond that
	Segments         int     `json:"segments"`
	JournalBytes     int64   `json:"journalBytes"`
	StateBytes       int64   `json:"stateBytes"`
	FreeBytes        int64   `json:"freeBytes"` // on the file system, when last looked at
	MemoryEntities   int64   `json:"memoryEntities"`
	MemoryBytes      int64   `json:"memoryBytes"`
	UnstoredBytes    int64   `json:"unstoredBytes"` // of these, what the snapshot file does not have
	QueueRecords     int     `json:"queueRecords"`
	QueueBytes       int64   `json:"queueBytes"`
	Records          uint64  `json:"records"` // written
	Bytes            uint64  `json:"bytes"`
	Commits          uint64  `json:"commits"`
	CommitSeconds    float64 `json:"commitSeconds"` // all of them together
	Refused          uint64  `json:"refused"`
	Retries          uint64  `json:"retries"`
	Busy             uint64  `json:"busy"`
	Snapshots        uint64  `json:"snapshots"`
	SnapshotErrors   uint64  `json:"snapshotErrors"`
	SegmentsDeleted  uint64  `json:"segmentsDeleted"`
	CacheHits        uint64  `json:"cacheHits"`
	CacheMisses      uint64  `json:"cacheMisses"`
	Evictions        uint64  `json:"evictions"`
}

// StoreFigures are those of a store's statistics.
func StoreFigures(s store.Stats) Store {
	return Store{
		FirstSequence: s.FirstSeq, LastSequence: s.LastSeq, SnapshotSequence: s.CoveredSeq, SnapshotLagBytes: s.SnapshotLag,
		Segments: s.Segments, JournalBytes: s.JournalBytes, StateBytes: s.StateBytes, FreeBytes: s.FreeBytes,
		MemoryEntities: s.Entities, MemoryBytes: s.Memory, UnstoredBytes: s.Unstored,
		QueueRecords: s.QueueRecords, QueueBytes: s.QueueBytes,
		Records: s.Records, Bytes: s.Bytes, Commits: s.Commits, CommitSeconds: s.CommitSeconds.Sum,
		Refused: s.Refused, Retries: s.Retries, Busy: s.Busy,
		Snapshots: s.Snapshots, SnapshotErrors: s.SnapshotErrors, SegmentsDeleted: s.Deleted,
		CacheHits: s.CacheHits, CacheMisses: s.CacheMisses, Evictions: s.Evictions,
	}
}
