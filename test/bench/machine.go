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

// commitTime is how long a synced bbolt transaction with one record of 250
// bytes takes here, opened as the broker's journal is: the median and the 99th
// percentile of a thousand.
func commitTime(dir string) (median, p99 time.Duration, err error) {
	file := filepath.Join(dir, "commit.db")
	db, err := bbolt.Open(file, 0o600, &bbolt.Options{NoFreelistSync: true, FreelistType: bbolt.FreelistMapType})
	if err != nil {
		return 0, 0, err
	}
	defer func() { err = errors.Join(err, db.Close(), os.Remove(file)) }()
	record := make([]byte, 250)
	took := make([]time.Duration, 0, 1000)
	for i := range cap(took) {
		began := time.Now()
		err := db.Update(func(tx *bbolt.Tx) error {
			b, err := tx.CreateBucketIfNotExists([]byte("journal"))
			if err != nil {
				return err
			}
			b.FillPercent = 0.95
			return b.Put([]byte{byte(i >> 24), byte(i >> 16), byte(i >> 8), byte(i)}, record)
		})
		if err != nil {
			return 0, 0, err
		}
		took = append(took, time.Since(began))
	}
	slices.Sort(took)
	return took[len(took)/2], took[len(took)*99/100], nil
}
