# run --surface container: a CDI specification is made for it, Podman starts a container with the device, all is gone afterwards.
#: tree one
#: module nvidia
#: program podman usr/bin/podman
#: program crun usr/bin/crun
#: program conmon usr/bin/conmon
#: preload ../fakes/nvml/nvml.c
#: seconds 900
#: cpus 2

gpu=$(gpu 10de:2330)

# engine: Podman as in a package's default, but for a network, which nothing here needs.
engine() {
	mkdir -p /sys/fs/cgroup /etc/containers /var/lib/containers /var/tmp
	mount -t cgroup2 none /sys/fs/cgroup
	mount -t tmpfs none /var/lib/containers
	ln -s ../run /var/run
	mkdir -p /var/lib/dpkg
	printf 'Package: podman\nStatus: install ok installed\nVersion: 4.3.1+ds1-8\n\n' >/var/lib/dpkg/status
	echo '{"default": [{"type": "insecureAcceptAnything"}]}' >/etc/containers/policy.json
	printf '[containers]\nnetns = "host"\n[engine]\ncgroup_manager = "cgroupfs"\nevents_logger = "file"\nno_pivot_root = true\n' >/etc/containers/containers.conf
	printf '[storage]\ndriver = "vfs"\nrunroot = "/run/containers"\ngraphroot = "/var/lib/containers"\n' >/etc/containers/storage.conf
}

# toolkit: stands in for NVIDIA's, which needs NVIDIA's driver.
toolkit() {
	cat >/usr/bin/nvidia-ctk <<'EOF'
#!/bin/sh
case "$*" in
*--version*) echo "NVIDIA Container Toolkit CLI version 1.17.8" ;;
"cdi generate"*)
	library=$(readlink -f /usr/lib/x86_64-linux-gnu/libcuda.so.1)
	cat <<SPEC
cdiVersion: 0.5.0
kind: nvidia.com/gpu
devices:
- name: "0"
  containerEdits:
    deviceNodes:
    - path: /dev/nvidia0
    mounts:
    - hostPath: $library
      containerPath: $library
      options: [ro, nosuid, nodev, bind]
SPEC
	;;
*) exit 1 ;;
esac
EOF
	chmod +x /usr/bin/nvidia-ctk
}

# driver: what else of NVIDIA's driver a container needs: the libraries, and a module that the lab does not have.
driver_parts() {
	libraries=/usr/lib/x86_64-linux-gnu
	mkdir -p $libraries
	version=$(cat /sys/module/nvidia/version)
	: >"$libraries/libcuda.so.$version"
	cp /lab/nvml.so "$libraries/libnvidia-ml.so.$version"
	for library in libcuda libnvidia-ml; do
		ln -s "$library.so.$version" "$libraries/$library.so.1"
	done
	export FAKE_NVML="gpus=1 mig=0 mig-pending=0"
	echo "updates/nvidia-uvm.ko:" >>"/lib/modules/$(uname -r)/modules.dep"
}

# image: BusyBox, and a program that tells of the device and stays where it is asked to.
image() {
	mkdir -p /tmp/image/bin
	cp /bin/busybox /tmp/image/bin/
	ln -s busybox /tmp/image/bin/sh
	cat >/tmp/image/tell <<'EOF'
#!/bin/sh
trap 'echo "container: told to end"; exit 0' TERM
echo "container: $(busybox stat -c '%n %F %t:%T' /dev/nvidia*)"
: </dev/nvidia0 && echo "container: opened"
[ "$1" = stay ] && while :; do busybox sleep 1; done
exit 7
EOF
	chmod +x /tmp/image/tell
	for name in told stays; do
		tar -C /tmp/image -c . | podman import -c "CMD [\"/tell\", \"${name%s}\"]" - $name || fail "no image"
	done
}

start_container() {
	happypath run --surface container --gpu "$gpu" --image "$@"
}

gone() {
	for _ in $(seq 60); do
		[ -z "$(podman ps -q)" ] && return
		sleep 1
	done
	fail "the container lives on: $(podman ps)"
}

start=$(now)
engine
toolkit
driver_parts
image >/dev/null 2>/tmp/said
snapshot before
happypath check >/tmp/out 2>/tmp/said
said "(--level 2 adds it): NVML"
run 3 start_container told
said "cdi /etc/cdi/nvidia.yaml: no file"
said "--apply"
is "specifications where nobody asked for --apply" "$(ls /etc/cdi 2>/dev/null)" ""

run 7 start_container told --apply --yes
said "container: /dev/nvidia0 character special file c3:0"
said "container: opened"
is "specifications after the container" "$(ls /etc/cdi 2>/dev/null)" ""
is "containers after the container" "$(podman ps -aq)" ""
snapshot after
same before after "run"
whole=$(since "$start")

start_container stays --apply --yes >/tmp/out 2>/tmp/said &
for _ in $(seq 600); do
	grep -q "container: opened" /tmp/out && break
	sleep 0.1
done
said "container: opened"
is "specifications while the container runs" "$(ls /etc/cdi)" nvidia.yaml
pid=$(pidof happypath)
kill -KILL "$pid" || fail "happypath's processes: $pid"
gone
said "container: told to end"
run 0 happypath recover
snapshot recovered
same before recovered "kill and recover"
ok "Podman's container opens the H100's node, named by CDI, and the host is as before in $whole s; killed and recovered: $(records before) records equal"
