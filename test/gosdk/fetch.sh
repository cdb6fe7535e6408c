#!/bin/bash
# Downloads the modules that these tests need, as far as they are not there yet.
# Where one cannot be had it says why, in a line, and fails. It changes nothing
# here (go mod download would), and leaves it to the go.sum to be content with
# what has come: a module that is another than it should be makes what follows
# fail, and is not mistaken for one that is out of reach.
set -eu -o pipefail

# All but twinbroker itself, the SDK first.
sed -n 's/^\t\([^ ]*\) \(v[^ ]*\).*/\1@\2/p' "$(dirname "$0")/go.mod" | grep -v '@v0\.0\.0$' | while read -r module; do
	if ! why=$(GOSUMDB=off GOWORK=off go -C / mod download "$module" 2>&1 </dev/null); then
		tr -s '\n\t' '  ' <<<"${why#go: }" | sed 's/ $/\n/'
		exit 1
	fi
done
