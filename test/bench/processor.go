//go:build linux

package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// cpu is the processor time that a process has used.
func cpu(pid int) time.Duration {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(text), ") ")
	f := strings.Fields(rest)
	if len(f) < 13 {
		return 0
	}
	user, _ := strconv.Atoi(f[11])
	system, _ := strconv.Atoi(f[12])
	return time.Duration(user+system) * (time.Second / 100)
}

// busy is the processor time that the whole machine has used, and what the
// hypervisor took away from it.
func busy() time.Duration {
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0
	}
	line, _, _ := strings.Cut(string(text), "\n")
	f := strings.Fields(line)
	var ticks int
	for i, v := range f {
		if i == 0 || i == 4 || i == 5 || i > 8 { // idle and iowait are not busy, guest is in user
			continue
		}
		n, _ := strconv.Atoi(v)
		ticks += n
	}
	return time.Duration(ticks) * (time.Second / 100)
}

// cpuWatch tells whose processor time it was.
type cpuWatch struct {
	pid               int
	side, load, total time.Duration
	began             time.Time
}

func watchCPU(pid int) cpuWatch {
	return cpuWatch{pid: pid, side: cpu(pid), load: cpu(os.Getpid()), total: busy(), began: time.Now()}
}

// used is what that process and this one have used since, and how many cores
// others kept busy.
func (w cpuWatch) used() (side, load time.Duration, foreign float64) {
	side, load = cpu(w.pid)-w.side, cpu(os.Getpid())-w.load
	rest := busy() - w.total - side - load
	return side, load, max(0, rest.Seconds()/time.Since(w.began).Seconds())
}

// peace is what is left of the patience with others on the machine, for one
// row.
type peace struct {
	b     *bench
	left  time.Duration
	round time.Time // when the present round began
}

func (b *bench) peace() *peace { return &peace{b: b, left: b.quiet} }

// disturbance is how many cores others may use before it counts.
const disturbance = 0.2

// await waits until others leave the processors and the disks alone for a
// second.
func (p *peace) await() {
	defer func() { p.round = time.Now() }()
	for p.left > 0 {
		w, wrote := watchCPU(os.Getpid()), written()
		time.Sleep(time.Second)
		if _, _, foreign := w.used(); foreign < disturbance && written()-wrote < 2<<20 {
			return
		}
		p.left -= time.Since(w.began)
		if p.left <= 0 {
			fmt.Fprintln(p.b.log, "the machine does not become quiet; measuring all the same")
		}
	}
}

// disturbed tells whether the round is to be repeated because others used so
// many cores meanwhile.
func (p *peace) disturbed(foreign float64) bool {
	if p.left <= 0 || foreign <= disturbance {
		return false
	}
	p.left -= time.Since(p.round)
	return true
}

// written is how many bytes were written to all disks, and to their partitions
// once more.
func written() (bytes int) {
	text, err := os.ReadFile("/proc/diskstats")
	if err != nil {
		return 0
	}
	for _, line := range strings.Split(string(text), "\n") {
		if f := strings.Fields(line); len(f) > 9 {
			sectors, _ := strconv.Atoi(f[9])
			bytes += sectors * 512
		}
	}
	return bytes
}
