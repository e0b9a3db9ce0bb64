// Hosts whose command line is kept elsewhere, with the words to use there.
// SPDX-License-Identifier: Apache-2.0
#include "step/cmdline.h"

#include "base/cleanup.h"

#include <errno.h>
#include <string.h>

/* Each writes how to make the change; the words are already known to need no quoting. */
typedef void words_for(const struct hp_cmdline_change *change, struct hp_text *ret);

static void each(struct hp_text *ret, const char *head, const char *const *words, size_t count,
                 const char *form)
{
	for (size_t i = 0; i < count; i++) {
		const char *at = strstr(form, "{}");
		hp_text_printf(ret, "%s%.*s%s%s", i ? "" : head, (int)(at - form), form, words[i],
		               at + 2);
	}
}

static void for_ostree(const struct hp_cmdline_change *change, struct hp_text *ret)
{
	hp_text_puts(ret, "rpm-ostree kargs");
	each(ret, "", change->take, change->take_count, " --delete-if-present={}");
	each(ret, "", change->add, change->add_count, " --append-if-missing={}");
}

static void for_nixos(const struct hp_cmdline_change *change, struct hp_text *ret)
{
	if (change->add_count) {
		hp_text_puts(ret, "boot.kernelParams = [");
		each(ret, "", change->add, change->add_count, " \"{}\"");
		hp_text_puts(ret, " ]; in configuration.nix, ");
	}
	each(ret, "", change->take, change->take_count, "\"{}\" taken out of boot.kernelParams, ");
	hp_text_puts(ret, "then nixos-rebuild boot");
}

static void for_talos(const struct hp_cmdline_change *change, struct hp_text *ret)
{
	hp_text_puts(ret, "machine.install.extraKernelArgs: [");
	each(ret, "", change->take, change->take_count, "-{}, ");
	each(ret, "", change->add, change->add_count, "{}, ");
	if (hp_ends_with(hp_text_get(ret), ", "))
		ret->data[ret->length -= 2] = '\0';
	hp_text_puts(ret, "] in the machine's configuration, then talosctl upgrade");
}

static void for_flatcar(const struct hp_cmdline_change *change, struct hp_text *ret)
{
	hp_text_puts(ret, "set linux_append=\"");
	each(ret, "", change->add, change->add_count, "{} ");
	ret->length -= change->add_count != 0;
	ret->data[ret->length] = '\0';
	hp_text_puts(ret, "\" in /oem/grub.cfg");
	each(ret, "", change->take, change->take_count, ", without {}");
}

static void for_bottlerocket(const struct hp_cmdline_change *change, struct hp_text *ret)
{
	hp_text_puts(ret, "[settings.boot.kernel-parameters] in its user data:");
	for (size_t i = 0; i < change->add_count; i++) {
		int key = (int)strcspn(change->add[i], "=");
		const char *value = change->add[i] + key;
		hp_text_printf(ret, " \"%.*s\" = [\"%s\"]", key, change->add[i],
		               *value ? value + 1 : "");
	}
	each(ret, "", change->take, change->take_count, ", without {}");
}

static void for_ubuntu_core(const struct hp_cmdline_change *change, struct hp_text *ret)
{
	hp_text_puts(ret, "snap set system system.kernel.append=\"");
	each(ret, "", change->add, change->add_count, "{} ");
	ret->length -= change->add_count != 0;
	ret->data[ret->length] = '\0';
	hp_text_puts(ret, "\"");
	each(ret, "", change->take, change->take_count, ", without {}");
}

static void in_words(const struct hp_cmdline_change *change, struct hp_text *ret)
{
	each(ret, "", change->add, change->add_count, "{} added, ");
	each(ret, "", change->take, change->take_count, "{} taken away, ");
	ret->data[ret->length -= 2] = '\0';
}

static void for_transactional(const struct hp_cmdline_change *change, struct hp_text *ret)
{
	in_words(change, ret);
	hp_text_puts(ret, " in GRUB_CMDLINE_LINUX_DEFAULT of /etc/default/grub, then "
	                  "transactional-update grub.cfg");
}

static void for_uki(const struct hp_cmdline_change *change, struct hp_text *ret)
{
	in_words(change, ret);
	hp_text_puts(ret,
	             " in /etc/kernel/cmdline, then the image built (and signed) anew: "
	             "kernel-install add-all, mkinitcpio -P or dracut --regenerate-all --uefi");
}

static void for_append_line(const struct hp_cmdline_change *change, struct hp_text *ret)
{
	in_words(change, ret);
	hp_text_puts(ret, " in the APPEND line of the default label of its configuration");
}

static void for_limine(const struct hp_cmdline_change *change, struct hp_text *ret)
{
	in_words(change, ret);
	hp_text_puts(ret, " in the cmdline: of the default entry of limine.conf");
}

static void for_other(const struct hp_cmdline_change *change, struct hp_text *ret)
{
	in_words(change, ret);
	hp_text_puts(ret, " where it reads them, such as /boot/firmware/cmdline.txt");
}

/* By what is there, by os-release, by the bootloader: the first that holds. */
static const struct refusal {
	const char *path, *id, *bootloader;
	const char *what;
	words_for *words;
} refusals[] = {
    {"/run/ostree-booted", NULL, "ostree", "ostree keeps the boot entries", for_ostree},
    {"/etc/NIXOS", "nixos", NULL, "NixOS makes the boot entries from its configuration", for_nixos},
    {NULL, "talos", NULL, "Talos has no files to edit", for_talos},
    {NULL, "flatcar", NULL, "Flatcar is read-only", for_flatcar},
    {NULL, "bottlerocket", NULL, "Bottlerocket is read-only", for_bottlerocket},
    {NULL, "ubuntu-core", NULL, "Ubuntu Core is read-only", for_ubuntu_core},
    {"/usr/sbin/transactional-update", NULL, NULL, "the system is changed by transactional-update",
     for_transactional},
    {NULL, NULL, "uki", "the command line is inside of the kernel's signed image", for_uki},
    {NULL, NULL, "syslinux", "happypath does not write syslinux.cfg", for_append_line},
    {NULL, NULL, "extlinux", "happypath does not write extlinux.conf", for_append_line},
    {NULL, NULL, "limine", "happypath does not write limine.conf", for_limine},
    {NULL, NULL, "other", "happypath does not know this host's bootloader", for_other},
};

static bool has_id(struct hp_host *host, const char *id)
{
	char value[128];
	hp_cleanup_text struct hp_text text = {0};
	if (hp_host_read_text(host, "/etc/os-release", 65536, &text) < 0 ||
	    !hp_find_value(hp_text_get(&text), "ID", '=', value, sizeof(value)))
		return false;
	size_t quote = *value == '"' || *value == '\'';
	return strncmp(value + quote, id, strlen(id)) == 0 &&
	       strlen(value) == strlen(id) + 2 * quote;
}

static bool holds(struct hp_host *host, const struct refusal *refusal, const char *bootloader)
{
	return (refusal->path && hp_host_exists(host, refusal->path) > 0) ||
	       (refusal->id && has_id(host, refusal->id)) ||
	       (refusal->bootloader && strcmp(refusal->bootloader, bootloader) == 0);
}

int hp_cmdline_refuse(struct hp_host *host, const char *bootloader,
                      const struct hp_cmdline_change *change, struct hp_error *err)
{
	for (size_t i = 0; i < HP_COUNT(refusals); i++) {
		if (!holds(host, &refusals[i], bootloader))
			continue;
		hp_cleanup_text struct hp_text words = {0};
		refusals[i].words(change, &words);
		return hp_fail(err, -EOPNOTSUPP, "kernel-cmdline: %s; use: %s", refusals[i].what,
		               hp_text_get(&words));
	}
	return 0;
}
