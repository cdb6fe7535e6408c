//go:build !linux

package main

import (
	"fmt"
	"os"
)

func main() {
	fmt.Fprintln(os.Stderr, "bench: the benchmark needs Linux (epoll, /proc)")
	os.Exit(1)
}
