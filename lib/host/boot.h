// What booted the host, and what its next boot will start. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "host/boot-entry.h"
#include "host/host.h"

/* What booted the running kernel, as a word of machine.bootloader; NULL if nothing tells. */
const char *hp_bootloader(struct hp_host *host);

/* What the bootloader said of itself by EFI, as such a word; NULL if it said nothing. */
const char *hp_bootloader_said(struct hp_host *host);

/* What the next boot will start, and the file that says so. */
struct hp_boot_next {
	struct hp_boot_entry entry;
	char *file;
	// GRUB's configuration, often for root alone, that could not be read: negative errnos
	struct {
		const char *path;
		int code;
	} unread[2];
	size_t unread_count;
};

/* Whether it could be told; free it even if not. */
bool hp_boot_next(struct hp_host *host, struct hp_boot_next *ret);
void hp_boot_next_free(struct hp_boot_next *next);

#define hp_cleanup_boot_next __attribute__((cleanup(hp_boot_next_free)))

/* The command line that /etc/default/grub and its drop-ins ask for: a new string, NULL if they do
 * not say. */
char *hp_grub_configured(struct hp_host *host);
/* The default entry of a bootloader with a single file (syslinux, extlinux, Limine). */
bool hp_boot_single_entry(struct hp_host *host, const char *path, struct hp_boot_entry *ret);
