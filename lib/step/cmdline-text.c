// Editing command lines in the files that hold them. SPDX-License-Identifier: Apache-2.0
#include "step/cmdline.h"

#include "base/cleanup.h"

#include <string.h>

static bool is_meant(const char *word, size_t length, const char *which)
{
	size_t which_length = strlen(which);
	if (strncmp(word, which, which_length) != 0 || which_length > length)
		return false;
	return length == which_length || (!strchr(which, '=') && word[which_length] == '=');
}

static bool adds(const struct hp_cmdline_change *change, const char *word, size_t length)
{
	for (size_t i = 0; i < change->add_count; i++)
		if (strlen(change->add[i]) == length && strncmp(change->add[i], word, length) == 0)
			return true;
	return false;
}

/* What is asked for stays where it stands, though "-KEY" means it. */
static bool takes(const struct hp_cmdline_change *change, const char *word, size_t length)
{
	if (adds(change, word, length))
		return false;
	for (size_t i = 0; i < change->take_count; i++)
		if (is_meant(word, length, change->take[i]))
			return true;
	return false;
}

bool hp_cmdline_takes(const struct hp_cmdline_change *change, const char *word)
{
	return takes(change, word, strlen(word));
}

char *hp_cmdline_changed(const char *list, const struct hp_cmdline_change *change)
{
	hp_cleanup_text struct hp_text kept = {0};
	hp_cleanup_free char *copy = hp_strdup(list);
	char *cursor = copy;
	for (char *word; (word = hp_next_word(&cursor));)
		if (!hp_cmdline_takes(change, word))
			hp_text_printf(&kept, "%s%s", kept.length ? " " : "", word);
	for (size_t i = 0; i < change->add_count; i++)
		if (!hp_has_word(hp_text_get(&kept), change->add[i]))
			hp_text_printf(&kept, "%s%s", kept.length ? " " : "", change->add[i]);
	return hp_strdup(hp_text_get(&kept));
}

/* Copies `length` bytes of words without those to go, each with the white space before it, or the
 * first one with that behind it; all else stays as it is written. `delimiters` end words. */
static void copy_words(struct hp_text *ret, const char *text, size_t length, const char *delimiters,
                       const struct hp_cmdline_change *change)
{
	const char *end = text + length;
	size_t start = ret->length;
	while (text < end) {
		const char *word = text + strspn(text, " \t");
		word = word < end ? word : end;
		const char *behind = word + strcspn(word, delimiters);
		behind = behind < end ? behind : end;
		if (behind == word && word < end)
			behind++; // a quote
		bool take = takes(change, word, (size_t)(behind - word));
		if (!take)
			hp_text_add(ret, text, (size_t)(behind - text));
		else if (ret->length == start ||
		         (ret->data && strchr("\"'=", ret->data[ret->length - 1])))
			behind += strspn(behind, " \t");
		text = behind < end ? behind : end;
	}
}

// == GRUB's defaults: one assignment of a shell a line

/* The value in an assignment to one of the command line's variables; NULL if the line is another.
 */
static const char *value_in(const char *line, const char *variable)
{
	static const char name[] = "GRUB_CMDLINE_LINUX";
	line += strspn(line, " \t");
	if (hp_starts_with(line, "export "))
		line += strlen("export ");
	if (variable) {
		if (!hp_starts_with(line, variable))
			return NULL;
		line += strlen(variable);
	} else {
		if (!hp_starts_with(line, name))
			return NULL;
		line += strlen(name);
		line += hp_starts_with(line, "_DEFAULT") ? strlen("_DEFAULT") : 0;
	}
	if (hp_starts_with(line, "+="))
		return line + 2;
	return *line == '=' ? line + 1 : NULL;
}

static size_t line_length(const char *at)
{
	size_t length = strcspn(at, "\n");
	return length + (at[length] == '\n');
}

static char *grub_without(const char *text, const struct hp_cmdline_change *change)
{
	hp_cleanup_text struct hp_text left = {0};
	for (size_t length; (length = line_length(text)); text += length) {
		hp_cleanup_free char *line = hp_strndup(text, length);
		const char *value = value_in(line, NULL);
		size_t head = value ? (size_t)(value - line) : length;
		hp_text_add(&left, line, head);
		hp_cleanup_text struct hp_text words = {0};
		if (value)
			copy_words(&words, value, length - head, " \t\n\"'", change);
		hp_text_puts(&left, hp_text_get(&words));
	}
	return hp_strdup(hp_text_get(&left));
}

/* Where a value's words end: before the closing quote, or before what ends a bare word. */
static size_t end_of_value(const char *value)
{
	char quote = *value == '"' || *value == '\'' ? *value : '\0';
	size_t at = quote != '\0';
	while (value[at] && value[at] != '\n' &&
	       (quote ? value[at] != quote : !strchr(" \t;#", value[at])))
		at += value[at] == '\\' && value[at + 1] ? 2 : 1;
	return at;
}

static char *with_in_value(const char *text, size_t at, const char *words)
{
	const char *value = text + at;
	size_t end = end_of_value(value);
	if (*value == '"' || *value == '\'')
		return hp_asprintf("%.*s%s%s%s", (int)(at + end), text, end > 1 ? " " : "", words,
		                   value + end);
	return hp_asprintf("%.*s\"%.*s%s%s\"%s", (int)at, text, (int)end, value, end ? " " : "",
	                   words, value + end);
}

static char *grub_with(const char *text, const char *variable, const char *words)
{
	const char *last = NULL;
	for (const char *at = text; *at; at += line_length(at)) {
		const char *value = value_in(at, variable);
		last = value ? value : last;
	}
	if (last)
		return with_in_value(text, (size_t)(last - text), words);
	bool ended = !*text || hp_ends_with(text, "\n");
	return hp_asprintf("%s%s%s=\"$%s %s\"\n", text, ended ? "" : "\n", variable, variable,
	                   words);
}

/* The words to add that no assignment in the text has. */
static char *missing_words(const char *text, const struct hp_cmdline_change *change)
{
	hp_cleanup_text struct hp_text all = {0}, missing = {0};
	for (; *text; text += line_length(text)) {
		const char *value = value_in(text, NULL);
		for (; value && *value && *value != '\n'; value++)
			hp_text_add(&all, strchr("\"'", *value) ? " " : value, 1);
		hp_text_puts(&all, " ");
	}
	for (size_t i = 0; i < change->add_count; i++)
		if (!hp_has_word(hp_text_get(&all), change->add[i]))
			hp_text_printf(&missing, "%s%s", missing.length ? " " : "", change->add[i]);
	return hp_strdup(hp_text_get(&missing));
}

char *hp_grub_text_changed(const char *text, const char *variable,
                           const struct hp_cmdline_change *change, bool add)
{
	hp_cleanup_free char *left = grub_without(text, change);
	hp_cleanup_free char *missing = missing_words(left, change);
	return add && *missing ? grub_with(left, variable, missing) : hp_steal(left);
}

bool hp_grub_text_says(const char *text)
{
	for (; *text; text += line_length(text)) {
		hp_cleanup_free char *line = hp_strndup(text, strcspn(text, "\n"));
		const char *value = value_in(line, NULL);
		hp_cleanup_free char *plain = hp_plain_words(value ? value : line);
		if (value ? strcmp(plain, "\"$GRUB_CMDLINE_LINUX_DEFAULT\"") != 0
		          : *plain && *plain != '#')
			return true;
	}
	return false;
}

// == /etc/kernel/cmdline

char *hp_plain_text_changed(const char *text, const struct hp_cmdline_change *change)
{
	hp_cleanup_text struct hp_text left = {0}, words = {0}, missing = {0};
	for (size_t length; (length = line_length(text)); text += length) {
		if (text[strspn(text, " \t")] == '#') {
			hp_text_add(&left, text, length);
			continue;
		}
		hp_text_add(&words, text, length);
		hp_cleanup_text struct hp_text line = {0};
		copy_words(&line, text, length, " \t\n", change);
		hp_text_puts(&left, hp_text_get(&line));
	}
	for (size_t i = 0; i < change->add_count; i++)
		if (!hp_has_word(hp_text_get(&words), change->add[i]))
			hp_text_printf(&missing, " %s", change->add[i]);
	if (!missing.length)
		return hp_strdup(hp_text_get(&left));
	// Behind the last word, before the white space at the text's end.
	const char *all = hp_text_get(&left);
	size_t end = strlen(all);
	while (end && strchr(" \t\n", all[end - 1]))
		end--;
	bool comment = false; // the last line is one: then words go on a line of their own
	for (size_t at = end; at && all[at - 1] != '\n'; at--)
		comment = all[at - 1] == '#' || (comment && strchr(" \t", all[at - 1]));
	return hp_asprintf("%.*s%s%s%s", (int)end, all, comment ? "\n" : "",
	                   hp_text_get(&missing) + (comment || !end),
	                   *(all + end) ? all + end : "\n");
}

// == entries of the Boot Loader Specification

/* The value of a line with this key; NULL if it has another. */
static const char *bls_value(const char *line, const char *key)
{
	line += strspn(line, " \t");
	size_t length = strlen(key);
	if (strncmp(line, key, length) != 0 || !strchr(" \t", line[length]) || !line[length])
		return NULL;
	return line + length + strspn(line + length, " \t");
}

char *hp_bls_options(const char *text)
{
	hp_cleanup_text struct hp_text options = {0};
	bool linux_entry = false;
	for (; *text; text += line_length(text)) {
		const char *value = bls_value(text, "options");
		linux_entry = linux_entry || bls_value(text, "linux");
		if (value)
			hp_text_add(&options, value, strcspn(value, "\n"));
		hp_text_puts(&options, value ? " " : "");
	}
	return linux_entry ? hp_plain_words(hp_text_get(&options)) : NULL;
}

char *hp_bls_with_options(const char *text, const char *options)
{
	hp_cleanup_text struct hp_text entry = {0};
	bool written = false;
	for (size_t length; (length = line_length(text)); text += length) {
		const char *value = bls_value(text, "options");
		if (!value)
			hp_text_add(&entry, text, length);
		else if (!written)
			hp_text_printf(&entry, "%.*s%s\n", (int)(value - text), text, options);
		written = written || value;
	}
	if (!written)
		hp_text_printf(&entry, "%soptions %s\n",
		               !entry.length || hp_ends_with(entry.data, "\n") ? "" : "\n",
		               options);
	return hp_strdup(hp_text_get(&entry));
}
