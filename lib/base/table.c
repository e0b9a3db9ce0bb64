// Listings, rendered for people and programs. SPDX-License-Identifier: Apache-2.0
#include "base/table.h"
#include "base/cleanup.h"
#include "base/json.h"
#include "base/text.h"

#include <ctype.h>
#include <errno.h>
#include <libsmartcols.h>
#include <string.h>

struct hp_table {
	const struct hp_column *columns;
	size_t count;
	char ***rows;
	size_t row_count;
};

static const char *const format_names[] = {
    [HP_FORMAT_TABLE] = "table", [HP_FORMAT_WIDE] = "wide", [HP_FORMAT_JSON] = "json",
    [HP_FORMAT_YAML] = "yaml",   [HP_FORMAT_CSV] = "csv",
};

bool hp_format_parse(const char *name, enum hp_format *ret)
{
	for (size_t i = 0; i < HP_COUNT(format_names); i++) {
		if (strcmp(name, format_names[i]) != 0)
			continue;
		*ret = (enum hp_format)i;
		return true;
	}
	return false;
}

struct hp_table *hp_table_new(const struct hp_column *columns, size_t count)
{
	struct hp_table *table = hp_calloc(1, sizeof(*table));
	table->columns = columns;
	table->count = count;
	return table;
}

void hp_table_free(struct hp_table *table)
{
	if (!table)
		return;
	for (size_t r = 0; r < table->row_count; r++) {
		for (size_t c = 0; c < table->count; c++)
			free(table->rows[r][c]);
		free(table->rows[r]);
	}
	free(table->rows);
	free(table);
}

void hp_table_add(struct hp_table *table, const char *const *cells)
{
	char **row = hp_calloc(table->count, sizeof(*row));
	for (size_t c = 0; c < table->count; c++)
		row[c] = cells[c] ? hp_strdup(cells[c]) : NULL;
	if ((table->row_count & (table->row_count - 1)) == 0) // full at each power of two
		table->rows =
		    hp_realloc(table->rows, (2 * table->row_count + 1) * sizeof(*table->rows));
	table->rows[table->row_count++] = row;
}

size_t hp_table_rows(const struct hp_table *table)
{
	return table->row_count;
}

static int print_columns(const struct hp_table *table, bool wide, FILE *to, struct hp_error *err)
{
	scols_init_debug(0);
	struct libscols_table *out = scols_new_table();
	if (!out)
		return hp_fail(err, -ENOMEM, "table: out of memory");
	scols_table_set_stream(out, to);
	size_t *shown = hp_calloc(table->count, sizeof(*shown)), count = 0;
	for (size_t c = 0; c < table->count; c++) {
		const struct hp_column *column = &table->columns[c];
		if (column->wide && !wide)
			continue;
		hp_cleanup_free char *head = hp_strdup(column->name);
		for (char *at = head; *at; at++)
			*at = *at == '_' ? ' ' : (char)toupper((unsigned char)*at);
		int flags = (column->number ? SCOLS_FL_RIGHT : 0) |
		            (column->wraps && !wide ? SCOLS_FL_TRUNC : 0);
		scols_table_new_column(out, head, 0, flags);
		shown[count++] = c;
	}
	for (size_t r = 0; r < table->row_count; r++) {
		struct libscols_line *line = scols_table_new_line(out, NULL);
		for (size_t i = 0; line && i < count; i++) {
			const char *cell = table->rows[r][shown[i]];
			scols_line_set_data(line, i, cell ? cell : "");
		}
	}
	int code = table->row_count ? scols_print_table(out) : 0;
	free(shown);
	scols_unref_table(out);
	return code < 0 && !ferror(to) ? hp_fail(err, code, "table: %s", strerror(-code)) : 0;
}

static json_t *cell_json(const struct hp_column *column, const char *cell)
{
	int64_t number;
	if (!cell)
		return json_null();
	if (column->number && hp_parse_s64(cell, &number))
		return json_integer(number);
	hp_cleanup_free char *copy = hp_strdup(cell);
	hp_utf8_repair(copy);
	return json_string(copy);
}

json_t *hp_table_json(const struct hp_table *table)
{
	json_t *rows = json_array();
	for (size_t r = 0; r < table->row_count; r++) {
		json_t *row = json_object();
		for (size_t c = 0; c < table->count; c++)
			json_object_set_new(row, table->columns[c].name,
			                    cell_json(&table->columns[c], table->rows[r][c]));
		json_array_append_new(rows, row);
	}
	return rows;
}

static int print_document(const struct hp_table *table, enum hp_format format, const char *schema,
                          const char *key, FILE *to, struct hp_error *err)
{
	json_t *document = json_object();
	json_object_set_new(document, "schema", json_string(schema ? schema : "happypath.table/1"));
	json_object_set_new(document, key ? key : "rows", hp_table_json(table));
	int code = hp_json_print(document, format, to, err);
	json_decref(document);
	return code;
}

static void print_csv_field(const char *field, FILE *to)
{
	if (!field)
		return;
	if (!strpbrk(field, ",\"\r\n")) {
		fputs(field, to);
		return;
	}
	fputc('"', to);
	for (; *field; field++) {
		if (*field == '"')
			fputc('"', to);
		fputc(*field, to);
	}
	fputc('"', to);
}

static void print_csv(const struct hp_table *table, FILE *to)
{
	for (size_t c = 0; c < table->count; c++) {
		fputs(c ? "," : "", to);
		print_csv_field(table->columns[c].name, to);
	}
	fputs("\n", to);
	for (size_t r = 0; r < table->row_count; r++) {
		for (size_t c = 0; c < table->count; c++) {
			if (c)
				fputc(',', to);
			print_csv_field(table->rows[r][c], to);
		}
		fputs("\n", to);
	}
}

int hp_table_print(const struct hp_table *table, enum hp_format format, const char *schema,
                   const char *key, FILE *to, struct hp_error *err)
{
	switch (format) {
	case HP_FORMAT_TABLE:
	case HP_FORMAT_WIDE:
		return print_columns(table, format == HP_FORMAT_WIDE, to, err);
	case HP_FORMAT_JSON:
	case HP_FORMAT_YAML:
		return print_document(table, format, schema, key, to, err);
	case HP_FORMAT_CSV:
		print_csv(table, to);
		return 0;
	}
	return hp_fail(err, -EINVAL, "unknown output format");
}
