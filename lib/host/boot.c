// What booted the host, and what its next boot will start. SPDX-License-Identifier: Apache-2.0
#include "host/boot.h"

#include "base/cleanup.h"
#include "base/version.h"

#include <fnmatch.h>
#include <stdio.h>
#include <string.h>

enum { CONFIG_LIMIT = 4 << 20 };

/* A text variable of EFI without its attributes, UTF-16 narrowed; "" if it cannot be read. */
static void read_efi_text(struct hp_host *host, const char *name, char *buffer, size_t size)
{
	char raw[1024];
	ssize_t length =
	    hp_host_readf(host, raw, sizeof(raw), "/sys/firmware/efi/efivars/%s", name);
	size_t used = 0;
	for (ssize_t i = 4; i + 1 < length && used + 1 < size && raw[i]; i += 2)
		buffer[used++] = raw[i + 1] == 0 && raw[i] >= ' ' ? raw[i] : '?';
	buffer[used] = '\0';
}

// systemd's interface of bootloaders, which GRUB and Limine speak too:
// systemd.io/BOOT_LOADER_INTERFACE
#define LOADER_GUID "4a67b082-0a4c-41cf-b6c7-440b29bb8c4f"

static const struct {
	const char *info, *bootloader;
} loader_infos[] = {
    {"systemd-boot", "systemd-boot"},
    {"GRUB", "grub"},
    {"Limine", "limine"},
};

// Configuration files, and whose they are. `stamps` tells whether that bootloader adds BOOT_IMAGE=.
static const struct {
	const char *path, *bootloader;
	bool stamps;
} config_files[] = {
    {"/boot/grub/grub.cfg", "grub", true},
    {"/boot/grub2/grub.cfg", "grub", true},
    {"/boot/efi/EFI/fedora/grub.cfg", "grub", true},
    {"/boot/syslinux/syslinux.cfg", "syslinux", true},
    {"/boot/extlinux/extlinux.conf", "extlinux", true},
    {"/boot/limine.conf", "limine", false},
    {"/boot/limine/limine.conf", "limine", false},
    {"/boot/EFI/limine/limine.conf", "limine", false},
    {"/boot/efi/limine.conf", "limine", false},
    {"/boot/limine.cfg", "limine", false},
    {"/boot/loader/loader.conf", "systemd-boot", false},
    {"/efi/loader/loader.conf", "systemd-boot", false},
    {"/boot/efi/loader/loader.conf", "systemd-boot", false},
};

/* The bootloader of the configuration files that are there, if they leave but one that can have
 * written the running command line. */
static const char *by_files(struct hp_host *host)
{
	char cmdline[4096];
	ssize_t length = hp_host_read(host, "/proc/cmdline", cmdline, sizeof(cmdline));
	bool stamped = length > 0 && strstr(cmdline, "BOOT_IMAGE=");
	const char *found = NULL;
	for (size_t i = 0; i < HP_COUNT(config_files); i++) {
		if (length >= 0 && config_files[i].stamps != stamped)
			continue;
		if (hp_host_exists(host, config_files[i].path) <= 0)
			continue;
		if (found && strcmp(found, config_files[i].bootloader) != 0)
			return NULL;
		found = config_files[i].bootloader;
	}
	return found;
}

const char *hp_bootloader_said(struct hp_host *host)
{
	char info[128];
	read_efi_text(host, "LoaderInfo-" LOADER_GUID, info, sizeof(info));
	for (size_t i = 0; i < HP_COUNT(loader_infos); i++)
		if (hp_starts_with(info, loader_infos[i].info))
			return loader_infos[i].bootloader;
	return *info ? "other" : NULL;
}

const char *hp_bootloader(struct hp_host *host)
{
	char info[128];
	if (hp_host_exists(host, "/run/ostree-booted") > 0)
		return "ostree";
	if (hp_host_exists(host, "/etc/kernel/proxmox-boot-uuids") > 0)
		return "proxmox-boot-tool";
	read_efi_text(host, "StubInfo-" LOADER_GUID, info, sizeof(info));
	if (*info)
		return "uki";
	const char *said = hp_bootloader_said(host);
	return said ? said : by_files(host);
}

// == what the next boot will start

/* grubenv's value of a key; a new string, NULL if there is none. */
static char *grubenv_value(struct hp_host *host, const char *directory, const char *key)
{
	hp_cleanup_text struct hp_text text = {0};
	hp_cleanup_free char *path = hp_asprintf("%s/grubenv", directory);
	char value[4096];
	if (hp_host_read_text(host, path, 65536, &text) < 0 ||
	    !hp_find_value(hp_text_get(&text), key, '=', value, sizeof(value)))
		return NULL;
	return *value ? hp_strdup(value) : NULL;
}

/* The entry in `directory` that the bootloader takes: the one named (a pattern), else the newest
 * version. */
static bool default_bls_entry(struct hp_host *host, const char *directory, const char *pattern,
                              const char *kernelopts, struct hp_boot_entry *ret, char **ret_file)
{
	hp_cleanup_names struct hp_names names = {0};
	hp_cleanup_free char *best_key = NULL;
	bool found = false;
	if (hp_host_list(host, directory, &names) < 0)
		return false;
	for (size_t i = 0; i < names.count; i++) {
		hp_cleanup_boot_entry struct hp_boot_entry entry = {0};
		hp_cleanup_text struct hp_text text = {0};
		hp_cleanup_free char *file = hp_asprintf("%s/%s", directory, names.names[i]);
		hp_cleanup_free char *id = hp_strdup(names.names[i]);
		if (!hp_ends_with(id, ".conf"))
			continue;
		id[strlen(id) - strlen(".conf")] = '\0';
		bool named = pattern && (fnmatch(pattern, names.names[i], 0) == 0 ||
		                         fnmatch(pattern, id, 0) == 0);
		if ((pattern && !named) || hp_host_read_text(host, file, 65536, &text) < 0 ||
		    !hp_bls_entry(hp_text_get(&text), kernelopts, &entry))
			continue;
		char *key = hp_version_key(entry.release ? entry.release : id);
		if (found && (!key || (best_key && strcmp(key, best_key) <= 0))) {
			free(key);
			continue;
		}
		free(best_key);
		best_key = key;
		hp_boot_entry_free(ret);
		*ret = entry;
		entry = (struct hp_boot_entry){0};
		free(*ret_file);
		*ret_file = hp_steal(file);
		found = true;
	}
	return found;
}

static bool next_of_grub(struct hp_host *host, struct hp_boot_next *next)
{
	static const struct {
		const char *config, *directory;
	} places[] = {
	    {"/boot/grub/grub.cfg", "/boot/grub"},
	    {"/boot/grub2/grub.cfg", "/boot/grub2"},
	};
	for (size_t i = 0; i < HP_COUNT(places); i++) {
		hp_cleanup_text struct hp_text text = {0};
		// Often for root alone.
		int r = hp_host_read_text(host, places[i].config, CONFIG_LIMIT, &text);
		if (r < 0) {
			next->unread[next->unread_count].path = places[i].config;
			next->unread[next->unread_count++].code = r;
			continue;
		}
		hp_cleanup_free char *saved =
		    grubenv_value(host, places[i].directory, "saved_entry");
		if (strstr(hp_text_get(&text), "blscfg")) {
			hp_cleanup_free char *options =
			    grubenv_value(host, places[i].directory, "kernelopts");
			if (default_bls_entry(host, "/boot/loader/entries", saved, options,
			                      &next->entry, &next->file))
				return true;
		}
		if (!hp_grub_default_entry(hp_text_get(&text), saved, &next->entry))
			continue;
		next->file = hp_strdup(places[i].config);
		return true;
	}
	return false;
}

static bool next_of_systemd_boot(struct hp_host *host, struct hp_boot_entry *ret, char **ret_file)
{
	static const char *const directories[] = {"/boot", "/efi", "/boot/efi"};
	char chosen[256], pattern[256] = "";
	// What was set by bootctl set-default goes before the file.
	read_efi_text(host, "LoaderEntryDefault-" LOADER_GUID, chosen, sizeof(chosen));
	for (size_t i = 0; i < HP_COUNT(directories); i++) {
		hp_cleanup_text struct hp_text text = {0};
		hp_cleanup_free char *config = hp_asprintf("%s/loader/loader.conf", directories[i]);
		hp_cleanup_free char *entries = hp_asprintf("%s/loader/entries", directories[i]);
		if (hp_host_read_text(host, config, 65536, &text) >= 0) {
			hp_cleanup_free char *copy = hp_strdup(hp_text_get(&text));
			char *cursor = copy, *word;
			for (char *line; (line = hp_next_line(&cursor));)
				if ((word = hp_next_word(&line)) && strcmp(word, "default") == 0 &&
				    (word = hp_next_word(&line)))
					snprintf(pattern, sizeof(pattern), "%s", word);
		}
		// '@saved' needs a variable that names what was chosen last.
		if (strcmp(pattern, "@saved") == 0)
			read_efi_text(host, "LoaderEntryLastBooted-" LOADER_GUID, pattern,
			              sizeof(pattern));
		const char *wanted = *chosen ? chosen : *pattern ? pattern : NULL;
		if (default_bls_entry(host, entries, wanted, NULL, ret, ret_file))
			return true;
	}
	return false;
}

/* Bootloaders with one file. */
static const struct {
	const char *path, *bootloader;
	bool (*parse)(const char *text, struct hp_boot_entry *ret);
} single_files[] = {
    {"/boot/syslinux/syslinux.cfg", "syslinux", hp_syslinux_default_entry},
    {"/boot/extlinux/extlinux.conf", "extlinux", hp_syslinux_default_entry},
    {"/boot/limine.conf", "limine", hp_limine_default_entry},
    {"/boot/limine/limine.conf", "limine", hp_limine_default_entry},
    {"/boot/EFI/limine/limine.conf", "limine", hp_limine_default_entry},
    {"/boot/efi/limine.conf", "limine", hp_limine_default_entry},
    {"/boot/limine.cfg", "limine", hp_limine_default_entry},
};

static bool next_of_single(struct hp_host *host, const char *bootloader, struct hp_boot_entry *ret,
                           char **ret_file)
{
	for (size_t i = 0; i < HP_COUNT(single_files); i++) {
		hp_cleanup_text struct hp_text text = {0};
		if (strcmp(bootloader, single_files[i].bootloader) != 0 ||
		    hp_host_read_text(host, single_files[i].path, CONFIG_LIMIT, &text) < 0 ||
		    !single_files[i].parse(hp_text_get(&text), ret))
			continue;
		*ret_file = hp_strdup(single_files[i].path);
		return true;
	}
	return false;
}

bool hp_boot_next(struct hp_host *host, struct hp_boot_next *ret)
{
	const char *bootloader = hp_bootloader(host);
	if (!bootloader)
		return false;
	if (strcmp(bootloader, "grub") == 0)
		return next_of_grub(host, ret);
	return next_of_single(host, bootloader, &ret->entry, &ret->file) ||
	       next_of_systemd_boot(host, &ret->entry, &ret->file) ||
	       // Proxmox and ostree hosts may have GRUB underneath.
	       (strcmp(bootloader, "systemd-boot") != 0 && strcmp(bootloader, "uki") != 0 &&
	        next_of_grub(host, ret));
}

void hp_boot_next_free(struct hp_boot_next *next)
{
	hp_boot_entry_free(&next->entry);
	free(next->file);
	*next = (struct hp_boot_next){0};
}

// == what the administrator asks for

char *hp_grub_configured(struct hp_host *host)
{
	hp_cleanup_grub_defaults struct hp_grub_defaults defaults = {0};
	hp_cleanup_names struct hp_names drop_ins = {0};
	hp_cleanup_text struct hp_text text = {0};
	if (hp_host_read_text(host, "/etc/default/grub", CONFIG_LIMIT, &text) < 0)
		return NULL;
	hp_grub_defaults_read(&defaults, hp_text_get(&text));
	hp_host_list(host, "/etc/default/grub.d", &drop_ins);
	for (size_t i = 0; i < drop_ins.count; i++) {
		hp_cleanup_text struct hp_text more = {0};
		hp_cleanup_free char *path =
		    hp_asprintf("/etc/default/grub.d/%s", drop_ins.names[i]);
		if (hp_ends_with(path, ".cfg") &&
		    hp_host_read_text(host, path, CONFIG_LIMIT, &more) >= 0)
			hp_grub_defaults_read(&defaults, hp_text_get(&more));
	}
	return hp_grub_defaults_cmdline(&defaults);
}

bool hp_boot_single_entry(struct hp_host *host, const char *path, struct hp_boot_entry *ret)
{
	hp_cleanup_text struct hp_text text = {0};
	for (size_t i = 0; i < HP_COUNT(single_files); i++)
		if (strcmp(path, single_files[i].path) == 0)
			return hp_host_read_text(host, path, CONFIG_LIMIT, &text) >= 0 &&
			       single_files[i].parse(hp_text_get(&text), ret);
	return false;
}
