# Programs with Ditto's SDK for Go work as they are.

sdk() {
	local what="the tests with Ditto's SDK for Go (make sdk)" why
	if ! why=$(test/gosdk/fetch.sh); then
		not_run "$what" "$why"
	elif make sdk >"$work/sdk" 2>&1; then
		ok "$what"
	else
		bad "$what" 'ok' "$(<"$work/sdk")"
	fi
}
