// Reading CSV (RFC 4180) with line numbers. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/error.h"

#include <stddef.h>

/* One record; `fields` point into memory of the reader and live until the next record. */
struct hp_csv_record {
	size_t line; // where it starts, from 1
	size_t count;
	char **fields;
};

struct hp_csv;

/* Reads `text` (of `length` bytes, copied); `name` is what errors call it. Never NULL. */
struct hp_csv *hp_csv_open(const char *name, const char *text, size_t length);
void hp_csv_close(struct hp_csv *csv);

/* The next record: 1, or 0 at the end, or a negative errno: a quote that does not end, a NUL byte,
 * text behind a closing quote. Empty lines are skipped. */
int hp_csv_next(struct hp_csv *csv, struct hp_csv_record *ret, struct hp_error *err);
