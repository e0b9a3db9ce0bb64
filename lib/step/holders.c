// Processes, consoles, disks and networks that hold a PCI function.
// SPDX-License-Identifier: Apache-2.0
#include "step/holders.h"

#include "base/cleanup.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#define DEVICES "/sys/bus/pci/devices"

enum { ANSWER_SIZE = 1 << 20 };

struct scan {
	struct hp_host *host;
	const char *address;
	struct hp_text nodes; // its device nodes, one a line, a newline before the first too
	struct hp_obstacles *ret;
};

static void add_node(struct scan *scan, const char *directory, const char *name)
{
	if (!scan->nodes.length)
		hp_text_puts(&scan->nodes, "\n");
	hp_text_printf(&scan->nodes, "%s%s\n", directory, name);
}

/* Directories below the function whose entries are nodes in /dev. */
static const struct {
	const char *below, *directory;
} node_places[] = {
    {"drm", "/dev/dri/"},
    {"accel", "/dev/accel/"},
    {"vfio-dev", "/dev/vfio/devices/"},
};

static void find_listed_nodes(struct scan *scan)
{
	for (size_t i = 0; i < HP_COUNT(node_places); i++) {
		hp_cleanup_names struct hp_names names = {0};
		hp_cleanup_free char *path =
		    hp_asprintf(DEVICES "/%s/%s", scan->address, node_places[i].below);
		if (hp_host_list(scan->host, path, &names) < 0)
			continue;
		for (size_t j = 0; j < names.count; j++)
			add_node(scan, node_places[i].directory, names.names[j]);
	}
}

/* NVIDIA's nodes are numbered by the driver. */
static void find_nvidia_node(struct scan *scan)
{
	static const char minor[] = "Device Minor:";
	char text[4096], name[32];
	unsigned number;
	ssize_t length = hp_host_readf(scan->host, text, sizeof(text),
	                               "/proc/driver/nvidia/gpus/%s/information", scan->address);
	const char *line = length > 0 ? strstr(text, minor) : NULL;
	if (!line || sscanf(line + strlen(minor), " %u", &number) != 1)
		return;
	snprintf(name, sizeof(name), "nvidia%u", number);
	add_node(scan, "/dev/", name);
}

/* The group's node opens all devices of the group that are with VFIO. */
static void find_group_node(struct scan *scan)
{
	char driver[64], group[32];
	hp_cleanup_free char *link = hp_asprintf(DEVICES "/%s/driver", scan->address);
	hp_cleanup_free char *to_group = hp_asprintf(DEVICES "/%s/iommu_group", scan->address);
	if (hp_host_link_name(scan->host, link, driver, sizeof(driver)) > 0 &&
	    strstr(driver, "vfio") &&
	    hp_host_link_name(scan->host, to_group, group, sizeof(group)) > 0)
		add_node(scan, "/dev/vfio/", group);
}

static void add_mdev_node(struct scan *scan, const char *uuid)
{
	char group[32];
	hp_cleanup_free char *link = hp_asprintf("/sys/bus/mdev/devices/%s/iommu_group", uuid);
	if (hp_host_link_name(scan->host, link, group, sizeof(group)) > 0)
		add_node(scan, "/dev/vfio/", group);
}

/* Its mdevs are held by guests of their own, and go with its driver. */
static void find_mdev_nodes(struct scan *scan)
{
	hp_cleanup_names struct hp_names names = {0};
	hp_cleanup_free char *path = hp_asprintf(DEVICES "/%s", scan->address);
	if (hp_host_list(scan->host, path, &names) < 0)
		return;
	for (size_t i = 0; i < names.count; i++)
		if (strlen(names.names[i]) == strlen("xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx"))
			add_mdev_node(scan, names.names[i]);
}

static bool is_node(const struct scan *scan, const char *path)
{
	hp_cleanup_free char *line = hp_asprintf("\n%s\n", path);
	return strstr(hp_text_get(&scan->nodes), line) != NULL;
}

/* "4711<tab>python3<tab>…<tab>/dev/nvidia0<tab>/dev/nvidiactl": devices begin with '/'. */
static void take_line(struct scan *scan, char *line, const char *how)
{
	const char *pid = strsep(&line, "\t"), *command = strsep(&line, "\t");
	for (const char *field; command && (field = strsep(&line, "\t"));) {
		if (*field != '/' || !is_node(scan, field))
			continue;
		hp_obstacles_add(scan->ret, HP_OBSTACLE_HOLDER, scan->address,
		                 "process %s (%s) has %s %s", pid, command, field, how);
		return;
	}
}

static int ask(struct scan *scan, const char *question, const char *how)
{
	hp_cleanup_free char *answer = hp_calloc(1, ANSWER_SIZE);
	ssize_t length = hp_host_ask(scan->host, question, answer, ANSWER_SIZE);
	if (length < 0)
		return (int)length;
	char *at = answer;
	for (char *line; (line = strsep(&at, "\n"));)
		take_line(scan, line, how);
	return 0;
}

static int find_processes(struct scan *scan, struct hp_error *err)
{
	size_t known = scan->ret->count;
	if (!scan->nodes.length)
		return 0;
	int r = ask(scan, "descriptors", "open");
	if (r == 0 && scan->ret->count == known)
		r = ask(scan, "mappings", "mapped");
	if (r < 0 && hp_host_kind(scan->host) == HP_HOST_LIVE)
		return hp_fail(err, r, "cannot tell which processes hold %s: %s", scan->address,
		               strerror(-r));
	return 0;
}

// == the console

/* Whether a console draws on a framebuffer. */
static bool console_draws(struct hp_host *host)
{
	hp_cleanup_names struct hp_names names = {0};
	if (hp_host_list(host, "/sys/class/vtconsole", &names) < 0)
		return false;
	for (size_t i = 0; i < names.count; i++) {
		char name[64] = "", bind[8] = "";
		hp_host_readf(host, name, sizeof(name), "/sys/class/vtconsole/%s/name",
		              names.names[i]);
		hp_host_readf(host, bind, sizeof(bind), "/sys/class/vtconsole/%s/bind",
		              names.names[i]);
		if (strstr(name, "frame buffer") && strcmp(bind, "1") == 0)
			return true;
	}
	return false;
}

/* Whether a range of /proc/iomem lies in one of the function's BARs (lines of `resource`). */
static bool in_bars(struct scan *scan, uint64_t start)
{
	char text[4096];
	uint64_t low, high;
	if (hp_host_readf(scan->host, text, sizeof(text), DEVICES "/%s/resource", scan->address) <
	    0)
		return false;
	for (const char *line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (sscanf(line, "%" SCNx64 " %" SCNx64, &low, &high) == 2 && high > low &&
		    low <= start && start <= high)
			return true;
	}
	return false;
}

/* What the firmware's framebuffer is called in /proc/iomem, before and after a driver took it. */
static const char *const firmware_regions[] = {
    "efifb",  "efi-framebuffer.0",  "simplefb", "simpledrm", "simple-framebuffer.0",
    "vesafb", "vesa-framebuffer.0", "BOOTFB"};

static void find_firmware_framebuffer(struct scan *scan)
{
	hp_cleanup_text struct hp_text iomem = {0};
	uint64_t start, end;
	char name[64];
	if (hp_host_read_text(scan->host, "/proc/iomem", 4 << 20, &iomem) < 0)
		return;
	for (const char *line = hp_text_get(&iomem); line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (sscanf(line, " %" SCNx64 "-%" SCNx64 " : %63[^\n]", &start, &end, name) != 3)
			continue;
		for (size_t i = 0; i < HP_COUNT(firmware_regions); i++) {
			if (strcmp(name, firmware_regions[i]) != 0 || !in_bars(scan, start))
				continue;
			hp_obstacles_add(
			    scan->ret, HP_OBSTACLE_HOLDER, scan->address,
			    "the console's framebuffer (%s) lies in its BAR: boot with another "
			    "console, or with initcall_blacklist=sysfb_init",
			    name);
			return;
		}
	}
}

static void find_driver_framebuffer(struct scan *scan)
{
	hp_cleanup_names struct hp_names names = {0};
	hp_cleanup_free char *path = hp_asprintf(DEVICES "/%s/graphics", scan->address);
	if (hp_host_list(scan->host, path, &names) < 0 || !names.count)
		return;
	hp_obstacles_add(scan->ret, HP_OBSTACLE_HOLDER, scan->address,
	                 "the console draws on %s: detach it (echo 0 > "
	                 "/sys/class/vtconsole/vtcon1/bind)",
	                 names.names[0]);
}

static void find_consoles(struct scan *scan)
{
	if (!console_draws(scan->host))
		return;
	find_firmware_framebuffer(scan);
	find_driver_framebuffer(scan);
}

/* nvidia-drm with modesetting keeps its GPUs open for as long as it is loaded. */
static void find_nvidia_drm(struct scan *scan)
{
	char driver[64] = "", modeset[8] = "";
	hp_cleanup_free char *link = hp_asprintf(DEVICES "/%s/driver", scan->address);
	hp_host_link_name(scan->host, link, driver, sizeof(driver));
	hp_host_read(scan->host, "/sys/module/nvidia_drm/parameters/modeset", modeset,
	             sizeof(modeset));
	if (strcmp(driver, "nvidia") == 0 && *modeset == 'Y')
		hp_obstacles_add(scan->ret, HP_OBSTACLE_HOLDER, scan->address,
		                 "nvidia-drm holds it (modeset=Y): unload nvidia_drm first");
}

// == disks and networks

/* Whether the device of a class lies below the function. */
static bool lies_below(struct scan *scan, const char *class, const char *name)
{
	char target[PATH_MAX];
	hp_cleanup_free char *path = hp_asprintf("%s/%s", class, name);
	hp_cleanup_free char *part = hp_asprintf("/%s/", scan->address);
	return hp_host_link(scan->host, path, target, sizeof(target)) > 0 &&
	       strstr(target, part) != NULL;
}

/* Where a block device is mounted, is swap, or what is built on it; "" if none of that. */
static void use_of_disk(struct scan *scan, const struct hp_text *mounts, const char *name,
                        char *ret, size_t size)
{
	char number[32] = "";
	hp_cleanup_names struct hp_names holders = {0};
	hp_cleanup_text struct hp_text swaps = {0};
	hp_cleanup_free char *held = hp_asprintf("/sys/class/block/%s/holders", name);
	hp_cleanup_free char *node = hp_asprintf("/dev/%s ", name);
	hp_host_readf(scan->host, number, sizeof(number), "/sys/class/block/%s/dev", name);
	hp_cleanup_free char *field = hp_asprintf(" %s ", number);
	const char *line = *number ? strstr(hp_text_get(mounts), field) : NULL;
	char where[256];
	*ret = '\0';
	// 36 35 98:0 /root-of-the-mount /mount-point …
	if (line && sscanf(line + strlen(field), "%*s %255s", where) == 1)
		snprintf(ret, size, "is mounted at %s", where);
	else if (hp_host_list(scan->host, held, &holders) == 0 && holders.count)
		snprintf(ret, size, "carries %s", holders.names[0]);
	else if (hp_host_read_text(scan->host, "/proc/swaps", 65536, &swaps) == 0 &&
	         strstr(hp_text_get(&swaps), node))
		snprintf(ret, size, "is used for swapping");
}

static void find_disks(struct scan *scan)
{
	hp_cleanup_names struct hp_names names = {0};
	hp_cleanup_text struct hp_text mounts = {0};
	if (hp_host_list(scan->host, "/sys/class/block", &names) < 0)
		return;
	hp_host_read_text(scan->host, "/proc/self/mountinfo", 4 << 20, &mounts);
	for (size_t i = 0; i < names.count; i++) {
		char use[320];
		if (!lies_below(scan, "/sys/class/block", names.names[i]))
			continue;
		use_of_disk(scan, &mounts, names.names[i], use, sizeof(use));
		if (*use)
			hp_obstacles_add(scan->ret, HP_OBSTACLE_HOLDER, scan->address,
			                 "its disk %s %s", names.names[i], use);
	}
}

void hp_step_networks(struct hp_host *host, const char *address, struct hp_obstacles *ret)
{
	struct scan scan = {.host = host, .address = address, .ret = ret};
	hp_cleanup_names struct hp_names names = {0};
	if (hp_host_list(host, "/sys/class/net", &names) < 0)
		return;
	for (size_t i = 0; i < names.count; i++) {
		char state[32] = "";
		if (!lies_below(&scan, "/sys/class/net", names.names[i]))
			continue;
		hp_host_readf(host, state, sizeof(state), "/sys/class/net/%s/operstate",
		              names.names[i]);
		hp_obstacles_add(ret, HP_OBSTACLE_CONSENT, address,
		                 "its network %s, which is %s, goes away", names.names[i],
		                 *state ? state : "there");
	}
}

int hp_step_mdev_holders(struct hp_host *host, const char *uuid, struct hp_obstacles *ret,
                         struct hp_error *err)
{
	struct scan scan = {.host = host, .address = uuid, .ret = ret};
	add_mdev_node(&scan, uuid);
	int r = find_processes(&scan, err);
	hp_text_free(&scan.nodes);
	return r;
}

int hp_step_holders(struct hp_host *host, const char *address, struct hp_obstacles *ret,
                    struct hp_error *err)
{
	struct scan scan = {.host = host, .address = address, .ret = ret};
	find_listed_nodes(&scan);
	find_nvidia_node(&scan);
	find_group_node(&scan);
	find_mdev_nodes(&scan);
	int r = find_processes(&scan, err);
	find_consoles(&scan);
	find_nvidia_drm(&scan);
	find_disks(&scan);
	hp_text_free(&scan.nodes);
	return r;
}
