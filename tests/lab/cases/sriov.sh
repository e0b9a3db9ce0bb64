# VFs are made and removed again; those of somebody else are kept; a driver that gives fewer, or none, is rolled back.
#: tree vgpu
#: module nvidia

l40s=$(gpu 10de:26b9)
vfs() {
	cat "$(pci "$l40s")/sriov_numvfs"
}
# to N: a plan from no VFs to N.
to() {
	plan "$(step sriov "$l40s" '{"vfs": 0, "autoprobe": 1, "functions": {}}' "{\"vfs\": $1, \"autoprobe\": 1, \"functions\": {}}")" >/tmp/plan.json
}

snapshot before
to 4
run 0 happypath apply --yes /tmp/plan.json
is "VFs" "$(vfs) $(gpus 10de:26b9 | wc -l)" "4 5"
run 0 happypath undo
is "VFs after undo" "$(vfs)" 0
snapshot after
same before after undo
echo 3 >"$(pci "$l40s")/sriov_numvfs"
run 3 happypath apply --yes /tmp/plan.json
said stale
is "VFs of somebody else" "$(vfs)" 3
echo 0 >"$(pci "$l40s")/sriov_numvfs"
echo 2 >/sys/module/nvidia/parameters/vf_limit
run 5 happypath apply --yes /tmp/plan.json
is "VFs where the driver gives only 2" "$(vfs)" 0
echo -1 >/sys/module/nvidia/parameters/vf_limit
for error in 1 2 16 34; do # EPERM, ENOENT, EBUSY, ERANGE
	echo $error >/sys/module/nvidia/parameters/vf_error
	run 5 happypath apply --yes /tmp/plan.json
done
echo 0 >/sys/module/nvidia/parameters/vf_error
snapshot after
same before after "rollbacks"
ok "4 VFs there and back; 2 instead of 4, EPERM, ENOENT, EBUSY and ERANGE rolled back"
