// What `happypath explain` tells, as JSON or YAML. SPDX-License-Identifier: Apache-2.0
#include "base/cleanup.h"
#include "base/database.h"
#include "base/json.h"
#include "explain.h"
#include "judge/json.h"

#include <string.h>

/* Takes the text of a document that the library wrote. */
static json_t *parse(char *text)
{
	json_t *document = json_loads(text, 0, NULL);
	free(text);
	return document ? document : json_null();
}

static json_t *text_or_null(const char *text)
{
	return text ? json_string(text) : json_null();
}

/* A finding, and whose it is: explain may speak of several hosts. */
static json_t *finding_json(const struct hp_explain *explain, const struct hp_finding *finding)
{
	json_t *object = parse(hp_finding_json(explain->verdict, finding));
	json_object_set_new(object, "host", text_or_null(finding->host));
	json_object_set_new(object, "surface", text_or_null(finding->surface));
	json_object_set_new(object, "share", text_or_null(finding->share));
	return object;
}

// -- rules --

static json_t *fixes_json(const struct hp_rule *rule)
{
	json_t *fixes = json_array();
	for (size_t i = 0; i < rule->fix_count; i++)
		json_array_append_new(fixes, json_pack("{ss ss ss ss ss}", "id", rule->fixes[i].id,
		                                       "title", rule->fixes[i].title, "kind",
		                                       rule->fixes[i].kind, "distance",
		                                       hp_distance_name(rule->fixes[i].distance),
		                                       "undo", rule->fixes[i].undo));
	return fixes;
}

static json_t *findings_json(const struct hp_explain *explain, const struct hp_rule *rule)
{
	size_t count;
	json_t *array = json_array();
	const struct hp_finding *findings = hp_verdict_findings(explain->verdict, &count);
	for (size_t i = 0; i < count; i++)
		if (hp_explain_tells(&explain->what, rule, &findings[i]))
			json_array_append_new(array, finding_json(explain, &findings[i]));
	return array;
}

static json_t *intents_json(const struct hp_explain *explain, const struct hp_rule *rule)
{
	json_t *array = json_array();
	hp_cleanup_free const struct hp_column_def **columns = hp_explain_intents(explain, rule);
	for (size_t i = 0; columns[i]; i++) {
		hp_cleanup_free char *key = hp_asprintf("intent.%s", columns[i]->name);
		json_array_append_new(array,
		                      json_pack("{ss ss}", "key", key, "doc", columns[i]->doc));
	}
	return array;
}

static json_t *rule_json(const struct hp_explain *explain, const struct hp_rule *rule)
{
	hp_cleanup_free char *file = hp_asprintf("%s:%zu", rule->file, rule->line);
	json_t *object = json_pack("{ss ss ss ss ss ss ss so}", "id", rule->id, "title",
	                           rule->title, "impact", hp_impact_name(rule->impact), "applies",
	                           rule->applies, "resolution", rule->resolution, "reference",
	                           rule->reference, "file", file, "fixes", fixes_json(rule));
	if (explain->what.kind == HP_EXPLAINED_SURFACE)
		return object;
	json_object_set_new(object, "findings", findings_json(explain, rule));
	json_object_set_new(object, "assume", intents_json(explain, rule));
	return object;
}

// -- surfaces and accelerators --

static json_t *surface_json(const struct hp_explain *explain)
{
	hp_cleanup_statement sqlite3_stmt *row = NULL;
	if (hp_db_prepare(hp_facts_db(explain->session.facts),
	                  "SELECT title, family, probed, source FROM surface WHERE surface = ?1",
	                  &row, NULL))
		return json_null();
	sqlite3_bind_text(row, 1, explain->what.surface, -1, SQLITE_STATIC);
	if (hp_db_step(row, NULL) != 1)
		return json_null();
	return json_pack("{ss so so so sb so}", "surface", explain->what.surface, "share",
	                 text_or_null(explain->what.share), "title",
	                 text_or_null(hp_db_text(row, 0)), "family",
	                 text_or_null(hp_db_text(row, 1)), "probed", sqlite3_column_int(row, 2),
	                 "source", text_or_null(hp_db_text(row, 3)));
}

static json_t *offers_json(const struct hp_explain *explain,
                           const struct hp_accelerator *accelerator)
{
	json_t *array = json_array();
	for (size_t i = 0; i < accelerator->offer_count; i++)
		if (hp_explain_tells_offer(&explain->what, &accelerator->offers[i]))
			json_array_append_new(
			    array, parse(hp_offer_json(explain->verdict, &accelerator->offers[i],
			                               hp_today())));
	return array;
}

static json_t *own_findings_json(const struct hp_explain *explain,
                                 const struct hp_accelerator *accelerator)
{
	json_t *array = json_array();
	for (size_t i = 0; i < accelerator->finding_count; i++)
		json_array_append_new(array, finding_json(explain, accelerator->findings[i]));
	return array;
}

static json_t *accelerator_json(const struct hp_explain *explain,
                                const struct hp_explained_accelerator *which)
{
	const struct hp_accelerator *accelerator = which->accelerator;
	json_t *object = json_object();
	const struct {
		const char *key, *value;
	} members[] = {
	    {"host", which->host},           {"address", accelerator->address},
	    {"parent", accelerator->parent}, {"vendor", accelerator->vendor},
	    {"device", accelerator->device}, {"kind", accelerator->kind},
	    {"name", accelerator->name},     {"model", accelerator->model},
	    {"driver", accelerator->driver}, {"iommu_group", accelerator->iommu_group},
	};
	for (size_t i = 0; i < HP_COUNT(members); i++)
		json_object_set_new(object, members[i].key, text_or_null(members[i].value));
	json_object_set_new(object, "iommu_group_predicted",
	                    json_boolean(accelerator->group_predicted));
	if (explain->what.kind == HP_EXPLAINED_SURFACE)
		json_object_set_new(object, "offers", offers_json(explain, accelerator));
	else
		json_object_set_new(object, "findings", own_findings_json(explain, accelerator));
	return object;
}

int hp_explain_print_json(const struct hp_explain *explain, const char *as_of,
                          enum hp_format format, struct hp_error *err)
{
	static const char *const kinds[] = {
	    [HP_EXPLAINED_RULE] = "rule",
	    [HP_EXPLAINED_FIX] = "fix",
	    [HP_EXPLAINED_SURFACE] = "surface",
	    [HP_EXPLAINED_ACCELERATOR] = "accelerator",
	};
	const struct hp_explained *what = &explain->what;
	const struct hp_knowledge *knowledge = explain->session.knowledge;
	const char *day = hp_knowledge_as_of(knowledge);
	json_t *rules = json_array(), *accelerators = json_array();
	for (size_t i = 0; i < what->rule_count; i++)
		json_array_append_new(rules, rule_json(explain, what->rules[i]));
	for (size_t i = 0; i < what->accelerator_count; i++)
		json_array_append_new(accelerators,
		                      accelerator_json(explain, &what->accelerators[i]));
	json_t *document = json_pack(
	    "{ss s{ss ss sI} ss ss ss so so so}", "schema", "happypath.explain/1", "knowledge",
	    "version", hp_knowledge_version(knowledge), "as_of", day, "age_days",
	    (json_int_t)hp_days_between(day, hp_today()), "as_of", as_of, "id", what->id, "kind",
	    kinds[what->kind], "surface", what->surface ? surface_json(explain) : json_null(),
	    "rules", rules, "accelerators", accelerators);
	int code = hp_json_print(document, format, stdout, err);
	json_decref(document);
	return code;
}
