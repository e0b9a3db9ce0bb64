// Settings in files of somebody else. SPDX-License-Identifier: Apache-2.0
// Apache-2.0
//
// Subject: one of the paths below. Words: "line TEXT", "-line TEXT", "set KEY = VALUE" (the line
// that sets KEY, or has it commented out, sets VALUE), "absent". State: the file, whole.
#include "step/edit.h"

#include "base/cleanup.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <string.h>

/* All that this kind may touch. Whatever has a kind of its own is not here. */
static const char *const owned[] = {
    "/etc/nvidia-container-runtime/config.toml", "/etc/security/limits.d/*.conf",
    "/etc/udev/rules.d/*-happypath.rules",       "/etc/systemd/system/*.d/happypath.conf",
    "/etc/apt/preferences.d/happypath",
};

static int check_subject(const char *subject, struct hp_error *err)
{
	hp_cleanup_text struct hp_text list = {0};
	for (size_t i = 0; i < HP_COUNT(owned); i++) {
		if (fnmatch(owned[i], subject, FNM_PATHNAME | FNM_PERIOD) == 0)
			return 0;
		hp_text_printf(&list, "%s%s", i ? ", " : "", owned[i]);
	}
	return hp_fail(err, -EINVAL, "'%s' is no file of kind 'file'; those are %s", subject,
	               hp_text_get(&list));
}

static int read_file(struct hp_host *host, const char *subject, json_t **ret, struct hp_error *err)
{
	int r = check_subject(subject, err);
	return r < 0 ? r : hp_edit_read(host, subject, ret, err);
}

/* Whether a line sets `key`, or would if it were no comment. */
static bool sets(const char *line, size_t length, const char *key)
{
	const char *at = line, *end = line + length;
	while (at < end && strchr("# \t;", *at))
		at++;
	size_t key_length = strlen(key);
	if ((size_t)(end - at) < key_length || strncmp(at, key, key_length) != 0)
		return false;
	at += key_length;
	at += strspn(at, " \t");
	return at < end && *at == '=';
}

/* The line that sets `key`: first among those that are no comments, then among the others. */
static const char *line_of(const char *text, const char *key, size_t *ret_length)
{
	const char *commented = NULL;
	for (const char *at = text; *at;) {
		size_t length = strcspn(at, "\n");
		if (sets(at, length, key)) {
			bool comment = strchr("#;", at[strspn(at, " \t")]) != NULL;
			if (!comment)
				return *ret_length = length, at;
			commented = commented ? commented : at;
		}
		at += length + (at[length] == '\n');
	}
	if (commented)
		*ret_length = strcspn(commented, "\n");
	return commented;
}

static int set_key(const char *path, const char *text, const char *setting, char **ret,
                   struct hp_error *err)
{
	size_t length = 0;
	const char *equals = strchr(setting, '=');
	if (!equals)
		return hp_fail(err, -EINVAL, "%s: 'set %s': expected KEY = VALUE", path, setting);
	hp_cleanup_free char *copy = hp_strndup(setting, (size_t)(equals - setting));
	const char *key = hp_trim(copy);
	const char *line = line_of(text, key, &length);
	if (!line)
		return hp_fail(err, -ENOENT, "%s has no line that sets %s, commented out or not",
		               path, key);
	size_t indent = strspn(line, " \t");
	*ret = hp_asprintf("%.*s%s%s", (int)((size_t)(line - text) + indent), text, setting,
	                   line + length);
	return 0;
}

static int want_file(struct hp_host *host HP_UNUSED, const char *subject, const char *word,
                     const json_t *before, json_t **ret, struct hp_error *err)
{
	const char *text = hp_edit_content(before);
	hp_cleanup_free char *content = NULL;
	int r = 0;
	if (hp_starts_with(word, "line "))
		content = hp_lines_with(hp_state_has_file(before) ? text : HP_EDIT_HEAD, word + 5);
	else if (hp_starts_with(word, "-line "))
		content = hp_lines_without(text, word + 6);
	else if (hp_starts_with(word, "set "))
		r = set_key(subject, text, word + 4, &content, err);
	else if (strcmp(word, "absent") != 0)
		r = hp_fail(err, -EINVAL,
		            "file %s: '%s': expected 'line TEXT', '-line TEXT', 'set KEY = VALUE' "
		            "or 'absent'",
		            subject, word);
	if (r == 0)
		*ret = hp_edit_with(before, content);
	return r;
}

static int file_obstacles(struct hp_host *host, const char *subject, const json_t *before,
                          const json_t *after, struct hp_obstacles *ret, struct hp_error *err)
{
	(void)err;
	hp_edit_obstacles(host, subject, before, after, ret);
	return 0;
}

static int write_file(struct hp_host *host, const char *subject, const json_t *before HP_UNUSED,
                      const json_t *after, struct hp_error *err)
{
	int r = check_subject(subject, err);
	return r < 0 ? r : hp_edit_write(host, subject, after, err);
}

static void tell_file(const char *subject HP_UNUSED, const json_t *state, struct hp_text *ret)
{
	hp_edit_tell(state, ret);
}

const struct hp_kind hp_kind_file = {
    .name = "file",
    .help = "a setting in a file of somebody else, one of a list",
    .effect = HP_EFFECT_NOW,
    .undo = HP_UNDO_EXACT,
    .lasts = true,
    .read = read_file,
    .want = want_file,
    .obstacles = file_obstacles,
    .write = write_file,
    .tell = tell_file,
};
