// The plan file, out and in. SPDX-License-Identifier: Apache-2.0
#include "base/cleanup.h"
#include "base/text.h"
#include "plan/plan.h"

#include <errno.h>
#include <string.h>

#define SCHEMA "happypath.plan/1"

static json_t *text_or_null(const char *text)
{
	return text ? json_string(text) : json_null();
}

/* -1 is what nobody knows, or nobody asked for. */
static json_t *number_or_null(int64_t number)
{
	return number < 0 ? json_null() : json_integer(number);
}

static json_t *goal_json(const struct hp_goal *goal)
{
	json_t *gpus = json_array();
	for (const char *const *gpu = goal->gpus; gpu && *gpu; gpu++)
		json_array_append_new(gpus, json_string(*gpu));
	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "surface",
	                 text_or_null(goal->surface), "share", text_or_null(goal->share), "profile",
	                 text_or_null(goal->profile), "gpus", gpus, "isolation",
	                 text_or_null(goal->isolation), "support", text_or_null(goal->support),
	                 "vmm", text_or_null(goal->vmm), "slices", number_or_null(goal->slices),
	                 "boot_under_ms", number_or_null(goal->boot_ms), "guest_memory_bytes",
	                 number_or_null(goal->guest_memory));
}

static json_t *wishes_json(const struct hp_candidate *candidate)
{
	json_t *list = json_array();
	for (size_t i = 0; i < candidate->wish_count; i++) {
		const struct hp_wish *wish = &candidate->wishes[i];
		json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:s}", "wish", wish->name,
		                                      "value", wish->value, "state",
		                                      hp_wish_state_name(wish->state), "why",
		                                      wish->why ? wish->why : ""));
	}
	return list;
}

static json_t *costs_json(const struct hp_offer *offer)
{
	json_t *list = json_array();
	for (size_t i = 0; i < offer->cost_count; i++) {
		const struct hp_cost *cost = offer->costs[i];
		json_array_append_new(list, json_pack("{s:s, s:i, s:s, s:b, s:o}", "kind",
		                                      cost->kind, "level", cost->level, "value",
		                                      cost->value, "estimate", cost->estimate,
		                                      "source", text_or_null(cost->source)));
	}
	return list;
}

static json_t *estimate_json(const struct hp_estimate *estimate)
{
	json_t *terms = json_array();
	if (!estimate->count) {
		json_decref(terms);
		return json_null();
	}
	for (size_t i = 0; i < estimate->count; i++) {
		const struct hp_estimate_term *term = &estimate->terms[i];
		json_array_append_new(
		    terms,
		    json_pack("{s:s, s:I, s:o, s:s, s:o}", "term", term->name, "low_ms",
		              (json_int_t)term->low_ms, "high_ms", number_or_null(term->high_ms),
		              "reason", term->reason, "source", text_or_null(term->source)));
	}
	return json_pack("{s:I, s:o, s:I, s:b, s:o}", "low_ms", (json_int_t)estimate->low_ms,
	                 "high_ms", number_or_null(estimate->high_ms), "guest_memory_bytes",
	                 (json_int_t)estimate->guest_memory, "guest_memory_given",
	                 estimate->guest_memory_given, "terms", terms);
}

static json_t *candidate_json(const struct hp_candidate *candidate)
{
	const struct hp_offer *offer = candidate->offers[0];
	json_t *accelerators = json_array();
	for (size_t i = 0; i < candidate->count; i++)
		json_array_append_new(accelerators,
		                      json_string(candidate->accelerators[i]->address));
	return json_pack(
	    "{s:s, s:s, s:o, s:s, s:o, s:o, s:o, s:s, s:s, s:s, s:s, s:s, s:i, s:o, s:o, s:o}",
	    "surface", candidate->surface->surface, "share", candidate->surface->share,
	    "accelerators", accelerators, "path", hp_path_name(candidate->path), "path_reason",
	    text_or_null(offer->path_reason), "path_condition", text_or_null(offer->path_condition),
	    "path_source", text_or_null(offer->path_source), "isolation",
	    candidate->surface->isolation, "vmm", candidate->surface->vmm, "readiness",
	    hp_readiness_name(candidate->readiness), "distance",
	    hp_distance_name(candidate->distance), "state", hp_wish_state_name(candidate->state),
	    "price", candidate->price, "wishes", wishes_json(candidate), "costs", costs_json(offer),
	    "estimate", estimate_json(&candidate->estimate));
}

/* What cannot be is not listed for ever: the nearest are enough. */
static json_t *candidates_json(const struct hp_plan *plan)
{
	enum { NEAREST = 8 };
	json_t *list = json_array();
	size_t broken = 0;
	for (size_t i = 0; i < plan->candidate_count; i++) {
		broken += plan->candidates[i].state == HP_WISH_BROKEN;
		if (broken <= NEAREST)
			json_array_append_new(list, candidate_json(&plan->candidates[i]));
	}
	return list;
}

static json_t *obstacles_json(const struct hp_obstacles *obstacles)
{
	json_t *list = json_array();
	for (size_t i = 0; i < obstacles->count; i++)
		json_array_append_new(list, json_pack("{s:s, s:s, s:s}", "kind",
		                                      hp_obstacle_name(obstacles->items[i].kind),
		                                      "subject", obstacles->items[i].subject,
		                                      "text", obstacles->items[i].text));
	return list;
}

static json_t *step_json(const struct hp_step *step, const struct hp_step_detail *detail)
{
	json_t *json = hp_step_json(step);
	json_object_set_new(json, "want", json_string(detail->want));
	json_object_set_new(json, "when",
	                    json_string(detail->after_reboot ? "after-reboot" : "now"));
	json_object_set_new(json, "lasts", json_boolean(step->kind->lasts));
	json_object_set_new(json, "differs", text_or_null(step->kind->differs));
	json_object_set(json, "findings", detail->findings);
	json_object_set(json, "alternatives", detail->alternatives);
	json_object_set_new(json, "obstacles", obstacles_json(&detail->obstacles));
	return json;
}

json_t *hp_plan_json(const struct hp_plan *plan, const struct hp_goal *goal,
                     const struct hp_knowledge *knowledge)
{
	json_t *steps = json_array();
	for (size_t i = 0; i < plan->steps.count; i++)
		json_array_append_new(steps, step_json(&plan->steps.items[i], &plan->details[i]));
	return json_pack("{s:s, s:{s:s, s:s}, s:s, s:o, s:o, s:s, s:b, s:o, s:o, s:b, s:O, s:O}",
	                 "schema", SCHEMA, "knowledge", "version", hp_knowledge_version(knowledge),
	                 "as_of", hp_knowledge_as_of(knowledge), "host", plan->host,
	                 "machine_vendor", text_or_null(plan->vendor), "goal", goal_json(goal),
	                 "wishes", hp_wish_state_name(plan->met), "there", plan->there,
	                 "candidates", candidates_json(plan), "steps", steps, "reboot",
	                 plan->reboot, "advice", plan->advice, "open", plan->open);
}

static int read_steps(const json_t *list, const char *where, struct hp_steps *ret,
                      struct hp_error *err)
{
	size_t i;
	const json_t *item;
	ret->items = hp_calloc(json_array_size(list) + 1, sizeof(*ret->items));
	json_array_foreach(list, i, item)
	{
		hp_cleanup_free char *at = hp_asprintf("%s: steps[%zu]", where, i);
		int code = hp_step_parse(item, at, &ret->items[i], err);
		if (code)
			return code;
		ret->count++;
	}
	return 0;
}

int hp_plan_read(const json_t *json, const char *where, struct hp_steps *ret, struct hp_error *err)
{
	const char *schema = json_string_value(json_object_get(json, "schema"));
	const json_t *list = json_object_get(json, "steps");
	struct hp_steps steps = {0};
	if (!schema || strcmp(schema, SCHEMA) != 0)
		return hp_fail(err, -EINVAL, "%s: \"schema\": expected \"%s\"", where, SCHEMA);
	if (!json_is_array(list))
		return hp_fail(err, -EINVAL, "%s: \"steps\": expected a list", where);
	int code = read_steps(list, where, &steps, err);
	if (code)
		hp_steps_free(&steps);
	else
		*ret = steps;
	return code;
}
