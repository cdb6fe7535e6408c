//go:build !linux

package control

import "errors"

// shorten is for systems that have names for open folders.
func shorten(string) (string, func(), error) {
	return "", nil, errors.ErrUnsupported
}
