// Proxmox VE whose boot partitions proxmox-boot-tool keeps. SPDX-License-Identifier: Apache-2.0
//
// They are not mounted, so "next" cannot be told: the proof is that the tool wrote them. It puts
// /etc/kernel/cmdline into systemd-boot's entries; where GRUB boots, see cmdline-grub.c.
#include "step/cmdline.h"

#include "base/cleanup.h"
#include "host/boot.h"

#include <errno.h>
#include <string.h>

#define KERNEL_WORDS "/etc/kernel/cmdline"

enum { REFRESH_MS = 300000 }; // copies kernels to every boot partition

static bool boots(struct hp_host *host, const char *bootloader)
{
	const char *said = hp_bootloader_said(host);
	return strcmp(bootloader, "proxmox-boot-tool") == 0 &&
	       hp_host_exists(host, KERNEL_WORDS) > 0 && !(said && strcmp(said, "grub") == 0);
}

static void put_configured(json_t *state)
{
	hp_cleanup_text struct hp_text words = {0};
	hp_cleanup_free char *copy = hp_strdup(hp_cmdline_file(state, KERNEL_WORDS));
	char *cursor = copy;
	for (char *line; (line = hp_next_line(&cursor));)
		if (line[strspn(line, " \t")] != '#')
			hp_text_printf(&words, "%s ", line);
	hp_cleanup_free char *plain = hp_plain_words(hp_text_get(&words));
	json_object_set_new(state, "configured", json_string(plain));
}

static int read_proxmox(struct hp_host *host, json_t *state, struct hp_error *err)
{
	int r = hp_cmdline_add_file(host, state, KERNEL_WORDS, false, err);
	if (r == 0)
		put_configured(state);
	return r;
}

static int want_proxmox(struct hp_host *host, const struct hp_cmdline_change *change, json_t *state,
                        struct hp_error *err)
{
	(void)host, (void)err;
	hp_cleanup_free char *text =
	    hp_plain_text_changed(hp_cmdline_file(state, KERNEL_WORDS), change);
	hp_cmdline_set_file(state, KERNEL_WORDS, text);
	put_configured(state);
	return 0;
}

static int write_proxmox(struct hp_host *host, const json_t *before HP_UNUSED, const json_t *after,
                         struct hp_error *err)
{
	(void)after;
	static const char *const argv[] = {"proxmox-boot-tool", "refresh", NULL};
	return hp_step_run(host, REFRESH_MS, "proxmox-kernel-helper", err, argv);
}

const struct hp_cmdline_loader hp_cmdline_proxmox = {
    .name = "proxmox-boot-tool",
    .boots = boots,
    .read = read_proxmox,
    .want = want_proxmox,
    .write = write_proxmox,
};
