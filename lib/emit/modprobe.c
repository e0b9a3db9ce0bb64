// modprobe.d: ids that vfio-pci takes, before the driver that would.
// SPDX-License-Identifier: Apache-2.0
#include "base/cleanup.h"
#include "emit/emitters.h"

#include <string.h>

/* ids= takes every board of an id: say so where the host has one that is not handed over. */
static void note_others(const struct hp_emit *emit, struct hp_emission *to,
                        const struct hp_accelerator *accelerator)
{
	for (size_t i = 0; i < emit->host->accelerator_count; i++) {
		const struct hp_accelerator *other = &emit->host->accelerators[i];
		bool same = other->vendor && other->device && accelerator->vendor &&
		            accelerator->device &&
		            strcmp(other->vendor, accelerator->vendor) == 0 &&
		            strcmp(other->device, accelerator->device) == 0;
		bool given = false;
		for (size_t k = 0; k < emit->count; k++)
			given |= emit->devices[k].accelerator == other;
		if (same && !given)
			hp_note(
			    to,
			    "vfio-pci goes by ids: it takes %s as well, which was not asked for",
			    other->address);
	}
}

static void add_ids(const struct hp_emit *emit, struct hp_emission *to, struct hp_text *ids)
{
	for (size_t i = 0; i < emit->count; i++) {
		const struct hp_accelerator *accelerator = emit->devices[i].accelerator;
		if (!accelerator->vendor || !accelerator->device)
			continue;
		hp_cleanup_free char *id =
		    hp_asprintf("%s:%s", accelerator->vendor, accelerator->device);
		if (strstr(hp_text_get(ids), id))
			continue;
		hp_text_printf(ids, "%s%s", ids->length ? "," : "", id);
		note_others(emit, to, accelerator);
	}
}

/* The drivers that would be first: what is bound today, and what the vendor's boards get. */
static void add_drivers(const struct hp_emit *emit, struct hp_text *text)
{
	hp_cleanup_text struct hp_text seen = {0};
	for (size_t i = 0; i < emit->count; i++) {
		hp_cleanup_free char *modules = hp_emit_text(
		    emit,
		    "SELECT sorted_list(module) FROM (SELECT replace(f.driver, '-', '_') AS module"
		    " FROM accelerator f WHERE f.host = ?1 AND f.address = ?2"
		    " AND f.driver <> 'none' AND f.driver NOT LIKE '%vfio%'"
		    " UNION SELECT d.module FROM host_driver d JOIN accelerator f"
		    " ON f.vendor = d.vendor AND f.kind = d.kind"
		    " WHERE f.host = ?1 AND f.address = ?2)",
		    emit->devices[i].address);
		char *rest = modules;
		for (char *module; (module = strsep(&rest, ", "));) {
			if (!*module || hp_has_word(hp_text_get(&seen), module))
				continue;
			hp_text_printf(&seen, " %s", module);
			hp_text_printf(text, "softdep %s pre: vfio-pci\n", module);
		}
	}
}

int hp_emit_modprobe(const struct hp_emit *emit, struct hp_emission *to, struct hp_error *err)
{
	(void)err;
	for (size_t i = 0; i < emit->count; i++)
		if (emit->devices[i].way != HP_WAY_VFIO)
			return hp_refuse(
			    to, NULL,
			    "%s stays with its vendor's driver: vfio-pci must not take it",
			    emit->devices[i].address);
	hp_cleanup_text struct hp_text ids = {0};
	add_ids(emit, to, &ids);
	if (!ids.length)
		return hp_refuse(to, NULL, "the ids of the devices are not known");
	hp_text_printf(&to->text, "options vfio-pci ids=%s\n", ids.data);
	add_drivers(emit, &to->text);
	hp_note(to,
	        "it counts where vfio-pci is loaded: rebuild the initramfs if the driver is in it");
	return 0;
}
