# The file system of the journal as it is at every flush of an apply and its undo: the journal parses, recover puts all right.
#: tree one
#: module nvidia
#: module dm-log-writes
#: module loop
#: program dmsetup sbin/dmsetup
#: program e2fsprogs sbin/mke2fs
#: source replay.c
#: seconds 900

gpu=$(gpu 10de:2330)
pages=/sys/devices/system/node/node1/hugepages/hugepages-2048kB/nr_hugepages
state=/var/lib/happypath
mkdir -p $state /dev/shm/lab
export DM_DISABLE_UDEV=1 # nobody else makes /dev/mapper/journal
cd /dev/shm/lab || exit 1

quick() {
	echo "$(driver "$gpu") $(override "$gpu") $(cat $pages)"
}

# The writes of an apply and its undo, logged by the kernel as they reach the disk.
record() {
	truncate -s 16M disk master && truncate -s 64M log
	losetup /dev/loop0 disk && losetup /dev/loop1 log || fail losetup
	expect "no dm-log-writes" dmsetup create journal --table "0 32768 log-writes /dev/loop0 /dev/loop1"
	expect mke2fs mke2fs -q -t ext4 /dev/mapper/journal
	mount -t ext4 /dev/mapper/journal $state || fail "the journal's file system is not mounted"
	sync
	dmsetup message journal 0 mark begin
	plan "$(step hugepages node1:2048kB '{"pages": 0}' '{"pages": 8}')" \
		"$(step module vfio_pci '{"loaded": false, "with": []}' '{"loaded": true, "with": []}')" \
		"$(step driver "$gpu" '{"driver": "nvidia", "override": null}' '{"driver": "vfio-pci", "override": "vfio-pci"}')" \
		>/tmp/plan.json
	run 0 happypath apply --yes /tmp/plan.json
	after=$(quick)
	run 0 happypath undo
	is "state after undo" "$(quick)" "$before"
	umount $state && dmsetup remove journal && losetup -d /dev/loop0 && losetup -d /dev/loop1 || fail umount
}

# booted: a host of whose state nothing is left but the journal: what does not last is as before, and the boot is another.
booted() {
	cp master work
	mount -t ext4 -o loop work $state || fail "flush $flush: the file system cannot be mounted"
	cat /proc/sys/kernel/random/uuid >/tmp/boot
}

check() {
	run 0 happypath history
	run 0 happypath recover --boot
	now=$(quick)
	case $now in
	"$before") backs=$((backs + 1)) ;;
	"$after") run 0 happypath undo ;;
	*) fail "flush $flush: between: $now" ;;
	esac
	is "flush $flush: undone" "$(quick)" "$before"
	run 0 happypath history
	grep -q ' open ' /tmp/out && fail "flush $flush: a transaction is left open: $(cat /tmp/out)"
	umount $state
}

before=$(quick) flush=0 backs=0
record
cat /proc/sys/kernel/random/uuid >/tmp/boot
mount --bind /tmp/boot /proc/sys/kernel/random/boot_id
at=0 mark=$(replay log mark begin) || fail "the log has no mark"
while at=$(replay log master $at) && [ "$at" != end ]; do
	[ "$at" -gt "$mark" ] || continue
	flush=$((flush + 1))
	booted
	check
done
[ $flush -gt 20 ] || fail "only $flush flushes"
ok "$flush flushes of an apply and its undo: $backs came up as before, $((flush - backs)) as after and were undone"
