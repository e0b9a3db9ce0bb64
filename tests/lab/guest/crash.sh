# What the crash tests share. Before it is read: `quick` tells in a line what the steps of /tmp/plan.json own.
# SPDX-License-Identifier: Apache-2.0

apply() {
	happypath apply --yes /tmp/plan.json
}

crashing() {
	rm -f /tmp/counts*
	CRASH_COUNTS=/tmp/counts CRASH_WHO=$who CRASH_AT=$n LD_PRELOAD=/lab/killer.so "$@" >/tmp/out 2>/tmp/said
}

# settle: after the kill recover comes first, then the host is as before or as after.
settle() {
	at="$verb killed at call $n of the $who"
	happypath recover --wait 30 >/tmp/out 2>/tmp/said || {
		cat /tmp/out /tmp/said
		fail "$at: recover exited $?: $(tail -c 300 /tmp/said)"
	}
	state=$(quick)
	echo "$(now) $at: $state" >&2
	[ "$state" = "$before" ] || [ "$state" = "$after" ] || fail "$at: between: $state"
	snapshot now
	if [ "$state" = "$before" ]; then
		same before now "$at"
		backs=$((backs + 1))
	else
		same applied now "$at"
	fi
}

# there WANTED: brings the host to where the verb starts.
there() {
	[ "$(quick)" = "$1" ] && return
	case $1 in
	"$before") run 0 happypath undo ;;
	*) run 0 apply ;;
	esac
	[ "$(quick)" = "$1" ] || fail "cannot get to '$1' from '$(quick)'"
}

enumerate() {
	verb=$1 who=$2 from=$3 n=0
	shift 3
	while :; do
		n=$((n + 1))
		there "$from"
		crashing "$@"
		[ -e /tmp/counts.fired ] || break
		settle
	done
	echo "$verb, $who: $((n - 1)) points"
	points="$points $verb/$who $((n - 1)),"
	total=$((total + n - 1))
}

# crash_everywhere VERB…: walks there, and is killed at every point of each verb. Says how many there were.
crash_everywhere() {
	start=$(now)
	snapshot before
	before=$(quick)
	run 0 apply
	snapshot applied
	after=$(quick)
	[ "$before" != "$after" ] || fail "apply changes nothing that is looked at: $before"
	for verb in "$@"; do
		for who in parent child; do
			case $verb in
			apply) enumerate apply $who "$before" happypath apply --yes /tmp/plan.json ;;
			undo) enumerate undo $who "$after" happypath undo ;;
			esac
		done
	done
	ok "$total points ($points $backs back at before) in $(since "$start") s"
}
