package control

import (
	"os"
	"strconv"
)

// shorten gives a folder a short name: that of its open file. The name holds
// until done is called.
func shorten(dir string) (short string, done func(), err error) {
	f, err := os.Open(dir)
	if err != nil {
		return "", nil, err
	}
	short = "/proc/self/fd/" + strconv.Itoa(int(f.Fd()))
	if _, err := os.Stat(short + "/."); err != nil {
		f.Close()
		return "", nil, err
	}
	return short, func() { f.Close() }, nil
}
