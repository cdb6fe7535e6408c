package transfer

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/twinbroker/twinbroker/twin"
)

var things = flag.Int("things", 20000, "how many Things of 600 bytes the benchmarks import and export")

// write writes so many Things of 600 bytes to a file.
func write(b *testing.B, n int) string {
	path := filepath.Join(b.TempDir(), "things.jsonl")
	f, err := os.Create(path)
	if err != nil {
		b.Fatal(err)
	}
	out := bufio.NewWriter(f)
	for i := range n {
		line := fmt.Sprintf(`{"thingId":"org.acme:device-%07d","policyId":"org.acme:devices","attributes":{"serial":%d,"text":"%%s"},`+
			`"features":{"environment":{"properties":{"temperature":%.3f,"humidity":%d}},"lamp":{"properties":{"on":true,"colour":{"r":1,"g":2,"b":3}}}}}`,
			i, i*7919%1000003, float64(i%500)/10, i%100)
		fmt.Fprintf(out, line+"\n", strings.Repeat("x", 602-len(line)))
	}
	if err := out.Flush(); err != nil {
		b.Fatal(err)
	}
	if err := f.Close(); err != nil {
		b.Fatal(err)
	}
	return path
}

// For a million: go test ./twin/transfer -run '^$' -bench . -benchtime 1x -timeout 30m -args -things 1000000
func BenchmarkImport(b *testing.B) {
	path := write(b, *things)
	for b.Loop() {
		load(b, path, b.TempDir())
	}
	rate(b)
}

func BenchmarkExport(b *testing.B) {
	dir := b.TempDir()
	load(b, write(b, *things), dir)
	for b.Loop() {
		s := open(b, dir, twin.Options{})
		if n, err := Export(context.Background(), s, io.Discard, ExportOptions{}); err != nil || n.Things != int64(*things) {
			b.Fatalf("%+v, %v", n, err)
		}
		if err := s.Close(); err != nil {
			b.Fatal(err)
		}
	}
	rate(b)
}

// load imports the file, as the verb does: from opening the folder to closing
// it.
func load(b *testing.B, path, dir string) {
	b.Helper()
	f, err := os.Open(path)
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	s := open(b, dir, twin.Options{})
	if n, err := Import(context.Background(), s, f, Options{}); err != nil || n.Created != int64(*things) {
		b.Fatalf("%+v, %v", n, err)
	}
	if err := s.Close(); err != nil {
		b.Fatal(err)
	}
}

func rate(b *testing.B) {
	b.ReportMetric(float64(*things)*float64(b.N)/b.Elapsed().Seconds(), "lines/s")
}
