// What is known of each table of facts: made from schema.sql. SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct hp_column_def {
	const char *name;
	bool integer;
	bool required;      // NOT NULL
	bool key;           // part of the primary key
	const char *domain; // "a|b|c", "0|1", "version", "address", "key", or ""
	const char *origin; // path template, or ""
	const char *doc;
};

struct hp_table_def {
	const char *name;
	const char *scope; // column that `observed` speaks of, "" for the whole table
	bool derived;
	const char *doc;
	const struct hp_column_def *columns;
	size_t column_count;
};

extern const struct hp_table_def hp_tables[];
extern const size_t hp_table_count;
extern const char *const hp_schema_sqlite[]; // one CREATE TABLE each

/* The empty store with the planner's statistics, as SQLite writes it to a file. */
extern const unsigned char hp_schema_image[], hp_schema_image_end[];

/* The table of that name, or NULL. */
const struct hp_table_def *hp_table_find(const char *name);
/* The number of a column, or -1. */
int hp_column_find(const struct hp_table_def *table, const char *name);
