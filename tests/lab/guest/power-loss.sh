# The steps of power-loss: `apply` on the host whose disk is watched, `boot` on those that come up from what was on it.
# SPDX-License-Identifier: Apache-2.0
gpu=$(gpu 10de:2330)
pages=/sys/devices/system/node/node1/hugepages/hugepages-2048kB/nr_hugepages
before="nvidia 0 none none"
after="vfio-pci 8 lab.conf lab.conf"

quick() {
	echo "$(driver "$gpu") $(cat $pages) $(basename "$(ls /etc/modprobe.d/lab.conf 2>/dev/null || echo none)")" \
		"$(basename "$(ls /etc/modules-load.d/lab.conf 2>/dev/null || echo none)")"
}

file() {
	printf '{"content": "%s", "mode": 420, "uid": 0, "gid": 0}' "$1"
}

mark() {
	printf 'LAB-MARK %s' "$1" >"/var/lab/$1"
	sync
}

apply() {
	install_happypath
	mkdir -p /var/lab
	is "state" "$(quick)" "$before"
	snapshot before
	cp /tmp/before.state /var/lab
	plan "$(step modprobe lab.conf '{"missing": 0}' "$(file 'options vfio-pci disable_idle_d3=1\n')")" \
		"$(step modules-load lab.conf '{"missing": 0}' "$(file 'vfio-pci\n')")" \
		"$(step hugepages node1:2048kB '{"pages": 0}' '{"pages": 8}')" \
		"$(step module vfio_pci '{"loaded": false, "with": []}' '{"loaded": true, "with": []}')" \
		"$(step driver "$gpu" '{"driver": "nvidia", "override": null}' '{"driver": "vfio-pci", "override": "vfio-pci"}')" \
		>/tmp/plan.json
	sync
	mark begins
	run 0 happypath apply --yes /tmp/plan.json
	mark ended
	is "state" "$(quick)" "$after"
	ok applied
}

# What the journal says, for people; where its directory is not on the disk yet the unit has nothing to do.
boot() {
	[ -z "$(ls /var/lib/happypath/journal 2>/dev/null)" ] || recovered
	run 0 happypath history
	told=$(tail -n 1 /tmp/out)
	snapshot now
	case $(quick) in
	"$before")
		cp /var/lab/before.state /tmp
		same before now "journal: $told"
		ok "as before: $told"
		;;
	"$after")
		if [ -s /run/lab/lab/after.state ]; then
			cp /run/lab/lab/after.state /tmp
			same after now "journal: $told"
		else
			echo LAB-STATE
			cat /tmp/now.state
			echo LAB-STATE
		fi
		ok "as after: $told"
		;;
	*) fail "between: $(quick)" ;;
	esac
}
