//go:build linux

package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const (
	scaleClients = 50
	scaleWindow  = 16
)

// What is measured with many Things has their numbers in the messages, so that
// no more than one message has to be kept for each client.
var (
	scaleTopic  = "ditto/org.acme/lamp-" + thingMark + "/things/twin/commands/"
	scaleModify = numbered(scaleTopic+"modify", `{"headers":{"response-required":false},"path":"/features/environment/properties/temperature","value":`+numberMark+`}`)
)

func scaleCreate() template {
	_, payload := createMessage(0)
	payload = strings.NewReplacer("lamp-0\"", "lamp-"+thingMark+"\"", "SN-00000000", "SN-0"+thingMark).Replace(payload)
	return numbered(scaleTopic+"create", payload)
}

// connectScale makes clients that all send this message for so many Things.
func connectScale(addr string, t template, n numbers, clients int) (*load, error) {
	l, err := newLoad(scaleWindow)
	if err != nil {
		return nil, err
	}
	l.things = n
	for i := range clients {
		// Each has a frame of its own to write the numbers into.
		mine := t
		mine.frame = append([]byte(nil), t.frame...)
		if err := l.addPublisher(site{addr: addr}, fmt.Sprintf("bench-%d", i), []template{mine}, ""); err != nil {
			l.close()
			return nil, fmt.Errorf("connect to %s: %w", addr, err)
		}
	}
	return l, nil
}

// onceEach publishes the message for each of the Things, one after the other.
func onceEach(addr string, t template, n int) error {
	l, err := connectScale(addr, t, numbers{of: uint32(n)}, scaleClients)
	if err != nil {
		return err
	}
	defer l.close()
	return l.runCount(uint64(n))
}

// runCount publishes so many messages and waits until they are acknowledged.
func (l *load) runCount(n uint64) error {
	l.start, l.now, l.limit = time.Now(), 0, n
	l.refill = true
	for _, p := range l.pubs {
		if err := l.fill(p); err != nil {
			return err
		}
	}
	for last, progress := l.counts, l.now; l.acked+l.refused < n; {
		if err := l.step(50); err != nil {
			return err
		}
		if l.counts != last {
			last, progress = l.counts, l.now
		} else if l.now-progress > 15*time.Second {
			return fmt.Errorf("nothing came for 15 s: %+v", l.counts)
		}
	}
	if l.refused > 0 {
		return fmt.Errorf("%d of %d publishes were refused", l.refused, n)
	}
	return nil
}

// sustained is what a load at random Things came to.
type sustained struct {
	rate    float64
	p50, at time.Duration // median and 99th percentile to the acknowledgement
	foreign float64
	memory  int // bytes, the most that was seen
}

func (b *bench) sustainLoad(srv *server, n int, length time.Duration) (o sustained, err error) {
	l, err := connectScale(srv.addr, scaleModify, numbers{of: uint32(n), random: 88172645463325252}, scaleClients)
	if err != nil {
		return o, err
	}
	defer l.close()
	l.waits = new(waits)
	watch := watchCPU(srv.cmd.Process.Pid)
	peak := peakMemory(srv.cmd.Process.Pid)
	c, took, err := l.run(b.warm, length)
	o.memory = peak()
	if err != nil {
		return o, err
	}
	_, _, o.foreign = watch.used()
	if l.refused > 0 {
		return o, fmt.Errorf("%d publishes were refused", l.refused)
	}
	o.rate, o.p50, o.at = float64(c.acked)/took.Seconds(), l.waits.quantile(.5), l.waits.quantile(.99)
	return o, nil
}

// peakMemory watches a process's anonymous memory until the function that it
// gives is called, which tells the most that was seen.
func peakMemory(pid int) (stop func() int) {
	end, most := make(chan struct{}), make(chan int)
	go func() {
		tick := time.NewTicker(100 * time.Millisecond)
		defer tick.Stop()
		peak := 0
		for {
			if now, err := anonymousMemory(pid); err == nil {
				peak = max(peak, now)
			}
			select {
			case <-tick.C:
			case <-end:
				most <- peak
				return
			}
		}
	}()
	return func() int {
		close(end)
		return <-most
	}
}

// scale starts the broker on a fresh folder and creates so many Things.
func (b *bench) scale(create template, n int) (srv *server, dir string, err error) {
	if dir, err = os.MkdirTemp(b.dir, "scale-"); err != nil {
		return nil, "", err
	}
	if srv, err = b.startBroker(dir, traffic{}); err != nil {
		return nil, "", errors.Join(err, os.RemoveAll(dir))
	}
	if err = onceEach(srv.addr, create, n); err != nil {
		return nil, "", errors.Join(fmt.Errorf("create %d Things: %w", n, err), srv.stop(), os.RemoveAll(dir))
	}
	return srv, dir, nil
}

// measureMillion measures what many Things do to the broker: against a
// thousand, in memory, and at start.
func (b *bench) measureMillion(table *report) error {
	few, dir, err := b.scale(scaleCreate(), things)
	if err != nil {
		return err
	}
	thousand, err := b.sustainLoad(few, things, min(b.sustain, time.Minute))
	if err = errors.Join(err, few.stop(), os.RemoveAll(dir)); err != nil {
		return err
	}
	fmt.Fprintf(b.log, "million   %d Things: %.0f/s, acknowledged after %v, 99th percentile %v; %.0f MB anonymous memory at most (others used %.2f cores)\n",
		things, thousand.rate, thousand.p50, thousand.at, float64(thousand.memory)/1e6, thousand.foreign)

	began := time.Now()
	srv, dir, err := b.scale(scaleCreate(), b.many)
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	fmt.Fprintf(b.log, "million   %d Things created in %v\n", b.many, time.Since(began).Round(time.Millisecond))
	peak := peakMemory(srv.cmd.Process.Pid)
	err = onceEach(srv.addr, scaleModify, b.many)
	memory := peak()
	if err != nil {
		return errors.Join(err, srv.stop())
	}
	fmt.Fprintf(b.log, "million   all changed once: %.0f MB anonymous memory at most\n", float64(memory)/1e6)
	million, err := b.sustainLoad(srv, b.many, b.sustain)
	if err != nil {
		return errors.Join(err, srv.stop())
	}
	fmt.Fprintf(b.log, "million   %d Things: %.0f/s, acknowledged after %v, 99th percentile %v; %.0f MB anonymous memory at most (others used %.2f cores)\n",
		b.many, million.rate, million.p50, million.at, float64(million.memory)/1e6, million.foreign)
	began = time.Now()
	if err := srv.stop(); err != nil {
		return err
	}
	stopped := time.Since(began)
	if srv, err = b.startBroker(dir, traffic{}); err != nil {
		return err
	}
	clean := srv.ready
	fmt.Fprintf(b.log, "million   stopped in %v, ready again after %v\n", stopped.Round(time.Millisecond), clean.Round(time.Millisecond))
	killed, err := b.killUnderLoad(srv, dir)
	if err != nil {
		return err
	}
	fmt.Fprintf(b.log, "million   killed under load, ready again after %v\n", killed.Round(time.Millisecond))
	table.addMillion(b.many, thousand, million, memory, clean, killed)
	return b.measureTransfer(table, dir)
}

// measureTransfer exports what is in the folder, and imports it into another.
func (b *bench) measureTransfer(table *report, dir string) error {
	file, other := filepath.Join(dir, "export.jsonl"), filepath.Join(dir, "other")
	out, err := b.timed("store", "export", "--data-dir", filepath.Join(dir, "data"), "-f", file)
	if err != nil {
		return err
	}
	in, err := b.timed("store", "import", "--data-dir", other, "-f", file)
	if err != nil {
		return err
	}
	fmt.Fprintf(b.log, "million   exported in %v, imported in %v\n", out.Round(time.Millisecond), in.Round(time.Millisecond))
	table.addTransfer(b.many, in, out)
	return nil
}

// timed runs a verb of the program to its end.
func (b *bench) timed(args ...string) (time.Duration, error) {
	began := time.Now()
	if text, err := exec.Command(b.programs.broker, args...).CombinedOutput(); err != nil {
		return 0, fmt.Errorf("%s: %w: %s", strings.Join(args, " "), err, tail(string(text)))
	}
	return time.Since(began), nil
}

// killUnderLoad kills the broker under load, starts it again, and gives how
// long that took to be ready.
func (b *bench) killUnderLoad(srv *server, dir string) (time.Duration, error) {
	l, err := connectScale(srv.addr, scaleModify, numbers{of: uint32(b.many), random: 1}, scaleClients)
	if err != nil {
		return 0, errors.Join(err, srv.stop())
	}
	defer l.close()
	time.AfterFunc(max(b.length*4, time.Second), srv.kill)
	if _, _, err = l.run(0, time.Hour); err == nil {
		return 0, errors.New("the broker outlived SIGKILL")
	}
	<-srv.lines
	_ = srv.cmd.Wait()
	running.Delete(srv)
	if srv, err = b.startBroker(dir, traffic{}); err != nil {
		return 0, err
	}
	return srv.ready, srv.stop()
}

// largeCreate makes a Thing of about so many bytes: 20 attributes of text
// beside what the message changes.
func largeCreate(size int) template {
	var attributes []string
	for i := range 20 {
		attributes = append(attributes, fmt.Sprintf(`"part-%d":%q`, i, strings.Repeat("x", size/20-16)))
	}
	return numbered(scaleTopic+"create", `{"headers":{"response-required":false},"path":"/","value":{"attributes":{`+
		strings.Join(attributes, ",")+`},"features":{"environment":{"properties":{"temperature":20.5}}}}}`)
}

// measureLarge compares changes in large Things with changes in small ones.
func (b *bench) measureLarge(table *report) error {
	const n = 100
	var ratios []float64
	for round := range b.rounds {
		var rates [2]float64
		for i, size := range []int{1 << 10, 100<<10 - 500} {
			srv, dir, err := b.scale(largeCreate(size), n)
			if err != nil {
				return err
			}
			o, err := b.sustainLoad(srv, n, b.length)
			if err = errors.Join(err, srv.stop(), os.RemoveAll(dir)); err != nil {
				return err
			}
			rates[i] = o.rate
			fmt.Fprintf(b.log, "large     round %d  Things of %d bytes: %.0f/s, 99th percentile %v (others used %.2f cores)\n", round+1, size, o.rate, o.at, o.foreign)
		}
		ratios = append(ratios, rates[0]/rates[1])
	}
	table.addLarge(ratios)
	return nil
}

// measureWritten counts what reaches the disk for each change under load.
func (b *bench) measureWritten(table *report) error {
	var each []float64
	for round := range b.rounds {
		srv, dir, err := b.scale(scaleCreate(), things)
		if err != nil {
			return err
		}
		wrote, err := writtenBytes(srv.cmd.Process.Pid)
		if err != nil {
			return errors.Join(err, srv.stop())
		}
		l, err := connectScale(srv.addr, scaleModify, numbers{of: things, random: 1}, scaleClients)
		if err != nil {
			return errors.Join(err, srv.stop())
		}
		// For longer than other rows: files are made ready in advance.
		c, took, err := l.run(b.warm, 3*b.length)
		l.close()
		after, statErr := writtenBytes(srv.cmd.Process.Pid)
		if err = errors.Join(err, statErr, srv.stop(), os.RemoveAll(dir)); err != nil {
			return err
		}
		per := float64(after-wrote) / float64(l.acked)
		fmt.Fprintf(b.log, "written   round %d  %.0f bytes for each of %d changes (%.0f/s)\n", round+1, per, l.acked, float64(c.acked)/took.Seconds())
		each = append(each, per)
	}
	table.addWritten(each)
	return nil
}

// writtenBytes is what a process has had written to disks.
func writtenBytes(pid int) (int64, error) {
	text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "io"))
	if err != nil {
		return 0, err
	}
	for _, line := range strings.Split(string(text), "\n") {
		if v, ok := strings.CutPrefix(line, "write_bytes: "); ok {
			return strconv.ParseInt(v, 10, 64)
		}
	}
	return 0, syscall.ENODATA
}
