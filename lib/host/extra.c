// What a capture holds though no probe reads it: all that a step could change.
// SPDX-License-Identifier: Apache-2.0
#include "host/backend.h"
#include "host/capture.h"

#include "base/cleanup.h"

#include <stdio.h>
#include <string.h>

#define MAX_FILE (1u << 20)

enum look {
	READ,
	LINK,
	LIST,
	OWNER, // mode and owner, or that it is there
	WHOLE, // what hp_host_read_file asks for: no link, text, mode and owner
};

/* A component that is "*" stands for every name in its directory, "*.d" for those that end so. */
static const struct {
	const char *path;
	enum look look;
	const char *why;
} places[] = {
    {"/sys/bus/pci/devices/*/driver", LINK, "driver of a device"},
    {"/sys/bus/pci/devices/*/driver_override", READ, "driver of a device"},
    {"/sys/bus/pci/devices/*/sriov_numvfs", READ, "VF count"},
    {"/sys/bus/pci/devices/*/sriov_drivers_autoprobe", READ, "VF count"},
    {"/sys/bus/pci/devices/*/reset_method", READ, "reset methods can be set"},
    {"/sys/bus/pci/devices/*/d3cold_allowed", READ, "power management"},
    {"/sys/bus/pci/devices/*/power/control", READ, "power management"},
    {"/sys/bus/pci/devices/*/iommu_group", LINK, "groups are compared by their members"},
    {"/sys/bus/pci/drivers_autoprobe", READ, "driver of a device"},
    {"/sys/bus/mdev/devices", LIST, "mdevs"},
    {"/sys/bus/mdev/devices/*/mdev_type", LINK, "mdevs"},
    {"/sys/module", LIST, "modules"},
    {"/proc/modules", READ, "modules"},
    {"/proc/cmdline", READ, "kernel command line"},
    {"/etc/default/grub", WHOLE, "kernel command line"},
    {"/etc/default/grub.d/*", WHOLE, "kernel command line"},
    {"/etc/kernel/cmdline", WHOLE, "kernel command line"},
    {"/etc/kernel/proxmox-boot-uuids", READ, "kernel command line: who keeps it"},
    {"/etc/NIXOS", OWNER, "kernel command line: who keeps it"},
    {"/run/ostree-booted", OWNER, "kernel command line: who keeps it"},
    {"/usr/sbin/transactional-update", OWNER, "kernel command line: who keeps it"},
    {"/usr/sbin/update-grub", OWNER, "kernel command line: who keeps it"},
    {"/boot/grub/grub.cfg", WHOLE, "kernel command line of the next boot"},
    {"/boot/grub2/grub.cfg", WHOLE, "kernel command line of the next boot"},
    {"/boot/grub2/grubenv", READ, "kernel command line of the next boot"},
    {"/boot/loader/entries/*", WHOLE, "kernel command line of the next boot"},
    {"/efi/loader/entries/*", WHOLE, "kernel command line of the next boot"},
    {"/boot/efi/loader/entries/*", WHOLE, "kernel command line of the next boot"},
    {"/etc/modprobe.d/*", WHOLE, "module options"},
    {"/usr/lib/modprobe.d/*", READ, "module options that overrule ours"},
    {"/etc/modules", WHOLE, "modules at boot"},
    {"/etc/modules-load.d/*", WHOLE, "modules at boot"},
    {"/etc/initramfs-tools/modules", WHOLE, "initramfs"},
    {"/etc/initramfs-tools/*", OWNER, "initramfs"},
    {"/etc/initramfs-tools/conf.d/*", WHOLE, "initramfs"},
    {"/etc/dracut.conf", WHOLE, "initramfs"},
    {"/etc/dracut.conf.d/*", WHOLE, "initramfs"},
    {"/etc/mkinitcpio.conf", WHOLE, "initramfs"},
    {"/usr/sbin/update-initramfs", OWNER, "initramfs: who builds it"},
    {"/usr/sbin/mkinitramfs", OWNER, "initramfs: who builds it"},
    {"/usr/bin/dracut", OWNER, "initramfs: who builds it"},
    {"/boot", LIST, "initramfs"},
    {"/boot/*", OWNER, "initramfs"},
    {"/etc/systemd/system", LIST, "units"},
    {"/etc/systemd/system/*", LINK, "units that are masked or have another name"},
    {"/etc/systemd/system/*.wants", LIST, "units at boot"},
    {"/etc/systemd/system/*.requires", LIST, "units at boot"},
    {"/etc/systemd/system/*.d/happypath.conf", WHOLE, "settings of units"},
    {"/run/systemd/units", LIST, "units that run"},
    {"/etc/cdi/*", WHOLE, "CDI specifications"},
    {"/run/cdi/*", WHOLE, "CDI specifications"},
    {"/etc/docker/daemon.json", WHOLE, "container engines"},
    {"/etc/containerd/config.toml", WHOLE, "container engines"},
    {"/etc/crio/conf.d/99-nvidia.toml", WHOLE, "container engines"},
    {"/etc/nvidia-container-runtime/config.toml", WHOLE, "container engines"},
    {"/etc/mdevctl.d/*", LIST, "mdevs at boot"},
    {"/etc/security/limits.d/*", WHOLE, "memlock"},
    {"/etc/udev/rules.d/*-happypath.rules", WHOLE, "device nodes"},
    {"/etc/apt/preferences.d/happypath", WHOLE, "packages that are held"},
    {"/sys/kernel/mm/hugepages/*/nr_hugepages", READ, "hugepages"},
    {"/sys/devices/system/node/*/hugepages/*/nr_hugepages", READ, "hugepages"},
    {"/proc/sys/vm/overcommit_memory", READ, "memory"},
};

static void look_at(struct hp_host *host, const char *path, enum look look)
{
	char target[PATH_MAX];
	struct hp_stat stat;
	hp_cleanup_names struct hp_names names = {0};
	hp_cleanup_text struct hp_text text = {0};
	if (look == LINK || look == WHOLE)
		hp_host_link(host, path, target, sizeof(target));
	if (look == READ || look == WHOLE)
		hp_host_read_text(host, path, MAX_FILE, &text);
	if (look == LIST)
		hp_host_list(host, path, &names);
	if (look == OWNER || look == WHOLE)
		hp_host_stat(host, path, &stat);
}

static void expand(struct hp_host *host, const char *path, enum look look)
{
	const char *star = strstr(path, "/*");
	if (!star) {
		look_at(host, path, look);
		return;
	}
	const char *rest = strchrnul(star + 2, '/');
	hp_cleanup_free char *suffix = hp_strndup(star + 2, (size_t)(rest - star - 2));
	hp_cleanup_free char *directory = hp_strndup(path, (size_t)(star - path));
	hp_cleanup_names struct hp_names names = {0};
	if (hp_host_list(host, directory, &names) < 0)
		return;
	for (size_t i = 0; i < names.count; i++) {
		if (strchr(names.names[i], '*') || !hp_ends_with(names.names[i], suffix))
			continue; // a star of its own would be taken for one of ours
		hp_cleanup_free char *one = hp_asprintf("%s/%s%s", directory, names.names[i], rest);
		expand(host, one, look);
	}
}

void hp_capture_extra(struct hp_host *host)
{
	for (size_t i = 0; i < HP_COUNT(places); i++)
		expand(host, places[i].path, places[i].look);
}
