# The vGPU type of a VF in the vendor's VFIO mode is set, the VF realized while it stays with nvidia, and cleared.
#: tree vgpu
#: module nvidia managed_dma=1
#: module nvidia-vgpu-vfio vgpu=vfio
#: inner yes

l40s=$(gpu 10de:26b9)
snapshot before
plan "$(step sriov "$l40s" '{"vfs": 0, "autoprobe": 1, "functions": {}}' '{"vfs": 2, "autoprobe": 1, "functions": {}}')" >/tmp/plan.json
run 0 happypath apply --yes /tmp/plan.json
vf=$(basename "$(readlink "$(pci "$l40s")/virtfn0")")
realize "host=$vf" && fail "realized without a type"
plan "$(step vgpu-type "$vf" '{"type": null}' '{"type": "743"}')" >/tmp/plan.json
run 0 happypath apply --yes /tmp/plan.json
is "type" "$(cat "$(pci "$vf")/nvidia/current_vgpu_type")" 743
is "driver of the VF" "$(driver "$vf")" nvidia
ids=$(realize "host=$vf") || fail "the VF is not realized: $ids"
# A type that hangs on VFs keeps them: the VFs cannot be undone before what came later.
run 3 happypath undo 1
said "changed $vf later"
is "type after the refusal" "$(cat "$(pci "$vf")/nvidia/current_vgpu_type")" 743
is "VFs after the refusal" "$(cat "$(pci "$l40s")/sriov_numvfs")" 2
run 0 happypath undo
is "type after undo" "$(cat "$(pci "$vf")/nvidia/current_vgpu_type")" 0
run 0 happypath undo
snapshot after
same before after undo
ok "type 743 set on $vf, realized as $ids, cleared; VFs removed"
