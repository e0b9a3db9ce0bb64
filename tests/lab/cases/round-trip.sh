# plan --to qemu-vfio, apply, an inner QEMU attaches the device, undo: the host is as it was.
#: tree h100-mi300x
#: module nvidia
#: inner yes

there_and_back() {
	run 0 happypath plan --to qemu-vfio --gpu "$1" -o json
	cp /tmp/out /tmp/plan.json
	run 0 happypath apply --yes /tmp/plan.json
	cat /tmp/out /tmp/said
	is "driver of $1" "$(driver "$1")" vfio-pci
	ids=$(realize "host=$1") || fail "$1 is not realized: $ids"
	is "ids of $1" "$ids" "$(cut -c3- "$(pci "$1")/vendor"):$(cut -c3- "$(pci "$1")/device")"
	run 0 happypath undo
	cat /tmp/out /tmp/said
	is "driver of $1 after undo" "$(driver "$1")" "$2"
	is "driver_override of $1" "$(override "$1")" "(null)"
}

start=$(now)
snapshot before
modules >/tmp/modules
there_and_back "$(gpu 10de:2330)" nvidia
there_and_back "$(gpu 1002:74a1)" none
snapshot after
same before after "undo"
left=$(modules | diff /tmp/modules - | sed -n 's/^> //p' | tr '\n' ' ')
for module in $left; do
	said "$module"
done
ok "an H100 and an MI300X there and back in $(since "$start") s, $(records before) records equal, modules left: ${left:-none}"
