// A verdict as JSON. SPDX-License-Identifier: Apache-2.0
#include "judge/json.h"
#include "base/text.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

enum { OLD_DAYS = 180 };

/* One finding is one object, however many offers it hits: they share it. */
struct writer {
	struct hp_verdict *verdict;
	const char *today;
	json_t *findings; // by the text of the pointer
};

long hp_days_between(const char *from, const char *to)
{
	const char *dates[] = {from, to};
	time_t times[2];
	for (int i = 0; i < 2; i++) {
		struct tm tm = {0};
		if (!dates[i] || sscanf(dates[i], "%4d-%2d-%2d", &tm.tm_year, &tm.tm_mon, &tm.tm_mday) != 3)
			return 0;
		tm.tm_year -= 1900;
		tm.tm_mon -= 1;
		times[i] = timegm(&tm);
	}
	return (times[1] - times[0]) / 86400;
}

static json_t *text(const char *value)
{
	return value ? json_string(value) : json_null();
}

static json_t *origins_json(struct writer *writer, const struct hp_finding *finding)
{
	json_t *list = json_array();
	for (const char *const *origin = hp_verdict_origins(writer->verdict, finding); *origin; origin++)
		json_array_append_new(list, json_string(*origin));
	return list;
}

static json_t *make_finding(struct writer *writer, const struct hp_finding *finding)
{
	const struct hp_rule *rule = finding->rule;
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:o, s:s?, s:s, s:s}", "id", finding->id, "rule",
			 rule->id, "subject", finding->subject, "title", rule->title, "result",
			 hp_result_name(finding->result), "impact", hp_impact_name(rule->impact), "evidence",
			 finding->evidence, "origin", origins_json(writer, finding), "fix",
			 rule->fix_count ? rule->fixes[0].id : NULL, "resolution", rule->resolution, "reference",
			 rule->reference);
}

/* A borrowed reference. */
static json_t *finding_json(struct writer *writer, const struct hp_finding *finding)
{
	char key[32];
	snprintf(key, sizeof(key), "%p", (const void *)finding);
	json_t *known = json_object_get(writer->findings, key);
	if (known)
		return known;
	json_t *made = make_finding(writer, finding);
	json_object_set_new(writer->findings, key, made);
	return made;
}

static json_t *findings_json(struct writer *writer, const struct hp_finding *const *findings, size_t count,
			     bool host_wide)
{
	json_t *list = json_array();
	for (size_t i = 0; i < count; i++)
		if (host_wide || !findings[i]->host_wide)
			json_array_append(list, finding_json(writer, findings[i]));
	return list;
}

/* The ids of what blocks and fails, or the titles of what blocks and is unknown. */
static json_t *blocking_json(const struct hp_offer *offer, enum hp_result result)
{
	json_t *list = json_array();
	for (size_t i = 0; i < offer->finding_count; i++) {
		const struct hp_finding *finding = offer->findings[i];
		if (finding->rule->impact != HP_IMPACT_BLOCKS || finding->result != result)
			continue;
		json_array_append_new(list, json_string(result == HP_RESULT_FAIL ? finding->id
										 : finding->rule->title));
	}
	return list;
}

static json_t *costs_json(const struct hp_offer *offer)
{
	json_t *list = json_array();
	for (size_t i = 0; i < offer->cost_count; i++) {
		const struct hp_cost *cost = offer->costs[i];
		json_t *item = json_pack("{s:s, s:s, s:i, s:b, s:s}", "kind", cost->kind, "value", cost->value, "level",
					 cost->level, "estimate", cost->estimate, "source", cost->source);
		if (cost->amount >= 0)
			json_object_set_new(item, "amount", json_integer(cost->amount));
		if (cost->amount >= 0 && cost->unit)
			json_object_set_new(item, "unit", json_string(cost->unit));
		json_array_append_new(list, item);
	}
	return list;
}

/* A source that was last read long ago says so. */
static json_t *path_source_json(const struct writer *writer, const struct hp_offer *offer)
{
	if (!offer->path_source || hp_days_between(offer->path_checked, writer->today) <= OLD_DAYS)
		return text(offer->path_source);
	return json_sprintf("%s (as of %s)", offer->path_source, offer->path_checked);
}

static json_t *offer_json(struct writer *writer, const struct hp_offer *offer)
{
	const char *since = offer->path_since && *offer->path_since ? offer->path_since : NULL;
	json_t *object = json_pack("{s:s, s:s, s:s, s:o, s:o, s:o, s:o}", "surface", offer->surface->surface, "share",
				   offer->surface->share, "path", hp_path_name(offer->path), "path_source",
				   path_source_json(writer, offer), "path_since", text(since), "path_reason",
				   text(offer->path_reason), "path_condition", text(offer->path_condition));
	json_object_set_new(object, "path_approximate", json_boolean(offer->path_approximate));
	json_object_set_new(object, "readiness", json_string(hp_readiness_name(offer->readiness)));
	json_object_set_new(object, "distance", json_string(hp_distance_name(offer->distance)));
	json_object_set_new(object, "summary", json_string(offer->summary));
	json_object_set_new(object, "in_use", json_boolean(offer->in_use));
	json_object_set_new(object, "blocking", blocking_json(offer, HP_RESULT_FAIL));
	json_object_set_new(object, "unknown", blocking_json(offer, HP_RESULT_UNKNOWN));
	json_object_set_new(object, "findings", findings_json(writer, offer->findings, offer->finding_count, false));
	json_object_set_new(object, "costs", costs_json(offer));
	return object;
}

static json_t *accelerator_json(struct writer *writer, const struct hp_accelerator *accelerator)
{
	json_t *offers = json_array();
	for (size_t i = 0; i < accelerator->offer_count; i++)
		json_array_append_new(offers, offer_json(writer, &accelerator->offers[i]));
	json_t *object = json_pack("{s:s, s:s?, s:s?, s:s?, s:s?, s:s?, s:s?, s:o}", "address", accelerator->address,
				   "parent", accelerator->parent, "vendor", accelerator->vendor, "device",
				   accelerator->device, "kind", accelerator->kind, "name", accelerator->name, "model",
				   accelerator->model, "offers", offers);
	if (!accelerator->offer_count)
		json_object_set_new(object, "findings", findings_json(writer, accelerator->findings,
								      accelerator->finding_count, true));
	return object;
}

static json_t *host_json(struct writer *writer, const struct hp_verdict_host *host)
{
	json_t *accelerators = json_array(), *gaps = json_array();
	for (size_t i = 0; i < host->accelerator_count; i++)
		json_array_append_new(accelerators, accelerator_json(writer, &host->accelerators[i]));
	for (size_t i = 0; i < host->gap_count; i++)
		json_array_append_new(gaps, json_pack("{s:s, s:s, s:s?}", "what", host->gaps[i].what, "why",
						      host->gaps[i].why, "kind", host->gaps[i].kind));
	return json_pack("{s:s, s:o, s:o, s:o}", "host", host->name, "accelerators", accelerators, "findings",
			 findings_json(writer, host->findings, host->finding_count, true), "gaps", gaps);
}

json_t *hp_verdict_json(struct hp_verdict *verdict, const struct hp_knowledge *knowledge, const char *as_of,
			const char *today)
{
	struct writer writer = {.verdict = verdict, .today = today, .findings = json_object()};
	const char *day = hp_knowledge_as_of(knowledge);
	size_t count;
	const struct hp_verdict_host *hosts = hp_verdict_hosts(verdict, &count);
	json_t *list = json_array();
	for (size_t i = 0; i < count; i++)
		json_array_append_new(list, host_json(&writer, &hosts[i]));
	json_decref(writer.findings);
	return json_pack("{s:s, s:{s:s, s:s, s:I}, s:s, s:o}", "schema", "happypath.verdict/1", "knowledge", "version",
			 hp_knowledge_version(knowledge), "as_of", day, "age_days",
			 (json_int_t)hp_days_between(day, today), "as_of", as_of, "hosts", list);
}
