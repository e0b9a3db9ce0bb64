# A host without IOMMU: plan sets the kernel's command line, GRUB boots it from the host's own disk, the unit walks on; undo.
#: disk yes
#: tree one
#: seconds 1800

gpu=$(gpu 10de:2330)
grep -q intel_iommu=off /proc/cmdline || fail "the kernel was not booted without its IOMMU: $(cat /proc/cmdline)"
is "IOMMU groups before" "$(ls /sys/kernel/iommu_groups)" ""
install_happypath
# Somebody who uses the device at boot, as early as a unit can: the recovery comes before it all the same.
cat >/etc/systemd/system/nvidia-persistenced.service <<-UNIT
	[Unit]
	DefaultDependencies=no
	[Service]
	Type=oneshot
	ExecStart=sh -c 'readlink /sys/bus/pci/devices/$gpu/driver >/run/consumer'
	[Install]
	WantedBy=sysinit.target
UNIT
systemctl -q enable nvidia-persistenced.service
mkdir -p /var/lab
snapshot before
cp /tmp/before.state /boot/grub/grub.cfg /var/lab
run 0 happypath plan --to qemu-vfio --gpu "$gpu" -o json
cp /tmp/out /tmp/plan.json
start=$(now)
run 7 happypath apply --yes /tmp/plan.json
cat /tmp/out /tmp/said
grep -q 'linux.*intel_iommu=off' /boot/grub/grub.cfg && fail "grub.cfg still has intel_iommu=off"
is "driver before the reboot" "$(driver "$gpu")" nvidia
ok "set in $(since "$start") s"

#: boot
gpu=$(gpu 10de:2330)
grep -q intel_iommu=off /proc/cmdline && fail "the kernel was booted with it again: $(cat /proc/cmdline)"
[ -n "$(ls /sys/kernel/iommu_groups)" ] || fail "there are no IOMMU groups"
recovered
is "driver after the reboot" "$(driver "$gpu")" vfio-pci
is "driver that its user found at boot" "$(basename "$(cat /run/consumer)")" vfio-pci
run 0 happypath history
cat /tmp/out
said done
run 7 happypath undo
cat /tmp/out /tmp/said
is "driver after undo" "$(driver "$gpu")" nvidia
ok "undone"

#: boot
grep -q intel_iommu=off /proc/cmdline || fail "it is not there again: $(cat /proc/cmdline)"
is "IOMMU groups after undo" "$(ls /sys/kernel/iommu_groups)" ""
recovered
cmp /boot/grub/grub.cfg /var/lab/grub.cfg || fail "grub.cfg is not as it was"
cp /var/lab/before.state /tmp/before.state
snapshot after
same before after "undo and reboot"
ok "intel_iommu=off taken away, seen after GRUB booted, the GPU bound by the unit then; undone, and after another boot $(records after) records equal"
