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
	OWNER,
};

/* A component that is "*" stands for every name in its directory. */
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
    {"/etc/default/grub", READ, "kernel command line"},
    {"/etc/default/grub.d/*", READ, "kernel command line"},
    {"/etc/kernel/cmdline", READ, "kernel command line"},
    {"/etc/modprobe.d/*", READ, "module options"},
    {"/etc/modprobe.d/*", OWNER, "files with modes and owners"},
    {"/etc/modules", READ, "modules at boot"},
    {"/etc/modules-load.d/*", READ, "modules at boot"},
    {"/etc/initramfs-tools/modules", READ, "modules at boot"},
    {"/etc/dracut.conf.d/*", READ, "modules at boot"},
    {"/etc/systemd/system/multi-user.target.wants", LIST, "units"},
    {"/etc/cdi/*", OWNER, "files with modes and owners"},
    {"/etc/mdevctl.d/*", LIST, "mdevs at boot"},
    {"/etc/security/limits.d/*", READ, "memlock"},
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
	if (look == READ)
		hp_host_read_text(host, path, MAX_FILE, &text);
	else if (look == LINK)
		hp_host_link(host, path, target, sizeof(target));
	else if (look == LIST)
		hp_host_list(host, path, &names);
	else
		hp_host_stat(host, path, &stat);
}

static void expand(struct hp_host *host, const char *path, enum look look)
{
	const char *star = strstr(path, "/*");
	if (!star) {
		look_at(host, path, look);
		return;
	}
	hp_cleanup_free char *directory = hp_strndup(path, (size_t)(star - path));
	hp_cleanup_names struct hp_names names = {0};
	if (hp_host_list(host, directory, &names) < 0)
		return;
	for (size_t i = 0; i < names.count; i++) {
		if (strchr(names.names[i], '*'))
			continue; // would be taken for a star of ours
		hp_cleanup_free char *one =
		    hp_asprintf("%s/%s%s", directory, names.names[i], star + 2);
		expand(host, one, look);
	}
}

void hp_capture_extra(struct hp_host *host)
{
	for (size_t i = 0; i < HP_COUNT(places); i++)
		expand(host, places[i].path, places[i].look);
}
