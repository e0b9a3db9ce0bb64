// Entries of the Boot Loader Specification: GRUB on Fedora and its kin, systemd-boot.
// SPDX-License-Identifier: Apache-2.0
//
// The entries are written as grubby does it, and so are the files from which the next kernel's
// entry will be made. grubby itself is not run: what it writes depends on what it finds, while a
// state must say beforehand what will be there, and undo must be able to bring back what was.
// State, besides cmdline.h: "next" is the value of "options" of the entry that boots next, as it is
// written; "others" {entry: options} those that differ from it; "kernelopts" the variable of GRUB's
// environment that RHEL 8 keeps the words in.
#include "step/cmdline.h"

#include "base/cleanup.h"
#include "host/boot.h"

#include <errno.h>
#include <string.h>

#define GRUB_DEFAULTS "/etc/default/grub"
#define KERNEL_WORDS  "/etc/kernel/cmdline"

enum {
	GRUB_LIMIT = 4 << 20,
	EDIT_MS = 30000,
};

static const char *const directories[] = {
    "/boot/loader/entries",
    "/efi/loader/entries",
    "/boot/efi/loader/entries",
};

static bool has_entries(struct hp_host *host, const char *directory)
{
	hp_cleanup_names struct hp_names names = {0};
	bool found = false;
	hp_host_list(host, directory, &names);
	for (size_t i = 0; i < names.count; i++)
		found = found || hp_ends_with(names.names[i], ".conf");
	return found;
}

static const char *directory_of(struct hp_host *host)
{
	for (size_t i = 0; i < HP_COUNT(directories); i++)
		if (has_entries(host, directories[i]))
			return directories[i];
	return NULL;
}

static bool grub_reads_entries(struct hp_host *host)
{
	static const char *const configs[] = {"/boot/grub2/grub.cfg", "/boot/grub/grub.cfg"};
	for (size_t i = 0; i < HP_COUNT(configs); i++) {
		hp_cleanup_text struct hp_text text = {0};
		if (hp_host_read_text(host, configs[i], GRUB_LIMIT, &text) == 0)
			return strstr(hp_text_get(&text), "blscfg") != NULL;
	}
	return false;
}

static bool boots(struct hp_host *host, const char *bootloader)
{
	if (strcmp(bootloader, "grub") == 0)
		return grub_reads_entries(host) && directory_of(host);
	return strcmp(bootloader, "systemd-boot") == 0 && directory_of(host);
}

// == GRUB's environment

static bool uses_kernelopts(const char *options)
{
	return hp_has_word(options, "$kernelopts");
}

/* Where it is, links followed: a copy beside the EFI program, on some. */
static bool environment_path(struct hp_host *host, char *path, size_t size)
{
	return hp_host_resolve(host, "/boot/grub2/grubenv", path, size) > 0;
}

static int read_kernelopts(struct hp_host *host, json_t *state, struct hp_error *err)
{
	char path[PATH_MAX], value[4096];
	hp_cleanup_text struct hp_text text = {0};
	if (!uses_kernelopts(hp_state_text(state, "next")))
		return 0;
	int r = environment_path(host, path, sizeof(path))
	            ? hp_host_read_text(host, path, 65536, &text)
	            : -ENOENT;
	if (r < 0)
		return hp_fail(err, r, "cannot read /boot/grub2/grubenv: %s", strerror(-r));
	if (!hp_find_value(hp_text_get(&text), "kernelopts", '=', value, sizeof(value)))
		return hp_fail(err, -ENOENT,
		               "%s: expected a line 'kernelopts=': the boot entries "
		               "say $kernelopts",
		               path);
	json_object_set_new(state, "kernelopts", json_string(value));
	return 0;
}

static int write_kernelopts(struct hp_host *host, const json_t *after, struct hp_error *err)
{
	char path[PATH_MAX];
	const char *wanted = json_string_value(json_object_get(after, "kernelopts"));
	json_t *now = json_pack("{s:s}", "next", "$kernelopts");
	int r = wanted ? read_kernelopts(host, now, err) : 0;
	bool done = !wanted || strcmp(hp_state_text(now, "kernelopts"), wanted) == 0;
	json_decref(now);
	if (r < 0 || done || !environment_path(host, path, sizeof(path)))
		return r;
	hp_cleanup_free char *setting = hp_asprintf("kernelopts=%s", wanted);
	const char *const argv[] = {"grub2-editenv", path, "set", setting, NULL};
	return hp_step_run(host, EDIT_MS, "grub2-tools-minimal", err, argv);
}

// == entries

typedef int on_entry(struct hp_host *host, const char *path, const json_t *file, void *data,
                     struct hp_error *err);

static int each_entry(struct hp_host *host, on_entry *call, void *data, struct hp_error *err)
{
	hp_cleanup_names struct hp_names names = {0};
	const char *directory = directory_of(host);
	int r = directory ? hp_host_list(host, directory, &names) : 0;
	for (size_t i = 0; r == 0 && i < names.count; i++) {
		hp_cleanup_free char *path = hp_asprintf("%s/%s", directory, names.names[i]);
		json_t *file = NULL;
		if (!hp_ends_with(path, ".conf"))
			continue;
		r = hp_edit_read(host, path, &file, err);
		if (r == 0)
			r = call(host, path, file, data, err);
		json_decref(file);
	}
	return r;
}

static int note_options(struct hp_host *host, const char *path, const json_t *file, void *data,
                        struct hp_error *err)
{
	(void)host, (void)err;
	hp_cleanup_free char *options = hp_bls_options(hp_edit_content(file));
	if (options)
		json_object_set_new(data, path, json_string(options));
	return 0;
}

/* Of what all entries say, "next" is what boots next, and "others" what differs from it. */
static int split(struct hp_host *host, json_t *options, json_t *state, struct hp_error *err)
{
	hp_cleanup_boot_next struct hp_boot_next next = {0};
	const char *path;
	json_t *one, *others = json_object();
	if (!hp_boot_next(host, &next) || !json_object_get(options, next.file)) {
		json_decref(others);
		return hp_fail(err, -ENODATA, "nothing tells which entry of %s boots next",
		               directory_of(host));
	}
	json_t *chosen = json_object_get(options, next.file);
	json_object_foreach(options, path, one)
	{
		if (!json_equal(one, chosen))
			json_object_set(others, path, one);
	}
	json_object_set(state, "next", chosen);
	json_object_set_new(state, "others", others);
	return 0;
}

static int read_bls(struct hp_host *host, json_t *state, struct hp_error *err)
{
	json_t *options = json_object();
	int r = hp_cmdline_add_file(host, state, KERNEL_WORDS, false, err);
	if (r == 0 && strcmp(hp_bootloader(host), "grub") == 0)
		r = hp_cmdline_add_file(host, state, GRUB_DEFAULTS, false, err);
	if (r == 0)
		r = each_entry(host, note_options, options, err);
	if (r == 0)
		r = split(host, options, state, err);
	json_decref(options);
	return r < 0 ? r : read_kernelopts(host, state, err);
}

/* Words that the variable has need not stand in an entry as well. */
static json_t *changed(const char *options, const struct hp_cmdline_change *change)
{
	struct hp_cmdline_change only_take = *change;
	if (uses_kernelopts(options))
		only_take.add_count = 0;
	hp_cleanup_free char *words = hp_cmdline_changed(options, &only_take);
	return json_string(words);
}

static void change_file(json_t *state, const char *path, const struct hp_cmdline_change *change)
{
	const char *text = hp_cmdline_file(state, path);
	if (!json_object_get(json_object_get(state, "files"), path))
		return;
	hp_cleanup_free char *with =
	    strcmp(path, GRUB_DEFAULTS) == 0
		? hp_grub_text_changed(text, "GRUB_CMDLINE_LINUX", change, true)
		: hp_plain_text_changed(text, change);
	hp_cmdline_set_file(state, path, with);
}

static int want_bls(struct hp_host *host, const struct hp_cmdline_change *change, json_t *state,
                    struct hp_error *err)
{
	(void)host, (void)err;
	const char *path, *kernelopts = json_string_value(json_object_get(state, "kernelopts"));
	json_t *others = json_object(), *next = changed(hp_state_text(state, "next"), change), *one;
	json_object_foreach(json_object_get(state, "others"), path, one)
	{
		json_t *with = changed(json_string_value(one), change);
		if (!json_equal(with, next))
			json_object_set(others, path, with);
		json_decref(with);
	}
	json_object_set_new(state, "next", next);
	json_object_set_new(state, "others", others);
	if (kernelopts) {
		hp_cleanup_free char *with = hp_cmdline_changed(kernelopts, change);
		json_object_set_new(state, "kernelopts", json_string(with));
	}
	change_file(state, KERNEL_WORDS, change);
	change_file(state, GRUB_DEFAULTS, change);
	return 0;
}

/* What a state says of an entry; NULL where it says nothing of any. */
static const char *options_in(const json_t *state, const char *path)
{
	const json_t *other = json_object_get(json_object_get(state, "others"), path);
	return json_string_value(other ? other : json_object_get(state, "next"));
}

struct states {
	const json_t *before, *after;
};

/* An entry that is neither as before nor as after is somebody else's, made or changed since. */
static int write_entry(struct hp_host *host, const char *path, const json_t *file, void *data,
                       struct hp_error *err)
{
	const struct states *states = data;
	hp_cleanup_free char *now = hp_bls_options(hp_edit_content(file));
	const char *from = options_in(states->before, path);
	const char *wanted = options_in(states->after, path);
	if (!now || !from || !wanted || strcmp(now, from) != 0 || strcmp(now, wanted) == 0)
		return 0;
	hp_cleanup_free char *text = hp_bls_with_options(hp_edit_content(file), wanted);
	json_t *with = hp_edit_with(file, text);
	int r = hp_edit_write(host, path, with, err);
	json_decref(with);
	return r;
}

static int write_bls(struct hp_host *host, const json_t *before, const json_t *after,
                     struct hp_error *err)
{
	struct states states = {before, after};
	int r = each_entry(host, write_entry, &states, err);
	return r < 0 ? r : write_kernelopts(host, after, err);
}

const struct hp_cmdline_loader hp_cmdline_bls = {
    .name = "boot entries",
    .boots = boots,
    .read = read_bls,
    .want = want_bls,
    .write = write_bls,
};
