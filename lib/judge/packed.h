// Rules and fixes in one piece, as they are read at every start.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/pool.h"
#include "judge/knowledge.h"

struct hp_packed {
	struct hp_rule *rules; // by id, with their fixes
	size_t rule_count;
	struct hp_fix *fixes;
};

/* Writes knowledge.packed, whose table exists, from knowledge.rule and knowledge.fix. */
int hp_packed_write(sqlite3 *db, struct hp_error *err);
/* All of it lives in the pool. */
int hp_packed_read(sqlite3 *db, struct hp_pool *pool, struct hp_packed *ret, struct hp_error *err);
