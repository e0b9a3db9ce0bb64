# An mdev on a VF and one on a PF: created, listed by mdevctl, realized by an inner QEMU, removed.
#: tree vgpu
#: module nvidia
#: module nvidia-vgpu-vfio vgpu=mdev
#: inner yes
#: program mdevctl usr/bin/mdevctl

mkdir -p /etc/mdevctl.d/scripts.d/callouts /etc/mdevctl.d/scripts.d/notifiers
l40s=$(gpu 10de:26b9) v100=$(gpu 10de:1db4)
snapshot before
echo 2 >"$(pci "$l40s")/sriov_numvfs"
vf=$(basename "$(readlink "$(pci "$l40s")/virtfn0")")
snapshot with-vfs
n=0
for parent in "$vf" "$v100"; do
	uuid=83b8f4f2-509f-382f-3c1e-e6bfe0fa100$n
	n=$((n + 1))
	plan "$(step mdev $uuid '"absent"' "{\"parent\": \"$parent\", \"type\": \"nvidia-742\", \"active\": true, \"definition\": null}")" >/tmp/plan.json
	run 0 happypath apply --yes /tmp/plan.json
	mdevctl list | grep "$uuid $parent nvidia-742" || fail "mdevctl does not list $uuid: $(mdevctl list)"
	ids=$(realize "sysfsdev=/sys/bus/mdev/devices/$uuid") || fail "the mdev on $parent is not realized: $ids"
done
run 0 happypath undo
run 0 happypath undo 1
is "mdevs after undo" "$(ls /sys/bus/mdev/devices)" ""
snapshot after
same with-vfs after undo
echo 0 >"$(pci "$l40s")/sriov_numvfs"
ok "mdevs on a VF and on a PF created, listed by mdevctl, realized, removed"
