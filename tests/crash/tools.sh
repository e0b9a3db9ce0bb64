#!/bin/sh
# Tools of others, as far as happypath runs them: each writes as the real one does, piece by piece. /run/tools/pause holds
# how long they dwell between pieces; those that change something leave their process in /run/tools/runs.
# SPDX-License-Identifier: Apache-2.0

dwell() {
	read -r seconds </run/tools/pause && [ -n "$seconds" ] && sleep "$seconds"
	return 0
}

begin() {
	echo $$ >>/run/tools/runs
	dwell
}

# piece FILE TEXT: one more piece of a file that is not whole yet.
piece() {
	printf '%s\n' "$2" >>"$1"
	dwell
}

update_grub() {
	begin
	. /etc/default/grub
	for file in /etc/default/grub.d/*.cfg; do
		[ -e "$file" ] && . "$file"
	done
	new=/boot/grub/grub.cfg.new
	: >$new
	piece $new 'set default="0"'
	piece $new "menuentry 'Linux' --id a {"
	piece $new "	linux /boot/vmlinuz-6.12.1 root=UUID=1 ro $GRUB_CMDLINE_LINUX_DEFAULT"
	piece $new '}'
	: >/boot/grub/grub.cfg # it is written over, not renamed: so does grub-mkconfig
	while read -r line; do
		piece /boot/grub/grub.cfg "$line"
	done <$new
	rm $new
}

# The image's one module is vfio-pci: what modprobe.d says of others makes no difference to it.
update_initramfs() {
	begin
	sleep 0.01 # longer than the grain of the clock by which images are known to be old
	image=/boot/initrd.img-$3
	: >"$image.new"
	for file in /etc/initramfs-tools/modules /etc/modprobe.d/*; do
		grep -q vfio "$file" && piece "$image.new" "$file $(cat "$file")"
	done
	mv "$image.new" "$image"
	dwell
}

systemctl() {
	wants=/etc/systemd/system/multi-user.target.wants unit=$3
	[ "$1" = show ] && return
	begin
	case $1 in
	enable) mkdir -p $wants && ln -sf "/etc/systemd/system/$unit" "$wants/$unit" ;;
	disable) rm -f "$wants/$unit" ;;
	start) ln -sf 0123456789abcdef "/run/systemd/units/invocation:$unit" ;;
	stop) rm -f "/run/systemd/units/invocation:$unit" ;;
	esac
	dwell
}

say() {
	printf '%s\n' "$1"
	dwell
}

# nvidia-ctk only says what it would write: happypath writes it.
nvidia_ctk() {
	case $1 in
	cdi)
		say 'cdiVersion: 0.5.0'
		say 'devices:'
		say '- containerEdits: {}'
		say '  name: "0"'
		say 'containerEdits: {}'
		;;
	runtime)
		say '{"live-restore": true,'
		say ' "features": {"cdi": true},'
		say ' "runtimes": {"nvidia": {"path": "nvidia-container-runtime"}}}'
		;;
	esac
}

# Instances are files in /var/gpu: gi-START holds the profile, ci-START its compute instance.
list_instances() {
	found=6
	for file in /var/gpu/"$1"-*; do
		[ -e "$file" ] || continue
		start=${file##*-} found=0
		if [ "$1" = gi ]; then
			echo "|   0  MIG $(cat "$file")  19  $start  $start:4  |"
		else
			echo "|   0  $start  MIG $(cat "$file")  0  0  0:4  |"
		fi
	done
	return $found
}

create_instances() {
	start=0
	for profile in $(echo "$1" | tr , ' '); do
		echo "${profile%:*}" >/var/gpu/gi-$start
		dwell
		echo "${profile%:*}" >/var/gpu/ci-$start
		dwell
		start=$((start + 4))
	done
}

mode_of() {
	[ "$(cat "/var/gpu/$1")" = 1 ] && echo Enabled || echo Disabled
}

nvidia_smi() {
	case $1 in
	-i) shift 2 ;;
	mig) shift 3 ;;
	esac
	case $1 in
	--query-gpu=persistence*) mode_of persistence ;;
	--query-gpu=mig*) echo "$(mode_of mig), $(mode_of pending)" ;;
	-lgi) list_instances gi ;;
	-lci) list_instances ci ;;
	*) begin && set_gpu "$@" ;;
	esac
}

set_gpu() {
	case $1 in
	-pm) echo "$2" >/var/gpu/persistence ;;
	-mig) echo "$2" >/var/gpu/pending && cp /var/gpu/pending /var/gpu/mig ;;
	--gpu-reset) cp /var/gpu/pending /var/gpu/mig ;;
	-dci) rm -f /var/gpu/ci-* ;;
	-dgi)
		for file in /var/gpu/ci-*; do
			[ -e "$file" ] && echo "Unable to destroy GPU instance: In use by another client" && return 19
		done
		rm -f /var/gpu/gi-*
		;;
	-cgi) create_instances "$2" ;;
	esac
	dwell
}

case ${0##*/} in
update-grub) update_grub ;;
update-initramfs) update_initramfs "$@" ;;
lsinitramfs) echo usr/lib/modules/x/kernel/drivers/vfio/pci/vfio-pci.ko ;;
systemctl) systemctl "$@" ;;
nvidia-ctk) nvidia_ctk "$@" ;;
nvidia-smi) nvidia_smi "$@" ;;
esac
