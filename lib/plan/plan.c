// A plan for one host. SPDX-License-Identifier: Apache-2.0
#include "base/cleanup.h"
#include "base/database.h"
#include "base/text.h"
#include "plan/parts.h"

#include <errno.h>
#include <string.h>

static int ask(sqlite3 *db, const char *sql, const char *host, const char *key, sqlite3_stmt **ret,
               struct hp_error *err)
{
	int code = hp_db_prepare(db, sql, ret, err);
	if (code)
		return code;
	sqlite3_bind_text(*ret, 1, host, -1, SQLITE_STATIC);
	if (sqlite3_bind_parameter_count(*ret) > 1)
		sqlite3_bind_text(*ret, 2, key, -1, SQLITE_STATIC);
	return hp_db_step(*ret, err);
}

int hp_plan_number(sqlite3 *db, const char *sql, const char *host, const char *key, int64_t *ret,
                   struct hp_error *err)
{
	hp_cleanup_statement sqlite3_stmt *statement = NULL;
	int code = ask(db, sql, host, key, &statement, err);
	if (code != 1 || sqlite3_column_type(statement, 0) == SQLITE_NULL)
		return code < 0 ? code : 0;
	*ret = sqlite3_column_int64(statement, 0);
	return 1;
}

char *hp_plan_text(sqlite3 *db, const char *sql, const char *host, const char *key)
{
	hp_cleanup_statement sqlite3_stmt *statement = NULL;
	const char *text =
	    ask(db, sql, host, key, &statement, NULL) == 1 ? hp_db_text(statement, 0) : NULL;
	return text ? hp_strdup(text) : NULL;
}

static int fill(struct hp_planner *planner, struct hp_error *err)
{
	struct hp_plan *plan = planner->plan;
	int code = hp_weigh(planner, err);
	if (!code)
		code = hp_find_steps(planner, err);
	if (code)
		return code;
	plan->there = plan->candidate_count && plan->met == HP_WISH_KEPT &&
	              plan->candidates[0].readiness == HP_READINESS_READY;
	return 0;
}

int hp_plan_new(struct hp_host *host, struct hp_facts *facts, const struct hp_knowledge *knowledge,
                const struct hp_verdict_host *verdict, const struct hp_goal *goal,
                struct hp_plan **ret, struct hp_error *err)
{
	struct hp_plan *plan = hp_calloc(1, sizeof(*plan));
	struct hp_planner planner = {host, hp_facts_db(facts), knowledge, verdict, goal, plan};
	plan->host = hp_strdup(verdict->name);
	plan->advice = json_array();
	plan->open = json_array();
	plan->vendor = hp_plan_text(planner.db, "SELECT vendor FROM machine WHERE host = ?1",
	                            verdict->name, NULL);
	int code = fill(&planner, err);
	if (code)
		hp_plan_free(plan);
	else
		*ret = plan;
	return code;
}

void hp_plan_free(struct hp_plan *plan)
{
	if (!plan)
		return;
	for (size_t i = 0; i < plan->candidate_count; i++)
		hp_candidate_finish(&plan->candidates[i]);
	for (size_t i = 0; i < plan->steps.count; i++) {
		free(plan->details[i].want);
		json_decref(plan->details[i].findings);
		json_decref(plan->details[i].alternatives);
		hp_obstacles_free(&plan->details[i].obstacles);
	}
	free(plan->candidates);
	free(plan->details);
	hp_steps_free(&plan->steps);
	json_decref(plan->advice);
	json_decref(plan->open);
	free(plan->vendor);
	free(plan->host);
	free(plan);
}

// -- what a goal says of the host-to-be --

static void intend(char **list, size_t *count, const char *column, const char *value)
{
	if (value)
		list[(*count)++] = hp_asprintf("intent.%s=%s", column, value);
}

char **hp_goal_intents(const struct hp_goal *goal)
{
	enum { MOST = 8 };
	char **list = hp_calloc(MOST + 1, sizeof(*list));
	size_t count = 0;
	bool confidential = goal->isolation && strcmp(goal->isolation, "confidential") == 0;
	bool mig = goal->profile && strchr(goal->profile, '.');
	hp_cleanup_free char *memory =
	    goal->guest_memory > 0 ? hp_asprintf("%lld", (long long)goal->guest_memory) : NULL;
	intend(list, &count, "surface", goal->surface);
	intend(list, &count, "share", goal->surface ? goal->share : NULL);
	intend(list, &count, "injection", goal->injection);
	intend(list, &count, "confidential", confidential ? "1" : NULL);
	intend(list, &count, "guest_memory_bytes", memory);
	intend(list, &count, "mig_profile", mig ? goal->profile : NULL);
	intend(list, &count, "vgpu_type", mig ? NULL : goal->profile);
	return list;
}
