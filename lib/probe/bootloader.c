// What the bootloader was told, and what it will start. SPDX-License-Identifier: Apache-2.0
#include "probe/bootloader.h"
#include "probe/look.h"

#include "base/cleanup.h"
#include "host/boot.h"

#include <string.h>

static void put_next(struct hp_host *host, struct hp_row *row)
{
	hp_cleanup_boot_next struct hp_boot_next next = {0};
	bool found = hp_boot_next(host, &next);
	for (size_t i = 0; i < next.unread_count; i++)
		hp_look_result(host, row->facts, next.unread[i].path, next.unread[i].code);
	if (!found)
		return;
	struct hp_boot_entry *entry = &next.entry;
	hp_row_text(row, HP_KERNEL_CMDLINE_NEXT, *entry->cmdline ? entry->cmdline : "none");
	hp_row_text(row, HP_KERNEL_CMDLINE_NEXT_FILE, next.file);
	hp_cleanup_free char *release = entry->release  ? hp_steal(entry->release)
	                                : entry->kernel ? hp_boot_release(entry->kernel)
	                                                : NULL;
	hp_row_text(row, HP_KERNEL_NEXT_RELEASE, release);
}

// == what the administrator asks for

/* The words of a file as one line; NULL if it cannot be read. */
static char *configured_in_plain(struct hp_host *host, const char *path)
{
	hp_cleanup_text struct hp_text text = {0}, line = {0};
	if (hp_host_read_text(host, path, 65536, &text) < 0)
		return NULL;
	hp_cleanup_free char *copy = hp_strdup(hp_text_get(&text));
	char *cursor = copy;
	for (char *word; (word = hp_next_word(&cursor));)
		hp_text_printf(&line, "%s%s", line.length ? " " : "", word);
	return hp_strdup(hp_text_get(&line));
}

static char *configured_in_single(struct hp_host *host, const char *path)
{
	hp_cleanup_boot_entry struct hp_boot_entry entry = {0};
	return hp_boot_single_entry(host, path, &entry) ? hp_steal(entry.cmdline) : NULL;
}

// Options whose absence from the running command line an operator would come here for.
static const char *const telling_options[] = {
    "iommu",
    "intel_iommu",
    "amd_iommu",
    "vfio",
    "pci=",
    "pci_",
    "pcie_",
    "video=",
    "hugepages",
    "default_hugepagesz",
    "modprobe.blacklist",
    "module_blacklist",
    "rd.driver",
    "nouveau",
    "nvidia",
    "i915",
    "xe.",
    "amdgpu",
    "kvm",
};

/* How many telling options of `configured` the running command line lacks. */
static int count_missing(const char *configured, const char *running)
{
	hp_cleanup_free char *copy = hp_strdup(configured);
	char *cursor = copy;
	int missing = 0;
	for (char *word; (word = hp_next_word(&cursor));) {
		bool telling = false;
		for (size_t i = 0; i < HP_COUNT(telling_options) && !telling; i++)
			telling = hp_starts_with(word, telling_options[i]);
		missing += telling && !hp_has_word(running, word);
	}
	return missing;
}

/* A host may hold the configuration of several bootloaders, and editing the wrong one is a classic.
 * So: the one that asks for what is not running, else that of the bootloader that booted. */
static void put_configured(struct hp_host *host, struct hp_row *row, const char *running)
{
	const char *bootloader = hp_bootloader(host), *file = NULL;
	hp_cleanup_free char *chosen = NULL;
	int best = -1;
	static const struct {
		const char *path, *bootloaders;
		char *(*plain)(struct hp_host *host, const char *path);
	} sources[] = {
	    {"/etc/default/grub", "grub", NULL},
	    {"/etc/kernel/cmdline", "systemd-boot proxmox-boot-tool uki efistub",
	     configured_in_plain},
	    {"/run/current-system/kernel-params", "systemd-boot grub", configured_in_plain},
	    {"/boot/syslinux/syslinux.cfg", "syslinux", configured_in_single},
	    {"/boot/extlinux/extlinux.conf", "extlinux", configured_in_single},
	    {"/boot/limine.conf", "limine", configured_in_single},
	    {"/boot/limine/limine.conf", "limine", configured_in_single},
	    {"/boot/EFI/limine/limine.conf", "limine", configured_in_single},
	    {"/boot/efi/limine.conf", "limine", configured_in_single},
	    {"/boot/limine.cfg", "limine", configured_in_single},
	    {"/boot/firmware/cmdline.txt", "other", configured_in_plain},
	};
	for (size_t i = 0; i < HP_COUNT(sources); i++) {
		hp_cleanup_free char *cmdline = sources[i].plain
		                                    ? sources[i].plain(host, sources[i].path)
		                                    : hp_grub_configured(host);
		if (!cmdline)
			continue;
		int worth = 2 * (running ? count_missing(cmdline, running) : 0) +
		            (bootloader && hp_has_word(sources[i].bootloaders, bootloader));
		if (worth <= best)
			continue;
		best = worth;
		free(chosen);
		chosen = hp_steal(cmdline);
		file = sources[i].path;
	}
	hp_row_text(row, HP_KERNEL_CMDLINE_CONFIGURED, chosen && !*chosen ? "none" : chosen);
	hp_row_text(row, HP_KERNEL_CMDLINE_CONFIGURED_FILE, file);
}

void hp_bootloader_put(struct hp_host *host, struct hp_row *row, const char *running)
{
	put_configured(host, row, running);
	put_next(host, row);
}
