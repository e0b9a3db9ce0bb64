// Other programs that keep the state of a PCI function. SPDX-License-Identifier: Apache-2.0
#include "step/holders.h"

#include "base/cleanup.h"

#include <stdio.h>
#include <string.h>

enum { XML_LIMIT = 1 << 20 };

/* The driver that driverctl gives a function at every boot; "" where it keeps none of its own.
 * "none" is its word, and an override of that name, for no driver at all. */
static bool read_driverctl(struct hp_host *host, const char *path, char kept[64])
{
	return hp_host_read(host, path, kept, 64) > 0 && *kept;
}

static void find_driverctl(struct hp_host *host, const char *address, const char *driver,
                           struct hp_obstacles *ret)
{
	char kept[64];
	hp_cleanup_free char *path = hp_asprintf("/etc/driverctl.d/pci-%s", address);
	if (!read_driverctl(host, path, kept) || strcmp(kept, *driver ? driver : "none") == 0)
		return;
	hp_obstacles_add(ret, HP_OBSTACLE_OWNER, address,
	                 "driverctl keeps it with %s (%s), at every boot: driverctl unset-override "
	                 "%s",
	                 kept, path, address);
}

/* "<address … bus='0x3b' slot='0x00' …>" as libvirt writes it behind <source>. */
static bool names_address(const char *xml, const char *address)
{
	unsigned domain, bus, slot, function;
	char wanted[128];
	if (sscanf(address, "%x:%x:%x.%x", &domain, &bus, &slot, &function) != 4)
		return false;
	snprintf(wanted, sizeof(wanted),
	         "<address domain='0x%04x' bus='0x%02x' slot='0x%02x' function='0x%x'/>", domain,
	         bus, slot, function);
	for (const char *at = xml; (at = strstr(at, "<source>"));) {
		at += strlen("<source>");
		at += strspn(at, " \t\n");
		if (hp_starts_with(at, wanted))
			return true;
	}
	return false;
}

/* A guest that runs holds the device; one that is only defined takes it when it starts, which is
 * what managed='yes' is for, and so is no obstacle. */
static void find_libvirt(struct hp_host *host, const char *address, struct hp_obstacles *ret)
{
	static const char running[] = "/run/libvirt/qemu";
	hp_cleanup_names struct hp_names names = {0};
	if (hp_host_list(host, running, &names) < 0)
		return;
	for (size_t i = 0; i < names.count; i++) {
		hp_cleanup_text struct hp_text xml = {0};
		hp_cleanup_free char *path = hp_asprintf("%s/%s", running, names.names[i]);
		if (!hp_ends_with(path, ".xml") ||
		    hp_host_read_text(host, path, XML_LIMIT, &xml) < 0 ||
		    !names_address(hp_text_get(&xml), address))
			continue;
		hp_obstacles_add(ret, HP_OBSTACLE_OWNER, address,
		                 "libvirt gave it to a guest that runs (%s)", path);
	}
}

/* mdevctl makes the mdevs that it has definitions of when their parent appears. */
static void find_mdevctl(struct hp_host *host, const char *address, struct hp_obstacles *ret)
{
	hp_cleanup_names struct hp_names names = {0};
	hp_cleanup_free char *path = hp_asprintf("/etc/mdevctl.d/%s", address);
	if (hp_host_list(host, path, &names) < 0)
		return;
	for (size_t i = 0; i < names.count; i++)
		hp_obstacles_add(ret, HP_OBSTACLE_OWNER, address,
		                 "mdevctl keeps an mdev on it (%s/%s)", path, names.names[i]);
}

/* libvirt remembers what it detached in its memory alone: all that others see is the override. */
static void find_override(struct hp_host *host, const char *address, struct hp_obstacles *ret)
{
	char override[64], kept[64];
	hp_cleanup_free char *path =
	    hp_asprintf("/sys/bus/pci/devices/%s/driver_override", address);
	hp_cleanup_free char *file = hp_asprintf("/etc/driverctl.d/pci-%s", address);
	if (hp_host_read(host, path, override, sizeof(override)) < 0 || !strstr(override, "vfio") ||
	    (read_driverctl(host, file, kept) && strcmp(kept, override) == 0))
		return;
	bool libvirt = hp_host_exists(host, "/run/libvirt/nodedev/driver.pid") == 1;
	hp_obstacles_add(ret, HP_OBSTACLE_SOMEBODY, address, "somebody gave it to %s (%s)%s",
	                 override, path,
	                 libvirt ? "; libvirt runs here: virsh nodedev-detach does so, "
	                           "nodedev-reattach takes it back"
	                         : ": virsh nodedev-detach does so, and vfio tools");
}

/* What shows that somebody else manages all GPUs of the host. */
static const struct {
	const char *path, *who;
} managers[] = {
    {"/run/nvidia/validations", "the NVIDIA GPU Operator manages this host's GPUs"},
    {"/var/lib/kubelet/plugins/gpu.nvidia.com", "NVIDIA's DRA driver hands out this host's GPUs"},
};

/* Their pods, as processes are called (15 characters). */
static const struct {
	const char *command, *who;
} pods[] = {
    {"nvidia-vfio-man", "the GPU Operator's vfio-manager sets the drivers of GPUs"},
    {"vfio-manager", "the GPU Operator's vfio-manager sets the drivers of GPUs"},
    {"nvidia-mig-mana", "mig-manager sets the MIG layout of GPUs"},
};

static void find_managers(struct hp_host *host, const char *address, struct hp_obstacles *ret)
{
	hp_cleanup_free char *processes = hp_calloc(1, 1 << 18);
	for (size_t i = 0; i < HP_COUNT(managers); i++)
		if (hp_host_exists(host, managers[i].path) == 1)
			hp_obstacles_add(ret, HP_OBSTACLE_OWNER, address, "%s (%s)",
			                 managers[i].who, managers[i].path);
	if (hp_host_ask(host, "processes", processes, 1 << 18) < 0)
		return;
	char *at = processes;
	for (const char *line; (line = strsep(&at, "\n"));)
		for (size_t i = 0; i < HP_COUNT(pods); i++)
			if (strcmp(line, pods[i].command) == 0)
				hp_obstacles_add(ret, HP_OBSTACLE_OWNER, address, "%s",
				                 pods[i].who);
}

/* Only those who manage NVIDIA's GPUs, and only on those. */
static bool is_nvidia(struct hp_host *host, const char *address)
{
	char vendor[16] = "";
	hp_host_readf(host, vendor, sizeof(vendor), "/sys/bus/pci/devices/%s/vendor", address);
	return strcmp(vendor, "0x10de") == 0;
}

void hp_step_keepers(struct hp_host *host, const char *address, const char *driver,
                     struct hp_obstacles *ret)
{
	find_driverctl(host, address, driver, ret);
	find_libvirt(host, address, ret);
	find_mdevctl(host, address, ret);
	find_override(host, address, ret);
}

void hp_step_owners(struct hp_host *host, const char *address, const char *driver,
                    struct hp_obstacles *ret)
{
	hp_step_keepers(host, address, driver, ret);
	if (is_nvidia(host, address))
		find_managers(host, address, ret);
}
