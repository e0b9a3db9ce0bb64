// JSON documents, printed as JSON or YAML. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/error.h"
#include "base/table.h"
#include "base/text.h"

#include <jansson.h>
#include <stdio.h>

/* Prints a document, as YAML or else as JSON. YAML is written so that its scalars are JSON's. A
 * stream that takes no more is no error here: its own flag stands. */
int hp_json_print(const json_t *document, enum hp_format format, FILE *to, struct hp_error *err);

/* The rows of a listing as an array of objects (a new reference). */
json_t *hp_table_json(const struct hp_table *table);

/* Adds a string as JSON writes it, in quotes; NULL as null. The string must be valid UTF-8. */
void hp_json_string(struct hp_text *text, const char *string);
