# What the parts share: counting, comparing, programs in the background.

passed=0
failed=0
not_run=0

ok() {
	passed=$((passed + 1))
	echo "ok    $1"
}

# bad WHAT WANTED GOT
bad() {
	failed=$((failed + 1))
	echo "FAIL  $1"
	echo '  wanted:'
	sed 's/^/    /' <<<"$2"
	echo '  got:'
	sed 's/^/    /' <<<"$3"
}

# not_run WHAT WHY: it can be tried elsewhere, but not here.
not_run() {
	not_run=$((not_run + 1))
	echo "not run: $1: $2"
}

# check WHAT WANTED GOT: the texts are equal, but for … in what is wanted.
check() {
	if matches "$2" "$3"; then ok "$1"; else bad "$1" "$2" "$3"; fi
}

# matches WANTED GOT: … stands for any text within a line.
matches() {
	local -a wanted got
	mapfile -t wanted <<<"$1"
	mapfile -t got <<<"$2"
	[ "${#wanted[@]}" -eq "${#got[@]}" ] || return 1
	local i
	for i in "${!wanted[@]}"; do
		line_matches "${wanted[i]}" "${got[i]}" || return 1
	done
}

line_matches() {
	local rest=$1 pattern='' part
	while [[ $rest == *…* ]]; do
		part=${rest%%…*}
		rest=${rest#*…}
		pattern+=$(literally "$part")'*'
	done
	pattern+=$(literally "$rest")
	# shellcheck disable=SC2053 # it is a pattern
	[[ $2 == $pattern ]]
}

# literally TEXT: a pattern that matches the text and nothing else.
literally() { sed 's/[][\\*?()|!+@]/\\&/g' <<<"$1"; }

# taken PORT: somebody listens there.
taken() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# eventually COMMAND…: true as soon as the command is, false after 20 seconds.
eventually() {
	local end=$((SECONDS + 20))
	until "$@"; do
		[ $SECONDS -lt $end ] || return 1
		sleep 0.02
	done
}

# Programs in the background, by name: process (and group), output so far read,
# subscriptions that it has.
declare -A pid_of seen_of subscriptions_of

log_of() { echo "$work/log.$1"; }

# start NAME COMMAND: as a terminal would, in a process group of its own.
start() {
	: >"$(log_of "$1")"
	setsid env --default-signal=INT bash -c "$2" >"$(log_of "$1")" 2>&1 </dev/null &
	pid_of[$1]=$!
	disown # how it ends is not the shell's to report
	seen_of[$1]=0
	subscriptions_of[$1]=0
}

# start_subscriber NAME FILTERS COMMAND: returns when it has subscribed.
start_subscriber() {
	local before
	before=$(metric twinbroker_subscriptions)
	start "$1" "$3"
	subscriptions_of[$1]=$2
	eventually subscribed $((before + $2)) || echo "test/interop: $1 does not subscribe: $(<"$(log_of "$1")")"
}

subscribed() { [ "$(metric twinbroker_subscriptions)" -ge "$1" ]; }

# all_subscribed: those that were cut off by a restart are back.
all_subscribed() {
	local n=0 name
	for name in "${!subscriptions_of[@]}"; do n=$((n + subscriptions_of[$name])); done
	[ "$n" -eq 0 ] || eventually subscribed "$n"
}

# stop NAME SIGNAL: and wait for its end.
stop() {
	kill "-$2" -- "-${pid_of[$1]}" 2>/dev/null
	eventually gone "${pid_of[$1]}" || kill -KILL -- "-${pid_of[$1]}"
	unset "pid_of[$1]" "seen_of[$1]" "subscriptions_of[$1]"
}

gone() { ! kill -0 -- "-$1" 2>/dev/null; }

stop_all() {
	local name
	for name in "${!pid_of[@]}"; do stop "$name" TERM; done
}

# ended NAME: waits until it ends by itself; its output is in its log.
ended() {
	eventually gone "${pid_of[$1]}" || stop "$1" TERM
	unset "pid_of[$1]" "seen_of[$1]" "subscriptions_of[$1]"
}

# metrics: what /metrics says.
metrics() {
	(
		exec 3<>/dev/tcp/127.0.0.1/8080 || exit 1
		printf 'GET /metrics HTTP/1.0\r\nHost: localhost\r\n\r\n' >&3
		cat <&3
	) 2>/dev/null
}

# metric NAME: its value, 0 where there is none.
metric() {
	local value
	value=$(metrics | sed -n "s/^$1 //p")
	echo "${value:-0}"
}
