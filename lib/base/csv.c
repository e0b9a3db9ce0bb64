// Reading CSV. SPDX-License-Identifier: Apache-2.0
#include "base/csv.h"
#include "base/text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct hp_csv {
	char *name;
	char *text;
	size_t length;
	size_t at;
	size_t line;
	char **fields;
	size_t count;
	size_t size;
};

struct hp_csv *hp_csv_open(const char *name, const char *text, size_t length)
{
	struct hp_csv *csv = hp_calloc(1, sizeof(*csv));
	csv->name = hp_strdup(name);
	csv->text = hp_calloc(1, length + 1);
	if (length)
		memcpy(csv->text, text, length);
	csv->length = length;
	csv->line = 1;
	return csv;
}

void hp_csv_close(struct hp_csv *csv)
{
	if (!csv)
		return;
	free(csv->name);
	free(csv->text);
	free(csv->fields);
	free(csv);
}

static void add_field(struct hp_csv *csv, char *field)
{
	if (csv->count == csv->size) {
		csv->size = csv->size ? 2 * csv->size : 32;
		csv->fields = hp_realloc(csv->fields, csv->size * sizeof(*csv->fields));
	}
	csv->fields[csv->count++] = field;
}

/* Reads a quoted field in place; the text behind it moves nowhere, the field only shrinks. */
static int quoted(struct hp_csv *csv, struct hp_error *err)
{
	size_t line = csv->line;
	char *start = csv->text + csv->at + 1, *to = start, *from = start;
	char *end = csv->text + csv->length;
	for (;; from++) {
		if (from == end)
			return hp_fail(err, -EINVAL,
			               "%s:%zu: a quote opens here and does not close", csv->name,
			               line);
		if (*from == '"' && from + 1 < end && from[1] == '"')
			from++;
		else if (*from == '"')
			break;
		if (*from == '\n')
			csv->line++;
		*to++ = *from;
	}
	csv->at = (size_t)(from - csv->text) + 1;
	*to = '\0';
	add_field(csv, start);
	char next = csv->at < csv->length ? csv->text[csv->at] : '\n';
	if (next != ',' && next != '\n' && next != '\r')
		return hp_fail(err, -EINVAL,
		               "%s:%zu: text behind a closing quote, expected a comma", csv->name,
		               csv->line);
	return 0;
}

static void plain(struct hp_csv *csv)
{
	char *start = csv->text + csv->at;
	csv->at += strcspn(start, ",\n");
	add_field(csv, start);
}

/* Ends the field at the reader's place; returns whether the record goes on. */
static bool end_field(struct hp_csv *csv)
{
	char *at = csv->text + csv->at;
	bool more = csv->at < csv->length && *at == ',';
	if (csv->at < csv->length && *at == '\r') {
		*at++ = '\0';
		csv->at++;
	} else if (!more && csv->at > 0 && at[-1] == '\r') {
		at[-1] = '\0';
	}
	if (csv->at < csv->length) {
		csv->line += *at == '\n';
		*at = '\0';
		csv->at++;
	}
	return more;
}

int hp_csv_next(struct hp_csv *csv, struct hp_csv_record *ret, struct hp_error *err)
{
	if (memchr(csv->text, '\0', csv->length) && csv->at == 0)
		return hp_fail(err, -EINVAL, "%s: holds a NUL byte: not a text file", csv->name);
	while (csv->at < csv->length && strchr("\r\n", csv->text[csv->at]))
		csv->line += csv->text[csv->at++] == '\n';
	if (csv->at >= csv->length)
		return 0;
	csv->count = 0;
	size_t line = csv->line;
	for (bool more = true; more; more = end_field(csv)) {
		if (csv->at < csv->length && csv->text[csv->at] == '"') {
			int code = quoted(csv, err);
			if (code)
				return code;
		} else {
			plain(csv);
		}
	}
	*ret = (struct hp_csv_record){.line = line, .count = csv->count, .fields = csv->fields};
	return 1;
}
