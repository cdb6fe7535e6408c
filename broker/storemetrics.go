package broker

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/twinbroker/twinbroker/twin/store"
)

// storeCollector shows the store's figures: all of one scrape are of one
// moment.
type storeCollector struct {
	stats   func() store.Stats
	figures []storeFigure
	commit  *prometheus.Desc
	batch   *prometheus.Desc
}

type storeFigure struct {
	desc  *prometheus.Desc
	kind  prometheus.ValueType
	value func(*store.Stats) float64
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
	add(now, "free_bytes", "Free space on the file system of the data.", func(s *store.Stats) float64 { return float64(s.FreeBytes) })
	c.commit = describe("commit_seconds", "Time from taking a batch to having it on disk.")
	c.batch = describe("batch_records", "Records in a batch.")
	b.metrics.registry.MustRegister(c)
}

func (c *storeCollector) Describe(to chan<- *prometheus.Desc) {
	for _, f := range c.figures {
		to <- f.desc
	}
	to <- c.commit
	to <- c.batch
}

func (c *storeCollector) Collect(to chan<- prometheus.Metric) {
	s := c.stats()
	for _, f := range c.figures {
		to <- prometheus.MustNewConstMetric(f.desc, f.kind, f.value(&s))
	}
	to <- histogram(c.commit, &s.CommitSeconds)
	to <- histogram(c.batch, &s.BatchRecords)
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
