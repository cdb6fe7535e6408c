# rules_of_mosquitto: one acl_file, and mosquitto itself beside the broker. Both
# let the same clients publish to the same topics, and send them the same.
rules_of_mosquitto() {
	local -a topics=(news plant plant/hall plant/safe/key devices/ann/t devices/bob/t in/ann/x ids/cli-ann ids/cli-bob deep/a/b/c other)
	local user broker port topic published who
	cat >"$work/rules" <<-'ACL'
		# of clients without a user name
		topic read news
		topic write plant/hall

		user ann
		topic readwrite plant/#
		topic deny plant/safe/#
		topic read deep/+/b/#
		user bob
		topic plant/hall
		topic write in/ann/x
		topic read devices/#
		user all
		topic #
		# of everybody
		pattern write devices/%u/#
		pattern read in/%u/+
		pattern readwrite ids/%c
	ACL
	for user in ann bob all; do
		mosquitto_passwd $([ -e rules.passwd ] || echo -c) -b rules.passwd $user secret
	done >/dev/null 2>&1
	chmod 644 rules.passwd "$work/rules"
	cat >"$work/rules.conf" <<-CONF
		user root
		listener 18885 127.0.0.1
		allow_anonymous true
		password_file $PWD/rules.passwd
		acl_file $work/rules
	CONF
	cat >rules.yaml <<-YAML
		auth: {users_file: rules.passwd, anonymous: ["anonymous:local"]}
		acl_file: $work/rules
		listeners: [{address: "tcp://127.0.0.1:18886"}]
	YAML
	start mosquitto "PATH=\$PATH:/usr/sbin exec mosquitto -c $work/rules.conf"
	start rules 'exec bin/twinbroker serve -c rules.yaml --data-dir rules --http off'
	eventually has_printed rules 'twinbroker ready …'
	eventually taken 18885
	for user in nobody ann bob all; do
		local -a as=(-i "cli-$user")
		[ $user = nobody ] || as+=(-u $user -P secret)
		for broker in mosquitto:18885 twinbroker:18886; do
			port=${broker#*:} published=''
			for topic in "${topics[@]}"; do
				mosquitto_pub -V 5 -p $port "${as[@]}" -q 1 -t "$topic" -m x 2>&1 | grep -q 'Not authorized' || published+="$topic "
			done
			echo "$published" >"$work/may.$user.${broker%:*}"
			# What all publishes comes at QoS 1 in its order; what comes last everybody is
			# sent who is sent anything, and it is left out below.
			start s "exec stdbuf -oL mosquitto_sub -W 20 -V 5 -d -p $port ${as[*]} -q 1 -t '#' -F 'got %t'"
			eventually has_printed s 'Subscribed …'
			for topic in "${topics[@]}"; do
				mosquitto_pub -V 5 -p $port -u all -P secret -i cli-pub -q 1 -t "$topic" -m x
			done
			mosquitto_pub -V 5 -p $port -u all -P secret -i cli-pub -q 1 -t "$(last_for $user)" -m x
			eventually has_printed_twice s "got $(last_for $user)"
			stop s TERM
			grep '^got' "$(log_of s)" >"$work/got.$user.${broker%:*}"
		done
		check "acl_file: $user may publish what mosquitto lets it" "$(<"$work/may.$user.mosquitto")" "$(<"$work/may.$user.twinbroker")"
		check "acl_file: $user is sent what mosquitto sends it" "$(<"$work/got.$user.mosquitto")" "$(<"$work/got.$user.twinbroker")"
	done
	who=$(cat "$work"/may.*.mosquitto | wc -w)
	check 'acl_file: some may be published, and some not' 'yes' "$([ "$who" -gt 12 ] && [ "$who" -lt 40 ] && echo yes || echo "$who")"
	stop mosquitto TERM
	stop rules TERM
}

# last_for USER: a topic that the user may read.
last_for() { case $1 in nobody) echo news ;; ann) echo plant ;; *) echo plant/hall ;; esac; }

has_printed_twice() { [ "$(grep -cFx "$2" "$(log_of "$1")")" -ge 2 ]; }
