# The same with VFs, a VF's vGPU type and a mediated device: apply and undo are killed before every call that changes something.
#: tree vgpu
#: module nvidia
#: preload ../crash/killer.c
#: parts vfs type mdev
#: seconds 1500

l40s=$(gpu 10de:26b9) v100=$(gpu 10de:1db4)
uuid=83b8f4f2-509f-382f-3c1e-e6bfe0fa1000

quick() {
	echo "$(cat "$(pci "$l40s")/sriov_numvfs") $(cat "$(pci "$l40s")"/virtfn*/nvidia/current_vgpu_type 2>/dev/null) $(ls /sys/bus/mdev/devices 2>/dev/null)"
}

case $part in
vfs)
	plan "$(step sriov "$l40s" '{"vfs": 0, "autoprobe": 1, "functions": {}}' '{"vfs": 2, "autoprobe": 1, "functions": {}}')" >/tmp/plan.json
	;;
type)
	modprobe nvidia-vgpu-vfio vgpu=vfio
	echo 1 >"$(pci "$l40s")/sriov_numvfs"
	vf=$(basename "$(readlink "$(pci "$l40s")/virtfn0")")
	plan "$(step vgpu-type "$vf" '{"type": null}' '{"type": "743"}')" >/tmp/plan.json
	;;
mdev)
	modprobe nvidia-vgpu-vfio vgpu=mdev
	plan "$(step mdev $uuid '"absent"' "{\"parent\": \"$v100\", \"type\": \"nvidia-742\", \"active\": true, \"definition\": null}")" >/tmp/plan.json
	;;
esac
. /lab/crash.sh
crash_everywhere apply undo
