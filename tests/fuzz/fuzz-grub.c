// Fuzz target: files of bootloaders. SPDX-License-Identifier: Apache-2.0
#include "base/text.h"
#include "host/boot-entry.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What was found is whole, and what was not found is empty. */
static void check(bool found, struct hp_boot_entry *entry)
{
	if (found != (entry->cmdline != NULL) || (!found && entry->kernel))
		abort();
	hp_boot_entry_free(entry);
}

static bool with_saved(const char *text, struct hp_boot_entry *ret)
{
	return hp_grub_default_entry(text, "1>0", ret);
}

static bool with_options(const char *text, struct hp_boot_entry *ret)
{
	return hp_bls_entry(text, "ro quiet", ret);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	bool (*const parsers[])(const char *, struct hp_boot_entry *) = {
	    with_saved, with_options, hp_syslinux_default_entry, hp_limine_default_entry};
	char *text = hp_strndup((const char *)data, size);
	struct hp_grub_defaults defaults = {0};
	for (size_t i = 0; i < sizeof(parsers) / sizeof(parsers[0]); i++) {
		struct hp_boot_entry entry = {0};
		check(parsers[i](text, &entry), &entry);
	}
	hp_grub_defaults_read(&defaults, text);
	free(hp_grub_defaults_cmdline(&defaults));
	hp_grub_defaults_free(&defaults);
	free(hp_boot_release(text));
	free(text);
	return 0;
}
