# apply and undo are killed before every call that changes something, parent and child each; recover puts all right.
#: tree one
#: module nvidia
#: preload ../crash/killer.c
#: parts apply undo
#: seconds 1500

gpu=$(gpu 10de:2330)
pages=/sys/devices/system/node/node1/hugepages/hugepages-2048kB/nr_hugepages
plan "$(step hugepages node1:2048kB '{"pages": 0}' '{"pages": 8}')" \
	"$(step module vfio_pci '{"loaded": false, "with": []}' '{"loaded": true, "with": []}')" \
	"$(step driver "$gpu" '{"driver": "nvidia", "override": null}' '{"driver": "vfio-pci", "override": "vfio-pci"}')" \
	>/tmp/plan.json

# quick: what the steps own, in a line: before or after, and anything else is between.
quick() {
	echo "$(driver "$gpu") $(override "$gpu") $(cat $pages) $(lsmod | grep -c '^vfio_pci ') $(ls /dev/nvidia* 2>/dev/null)"
}

. /lab/crash.sh
crash_everywhere "$part"
