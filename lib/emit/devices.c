// What of a board is handed over: itself, a VF, a mediated device, the driver's nodes.
// SPDX-License-Identifier: Apache-2.0
#include "base/cleanup.h"
#include "base/database.h"
#include "base/version.h"
#include "emit/parts.h"

#include <string.h>

/* FNV-1a over host and key, as a UUID of version 8 (RFC 9562). */
void hp_emit_uuid(const struct hp_emit *emit, const char *key, char uuid[37])
{
	uint64_t hash[2] = {0xcbf29ce484222325, 0x84222325cbf29ce4};
	const char *const parts[] = {emit->host->name, "/", key};
	for (size_t i = 0; i < HP_COUNT(parts); i++)
		for (const char *at = parts[i]; *at; at++)
			for (size_t k = 0; k < HP_COUNT(hash); k++)
				hash[k] = (hash[k] ^ (unsigned char)*at) * 0x100000001b3;
	snprintf(uuid, 37, "%08x-%04x-8%03x-%04x-%012llx", (unsigned)(hash[0] >> 32),
	         (unsigned)(hash[0] >> 16 & 0xffff), (unsigned)(hash[0] & 0xfff),
	         (unsigned)(0x8000 | (hash[1] >> 48 & 0x3fff)),
	         (unsigned long long)(hash[1] & 0xffffffffffff));
}

static const char *keep_text(struct hp_emission *emission, const char *sql, const char *key)
{
	hp_cleanup_free char *text = hp_emit_text(&emission->request, sql, key);
	return hp_emit_keep(emission, text);
}

// -- one way each --

static int take_function(struct hp_emission *emission, struct hp_emit_device *device)
{
	(void)emission;
	device->way = HP_WAY_VFIO;
	device->address = device->accelerator->address;
	return 0;
}

static int take_driver(struct hp_emission *emission, struct hp_emit_device *device)
{
	device->way = HP_WAY_DRIVER;
	device->address = device->accelerator->address;
	device->type = emission->request.wish->profile;
	return 0;
}

#define VF_OF "host = ?1 AND physical_function = ?2"

static int take_vf(struct hp_emission *emission, struct hp_emit_device *device)
{
	device->way = HP_WAY_VFIO;
	device->address = keep_text(emission, "SELECT MIN(address) FROM pci_function WHERE " VF_OF,
	                            device->accelerator->address);
	if (device->address)
		return 0;
	return hp_refuse(emission, NULL,
	                 "%s has no VFs yet: `happypath plan --to %s:%s` finds the way to them",
	                 device->accelerator->address, device->offer->surface->surface,
	                 device->offer->surface->share);
}

/* What the consumer makes itself nobody else has to. */
static bool makes(const struct hp_emission *emission, const char *what)
{
	const char *words = emission->request.emitter->makes;
	return words && hp_has_word(words, what);
}

/* An mdev that exists, on the PF or one of its VFs; else one to be made. */
static int take_mdev(struct hp_emission *emission, struct hp_emit_device *device)
{
	const char *board = device->accelerator->address;
	device->way = HP_WAY_MDEV;
	device->uuid =
	    keep_text(emission,
	              "SELECT MIN(m.uuid) FROM mdev m LEFT JOIN pci_function f"
	              " ON f.host = m.host AND f.address = m.parent"
	              " WHERE m.host = ?1 AND (m.parent = ?2 OR f.physical_function = ?2)",
	              board);
	if (device->uuid) {
		device->address =
		    keep_text(emission, "SELECT parent FROM mdev WHERE host = ?1 AND uuid = ?2",
		              device->uuid);
		device->type = keep_text(
		    emission, "SELECT type FROM mdev WHERE host = ?1 AND uuid = ?2", device->uuid);
		return 0;
	}
	device->exists = false;
	device->type = emission->request.wish->profile;
	device->address =
	    keep_text(emission,
	              "SELECT MIN(t.address) FROM vgpu_type t LEFT JOIN pci_function f"
	              " ON f.host = t.host AND f.address = t.address"
	              " WHERE t.host = ?1 AND (t.address = ?2 OR f.physical_function = ?2) AND "
	              "t.available > 0",
	              board);
	if (!device->address)
		device->address = board;
	char uuid[37];
	hp_emit_uuid(&emission->request, device->address, uuid);
	device->uuid = hp_emit_keep(emission, uuid);
	if (!makes(emission, "mdev"))
		hp_note(emission,
		        "there is no mediated device on %s yet: it has to be made as %s%s%s",
		        device->address, uuid, device->type ? " of the type " : "",
		        device->type ? device->type : "");
	return 0;
}

/* A VF whose type is set; else the first, whose type has to be set. */
static int take_vendor_vfio(struct hp_emission *emission, struct hp_emit_device *device)
{
	const char *board = device->accelerator->address;
	device->way = HP_WAY_VENDOR_VFIO;
	device->address = keep_text(emission,
	                            "SELECT MIN(address) FROM pci_function WHERE " VF_OF
	                            " AND vgpu_type_current NOT IN ('none', '0')",
	                            board);
	if (device->address) {
		device->type = keep_text(
		    emission,
		    "SELECT vgpu_type_current FROM pci_function WHERE host = ?1 AND address = ?2",
		    device->address);
		return 0;
	}
	device->exists = false;
	device->type = emission->request.wish->profile;
	device->address =
	    keep_text(emission, "SELECT MIN(address) FROM pci_function WHERE " VF_OF, board);
	if (!device->address && makes(emission, "vf"))
		device->address = board;
	else if (!device->address)
		return hp_refuse(emission, NULL,
		                 "%s has no VFs yet: `happypath plan --to %s:%s` finds the way to "
		                 "them",
		                 board, device->offer->surface->surface,
		                 device->offer->surface->share);
	if (!makes(emission, "type"))
		hp_note(emission, "the vGPU type of %s has to be set first%s%s", device->address,
		        device->type ? ": " : "", device->type ? device->type : "");
	return 0;
}

/* How the host makes vGPUs, where it can be seen: by its mode, or by what was made. */
static char *seen_mode(struct hp_emission *emission, const char *board)
{
	return hp_emit_text(
	    &emission->request,
	    "SELECT CASE WHEN f.vgpu_mode <> 'none' THEN f.vgpu_mode"
	    " WHEN EXISTS (SELECT 1 FROM mdev m LEFT JOIN pci_function v ON v.host = m.host"
	    " AND v.address = m.parent WHERE m.host = f.host AND"
	    " (m.parent = f.address OR v.physical_function = f.address)) THEN 'mdev'"
	    " WHEN EXISTS (SELECT 1 FROM pci_function v WHERE v.host = f.host"
	    " AND v.physical_function = f.address AND v.vgpu_type_current IS NOT NULL)"
	    " THEN 'vendor-vfio' END FROM pci_function f WHERE f.host = ?1 AND f.address = ?2",
	    board);
}

/* Boards without SR-IOV have mediated devices alone. On the others it is up to kernel and driver.
 */
static bool guess_vendor_vfio(struct hp_emission *emission, const char *board)
{
	hp_cleanup_free char *mechanism =
	    hp_emit_text(&emission->request,
	                 "SELECT m.vgpu_mechanism FROM accelerator a JOIN accelerator_model m"
	                 " ON m.vendor = a.vendor AND m.device = a.device AND m.subsystem = ''"
	                 " WHERE a.host = ?1 AND a.address = ?2",
	                 board);
	if (mechanism && strcmp(mechanism, "mdev") == 0)
		return false;
	hp_cleanup_free char *release =
	    hp_emit_text(&emission->request, "SELECT release FROM kernel WHERE host = ?1", NULL);
	hp_cleanup_free char *key = release ? hp_version_key(release) : NULL;
	hp_cleanup_free char *first = hp_version_key("6.8");
	bool vendor = key && first && strcmp(key, first) >= 0;
	hp_note(
	    emission,
	    "the vGPU mode of %s is not known: this is for %s, for the kernel %s. NVIDIA's host "
	    "driver decides: VFs with a type (vendor-vfio) on kernels of 6.8 and later, mediated "
	    "devices (mdev) before; `--assume vgpu-mode=` says which",
	    board, vendor ? "vendor-vfio" : "mdev", release ? release : "is not known either");
	return vendor;
}

static int take_vgpu(struct hp_emission *emission, struct hp_emit_device *device)
{
	const char *board = device->accelerator->address;
	hp_cleanup_free char *mode = seen_mode(emission, board);
	bool vendor = mode ? strcmp(mode, "vendor-vfio") == 0 : guess_vendor_vfio(emission, board);
	return vendor ? take_vendor_vfio(emission, device) : take_mdev(emission, device);
}

/* A hypervisor that is not Linux: it has the board, and makes its own slices. */
static int take_foreign(struct hp_emission *emission, struct hp_emit_device *device)
{
	bool whole = strcmp(device->offer->surface->share, "whole") == 0;
	device->way = whole ? HP_WAY_VFIO : HP_WAY_DRIVER;
	device->address = device->accelerator->address;
	device->type = emission->request.wish->profile;
	return 0;
}

static const struct {
	const char *share; // of VMs
	int (*take)(struct hp_emission *emission, struct hp_emit_device *device);
} takers[] = {
    {"whole", take_function},
    {"vf", take_vf},
    {"vgpu", take_vgpu},
    {"mig-vgpu", take_vgpu},
};

static int take(struct hp_emission *emission, struct hp_emit_device *device)
{
	const struct hp_surface_share *surface = device->offer->surface;
	if (strcmp(surface->isolation, "vm") != 0)
		return take_driver(emission, device);
	if (hp_has_word(surface->mechanism, "foreign"))
		return take_foreign(emission, device);
	for (size_t i = 0; i < HP_COUNT(takers); i++)
		if (strcmp(takers[i].share, surface->share) == 0)
			return takers[i].take(emission, device);
	return hp_refuse(emission, NULL, "%s is no PCI device: a VMM cannot pass it",
	                 surface->share);
}

/* What shares its group goes with it, or is unbound. */
static void find_group(struct hp_emission *emission, struct hp_emit_device *device)
{
	device->iommu_group =
	    device->uuid
		? keep_text(emission, "SELECT iommu_group FROM mdev WHERE host = ?1 AND uuid = ?2",
	                    device->uuid)
		: keep_text(emission,
	                    "SELECT iommu_group FROM pci_function WHERE host = ?1 AND address = ?2",
	                    device->address);
	if (device->iommu_group && strcmp(device->iommu_group, "none") == 0)
		device->iommu_group = NULL;
	if (device->way != HP_WAY_VFIO || !device->iommu_group)
		return;
	device->companions = keep_text(
	    emission,
	    "SELECT sorted_list(o.address || ' ' || coalesce(o.driver, '?')) FROM pci_function f"
	    " JOIN pci_function o ON o.host = f.host AND o.iommu_group = f.iommu_group"
	    " AND o.address <> f.address AND (o.class IS NULL OR substr(o.class, 1, 2) <> '06')"
	    " WHERE f.host = ?1 AND f.address = ?2",
	    device->address);
}

int hp_emit_find_devices(struct hp_emission *emission, struct hp_error *err)
{
	(void)err;
	struct hp_emit *emit = &emission->request;
	for (size_t i = 0; i < emit->count && !emission->refusal; i++) {
		take(emission, &emit->devices[i]);
		if (!emission->refusal)
			find_group(emission, &emit->devices[i]);
	}
	return 0;
}
