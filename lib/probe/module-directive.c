// Directives about modules, in modprobe.d and the like. SPDX-License-Identifier: Apache-2.0
#include "probe/module-directive.h"
#include "probe/look.h"
#include "probe/modprobe.h"

#include "base/cleanup.h"

#include <errno.h>
#include <string.h>

enum { FILE_LIMIT = 1 << 20 };

/* Where directives stand. Directories of one group: a file hides those of the same name in later
 * ones. */
static const struct place {
	const char *path; // a directory if it ends in a slash
	const char *suffix;
	enum hp_module_syntax syntax;
	bool early; // for the initramfs
} places[] = {
    {"/etc/modprobe.d/", ".conf", HP_MODULES_MODPROBE, false},
    {"/run/modprobe.d/", ".conf", HP_MODULES_MODPROBE, false},
    {"/usr/local/lib/modprobe.d/", ".conf", HP_MODULES_MODPROBE, false},
    {"/usr/lib/modprobe.d/", ".conf", HP_MODULES_MODPROBE, false},
    {"/lib/modprobe.d/", ".conf", HP_MODULES_MODPROBE, false},
    {"/etc/modules-load.d/", ".conf", HP_MODULES_LIST, false},
    {"/run/modules-load.d/", ".conf", HP_MODULES_LIST, false},
    {"/usr/local/lib/modules-load.d/", ".conf", HP_MODULES_LIST, false},
    {"/usr/lib/modules-load.d/", ".conf", HP_MODULES_LIST, false},
    {"/lib/modules-load.d/", ".conf", HP_MODULES_LIST, false},
    {"/etc/modules", NULL, HP_MODULES_LIST, false},
    {"/etc/initramfs-tools/modules", NULL, HP_MODULES_LIST, true},
    {"/etc/mkinitcpio.conf", NULL, HP_MODULES_MKINITCPIO, true},
    {"/etc/mkinitcpio.conf.d/", ".conf", HP_MODULES_MKINITCPIO, true},
    {"/etc/dracut.conf", NULL, HP_MODULES_DRACUT, true},
    {"/etc/dracut.conf.d/", ".conf", HP_MODULES_DRACUT, true},
    {"/usr/lib/dracut/dracut.conf.d/", ".conf", HP_MODULES_DRACUT, true},
    {"/etc/booster.yaml", NULL, HP_MODULES_BOOSTER, true},
};

/* Where people put what modprobe then does not read: a directory misspelt, a name without .conf,
 * the one file of old. */
static const struct place unread_places[] = {
    {"/etc/modprobe.d/", NULL, HP_MODULES_MODPROBE, false},
    {"/etc/modeprobe.d/", ".conf", HP_MODULES_MODPROBE, false},
    {"/etc/modprob.d/", ".conf", HP_MODULES_MODPROBE, false},
    {"/etc/modprobe.conf", NULL, HP_MODULES_MODPROBE, false},
};

struct reading {
	struct hp_host *host;
	struct hp_facts *facts;
	struct hp_text *early;
	struct hp_names seen; // base names of files of the syntax being read
	const char *file;
	const struct place *place;
	struct hp_error *err;
	int result;
	bool partial; // some place could not be looked at
	bool looked;  // some could
	bool unread;  // modprobe does not look there
};

static void put_directive(void *data, const struct hp_directive *directive)
{
	struct reading *reading = data;
	const char *argument = *directive->argument ? directive->argument : "none";
	hp_cleanup_free char *whole = hp_asprintf("%s %s", directive->directive, argument);
	struct hp_row row = hp_row_begin(reading->facts, HP_TBL_MODULE_DIRECTIVE);
	hp_row_text(&row, HP_MODULE_DIRECTIVE_FILE, reading->file);
	hp_row_number(&row, HP_MODULE_DIRECTIVE_LINE, directive->line);
	hp_row_text(&row, HP_MODULE_DIRECTIVE_DIRECTIVE,
	            reading->unread ? "ignored" : directive->directive);
	hp_row_text(&row, HP_MODULE_DIRECTIVE_MODULE, directive->module);
	hp_row_text(&row, HP_MODULE_DIRECTIVE_ARGUMENT, reading->unread ? whole : argument);
	int r = hp_row_put(&row, reading->err);
	if (r < 0)
		reading->result = r;
	if (!reading->place->early)
		return;
	hp_text_printf(reading->early, " %s %s", directive->module, directive->argument);
}

static void put_bad(void *data, int line, const char *expected)
{
	struct reading *reading = data;
	if (reading->unread)
		return;
	hp_cleanup_free char *what = hp_asprintf("%s:%d", reading->file, line);
	hp_facts_gap(reading->facts, "malformed", what, "%s", expected);
}

static void read_file(struct reading *reading, const char *path)
{
	hp_cleanup_text struct hp_text text = {0};
	char target[256];
	// A link to /dev/null is how a file of the distribution is switched off.
	if (hp_host_link(reading->host, path, target, sizeof(target)) > 0 &&
	    strcmp(target, "/dev/null") == 0)
		return;
	enum hp_look look = hp_look_text(reading->host, reading->facts, path, FILE_LIMIT, &text);
	reading->partial = reading->partial || look == HP_LOOK_UNKNOWN;
	reading->looked = reading->looked || look != HP_LOOK_UNKNOWN;
	if (look != HP_LOOK_SEEN)
		return;
	reading->file = path;
	if (reading->place->early)
		hp_text_puts(reading->early, "");
	hp_modprobe_read(reading->place->syntax, hp_text_get(&text), put_directive, put_bad,
	                 reading);
}

static bool remember(struct hp_names *seen, const char *name)
{
	for (size_t i = 0; i < seen->count; i++)
		if (strcmp(seen->names[i], name) == 0)
			return false;
	seen->names = hp_realloc(seen->names, (seen->count + 1) * sizeof(*seen->names));
	seen->names[seen->count++] = hp_strdup(name);
	return true;
}

/* Of the right directory those files are unread that have no ending at all; a copy (.bak, ~) is
 * meant to be. */
static bool is_wanted(struct reading *reading, const char *name)
{
	if (!reading->place->suffix)
		return !strpbrk(name, ".~") && strcmp(name, "README") != 0;
	return hp_ends_with(name, reading->place->suffix) &&
	       (reading->unread || remember(&reading->seen, name));
}

static void read_directory(struct reading *reading, const char *directory)
{
	hp_cleanup_names struct hp_names names = {0};
	enum hp_look look = hp_look_list(reading->host, reading->facts, directory, &names);
	reading->partial = reading->partial || look == HP_LOOK_UNKNOWN;
	reading->looked = reading->looked || look != HP_LOOK_UNKNOWN;
	for (size_t i = 0; i < names.count; i++) {
		if (!is_wanted(reading, names.names[i]))
			continue;
		hp_cleanup_free char *path = hp_asprintf("%s%s", directory, names.names[i]);
		read_file(reading, path);
	}
}

static void read_place(struct reading *reading, const struct place *place)
{
	reading->place = place;
	if (hp_ends_with(place->path, "/"))
		read_directory(reading, place->path);
	else
		read_file(reading, place->path);
}

int hp_module_directives_put(struct hp_host *host, struct hp_facts *facts,
                             struct hp_text *ret_early, struct hp_error *err)
{
	struct reading reading = {.host = host, .facts = facts, .early = ret_early, .err = err};
	for (size_t i = 0; i < HP_COUNT(places) && reading.result == 0; i++) {
		if (i > 0 && places[i].syntax != places[i - 1].syntax)
			hp_names_free(&reading.seen);
		read_place(&reading, &places[i]);
	}
	hp_names_free(&reading.seen);
	reading.unread = true;
	for (size_t i = 0; i < HP_COUNT(unread_places) && reading.result == 0; i++)
		read_place(&reading, &unread_places[i]);
	if (reading.result < 0 || !reading.looked)
		return reading.result;
	return hp_facts_observed(facts, HP_TBL_MODULE_DIRECTIVE, "",
	                         reading.partial ? "partial" : "complete", err);
}
