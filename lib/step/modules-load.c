// Modules that are loaded at boot. SPDX-License-Identifier: Apache-2.0
//
// Subject: a file's name below /etc/modules-load.d. Words: modules, "vfio-pci vfio", with '-'
// before those to take away. State: the file, whole.
#include "step/edit.h"

#include "base/cleanup.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static int path_of(const char *subject, char *path, size_t size, struct hp_error *err)
{
	if (!hp_ends_with(subject, ".conf") || strchr(subject, '/') || *subject == '.' ||
	    strpbrk(subject, " \t\n"))
		return hp_fail(
		    err, -EINVAL,
		    "'%s' is no file's name in /etc/modules-load.d, such as happypath.conf",
		    subject);
	snprintf(path, size, "/etc/modules-load.d/%s", subject);
	return 0;
}

static int read_modules_load(struct hp_host *host, const char *subject, json_t **ret,
                             struct hp_error *err)
{
	char path[PATH_MAX];
	int r = path_of(subject, path, sizeof(path), err);
	return r < 0 ? r : hp_edit_read(host, path, ret, err);
}

static bool is_module(const char *word)
{
	return *word &&
	       strspn(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
	                    "_-") == strlen(word);
}

static int want_modules_load(struct hp_host *host HP_UNUSED, const char *subject, const char *word,
                             const json_t *before, json_t **ret, struct hp_error *err)
{
	hp_cleanup_free char *copy = hp_strdup(word);
	hp_cleanup_free char *text =
	    hp_strdup(hp_state_has_file(before) ? hp_edit_content(before) : HP_EDIT_HEAD);
	char *cursor = copy;
	for (char *module; (module = hp_next_word(&cursor));) {
		bool take = *module == '-';
		module += take;
		if (!is_module(module))
			return hp_fail(err, -EINVAL,
			               "modules-load %s: '%s': expected names of modules, with '-' "
			               "before those to take away",
			               subject, module);
		hp_cleanup_free char *old = text;
		text = take ? hp_lines_without(old, module) : hp_lines_with(old, module);
	}
	*ret = hp_edit_with(before, text);
	return 0;
}

static int modules_load_obstacles(struct hp_host *host, const char *subject, const json_t *before,
                                  const json_t *after, struct hp_obstacles *ret,
                                  struct hp_error *err)
{
	char path[PATH_MAX];
	int r = path_of(subject, path, sizeof(path), err);
	if (r == 0)
		hp_edit_obstacles(host, path, before, after, ret);
	return r;
}

static int write_modules_load(struct hp_host *host, const char *subject,
                              const json_t *before HP_UNUSED, const json_t *after,
                              struct hp_error *err)
{
	char path[PATH_MAX];
	int r = path_of(subject, path, sizeof(path), err);
	return r < 0 ? r : hp_edit_write(host, path, after, err);
}

static void tell_modules_load(const char *subject HP_UNUSED, const json_t *state,
                              struct hp_text *ret)
{
	hp_edit_tell(state, ret);
}

const struct hp_kind hp_kind_modules_load = {
    .name = "modules-load",
    .help = "modules that are loaded at boot, in a file of /etc/modules-load.d",
    .effect = HP_EFFECT_NOW,
    .undo = HP_UNDO_EXACT,
    .lasts = true,
    .read = read_modules_load,
    .want = want_modules_load,
    .obstacles = modules_load_obstacles,
    .write = write_modules_load,
    .tell = tell_modules_load,
};
