// What bootloaders' files say: pure parsers. SPDX-License-Identifier: Apache-2.0
#include "host/boot-entry.h"

#include "base/cleanup.h"
#include "base/text.h"

#include <ctype.h>
#include <string.h>

void hp_boot_entry_free(struct hp_boot_entry *entry)
{
	free(entry->kernel);
	free(entry->cmdline);
	free(entry->release);
	*entry = (struct hp_boot_entry){0};
}

static void replace(char **place, char *with)
{
	free(*place);
	*place = with;
}

/* The next line without the white space around it; comments and empty lines are skipped. */
static char *next_statement(char **cursor)
{
	for (char *line; (line = hp_next_line(cursor));) {
		hp_trim(line);
		if (*line && *line != '#')
			return line;
	}
	return NULL;
}

/* Takes `key` and the white space behind it off the head of a line; NULL if another word stands
 * there. */
static char *after_word(char *line, const char *key)
{
	size_t length = strlen(key);
	if (strncasecmp(line, key, length) != 0 || !isspace((unsigned char)line[length]))
		return NULL;
	return line + length + strspn(line + length, " \t");
}

// == GRUB's defaults: assignments of a shell, of which only what people write there is understood

void hp_grub_defaults_free(struct hp_grub_defaults *defaults)
{
	free(defaults->always);
	free(defaults->regular);
	*defaults = (struct hp_grub_defaults){0};
}

/* What a variable's reference at `text` ($NAME or ${NAME}) stands for; `ret_length` is how long it
 * is. */
static const char *referenced(const struct hp_grub_defaults *defaults, const char *text,
                              size_t *ret_length)
{
	bool braces = text[1] == '{';
	const char *name = text + (braces ? 2 : 1);
	size_t length = strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789");
	*ret_length = (size_t)(name - text) + length + (braces && name[length] == '}');
	if (length == strlen("GRUB_CMDLINE_LINUX") &&
	    strncmp(name, "GRUB_CMDLINE_LINUX", length) == 0)
		return defaults->always ? defaults->always : "";
	if (length == strlen("GRUB_CMDLINE_LINUX_DEFAULT") &&
	    strncmp(name, "GRUB_CMDLINE_LINUX_DEFAULT", length) == 0)
		return defaults->regular ? defaults->regular : "";
	return "";
}

/* The value of a shell word: quotes removed, our two variables put in. */
static char *shell_value(const struct hp_grub_defaults *defaults, const char *word)
{
	hp_cleanup_text struct hp_text value = {0};
	char quote = '\0';
	for (size_t used = 1; *word; word += used) {
		used = 1;
		if (quote == '\0' &&
		    (isspace((unsigned char)*word) || *word == ';' || *word == '#'))
			break;
		if (*word == quote)
			quote = '\0';
		else if (quote == '\0' && (*word == '"' || *word == '\''))
			quote = *word;
		else if (*word == '$' && quote != '\'')
			hp_text_puts(&value, referenced(defaults, word, &used));
		else if (*word == '\\' && quote != '\'' && word[1])
			hp_text_add(&value, word + 1, 1), used = 2;
		else
			hp_text_add(&value, word, 1);
	}
	return hp_strdup(hp_text_get(&value));
}

static void assign(struct hp_grub_defaults *defaults, char **place, const char *operation)
{
	bool append = hp_starts_with(operation, "+=");
	if (!append && *operation != '=')
		return;
	hp_cleanup_free char *value = shell_value(defaults, operation + (append ? 2 : 1));
	replace(place, append ? hp_asprintf("%s%s", *place ? *place : "", value) : hp_steal(value));
}

void hp_grub_defaults_read(struct hp_grub_defaults *defaults, const char *text)
{
	static const char name[] = "GRUB_CMDLINE_LINUX";
	hp_cleanup_free char *copy = hp_strdup(text);
	char *cursor = copy;
	for (char *line; (line = next_statement(&cursor));) {
		if (hp_starts_with(line, "export "))
			line += strlen("export ");
		if (!hp_starts_with(line, name))
			continue;
		line += strlen(name);
		if (hp_starts_with(line, "_DEFAULT"))
			assign(defaults, &defaults->regular, line + strlen("_DEFAULT"));
		else
			assign(defaults, &defaults->always, line);
	}
}

char *hp_grub_defaults_cmdline(const struct hp_grub_defaults *defaults)
{
	if (!defaults->always && !defaults->regular)
		return NULL;
	char *cmdline = hp_asprintf("%s %s", defaults->always ? defaults->always : "",
	                            defaults->regular ? defaults->regular : "");
	return hp_trim(cmdline);
}

// == grub.cfg

/* Cuts one word of GRUB's script off `cursor`, unquoted in place; NULL at the end of the line. */
static char *script_word(char **cursor)
{
	char *from = *cursor + strspn(*cursor, " \t");
	if (!*from)
		return NULL;
	char *word = from, *to = from, quote = '\0';
	for (; *from && (quote || !isspace((unsigned char)*from)); from++) {
		if (*from == quote)
			quote = '\0';
		else if (!quote && (*from == '"' || *from == '\''))
			quote = *from;
		else if (*from == '\\' && quote != '\'' && from[1])
			*to++ = *++from;
		else
			*to++ = *from;
	}
	*cursor = *from ? from + 1 : from;
	*to = '\0';
	return word;
}

/* The rest of a line's words, unquoted and joined by one blank each. */
static char *script_rest(char *line)
{
	hp_cleanup_text struct hp_text rest = {0};
	for (char *word; (word = script_word(&line));)
		hp_text_printf(&rest, "%s%s", rest.length ? " " : "", word);
	return hp_strdup(hp_text_get(&rest));
}

#define MENU_DEPTH 8

/* Where the walk through a grub.cfg stands, and which entry it looks for. */
struct grub_walk {
	char *wanted[MENU_DEPTH]; // one name, id or number for each level of the menu
	int levels;
	unsigned index[MENU_DEPTH]; // entries passed at each level
	bool matches[MENU_DEPTH];   // the menu that is open at each level is on the wanted path
	int depth;
	int braces[MENU_DEPTH]; // blocks open inside of each
	bool in_entry;
};

/* Whether the menu item with this head is the one wanted at its level. Below the last wanted level,
 * the first item is what GRUB takes. */
static bool is_wanted(const struct grub_walk *walk, const char *title, const char *id)
{
	const char *wanted = walk->depth < walk->levels ? walk->wanted[walk->depth] : "0";
	uint64_t number;
	if (hp_parse_u64(wanted, &number))
		return number == walk->index[walk->depth];
	return strcmp(wanted, title) == 0 || (id && strcmp(wanted, id) == 0);
}

/* The id in the head of a menu item: the word behind $menuentry_id_option or --id. */
static const char *item_id(char *line)
{
	for (char *word; (word = script_word(&line));)
		if (strcmp(word, "$menuentry_id_option") == 0 || strcmp(word, "--id") == 0)
			return script_word(&line);
	return NULL;
}

static void open_item(struct grub_walk *walk, char *head, bool entry)
{
	char *title = script_word(&head);
	const char *id = item_id(head);
	bool on_path = walk->depth == 0 || walk->matches[walk->depth - 1];
	walk->matches[walk->depth] = on_path && title && is_wanted(walk, title, id);
	walk->index[walk->depth]++;
	walk->braces[walk->depth] = 1;
	walk->in_entry = entry;
	walk->depth++;
	if (walk->depth < MENU_DEPTH)
		walk->index[walk->depth] = 0;
}

static void close_block(struct grub_walk *walk)
{
	if (walk->depth == 0 || --walk->braces[walk->depth - 1] > 0)
		return;
	walk->depth--;
	walk->in_entry = false;
}

/* One line; whether it was the kernel of the wanted entry. */
static bool walk_line(struct grub_walk *walk, char *line, struct hp_boot_entry *ret)
{
	static const char *const commands[] = {"linux", "linuxefi", "linux16"};
	char *rest;
	bool entry = (rest = after_word(line, "menuentry"));
	if ((entry || (rest = after_word(line, "submenu"))) && walk->depth < MENU_DEPTH)
		return open_item(walk, rest, entry), false;
	if (strcmp(line, "}") == 0)
		return close_block(walk), false;
	if (walk->depth > 0 && hp_ends_with(line, "{"))
		walk->braces[walk->depth - 1]++;
	if (!walk->in_entry || !walk->matches[walk->depth - 1])
		return false;
	for (size_t i = 0; i < HP_COUNT(commands); i++) {
		if (!(rest = after_word(line, commands[i])))
			continue;
		char *kernel = script_word(&rest);
		ret->kernel = kernel ? hp_strdup(kernel) : NULL;
		ret->cmdline = script_rest(rest);
		return true;
	}
	return false;
}

/* What `set default=` says at last, but for the entry of a one-time boot. A new string. */
static char *grub_default(const char *text, const char *saved)
{
	hp_cleanup_free char *copy = hp_strdup(text);
	char *cursor = copy, *found = NULL;
	for (char *line; (line = next_statement(&cursor));) {
		char *assignment = after_word(line, "set");
		if (!assignment || !hp_starts_with(assignment, "default="))
			continue;
		assignment += strlen("default=");
		char *value = script_word(&assignment);
		if (!value || strstr(value, "next_entry") || strstr(value, "prev_entry"))
			continue;
		if (strstr(value, "saved_entry"))
			replace(&found, hp_strdup(saved && *saved ? saved : "0"));
		else
			replace(&found, hp_strdup(value));
	}
	return found ? found : hp_strdup("0");
}

bool hp_grub_default_entry(const char *text, const char *saved, struct hp_boot_entry *ret)
{
	struct grub_walk walk = {0};
	hp_cleanup_free char *wanted = grub_default(text, saved);
	char *rest = wanted;
	for (char *part; walk.levels < MENU_DEPTH && (part = strsep(&rest, ">"));)
		walk.wanted[walk.levels++] = part;
	hp_cleanup_free char *copy = hp_strdup(text);
	char *cursor = copy;
	for (char *line; (line = next_statement(&cursor));)
		if (walk_line(&walk, line, ret))
			return true;
	return false;
}

// == syslinux, extlinux

struct syslinux_label {
	char *name;
	struct hp_boot_entry entry;
};

/* Takes the label that was just read if it is better than what was found: 2 marked as the menu's
 * default, 1 named by DEFAULT, 0 the first one. */
static void settle(struct syslinux_label *label, bool marked, const char *wanted, int *rank,
                   struct hp_boot_entry *best)
{
	int worth = marked ? 2 : wanted && label->name && strcmp(label->name, wanted) == 0 ? 1 : 0;
	if (label->name && (label->entry.kernel || label->entry.cmdline) && worth > *rank) {
		hp_boot_entry_free(best);
		*best = label->entry;
		*rank = worth;
	} else {
		hp_boot_entry_free(&label->entry);
	}
	free(label->name);
	*label = (struct syslinux_label){0};
}

bool hp_syslinux_default_entry(const char *text, struct hp_boot_entry *ret)
{
	hp_cleanup_free char *copy = hp_strdup(text), *wanted = NULL;
	struct syslinux_label label = {0};
	struct hp_boot_entry best = {0};
	bool marked = false;
	int rank = -1;
	char *cursor = copy, *rest;
	for (char *line; (line = next_statement(&cursor));) {
		if ((rest = after_word(line, "label"))) {
			settle(&label, marked, wanted, &rank, &best);
			marked = false;
			label.name = hp_strdup(rest);
		} else if ((rest = after_word(line, "default"))) {
			replace(&wanted, hp_strdup(rest));
		} else if ((rest = after_word(line, "menu")) && strcasecmp(rest, "default") == 0) {
			marked = true;
		} else if ((rest = after_word(line, "append")) && label.name) {
			replace(&label.entry.cmdline, hp_strdup(rest));
		} else if (((rest = after_word(line, "kernel")) ||
		            (rest = after_word(line, "linux"))) &&
		           label.name) {
			replace(&label.entry.kernel, hp_strdup(rest));
		}
	}
	settle(&label, marked, wanted, &rank, &best);
	if (rank < 0)
		return false;
	if (!best.cmdline)
		best.cmdline = hp_strdup("");
	*ret = best;
	return true;
}

// == Limine

/* Takes KEY and ':' or '=' off a line; NULL if it is another key. */
static char *limine_value(char *line, const char *key)
{
	size_t length = strlen(key);
	if (strncasecmp(line, key, length) != 0)
		return NULL;
	char *rest = line + length + strspn(line + length, " \t");
	return *rest == ':' || *rest == '=' ? hp_trim(rest + 1) : NULL;
}

bool hp_limine_default_entry(const char *text, struct hp_boot_entry *ret)
{
	hp_cleanup_free char *copy = hp_strdup(text);
	struct hp_boot_entry entry = {0};
	uint64_t wanted = 1, number = 0;
	char *cursor = copy, *value;
	for (char *line; (line = next_statement(&cursor));) {
		if (*line == '/' || *line == ':') {
			number++;
		} else if (number == 0 && (value = limine_value(line, "default_entry"))) {
			hp_parse_u64(value, &wanted);
		} else if (number == wanted) {
			if ((value = limine_value(line, "cmdline")) ||
			    (value = limine_value(line, "kernel_cmdline")))
				replace(&entry.cmdline, hp_strdup(value));
			else if ((value = limine_value(line, "path")) ||
			         (value = limine_value(line, "kernel_path")))
				replace(&entry.kernel, hp_strdup(value));
		}
	}
	if (!entry.kernel && !entry.cmdline)
		return false;
	if (!entry.cmdline)
		entry.cmdline = hp_strdup("");
	*ret = entry;
	return true;
}

// == Boot Loader Specification

bool hp_bls_entry(const char *text, const char *kernelopts, struct hp_boot_entry *ret)
{
	hp_cleanup_free char *copy = hp_strdup(text);
	hp_cleanup_text struct hp_text options = {0};
	struct hp_boot_entry entry = {0};
	char *cursor = copy, *rest;
	for (char *line; (line = next_statement(&cursor));) {
		if ((rest = after_word(line, "linux"))) {
			replace(&entry.kernel, hp_strdup(rest));
		} else if ((rest = after_word(line, "version")) && isdigit((unsigned char)*rest)) {
			replace(&entry.release, hp_strdup(rest));
		} else if ((rest = after_word(line, "options"))) {
			for (char *word; (word = hp_next_word(&rest));) {
				const char *option = strcmp(word, "$kernelopts") == 0 && kernelopts
				                         ? kernelopts
				                         : word;
				// $tuned_params and the like are empty unless that program set
				// them.
				if (*option != '$')
					hp_text_printf(&options, "%s%s", options.length ? " " : "",
					               option);
			}
		}
	}
	if (!entry.kernel) {
		hp_boot_entry_free(&entry);
		return false;
	}
	entry.cmdline = hp_strdup(hp_text_get(&options));
	*ret = entry;
	return true;
}

char *hp_boot_release(const char *kernel)
{
	static const char *const prefixes[] = {"vmlinuz-", "vmlinux-", "kernel-", "bzImage-",
	                                       "Image-"};
	const char *slash = strrchr(kernel, '/');
	const char *name = slash ? slash + 1 : kernel;
	for (size_t i = 0; i < HP_COUNT(prefixes); i++)
		if (hp_starts_with(name, prefixes[i]) &&
		    isdigit((unsigned char)name[strlen(prefixes[i])]))
			return hp_strdup(name + strlen(prefixes[i]));
	return NULL;
}
