// The device nodes by which a container gets what is handed over.
// SPDX-License-Identifier: Apache-2.0
#include "emit/nodes.h"

#include "base/cleanup.h"
#include "base/database.h"

#include <string.h>

// -- what was seen --

enum seen { SEEN_NO, SEEN_YES, SEEN_UNKNOWN };

static enum seen seen_node(const struct hp_emit *emit, const char *path)
{
	hp_cleanup_free char *state =
	    hp_emit_text(emit, "SELECT state FROM device_node WHERE host = ?1 AND path = ?2", path);
	if (!state)
		return SEEN_UNKNOWN;
	return strcmp(state, "present") == 0 ? SEEN_YES : SEEN_NO;
}

static void add(json_t *paths, const char *path)
{
	json_array_append_new(paths, json_string(path));
}

/* The paths that a query of the device's address gives. */
static void add_paths(const struct hp_emit *emit, const char *sql, const char *address,
                      json_t *paths)
{
	hp_cleanup_statement sqlite3_stmt *row = NULL;
	if (hp_db_prepare(emit->db, sql, &row, NULL) < 0)
		return;
	sqlite3_bind_text(row, 1, emit->host->name, -1, SQLITE_STATIC);
	sqlite3_bind_text(row, 2, address, -1, SQLITE_STATIC);
	while (hp_db_step(row, NULL) == 1)
		add(paths, hp_db_text(row, 0));
}

// -- the host's driver --

/* What every CUDA program opens, and what only some do: the latter where it was seen. A container
 * does not start if a node is not there. NVIDIA/nvidia-container-toolkit:
 * pkg/nvcdi/common-nvml.go. */
static const struct {
	const char *path;
	bool needed;
} nvidia_shared[] = {
    {"/dev/nvidiactl", true},
    {"/dev/nvidia-uvm", true},
    {"/dev/nvidia-uvm-tools", false},
    {"/dev/nvidia-modeset", false},
};

static void find_nvidia_shared(const struct hp_emit *emit, struct hp_emission *to, json_t *paths)
{
	for (size_t i = 0; i < HP_COUNT(nvidia_shared); i++) {
		const char *path = nvidia_shared[i].path;
		enum seen seen = seen_node(emit, path);
		if (seen == SEEN_YES || nvidia_shared[i].needed)
			add(paths, path);
		if (seen == SEEN_NO && nvidia_shared[i].needed)
			hp_note(to, "%s is not there: `nvidia-modprobe -c 0 -u` makes it", path);
	}
}

static void find_nvidia(const struct hp_emit *emit, struct hp_emission *to,
                        const struct hp_emit_device *device, struct hp_emit_nodes *ret)
{
	int64_t minor =
	    hp_emit_number(emit, "SELECT minor FROM nvidia_gpu WHERE host = ?1 AND address = ?2",
	                   device->accelerator->address, -1);
	find_nvidia_shared(emit, to, ret->shared);
	if (minor < 0) {
		ret->why = "the number of its /dev/nvidiaN is not known: "
			   "the driver nvidia gives it one when it takes it";
		return;
	}
	hp_cleanup_free char *path = hp_asprintf("/dev/nvidia%lld", (long long)minor);
	add(ret->own, path);
}

/* Nodes of a class: the kernel tells which function each is for. */
static void find_class(const struct hp_emit *emit, const struct hp_emit_device *device,
                       struct hp_emit_nodes *ret)
{
	add_paths(emit,
	          "SELECT path FROM device_node WHERE host = ?1 AND address = ?2"
	          " AND state = 'present' AND (substr(path, 1, 9) = '/dev/dri/'"
	          " OR substr(path, 1, 11) = '/dev/accel/' OR substr(path, 1, 11) = '/dev/neuron')"
	          " AND instr(path, '..') = 0 ORDER BY path",
	          device->address, ret->own);
	if (!json_array_size(ret->own))
		ret->why = "which nodes below /dev are its own is not known "
			   "(/sys/class/drm and /sys/class/accel were not seen)";
}

/* ROCm asks /dev/kfd beside the board's own nodes. ROCm/k8s-device-plugin:
 * internal/pkg/plugin/plugin.go */
static void find_driver(const struct hp_emit *emit, struct hp_emission *to,
                        const struct hp_emit_device *device, struct hp_emit_nodes *ret)
{
	const char *vendor = device->accelerator->vendor;
	if (hp_emit_is_nvidia(device)) {
		find_nvidia(emit, to, device, ret);
		return;
	}
	find_class(emit, device, ret);
	if (vendor && strcmp(vendor, "1002") == 0)
		add(ret->shared, "/dev/kfd");
}

// -- VFIO, for a VMM in a container --

/* Documentation/driver-api/vfio.rst: a group's node and the container's, or by iommufd the device's
 * own and /dev/iommu. */
static void find_vfio(const struct hp_emit *emit, struct hp_emission *to,
                      const struct hp_emit_device *device, struct hp_emit_nodes *ret)
{
	if (emit->iommufd && !device->uuid) {
		add(ret->shared, "/dev/iommu");
		add_paths(emit,
		          "SELECT path FROM device_node WHERE host = ?1 AND address = ?2"
		          " AND substr(path, 1, 18) = '/dev/vfio/devices/'"
		          " AND instr(path, '..') = 0 ORDER BY path",
		          device->address, ret->own);
		if (!json_array_size(ret->own))
			ret->why = "its node below /dev/vfio/devices is there once it is bound";
		return;
	}
	add(ret->shared, "/dev/vfio/vfio");
	const char *group = device->iommu_group;
	if (!group || group[strspn(group, "0123456789")]) { // a path must not lead elsewhere
		ret->why = "its IOMMU group is not known";
		return;
	}
	if (device->accelerator->group_predicted)
		hp_note(to, "the IOMMU is not on: the numbers of groups are what they would be");
	hp_cleanup_free char *path = hp_asprintf("/dev/vfio/%s", group);
	add(ret->own, path);
}

void hp_emit_nodes_find(const struct hp_emit *emit, struct hp_emission *to,
                        const struct hp_emit_device *device, struct hp_emit_nodes *ret)
{
	*ret = (struct hp_emit_nodes){.own = json_array(), .shared = json_array()};
	if (device->way == HP_WAY_DRIVER)
		find_driver(emit, to, device, ret);
	else
		find_vfio(emit, to, device, ret);
}

void hp_emit_nodes_finish(struct hp_emit_nodes *nodes)
{
	json_decref(nodes->own);
	json_decref(nodes->shared);
	*nodes = (struct hp_emit_nodes){0};
}

/* Adds what `from` has and `to` has not. */
static void join(json_t *to, const json_t *from)
{
	size_t i, k;
	json_t *path, *other;
	json_array_foreach(from, i, path)
	{
		bool there = false;
		json_array_foreach(to, k, other) there |= json_equal(path, other);
		if (!there)
			json_array_append(to, path);
	}
}

json_t *hp_emit_nodes_all(const struct hp_emit *emit, struct hp_emission *to)
{
	json_t *all = json_array(), *own = json_array();
	for (size_t i = 0; i < emit->count; i++) {
		const struct hp_emit_device *device = &emit->devices[i];
		hp_cleanup_nodes struct hp_emit_nodes nodes = {0};
		hp_emit_nodes_find(emit, to, device, &nodes);
		if (nodes.why)
			hp_note(to, "%s is left out: %s", device->address, nodes.why);
		join(all, nodes.shared);
		join(own, nodes.own);
	}
	size_t count = json_array_size(own);
	join(all, own);
	json_decref(own);
	if (count)
		return all;
	json_decref(all);
	hp_refuse(to, NULL, "of none of the devices its nodes below /dev are known");
	return NULL;
}

// -- names --

bool hp_emit_is_nvidia(const struct hp_emit_device *device)
{
	const char *vendor = device->accelerator->vendor;
	return vendor && strcmp(vendor, "10de") == 0;
}

/* NVML counts in the order of PCI addresses the boards that the driver nvidia has: "the order in
 * which NVML enumerates devices" is by bus id since its 331. */
int64_t hp_emit_nvidia_index(const struct hp_emit *emit, const struct hp_emit_device *device)
{
	return hp_emit_number(
	    emit,
	    "SELECT CASE WHEN SUM(driver IS NULL) = 0 THEN SUM(driver = 'nvidia') END"
	    " FROM (SELECT a.driver FROM accelerator a WHERE a.host = ?1 AND a.vendor = '10de'"
	    " AND a.kind = 'gpu' AND a.is_vf = 0 AND a.address < ?2"
	    " UNION ALL SELECT 'none')",
	    device->accelerator->address, -1);
}

/* Slices are INDEX:SLICE (NVIDIA/nvidia-container-toolkit:pkg/nvcdi/namer.go). */
char *hp_emit_nvidia_name(const struct hp_emit *emit, struct hp_emission *to,
                          const struct hp_emit_device *device)
{
	int64_t index = hp_emit_nvidia_index(emit, device);
	bool slice = strcmp(emit->surface->share, "mig") == 0;
	if (index < 0) {
		index = (int64_t)device->index;
		hp_note(to, "%s is called %lld, as if the driver nvidia had all of NVIDIA's boards",
		        device->address, (long long)index);
	}
	if (slice && hp_emit_number(emit,
	                            "SELECT COUNT(*) FROM mig_instance WHERE host = ?1"
	                            " AND address = ?2",
	                            device->address, 0) == 0)
		hp_note(to, "%s has no MIG slice yet: its first one is meant", device->address);
	return hp_asprintf(slice ? "%lld:0" : "%lld", (long long)index);
}
