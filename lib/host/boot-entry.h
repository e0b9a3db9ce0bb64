// What bootloaders' files say: pure parsers. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* The entry that a bootloader will start. */
struct hp_boot_entry {
	char *kernel;  // path of the kernel as the bootloader names it, NULL if not said
	char *cmdline; // its command line, "" if it has none
	char *release; // the kernel's release where the entry itself says it, else NULL
};

void hp_boot_entry_free(struct hp_boot_entry *entry);

#define hp_cleanup_boot_entry __attribute__((cleanup(hp_boot_entry_free)))

/* GRUB's defaults, /etc/default/grub and its drop-ins, read one after the other into the same
 * struct. */
struct hp_grub_defaults {
	char *always;  // GRUB_CMDLINE_LINUX, NULL if never set
	char *regular; // GRUB_CMDLINE_LINUX_DEFAULT: not in the recovery entries
};

void hp_grub_defaults_free(struct hp_grub_defaults *defaults);
#define hp_cleanup_grub_defaults __attribute__((cleanup(hp_grub_defaults_free)))

void hp_grub_defaults_read(struct hp_grub_defaults *defaults, const char *text);
/* The command line they ask for, in GRUB's order: a new string, NULL if neither was set. */
char *hp_grub_defaults_cmdline(const struct hp_grub_defaults *defaults);

/* The default entry of a grub.cfg. `saved` is grubenv's saved_entry, or NULL. Returns whether there
 * is one; false too for a file that only calls blscfg. */
bool hp_grub_default_entry(const char *text, const char *saved, struct hp_boot_entry *ret);

/* The default entry of syslinux.cfg or extlinux.conf. */
bool hp_syslinux_default_entry(const char *text, struct hp_boot_entry *ret);

/* The default entry of limine.conf (`key: value`) or limine.cfg (`KEY=value`). */
bool hp_limine_default_entry(const char *text, struct hp_boot_entry *ret);

/* An entry of the Boot Loader Specification. `kernelopts` stands for $kernelopts, may be NULL. */
bool hp_bls_entry(const char *text, const char *kernelopts, struct hp_boot_entry *ret);

/* The kernel release in the name of a kernel's file: '6.8.12-4-pve' of /boot/vmlinuz-6.8.12-4-pve.
 * A new string, NULL if the name has none. */
char *hp_boot_release(const char *kernel);
