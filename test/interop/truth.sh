# Lists in the documents that must agree with the program's own.

truth() {
	rm -rf data
	start broker 'exec bin/twinbroker serve -c docs/recipes/tasmota.yaml --anonymous'
	eventually has_printed broker 'twinbroker ready …'
	mosquitto_pub -q 1 -t tele/lamp/SENSOR -m nonsense
	mosquitto_pub -q 1 -t ditto -m nonsense # some figures appear with the first refusal
	mosquitto_pub -q 1 -t ditto/org.acme/first/things/twin/commands/create -m '{"path": "/", "value": {}}' # one with the first record
	check 'docs/operating.md lists the metrics' \
		"$(metrics | sed -n 's/^# TYPE \(twinbroker_[a-z_]*\) .*/\1/p' | sort)" \
		"$(sed -n 's/^| `\(twinbroker_[a-z_]*\)`.*/\1/p' docs/operating.md | sort)"
	stop broker TERM

	check 'docs/architecture.md lists the packages and what they import' "$(imports)" \
		"$(sed -n 's/^| `\([a-z/]*\)` | .* | \(.*\) |$/\1: \2/p' docs/architecture.md | tr -d '`–,' | sed 's/ *$//' | sort)"
	check 'docs/architecture.md lists the folders of tests' "$(printf '%s\n' test/*/ | sed 's|/$||')" \
		"$(sed -n 's/^| `\(test\/[a-z0-9]*\)` .*/\1/p' docs/architecture.md | sort)"
	check 'docs/dependencies.md lists the direct dependencies' \
		"$(sed -n 's/^\t\([^ ]*\) v[^ ]*$/\1/p' go.mod test/gosdk/go.mod | grep -vx "$(go list -m)" | sort -u)" \
		"$(sed -n 's/^| `\([a-z.]*\.[a-z]*\/[^`]*\)` .*/\1/p' docs/dependencies.md | sort)"
}

# imports: a line for each package of the program, with those that it imports.
imports() {
	local module
	module=$(go list -m)
	go list -f '{{.ImportPath}}:{{range .Imports}} {{.}}{{end}}' ./broker/... ./cmd/... ./mapping/... ./twin/... |
		while read -r package rest; do
			echo "${package#"$module"/}" "$(tr ' ' '\n' <<<"$rest" | sed -n "s|^$module/||p" | tr '\n' ' ')"
		done | sed 's/ *$//' | sort
}
