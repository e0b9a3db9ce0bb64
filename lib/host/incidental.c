// What may differ between two looks at an unchanged host. SPDX-License-Identifier: Apache-2.0
#include "host/record.h"

#include "base/cleanup.h"

#include <fnmatch.h>
#include <string.h>

/* fnmatch(3) patterns; '*' matches slashes too. Everything that is on no row is state: what a step
 * could own, and so must come back byte for byte. */
static const struct {
	const char *pattern;
	const char *why;
} paths[] = {
    {"/sys/*/power/runtime_*_time", "a clock"},
    {"/sys/*/power/runtime_status", "idle devices fall asleep by themselves"},
    {"/sys/*/power/runtime_usage", "a counter"},
    {"/sys/*/power/runtime_active_kids", "a counter"},
    {"/sys/*/power/wakeup_*", "counters and clocks"},
    {"/sys/*/power_state", "idle devices fall asleep by themselves"},
    {"/sys/*/irq", "interrupt numbers are given out anew with each driver"},
    {"/sys/*/msi_irqs*", "interrupt numbers"},
    {"/sys/*/aer_dev_*", "counters of errors"},
    {"/sys/*/current_link_*", "the link trains itself by load"},
    {"/sys/*/available_instances", "follows from the mdevs that there are, which are state"},
    {"/sys/*/refcnt", "a counter"},
    {"/sys/*/initstate", "a module's way through loading"},
    {"/sys/module", "modules come and go with devices' needs; those wanted are in modules-load.d"},
    {"/sys/module/vfio*", "vfio_pci and its kin stay loaded after use (measured)"},
    {"/sys/bus/pci/drivers", "lists the drivers of loaded modules"},
    {"/sys/bus/pci/drivers/vfio*", "vfio_pci stays loaded after use (measured)"},
    {"/sys/*/iommu_group", "groups are numbered anew; their members are compared (group)"},
    {"/sys/kernel/iommu_groups*", "numbers of groups; their members are compared (group)"},
    {"/dev/vfio*", "nodes named by the numbers of groups"},
    {"/dev", "nodes come and go with modules: vfio, unloaded, takes the one along that was there "
             "before it was loaded (measured); devices' nodes are compared (stat)"},
    {"/dev/char", "links named by numbers that are given out anew with each driver"},
    {"/sys/*/free_hugepages", "memory in use"},
    {"/sys/*/surplus_hugepages", "memory in use"},
    {"/sys/devices/system/node/*/meminfo", "memory in use"},
    {"/sys/fs/cgroup*", "running services and their counters"},
    {"/sys/kernel/security*", "listing of what is loaded"},
    {"/proc/[0-9]*", "processes"},
    {"/proc", "lists processes"},
    {"/proc/self*", "happypath itself"},
    {"/proc/modules", "counters of use; addresses"},
    {"/proc/meminfo", "memory in use"},
    {"/proc/cpuinfo", "clocks: \"cpu MHz\" moves, \"bogomips\" is measured anew at each boot"},
    {"/proc/interrupts", "counters"},
    {"/proc/iomem", "mappings of drivers"},
    {"/proc/mounts", "mounts come and go"},
    {"/proc/uptime", "a clock"},
    {"/proc/loadavg", "a clock"},
    {"/proc/stat", "counters"},
    {"/proc/sys/kernel/random/*", "the boot's id"},
    {"/proc/sys/kernel/tainted", "taint stays until the next boot, whatever is put back"},
    {"/proc/keys", "keys of sessions"},
    {"/proc/driver/nvidia/gpus/*", "counters and states of the driver"},
    {"/proc/driver/nvidia/capabilities*", "minors are given out anew"},
    {"/dev/kmsg", "the log"},
    {"/run/*", "running services"},
    {"descriptors", "processes"},
    {"images", "containers that run"},
    {"mappings", "processes"},
    {"processes", "processes"},
    {"time", "a clock"},
    {"uid", "who looked"},
    {"limit.*", "of who looked"},
};

/* On a busy host the answer may come too late, and what was seen then differs from what there is.
 */
static bool asks_for_version(const char *command)
{
	const char *argument = strchr(command, ' ');
	return argument &&
	       (strcmp(argument, " --version") == 0 || strcmp(argument, " version") == 0);
}

const char *hp_incidental(enum hp_record_kind kind, const char *path)
{
	if (kind == HP_RECORD_TIMES)
		return "sizes, times and inodes of files";
	if (kind == HP_RECORD_BITS)
		return "status bits of config space";
	if (kind == HP_RECORD_REMEMBERED)
		return "what was read earlier in this boot";
	if (kind == HP_RECORD_ACCESS)
		return "rights of who looked";
	if (kind == HP_RECORD_COVERED)
		return "how the host was looked at";
	if (kind == HP_RECORD_RUN && asks_for_version(path))
		return "a program's version, which no step changes, told in time or not";
	for (size_t i = 0; i < HP_COUNT(paths); i++)
		if (fnmatch(paths[i].pattern, path, 0) == 0)
			return paths[i].why;
	return NULL;
}
