// A verdict as JSON, as docs/verdict.schema.json says. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "judge/verdict.h"

#include <jansson.h>

/* A new reference. `today` (YYYY-MM-DD) tells the age of the knowledge. */
json_t *hp_verdict_json(struct hp_verdict *verdict, const struct hp_knowledge *knowledge, const char *as_of,
			const char *today);

/* Days from one date to another, 0 if either is none. */
long hp_days_between(const char *from, const char *to);
