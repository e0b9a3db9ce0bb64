// GRUB whose grub.cfg is made from /etc/default/grub. SPDX-License-Identifier: Apache-2.0
//
// Debian and its kin read drop-ins: ours adds, in GRUB_CMDLINE_LINUX_DEFAULT, so that the recovery
// entries stay without. Elsewhere, and to take words away, the files that have them are edited.
#include "step/cmdline.h"

#include "base/cleanup.h"
#include "host/boot.h"

#include <errno.h>
#include <string.h>

#define DEFAULTS "/etc/default/grub"
#define DROP_INS DEFAULTS ".d"
#define OURS     DROP_INS "/happypath.cfg"
#define VARIABLE "GRUB_CMDLINE_LINUX_DEFAULT"

enum { BUILD_MS = 300000 }; // os-prober mounts every disk

static bool boots(struct hp_host *host, const char *bootloader)
{
	(void)host;
	return strcmp(bootloader, "grub") == 0 || strcmp(bootloader, "proxmox-boot-tool") == 0;
}

/* Proxmox' grub.cfg is on partitions that are not mounted: what the next boot has cannot be told.
 */
static bool on_boot_partitions(struct hp_host *host)
{
	return hp_host_exists(host, "/etc/kernel/proxmox-boot-uuids") > 0;
}

static bool has_drop_ins(struct hp_host *host)
{
	return hp_host_exists(host, "/usr/sbin/update-grub") > 0 ||
	       hp_host_exists(host, DROP_INS) > 0;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The drop-ins of a state in the order in which GRUB reads them; ends with NULL. */
static const char **drop_ins_of(json_t *files)
{
	const char **paths = hp_calloc(json_object_size(files) + 1, sizeof(*paths));
	size_t count = 0;
	const char *path;
	json_t *file;
	json_object_foreach(files, path, file)
	{
		if (hp_starts_with(path, DROP_INS "/"))
			paths[count++] = path;
	}
	qsort(paths, count, sizeof(*paths), by_name);
	return paths;
}

/* The command line that the state's files ask for: a new string. */
static char *configured_by(const json_t *state)
{
	hp_cleanup_grub_defaults struct hp_grub_defaults defaults = {0};
	hp_cleanup_free const char **paths = drop_ins_of(json_object_get(state, "files"));
	hp_grub_defaults_read(&defaults, hp_cmdline_file(state, DEFAULTS));
	for (size_t i = 0; paths[i]; i++)
		hp_grub_defaults_read(&defaults, hp_cmdline_file(state, paths[i]));
	hp_cleanup_free char *line = hp_grub_defaults_cmdline(&defaults);
	return hp_plain_words(line ? line : "");
}

static bool says(const char *text)
{
	return strstr(text, "GRUB_CMDLINE_LINUX") != NULL;
}

static int read_drop_ins(struct hp_host *host, json_t *state, struct hp_error *err)
{
	hp_cleanup_names struct hp_names names = {0};
	hp_host_list(host, DROP_INS, &names);
	for (size_t i = 0; i < names.count; i++) {
		hp_cleanup_free char *path = hp_asprintf("%s/%s", DROP_INS, names.names[i]);
		if (!hp_ends_with(path, ".cfg") || strcmp(path, OURS) == 0)
			continue;
		int r = hp_cmdline_add_file(host, state, path, false, err);
		if (r < 0)
			return r;
		if (!says(hp_cmdline_file(state, path)))
			json_object_del(json_object_get(state, "files"), path);
	}
	return hp_cmdline_add_file(host, state, OURS, true, err);
}

static int read_grub(struct hp_host *host, json_t *state, struct hp_error *err)
{
	hp_cleanup_boot_next struct hp_boot_next next = {0};
	int r = hp_cmdline_add_file(host, state, DEFAULTS, false, err);
	if (r == 0 && has_drop_ins(host))
		r = read_drop_ins(host, state, err);
	if (r < 0)
		return r;
	hp_cleanup_free char *configured = configured_by(state);
	json_object_set_new(state, "configured", json_string(configured));
	if (!on_boot_partitions(host) && hp_boot_next(host, &next))
		json_object_set_new(state, "next", json_string(next.entry.cmdline));
	return 0;
}

// == what is wanted

static void take_away(json_t *state, const struct hp_cmdline_change *change)
{
	json_t *files = json_object_get(state, "files"), *file;
	const char *path;
	void *next;
	json_object_foreach_safe(files, next, path, file)
	{
		const char *text = hp_edit_content(file);
		hp_cleanup_free char *left = hp_grub_text_changed(text, VARIABLE, change, false);
		bool ours = strcmp(path, OURS) == 0;
		if (strcmp(left, text) != 0)
			hp_cmdline_set_file(state, path,
			                    ours && !hp_grub_text_says(left) ? NULL : left);
	}
}

/* Adds what is not asked for yet to our drop-in, or where there are none to GRUB's own file. */
static void add(json_t *state, const struct hp_cmdline_change *change)
{
	bool drop_in = json_object_get(json_object_get(state, "files"), OURS) != NULL;
	const char *path = drop_in ? OURS : DEFAULTS;
	const char *text = hp_cmdline_file(state, path);
	hp_cleanup_free char *configured = configured_by(state);
	struct hp_cmdline_change wanting = {
	    .add = hp_calloc(change->add_count + 1, sizeof(*wanting.add)),
	};
	for (size_t i = 0; i < change->add_count; i++)
		if (!hp_has_word(configured, change->add[i]))
			wanting.add[wanting.add_count++] = change->add[i];
	hp_cleanup_free char *changed =
	    hp_grub_text_changed(*text || !drop_in ? text : HP_EDIT_HEAD, VARIABLE, &wanting, true);
	if (wanting.add_count)
		hp_cmdline_set_file(state, path, changed);
	free(wanting.add);
}

/* The file that is read last of those that say anything: whoever has the last word. */
static const char *last_word(const json_t *state)
{
	hp_cleanup_free const char **paths = drop_ins_of(json_object_get(state, "files"));
	const char *last = DEFAULTS;
	for (size_t i = 0; paths[i]; i++)
		if (says(hp_cmdline_file(state, paths[i])))
			last = paths[i];
	return last;
}

/* The files are shell scripts, of which only assignments are understood. */
static int check(const json_t *state, const char *configured,
                 const struct hp_cmdline_change *change, struct hp_error *err)
{
	for (size_t i = 0; i < change->add_count; i++)
		if (!hp_has_word(configured, change->add[i]))
			return hp_fail(err, -EEXIST,
			               "%s would have no effect: %s is read after %s and sets the "
			               "variable anew, without $" VARIABLE " in it",
			               change->add[i], last_word(state), OURS);
	hp_cleanup_free char *copy = hp_strdup(configured);
	char *cursor = copy;
	for (char *word; (word = hp_next_word(&cursor));)
		if (hp_cmdline_takes(change, word))
			return hp_fail(err, -EEXIST,
			               "%s cannot be taken away: " DEFAULTS
			               " or its drop-ins ask for "
			               "it in a way that only a shell understands",
			               word);
	return 0;
}

static int want_grub(struct hp_host *host, const struct hp_cmdline_change *change, json_t *state,
                     struct hp_error *err)
{
	(void)host;
	take_away(state, change);
	add(state, change);
	hp_cleanup_free char *configured = configured_by(state);
	int r = check(state, configured, change, err);
	if (r < 0)
		return r;
	json_object_set_new(state, "configured", json_string(configured));
	if (!json_is_string(json_object_get(state, "next")))
		return 0;
	hp_cleanup_free char *next = hp_cmdline_changed(hp_state_text(state, "next"), change);
	json_object_set_new(state, "next", json_string(next));
	return 0;
}

// == grub.cfg

static int build(struct hp_host *host, struct hp_error *err)
{
	static const struct {
		const char *program; // where it is, or else what is there
		const char *argv[4];
	} builders[] = {
	    {"/etc/kernel/proxmox-boot-uuids", {"proxmox-boot-tool", "refresh"}},
	    {"/usr/sbin/update-grub", {"update-grub"}},
	    {"/boot/grub2/grub.cfg", {"grub2-mkconfig", "-o", "/boot/grub2/grub.cfg"}},
	    {"/boot/grub/grub.cfg", {"grub-mkconfig", "-o", "/boot/grub/grub.cfg"}},
	};
	for (size_t i = 0; i < HP_COUNT(builders); i++)
		if (hp_host_exists(host, builders[i].program) > 0)
			return hp_step_run(host, BUILD_MS, "grub2-common", err, builders[i].argv);
	return hp_fail(err, -ENOENT, "there is neither update-grub nor a grub.cfg to build anew");
}

static int write_grub(struct hp_host *host, const json_t *before HP_UNUSED, const json_t *after,
                      struct hp_error *err)
{
	hp_cleanup_boot_next struct hp_boot_next next = {0};
	json_t *now = json_object();
	if (!on_boot_partitions(host) && hp_boot_next(host, &next))
		json_object_set_new(now, "next", json_string(next.entry.cmdline));
	bool kept = hp_cmdline_kept(after, now) && json_is_string(json_object_get(now, "next"));
	json_decref(now);
	return kept ? 0 : build(host, err);
}

const struct hp_cmdline_loader hp_cmdline_grub = {
    .name = "grub",
    .boots = boots,
    .read = read_grub,
    .want = want_grub,
    .write = write_grub,
};
