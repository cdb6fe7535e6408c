# Follows a document: an HTML comment, which readers do not see, says before a
# block of text what it is.
#
#   <!-- try: run -->             commands; each line is typed, and must succeed
#   <!-- try: fails -->           commands that are to fail
#   <!-- try: prints -->          what these printed, exactly; … is any text
#   <!-- try: start NAME -->      a command that goes on in a terminal of its own
#   <!-- try: NAME prints -->     lines that it prints, in this order; others may
#                                 come between
#   <!-- try: interrupt NAME -->  Ctrl-C in that terminal; no block follows
#   <!-- try: file NAME -->       a file that the reader saves
#
# Each document begins with an empty data folder. Blocks of YAML, whether to be
# tried or not, must be configurations that "config check" accepts.

# follow FILE
follow() {
	local document=$1 line number=0 at todo='' block='' inside='' language=''
	printed=''
	rm -rf data
	mapfile -t lines <"$document"
	for line in "${lines[@]}"; do
		number=$((number + 1))
		case $inside$line in
		'<!-- try: '*' -->')
			line=${line#'<!-- try: '}
			line=${line%' -->'}
			if [[ $line == interrupt\ * ]]; then
				stop "${line#interrupt }" INT
			else
				todo=$line
			fi
			;;
		'```'*)
			inside=x language=${line#'```'} block='' at=$document:$number
			;;
		'x```')
			inside=''
			block=${block%$'\n'}
			[ "$language" != yaml ] || check_yaml "$at" "$block"
			[ -z "$todo" ] || act "$at" "$todo" "$block"
			todo=''
			;;
		x*) block+=$line$'\n' ;;
		esac
	done
	stop_all
}

# check_yaml PLACE TEXT
check_yaml() {
	local said
	printf '%s\n' "$2" >"$work/check.yaml"
	if said=$(bin/twinbroker config check -c "$work/check.yaml" 2>&1); then
		ok "$1  is a configuration"
	else
		bad "$1  is a configuration" ok "$said"
	fi
}

# act PLACE TODO BLOCK
act() {
	local command before
	case $2 in
	run | fails)
		all_subscribed
		printed=''
		while IFS= read -r command; do
			type_line "$1" "$2" "$command"
		done <<<"$3"
		;;
	prints) check "$1  printed" "$3" "${printed%$'\n'}" ;;
	file\ *) printf '%s\n' "$3" >"${2#file }" ;;
	start\ *)
		if [ -z "${pid_of[broker]:-}" ]; then
			start "${2#start }" "$3"
		else
			start_subscriber "${2#start }" 1 "$3"
		fi
		;;
	*\ prints) prints "$1" "${2% prints}" "$3" ;;
	*)
		bad "$1" 'something that document.sh knows' "$2"
		;;
	esac
}

# type_line PLACE run|fails COMMAND
type_line() {
	local said status
	said=$(timeout 20 bash -c "$3" 2>&1 </dev/null)
	status=$?
	[ -z "$said" ] || printed+=$said$'\n'
	case $2:$status in
	run:0) ok "$1  $3" ;;
	run:*) bad "$1  $3" 'success' "status $status: $said" ;;
	fails:0) bad "$1  $3" 'a failure' "$said" ;;
	*) ok "$1  $3" ;;
	esac
}

# prints PLACE NAME LINES
prints() {
	if eventually has_printed "$2" "$3"; then
		ok "$1  $2 prints"
		seen_of[$2]=$reached
	else
		bad "$1  $2 prints" "$3" "$(tail -n "+$((seen_of[$2] + 1))" "$(log_of "$2")")"
	fi
}

# has_printed NAME LINES: sets reached to the number of the last one.
has_printed() {
	local -a got wanted
	mapfile -t got <"$(log_of "$1")"
	mapfile -t wanted <<<"$2"
	local line
	reached=${seen_of[$1]}
	for line in "${wanted[@]}"; do
		until [ "$reached" -ge "${#got[@]}" ] || line_matches "$line" "${got[reached]}"; do
			reached=$((reached + 1))
		done
		[ "$reached" -lt "${#got[@]}" ] || return 1
		reached=$((reached + 1))
	done
}
