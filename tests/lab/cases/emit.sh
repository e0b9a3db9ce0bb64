# What emit writes for QEMU starts with its devices realized; one boots Linux on nested KVM, behind a root port.
#: tree handover
#: module nvidia managed_dma=1
#: seconds 500
#: module nvidia-vgpu-vfio vgpu=mdev
#: module vfio-pci
#: module kvm_amd
#: inner yes
#: kernel yes

bind() {
	for d in "$@"; do
		[ "$(driver "$d")" = none ] || echo "$d" >"$(pci "$d")/driver/unbind"
		echo vfio-pci >"$(pci "$d")/driver_override"
		echo "$d" >/sys/bus/pci/drivers_probe
		is "driver of $d" "$(driver "$d")" vfio-pci
	done
}

# guest FORMAT OPTION…: the command that is emitted, in /tmp/guest, taking further arguments.
guest() {
	format=$1
	shift
	run 0 happypath emit "$format" --guest-memory 64M --name "it's, a guest" "$@"
	cat /tmp/said
	cp /tmp/out /tmp/guest
	case $format in
	*:readconfig)
		cp /tmp/out /tmp/guest.cfg
		sed -n 's/^# //p' /tmp/out | sed 's|THIS-FILE|/tmp/guest.cfg|' >/tmp/guest
		;;
	esac
	sed -i '$ s/$/ "$@"/' /tmp/guest
	cat /tmp/guest
}

# ask PROPERTY OF: a question for QEMU's monitor.
ask() {
	printf '{"execute":"qom-get","arguments":{"path":"/machine/peripheral/%s","property":"%s"}}\n' "$2" "$1"
}

# realized DEVICE…: QEMU starts the guest without running it, and says of each that it is there, behind its port.
realized() {
	rm -f /tmp/qmp.in /tmp/qmp.out
	mkfifo /tmp/qmp.in /tmp/qmp.out
	sh /tmp/guest -S -chardev pipe,id=qmp,path=/tmp/qmp -mon chardev=qmp,mode=control >/tmp/qemu.said 2>&1 </dev/null &
	qemu=$!
	cat /tmp/qmp.out >/tmp/qmp.log &
	{
		echo '{"execute":"qmp_capabilities"}'
		echo '{"execute":"query-name"}'
		for d in "$@"; do
			ask realized "$d"
			ask parent_bus "$d"
		done
		echo '{"execute":"quit"}'
	} >/tmp/qmp.in &
	wait "$qemu" || {
		cat /tmp/qemu.said
		fail "QEMU does not start: $(tail -n 2 /tmp/qemu.said | tr '\n' ' ')"
	}
	grep -q "it's, a guest" /tmp/qmp.log || fail "the name did not come through: $(cat /tmp/qmp.log)"
	is "devices of $* realized" "$(grep -c '"return": true' /tmp/qmp.log)" $#
	for d in "$@"; do
		grep -q "\"return\": \"/machine/peripheral/port[0-9]*/" /tmp/qmp.log || fail "$d is behind no root port"
	done
	started=$((started + 1))
	echo "$* after $(since "$start") s"
}

# keys OPTION DRIVER: what this QEMU knows.
keys() {
	[ -f "/tmp/keys.$2" ] || qemu-system-x86_64 "-$1" "$2,help" >"/tmp/keys.$2" 2>&1
	sed -n 's/^ *\([a-z0-9-]*\)=<.*/\1/p' "/tmp/keys.$2"
}

# foreign: what of the guest's devices and objects this QEMU's option list has not.
foreign() {
	sed -n 's/^\t-\(device\|object\) \([^ ]*\).*/\1 \2/p' /tmp/guest | while read -r option words; do
		name=${words%%,*}
		known=$(keys "$option" "$name")
		[ -n "$known" ] || echo "$name"
		for word in $(echo "${words#*,}" | tr ',' ' '); do
			key=${word%%=*}
			[ "$key" = id ] || [ "$key" = bus ] || [ -z "$known" ] || echo "$known" | grep -qx -- "$key" || echo "$name.$key"
		done
	done | sort -u | tr '\n' ' '
}

start=$(now)
started=0
board=$(gpu 10de:2204) sound=$(gpu 10de:1aef) v100=$(gpu 10de:1db4) l40s=$(gpu 10de:26b9) mi300x=$(gpu 1002:74a1)
# shellcheck disable=SC2046 # two words
set -- $(gpus 10de:2330)
first=$1 second=$2
bind "$first" "$second" "$board" "$sound" "$mi300x"

guest qemu --gpu "$first"
realized gpu0
is "options that QEMU does not know" "$(foreign)" ""
guest qemu:readconfig --share whole --gpu "$mi300x" --gpu "$second"
realized gpu0 gpu1

# Two below one switch are told that they are; firmware and a disk need not be there to be opened.
mkdir -p /usr/share/OVMF
dd if=/dev/zero of=/usr/share/OVMF/OVMF_CODE_4M.fd bs=1M count=2
dd if=/dev/zero of="/tmp/a,disk's" bs=1M count=1
echo 40 >/proc/sys/vm/nr_hugepages
guest qemu --gpu "$first" --gpu "$second" --image "/tmp/a,disk's"
is "cliques" "$(grep -c 'x-nv-gpudirect-clique=0' /tmp/guest)" 2
is "huge pages" "$(grep -c 'hugetlb=on,hugetlbsize=2M' /tmp/guest)" 1
realized gpu0 gpu1
echo 0 >/proc/sys/vm/nr_hugepages

guest qemu --gpu "$board"
realized gpu0 gpu0-1

# vGPUs: mediated, and a VF that stays with its driver.
uuid=83b8f4f2-509f-882f-bc1e-e6bfe0fa1000
echo $uuid >"$(pci "$v100")/mdev_supported_types/nvidia-742/create"
guest qemu --gpu "$v100" --to qemu-vgpu
grep -q "sysfsdev=/sys/bus/mdev/devices/$uuid" /tmp/guest || fail "not the mdev that is there"
grep -q -- '-uuid' /tmp/guest || fail "no -uuid for the vGPU manager"
realized gpu0
echo 1 >/sys/bus/mdev/devices/$uuid/remove
rmmod nvidia_vgpu_vfio
modprobe nvidia-vgpu-vfio vgpu=vfio
echo 2 >"$(pci "$l40s")/sriov_numvfs"
vf=$(basename "$(readlink "$(pci "$l40s")/virtfn1")")
echo 743 >"$(pci "$vf")/nvidia/current_vgpu_type"
guest qemu --gpu "$l40s" --to qemu-vgpu
grep -q "host=$vf" /tmp/guest || fail "not the VF that has a type"
realized gpu0
is "driver of the VF" "$(driver "$vf")" nvidia

# What cannot run here: only what is newer than this QEMU may be missing in its option list.
guest qemu --root / --gpu "$first" --assume vmm=qemu@9.2 --iommufd on
unknown=$(foreign)
is "options of QEMU 9.0" "$unknown" "iommufd vfio-pci.iommufd "
tried=$(since "$start")

# Linux, by PVH on nested KVM.
mkdir -p /tmp/inner/bin /tmp/inner/sys
cp /bin/busybox /tmp/inner/bin/
cat >/tmp/inner/init <<'END'
#!/bin/busybox sh
/bin/busybox mount -t sysfs none /sys
for d in /sys/bus/pci/devices/*; do
	/bin/busybox readlink -f $d
	/bin/busybox cat $d/vendor $d/class
	/bin/busybox head -n 3 $d/resource
done
/bin/busybox poweroff -f
END
chmod +x /tmp/inner/init
(cd /tmp/inner && find . | cpio -o -H newc >/tmp/inner.cpio)
run 0 happypath emit qemu --gpu "$first" --guest-memory 256M --cpus 1 --kernel /lab/vmlinux --initrd /tmp/inner.cpio \
	--append 'console=ttyS0 panic=-1 quiet'
booting=$(now)
timeout 300 sh /tmp/out >/tmp/console 2>&1 </dev/null || fail "the guest does not end: $(tail -n 3 /tmp/console)"
cat /tmp/console
tr -d '\r' </tmp/console | grep -A 5 '/0000:00:02.0/0000:01:00.0' >/tmp/seen || fail "no GPU behind a root port: $(tail -n 3 /tmp/console)"
grep -q 0x10de /tmp/seen || fail "it is not NVIDIA's: $(cat /tmp/seen)"
awk '/^0x[0-9a-f]+ 0x/ && $2 != "0x0000000000000000" { n++ } END { exit n < 2 }' /tmp/seen || fail "BARs without an address: $(cat /tmp/seen)"
ok "$started guests with their devices realized in $tried s; not runnable here, against the option list: 1 (${unknown% }); Linux on nested KVM in $(since "$booting") s, the GPU behind a root port"
