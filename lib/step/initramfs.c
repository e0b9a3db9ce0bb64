// What the initramfs loads, and that it is current. SPDX-License-Identifier: Apache-2.0
//
// Subject: a kernel release, or "all". Words: "with vfio-pci vfio", "without vfio-pci", "rebuilt".
// State: {"tool", "path", "file" (the configuration that names modules), "stale": [releases whose
// image is older than what it copied]}; the state that is wanted says "built" in place of "stale".
#include "step/initramfs.h"
#include "step/edit.h"

#include "base/cleanup.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum {
	BUILD_MS = 600000,
	LIST_MS = 60000,
	LIST_LIMIT = 16 << 20,
};

/* How each tool names its images, and what it copies. */
static const struct tool {
	const char *name, *package;
	const char *needs[2];              // programs: all of them
	const char *prefix, *suffix;       // of an image in /boot, around the release
	const char *config, *list;         // what names modules; what lists an image
	const char *line_head, *line_tail; // of a line that names a module
	const char *copies[4];             // directories and files that an image holds a copy of
} tools[] = {
    {
	.name = "initramfs-tools",
	.package = "initramfs-tools",
	.needs = {"/usr/sbin/update-initramfs", "/usr/sbin/mkinitramfs"},
	.prefix = "initrd.img-",
	.suffix = "",
	.config = "/etc/initramfs-tools/modules",
	.list = "lsinitramfs",
	.line_head = "",
	.line_tail = "",
	.copies = {"/etc/modprobe.d", "/etc/initramfs-tools", "/etc/initramfs-tools/conf.d"},
    },
    {
	.name = "dracut",
	.package = "dracut",
	.needs = {"/usr/bin/dracut"},
	.prefix = "initramfs-",
	.suffix = ".img",
	.config = "/etc/dracut.conf.d/happypath.conf",
	.list = "lsinitrd",
	.line_head = "force_drivers+=\" ",
	.line_tail = " \"",
	.copies = {"/etc/modprobe.d", "/etc/dracut.conf", "/etc/dracut.conf.d"},
    },
};

static const struct tool *tool_of(struct hp_host *host)
{
	for (size_t i = 0; i < HP_COUNT(tools); i++) {
		bool all = true;
		for (size_t k = 0; k < HP_COUNT(tools[i].needs) && tools[i].needs[k]; k++)
			all = all && hp_host_exists(host, tools[i].needs[k]) > 0;
		if (all)
			return &tools[i];
	}
	return NULL;
}

/* The rescue image, and those of kdump, of before the last build, and of a build that was killed.
 */
static bool is_spare(const char *release)
{
	static const char *const marks[] = {"rescue", ".bak", ".old", ".dpkg", ".new", ".tmp"};
	for (size_t i = 0; i < HP_COUNT(marks); i++)
		if (strstr(release, marks[i]))
			return true;
	return hp_ends_with(release, "kdump");
}

/* The release of an image in /boot: a new string, NULL if it is none. Debian names dracut's images
 * as it does its own. */
static char *release_of(const struct tool *tool, const char *name)
{
	const struct {
		const char *prefix, *suffix;
	} forms[] = {{tool->prefix, tool->suffix}, {"initrd.img-", ""}};
	for (size_t i = 0; i < HP_COUNT(forms); i++) {
		size_t head = strlen(forms[i].prefix), tail = strlen(forms[i].suffix);
		if (!hp_starts_with(name, forms[i].prefix) ||
		    !hp_ends_with(name, forms[i].suffix) || strlen(name) <= head + tail)
			continue;
		char *release = hp_strndup(name + head, strlen(name) - head - tail);
		if (release[0] >= '0' && release[0] <= '9' && !is_spare(release))
			return release;
		free(release);
	}
	return NULL;
}

static int64_t time_of(struct hp_host *host, const char *path)
{
	struct hp_stat stat;
	return hp_host_stat(host, path, &stat) == 0 ? stat.mtime * 1000000000 + stat.mtime_ns : 0;
}

/* When what images copy was changed last. A directory tells of files that went or were replaced. */
static int64_t time_of_copied(struct hp_host *host, const struct tool *tool)
{
	int64_t newest = 0;
	for (size_t i = 0; i < HP_COUNT(tool->copies) && tool->copies[i]; i++) {
		hp_cleanup_names struct hp_names names = {0};
		int64_t when = time_of(host, tool->copies[i]);
		newest = when > newest ? when : newest;
		hp_host_list(host, tool->copies[i], &names);
		for (size_t k = 0; k < names.count; k++) {
			hp_cleanup_free char *path =
			    hp_asprintf("%s/%s", tool->copies[i], names.names[k]);
			when = time_of(host, path);
			newest = when > newest ? when : newest;
		}
	}
	return newest;
}

typedef int on_image(struct hp_host *host, const struct tool *tool, const char *image,
                     const char *release, bool stale, void *data, struct hp_error *err);

static int each_image(struct hp_host *host, const struct tool *tool, const char *subject,
                      on_image *call, void *data, struct hp_error *err)
{
	hp_cleanup_names struct hp_names names = {0};
	int r = hp_host_list(host, "/boot", &names);
	if (r < 0)
		return hp_fail(err, r, "cannot list /boot: %s",
		               r == -ENODATA ? "not recorded" : strerror(-r));
	int64_t copied = time_of_copied(host, tool);
	for (size_t i = 0; r == 0 && i < names.count; i++) {
		hp_cleanup_free char *release = release_of(tool, names.names[i]);
		hp_cleanup_free char *image = hp_asprintf("/boot/%s", names.names[i]);
		if (!release || (strcmp(subject, "all") != 0 && strcmp(subject, release) != 0))
			continue;
		// Clocks of file systems are coarse: a time that is equal may be older.
		r = call(host, tool, image, release, time_of(host, image) <= copied, data, err);
	}
	return r;
}

static int build(struct hp_host *host, const struct tool *tool, const char *image,
                 const char *release, struct hp_error *err)
{
	const char *const debian[] = {"update-initramfs", "-u", "-k", release, NULL};
	const char *const dracut[] = {"dracut", "--force", image, release, NULL};
	bool is_dracut = strcmp(tool->name, "dracut") == 0;
	return hp_step_run(host, BUILD_MS, tool->package, err, is_dracut ? dracut : debian);
}

// == following modprobe.d

struct following {
	const char *modules;
	bool changed;
};

/* Whether an image holds one of the modules; where its list cannot be had, it may. */
static bool holds(struct hp_host *host, const struct tool *tool, const char *image,
                  const char *modules)
{
	const char *const argv[] = {tool->list, image, NULL};
	hp_cleanup_text struct hp_text list = {0};
	if (hp_host_run(host, argv, LIST_MS, LIST_LIMIT, &list) != 0)
		return true;
	for (char *at = list.data; at && *at; at++)
		*at = *at == '-' ? '_' : *at;
	hp_cleanup_free char *copy = hp_strdup(modules);
	char *cursor = copy;
	for (char *module; (module = hp_next_word(&cursor));) {
		for (char *at = module; *at; at++)
			*at = *at == '-' ? '_' : *at;
		hp_cleanup_free char *file = hp_asprintf("/%s.ko", module);
		if (strstr(hp_text_get(&list), file))
			return true;
	}
	return false;
}

static int follow(struct hp_host *host, const struct tool *tool, const char *image,
                  const char *release, bool stale, void *data, struct hp_error *err)
{
	const struct following *following = data;
	if ((!stale && !following->changed) || !holds(host, tool, image, following->modules))
		return 0;
	return build(host, tool, image, release, err);
}

int hp_initramfs_follow(struct hp_host *host, const char *modules, bool changed,
                        struct hp_error *err)
{
	const struct tool *tool = tool_of(host);
	struct following following = {.modules = modules, .changed = changed};
	if (!tool || hp_host_exists(host, "/boot") <= 0)
		return 0;
	return each_image(host, tool, "all", follow, &following, err);
}

// == the kind

static int need_tool(struct hp_host *host, const struct tool **ret, struct hp_error *err)
{
	if ((*ret = tool_of(host)))
		return 0;
	if (hp_host_exists(host, "/etc/mkinitcpio.conf") > 0)
		return hp_fail(err, -EOPNOTSUPP,
		               "mkinitcpio builds this host's initramfs: put the modules into "
		               "MODULES=() of /etc/mkinitcpio.conf, then run mkinitcpio -P");
	return hp_fail(err, -EOPNOTSUPP,
	               "neither initramfs-tools nor dracut is there to build an initramfs with");
}

static int note_stale(struct hp_host *host, const struct tool *tool, const char *image,
                      const char *release, bool stale, void *data, struct hp_error *err)
{
	(void)host, (void)tool, (void)image, (void)err;
	if (stale)
		json_array_append_new(data, json_string(release));
	return 0;
}

static int note_there(struct hp_host *host, const struct tool *tool, const char *image,
                      const char *release, bool stale, void *data, struct hp_error *err)
{
	(void)host, (void)tool, (void)image, (void)release, (void)stale, (void)err;
	*(bool *)data = true;
	return 0;
}

static int read_initramfs(struct hp_host *host, const char *subject, json_t **ret,
                          struct hp_error *err)
{
	const struct tool *tool;
	bool there = false;
	int r = need_tool(host, &tool, err);
	if (r == 0)
		r = each_image(host, tool, subject, note_there, &there, err);
	if (r < 0)
		return r;
	if (!there) {
		*ret = hp_absent();
		return 0;
	}
	json_t *file = NULL, *stale = json_array();
	r = hp_edit_read(host, tool->config, &file, err);
	if (r == 0)
		r = each_image(host, tool, subject, note_stale, stale, err);
	if (r == 0)
		*ret = json_pack("{s:s, s:s, s:O, s:O}", "tool", tool->name, "path", tool->config,
		                 "file", file, "stale", stale);
	json_decref(file);
	json_decref(stale);
	return r;
}

static const struct tool *named_tool(const json_t *state)
{
	for (size_t i = 0; i < HP_COUNT(tools); i++)
		if (strcmp(tools[i].name, hp_state_text(state, "tool")) == 0)
			return &tools[i];
	return NULL;
}

/* The configuration's text with each module of `list` named, or none of them. */
static char *with_modules(const struct tool *tool, const json_t *file, const char *list, bool with)
{
	char *text = hp_strdup(hp_state_has_file(file) ? hp_edit_content(file) : HP_EDIT_HEAD);
	hp_cleanup_free char *copy = hp_strdup(list);
	char *cursor = copy;
	for (char *module; (module = hp_next_word(&cursor));) {
		hp_cleanup_free char *before = text;
		hp_cleanup_free char *line =
		    hp_asprintf("%s%s%s", tool->line_head, module, tool->line_tail);
		text = with ? hp_lines_with(before, line) : hp_lines_without(before, line);
	}
	return text;
}

static int want_initramfs(struct hp_host *host HP_UNUSED, const char *subject, const char *word,
                          const json_t *before, json_t **ret, struct hp_error *err)
{
	const struct tool *tool = named_tool(before);
	bool with = hp_starts_with(word, "with ");
	const char *list = with                               ? word + strlen("with ")
	                   : hp_starts_with(word, "without ") ? word + strlen("without ")
	                                                      : NULL;
	if (!tool)
		return hp_fail(err, -ENOENT, "there is no initramfs of kernel %s in /boot",
		               subject);
	if (!list && strcmp(word, "rebuilt") != 0)
		return hp_fail(err, -EINVAL,
		               "initramfs %s: '%s': expected 'with MODULE', 'without MODULE' or "
		               "'rebuilt'",
		               subject, word);
	if (list && strpbrk(list, "\"'`$\\/"))
		return hp_fail(err, -EINVAL, "initramfs %s: '%s' is no list of modules", subject,
		               list);
	json_t *after = hp_state_copy(before);
	const json_t *file = json_object_get(before, "file");
	hp_cleanup_free char *text = with_modules(tool, file, list ? list : "", with);
	if (list)
		json_object_set_new(after, "file", hp_edit_with(file, text));
	json_object_del(after, "stale");
	json_object_set_new(after, "built", json_true());
	*ret = after;
	return 0;
}

static int initramfs_obstacles(struct hp_host *host, const char *subject, const json_t *before,
                               const json_t *after, struct hp_obstacles *ret, struct hp_error *err)
{
	(void)subject, (void)err;
	hp_edit_obstacles(host, hp_state_text(after, "path"), json_object_get(before, "file"),
	                  json_object_get(after, "file"), ret);
	return 0;
}

static int build_if(struct hp_host *host, const struct tool *tool, const char *image,
                    const char *release, bool stale, void *data, struct hp_error *err)
{
	return stale || *(bool *)data ? build(host, tool, image, release, err) : 0;
}

static int write_initramfs(struct hp_host *host, const char *subject, const json_t *before,
                           const json_t *after, struct hp_error *err)
{
	const struct tool *tool = named_tool(after);
	const json_t *file = json_object_get(after, "file");
	if (!tool)
		return hp_fail(err, -EINVAL, "initramfs %s: no state to bring about", subject);
	bool changes = !json_equal(json_object_get(before, "file"), file);
	int r = hp_edit_write(host, tool->config, file, err);
	return r < 0 ? r : each_image(host, tool, subject, build_if, &changes, err);
}

/* A fresh image is as good as one that was stale. */
static bool same_initramfs(const char *subject HP_UNUSED, const json_t *wanted, const json_t *found,
                           struct hp_text *ret_note HP_UNUSED)
{
	if (hp_is_absent(wanted) || hp_is_absent(found) ||
	    !json_equal(json_object_get(wanted, "tool"), json_object_get(found, "tool")) ||
	    !json_equal(json_object_get(wanted, "file"), json_object_get(found, "file")))
		return false;
	return !json_is_true(json_object_get(wanted, "built")) ||
	       json_array_size(json_object_get(found, "stale")) == 0;
}

static void tell_initramfs(const char *subject HP_UNUSED, const json_t *state, struct hp_text *ret)
{
	hp_text_printf(ret, "%s: ", hp_state_text(state, "path"));
	hp_edit_tell(json_object_get(state, "file"), ret);
	size_t stale = json_array_size(json_object_get(state, "stale"));
	if (json_is_true(json_object_get(state, "built")))
		hp_text_puts(ret, ", built from it");
	else if (stale)
		hp_text_printf(ret, ", %zu older than its configuration", stale);
}

const struct hp_kind hp_kind_initramfs = {
    .name = "initramfs",
    .help = "modules that the initramfs loads, and that it holds today's configuration",
    .effect = HP_EFFECT_REBOOT,
    .undo = HP_UNDO_EQUIVALENT,
    .differs = "the image is built anew, not put back",
    .lasts = true,
    .read = read_initramfs,
    .want = want_initramfs,
    .obstacles = initramfs_obstacles,
    .write = write_initramfs,
    .same = same_initramfs,
    .tell = tell_initramfs,
};
