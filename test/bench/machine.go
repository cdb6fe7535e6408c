//go:build linux

package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"go.etcd.io/bbolt"
)

// machine is one line about where the figures come from.
func machine(dir string) string {
	model := "unknown processor"
	if text, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for _, line := range strings.Split(string(text), "\n") {
			if k, v, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(k) == "model name" {
				model = strings.TrimSpace(v)
				break
			}
		}
	}
	kernel, _ := os.ReadFile("/proc/sys/kernel/osrelease")
	memory := "?"
	if text, err := os.ReadFile("/proc/meminfo"); err == nil {
		var kb int
		if _, err := fmt.Sscanf(string(text), "MemTotal: %d kB", &kb); err == nil {
			memory = fmt.Sprintf("%.0f GB", float64(kb)/(1<<20))
		}
	}
	return fmt.Sprintf("%s, %d cores, %s, Linux %s (%s), %s, data on %s",
		model, runtime.NumCPU(), memory, strings.TrimSpace(string(kernel)), runtime.GOARCH, runtime.Version(), fileSystem(dir))
}

var fileSystems = map[int64]string{
	0xEF53: "ext4", 0x58465342: "xfs", 0x9123683E: "btrfs", 0x01021994: "tmpfs",
	0x794c7630: "overlayfs", 0x2FC12FC1: "zfs", 0x858458f6: "ramfs",
}

func fileSystem(dir string) string {
	var st syscall.Statfs_t
	if err := syscall.Statfs(dir, &st); err != nil {
		return "unknown file system"
	}
	if name, ok := fileSystems[int64(st.Type)]; ok {
		return name
	}
	return fmt.Sprintf("file system 0x%x", st.Type)
}

// workFolder makes a folder for the data of the runs on a real disk: the
// system's temporary folder, or the current one when that is memory.
func workFolder(parent string) (string, error) {
	if parent == "" {
		parent = os.TempDir()
		if fs := fileSystem(parent); fs == "tmpfs" || fs == "ramfs" {
			parent = "."
		}
	}
	if fs := fileSystem(parent); fs == "tmpfs" || fs == "ramfs" {
		return "", fmt.Errorf("%s is in memory, where a sync costs nothing: choose another folder with -dir", parent)
	}
	dir, err := os.MkdirTemp(parent, "twinbroker-bench-")
	if err != nil {
		return "", err
	}
	return filepath.Abs(dir)
}

// commits tell how long bbolt transactions with one record of 250 bytes take
// here, each brought to disk by one sync, in a file without holes, as in the
// broker's journal.
type commits struct {
	median, p99 time.Duration // of one
	// two is what one has to wait who comes at any moment, for the commit that
	// is under way and the next one: the 99th percentile.
	two time.Duration
}

// measureCommits makes one such commit after the other for that long.
func measureCommits(dir string, length time.Duration) (c commits, err error) {
	file := filepath.Join(dir, "commit.db")
	options := &bbolt.Options{NoFreelistSync: true, FreelistType: bbolt.FreelistMapType, NoSync: true, InitialMmapSize: commitFile}
	db, err := bbolt.Open(file, 0o600, options)
	if err != nil {
		return c, err
	}
	if err := errors.Join(db.Close(), fillFile(file)); err != nil {
		return c, err
	}
	if db, err = bbolt.Open(file, 0o600, options); err != nil {
		return c, err
	}
	defer func() { err = errors.Join(err, db.Close(), os.Remove(file)) }()
	record := make([]byte, 250)
	var ends []time.Duration
	began := time.Now()
	for len(ends) < 2 || ends[len(ends)-1] < length {
		n := len(ends)
		err := db.Update(func(tx *bbolt.Tx) error {
			b, err := tx.CreateBucketIfNotExists([]byte("records"))
			if err != nil {
				return err
			}
			b.FillPercent = 0.95
			return b.Put([]byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)}, record)
		})
		if err == nil {
			err = db.Sync()
		}
		if err != nil {
			return c, err
		}
		ends = append(ends, time.Since(began))
	}
	return commitsOf(ends), nil
}

// commitFile is the size of the file that measureCommits writes to: more than
// it can use up.
const commitFile = 256 << 20

// fillFile appends zeros up to that size and brings them to disk.
func fillFile(name string) (err error) {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	zeros := make([]byte, 1<<20)
	for at := info.Size(); at < commitFile; {
		n, err := f.Write(zeros[:min(int64(len(zeros)), commitFile-at)])
		if err != nil {
			return err
		}
		at += int64(n)
	}
	return f.Sync()
}

// commitsOf takes the moments at which each commit was done and the next one
// began.
func commitsOf(ends []time.Duration) (c commits) {
	var one, two []time.Duration
	last := time.Duration(0)
	for i, end := range ends {
		one = append(one, end-last)
		if i+1 < len(ends) {
			for at := last; at < end; at += time.Second / openRate {
				two = append(two, ends[i+1]-at)
			}
		}
		last = end
	}
	slices.Sort(one)
	slices.Sort(two)
	c.median, c.p99, c.two = one[len(one)/2], one[len(one)*99/100], two[len(two)*99/100]
	return c
}
