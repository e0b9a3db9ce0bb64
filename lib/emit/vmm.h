// What the VMMs' formats ask of a host. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "emit/argv.h"
#include "emit/emit.h"

/* Whether the VMM, in the version that the intent names or the host has, knows a feature of
 * knowledge/matrices/vmm_feature.csv: 1, 0, or -1 where its version is not known. */
int hp_vmm_has(const struct hp_emit *emit, const char *vmm, const char *feature);
/* "9.0", since when it does, or "none"; a new string, NULL if nothing is on record. */
char *hp_vmm_since(const struct hp_emit *emit, const char *vmm, const char *feature);

/* Whether VFIO goes by iommufd: asked for, or there on the host, and known to the VMM. What speaks
 * against it becomes a note. */
bool hp_vmm_iommufd(const struct hp_emit *emit, struct hp_emission *to, const char *vmm);

/* Size of the huge pages that the guest's memory shall be in: as the intent says, else as the host
 * has them free; 0: ordinary pages, and a note where that is not what is best. */
int64_t hp_vmm_page_bytes(const struct hp_emit *emit, struct hp_emission *to);
/* The NUMA node of all devices, -1 if they have none, or several. */
int64_t hp_vmm_node(const struct hp_emit *emit);

/* For each device its GPUDirect clique, from 0, or -1: GPUs of NVIDIA's that reach each other below
 * one PCIe switch. Returns how many cliques there are. */
int hp_vmm_cliques(const struct hp_emit *emit, struct hp_emission *to, int *ret);

/* Where iommufd maps no BARs of peers it excludes cliques: leaves whichever was asked for. */
void hp_vmm_peers_or_iommufd(const struct hp_emit *emit, struct hp_emission *to, bool *iommufd,
                             int *cliques, int *count);

/* The 64-bit window for the guest: what the intent says, else what the BARs need; -1 where that is
 * not known, which is noted, as is a window that the address bits have no room for. */
int64_t hp_vmm_window(const struct hp_emit *emit, struct hp_emission *to);

/* What kind of image it is, by its name: "qcow2", "raw". */
const char *hp_vmm_disk_format(const char *image);

/* "16G", "1536M": as VMMs read sizes; a new string. */
char *hp_vmm_size(int64_t bytes);

/* The function's number in an address, whose domain may be longer than four digits. */
char hp_vmm_digit(const char *address);
/* The functions of the device's own slot that are in its group and go with it, by their addresses.
 * Others of the group are a note: they cannot stay with the host's drivers either. */
void hp_vmm_siblings(const struct hp_emit_device *device, struct hp_emission *to,
                     struct hp_argv *ret);

/* What is handed over, function by function: the devices, and the siblings behind each. */
struct hp_vmm_function {
	const struct hp_emit_device *device;
	bool sibling;
	char address[16]; // of a mediated device: its parent's
	char path[80];    // in sysfs
	char id[16];      // gpu0, gpu0-1
};

/* A new array for free. */
struct hp_vmm_function *hp_vmm_functions(const struct hp_emit *emit, struct hp_emission *to,
                                         size_t *ret_count);

/* "10de:2330,10de:22a3": ids of what VFIO takes, siblings too; what else of the host has such an id
 * is noted, since it would be taken as well. */
void hp_vmm_ids(const struct hp_emit *emit, struct hp_emission *to, struct hp_text *ids);
