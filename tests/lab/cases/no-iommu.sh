# Without an IOMMU the kernel takes the write and binds nothing: apply says why and takes everything back.
#: tree h100-mi300x
#: iommu off
#: module nvidia

gpu=$(gpu 10de:2330)
snapshot before
modules >/tmp/modules
to_vfio "$gpu" >/tmp/plan.json
start=$(now)
run 5 happypath apply --yes /tmp/plan.json
took=$(since "$start")
said "in no IOMMU group"
why=$(grep -h -o 'vfio-pci did.*IOMMU is off' /tmp/said | head -n 1)
is "driver" "$(driver "$gpu")" nvidia
is "driver_override" "$(override "$gpu")" "(null)"
snapshot after
same before after "rollback"
ok "rolled back in $took s: $why"
