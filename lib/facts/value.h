// Values of facts as people write them, brought into the form of the schema.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/error.h"
#include "facts/tables.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HP_VALUE_SIZE 64

/* Full address (0000:01:00.0) of a short (01:00.0), full or 8-digit one; false if it is none. */
bool hp_value_address(const char *text, char *buffer, size_t size);

/* A text for a column: addresses and ids in their normal form, words of its domain in any case,
 * what tickets call a surface, a module or a program by the name that rules know. `*ret` is `text`
 * itself or `buffer` (of HP_VALUE_SIZE bytes). The error says what was expected, not where. */
int hp_value_text(const struct hp_column_def *column, const char *text, char *buffer,
                  const char **ret, struct hp_error *err);

/* A number for a column from text: "1", "-1", a flag as yes, no, on, off, true or false, a size as
 * 512G. */
/* Nothing is negative but what says "none" or "unlimited" so. */
bool hp_value_in_range(const struct hp_column_def *column, int64_t number);
int hp_value_number(const struct hp_column_def *column, const char *text, int64_t *ret,
                    struct hp_error *err);
