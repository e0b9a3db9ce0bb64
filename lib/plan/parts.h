// What the parts of planning hand each other; nobody else's business.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "plan/plan.h"

struct hp_planner {
	struct hp_host *host; // may be NULL
	sqlite3 *db;
	const struct hp_knowledge *knowledge;
	const struct hp_verdict_host *verdict;
	const struct hp_goal *goal;
	struct hp_plan *plan;
};

/* wishes.c: the offers weighed against the goal, best first. */
int hp_weigh(struct hp_planner *planner, struct hp_error *err);
void hp_candidate_finish(struct hp_candidate *candidate);

/* steps.c: what leads to the first candidate. */
int hp_find_steps(struct hp_planner *planner, struct hp_error *err);

/* hurt.c: who is hurt by a step, as far as facts tell; for hosts that cannot be asked. */
int hp_hurt_by_facts(struct hp_planner *planner, const struct hp_step *step,
                     struct hp_obstacles *ret, struct hp_error *err);

/* One number of one row: 1 it is there and known (in `ret`), 0 not, or a negative errno. Parameters
 * are the host and `key`. */
int hp_plan_number(sqlite3 *db, const char *sql, const char *host, const char *key, int64_t *ret,
                   struct hp_error *err);
/* The same for text: a new string, NULL where there is none. */
char *hp_plan_text(sqlite3 *db, const char *sql, const char *host, const char *key);
