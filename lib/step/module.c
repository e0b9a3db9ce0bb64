// Kernel modules, loaded or not. SPDX-License-Identifier: Apache-2.0
//
// Subject: the module's name. Words: "loaded", "unloaded". State: {"loaded": true, "with": [those
// loaded of the modules that loading it brings along]}, so that undo unloads what came along, and
// nothing else.
#include "step/kinds.h"

#include "base/cleanup.h"
#include "host/change.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum {
	INDEX_LIMIT = 8 << 20,
	LOAD_MS = 60000, // drivers of large devices take their time
};

#define SEPARATORS " \t\n"

/* Module names with '-' and '_' are the same to the kernel, which says '_'. */
static void plain_name(char *name)
{
	for (char *at = name; *at; at++)
		if (*at == '-')
			*at = '_';
}

/* "kernel/drivers/vfio/pci/vfio-pci.ko.xz" -> "vfio_pci", in place. */
static char *name_of(char *path)
{
	char *slash = strrchr(path, '/');
	char *name = slash ? slash + 1 : path;
	char *end = strstr(name, ".ko");
	if (end)
		*end = '\0';
	plain_name(name);
	return name;
}

struct closure {
	struct hp_host *host;
	struct hp_text dependencies, soft; // modules.dep, modules.softdep
	json_t *names;                     // an object: its keys are the names
};

static int read_index(struct closure *closure, const char *file, struct hp_text *ret)
{
	char release[256];
	struct hp_host *host = closure->host;
	if (hp_host_ask(host, "release", release, sizeof(release)) < 0 &&
	    hp_host_read(host, "/proc/sys/kernel/osrelease", release, sizeof(release)) < 0)
		return -ENODATA;
	hp_cleanup_free char *path = hp_asprintf("/lib/modules/%s/%s", release, file);
	return hp_host_read_text(host, path, INDEX_LIMIT, ret);
}

static void add_all(struct closure *closure, const char *name, bool itself);

/* "…/vfio-pci.ko: …/vfio-pci-core.ko …/vfio.ko" */
static void add_dependencies(struct closure *closure, const char *name)
{
	hp_cleanup_free char *text = hp_strdup(hp_text_get(&closure->dependencies));
	char *at = text;
	for (char *line; (line = strsep(&at, "\n"));) {
		char *path = strsep(&line, ":");
		if (strcmp(name_of(path), name) != 0)
			continue;
		for (char *word; (word = strsep(&line, SEPARATORS));)
			if (*word)
				add_all(closure, name_of(word), true);
		return;
	}
}

/* "softdep vfio post: vfio_iommu_type1 vfio_iommu_spapr_tce" */
static void add_soft(struct closure *closure, const char *name)
{
	hp_cleanup_free char *text = hp_strdup(hp_text_get(&closure->soft));
	char *at = text;
	for (char *line; (line = strsep(&at, "\n"));) {
		const char *word = strsep(&line, SEPARATORS);
		char *module = strsep(&line, SEPARATORS);
		if (strcmp(word, "softdep") != 0 || !module)
			continue;
		plain_name(module);
		if (strcmp(module, name) != 0)
			continue;
		for (char *other; (other = strsep(&line, SEPARATORS));) {
			plain_name(other);
			if (*other && !hp_ends_with(other, ":"))
				add_all(closure, other, true);
		}
	}
}

static void add_all(struct closure *closure, const char *name, bool itself)
{
	hp_cleanup_free char *kept = hp_strdup(name);
	if (json_object_get(closure->names, kept))
		return;
	json_object_set_new(closure->names, kept, json_boolean(itself));
	add_dependencies(closure, kept);
	add_soft(closure, kept);
}

/* The names of all that loading brings along, without the module itself, as keys of an object. */
static json_t *closure_of(struct hp_host *host, const char *name)
{
	struct closure closure = {.host = host, .names = json_object()};
	read_index(&closure, "modules.dep", &closure.dependencies);
	read_index(&closure, "modules.softdep", &closure.soft);
	add_all(&closure, name, false);
	json_object_del(closure.names, name);
	hp_text_free(&closure.dependencies);
	hp_text_free(&closure.soft);
	return closure.names;
}

static bool is_listed(const char *modules, const char *name)
{
	size_t length = strlen(name);
	for (const char *at = modules; at && *at; at = strchr(at, '\n')) {
		at += *at == '\n';
		if (strncmp(at, name, length) == 0 && at[length] == ' ')
			return true;
	}
	return false;
}

/* Compiled into the kernel: it is there, and stays. */
static bool is_built_in(struct hp_host *host, const char *name)
{
	struct closure closure = {.host = host};
	bool found = false;
	if (read_index(&closure, "modules.builtin", &closure.dependencies) == 0) {
		char *at = closure.dependencies.data;
		for (char *line; !found && at && (line = strsep(&at, "\n"));)
			found = strcmp(name_of(line), name) == 0;
	}
	hp_text_free(&closure.dependencies);
	return found;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Those names of the closure that are loaded, or all (`modules` NULL), sorted. */
static json_t *names_loaded(json_t *closure, const char *modules)
{
	const char **names = hp_calloc(json_object_size(closure) + 1, sizeof(*names));
	size_t count = 0;
	const char *name;
	json_t *value;
	json_object_foreach(closure, name, value) if (!modules || is_listed(modules, name))
	    names[count++] = name;
	qsort(names, count, sizeof(*names), by_name);
	json_t *list = json_array();
	for (size_t i = 0; i < count; i++)
		json_array_append_new(list, json_string(names[i]));
	free(names);
	return list;
}

static int read_module(struct hp_host *host, const char *subject, json_t **ret,
                       struct hp_error *err)
{
	hp_cleanup_text struct hp_text modules = {0};
	hp_cleanup_free char *name = hp_strdup(subject);
	plain_name(name);
	if (!*name || *subject == '-' || strpbrk(name, "/ \t\n"))
		return hp_fail(err, -EINVAL, "'%s' is no name of a module", subject);
	int r = hp_host_read_text(host, "/proc/modules", INDEX_LIMIT, &modules);
	if (r < 0)
		return hp_fail(err, r, "cannot read /proc/modules: %s", strerror(-r));
	json_t *closure = closure_of(host, name);
	const char *list = hp_text_get(&modules);
	bool loaded = is_listed(list, name) || is_built_in(host, name);
	*ret = json_pack("{s:b, s:o}", "loaded", loaded, "with", names_loaded(closure, list));
	json_decref(closure);
	return 0;
}

static int want_module(struct hp_host *host, const char *subject, const char *word,
                       const json_t *before, json_t **ret, struct hp_error *err)
{
	bool load = strcmp(word, "loaded") == 0;
	if (!load && strcmp(word, "unloaded") != 0)
		return hp_fail(err, -EINVAL, "module %s: '%s': expected 'loaded' or 'unloaded'",
		               subject, word);
	bool loaded = json_is_true(json_object_get(before, "loaded"));
	json_t *with = json_object_get(before, "with");
	if (loaded == load || !load) {
		*ret = json_pack("{s:b, s:o}", "loaded", load, "with",
		                 with ? hp_state_copy(with) : json_array());
		return 0;
	}
	hp_cleanup_free char *name = hp_strdup(subject);
	plain_name(name);
	json_t *closure = closure_of(host, name);
	*ret = json_pack("{s:b, s:o}", "loaded", true, "with", names_loaded(closure, NULL));
	json_decref(closure);
	return 0;
}

/* The last line of what a program said. */
static const char *last_line(struct hp_text *output)
{
	if (!output->data)
		return "it said nothing";
	char *text = hp_trim(output->data);
	char *line = strrchr(text, '\n');
	return line ? line + 1 : text;
}

static int run(struct hp_host *host, const char *program, const char *name, struct hp_error *err)
{
	const char *const argv[] = {program, name, NULL};
	hp_cleanup_text struct hp_text output = {0};
	int r = hp_host_change_run(host, argv, LOAD_MS, &output);
	if (r == 0)
		return 0;
	if (r < 0)
		return hp_fail(err, r, "cannot run %s %s: %s", program, name, strerror(-r));
	return hp_fail(err, -EIO, "%s %s: %s", program, name, last_line(&output));
}

static bool has_name(const json_t *list, const char *name)
{
	size_t i;
	json_t *item;
	json_array_foreach(list, i, item)
	{
		const char *one = json_string_value(item);
		if (one && strcmp(one, name) == 0)
			return true;
	}
	return false;
}

/* "vfio_pci_core 73728 1 vfio_pci, Live 0x…": a module is in use while its third word is not 0. */
static bool is_idle(struct hp_host *host, const char *name)
{
	hp_cleanup_text struct hp_text modules = {0};
	if (hp_host_read_text(host, "/proc/modules", INDEX_LIMIT, &modules) < 0)
		return false;
	size_t length = strlen(name);
	for (char *at = modules.data, *line; at && (line = hp_next_line(&at));)
		if (strncmp(line, name, length) == 0 && line[length] == ' ') {
			const char *users =
			    hp_next_word(&line) && hp_next_word(&line) ? hp_next_word(&line) : NULL;
			return users && strcmp(users, "0") == 0;
		}
	return false;
}

/* Unloads what came along with it, as far as nobody uses it: those that need others go first, so as
 * long as one goes another round is worth it. */
static void unload_company(struct hp_host *host, const json_t *now, const json_t *wanted)
{
	const json_t *loaded = json_object_get(now, "with");
	const json_t *stay = json_object_get(wanted, "with");
	size_t count = json_array_size(loaded), i;
	bool *gone = hp_calloc(count + 1, sizeof(*gone));
	json_t *item;
	for (bool again = true; again;) {
		again = false;
		json_array_foreach(loaded, i, item)
		{
			const char *name = json_string_value(item);
			if (gone[i] || has_name(stay, name) || !is_idle(host, name))
				continue;
			gone[i] = run(host, "rmmod", name, NULL) == 0;
			again = again || gone[i];
		}
	}
	free(gone);
}

static int write_module(struct hp_host *host, const char *subject, const json_t *before HP_UNUSED,
                        const json_t *after, struct hp_error *err)
{
	json_t *now = NULL;
	int r = read_module(host, subject, &now, err);
	if (r < 0)
		return r;
	bool loaded = json_is_true(json_object_get(now, "loaded"));
	bool load = json_is_true(json_object_get(after, "loaded"));
	if (load && !loaded)
		r = run(host, "modprobe", subject, err);
	else if (!load && loaded)
		r = run(host, "rmmod", subject, err);
	if (r == 0 && !load)
		unload_company(host, now, after);
	json_decref(now);
	return r;
}

/* What came along and is used by somebody else by now stays. */
static bool same_module(const char *subject, const json_t *wanted, const json_t *found,
                        struct hp_text *ret_note)
{
	bool load = json_is_true(json_object_get(wanted, "loaded"));
	if (load != json_is_true(json_object_get(found, "loaded")))
		return false;
	size_t i;
	json_t *item;
	json_array_foreach(json_object_get(found, "with"), i, item)
	{
		const char *name = json_string_value(item);
		if (ret_note && !load && name && !has_name(json_object_get(wanted, "with"), name))
			hp_text_printf(ret_note,
			               "module %s, loaded along with %s, stays: it is in use\n",
			               name, subject);
	}
	return true;
}

static void tell_module(const char *subject HP_UNUSED, const json_t *state, struct hp_text *ret)
{
	hp_text_puts(ret, json_is_true(json_object_get(state, "loaded")) ? "loaded" : "not loaded");
}

const struct hp_kind hp_kind_module = {
    .name = "module",
    .help = "a kernel module, loaded or not",
    .effect = HP_EFFECT_NOW,
    .undo = HP_UNDO_EQUIVALENT,
    .differs = "modules that came along and that something else uses by then stay loaded",
    .read = read_module,
    .want = want_module,
    .write = write_module,
    .same = same_module,
    .tell = tell_module,
};
