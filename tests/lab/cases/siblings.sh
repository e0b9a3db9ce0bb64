# Others in the group are never touched without --allow: a board's sound, a disk's controller.
#: tree siblings
#: module nvidia
#: module snd-hda-intel
#: module virtio_pci
#: module virtio_blk
#: inner yes

# refused SIBLING: the plan is refused, the sibling named, and nothing moves.
refused() {
	run 3 happypath apply --yes /tmp/plan.json
	said "$1"
	snapshot after
	same before after "refusal for $1"
}

make_plan() {
	run 0 happypath plan --to qemu-vfio --gpu "$1" -o json
	cp /tmp/out /tmp/plan.json
}

board=$(gpu 10de:2204) sound=$(gpu 10de:1aef)
v100=$(gpu 10de:1db4) disk=$(gpu 1af4:1042)
is "driver of the sound" "$(driver "$sound")" snd_hda_intel
is "driver of the disk's controller" "$(driver "$disk")" virtio-pci
snapshot before
make_plan "$v100"
refused "$disk"
make_plan "$board"
refused "$sound"
run 0 happypath apply --yes --allow "$sound" /tmp/plan.json
is "driver of the board" "$(driver "$board")" vfio-pci
is "driver of the sound, allowed" "$(driver "$sound")" vfio-pci
ids=$(realize "host=$board") || fail "$board is not realized: $ids"
run 0 happypath undo
is "driver of the sound after undo" "$(driver "$sound")" snd_hda_intel
snapshot after
same before after undo
ok "refused for $disk (virtio-pci) and $sound (snd_hda_intel); with --allow realized as $ids, undone"
