#!/bin/bash
# Holds the program against Debian's MQTT clients, from outside:
#
#   document.sh  types the commands of README.md and docs/*.md line by line and
#                compares what they print with what the documents say
#   clients.sh   what mosquitto_pub, mosquitto_sub and mosquitto_rr see of the
#                broker, with MQTT 3.1.1 and 5, and mosquitto as a bridge
#   rules.sh     one acl_file, and mosquitto beside the broker: both decide alike
#   truth.sh     what documents say of the program's own lists
#   sdk.sh       Ditto's SDK for Go, where it can be downloaded
#
# It works in a copy of this repository, with the ports of the quickstart (1883
# and 8080). Where another program has one of them, it retires into a network
# of its own, if the system lets it.
set -u -o pipefail
export LC_ALL=C.UTF-8

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
. "$here/lib.sh"

if taken 1883 || taken 8080; then
	if [ -n "${INTEROP_ALONE:-}" ] || ! unshare --user --map-root-user --net ip link set lo up 2>/dev/null; then
		echo 'test/interop: another program has port 1883 or 8080: stop it and try again' >&2
		exit 1
	fi
	"$root/test/gosdk/fetch.sh" >/dev/null || true # which cannot be done from there; sdk.sh tells of it
	exec env INTEROP_ALONE=1 unshare --user --map-root-user --net bash -c 'ip link set lo up && exec "$0"' "$here/run.sh"
fi
for program in mosquitto mosquitto_pub mosquitto_sub mosquitto_rr mosquitto_passwd openssl; do
	if ! PATH=$PATH:/usr/sbin command -v "$program" >/dev/null; then
		echo "test/interop: $program is missing: install mosquitto, mosquitto-clients and openssl" >&2
		exit 1
	fi
done

# Neither the settings of whoever runs this nor the clients' own count.
unset "${!TWINBROKER_@}" MAKEFLAGS MAKELEVEL MFLAGS
work=$(mktemp -d)
ln -s "$PWD/docs/recipes" "$work/recipes" # which a configuration in the documents includes
export XDG_CONFIG_HOME=$work/none
trap 'stop_all; rm -rf "$work"' EXIT

mkdir "$work/copy"
tar -C "$root" --exclude=./.git --exclude=./bin --exclude=./data -cf - . | tar -C "$work/copy" -xf -
cd "$work/copy"
if ! make build >"$work/make" 2>&1; then
	cat "$work/make" >&2
	exit 1
fi

. "$here/document.sh"
. "$here/clients.sh"
. "$here/rules.sh"
. "$here/truth.sh"
. "$here/sdk.sh"

for document in README.md docs/*.md; do
	follow "$document"
done
clients
rules_of_mosquitto
truth
sdk

echo
echo "$passed passed, $failed failed, $not_run not run"
[ "$failed" -eq 0 ]
