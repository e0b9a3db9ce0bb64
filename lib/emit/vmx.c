// VMware's .vmx: DirectPath I/O; and the same, and vGPUs, as the API's fields. ESXi is not probed:
// the addresses are those that this host's facts tell. SPDX-License-Identifier: Apache-2.0
#include "base/cleanup.h"
#include "emit/emitters.h"
#include "emit/vmm.h"

#include <ctype.h>
#include <string.h>

#define GIB    (1LL << 30)
#define SOURCE "https://knowledge.broadcom.com/external/article/323402"

/* "00000:025:00.0": ESXi counts in decimal numbers. */
static char *decimal_id(const char *address)
{
	unsigned domain, bus, slot, function;
	if (sscanf(address, "%x:%x:%x.%x", &domain, &bus, &slot, &function) != 4)
		return hp_strdup(address);
	return hp_asprintf("%05u:%03u:%02u.%u", domain, bus, slot, function);
}

static int64_t power_of_two(int64_t least)
{
	int64_t power = 1;
	while (power < least && power < INT64_MAX / 4)
		power *= 2;
	return power;
}

/* VMware's rule: the boards' memory together, rounded up to a power of two, twice that. Where the
 * BARs are known they say it; -1: neither is. */
static int64_t mmio_gib(const struct hp_emit *emit)
{
	int64_t window = hp_emit_window(emit), memory = 0;
	if (window > 0)
		return window < GIB ? 1 : window / GIB;
	for (size_t i = 0; i < emit->count; i++) {
		int64_t own = hp_emit_number(
		    emit,
		    "SELECT m.memory_gib FROM accelerator a JOIN accelerator_model m ON"
		    " m.vendor = a.vendor AND m.device = a.device AND m.subsystem = ''"
		    " WHERE a.host = ?1 AND a.address = ?2",
		    emit->devices[i].address, -1);
		if (own < 0)
			return -1;
		memory += own;
	}
	return 2 * power_of_two(memory);
}

// -- the file --

static void add_line(struct hp_text *text, const char *key, const char *value)
{
	hp_text_printf(text, "%s = \"", key);
	for (const char *at = value; *at; at++)
		hp_text_printf(
		    text, strchr("\"|", *at) || iscntrl((unsigned char)*at) ? "|%02X" : "%c", *at);
	hp_text_puts(text, "\"\n");
}

static void add_indexed(struct hp_text *text, size_t index, const char *field, const char *value)
{
	hp_cleanup_free char *key = hp_asprintf("pciPassthru%zu.%s", index, field);
	add_line(text, key, value);
}

static void add_device(struct hp_text *text, const struct hp_emit_device *device)
{
	const struct hp_accelerator *accelerator = device->accelerator;
	hp_cleanup_free char *id = decimal_id(device->address);
	add_indexed(text, device->index, "present", "TRUE");
	add_indexed(text, device->index, "id", id);
	if (accelerator->vendor && accelerator->device) {
		hp_cleanup_free char *vendor = hp_asprintf("0x%s", accelerator->vendor);
		hp_cleanup_free char *model = hp_asprintf("0x%s", accelerator->device);
		add_indexed(text, device->index, "vendorId", vendor);
		add_indexed(text, device->index, "deviceId", model);
	}
}

static void add_guest(const struct hp_emit *emit, struct hp_text *text)
{
	hp_cleanup_free char *memory = hp_asprintf("%lld", (long long)(emit->guest_memory >> 20));
	hp_cleanup_free char *cpus = hp_asprintf("%lld", (long long)emit->cpus);
	const char *const lines[][2] = {
	    {"displayName", emit->name}, {"numvcpus", cpus},        {"memSize", memory},
	    {"firmware", "efi"},         {"sched.mem.min", memory}, {"sched.mem.pin", "TRUE"},
	};
	for (size_t i = 0; i < HP_COUNT(lines); i++)
		add_line(text, lines[i][0], lines[i][1]);
}

static void add_mmio(const struct hp_emit *emit, struct hp_emission *to)
{
	int64_t size = mmio_gib(emit);
	add_line(&to->text, "pciPassthru.use64bitMMIO", "TRUE");
	if (size < 0) {
		hp_note(to,
		        "pciPassthru.64bitMMIOSizeGB is left out: neither BARs nor memory of the "
		        "boards are known");
		return;
	}
	hp_cleanup_free char *value = hp_asprintf("%lld", (long long)size);
	add_line(&to->text, "pciPassthru.64bitMMIOSizeGB", value);
}

static int emit_file(const struct hp_emit *emit, struct hp_emission *to)
{
	if (strcmp(emit->surface->surface, "esxi-vgpu") == 0)
		return hp_refuse(
		    to, SOURCE,
		    "a vGPU is given to a VM by vSphere's API, not by its file: `happypath "
		    "emit vmx:api`");
	add_guest(emit, &to->text);
	for (size_t i = 0; i < emit->count; i++)
		add_device(&to->text, &emit->devices[i]);
	add_mmio(emit, to);
	hp_note(to,
	        "pciPassthruN.systemId, the ESXi host's own UUID, is filled in by vSphere when the "
	        "device is added there; it is not known here");
	return 0;
}

// -- the API --

static json_t *vgpu_backing(const struct hp_emit_device *device, struct hp_emission *to)
{
	if (!device->type) {
		hp_refuse(to, NULL,
		          "which vGPU profile is wanted is not known: --share vgpu:grid_…");
		return NULL;
	}
	return json_pack("{s:s, s:s}", "_typeName", "VirtualPCIPassthroughVmiopBackingInfo", "vgpu",
	                 device->type);
}

/* Dynamic DirectPath I/O (vSphere 7.0): any board with these ids. A backing that names one board
 * wants the ESXi host's systemId besides, which nobody outside of it knows. */
static json_t *direct_backing(const struct hp_emit_device *device, struct hp_emission *to)
{
	const struct hp_accelerator *accelerator = device->accelerator;
	if (!accelerator->vendor || !accelerator->device) {
		hp_refuse(to, NULL, "%s: its PCI id is not known, by which vSphere chooses a board",
		          device->address);
		return NULL;
	}
	return json_pack("{s:s, s:s, s:[{s:s, s:i, s:i}]}", "_typeName",
	                 "VirtualPCIPassthroughDynamicBackingInfo", "deviceName", "",
	                 "allowedDevice", "_typeName", "VirtualPCIPassthroughAllowedDevice",
	                 "vendorId", (int)strtoul(accelerator->vendor, NULL, 16), "deviceId",
	                 (int)strtoul(accelerator->device, NULL, 16));
}

static json_t *change(const struct hp_emit *emit, struct hp_emission *to, size_t index)
{
	bool vgpu = strcmp(emit->surface->surface, "esxi-vgpu") == 0;
	json_t *backing = vgpu ? vgpu_backing(&emit->devices[index], to)
	                       : direct_backing(&emit->devices[index], to);
	return json_pack("{s:s, s:s, s:{s:s, s:i, s:o?}}", "_typeName", "VirtualDeviceConfigSpec",
	                 "operation", "add", "device", "_typeName", "VirtualPCIPassthrough", "key",
	                 -(int)index - 1, "backing", backing);
}

static json_t *option(const char *key, const char *value)
{
	return json_pack("{s:s, s:s, s:{s:s, s:s}}", "_typeName", "OptionValue", "key", key,
	                 "value", "_typeName", "string", "_value", value);
}

static json_t *extra_config(const struct hp_emit *emit, struct hp_emission *to)
{
	json_t *extra = json_array();
	int64_t size = mmio_gib(emit);
	json_array_append_new(extra, option("pciPassthru.use64bitMMIO", "TRUE"));
	hp_cleanup_free char *value = hp_asprintf("%lld", (long long)size);
	if (size > 0)
		json_array_append_new(extra, option("pciPassthru.64bitMMIOSizeGB", value));
	else
		hp_note(to, "pciPassthru.64bitMMIOSizeGB is left out: neither BARs nor memory of "
		            "the boards are known");
	return extra;
}

static int emit_api(const struct hp_emit *emit, struct hp_emission *to)
{
	if (strcmp(emit->surface->surface, "esxi-vgpu") != 0)
		hp_note(to, "vSphere chooses any free boards with these ids that are marked for "
		            "passthrough: no address is named");
	json_t *changes = json_array();
	for (size_t i = 0; i < emit->count; i++)
		json_array_append_new(changes, change(emit, to, i));
	to->document =
	    json_pack("{s:s, s:s, s:b, s:o, s:o}", "_typeName", "VirtualMachineConfigSpec",
	              "firmware", "efi", "memoryReservationLockedToMax", 1, "deviceChange", changes,
	              "extraConfig", extra_config(emit, to));
	return 0;
}

int hp_emit_vmx(const struct hp_emit *emit, struct hp_emission *to, struct hp_error *err)
{
	(void)err;
	if (strcmp(emit->variant, "api") == 0)
		return emit_api(emit, to);
	hp_note(to, "ESXi is not probed: the addresses are this host's");
	return emit_file(emit, to);
}
