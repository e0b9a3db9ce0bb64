// How long it takes until a guest with the accelerator runs. SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/error.h"
#include "judge/verdict.h"

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

/* An interval; a term that nobody knows leaves the upper bound open. */
struct hp_estimate_term {
	const char *name;        // pin-memory
	int64_t low_ms, high_ms; // high -1: not known
	char *source;            // of its rate; NULL: none is known
	char *reason;            // how it was reckoned, or what is not known
};

struct hp_estimate {
	struct hp_estimate_term *terms;
	size_t count;
	int64_t low_ms, high_ms; // sums; high -1 if a term is not known
	int64_t guest_memory;    // bytes that were reckoned with
	bool guest_memory_given; // else 16 GiB were taken
};

/* Estimates an offer of an accelerator. `guest_memory` -1: what the intent says, else 16 GiB. A
 * surface without a guest of its own has no terms. */
int hp_estimate_offer(sqlite3 *db, const char *host, const struct hp_accelerator *accelerator,
                      const struct hp_surface_share *surface, int64_t guest_memory,
                      struct hp_estimate *ret, struct hp_error *err);
void hp_estimate_finish(struct hp_estimate *estimate);
