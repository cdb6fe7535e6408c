// Command bench measures the built broker against a bare mochi on the same
// machine, with the same load, and prints the table of docs/performance.md.
//
// A row is measured in rounds, each of them one run of the yardstick and one of
// the broker, side by side in time, so that what else the machine does hits
// both; the row's figure is the median of the rounds' ratios. Every run starts
// a fresh process on a fresh folder of a real disk. The load comes from one
// thread over epoll, because it shares the machine's cores with what it
// measures: with a goroutine per client the generator would cost more than the
// broker.
package main
