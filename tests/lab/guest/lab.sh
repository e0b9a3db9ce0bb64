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
	cut -d' ' -f1 /proc/uptime
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

driver() {
	[ -e "$(pci "$1")/driver" ] && basename "$(readlink "$(pci "$1")/driver")" || echo none
}

override() {
	cat "$(pci "$1")/driver_override"
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
