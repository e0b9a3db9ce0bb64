# A device that a process holds open is refused at once, and its holder named; nothing hangs.
#: tree h100-mi300x
#: module nvidia

gpu=$(gpu 10de:2330)
snapshot before
sleep 1000 <>/dev/nvidia0 &
holder=$!
appears /proc/$holder/exe
to_vfio "$gpu" >/tmp/plan.json
start=$(now)
run 3 happypath apply --yes /tmp/plan.json
took=$(since "$start")
said "$holder"
said /dev/nvidia0
is "driver" "$(driver "$gpu")" nvidia
awk "BEGIN { exit !($took < 5) }" || fail "refused after $took s only"
kill $holder
wait $holder
snapshot after
same before after "refusal"
run 0 happypath apply --yes /tmp/plan.json
is "driver once it is free" "$(driver "$gpu")" vfio-pci
run 0 happypath undo
ok "refused in $took s, process $holder named; applied once it had ended"
