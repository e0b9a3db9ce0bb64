// modprobe.d: ids that vfio-pci takes, before the driver that would.
// SPDX-License-Identifier: Apache-2.0
#include "base/cleanup.h"
#include "emit/emitters.h"
#include "emit/vmm.h"

#include <string.h>

/* The drivers that would be first: what is bound today, and what the vendor's boards get. NVIDIA's
 * have three that come with kernels or its packages. */
static char *drivers_of(const struct hp_emit *emit, const char *address)
{
	return hp_emit_text(
	    emit,
	    "SELECT sorted_list(module) FROM (SELECT replace(f.driver, '-', '_') AS module"
	    " FROM pci_function f WHERE f.host = ?1 AND f.address = ?2"
	    " AND f.driver <> 'none' AND instr(f.driver, 'vfio') = 0"
	    " UNION SELECT d.module FROM host_driver d JOIN accelerator f"
	    " ON f.vendor = d.vendor AND f.kind = d.kind"
	    " WHERE f.host = ?1 AND f.address = ?2"
	    " UNION SELECT n.column1 FROM accelerator f"
	    " JOIN (VALUES ('nvidia'), ('nouveau'), ('nova_core')) n"
	    " WHERE f.host = ?1 AND f.address = ?2 AND f.vendor = '10de')",
	    address);
}

static void add_drivers(const struct hp_emit *emit, const char *address, struct hp_text *seen,
                        struct hp_text *text)
{
	hp_cleanup_free char *modules = drivers_of(emit, address);
	char *rest = modules;
	for (char *module; (module = strsep(&rest, ", "));) {
		if (!*module || hp_has_word(hp_text_get(seen), module))
			continue;
		hp_text_printf(seen, "%s%s", seen->length ? " " : "", module);
		hp_text_printf(text, "softdep %s pre: vfio-pci\n", module);
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
	size_t count;
	hp_cleanup_text struct hp_text ids = {0}, seen = {0};
	hp_cleanup_free struct hp_vmm_function *functions = hp_vmm_functions(emit, to, &count);
	hp_vmm_ids(emit, to, &ids);
	if (!ids.length)
		return hp_refuse(to, NULL, "the ids of the devices are not known");
	hp_text_printf(&to->text, "options vfio-pci ids=%s\n", ids.data);
	for (size_t i = 0; i < count; i++)
		add_drivers(emit, functions[i].address, &seen, &to->text);
	hp_note(to,
	        "it counts where vfio-pci is loaded: rebuild the initramfs if the driver is in it");
	return 0;
}
