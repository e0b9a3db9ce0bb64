// Proxmox VE: lines of a machine's configuration, or a mapping of the cluster.
// SPDX-License-Identifier: Apache-2.0
//
// proxmox/qemu-server:src/PVE/QemuServer/PCI.pm, proxmox/pve-guest-common:src/PVE/Mapping/PCI.pm.
#include "base/cleanup.h"
#include "emit/container.h"
#include "emit/emitters.h"
#include "emit/kube.h"

#include <string.h>

/* Of 16 lines hostpci0 to hostpci15 (MAX_HOSTPCI_DEVICES). */
enum { MOST = 16 };

/* An mdev's type, "nvidia-742"; the driver's number alone in vendor-VFIO mode, where Proxmox names
 * types likewise. A new string, NULL if there is none. */
static char *mdev_of(const struct hp_emit_device *device)
{
	if (!device->type || device->way == HP_WAY_VFIO)
		return NULL;
	bool number = device->type[strspn(device->type, "0123456789")] == '\0';
	return hp_asprintf("%s%s", number ? "nvidia-" : "", device->type);
}

/* The whole slot, without its function, takes what else is in it along. */
static void write_path(struct hp_text *text, const struct hp_emit_device *device)
{
	size_t slot = strcspn(device->address, ".");
	bool whole = device->companions && strncmp(device->companions, device->address, slot) == 0;
	hp_text_add(text, device->address, whole ? slot : strlen(device->address));
}

/* pcie=1 is for q35 alone. */
static int write_lines(const struct hp_emit *emit, struct hp_emission *to)
{
	hp_text_puts(&to->text, "machine: q35\n");
	for (size_t i = 0; i < emit->count && i < MOST; i++) {
		hp_cleanup_free char *mdev = mdev_of(&emit->devices[i]);
		hp_text_printf(&to->text, "hostpci%zu: ", i);
		write_path(&to->text, &emit->devices[i]);
		hp_text_printf(&to->text, "%s%s,pcie=1\n", mdev ? ",mdev=" : "", mdev ? mdev : "");
	}
	if (emit->count > MOST)
		hp_note(to,
		        "a machine has %d lines hostpci at most: of %zu devices the first are "
		        "here",
		        MOST, emit->count);
	return 0;
}

// -- the mapping --

/* All of it is checked against the host when a guest starts: what is not known would fail there. */
static bool write_map(const struct hp_emit *emit, struct hp_text *text,
                      const struct hp_emit_device *device)
{
	hp_cleanup_free char *id =
	    hp_emit_text(emit,
	                 "SELECT vendor || ':' || device FROM pci_function WHERE host = ?1"
	                 " AND address = ?2",
	                 device->address);
	hp_cleanup_free char *subsystem =
	    hp_emit_text(emit,
	                 "SELECT subsystem_vendor || ':' || subsystem_device FROM pci_function"
	                 " WHERE host = ?1 AND address = ?2",
	                 device->address);
	// Of the function, also where an mdev of it is meant.
	hp_cleanup_free char *group =
	    hp_emit_text(emit,
	                 "SELECT iommu_group FROM pci_function WHERE host = ?1 AND address = ?2"
	                 " AND iommu_group <> 'none'",
	                 device->address);
	if (!id || !subsystem || !group || !hp_emit_is_word(group) ||
	    device->accelerator->group_predicted)
		return false;
	hp_text_printf(text, "\tmap id=%s,iommugroup=%s,node=%s,path=", id, group,
	               emit->host->name);
	write_path(text, device);
	hp_text_printf(text, ",subsystem-id=%s\n", subsystem);
	return true;
}

static int write_mapping(const struct hp_emit *emit, struct hp_emission *to)
{
	hp_cleanup_free char *name = hp_kube_name(emit->name);
	if (!hp_emit_is_word(emit->host->name))
		return hp_refuse(to, NULL, "'%s' is no name of a node", emit->host->name);
	hp_text_printf(&to->text, "%s\n", name);
	for (size_t i = 0; i < emit->count; i++)
		if (!write_map(emit, &to->text, &emit->devices[i]))
			return hp_refuse(
			    to, "proxmox/pve-guest-common:src/PVE/Mapping/PCI.pm",
			    "a mapping is checked against id, subsystem and IOMMU group: of "
			    "%s not all are known as they will be",
			    emit->devices[i].address);
	if (emit->devices->way != HP_WAY_VFIO)
		hp_text_puts(&to->text, "\tmdev 1\n");
	hp_cleanup_free char *mdev = mdev_of(emit->devices);
	bool vgpu = emit->devices->way != HP_WAY_VFIO;
	hp_note(to, "machines name it as hostpci0: mapping=%s%s%s,pcie=1", name,
	        vgpu ? ",mdev=" : "",
	        !vgpu  ? ""
	        : mdev ? mdev
	               : "TYPE");
	return 0;
}

int hp_emit_proxmox(const struct hp_emit *emit, struct hp_emission *to, struct hp_error *err)
{
	(void)err;
	bool mapping = strcmp(emit->variant, "mapping") == 0;
	for (size_t i = 0; i < emit->count; i++)
		if (emit->devices[i].way != HP_WAY_VFIO &&
		    (!emit->devices[i].type || !hp_emit_is_word(emit->devices[i].type)) && !mapping)
			return hp_refuse(
			    to, NULL,
			    "which vGPU type %s shall have is not known: name it as --share "
			    "%s:TYPE",
			    emit->devices[i].address, emit->surface->share);
	return mapping ? write_mapping(emit, to) : write_lines(emit, to);
}
