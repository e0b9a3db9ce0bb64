# run: from a driver's device to a guest that has it behind a root port, and back; killed in the middle, recover restores.
#: tree one
#: module nvidia
#: module kvm_amd
#: inner yes
#: bzimage yes
#: seconds 900
#: cpus 2

export HAPPYPATH_CACHE=/tmp/cache
gpu=$(gpu 10de:2330)

# guest: the root of the inner guest, whose init tells of the device and stays if its command line says so.
guest() {
	mkdir -p /tmp/guest/bin /tmp/guest/sys /tmp/guest/proc
	cp /bin/busybox /tmp/guest/bin/
	cat >/tmp/guest/init <<'END'
#!/bin/busybox sh
/bin/busybox --install -s /bin
mount -t sysfs none /sys
mount -t proc none /proc
for d in /sys/bus/pci/devices/*; do
	above=$(basename "$(dirname "$(readlink -f "$d")")")
	echo "guest: $(cat "$d/vendor") $(cat "$d/device") below $above $(cat "/sys/bus/pci/devices/$above/class" 2>/dev/null)"
done
echo "guest: told"
grep -q stay /proc/cmdline && sleep 100000
poweroff -f
END
	chmod +x /tmp/guest/init
	(cd /tmp/guest && find . | cpio -o -H newc >/tmp/guest.cpio 2>/dev/null)
}

start_guest() {
	more=$1
	shift
	happypath run --gpu "$gpu" --kernel /boot/vmlinuz --initrd /tmp/guest.cpio --guest-memory 256M --cpus 1 \
		--append "console=ttyS0 panic=-1 $more" "$@"
}

# shows TEXT: the guest's console does, in time.
shows() {
	for _ in $(seq 3000); do
		grep -q -- "$1" /tmp/out && return
		sleep 0.1
	done
	cat /tmp/out /tmp/said
	fail "the guest does not say '$1': $(tail -n 3 /tmp/said | tr '\n' ' ')"
}

# until_gone PID: waits for its end.
until_gone() {
	for _ in $(seq 600); do
		kill -0 "$1" 2>/dev/null || return
		sleep 0.1
	done
	fail "process $1 lives on"
}

start=$(now)
guest
snapshot before
run 3 start_guest ""
said "--apply"
is "driver, where nobody asked for --apply" "$(driver "$gpu")" nvidia
run 0 start_guest "" --apply --yes --dry-run
is "driver after a rehearsal" "$(driver "$gpu")" nvidia

run 0 start_guest "" --apply --yes
cat /tmp/out /tmp/said
said "guest: 0x10de 0x2330 below 0000:00:02.0 0x060400"
said "entered by PVH, without KASLR"
for stage in bound pinned BARs devices kernel init ended; do
	said "s  $stage"
done
is "driver after the guest" "$(driver "$gpu")" nvidia
snapshot after
same before after "run"
whole=$(since "$start")

start_guest "quiet stay" --apply --yes >/tmp/out 2>/tmp/said &
shows "guest: told"
is "driver while the guest runs" "$(driver "$gpu")" vfio-pci
pid=$(pidof happypath) # of the program, not of the shell that runs the function
qemu=$(pidof qemu-system-x86_64)
is "whose child QEMU is" "$(awk '$1 == "PPid:" { print $2 }' "/proc/$qemu/status")" "$pid"
is "the children of happypath" "$(cat "/proc/$pid/task/$pid/children")" "$qemu "
kill -KILL $pid
until_gone "$qemu"
is "driver after the kill" "$(driver "$gpu")" vfio-pci
run 0 happypath recover
is "driver after recover" "$(driver "$gpu")" nvidia
snapshot recovered
same before recovered "kill and recover"
run 0 happypath recover
said "nothing to recover"
ok "nvidia, a guest with the H100 below a root port, and back in $whole s; killed and recovered: $(records before) records equal"
