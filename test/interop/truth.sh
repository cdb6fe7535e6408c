# Lists in the documents that must agree with the program's own.

truth() {
	rm -rf data
	start broker 'exec bin/twinbroker serve'
	eventually has_printed broker 'twinbroker ready …'
	mosquitto_pub -q 1 -t ditto -m nonsense # some figures appear with the first refusal
	local documented
	documented=$(sed -n 's/^| `\(twinbroker_[a-z_]*\)`.*/\1/p' docs/operating.md | sort)
	check 'docs/operating.md lists the metrics' \
		"$(metrics | sed -n 's/^# TYPE \(twinbroker_[a-z_]*\) .*/\1/p' | sort)" "$documented"
	stop broker TERM
}
