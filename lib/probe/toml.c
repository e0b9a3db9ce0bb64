// Reading TOML, as far as configuration files of container runtimes use it.
// SPDX-License-Identifier: Apache-2.0
#include "probe/toml.h"

#include "base/cleanup.h"
#include "base/text.h"

#include <ctype.h>
#include <string.h>

#define MAX_DEPTH 16 // of arrays and tables in one another

struct reader {
	const char *at;
	int line;
	int depth;
	struct hp_text table; // path of the table that is open, with a dot at its end unless empty
	hp_toml_seen *seen;
	hp_toml_bad *bad;
	void *data;
};

static bool fail(struct reader *reader, const char *expected)
{
	reader->bad(reader->data, reader->line, expected);
	return false;
}

static void skip_blanks(struct reader *reader)
{
	reader->at += strspn(reader->at, " \t\r");
}

static void skip_line(struct reader *reader)
{
	reader->at += strcspn(reader->at, "\n");
}

/* White space, line ends and comments: between statements, and inside of arrays. */
static void skip_space(struct reader *reader)
{
	for (;;) {
		skip_blanks(reader);
		if (*reader->at == '#')
			skip_line(reader);
		if (*reader->at != '\n')
			return;
		reader->at++;
		reader->line++;
	}
}

/* The character that an escape stands for; those beyond ASCII are kept as they are written. */
static void add_escape(struct reader *reader, struct hp_text *text)
{
	static const char names[] = "btnfr\"\\", values[] = "\b\t\n\f\r\"\\";
	const char *name = *reader->at ? strchr(names, *reader->at) : NULL;
	if (name)
		hp_text_add(text, &values[name - names], 1);
	else
		hp_text_puts(text, "\\");
	if (name)
		reader->at++;
}

/* A string up to `quote`, one or three characters, of which the first was seen to be there. */
static bool read_quoted(struct reader *reader, const char *quote, struct hp_text *text)
{
	size_t length = strlen(quote);
	hp_text_puts(text, "");
	for (reader->at += length; strncmp(reader->at, quote, length) != 0;) {
		if (!*reader->at || (*reader->at == '\n' && length == 1))
			return fail(reader, "expected the quote that ends the string");
		reader->line += *reader->at == '\n';
		if (*reader->at == '\\' && *quote == '"') {
			reader->at++;
			add_escape(reader, text);
		} else {
			hp_text_add(text, reader->at++, 1);
		}
	}
	reader->at += length;
	return true;
}

static bool read_string(struct reader *reader, struct hp_text *text)
{
	static const char *const quotes[] = {"\"\"\"", "'''", "\"", "'"};
	for (size_t i = 0; i < HP_COUNT(quotes); i++)
		if (hp_starts_with(reader->at, quotes[i]))
			return read_quoted(reader, quotes[i], text);
	return fail(reader, "expected a string");
}

static bool is_quote(char c)
{
	return c == '"' || c == '\'';
}

/* A key with its dots. */
static bool read_key(struct reader *reader, struct hp_text *key)
{
	for (;;) {
		skip_blanks(reader);
		size_t length = strspn(reader->at, "abcdefghijklmnopqrstuvwxyz"
		                                   "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-");
		if (is_quote(*reader->at)) {
			if (!read_string(reader, key))
				return false;
		} else if (length) {
			hp_text_add(key, reader->at, length);
			reader->at += length;
		} else {
			return fail(reader, "expected a key");
		}
		skip_blanks(reader);
		if (*reader->at != '.')
			return true;
		reader->at++;
		hp_text_puts(key, ".");
	}
}

static bool read_value(struct reader *reader, const char *path, struct hp_text *value);

static bool read_array(struct reader *reader, const char *path, struct hp_text *value)
{
	for (reader->at++;;) {
		skip_space(reader);
		if (*reader->at == ']')
			break;
		if (value->length)
			hp_text_puts(value, " ");
		if (!read_value(reader, path, value))
			return false;
		skip_space(reader);
		if (*reader->at == ',')
			reader->at++;
		else if (*reader->at != ']')
			return fail(reader, "expected , or ] in the array");
	}
	reader->at++;
	return true;
}

static bool read_pair(struct reader *reader, const char *prefix);

static bool read_inline_table(struct reader *reader, const char *path)
{
	hp_cleanup_free char *prefix = hp_asprintf("%s.", path);
	for (reader->at++;;) {
		skip_space(reader);
		if (*reader->at == '}')
			break;
		if (!read_pair(reader, prefix))
			return false;
		skip_space(reader);
		if (*reader->at == ',')
			reader->at++;
		else if (*reader->at != '}')
			return fail(reader, "expected , or } in the table");
	}
	reader->at++;
	return true;
}

static bool read_bare(struct reader *reader, struct hp_text *value)
{
	size_t length = strcspn(reader->at, " \t\r\n,]}#");
	if (length == 0)
		return fail(reader, "expected a value");
	hp_text_add(value, reader->at, length);
	reader->at += length;
	return true;
}

/* Adds a value's text to `value`; those of an inline table are reported by themselves. */
static bool read_value(struct reader *reader, const char *path, struct hp_text *value)
{
	bool nested = *reader->at == '[' || *reader->at == '{', read;
	if (nested && reader->depth == MAX_DEPTH)
		return fail(reader, "expected fewer arrays in one another");
	reader->depth += nested;
	if (*reader->at == '[')
		read = read_array(reader, path, value);
	else if (*reader->at == '{')
		read = read_inline_table(reader, path);
	else if (is_quote(*reader->at))
		read = read_string(reader, value);
	else
		read = read_bare(reader, value);
	reader->depth -= nested;
	return read;
}

static bool read_pair(struct reader *reader, const char *prefix)
{
	hp_cleanup_text struct hp_text path = {0}, value = {0};
	hp_text_puts(&path, prefix);
	if (!read_key(reader, &path))
		return false;
	if (*reader->at != '=')
		return fail(reader, "expected = behind the key");
	reader->at++;
	skip_blanks(reader);
	bool table = *reader->at == '{';
	if (!read_value(reader, hp_text_get(&path), &value))
		return false;
	if (!table)
		reader->seen(reader->data, hp_text_get(&path), hp_text_get(&value));
	return true;
}

/* [table] or [[array of tables]]: whose elements are not told apart. */
static bool read_head(struct reader *reader)
{
	hp_cleanup_text struct hp_text table = {0};
	size_t brackets = reader->at[1] == '[' ? 2 : 1;
	reader->at += brackets;
	if (!read_key(reader, &table))
		return false;
	if (strncmp(reader->at, "]]", brackets) != 0)
		return fail(reader, "expected ] behind the table's name");
	reader->at += brackets;
	hp_text_free(&reader->table);
	hp_text_printf(&reader->table, "%s.", hp_text_get(&table));
	return true;
}

static bool read_end(struct reader *reader)
{
	skip_blanks(reader);
	if (*reader->at && *reader->at != '\n' && *reader->at != '#')
		return fail(reader, "expected the end of the line");
	return true;
}

void hp_toml_read(const char *text, hp_toml_seen *seen, hp_toml_bad *bad, void *data)
{
	struct reader reader = {.at = text, .line = 1, .seen = seen, .bad = bad, .data = data};
	for (skip_space(&reader); *reader.at; skip_space(&reader)) {
		bool read = *reader.at == '[' ? read_head(&reader)
		                              : read_pair(&reader, hp_text_get(&reader.table));
		if (!read || !read_end(&reader))
			skip_line(&reader);
		reader.depth = 0;
	}
	hp_text_free(&reader.table);
}
