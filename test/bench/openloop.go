//go:build linux

package main

import (
	"fmt"
	"runtime"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// runOpen publishes at a fixed rate, whatever comes back, for that long, and
// returns how long each acknowledgement took since its publish was due.
func (l *load) runOpen(rate int, warm, measure time.Duration) ([]time.Duration, error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	timer, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("timer: %w", err)
	}
	defer syscall.Close(timer)
	every := time.Second / time.Duration(rate)
	spec := unix.ItimerSpec{Interval: unix.NsecToTimespec(int64(every)), Value: unix.NsecToTimespec(int64(every))}
	if err := unix.TimerfdSettime(timer, 0, &spec, nil); err != nil {
		return nil, fmt.Errorf("timer: %w", err)
	}
	ev := syscall.EpollEvent{Events: syscall.EPOLLIN, Fd: tagTimer}
	if err := syscall.EpollCtl(l.epoll, syscall.EPOLL_CTL_ADD, timer, &ev); err != nil {
		return nil, fmt.Errorf("timer: %w", err)
	}
	defer syscall.EpollCtl(l.epoll, syscall.EPOLL_CTL_DEL, timer, nil)
	l.start, l.now, l.timing = time.Now(), 0, true
	l.latency = make([]time.Duration, 0, int((warm+measure)/every)+16)
	skip := 0
	due, turn := every, 0
	var expirations [8]byte
	for l.now < warm+measure {
		if err := l.step(50); err != nil {
			return nil, err
		}
		_, _ = syscall.Read(timer, expirations[:])
		if skip == 0 && l.now >= warm {
			skip = len(l.latency)
		}
		for ; due <= l.now; due += every {
			p := l.pubs[turn%len(l.pubs)]
			turn++
			if p.inFlight == l.window {
				return nil, fmt.Errorf("%d publishes of one client are unacknowledged: this rate is not held", l.window)
			}
			p.free++
			id := p.free%uint16(l.window) + 1
			l.send(p, id)
			p.sentAt[id] = due
			if err := l.flush(p); err != nil {
				return nil, err
			}
		}
	}
	if err := l.drain(); err != nil {
		return nil, err
	}
	return l.latency[skip:], nil
}
