package config

import (
	"testing"
	"time"
)

func TestSizes(t *testing.T) {
	for text, want := range map[string]int64{
		"0": 0, "512": 512, "512B": 512, "16MiB": 16 << 20, "256KiB": 256 << 10, "100KB": 100000,
		"1GiB": 1 << 30, "2 GB": 2e9, "1tib": 1 << 40,
		"": -1, "MiB": -1, "1.5MiB": -1, "-1": -1, "1MiBs": -1, "0x10": -1, "9223372036854775808": -1, "9000000TiB": -1,
	} {
		got, err := parseSize(text)
		if err != nil {
			got = -1
		}
		if got != want {
			t.Errorf("%q: got %d, want %d", text, got, want)
		}
		if want >= 0 {
			if back, err := parseSize(printSize(got)); err != nil || back != got {
				t.Errorf("%d is printed as %q", got, printSize(got))
			}
		}
	}
	for n, want := range map[int64]string{0: "0", 1000: "1KB", 1024: "1KiB", 1536: "1536", 100 << 10: "100KiB", 1024000: "1024KB"} {
		if got := printSize(n); got != want {
			t.Errorf("%d: got %s, want %s", n, got, want)
		}
	}
}

func TestDurations(t *testing.T) {
	for d, want := range map[time.Duration]string{
		200 * time.Millisecond: "200ms", 10 * time.Second: "10s", 72 * time.Hour: "72h", 90 * time.Minute: "1h30m", 5 * time.Minute: "5m", 0: "0s",
		time.Hour + time.Second: "1h0m1s",
	} {
		if got := printDuration(d); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
		if back, err := parseDuration(want); err != nil || back != d {
			t.Errorf("%s: got %v, %v", want, back, err)
		}
	}
}

func TestSuggestions(t *testing.T) {
	known := []string{"http", "listeners", "data_dir", "log", "store", "topics"}
	for name, want := range map[string]string{
		"htpp": "http", "listner": "listeners", "dataDir": "data_dir", "data-dir": "data_dir", "logging": "", "topic": "topics", "sotre": "store", "xyzzy": "", "": "",
	} {
		if got := nearest(name, known); got != want {
			t.Errorf("%q: got %q, want %q", name, got, want)
		}
	}
}
