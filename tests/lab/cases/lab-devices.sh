# Accelerators bind to nvidia and to vfio-pci, and an inner QEMU attaches one by VFIO.
#: tree h100-mi300x
#: module nvidia
#: inner yes

h100=$(gpu 10de:2330)
is "driver of $h100" "$(driver "$h100")" nvidia
is "nodes" "$(ls /dev/nvidia* | tr '\n' ' ')" "/dev/nvidia0 /dev/nvidia1 "
cat /proc/driver/nvidia/version /proc/driver/nvidia/gpus/*/information
for d in /sys/bus/pci/devices/*; do
	echo "$(cat "$d/vendor"):$(cat "$d/device") ${d##*/} $(basename "$(readlink "$d/iommu_group")") $(readlink -f $d)"
done
cat "$(pci "$h100")/resource"
modprobe vfio-pci
move() {
	echo "$2" >"$(pci "$1")/driver_override"
	[ "$(driver "$1")" = none ] || echo "$1" >"$(pci "$1")/driver/unbind"
	echo "$1" >/sys/bus/pci/drivers_probe
}
start=$(now)
for g in "$h100" "$(gpu 1002:74a1)"; do
	move "$g" vfio-pci
	is "driver of $g" "$(driver "$g")" vfio-pci
	ids=$(realize "host=$g") || fail "$g is not realized: $ids"
	is "ids of $g" "$ids" "$(cut -c3- "$(pci "$g")/vendor"):$(cut -c3- "$(pci "$g")/device")"
done
took=$(since "$start")
move "$h100" ''
is "driver of $h100" "$(driver "$h100")" nvidia
is "VFs" "$(cat "$(pci "$h100")/sriov_totalvfs")" 16
ok "an H100 and an MI300X realized by VFIO in $took s"
