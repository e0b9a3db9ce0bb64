// Listings: one column table, rendered for people and programs. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum hp_format {
	HP_FORMAT_TABLE, // for people; columns marked wide are left out
	HP_FORMAT_WIDE,
	HP_FORMAT_JSON,
	HP_FORMAT_YAML,
	HP_FORMAT_CSV,
};

/* "table", "wide", "json", "yaml", "csv"; returns whether it is one. */
bool hp_format_parse(const char *name, enum hp_format *ret);

struct hp_column {
	const char *name; // JSON and CSV name; the head of the table is the same in capitals
	const char *help;
	bool number; // a JSON number where it is one
	bool wide;   // only in wide, JSON, YAML and CSV
	bool wraps;  // the column that may be cut to the terminal's width
};

struct hp_table;

/* `columns` must outlive the table. Never NULL. */
struct hp_table *hp_table_new(const struct hp_column *columns, size_t count);
void hp_table_free(struct hp_table *table);
/* Adds a row of as many cells as there are columns, copied; NULL is unknown: empty, or JSON null.
 */
void hp_table_add(struct hp_table *table, const char *const *cells);
size_t hp_table_rows(const struct hp_table *table);
/* Prints it. JSON and YAML are {"schema": schema, key: [rows]}; `schema` and `key` may be NULL for
 * the other formats. A stream that takes no more is no error here: its own flag stands. */
int hp_table_print(const struct hp_table *table, enum hp_format format, const char *schema,
                   const char *key, FILE *to, struct hp_error *err);
