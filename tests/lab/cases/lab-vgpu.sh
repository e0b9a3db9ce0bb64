# VFs come and go; mdevs on VFs and PFs are created, realized and removed.
#: tree vgpu
#: module nvidia
#: module nvidia-vgpu-vfio vgpu=mdev
#: inner yes

l40s=$(gpu 10de:26b9) v100=$(gpu 10de:1db4)
echo 4 >"$(pci "$l40s")/sriov_numvfs"
is "VFs" "$(gpus 10de:26b9 | wc -l)" 5
vf=$(basename "$(readlink "$(pci "$l40s")/virtfn0")")
is "driver of the VF" "$(driver "$vf")" nvidia
ls /sys/class/mdev_bus
n=0
for parent in "$vf" "$v100"; do
	uuid=83b8f4f2-509f-382f-3c1e-e6bfe0fa100$n
	n=$((n + 1))
	types="$(pci "$parent")/mdev_supported_types"
	cat "$types"/*/name "$types"/*/available_instances
	echo $uuid >"$types/nvidia-742/create" || fail "no mdev on $parent"
	realize "sysfsdev=/sys/bus/mdev/devices/$uuid" || fail "mdev on $parent"
	echo 1 >/sys/bus/mdev/devices/$uuid/remove
done
echo 0 >"$(pci "$l40s")/sriov_numvfs"
rmmod nvidia-vgpu-vfio nvidia
modprobe nvidia managed_dma=1
modprobe nvidia-vgpu-vfio vgpu=vfio
echo 2 >"$(pci "$l40s")/sriov_numvfs"
vf=$(basename "$(readlink "$(pci "$l40s")/virtfn0")")
cat "$(pci "$vf")/nvidia/creatable_vgpu_types" "$(pci "$vf")/nvidia/current_vgpu_type"
realize "host=$vf" && fail "realized without a type"
echo 743 >"$(pci "$vf")/nvidia/current_vgpu_type"
is type "$(cat "$(pci "$vf")/nvidia/current_vgpu_type")" 743
ids=$(realize "host=$vf") || fail "vendor VFIO: $ids"
echo 0 >"$(pci "$vf")/nvidia/current_vgpu_type"
echo 0 >"$(pci "$l40s")/sriov_numvfs"
rmmod nvidia-vgpu-vfio
rmmod nvidia || fail "nvidia is in use"
ok "realized $ids"
