// CDI: what a container gets of each device, as nodes. SPDX-License-Identifier: Apache-2.0
//
// cncf-tags/container-device-interface:SPEC.md. Written from facts, so it holds nodes alone: which
// libraries of a vendor belong to them only the vendor's own generator knows (lib/step/cdi.c runs
// NVIDIA's). The kind is our own, so that it does not fight with that generator's file for names.
#include "base/cleanup.h"
#include "emit/emitters.h"
#include "emit/nodes.h"

#include <string.h>

/* Device names that start with a digit came with 0.5.0
 * (cncf-tags/container-device-interface:pkg/cdi/version.go); the same is what Kata is given
 * (NVIDIA/sandbox-device-plugin:pkg/device_plugin/cdi.go). */
#define CDI_VERSION "0.5.0"

static bool is_vfio(const struct hp_emit *emit)
{
	return emit->devices->way != HP_WAY_DRIVER;
}

/* Kata looks up passed-through NVIDIA boards by this name, and counts them from 0. */
static bool is_for_kata(const struct hp_emit *emit)
{
	return is_vfio(emit) && strcmp(emit->surface->surface, "kata") == 0 &&
	       hp_emit_is_nvidia(emit->devices);
}

static const char *kind_of(const struct hp_emit *emit)
{
	if (is_for_kata(emit))
		return "nvidia.com/pgpu";
	return is_vfio(emit) ? "happypath.io/vfio" : "happypath.io/gpu";
}

static json_t *node_list(const json_t *own, const json_t *shared)
{
	json_t *list = json_array();
	const json_t *const paths[] = {shared, own};
	for (size_t i = 0; i < HP_COUNT(paths); i++) {
		size_t k;
		json_t *path;
		json_array_foreach(paths[i], k, path)
		    json_array_append_new(list, json_pack("{s:O}", "path", path));
	}
	return list;
}

static json_t *device_json(const char *name, json_t *nodes)
{
	return json_pack("{s:s, s:{s:o}}", "name", name, "containerEdits", "deviceNodes", nodes);
}

static void add_device(const struct hp_emit *emit, struct hp_emission *to,
                       const struct hp_emit_device *device, json_t *devices)
{
	hp_cleanup_nodes struct hp_emit_nodes nodes = {0};
	hp_emit_nodes_find(emit, to, device, &nodes);
	if (nodes.why)
		return;
	hp_cleanup_free char *count = hp_asprintf("%zu", json_array_size(devices));
	const char *name = device->uuid ? device->uuid : device->address;
	json_array_append_new(devices, device_json(is_for_kata(emit) ? count : name,
	                                           node_list(nodes.own, nodes.shared)));
}

static void note_what_is_missing(const struct hp_emit *emit, struct hp_emission *to)
{
	if (is_vfio(emit))
		hp_note(to,
		        "this is for a container that runs a VMM, or a runtime that starts one");
	else if (hp_emit_is_nvidia(emit->devices))
		hp_note(to, "it gives device nodes alone: the driver's libraries come from "
		            "`nvidia-ctk cdi generate`, whose devices are nvidia.com/gpu=INDEX");
	hp_note(to, "a container gets a device by its name: --device %s=%s", kind_of(emit),
	        is_for_kata(emit)     ? "0"
	        : emit->devices->uuid ? emit->devices->uuid
	                              : emit->devices->address);
}

int hp_emit_cdi(const struct hp_emit *emit, struct hp_emission *to, struct hp_error *err)
{
	(void)err;
	const char *share = emit->surface->share;
	if (strcmp(share, "mig") == 0)
		return hp_refuse(to, "NVIDIA/nvidia-container-toolkit:pkg/nvcdi/mig-device-nvml.go",
		                 "a MIG slice needs the nodes of its capabilities, whose numbers "
		                 "the driver alone tells: `nvidia-ctk cdi generate` writes them");
	json_t *all = hp_emit_nodes_all(emit, to);
	if (!all)
		return 0;
	json_t *devices = json_array();
	for (size_t i = 0; i < emit->count; i++)
		add_device(emit, to, &emit->devices[i], devices);
	if (json_array_size(devices) > 1 && !is_for_kata(emit))
		json_array_append_new(devices, device_json("all", node_list(all, NULL)));
	json_decref(all);
	to->document = json_pack("{s:s, s:s, s:o}", "cdiVersion", CDI_VERSION, "kind",
	                         kind_of(emit), "devices", devices);
	to->yaml = strcmp(emit->variant, "yaml") == 0;
	note_what_is_missing(emit, to);
	return 0;
}
