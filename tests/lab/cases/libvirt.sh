# libvirt defines and starts what emit writes for it: the devices realized behind root ports, taken from their driver and given back.
#: tree handover
#: module nvidia managed_dma=1
#: module nvidia-vgpu-vfio vgpu=mdev
#: module vfio-pci
#: module kvm_amd
#: inner yes
#: kernel yes
#: seconds 600
#: program bash bin/bash
#: program udev bin/udevadm
#: program libvirt0 usr/share/libvirt/cpu_map
#: program libvirt-clients usr/bin/virsh
#: program libvirt-daemon usr/sbin/libvirtd
#: program libvirt-daemon usr/lib/x86_64-linux-gnu/libvirt/connection-driver/libvirt_driver_nodedev.so
#: program libvirt-daemon-driver-qemu usr/lib/x86_64-linux-gnu/libvirt/connection-driver/libvirt_driver_qemu.so

# No systemd, no cgroups and no virtlogd are here: libvirt is told to do without.
start_libvirt() {
	mkdir -p /run/udev /etc/libvirt /var/lib/libvirt /var/log /var/cache
	[ -e /var/run ] || ln -s ../run /var/run
	ln -s /bin/udevadm /sbin/systemd-udevd
	systemd-udevd --daemon
	udevadm trigger
	udevadm settle
	echo 'libvirt-qemu:x:64055:64055::/:/bin/sh' >>/etc/passwd
	printf 'libvirt-qemu:x:64055:\nkvm:x:104:\n' >>/etc/group
	echo 'auth_unix_rw = "none"' >/etc/libvirt/libvirtd.conf
	printf '%s\n' 'user = "root"' 'group = "root"' 'dynamic_ownership = 0' 'security_driver = "none"' \
		'cgroup_controllers = []' 'namespaces = []' 'stdio_handler = "file"' >/etc/libvirt/qemu.conf
	/usr/sbin/libvirtd >/tmp/libvirtd 2>&1 &
	appears /run/libvirt/libvirt-sock
}

told() {
	cat /tmp/said
	tail -n 20 /tmp/libvirtd /var/log/libvirt/qemu/*.log
}

# on NAME COMMAND: what QEMU's monitor answers.
on() {
	virsh qemu-monitor-command "$1" "$2" 2>/tmp/said || {
		told
		fail "$1: $2"
	}
}

property() {
	on guest "{\"execute\":\"qom-get\",\"arguments\":{\"path\":\"/machine/peripheral/$1\",\"property\":\"$2\"}}"
}

# domain DEVICE… -- OPTION…: libvirt makes arguments of the emitted XML, and starts it; QEMU has each device behind a port.
domain() {
	devices=
	while [ "$1" != -- ]; do
		devices="$devices $1"
		shift
	done
	shift
	run 0 happypath emit libvirt --guest-memory 64M --name guest --cpus 1 --kernel /lab/vmlinux "$@"
	cp /tmp/out /tmp/guest.xml
	# What it does by default, this command has to be told.
	sed 's|\(<hostdev [^>]*type="pci"[^>]*>\)|\1<driver name="vfio"/>|' /tmp/guest.xml >/tmp/native.xml
	virsh domxml-to-native qemu-argv --xml /tmp/native.xml >/tmp/native 2>/tmp/said || {
		cat /tmp/guest.xml
		told
		fail "domxml-to-native: $(cat /tmp/said)"
	}
	virsh create --paused /tmp/guest.xml >/tmp/out 2>/tmp/said || {
		cat /tmp/guest.xml
		told
		fail "libvirt does not start it: $(tail -n 2 /tmp/said | tr '\n' ' ')"
	}
	for d in $devices; do
		grep -q "\"id\":\"$d\"" /tmp/native || fail "$d is not in libvirt's arguments: $(cat /tmp/native)"
		property "$d" realized | grep -q '"return":true' || fail "$d is not realized"
		property "$d" parent_bus | grep -q '/machine/peripheral/pci\.[0-9]' || fail "$d is behind no root port: $(property "$d" parent_bus)"
		count=$((count + 1))
	done
	guests=$((guests + 1))
	echo "$devices after $(since "$start") s"
}

gone() {
	expect "destroy" virsh destroy guest
}

start=$(now) guests=0 count=0
v100=$(gpu 10de:1db4) l40s=$(gpu 10de:26b9)
# shellcheck disable=SC2046 # two words
set -- $(gpus 10de:2330)
start_libvirt
domain ua-gpu0 ua-gpu1 -- --gpu "$1" --gpu "$2"
is "driver while the guest has it" "$(driver "$1") $(driver "$2")" "vfio-pci vfio-pci"
gone
is "driver when the guest is gone" "$(driver "$1") $(driver "$2")" "nvidia nvidia"

uuid=83b8f4f2-509f-882f-bc1e-e6bfe0fa1000
echo $uuid >"$(pci "$v100")/mdev_supported_types/nvidia-742/create"
domain ua-gpu0 -- --gpu "$v100" --to qemu-vgpu
gone
[ -e /sys/bus/mdev/devices/$uuid ] || fail "libvirt removed the mdev"
echo 1 >/sys/bus/mdev/devices/$uuid/remove
rmmod nvidia_vgpu_vfio
modprobe nvidia-vgpu-vfio vgpu=vfio
echo 2 >"$(pci "$l40s")/sriov_numvfs"
vf=$(basename "$(readlink "$(pci "$l40s")/virtfn1")")
echo 743 >"$(pci "$vf")/nvidia/current_vgpu_type"
# This libvirt, 9.0, is older than what takes a VF that stays with its vendor's driver: emit says so, and libvirt too.
run 0 happypath emit libvirt --name guest --kernel /lab/vmlinux --gpu "$l40s" --to qemu-vgpu
said "libvirt takes such a VF since 9.7.0"
cp /tmp/out /tmp/guest.xml
run 1 virsh create --paused /tmp/guest.xml
said "Unmanaged PCI device $vf must be manually detached"
is "driver of the VF" "$(driver "$vf")" nvidia
ok "$guests domains started by libvirt, $count devices realized behind root ports, in $(since "$start") s; a VF that stays" \
	"with its driver refused by a libvirt older than 9.7, as emit says"
