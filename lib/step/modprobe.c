// What modprobe is told: blacklists, options, order. SPDX-License-Identifier: Apache-2.0
//
// Subject: a file's name below /etc/modprobe.d. Words: lines as they stand there, separated by ';',
// each with '-' before it to take it away: "blacklist nouveau", "options nvidia A=1 B=2" (sets
// these parameters), "-options nvidia A". State: the file, whole. An initramfs that holds a module
// named in a line that changed is built anew: it has a copy.
#include "step/edit.h"
#include "step/initramfs.h"

#include "base/cleanup.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static int path_of(const char *subject, char *path, size_t size, struct hp_error *err)
{
	if (!hp_ends_with(subject, ".conf") || strchr(subject, '/') || *subject == '.' ||
	    strpbrk(subject, " \t\n"))
		return hp_fail(err, -EINVAL,
		               "'%s' is no file's name in /etc/modprobe.d, such as happypath.conf",
		               subject);
	snprintf(path, size, "/etc/modprobe.d/%s", subject);
	return 0;
}

static int read_modprobe(struct hp_host *host, const char *subject, json_t **ret,
                         struct hp_error *err)
{
	char path[PATH_MAX];
	int r = path_of(subject, path, sizeof(path), err);
	return r < 0 ? r : hp_edit_read(host, path, ret, err);
}

// == one line

static const char *const directives[] = {"alias",   "blacklist", "install",
                                         "options", "remove",    "softdep"};

static bool same_module_name(const char *a, const char *b)
{
	for (; *a && *b; a++, b++)
		if (*a != *b && (!strchr("-_", *a) || !strchr("-_", *b)))
			return false;
	return *a == *b;
}

/* Whether the parameter `word` of a line is meant by `which`, "NAME" or "NAME=VALUE". */
static bool is_parameter(const char *word, const char *which)
{
	size_t length = strcspn(which, "=");
	if (which[length] && strcmp(word, which) == 0)
		return true;
	return !which[length] && strncmp(word, which, length) == 0 &&
	       (word[length] == '=' || !word[length]);
}

/* Takes a parameter out of the "options" lines of a module; lines without any go. */
static char *without_parameter(const char *text, const char *module, const char *which)
{
	hp_cleanup_text struct hp_text left = {0};
	hp_cleanup_free char *copy = hp_strdup(text);
	char *cursor = copy;
	for (char *line; (line = hp_next_line(&cursor));) {
		hp_cleanup_free char *words = hp_strdup(line);
		hp_cleanup_text struct hp_text kept = {0};
		char *at = words;
		const char *directive = hp_next_word(&at), *name = hp_next_word(&at);
		bool taken = false, meant = name && strcmp(directive, "options") == 0 &&
		                            same_module_name(name, module);
		for (char *word; meant && (word = hp_next_word(&at));) {
			bool take = is_parameter(word, which);
			taken = taken || take;
			if (!take)
				hp_text_printf(&kept, " %s", word);
		}
		if (!taken)
			hp_text_printf(&left, "%s\n", line);
		else if (kept.length)
			hp_text_printf(&left, "options %s%s\n", name, hp_text_get(&kept));
	}
	return hp_strdup(hp_text_get(&left));
}

static char *without_line(const char *text, const char *line)
{
	hp_cleanup_free char *copy = hp_strdup(line);
	char *cursor = copy;
	const char *directive = hp_next_word(&cursor), *module = hp_next_word(&cursor);
	if (!module || strcmp(directive, "options") != 0)
		return hp_lines_without(text, line);
	char *left = hp_strdup(text);
	for (char *word; (word = hp_next_word(&cursor));) {
		hp_cleanup_free char *before = left;
		left = without_parameter(before, module, word);
	}
	return left;
}

/* Sets what an "options" line sets: other values of its parameters go. */
static char *with_line(const char *text, const char *line)
{
	hp_cleanup_free char *copy = hp_strdup(line);
	char *cursor = copy;
	const char *directive = hp_next_word(&cursor), *module = hp_next_word(&cursor);
	if (hp_lines_have(text, line) || !module || strcmp(directive, "options") != 0)
		return hp_lines_with(text, line);
	hp_cleanup_free char *left = hp_strdup(text);
	for (char *word; (word = hp_next_word(&cursor));) {
		hp_cleanup_free char *before = left;
		word[strcspn(word, "=")] = '\0';
		left = without_parameter(before, module, word);
	}
	return hp_lines_with(left, line);
}

static int check_line(const char *subject, const char *line, struct hp_error *err)
{
	hp_cleanup_free char *copy = hp_strdup(line);
	char *cursor = copy;
	const char *directive = hp_next_word(&cursor), *module = hp_next_word(&cursor);
	for (size_t i = 0; module && i < HP_COUNT(directives); i++)
		if (strcmp(directive, directives[i]) == 0)
			return 0;
	return hp_fail(err, -EINVAL,
	               "modprobe %s: '%s': expected a line of modprobe.d, such as 'blacklist "
	               "nouveau' or 'options nvidia NVreg_DeviceFileMode=0666', with '-' before it "
	               "to take it away",
	               subject, line);
}

static int want_modprobe(struct hp_host *host HP_UNUSED, const char *subject, const char *word,
                         const json_t *before, json_t **ret, struct hp_error *err)
{
	bool is_command = hp_has_word("install remove", word) || hp_starts_with(word, "install ") ||
	                  hp_starts_with(word, "remove ");
	hp_cleanup_free char *copy = hp_strdup(word);
	hp_cleanup_free char *text =
	    hp_strdup(hp_state_has_file(before) ? hp_edit_content(before) : HP_EDIT_HEAD);
	char *rest = copy;
	for (char *line; (line = strsep(&rest, is_command ? "\n" : ";\n"));) {
		hp_trim(line);
		bool take = *line == '-';
		line += take;
		int r = check_line(subject, line, err);
		if (r < 0)
			return r;
		hp_cleanup_free char *old = text;
		text = take ? without_line(old, line) : with_line(old, line);
	}
	*ret = hp_edit_with(before, text);
	return 0;
}

// == what else has a say

/* Adds the modules that lines of `text` name which `other` lacks. */
static void add_modules(const char *text, const char *other, struct hp_text *ret)
{
	hp_cleanup_free char *copy = hp_strdup(text);
	char *cursor = copy;
	for (char *line; (line = hp_next_line(&cursor));) {
		if (hp_lines_have(other, line))
			continue;
		const char *directive = hp_next_word(&line);
		bool soft = directive && strcmp(directive, "softdep") == 0;
		const char *module = directive && *directive != '#' ? hp_next_word(&line) : NULL;
		for (; module; module = soft ? hp_next_word(&line) : NULL)
			if (!hp_ends_with(module, ":"))
				hp_text_printf(ret, "%s ", module);
	}
}

/* A parameter that a file sets: those read later win. */
struct later {
	struct hp_host *host;
	const char *subject, *module, *parameter; // NAME=VALUE
	struct hp_obstacles *ret;
};

static void check_later_file(const struct later *later, const char *path)
{
	hp_cleanup_text struct hp_text text = {0};
	size_t name = strcspn(later->parameter, "=");
	if (hp_host_read_text(later->host, path, 1 << 20, &text) < 0)
		return;
	char *cursor = text.data;
	for (char *line; cursor && (line = hp_next_line(&cursor));) {
		const char *directive = hp_next_word(&line);
		const char *module = directive ? hp_next_word(&line) : NULL;
		if (!module || strcmp(directive, "options") != 0 ||
		    !same_module_name(module, later->module))
			continue;
		for (char *word; (word = hp_next_word(&line));)
			if (strncmp(word, later->parameter, name) == 0 && word[name] == '=' &&
			    strcmp(word, later->parameter) != 0)
				hp_obstacles_add(later->ret, HP_OBSTACLE_BROKEN, path,
				                 "%s is read after %s and sets %s", path,
				                 later->subject, word);
	}
}

static void check_later(const struct later *later)
{
	static const char *const directories[] = {"/etc/modprobe.d", "/run/modprobe.d",
	                                          "/usr/lib/modprobe.d"};
	for (size_t i = 0; i < HP_COUNT(directories); i++) {
		hp_cleanup_names struct hp_names names = {0};
		hp_host_list(later->host, directories[i], &names);
		for (size_t k = 0; k < names.count; k++) {
			hp_cleanup_free char *path =
			    hp_asprintf("%s/%s", directories[i], names.names[k]);
			if (hp_ends_with(path, ".conf") &&
			    strcmp(names.names[k], later->subject) > 0)
				check_later_file(later, path);
		}
	}
}

static int modprobe_obstacles(struct hp_host *host, const char *subject, const json_t *before,
                              const json_t *after, struct hp_obstacles *ret, struct hp_error *err)
{
	char path[PATH_MAX];
	int r = path_of(subject, path, sizeof(path), err);
	if (r < 0)
		return r;
	hp_edit_obstacles(host, path, before, after, ret);
	hp_cleanup_free char *copy = hp_strdup(hp_edit_content(after));
	char *cursor = copy;
	for (char *line; (line = hp_next_line(&cursor));) {
		if (hp_lines_have(hp_edit_content(before), line))
			continue;
		const char *directive = hp_next_word(&line);
		struct later later = {.host = host, .subject = subject, .ret = ret};
		later.module = directive ? hp_next_word(&line) : NULL;
		if (!later.module || strcmp(directive, "options") != 0)
			continue;
		while ((later.parameter = hp_next_word(&line)))
			check_later(&later);
	}
	return 0;
}

static int write_modprobe(struct hp_host *host, const char *subject, const json_t *before,
                          const json_t *after, struct hp_error *err)
{
	char path[PATH_MAX];
	json_t *now = NULL;
	hp_cleanup_text struct hp_text modules = {0};
	int r = path_of(subject, path, sizeof(path), err);
	if (r == 0)
		r = hp_edit_read(host, path, &now, err);
	if (r < 0)
		return r;
	bool changes = !json_equal(now, after);
	json_decref(now);
	add_modules(hp_edit_content(before), hp_edit_content(after), &modules);
	add_modules(hp_edit_content(after), hp_edit_content(before), &modules);
	r = hp_edit_write(host, path, after, err);
	return r < 0 ? r : hp_initramfs_follow(host, hp_text_get(&modules), changes, err);
}

static void tell_modprobe(const char *subject HP_UNUSED, const json_t *state, struct hp_text *ret)
{
	hp_edit_tell(state, ret);
}

const struct hp_kind hp_kind_modprobe = {
    .name = "modprobe",
    .help = "lines of a file in /etc/modprobe.d, for when modules are loaded next",
    .effect = HP_EFFECT_NOW,
    .undo = HP_UNDO_EQUIVALENT,
    .differs = "an initramfs that holds a module named there is built anew, not put back",
    .lasts = true,
    .read = read_modprobe,
    .want = want_modprobe,
    .obstacles = modprobe_obstacles,
    .write = write_modprobe,
    .tell = tell_modprobe,
};
