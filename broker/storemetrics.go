package broker

import (
	"math"
	"os"
	"strconv"
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/twinbroker/twinbroker/twin/store"
)

// storeCollector shows the store's figures: all of one scrape are of one
// moment.
type storeCollector struct {
	stats   func() store.Stats
	figures []storeFigure
	commit  *prometheus.Desc
	sync    *prometheus.Desc
	batch   *prometheus.Desc
	written *prometheus.Desc
}

type storeFigure struct {
	desc  *prometheus.Desc
	kind  prometheus.ValueType
	value func(*store.Stats) float64 // NaN: not known
}

// showStore adds the store's figures to the broker's metrics.
func (b *Broker) showStore(st Store) {
	c := &storeCollector{stats: st.Stats}
	describe := func(name, help string) *prometheus.Desc {
		return prometheus.NewDesc("twinbroker_store_"+name, help, nil, nil)
	}
	add := func(kind prometheus.ValueType, name, help string, value func(*store.Stats) float64) {
		c.figures = append(c.figures, storeFigure{describe(name, help), kind, value})
	}
	total, now := prometheus.CounterValue, prometheus.GaugeValue
	add(total, "commits_total", "Transactions that reached the disk.", func(s *store.Stats) float64 { return float64(s.Commits) })
	add(total, "records_total", "Records in them.", func(s *store.Stats) float64 { return float64(s.Records) })
	add(total, "bytes_total", "Bytes of these records.", func(s *store.Stats) float64 { return float64(s.Bytes) })
	add(total, "refused_total", "Changes refused because the disk could not take them.", func(s *store.Stats) float64 { return float64(s.Refused) })
	add(total, "retries_total", "Commits tried again.", func(s *store.Stats) float64 { return float64(s.Retries) })
	add(total, "busy_total", "Changes turned away because the queue stayed full.", func(s *store.Stats) float64 { return float64(s.Busy) })
	add(now, "queue_records", "Records waiting for the disk.", func(s *store.Stats) float64 { return float64(s.QueueRecords) })
	add(now, "queue_bytes", "Bytes waiting for the disk.", func(s *store.Stats) float64 { return float64(s.QueueBytes) })
	add(now, "sequence", "Sequence number of the last record on disk.", func(s *store.Stats) float64 { return float64(s.LastSeq) })
	add(now, "snapshot_sequence", "Sequence number up to which the snapshot file covers the journal.", func(s *store.Stats) float64 { return float64(s.CoveredSeq) })
	add(now, "snapshot_lag_bytes", "Journal that the snapshot file does not cover.", func(s *store.Stats) float64 { return float64(s.SnapshotLag) })
	add(total, "snapshots_total", "Passes of the snapshot writer.", func(s *store.Stats) float64 { return float64(s.Snapshots) })
	add(total, "snapshot_errors_total", "Passes that failed.", func(s *store.Stats) float64 { return float64(s.SnapshotErrors) })
	add(now, "memory_bytes", "States held in memory.", func(s *store.Stats) float64 { return float64(s.Memory) })
	add(now, "memory_entities", "Entities held in memory.", func(s *store.Stats) float64 { return float64(s.Entities) })
	add(total, "cache_hits_total", "Entities found in memory.", func(s *store.Stats) float64 { return float64(s.CacheHits) })
	add(total, "cache_misses_total", "Entities read from the snapshot file.", func(s *store.Stats) float64 { return float64(s.CacheMisses) })
	add(total, "evictions_total", "Entities let go from memory.", func(s *store.Stats) float64 { return float64(s.Evictions) })
	add(now, "segments", "Files of the journal.", func(s *store.Stats) float64 { return float64(s.Segments) })
	add(now, "journal_bytes", "Bytes of the journal on disk.", func(s *store.Stats) float64 { return float64(s.JournalBytes) })
	add(now, "state_bytes", "Bytes of the snapshot file.", func(s *store.Stats) float64 { return float64(s.StateBytes) })
	add(now, "free_bytes", "Free space on the file system of the data.", func(s *store.Stats) float64 { return known(s.FreeBytes >= 0, float64(s.FreeBytes)) })
	add(now, "snapshot_lag_seconds", "How long at most the snapshot file has been behind the journal.", func(s *store.Stats) float64 { return s.SnapshotBehind })
	add(total, "snapshot_seconds_total", "Time that passes of the snapshot writer took.", func(s *store.Stats) float64 { return s.SnapshotSeconds })
	add(total, "snapshot_entities_total", "Entities that they wrote.", func(s *store.Stats) float64 { return float64(s.SnapshotEntities) })
	add(now, "unstored_bytes", "Of the states held in memory, those that the snapshot file does not have yet.", func(s *store.Stats) float64 { return float64(s.Unstored) })
	add(now, "receipts_clients", "Clients whose QoS 2 publishes are remembered.", func(s *store.Stats) float64 { return float64(s.Receipts) })
	add(now, "oldest_sequence", "Sequence number of the oldest record that the journal still has.", func(s *store.Stats) float64 { return float64(s.FirstSeq) })
	add(now, "oldest_timestamp_seconds", "When that was written, in Unix time.", func(s *store.Stats) float64 { return known(!s.Oldest.IsZero(), float64(s.Oldest.UnixNano())/1e9) })
	add(total, "segments_deleted_total", "Files of the journal that retention deleted.", func(s *store.Stats) float64 { return float64(s.Deleted) })
	add(total, "tombstones_forgotten_total", "Deleted entities of which nothing is remembered any more.", func(s *store.Stats) float64 { return float64(s.Forgotten) })
	add(now, "stuck", "1 while changes cannot be stored.", func(s *store.Stats) float64 { return flag(s.Stuck) })
	add(now, "full", "1 while that is because the disk is full.", func(s *store.Stats) float64 { return flag(s.Full) })
	add(now, "failed", "1 once a sync has failed, and nothing can be stored any more.", func(s *store.Stats) float64 { return flag(s.Failed) })
	c.commit = describe("commit_seconds", "Time from taking a batch to having it on disk.")
	c.sync = describe("sync_seconds", "Of this, the time for which the disk synced.")
	c.batch = describe("batch_records", "Records in a batch.")
	c.written = describe("disk_written_bytes_total", "Bytes that the whole program has had written to disks, as the kernel counts.")
	b.metrics.registry.MustRegister(c)
}

func (c *storeCollector) Describe(to chan<- *prometheus.Desc) {
	for _, f := range c.figures {
		to <- f.desc
	}
	to <- c.commit
	to <- c.sync
	to <- c.batch
	to <- c.written
}

func (c *storeCollector) Collect(to chan<- prometheus.Metric) {
	s := c.stats()
	for _, f := range c.figures {
		if value := f.value(&s); !math.IsNaN(value) {
			to <- prometheus.MustNewConstMetric(f.desc, f.kind, value)
		}
	}
	to <- histogram(c.commit, &s.CommitSeconds)
	to <- histogram(c.sync, &s.SyncSeconds)
	to <- histogram(c.batch, &s.BatchRecords)
	if n, ok := diskWritten(); ok {
		to <- prometheus.MustNewConstMetric(c.written, prometheus.CounterValue, float64(n))
	}
}

// known is the value, if it is.
func known(ok bool, value float64) float64 {
	if !ok {
		return math.NaN()
	}
	return value
}

func flag(on bool) float64 {
	if on {
		return 1
	}
	return 0
}

// diskWritten is how many bytes this process has had written to disks. Only
// Linux says so, and not everywhere.
func diskWritten() (uint64, bool) {
	text, err := os.ReadFile("/proc/self/io")
	if err != nil {
		return 0, false
	}
	for line := range strings.Lines(string(text)) {
		if value, ok := strings.CutPrefix(line, "write_bytes: "); ok {
			n, err := strconv.ParseUint(strings.TrimSpace(value), 10, 64)
			return n, err == nil
		}
	}
	return 0, false
}

// histogram makes Prometheus' cumulative buckets of the store's counts.
func histogram(desc *prometheus.Desc, h *store.Histogram) prometheus.Metric {
	buckets := make(map[float64]uint64, len(h.Bounds))
	var sum uint64
	for i, bound := range h.Bounds {
		sum += h.Counts[i]
		buckets[bound] = sum
	}
	return prometheus.MustNewConstHistogram(desc, h.Count, h.Sum, buckets)
}
