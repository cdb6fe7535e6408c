package topics

// Overlap says whether some topic name matches both filters, which must be
// valid and without a share prefix.
func Overlap(a, b string) bool {
	if hiddenFrom(a, b) || hiddenFrom(b, a) {
		return false
	}
	for {
		levelA, restA, lastA := cut(a)
		levelB, restB, lastB := cut(b)
		if levelA == "#" || levelB == "#" {
			return true
		}
		if levelA != levelB && levelA != "+" && levelB != "+" {
			return false
		}
		switch {
		case lastA && lastB:
			return true
		case lastA:
			return restB == "#" // "a/#" matches "a" too
		case lastB:
			return restA == "#"
		}
		a, b = restA, restB
	}
}

// Covers says whether every topic name that the filter matches is matched by
// wide, too. Both must be valid and without a share prefix. Of two filters that
// match the same names in a roundabout way, such as "#" and "+/#", it may say no.
func Covers(wide, filter string) bool {
	if hiddenFrom(wide, filter) {
		return false
	}
	for {
		levelW, restW, lastW := cut(wide)
		level, rest, last := cut(filter)
		if levelW == "#" {
			return true
		}
		if level == "#" || levelW != "+" && levelW != level {
			return false
		}
		switch {
		case lastW && last:
			return true
		case lastW:
			return false
		case last:
			return restW == "#"
		}
		wide, filter = restW, rest
	}
}

// hiddenFrom says whether the filter's names begin with $ and wide, which begins
// with a wildcard, so does not match them (MQTT 5.0 section 4.7.2).
func hiddenFrom(wide, filter string) bool {
	return filter[0] == '$' && (wide[0] == '+' || wide[0] == '#')
}
