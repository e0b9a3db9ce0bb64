# What the steps of lab tests share. A test ends with ok or fail; both end the script. What it writes to its output
# reaches the test's data.log. SPDX-License-Identifier: Apache-2.0

ok() {
	echo "LAB-OK $*"
	exit 0
}

fail() {
	echo "LAB-FAIL $*"
	exit 1
}

# expect WHAT COMMAND…: the test fails where the command does.
expect() {
	what=$1
	shift
	"$@" || fail "$what"
}

# is WHAT GOT WANTED
is() {
	[ "$2" = "$3" ] || fail "$1: '$2' instead of '$3'"
}

now() {
	read -r up _ </proc/uptime
	echo "$up"
}

# since START: seconds passed.
since() {
	awk -v a="$1" -v b="$(now)" 'BEGIN { printf "%.1f", b - a }'
}

# appears PATH: waits for it.
appears() {
	for _ in $(seq 100); do
		[ -e "$1" ] && return
		sleep 0.1
	done
	fail "$1 does not appear"
}

pci() {
	echo "/sys/bus/pci/devices/$1"
}

# gpus VENDOR:DEVICE: the addresses of all such functions, in order.
gpus() {
	for d in /sys/bus/pci/devices/*; do
		[ "$(cat "$d/vendor"):$(cat "$d/device")" = "0x${1%:*}:0x${1#*:}" ] && echo "${d##*/}"
	done
}

gpu() {
	gpus "$1" | head -n 1
}

# Both are asked a hundred times by some tests, and under emulation each process that a shell starts is felt.
driver() {
	bound=$(readlink "/sys/bus/pci/devices/$1/driver") || bound=none
	echo "${bound##*/}"
}

override() {
	read -r name <"/sys/bus/pci/devices/$1/driver_override"
	echo "$name"
}

# realize DEVICE: an inner QEMU attaches it by VFIO, as host=BDF or sysfsdev=PATH, and says which ids it came by.
realize() {
	printf '%s\n' '{"execute":"qmp_capabilities"}' '{"execute":"query-pci"}' '{"execute":"quit"}' |
		qemu-system-x86_64 -accel tcg -M q35 -nodefaults -no-user-config -display none -vga none -S -m 64 \
			-device "vfio-pci,$1,bus=pcie.0" -qmp stdio >/tmp/qmp 2>/tmp/qmp.errors || {
		cat /tmp/qmp.errors
		return 1
	}
	# the function that is none of the chipset's: Intel's 0x8086 are those
	tr '{' '\n' </tmp/qmp | awk -F'[:,}]' '/"device": / && /"vendor"/ {
		for (i = 1; i < NF; i++) { if ($i ~ /"device"/) d = $(i + 1); if ($i ~ /"vendor"/) v = $(i + 1) }
		if (v != 32902) printf "%04x:%04x\n", v, d }'
}

# snapshot NAME: a capture of this host, and the part of it that must come back when a change is undone. As it is: what
# redaction takes out could not be compared.
snapshot() {
	happypath capture --no-redact >"/tmp/$1" 2>/tmp/said || fail "capture: $(cat /tmp/said)"
	sed -n '/^\[state\]$/,/^\[incidental\]$/p' "/tmp/$1" >"/tmp/$1.state"
	[ "$(wc -l <"/tmp/$1.state")" -gt 100 ] || fail "the capture has next to no state"
}

# same A B WHEN: the state of two snapshots is equal byte for byte.
same() {
	cmp -s "/tmp/$1.state" "/tmp/$2.state" && return
	diff "/tmp/$1.state" "/tmp/$2.state" | head -n 40
	fail "$3: the captures differ: $(diff -u "/tmp/$1.state" "/tmp/$2.state" | grep '^[-+][^-+]' | head -n 3 | tr '\n' ' ')"
}

records() {
	grep -c '^[a-z]' "/tmp/$1.state"
}

# run CODE COMMAND…: the command exits so; what it said is in /tmp/out and /tmp/said.
run() {
	wanted=$1
	shift
	"$@" >/tmp/out 2>/tmp/said
	got=$?
	[ $got = "$wanted" ] || {
		cat /tmp/out /tmp/said
		fail "$* exited $got instead of $wanted: $(tr '\n' ' ' </tmp/said | tail -c 600)"
	}
}

# said TEXT: the last command said so.
said() {
	grep -q -- "$1" /tmp/out /tmp/said || {
		cat /tmp/out /tmp/said
		fail "it does not say '$1' but: $(tr '\n' ' ' </tmp/said | tail -c 400)"
	}
}

# plan STEP…: a plan file of steps.
plan() {
	printf '{"schema": "happypath.plan/1", "steps": ['
	for s in "$@"; do
		printf '%s%s' "$comma" "$s"
		comma=', '
	done
	comma=
	echo ']}'
}

# step KIND SUBJECT BEFORE AFTER: one step of a plan, states being JSON.
step() {
	printf '{"kind": "%s", "subject": "%s", "before": %s, "after": %s, "why": "asked for"}' "$@"
}

# to_vfio BDF: a plan of the move to vfio-pci alone, made by hand: for what a plan by happypath would not even try.
to_vfio() {
	case $(driver "$1") in
	none) bound=null ;;
	*) bound="\"$(driver "$1")\"" ;;
	esac
	plan "$(step module vfio_pci '{"loaded": false, "with": []}' '{"loaded": true, "with": []}')" \
		"$(step driver "$1" "{\"driver\": $bound, \"override\": null}" '{"driver": "vfio-pci", "override": "vfio-pci"}')"
}

# install_happypath: onto the disk of a virtual host, as a package would, its unit enabled.
install_happypath() {
	cp -r /run/lab/usr/. /usr/ && systemctl -q enable happypath-recover.service || fail "happypath is not installed"
}

# recovered: the unit ran at this boot, and ended well.
recovered() {
	result=$(systemctl show -P Result happypath-recover.service)
	[ "$result $(systemctl is-active happypath-recover.service)" = "success active" ] && return
	journalctl -b -u happypath-recover.service --no-pager
	fail "happypath-recover.service: $result"
}

modules() {
	lsmod | awk 'NR > 1 { print $1 }' | sort
}
