package config

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// sizeUnits are the units of a size, the long ones before those they end in.
var sizeUnits = []struct {
	name  string
	bytes int64
}{
	{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"TiB", 1 << 40},
	{"KB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"TB", 1e12},
	{"B", 1},
}

// parseSize reads "16MiB" (powers of 1024), "100KB" (powers of 1000), "512".
func parseSize(s string) (int64, error) {
	digits, factor := s, int64(1)
	for _, unit := range sizeUnits {
		if cut := len(s) - len(unit.name); cut > 0 && strings.EqualFold(s[cut:], unit.name) {
			digits, factor = strings.TrimSpace(s[:cut]), unit.bytes
			break
		}
	}
	n, err := strconv.ParseUint(digits, 10, 63)
	if err != nil {
		return 0, fmt.Errorf("%q is not a size such as 16MiB, 100KB or 512", s)
	}
	if int64(n) > math.MaxInt64/factor {
		return 0, fmt.Errorf("%q is more than can be counted", s)
	}
	return int64(n) * factor, nil
}

// printSize is the shortest way to write a size.
func printSize(n int64) string {
	best := ""
	for _, unit := range sizeUnits {
		if unit.bytes > 1 && n != 0 && n%unit.bytes == 0 {
			text := strconv.FormatInt(n/unit.bytes, 10) + unit.name
			if best == "" || len(text) < len(best) {
				best = text
			}
		}
	}
	if best == "" {
		return strconv.FormatInt(n, 10)
	}
	return best
}

// parseDuration reads "200ms", "10s", "72h".
func parseDuration(s string) (time.Duration, error) {
	d, err := time.ParseDuration(s)
	if err != nil || d < 0 {
		return 0, fmt.Errorf("%q is not a duration such as 200ms, 10s or 72h", s)
	}
	return d, nil
}

// printDuration is a duration without the zero units that time prints.
func printDuration(d time.Duration) string {
	s := d.String()
	for _, zero := range []string{"m0s", "h0m"} {
		if strings.HasSuffix(s, zero) {
			s = s[:len(s)-2]
		}
	}
	return s
}
