// The store of facts: SQLite tables that probes fill and rules read.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/error.h"
#include "facts/schema.h"
#include "facts/tables.h"

#include <jansson.h>
#include <sqlite3.h>
#include <stdint.h>

/* Facts of one or more hosts, in memory. Rows are written for the current host. One thread at a
 * time. */
struct hp_facts;

int hp_facts_new(struct hp_facts **ret, struct hp_error *err);
void hp_facts_free(struct hp_facts *facts);
/* The connection; owned by facts. */
sqlite3 *hp_facts_db(struct hp_facts *facts);
/* The content of the store, once all is written; good until something is. NULL: it cannot be had.
 */
const void *hp_facts_image(struct hp_facts *facts, size_t *ret_size);
/* Takes another store's content in place of this one's; statements that are prepared stay so. */
int hp_facts_take_image(struct hp_facts *facts, const void *image, size_t size);
/* The host that rows are written for from now on. */
void hp_facts_set_host(struct hp_facts *facts, const char *host);
const char *hp_facts_host(const struct hp_facts *facts);
/* Begins a host: its rows are written from now on. A name that another host of the store has gets
 * "#2" behind it. */
void hp_facts_begin_host(struct hp_facts *facts, const char *name);
/* The hosts that were begun, also those of which nothing is known. Owned by facts. */
const char *const *hp_facts_begun(const struct hp_facts *facts, size_t *ret_count);

/* A row being written. Begin it, set columns (by the enums of schema.h), put it. What is not set is
 * NULL: unknown. Setting a text of NULL leaves it unknown. Only one row a table can be open. */
struct hp_row {
	struct hp_facts *facts;
	enum hp_tbl table;
};

struct hp_row hp_row_begin(struct hp_facts *facts, enum hp_tbl table);
void hp_row_text(struct hp_row *row, int column, const char *value);
void hp_row_number(struct hp_row *row, int column, int64_t value);
/* From now on a row with the key of another is refused (-EEXIST) instead of replacing it. */
void hp_facts_each_row_once(struct hp_facts *facts, bool once);
/* Writes the row; one with the same key is replaced. Keys of version columns are filled in. */
int hp_row_put(struct hp_row *row, struct hp_error *err);

int hp_facts_observed(struct hp_facts *facts, enum hp_tbl table, const char *subject,
                      const char *state, struct hp_error *err);
/* kind: one of gap.kind's domain. */
int hp_facts_gap(struct hp_facts *facts, const char *kind, const char *what, const char *why_format,
                 ...) __attribute__((format(printf, 4, 5)));
int hp_facts_origin(struct hp_facts *facts, enum hp_tbl table, const char *subject,
                    const char *column, const char *source, struct hp_error *err);

/* Reads facts of one host from JSON, in the form that docs/facts.md tells. Values of a wrong type
 * or domain, unknown tables and columns are refused one by one: each is a message to `complain`
 * (may be NULL), the rest is read. Returns the number of refusals, or a negative errno if it is no
 * facts file at all. */
typedef void hp_complain(void *data, const char *message);
int hp_facts_import(struct hp_facts *facts, const char *name, const char *text, size_t length,
                    hp_complain *complain, void *data, struct hp_error *err);

/* All base facts of a host as JSON (a new reference). */
json_t *hp_facts_export(struct hp_facts *facts, const char *host, struct hp_error *err);

/* The path that a value came from: the origin table's word, else the column's template filled in
 * from the row; a new string, NULL if nothing is known. `key`: the row's key beside host ('' for
 * one-row tables). */
char *hp_facts_where(struct hp_facts *facts, const char *host, enum hp_tbl table, const char *key,
                     int column);
