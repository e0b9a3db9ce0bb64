// A verdict as JSON, as docs/verdict.schema.json says. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "judge/verdict.h"

#include <stdio.h>

/* Writes it while it goes: a host of eight GPUs has thousands of findings to tell of. `today`
 * (YYYY-MM-DD) tells the age of the knowledge, `as_of` is the day of the matrix. */
int hp_verdict_write(struct hp_verdict *verdict, const struct hp_knowledge *knowledge,
                     const char *as_of, const char *today, FILE *to, struct hp_error *err);

/* One finding, one offer with its own findings, as they stand in it: a new string. */
char *hp_finding_json(struct hp_verdict *verdict, const struct hp_finding *finding);
char *hp_offer_json(struct hp_verdict *verdict, const struct hp_offer *offer, const char *today);

/* Days from one date to another, 0 if either is none. */
long hp_days_between(const char *from, const char *to);
