// What must be among the facts for a rule to say anything, or anything but pass.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/error.h"

#include <sqlite3.h>
#include <stdbool.h>

/* A rule's `needs` is words, all of which must be met; so is what it `minds`. A word is terms
 * joined by '|', one of which must be met. A term is `table` (it has a row), `table.column` (known
 * in some row), `table.column=value` (some row has the value), `table.column=?value` (some row has
 * the value, or does not know) or `table.column!=value` (some row has another, or does not know).
 */

/* Whether all its tables, columns and values are ones that there are. `what` is called needs or
 * minds. */
int hp_needs_check(const char *what, const char *needs, struct hp_error *err);

/* What was asked already of the facts of one connection. They must not change meanwhile. */
struct hp_needs;

struct hp_needs *hp_needs_new(sqlite3 *db);
void hp_needs_free(struct hp_needs *asked);
bool hp_needs_met(struct hp_needs *asked, const char *needs);
