// What modprobe.d and its kin say: pure parsers. SPDX-License-Identifier: Apache-2.0
#include "probe/modprobe.h"
#include "probe/look.h"

#include "base/cleanup.h"

#include <ctype.h>
#include <string.h>

void hp_module_normalise(char *name)
{
	for (int brackets = 0; *name; name++) {
		brackets += (*name == '[') - (*name == ']');
		if (*name == '-' && brackets == 0)
			*name = '_';
	}
}

/* Whether the statement that `line` holds so far ends in a later line. */
static bool goes_on(enum hp_module_syntax syntax, struct hp_text *line)
{
	if (line->length > 0 && line->data[line->length - 1] == '\\') {
		line->data[--line->length] = '\0';
		return true;
	}
	return syntax == HP_MODULES_MKINITCPIO && strchr(line->data, '(') &&
	       !strchr(line->data, ')');
}

/* A statement in one line; `number` counts the lines taken. NULL at the end of the text. */
static char *next_statement(enum hp_module_syntax syntax, char **cursor, int *number,
                            struct hp_text *line)
{
	bool any = false;
	line->length = 0;
	for (char *part; (part = hp_next_line(cursor));) {
		(*number)++;
		if (syntax == HP_MODULES_MKINITCPIO)
			part[strcspn(part, "#")] = '\0';
		hp_text_printf(line, "%s%s", any ? " " : "", part);
		any = true;
		if (!goes_on(syntax, line))
			break;
	}
	return any ? line->data : NULL;
}

// == modprobe.d(5)

enum argument { NO_ARGUMENT, ARGUMENT };

static const struct {
	const char *directive;
	enum argument argument;
} commands[] = {
    {"options", ARGUMENT}, {"blacklist", NO_ARGUMENT}, {"softdep", ARGUMENT},
    {"install", ARGUMENT}, {"remove", ARGUMENT},       {"alias", ARGUMENT},
};

static void read_command(int number, char *line, hp_directive_seen *seen, hp_directive_bad *bad,
                         void *data)
{
	char *directive = hp_next_word(&line);
	if (!directive || *directive == '#')
		return;
	for (size_t i = 0; i < HP_COUNT(commands); i++) {
		if (strcmp(directive, commands[i].directive) != 0)
			continue;
		char *module = hp_next_word(&line);
		char *argument = module ? hp_trim(line) : NULL;
		if (!module || (commands[i].argument == ARGUMENT && !*argument)) {
			bad(data, number,
			    module ? "expected more behind the module's name"
			           : "expected a module's name");
			return;
		}
		hp_module_normalise(module);
		seen(data, &(struct hp_directive){number, commands[i].directive, module, argument});
		return;
	}
	// "weakdep" (kmod 33), "config", "include" and the like say nothing that we ask.
	if (strcmp(directive, "weakdep") != 0 && strcmp(directive, "config") != 0 &&
	    strcmp(directive, "include") != 0)
		bad(data, number, "expected options, blacklist, softdep, install, remove or alias");
}

// == lists of modules to load

/* Reports the modules of a list, separated by any of `separators`, as one directive. */
static void load_all(int number, char *list, const char *separators, hp_directive_seen *seen,
                     void *data)
{
	hp_cleanup_text struct hp_text all = {0};
	hp_cleanup_free char *first = NULL;
	for (char *name = strtok_r(list, separators, &list); name;
	     name = strtok_r(NULL, separators, &list)) {
		hp_module_normalise(name);
		hp_text_printf(&all, "%s%s", all.length ? " " : "", name);
		if (!first)
			first = hp_strdup(name);
	}
	if (first)
		seen(data, &(struct hp_directive){number, "load", first, hp_text_get(&all)});
}

static void read_list(int number, char *line, hp_directive_seen *seen, hp_directive_bad *bad,
                      void *data)
{
	(void)bad;
	hp_trim(line);
	if (!*line || *line == '#' || *line == ';')
		return;
	// /etc/modules and initramfs-tools take options behind the name.
	char *module = hp_next_word(&line);
	hp_module_normalise(module);
	seen(data, &(struct hp_directive){number, "load", module, hp_trim(line)});
}

/* The value behind KEY= or KEY+= or KEY:, NULL if the line sets something else. */
static char *value_of(char *line, const char *key)
{
	hp_trim(line);
	size_t length = strlen(key);
	if (strncmp(line, key, length) != 0)
		return NULL;
	line += length + strspn(line + length, " \t");
	line += *line == '+';
	return *line == '=' || *line == ':' ? line + 1 : NULL;
}

static void read_mkinitcpio(int number, char *line, hp_directive_seen *seen, hp_directive_bad *bad,
                            void *data)
{
	(void)bad;
	char *value = value_of(line, "MODULES");
	if (!value)
		return;
	load_all(number, value, " \t()\"'", seen, data);
}

static void read_dracut(int number, char *line, hp_directive_seen *seen, hp_directive_bad *bad,
                        void *data)
{
	(void)bad;
	char *value = value_of(line, "force_drivers");
	if (!value)
		value = value_of(line, "add_drivers");
	if (value)
		load_all(number, value, " \t\"'", seen, data);
}

static void read_booster(int number, char *line, hp_directive_seen *seen, hp_directive_bad *bad,
                         void *data)
{
	(void)bad;
	char *value = value_of(line, "modules_force_load");
	if (value)
		load_all(number, value, " \t,\"'", seen, data);
}

typedef void read_one(int number, char *line, hp_directive_seen *seen, hp_directive_bad *bad,
                      void *data);

static read_one *const readers[] = {
    [HP_MODULES_MODPROBE] = read_command,      [HP_MODULES_LIST] = read_list,
    [HP_MODULES_MKINITCPIO] = read_mkinitcpio, [HP_MODULES_DRACUT] = read_dracut,
    [HP_MODULES_BOOSTER] = read_booster,
};

void hp_modprobe_read(enum hp_module_syntax syntax, const char *text, hp_directive_seen *seen,
                      hp_directive_bad *bad, void *data)
{
	hp_cleanup_free char *copy = hp_strdup(text);
	hp_cleanup_text struct hp_text line = {0};
	char *cursor = copy, *statement;
	for (int number = 0, start = 1;
	     (statement = next_statement(syntax, &cursor, &number, &line)); start = number + 1)
		readers[syntax](start, statement, seen, bad, data);
}
