// What may be read at which level: looking never disturbs. SPDX-License-Identifier: Apache-2.0
#include "host/backend.h"

#include "base/cleanup.h"

#include <ctype.h>
#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NEVER        99
#define AWAKE_PLACES 1024
#define MAX_BRIDGES  32 // above one another

/* Attributes of a PCI function: level 0 is an allow-list. What is not named here is not read at
 * level 0 or 1 at all, except below the directories in `below`. Level 1 rows reach the device or
 * its driver's firmware, and are read only while it is awake. Sorted by name. The source of what
 * each does is the kernel's drivers/pci/pci-sysfs.c unless said otherwise. */
static const struct attribute {
	const char *name;
	int level;
	const char *why;
} attributes[] = {
    {"acpi_index", 1, "evaluates an ACPI method (drivers/pci/pci-label.c)"},
    {"aer_dev_correctable", 0, "counters in memory (drivers/pci/pcie/aer.c)"},
    {"aer_dev_fatal", 0, "counters in memory"},
    {"aer_dev_nonfatal", 0, "counters in memory"},
    {"ari_enabled", 0, "a flag of struct pci_dev"},
    {"available_compute_partition", 1, "amdgpu wakes the device for its partition files"},
    {"boot_vga", 0, "compares two pointers"},
    {"broken_parity_status", 0, "a flag of struct pci_dev"},
    {"class", 0, "struct pci_dev"},
    {"config", 1, "config space of the device"},
    {"consistent_dma_mask_bits", 0, "struct device"},
    {"current_compute_partition", 1, "amdgpu asks the device"},
    {"current_link_speed", 1, "reads the link status register; since 6.18 wakes the device for it"},
    {"current_link_width", 1, "likewise"},
    {"current_memory_partition", 1, "amdgpu asks the device"},
    {"d3cold_allowed", 0, "a flag of struct pci_dev"},
    {"device", 0, "struct pci_dev"},
    {"dma_mask_bits", 0, "struct device"},
    {"driver_override", 0, "struct pci_dev"},
    {"enable", 0, "a counter of struct pci_dev"},
    {"index", 1, "evaluates an ACPI method where there is one"},
    {"irq", 0, "struct pci_dev"},
    {"label", 1, "evaluates an ACPI method where there is one"},
    {"local_cpulist", 0, "struct device"},
    {"local_cpus", 0, "struct device"},
    {"max_link_speed", 1, "reads the link capabilities register before 6.13"},
    {"max_link_width", 1,
     "reads the link capabilities register; since 6.18 wakes the device for it"},
    {"mem_info_vram_total", 0, "amdgpu's own bookkeeping (amdgpu_vram_mgr.c)"},
    {"modalias", 0, "struct pci_dev"},
    {"msi_bus", 0, "struct pci_bus"},
    {"numa_node", 0, "struct device"},
    {"power/runtime_status", 0, "struct dev_pm_info: looking at it resumes nothing"},
    {"power_state", 0, "the state as the kernel remembers it"},
    {"reset_method", 0, "found when the device was probed, kept in struct pci_dev"},
    {"resource", 0, "addresses in struct pci_dev (not resourceN, which is the BAR itself)"},
    {"revision", 0, "struct pci_dev"},
    {"secondary_bus_number", 1, "reads the bridge's register; since 6.18 wakes it for that"},
    {"sriov_drivers_autoprobe", 0, "struct pci_sriov (drivers/pci/iov.c)"},
    {"sriov_numvfs", 0, "struct pci_sriov"},
    {"sriov_offset", 0, "struct pci_sriov"},
    {"sriov_stride", 0, "struct pci_sriov"},
    {"sriov_totalvfs", 0, "struct pci_sriov"},
    {"sriov_vf_device", 0, "struct pci_sriov"},
    {"sriov_vf_total_msix", 1, "asks the driver, which may ask its device"},
    {"subordinate_bus_number", 1, "reads the bridge's register; since 6.18 wakes it for that"},
    {"subsystem_device", 0, "struct pci_dev"},
    {"subsystem_vendor", 0, "struct pci_dev"},
    {"uevent", 0, "put together from struct pci_dev"},
    {"vendor", 0, "struct pci_dev"},
};

#define MDEV "*-*-*-*-*" // a UUID

/* The same for what lies below a function's directory. fnmatch(3) patterns; '*' matches slashes
 * too. */
static const struct attribute below[] = {
    {"drm/*/dev", 0, "a device number"},
    {"driver/module/*", 0, "the module, no part of the device"},
    {"iommu/*", 0, "the unit's capabilities as the IOMMU driver keeps them"},
    {"iommu_group/*", 0, "bookkeeping of the IOMMU core"},
    {"mdev_supported_types/*", 0, "the parent driver's bookkeeping of its vGPUs"},
    {"net/*/dev_port", 0, "struct net_device"},
    {"nvidia/*", 0, "NVIDIA's vendor-VFIO files: its bookkeeping of vGPUs"},
    {"power/*", 0, "struct dev_pm_info: looking at it resumes nothing"},
    {"resource*_resize", 1, "reads the Resizable BAR capability"},
    {"vfio-dev/*", 0, "a device number"},
    {MDEV "/*", 0, "a mediated device: bookkeeping of its parent's driver"},
};

/* Everywhere else: what disturbs by being read. The first row that matches counts. */
static const struct attribute elsewhere[] = {
    {"/sys/*/config", NEVER, "config space by a way that hides whose it is"},
    {"/sys/*/rom", NEVER, "maps the device's ROM"},
    {"/sys/*/vpd", NEVER, "vital product data: slow, and hangs some devices"},
    {"/sys/*/resource[0-9]*", NEVER, "the BAR itself"},
    {"/sys/*/*_link_speed", NEVER, "link registers by a way that hides whose they are"},
    {"/sys/*/*_link_width", NEVER, "likewise"},
    {"/sys/*/*_compute_partition", NEVER, "amdgpu asks the device"},
    {"/sys/*/*_memory_partition", NEVER, "amdgpu asks the device"},
    {"/sys/*/hwmon/*", NEVER, "sensors: wake devices, talk to firmware"},
    {"/sys/class/thermal/*", NEVER, "sensors"},
    {"/sys/kernel/debug/*", NEVER, "debugfs: anything may happen"},
    {"/sys/kernel/tracing/*", NEVER, "reading trace_pipe takes lines away from others"},
    {"/proc/bus/pci/[0-9a-f]*/*", NEVER, "config space by another name"},
    {"/proc/*/fd/*", NEVER, "opens whatever the process holds"},
    {"/proc/*/root/*", NEVER, "all of the above by another name"},
    {"/proc/*/cwd/*", NEVER, "likewise"},
    {"/proc/kmsg", NEVER, "reading takes lines away from syslog"},
    {"/proc/kcore", NEVER, "memory"},
    {"/dev/kmsg", 0, "the kernel log, left as it is by its readers"},
    {"/dev/*", NEVER, "opening a device node can initialise its device (/dev/nvidia0)"},
};

static bool hex(const char *text, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (!isxdigit((unsigned char)text[i]))
			return false;
	return true;
}

/* DDDD:BB:DD.F; domains of VMD controllers have more digits. */
bool hp_is_address(const char *text, size_t length)
{
	if (length < 12 || length >= HP_ADDRESS_SIZE)
		return false;
	const char *tail = text + length - 8; // ":BB:DD.F"
	return tail[0] == ':' && tail[3] == ':' && tail[6] == '.' && hex(text, length - 8) &&
	       hex(tail + 1, 2) && hex(tail + 4, 2) && tail[7] >= '0' && tail[7] <= '7';
}

/* The last PCI function in a path of sysfs, and what follows it. */
static const char *split_at_function(const char *path, char address[HP_ADDRESS_SIZE])
{
	const char *rest = NULL;
	if (!hp_starts_with(path, "/sys/"))
		return NULL;
	for (const char *at = path; *at;) {
		at += *at == '/';
		size_t length = strcspn(at, "/");
		if (at[length] == '/' && hp_is_address(at, length)) {
			memcpy(address, at, length);
			address[length] = '\0';
			rest = at + length + 1;
		}
		at += length;
	}
	return rest;
}

static int by_name(const void *name, const void *row)
{
	return strcmp(name, ((const struct attribute *)row)->name);
}

static const struct attribute *find_attribute(const char *name)
{
	return bsearch(name, attributes, HP_COUNT(attributes), sizeof(attributes[0]), by_name);
}

/* The level that a file of a PCI function needs. */
static int level_of(const char *name)
{
	const struct attribute *row = find_attribute(name);
	if (row)
		return row->level;
	for (size_t i = 0; i < HP_COUNT(below); i++)
		if (fnmatch(below[i].name, name, 0) == 0)
			return below[i].level;
	return NEVER;
}

static int level_elsewhere(const char *path)
{
	for (size_t i = 0; i < HP_COUNT(elsewhere); i++)
		if (fnmatch(elsewhere[i].name, path, 0) == 0)
			return elsewhere[i].level;
	return 0;
}

/* The level that a path needs, and the PCI function that it belongs to, if any. ".." could lead
 * from an allowed directory to what is not. */
static int level_of_path(const char *path, char address[HP_ADDRESS_SIZE])
{
	if (strstr(path, "/../"))
		return NEVER;
	const char *name = split_at_function(path, address);
	return name ? level_of(name) : level_elsewhere(path);
}

int hp_policy(struct hp_host *host, struct hp_dir *dir, const char *path)
{
	char address[HP_ADDRESS_SIZE] = "", whole[PATH_MAX];
	int level;
	const struct attribute *row = dir && *dir->address ? find_attribute(path) : NULL;
	if (row) { // what is read most: an attribute of a function
		memcpy(address, dir->address, sizeof(address));
		level = row->level;
	} else if (dir) {
		int length = snprintf(whole, sizeof(whole), "%s/%s", dir->path, path);
		level = length < (int)sizeof(whole) ? level_of_path(whole, address) : NEVER;
	} else {
		level = level_of_path(path, address);
	}
	if (level > host->level)
		return -ECANCELED;
	return level == 0 || hp_host_awake(host, address) ? 0 : -ECANCELED;
}

/* What must not say that the function sleeps. "unknown": it has no power management, and is on
 * whenever its bus is. */
static const struct {
	const char *attribute;
	const char *awake; // words
} power[] = {
    {"power_state", "D0 unknown"},
    {"power/runtime_status", "active unsupported"},
};

_Static_assert(HP_COUNT(power) == HP_POWERS, "struct hp_awake has a place for each");

static time_t now(void)
{
	struct timespec time;
	clock_gettime(CLOCK_MONOTONIC_COARSE, &time);
	return time.tv_sec;
}

/* What is known of a function. It is believed for a second, which saves asking the same bridges for
 * each function below them. */
static struct hp_awake *place_of(struct hp_host *host, const char *address)
{
	if (!host->awake)
		host->awake = hp_calloc(AWAKE_PLACES, sizeof(*host->awake));
	uint32_t hash = 2166136261u; // FNV-1a
	for (const char *at = address; *at; at++)
		hash = (hash ^ (unsigned char)*at) * 16777619u;
	struct hp_awake *place = &host->awake[hash % AWAKE_PLACES];
	if (strcmp(place->address, address) == 0 && now() - place->when <= 1)
		return place;
	*place = (struct hp_awake){.when = now()};
	memcpy(place->address, address, strlen(address) + 1);
	return place;
}

/* What is not there (older kernels, no runtime power management, bare copies) says nothing against
 * the function. */
static bool speaks_of_sleep(const char *value, ssize_t length, const char *awake)
{
	if (length == -ENOENT || length == -ENOTDIR || length == -ENODATA)
		return false;
	return length < 0 || !hp_has_word(awake, value);
}

void hp_policy_note(struct hp_host *host, const struct hp_dir *dir, const char *name,
                    const char *value, ssize_t length)
{
	if (*name != 'p' || !*dir->address || host->level < 1)
		return;
	for (size_t i = 0; i < HP_COUNT(power); i++)
		if (strcmp(power[i].attribute, name) == 0)
			place_of(host, dir->address)->parts[i] =
			    speaks_of_sleep(value, length, power[i].awake) ? HP_NO : HP_YES;
}

static bool is_on(struct hp_host *host, const char *address, size_t part)
{
	enum hp_answer known = place_of(host, address)->parts[part];
	if (known != HP_ASK)
		return known == HP_YES;
	char value[32];
	ssize_t length = hp_host_readf(host, value, sizeof(value), "/sys/bus/pci/devices/%s/%s",
	                               address, power[part].attribute);
	return !speaks_of_sleep(value, length, power[part].awake);
}

static const char functions[] = "/sys/bus/pci/devices/";

/* The bridge above: the last but one part of where a function's link leads; "" if it is none. */
static void note_bridge(struct hp_awake *place, const char *target)
{
	const char *end = strrchr(target, '/');
	const char *start = end;
	while (start && start > target && start[-1] != '/')
		start--;
	size_t length = (size_t)(end - start);
	place->above = HP_NO;
	if (!end || !hp_is_address(start, length))
		return;
	place->above = HP_YES;
	memcpy(place->bridge, start, length);
	place->bridge[length] = '\0';
}

void hp_policy_note_link(struct hp_host *host, const struct hp_dir *dir, const char *path,
                         const char *target)
{
	size_t length = sizeof(functions) - 1;
	if (host->level < 1)
		return;
	if (dir ? strlen(dir->path) != length - 1 || strncmp(dir->path, functions, length - 1) != 0
	        : !hp_starts_with(path, functions))
		return;
	const char *address = dir ? path : path + length;
	if (hp_is_address(address, strlen(address)))
		note_bridge(place_of(host, address), target);
}

/* 1, 0 if there is none, or a negative errno. */
static int bridge_above(struct hp_host *host, const char *address, char bridge[HP_ADDRESS_SIZE])
{
	if (place_of(host, address)->above == HP_ASK) {
		char path[PATH_MAX], target[PATH_MAX];
		snprintf(path, sizeof(path), "%s%s", functions, address);
		ssize_t length =
		    hp_host_link(host, path, target, sizeof(target)); // and so it is noted
		if (length < 0) // in a copy it can be a directory, or missing
			return length == -EINVAL || length == -ENOENT || length == -ENODATA
			           ? 0
			           : (int)length;
	}
	const struct hp_awake *place = place_of(host, address);
	memcpy(bridge, place->bridge, sizeof(place->bridge));
	return place->above == HP_YES;
}

static bool may_be_woken(const struct hp_host *host, const char *address)
{
	for (const char *const *at = host->wake; at && *at; at++)
		if (strcmp(*at, address) == 0)
			return true;
	return false;
}

/* Itself and all bridges above. */
static bool is_awake(struct hp_host *host, const char *address, int depth)
{
	enum hp_answer known = place_of(host, address)->whole;
	if (known != HP_ASK)
		return known == HP_YES;
	bool awake = depth < MAX_BRIDGES;
	for (size_t i = 0; awake && i < HP_COUNT(power); i++)
		awake = is_on(host, address, i);
	char bridge[HP_ADDRESS_SIZE];
	int above = awake ? bridge_above(host, address, bridge) : 0;
	awake = awake && above >= 0 && (!above || is_awake(host, bridge, depth + 1));
	place_of(host, address)->whole = awake ? HP_YES : HP_NO;
	return awake;
}

bool hp_host_awake(struct hp_host *host, const char *address)
{
	return may_be_woken(host, address) || is_awake(host, address, 0);
}
