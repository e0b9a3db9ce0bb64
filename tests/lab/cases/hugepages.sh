# Huge pages of one NUMA node are set, and given back.
#: tree h100-mi300x
#: module nvidia

pages() {
	cat "/sys/devices/system/node/node$1/hugepages/hugepages-2048kB/nr_hugepages"
}

snapshot before
plan "$(step hugepages node1:2048kB '{"pages": 0}' '{"pages": 32}')" >/tmp/plan.json
run 0 happypath apply --yes /tmp/plan.json
is "pages of node 1" "$(pages 1)" 32
is "pages of node 0" "$(pages 0)" 0
run 0 happypath undo
is "pages of node 1 after undo" "$(pages 1)" 0
snapshot after
same before after undo
# More than fit: refused before the kernel would give fewer.
plan "$(step hugepages node1:2048kB '{"pages": 0}' '{"pages": 4096}')" >/tmp/plan.json
run 3 happypath apply --yes /tmp/plan.json
said "do not fit"
is "pages of node 1 after too many" "$(pages 1)" 0
ok "32 pages on node 1 there and back; 4096 refused: $(grep -o '4096 more.*' /tmp/out)"
