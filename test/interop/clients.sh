# What Debian's clients see of the broker, with MQTT 3.1.1 and 5.

clients() {
	rm -rf data
	cat >interop.yaml <<-'YAML'
		auth: {anonymous: ["anonymous:local"]}
		mappings:
		  - topic: devices/{device}/telemetry
		    thing: "org.acme:{{ device }}"
		    set: {/features/climate/properties/temperature: /temp}
		    create: {}
		  - topic: devices/{device}/status
		    format: text
		    thing: "org.acme:{{ device }}"
		    set: {/attributes/status: ""}
		    create: {}
		publications:
		  - path: /features/{feature}/desiredProperties/{property...}
		    topic: "cmnd/{{ thing:name }}/{{ feature }}/{{ property }}"
		    payload: value
		    qos: 2
		    retain: true
	YAML
	start broker 'exec bin/twinbroker serve -c interop.yaml'
	eventually has_printed broker 'twinbroker ready …'
	local version
	for version in 311 5; do
		qos "$version"
		retained "$version"
		wills "$version"
		away "$version"
		shared "$version"
		status_topics "$version"
		telemetry "$version"
		requests "$version"
		refused "$version"
	done
	properties
	reason_codes
	bridges
	not_let_in
	encrypted
	credentials
	stop broker TERM
}

# sub NAME FILTERS ARGUMENTS…: a subscriber in the background.
sub() {
	local name=$1 filters=$2
	shift 2
	start_subscriber "$name" "$filters" "exec mosquitto_sub -W 20 $*"
}

# got NAME WHAT WANTED: the subscriber has ended, having printed that.
got() {
	ended "$1"
	check "$2" "$3" "$(<"$(log_of "$1")")"
}

qos() {
	local publish subscribe
	for publish in 0 1 2; do
		for subscribe in 0 1 2; do
			sub s 1 -V "$1" -q $subscribe -t "plain/+/$publish" -C 3 -F "'%q %t %p'"
			printf '%s\n' one two three | mosquitto_pub -V "$1" -q $publish -t "plain/x/$publish" -l
			local q=$((publish < subscribe ? publish : subscribe)) t=plain/x/$publish
			got s "$1: QoS $publish in, $q out" "$q $t one
$q $t two
$q $t three"
		done
	done
}

retained() {
	mosquitto_pub -V "$1" -q 1 -r -t kept/a -m first
	mosquitto_pub -V "$1" -q 2 -r -t kept/a -m second
	mosquitto_pub -V "$1" -q 1 -r -t kept/b -m last
	check "$1: a retained message, the newest" '1 second' \
		"$(mosquitto_sub -V "$1" -W 10 -q 1 -t kept/a -C 1 -F '%r %p')"
	sub s 1 -V "$1" -q 1 -t live/a -C 1 -F "'%r %p'"
	mosquitto_pub -V "$1" -q 1 -r -t live/a -m x
	got s "$1: no retain flag for who was there" '0 x'
	mosquitto_pub -V "$1" -q 1 -r -n -t kept/a
	mosquitto_pub -V "$1" -q 1 -r -n -t live/a
	check "$1: a retained message that was deleted" 'kept/b' \
		"$(mosquitto_sub -V "$1" -W 10 -q 1 -t kept/a -t live/a -t kept/b -C 1 -F '%t')"
	mosquitto_pub -V "$1" -q 1 -r -n -t kept/b
}

wills() {
	sub s 1 -V "$1" -q 1 -t wills/gone -C 1 -F "'%q %p'"
	sub w 1 -V "$1" -t nothing --will-topic wills/gone --will-payload farewell --will-qos 1
	stop w KILL
	got s "$1: a will" '1 farewell'

	sub s 1 -V "$1" -q 1 -t "ditto/org.acme/will-$1/things/twin/events/#" -C 1 -F "'%p'"
	sub w 1 -V "$1" -t nothing --will-topic "devices/will-$1/status" --will-payload offline --will-qos 1
	stop w KILL
	got s "$1: a will that a mapping takes in" \
		"{…\"value\":{\"thingId\":\"org.acme:will-$1\",…\"attributes\":{\"status\":\"offline\"}},\"revision\":1,…}"
}

# away: what comes while a client is away.
away() {
	mosquitto_sub -V "$1" -c -i "away-$1" -q 1 -t away/+ -E
	printf '%s\n' one two | mosquitto_pub -V "$1" -q 1 -t away/x -l
	check "$1: messages for a client that was away" $'one\ntwo' \
		"$(mosquitto_sub -V "$1" -W 10 -c -i "away-$1" -q 1 -t away/+ -C 2)"
	mosquitto_sub -V "$1" -i "away-$1" -t nothing -E # the session ends
}

shared() {
	sub a 1 -V "$1" -q 1 -t "'\$share/group/work/+'" -C 2
	sub b 1 -V "$1" -q 1 -t "'\$share/group/work/+'" -C 2
	printf '%s\n' 1 2 3 4 | mosquitto_pub -V "$1" -q 1 -t work/x -l
	ended a
	ended b
	check "$1: a shared subscription, each message once, both take part" $'1\n2\n3\n4' \
		"$(sort "$(log_of a)" "$(log_of b)")"
}

status_topics() {
	check "$1: \$SYS" '$SYS/broker/version twinbroker …' \
		"$(mosquitto_sub -V "$1" -W 10 -v -t '$SYS/broker/version' -C 1)"
}

telemetry() {
	local q
	for q in 0 1 2; do
		sub s 1 -V "$1" -q 2 -t "ditto/org.acme/dev-$1-$q/things/twin/events/#" -C 2 -F "'%q %t'"
		sub r 1 -V "$1" -q 2 -t "devices/dev-$1-$q/telemetry" -C 2 -F "'%q %p'"
		printf '%s\n' '{"temp": 1}' '{"temp": 21.50}' |
			mosquitto_pub -V "$1" -q $q -t "devices/dev-$1-$q/telemetry" -l
		got s "$1: events of telemetry of QoS $q" "2 ditto/org.acme/dev-$1-$q/things/twin/events/created
2 ditto/org.acme/dev-$1-$q/things/twin/events/merged"
		got r "$1: telemetry of QoS $q is relayed" "$q {\"temp\": 1}
$q {\"temp\": 21.50}"
		check "$1: what telemetry of QoS $q wrote" 21.50 \
			"$(bin/twinbroker things get "org.acme:dev-$1-$q" /features/climate/properties/temperature 2>&1)"
	done
	sub s 1 -V "$1" -q 2 -t "cmnd/dev-$1-0/#" -C 1 -F "'%q %r %t %p'"
	bin/twinbroker things put "org.acme:dev-$1-0" /features/climate/desiredProperties '{"mode":"eco"}' >/dev/null
	got s "$1: a publication" "2 0 cmnd/dev-$1-0/climate/mode eco"
	check "$1: a publication, retained" "1 eco" \
		"$(mosquitto_sub -V "$1" -W 10 -q 2 -t "cmnd/dev-$1-0/climate/mode" -C 1 -F '%r %p')"
}

# ask VERSION REPLY THING COMMAND PAYLOAD ARGUMENTS…: the envelope that comes.
ask() {
	local version=$1 reply=$2 thing=$3 command=$4 payload=$5
	shift 5
	mosquitto_rr -V "$version" -W 10 -q 1 -e "$reply" -t "ditto/org.acme/$thing/things/twin/commands/$command" \
		-m "$payload" "$@" 2>&1
}

requests() {
	# A client of 3.1.1 has no Response Topic: what it subscribes to is its own
	# reply topic, or the one that it names in the envelope.
	local own=ditto/_replies/rr-$1 thing=asked-$1
	check "$1: a request at the own reply topic" "{\"topic\":\"org.acme/$thing/…/create\",…\"status\":201}" \
		"$(ask "$1" "$own" "$thing" create '{"path":"/","value":{"attributes":{"a":1.50}}}' -i "rr-$1")"
	check "$1: a request with reply-to" "{\"topic\":\"…/retrieve\",…\"path\":\"/attributes/a\",\"value\":1.50,\"status\":200}" \
		"$(ask "$1" answers/x "$thing" retrieve '{"path":"/attributes/a","headers":{"reply-to":"answers/x"}}')"
	check "$1: an error with its correlation-id" "{\"topic\":\"org.acme/$thing/things/twin/errors\",\"headers\":{\"correlation-id\":\"c-1\",…\"error\":\"things:attribute.notfound\",…\"status\":404}" \
		"$(ask "$1" "$own" "$thing" retrieve '{"path":"/attributes/b","headers":{"correlation-id":"c-1"}}' -i "rr-$1" | grep '^{')"
	check "$1: a whole envelope to the root" "{\"topic\":\"org.acme/$thing/…/modify\",…\"status\":204}" \
		"$(mosquitto_rr -V "$1" -W 10 -q 2 -i "rr-$1" -e "$own" -t ditto -m "{\"topic\":\"org.acme/$thing/things/twin/commands/modify\",\"path\":\"/attributes/a\",\"value\":2}")"
}

# refused: what operators see.
refused() {
	sub s 1 -V "$1" -t "'\$SYS/twinbroker/refused'" -C 1 -F "'%p'"
	mosquitto_pub -V "$1" -q 1 -i "clumsy-$1" -t devices/x/telemetry -m '{"temp":' 2>/dev/null
	got s "$1: \$SYS/twinbroker/refused" "{\"client\":\"clumsy-$1\",\"description\":\"…\",\"error\":\"connectivity:message.mapping.failed\",\"message\":\"…\",\"rule\":\"mappings[0] (devices/{device}/telemetry)\",\"status\":400,\"time\":\"…\",\"topic\":\"devices/x/telemetry\"}"
}

properties() {
	check '5: Response Topic and Correlation Data' 'application/vnd.eclipse.ditto+json 42 {…"correlation-id":"42"…"status":200}' \
		"$(ask 5 answers/5 asked-5 retrieve '{"path":"/"}' -D publish correlation-data 42 -F '%C %D %p')"
	check '5: a user property is a header' '{…"headers":{…"x-shift":"night"…}…"status":200}' \
		"$(ask 5 answers/5 asked-5 retrieve '{"path":"/"}' -D publish user-property x-shift night)"
	sub s 1 -V 5 -q 1 -t carried -C 1 -F "'%C %D %F %P %R %p'"
	mosquitto_pub -V 5 -q 1 -t carried -m x -D publish content-type text/plain -D publish correlation-data 7 \
		-D publish payload-format-indicator 1 -D publish user-property k v -D publish response-topic back
	got s '5: properties are carried' 'text/plain 7 1 k:v back x'
}

# reason WHAT CODE REASON ARGUMENTS…: what mosquitto_pub says of the
# acknowledgement. Of a PUBREC it does not print the reason string.
reason() {
	local what=$1 wanted="Warning: Publish 1 failed: $2." text=$3
	shift 3
	check "5: reason code, QoS 1: $what" "$wanted"$'\n'"$text: …" "$(mosquitto_pub -V 5 -q 1 "$@" 2>&1)"
	check "5: reason code, QoS 2: $what" "$wanted" "$(mosquitto_pub -V 5 -q 2 "$@" 2>&1)"
}

reason_codes() {
	reason 'no JSON (0x99)' 'Payload format invalid' connectivity:message.mapping.failed -t devices/x/telemetry -m nonsense
	reason 'a forged event (0x87)' 'Not authorized' messages:publish.notallowed -t ditto/org.acme/x/things/twin/events/modified -m '{"path":"/"}'
	head -c 300000 /dev/zero | tr '\0' ' ' >"$work/large"
	reason 'too large (0x97)' 'Quota exceeded' messages:toolarge -t devices/x/telemetry -f "$work/large"
	reason 'no such Thing (0x83)' 'Implementation specific error' things:thing.notfound -t ditto/org.acme/nobody/things/twin/commands/delete -m '{"path":"/"}'
	check '5: a subscription that is refused' 'All subscription requests were denied.' \
		"$(mosquitto_sub -V 5 -W 10 -t 'twin/#' 2>&1)"
	check '311: a subscription that is refused' 'All subscription requests were denied.' \
		"$(mosquitto_sub -V 311 -W 10 -t 'twin/#' 2>&1)"
	check '5: a will that is refused' 'Connection error: Not authorized' \
		"$(mosquitto_sub -V 5 -W 10 -t x --will-topic '$SYS/x' --will-payload x 2>&1)"
	check '311: a will that is refused' 'Connection error: Connection Refused: not authorised.' \
		"$(mosquitto_sub -V 311 -W 10 -t x --will-topic '$SYS/x' --will-payload x 2>&1)"
}

# not_let_in: a broker with a configuration that lets nobody in.
not_let_in() {
	echo 'log: {level: warn}' >closed.yaml
	start closed 'exec bin/twinbroker serve -c closed.yaml --data-dir closed --listen tcp://127.0.0.1:18833 --http off'
	eventually has_printed closed 'twinbroker ready …'
	check '5: no anonymous clients' 'Connection error: Not authorized' \
		"$(mosquitto_sub -V 5 -p 18833 -t x -W 10 2>&1)"
	check '311: no anonymous clients' 'Connection error: Connection Refused: not authorised.' \
		"$(mosquitto_sub -V 311 -p 18833 -t x -W 10 2>&1)"
	stop closed TERM
}

# bridges: mosquitto itself as a bridge, with its default version, which it finds
# out by trying, and with 5. Devices stay where they are; twins are here.
bridges() {
	local before version port
	before=$(metric twinbroker_subscriptions)
	for version in 311 50; do
		cat >"$work/bridge.$version" <<-CONF
			user root
			listener 18${version/50/850} 127.0.0.1
			allow_anonymous true
			connection up-$version
			address 127.0.0.1:1883
			restart_timeout 1
			topic devices/# out 1
			topic ditto/+/+/things/twin/events/# in 1
		CONF
		[ $version = 311 ] || echo 'bridge_protocol_version mqttv50' >>"$work/bridge.$version"
		start "bridge$version" "PATH=\$PATH:/usr/sbin exec mosquitto -c $work/bridge.$version"
	done
	if ! eventually subscribed $((before + 2)); then
		bad 'bridges of mosquitto connect' 'two more subscriptions' "$(cat "$(log_of bridge311)" "$(log_of bridge50)")"
	fi
	for version in 311 50; do
		port=18${version/50/850}
		start s "exec stdbuf -oL mosquitto_sub -W 20 -d -p $port -q 1 -t 'ditto/org.acme/far-$version/#' -C 1 -F 'got %t'"
		eventually has_printed s 'Subscribed …'
		mosquitto_pub -p "$port" -q 1 -t "devices/far-$version/telemetry" -m '{"temp": 1}'
		ended s
		check "a bridge of mosquitto, version $version: telemetry out, events in" \
			"got ditto/org.acme/far-$version/things/twin/events/created" "$(grep '^got' "$(log_of s)")"
		check "a bridge of mosquitto, version $version: it tells its state" '$SYS/broker/connection/…/state 1' \
			"$(mosquitto_sub -v -C 1 -W 10 -t "\$SYS/broker/connection/$(uname -n).up-$version/state")"
		stop "bridge$version" TERM
	done
}

# encrypted: TLS, with a certificate that Go's own tool makes.
encrypted() {
	go run "$(go env GOROOT)/src/crypto/tls/generate_cert.go" --ca --host localhost,127.0.0.1 >/dev/null 2>&1
	cat >tls.yaml <<-'YAML'
		auth: {anonymous: ["anonymous:local"]}
		listeners:
		  - {address: "tls://127.0.0.1:18883", tls: {cert: cert.pem, key: key.pem}}
	YAML
	start tls 'exec bin/twinbroker serve -c tls.yaml --data-dir encrypted --http off'
	eventually has_printed tls 'twinbroker ready …'
	local version
	for version in 311 5; do
		check "$version: TLS" '$SYS/broker/version' \
			"$(mosquitto_sub -V $version -h localhost -p 18883 --cafile cert.pem -W 10 -t '$SYS/broker/version' -C 1 -F %t 2>&1)"
	done
	check 'TLS: the built-in client' 'created org.acme:tls' \
		"$(bin/twinbroker things --url mqtts://localhost:18883 --ca cert.pem put org.acme:tls '{}' 2>&1)"
	stop tls TERM
}

# credentials: users of mosquitto_passwd, certificates of openssl.
credentials() {
	local version
	local -a certificate=(openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2)
	{
		"${certificate[@]}" -subj /CN=Acme -keyout ca.key -out ca.crt
		"${certificate[@]}" -CA ca.crt -CAkey ca.key -subj /CN=broker -addext subjectAltName=DNS:localhost -addext basicConstraints=critical,CA:FALSE -keyout server.key -out server.crt
		"${certificate[@]}" -CA ca.crt -CAkey ca.key -subj /CN=gw-7 -addext basicConstraints=critical,CA:FALSE -keyout gw.key -out gw.crt
		"${certificate[@]}" -subj /CN=gw-7 -keyout other.key -out other.crt
		mosquitto_passwd -c -b users.passwd bob bobs
		mosquitto_passwd -H sha512 -b users.passwd old olds
	} >"$work/credentials" 2>&1 || bad 'files for credentials' '' "$(<"$work/credentials")"
	echo anns | bin/twinbroker passwd users.passwd ann --group operators >/dev/null
	cat >credentials.yaml <<-'YAML'
		auth:
		  users_file: users.passwd
		  certificates: {subjects: ["cert:{{ cert:cn }}"]}
		listeners:
		  - address: tls://127.0.0.1:18884
		    tls: {cert: server.crt, key: server.key, client_ca: ca.crt, client_auth: request}
	YAML
	start credentials 'exec bin/twinbroker serve -c credentials.yaml --data-dir credentials --http off'
	eventually has_printed credentials 'twinbroker ready …'
	local -a to=(-h localhost -p 18884 --cafile ca.crt -W 10)
	for version in 311 5; do
		for user in bob:bobs old:olds ann:anns; do
			check "$version: $user is let in" '' "$(mosquitto_pub -V $version "${to[@]:0:6}" -u "${user%:*}" -P "${user#*:}" -q 1 -t "ditto/org.acme/${user%:*}-$version/things/twin/commands/create" -m '{"path": "/", "value": {}}' 2>&1)"
		done
		check "$version: a certificate is let in" '' "$(mosquitto_pub -V $version "${to[@]:0:6}" --cert gw.crt --key gw.key -q 1 -t "ditto/org.acme/gw-$version/things/twin/commands/create" -m '{"path": "/", "value": {}}' 2>&1)"
		check "$version: a certificate of nobody's is not" refused \
			"$(mosquitto_pub -V $version "${to[@]:0:6}" --cert other.crt --key other.key -t a -m b >/dev/null 2>&1 || echo refused)"
	done
	check '5: a wrong password' 'Connection error: Bad User Name or Password' "$(mosquitto_sub -V 5 "${to[@]}" -u bob -P x -t a 2>&1)"
	check '311: a wrong password' 'Connection error: Connection Refused: bad user name or password.' "$(mosquitto_sub -V 311 "${to[@]}" -u bob -P x -t a 2>&1)"
	check '5: nothing' 'Connection error: Not authorized' "$(mosquitto_sub -V 5 "${to[@]}" -t a 2>&1)"
	stop credentials TERM
	bin/twinbroker store export --data-dir credentials 2>/dev/null >"$work/made"
	check 'all of them have made a Thing' 8 "$(grep -c '"thingId"' "$work/made")"
}
