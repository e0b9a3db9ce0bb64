// OpenStack Nova: which devices a compute node has, and by what name they are asked for.
// SPDX-License-Identifier: Apache-2.0
//
// openstack/nova:nova/conf/pci.py, nova/conf/devices.py, doc/source/admin/pci-passthrough.rst,
// doc/source/admin/virtual-gpu.rst.
#include "base/cleanup.h"
#include "emit/container.h"
#include "emit/emitters.h"
#include "emit/kube.h"

#include <string.h>

/* An option's value as JSON on a line; oslo.config replaces $NAME and takes $$ for a dollar. */
static void write_option(struct hp_text *text, const char *option, json_t *value)
{
	char *json = json_dumps(value, JSON_ENCODE_ANY);
	hp_cleanup_free char *doubled = hp_emit_doubled(json, '$');
	hp_text_printf(text, "%s = %s\n", option, doubled);
	free(json);
	json_decref(value);
}

// -- PCI functions --

/* A device that could have VFs and is passed whole is type-PF. */
static const char *type_of(const struct hp_emit *emit, const struct hp_emit_device *device)
{
	hp_cleanup_free char *type = hp_emit_text(
	    emit,
	    "SELECT CASE WHEN physical_function <> 'none' THEN 'type-VF'"
	    " WHEN sriov_totalvfs > 0 THEN 'type-PF' WHEN sriov_totalvfs = 0 THEN 'type-PCI' END"
	    " FROM pci_function WHERE host = ?1 AND address = ?2",
	    device->address);
	static const char *const types[] = {"type-VF", "type-PF", "type-PCI"};
	for (size_t i = 0; type && i < HP_COUNT(types); i++)
		if (strcmp(type, types[i]) == 0)
			return types[i];
	return NULL;
}

/* Ids of what is handed over: a VF's differ from its PF's. */
static char *id_of(const struct hp_emit *emit, const struct hp_emit_device *device, const char *sql)
{
	return hp_emit_text(emit, sql, device->address);
}

static json_t *device_spec(const struct hp_emit *emit, const struct hp_emit_device *device)
{
	hp_cleanup_free char *vendor =
	    id_of(emit, device, "SELECT vendor FROM pci_function WHERE host = ?1 AND address = ?2");
	hp_cleanup_free char *product =
	    id_of(emit, device, "SELECT device FROM pci_function WHERE host = ?1 AND address = ?2");
	json_t *spec = json_pack("{s:s*, s:s*, s:s}", "vendor_id", vendor, "product_id", product,
	                         "address", device->address);
	// A VF with its vendor's driver must not be bound to vfio-pci by libvirt (2025.1).
	if (device->way == HP_WAY_VENDOR_VFIO)
		json_object_set_new(spec, "managed", json_string("no"));
	return spec;
}

static json_t *alias(const struct hp_emit *emit, struct hp_emission *to,
                     const struct hp_emit_device *device)
{
	hp_cleanup_free char *resource = hp_kube_vm_resource(emit, device);
	hp_cleanup_free char *name = hp_kube_name(strchr(resource, '/') + 1);
	json_t *value = device_spec(emit, device);
	json_object_del(value, "address");
	json_object_del(value, "managed");
	json_object_set_new(value, "name", json_string(name));
	if (type_of(emit, device))
		json_object_set_new(value, "device_type", json_string(type_of(emit, device)));
	else
		hp_note(to,
		        "whether %s can have VFs is not known: if it can, its alias needs "
		        "\"device_type\": \"type-PF\"",
		        device->address);
	json_object_set_new(value, "numa_policy", json_string("preferred"));
	return value;
}

static void write_aliases(const struct hp_emit *emit, struct hp_emission *to)
{
	json_t *seen = json_array();
	for (size_t i = 0; i < emit->count; i++) {
		json_t *value = alias(emit, to, &emit->devices[i]), *other;
		size_t k;
		bool there = false;
		json_array_foreach(seen, k, other) there |= json_equal(other, value);
		if (there) {
			json_decref(value);
			continue;
		}
		json_array_append(seen, value);
		write_option(&to->text, "alias", value);
	}
	json_decref(seen);
}

static void write_pci(const struct hp_emit *emit, struct hp_emission *to)
{
	hp_text_puts(&to->text, "[pci]\n");
	for (size_t i = 0; i < emit->count; i++)
		write_option(&to->text, "device_spec", device_spec(emit, &emit->devices[i]));
	write_aliases(emit, to);
	hp_note(to, "device_spec is for nova-compute, alias for nova-api too; a flavor asks by "
	            "pci_passthrough:alias=NAME:COUNT");
	if (emit->devices->way == HP_WAY_VENDOR_VFIO)
		hp_note(to, "\"managed\": \"no\" is known to Nova from 2025.1 on");
}

// -- mediated devices --

static int write_mdev(const struct hp_emit *emit, struct hp_emission *to)
{
	const char *type = emit->devices->type;
	if (!type || !hp_emit_is_word(type))
		return hp_refuse(to, NULL,
		                 "which vGPU type shall be offered is not known: name it as "
		                 "--share %s:TYPE",
		                 emit->surface->share);
	hp_text_printf(&to->text, "[devices]\nenabled_mdev_types = %s\n\n[mdev_%s]\n", type, type);
	hp_text_puts(&to->text, "device_addresses = ");
	for (size_t i = 0; i < emit->count; i++)
		hp_text_printf(&to->text, "%s%s", i ? "," : "", emit->devices[i].address);
	hp_text_puts(&to->text, "\n");
	hp_note(to, "Nova makes mediated devices itself; a flavor asks by resources:VGPU=1");
	return 0;
}

int hp_emit_nova(const struct hp_emit *emit, struct hp_emission *to, struct hp_error *err)
{
	(void)err;
	if (emit->devices->way == HP_WAY_MDEV)
		return write_mdev(emit, to);
	write_pci(emit, to);
	return 0;
}
