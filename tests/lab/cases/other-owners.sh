# What driverctl, mdevctl and libvirt set is known as theirs, not fought over, and still there after a walk of ours.
#: tree owned
#: module nvidia
#: module nvidia-vgpu-vfio vgpu=mdev
#: program bash bin/bash
#: program driverctl usr/sbin/driverctl
#: program mdevctl usr/bin/mdevctl
#: program udev bin/udevadm
#: program libvirt-clients usr/bin/virsh
#: program libvirt-daemon usr/sbin/libvirtd
#: program libvirt-daemon usr/lib/x86_64-linux-gnu/libvirt/connection-driver/libvirt_driver_nodedev.so
#: program libvirt-daemon-driver-qemu usr/lib/x86_64-linux-gnu/libvirt/connection-driver/libvirt_driver_qemu.so

# libvirt finds devices by udev, and users of its own. Captures would ask it for its version, which under emulation can
# take longer than they wait: so it is not where they look.
start_libvirt() {
	mv /usr/sbin/libvirtd /lab
	mkdir -p /run/udev /etc/libvirt
	ln -s ../run /var/run
	ln -s /bin/udevadm /sbin/systemd-udevd
	systemd-udevd --daemon
	udevadm trigger
	udevadm settle
	echo 'libvirt-qemu:x:64055:64055::/:/bin/sh' >>/etc/passwd
	printf 'libvirt-qemu:x:64055:\nkvm:x:104:\n' >>/etc/group
	echo 'auth_unix_rw = "none"' >/etc/libvirt/libvirtd.conf
	/lab/libvirtd >/tmp/libvirtd 2>&1 &
	appears /run/libvirt/libvirt-sock
}

node() {
	echo "pci_$1" | tr :. __
}

# refused OWNER FILE: apply refuses, and names whose it is and the file that says so.
refused() {
	run 3 happypath apply --yes /tmp/plan.json
	said "$1"
	said "$2"
}

# theirs GPU SURFACE OWNER FILE: so does plan.
theirs() {
	run 0 happypath plan --to "$2" --gpu "$1" -o json
	cp /tmp/out /tmp/plan.json
	said "$3"
	said "$4"
	refused "$3" "$4"
}

# unchanged WHEN: what is theirs is as they left it.
unchanged() {
	snapshot now
	same owned now "$1"
}

# there_and_back SUBJECT: consented to by its name, applied and undone.
there_and_back() {
	run 0 happypath apply --yes --allow "$1" /tmp/plan.json
	run 0 happypath undo
	unchanged "undo with --allow $1"
}

# text FILE: as a string of JSON.
text() {
	printf '"%s"' "$(sed 's/\\/\\\\/g; s/"/\\"/g' "$1" | awk '{ printf "%s%s", s, $0; s = "\\n" }')"
}

overridden=$(gpu 10de:2330) detached=$(gpus 10de:2330 | tail -n 1) carrier=$(gpu 10de:1db4)
uuid=83b8f4f2-509f-382f-3c1e-e6bfe0fa1001
mkdir -p /etc/mdevctl.d/scripts.d/callouts /etc/mdevctl.d/scripts.d/notifiers
start_libvirt
expect "driverctl" driverctl set-override "$overridden" vfio-pci
expect "mdevctl define" mdevctl define --auto --uuid $uuid --parent "$carrier" --type nvidia-742
expect "mdevctl start" mdevctl start --uuid $uuid
run 0 virsh nodedev-detach "$(node "$detached")"
is "driver of what libvirt detached" "$(driver "$detached")" vfio-pci
snapshot owned

theirs "$overridden" container driverctl "/etc/driverctl.d/pci-$overridden"
there_and_back "$overridden"
run 0 driverctl list-overrides
said "$overridden vfio-pci"

theirs "$detached" container virsh "$(pci "$detached")/driver_override"
there_and_back "$detached"
run 0 virsh nodedev-reattach "$(node "$detached")"
is "driver of what libvirt took back" "$(driver "$detached")" nvidia
run 0 virsh nodedev-detach "$(node "$detached")"

theirs "$carrier" qemu-vfio mdevctl "/etc/mdevctl.d/$carrier/$uuid"
run 5 happypath apply --yes --allow "$carrier" /tmp/plan.json
said "has the mdev $uuid"
definition=/etc/mdevctl.d/$carrier/$uuid
plan "$(step mdev $uuid "{\"parent\": \"$carrier\", \"type\": \"nvidia-742\", \"active\": true,
	\"definition\": {\"content\": $(text "$definition"), \"mode\": 420, \"uid\": 0, \"gid\": 0}}" '"absent"')" >/tmp/plan.json
refused mdevctl "$definition"
there_and_back $uuid
mdevctl list | grep "$uuid $carrier nvidia-742 auto (defined)" || fail "mdevctl lists $(mdevctl list)"
ok "known and left alone: an override of driverctl, a device that virsh detached, an mdev of mdevctl; there and back" \
	"with --allow, $(records now) records equal"
