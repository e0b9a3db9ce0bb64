// KubeVirt: what devices its virtual machines may have, and one that has them.
// SPDX-License-Identifier: Apache-2.0
//
// kubevirt/user-guide:docs/compute/host-devices.md, kubevirt/kubevirt:staging/src/kubevirt.io/api.
#include "base/cleanup.h"
#include "emit/emitters.h"
#include "emit/kube.h"
#include "emit/vmm.h"

#include <ctype.h>
#include <string.h>

static char *upper(const char *word)
{
	char *text = hp_strdup(word);
	for (char *at = text; *at; at++)
		*at = (char)toupper((unsigned char)*at);
	return text;
}

// -- what is permitted --

/* "10DE:2330", in capitals as everywhere in KubeVirt's documents. */
static json_t *pci_entry(const struct hp_emit *emit, const struct hp_emit_device *device)
{
	hp_cleanup_free char *resource = hp_kube_vm_resource(emit, device);
	hp_cleanup_free char *id =
	    hp_emit_text(emit,
	                 "SELECT vendor || ':' || device FROM pci_function WHERE host = ?1"
	                 " AND address = ?2",
	                 device->address);
	hp_cleanup_free char *selector = id ? upper(id) : NULL;
	return selector ? json_pack("{s:s, s:s}", "pciVendorSelector", selector, "resourceName",
	                            resource)
	                : NULL;
}

static json_t *mediated_entry(const struct hp_emit *emit, const struct hp_emit_device *device)
{
	hp_cleanup_free char *resource = hp_kube_vm_resource(emit, device);
	hp_cleanup_free char *name = hp_kube_type_name(emit, device);
	return name ? json_pack("{s:s, s:s}", "mdevNameSelector", name, "resourceName", resource)
	            : NULL;
}

static bool holds(const json_t *list, const json_t *entry)
{
	size_t i;
	json_t *other;
	json_array_foreach(list, i, other) if (json_equal(other, entry)) return true;
	return false;
}

/* What stands for the devices, each once; NULL if of one its id or type is not known. */
static json_t *permitted(const struct hp_emit *emit)
{
	json_t *list = json_array();
	for (size_t i = 0; i < emit->count; i++) {
		const struct hp_emit_device *device = &emit->devices[i];
		json_t *entry = device->way == HP_WAY_MDEV ? mediated_entry(emit, device)
		                                           : pci_entry(emit, device);
		if (!entry) {
			json_decref(list);
			return NULL;
		}
		if (!holds(list, entry))
			json_array_append(list, entry);
		json_decref(entry);
	}
	return list;
}

static json_t *kubevirt_json(json_t *list, bool mediated)
{
	return json_pack("{s:s, s:s, s:{s:s, s:s}, s:{s:{s:{s:[s,s]}, s:{s:o}}}}", "apiVersion",
	                 "kubevirt.io/v1", "kind", "KubeVirt", "metadata", "name", "kubevirt",
	                 "namespace", "kubevirt", "spec", "configuration", "developerConfiguration",
	                 "featureGates", "GPU", "HostDevices", "permittedHostDevices",
	                 mediated ? "mediatedDevices" : "pciHostDevices", list);
}

static int write_permitted(const struct hp_emit *emit, struct hp_emission *to)
{
	json_t *list = permitted(emit);
	bool mediated = emit->devices->way == HP_WAY_MDEV;
	if (!list)
		return hp_refuse(to, NULL,
		                 "%s: its %s is not known, by which KubeVirt would find it",
		                 emit->devices->address, mediated ? "vGPU type" : "PCI id");
	to->document = kubevirt_json(list, mediated);
	to->yaml = true;
	hp_note(to,
	        "add it to the cluster's KubeVirt by `kubectl edit`: a merge patch would replace "
	        "the lists that are there; where a device plugin of the vendor hands the devices "
	        "out, the entry takes that plugin's resourceName and externalResourceProvider: "
	        "true");
	return 0;
}

// -- the machine --

/* Other functions of the group go along or stay unbound: KubeVirt hands out what is permitted. */
static void note_companions(const struct hp_emit *emit, struct hp_emission *to)
{
	for (size_t i = 0; i < emit->count; i++)
		if (emit->devices[i].companions)
			hp_note(to,
			        "%s shares its IOMMU group with %s: they must be on vfio-pci too",
			        emit->devices[i].address, emit->devices[i].companions);
}

static json_t *gpus_json(const struct hp_emit *emit)
{
	json_t *list = json_array();
	for (size_t i = 0; i < emit->count; i++) {
		hp_cleanup_free char *name = hp_asprintf("gpu%zu", i);
		hp_cleanup_free char *resource = hp_kube_vm_resource(emit, &emit->devices[i]);
		json_array_append_new(
		    list, json_pack("{s:s, s:s}", "name", name, "deviceName", resource));
	}
	return list;
}

static json_t *machine_spec(const struct hp_emit *emit, struct hp_emission *to)
{
	const char *image =
	    emit->wish->image ? emit->wish->image : "quay.io/containerdisks/fedora:latest";
	const char *kind = emit->devices->accelerator->kind;
	bool gpu = kind && strcmp(kind, "gpu") == 0;
	if (!emit->wish->image)
		hp_note(to, "no disk was named (--image): %s stands for it", image);
	json_t *memory = json_sprintf("%lldMi", (long long)(emit->guest_memory >> 20));
	json_t *devices = json_pack("{s:[{s:s, s:{s:s}}], s:o}", "disks", "name", "root", "disk",
	                            "bus", "virtio", gpu ? "gpus" : "hostDevices", gpus_json(emit));
	json_t *domain =
	    json_pack("{s:{s:I}, s:{s:o}, s:{s:s}, s:o}", "cpu", "cores", (json_int_t)emit->cpus,
	              "memory", "guest", memory, "machine", "type", "q35", "devices", devices);
	return json_pack("{s:o, s:[{s:s, s:{s:s}}]}", "domain", domain, "volumes", "name", "root",
	                 "containerDisk", "image", image);
}

static int write_machine(const struct hp_emit *emit, struct hp_emission *to)
{
	json_t *spec = machine_spec(emit, to);
	hp_kube_pin(emit, to, spec);
	note_companions(emit, to);
	to->document = hp_kube_object("kubevirt.io/v1", "VirtualMachineInstance", emit->name, spec);
	to->yaml = true;
	return 0;
}

// -- VFs that stay with their vendor's driver --

#define SOURCE "https://github.com/kubevirt/kubevirt/pull/16890"

static bool is_other_type(const struct hp_emit_device *a, const struct hp_emit_device *b)
{
	const char *x = a->accelerator->device, *y = b->accelerator->device;
	return x && y && strcmp(x, y) == 0 && a->type && b->type && strcmp(a->type, b->type) != 0;
}

/* KubeVirt tells PCI devices apart by their id alone, which all VFs of a board share. */
static void refuse_mixed(const struct hp_emit *emit, struct hp_emission *to)
{
	const struct hp_emit_device *first = emit->devices;
	for (size_t i = 1; i < emit->count && !to->refusal; i++)
		if (is_other_type(first, &first[i]))
			hp_refuse(to, SOURCE,
			          "KubeVirt goes by the PCI id: %s (vGPU type %s) and %s (%s) "
			          "would be one resource",
			          first->address, first->type, first[i].address, first[i].type);
}

static void check_vendor_vfio(const struct hp_emit *emit, struct hp_emission *to)
{
	int has = hp_vmm_has(emit, "kubevirt", "vendor-vfio-vgpu");
	hp_cleanup_free char *since = hp_vmm_since(emit, "kubevirt", "vendor-vfio-vgpu");
	const char *first = since ? since : "no release";
	if (has == 0)
		hp_refuse(to, SOURCE,
		          "%s stays with its vendor's driver, and KubeVirt hands such VFs out from "
		          "%s on",
		          emit->devices->address, first);
	else if (has < 0)
		hp_note(to,
		        "KubeVirt hands VFs with a vGPU type out from %s on; which is here is "
		        "not known",
		        first);
	refuse_mixed(emit, to);
	if (!to->refusal)
		hp_note(to, "every VF with this PCI id and any vGPU type is this resource: keep "
		            "the cluster's to one type");
}

int hp_emit_kubevirt(const struct hp_emit *emit, struct hp_emission *to, struct hp_error *err)
{
	(void)err;
	if (emit->devices->way == HP_WAY_VENDOR_VFIO)
		check_vendor_vfio(emit, to);
	if (to->refusal)
		return 0;
	return strcmp(emit->variant, "vmi") == 0 ? write_machine(emit, to)
	                                         : write_permitted(emit, to);
}
