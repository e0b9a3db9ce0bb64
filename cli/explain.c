// Finds what an ID of `happypath explain` means. SPDX-License-Identifier: Apache-2.0
#include "explain.h"
#include "base/cleanup.h"
#include "base/database.h"

#include <string.h>

static void add_rule(struct hp_explained *what, const struct hp_rule *rule)
{
	what->rules = hp_realloc(what->rules, (what->rule_count + 1) * sizeof(*what->rules));
	what->rules[what->rule_count++] = rule;
}

static void add_accelerator(struct hp_explained *what, const char *host,
                            const struct hp_accelerator *accelerator)
{
	what->accelerators = hp_realloc(what->accelerators, (what->accelerator_count + 1) *
	                                                        sizeof(*what->accelerators));
	what->accelerators[what->accelerator_count++] =
	    (struct hp_explained_accelerator){.host = host, .accelerator = accelerator};
}

/* What stands before and after a separator; NULL after if there is none. */
static char *split(const char *text, char separator, char **ret_after)
{
	const char *at = strchr(text, separator);
	*ret_after = at ? hp_strdup(at + 1) : NULL;
	return at ? hp_strndup(text, (size_t)(at - text)) : hp_strdup(text);
}

// -- rules, findings, fixes --

static bool find_rule(struct hp_explain *explain, const char *id)
{
	hp_cleanup_free char *subject = NULL;
	hp_cleanup_free char *name = split(id, '@', &subject);
	const struct hp_rule *rule = hp_knowledge_rule(explain->session.knowledge, name);
	if (!rule)
		return false;
	explain->what.kind = HP_EXPLAINED_RULE;
	explain->what.subject = hp_steal(subject);
	add_rule(&explain->what, rule);
	return true;
}

static bool find_fix(struct hp_explain *explain, const char *id)
{
	size_t count;
	const struct hp_rule *rules = hp_knowledge_rules(explain->session.knowledge, &count);
	explain->what.kind = HP_EXPLAINED_FIX;
	for (size_t i = 0; i < count; i++)
		for (size_t f = 0; f < rules[i].fix_count; f++)
			if (strcmp(rules[i].fixes[f].id, id) == 0)
				add_rule(&explain->what, &rules[i]);
	return explain->what.rule_count > 0;
}

bool hp_explain_tells(const struct hp_explained *what, const struct hp_rule *rule,
                      const struct hp_finding *finding)
{
	return finding->rule == rule &&
	       (!what->subject || strcmp(finding->subject, what->subject) == 0);
}

const struct hp_column_def **hp_explain_intents(const struct hp_explain *explain,
                                                const struct hp_rule *rule)
{
	const struct hp_table_def *intent = &hp_tables[HP_TBL_INTENT];
	struct hp_fence *fence = hp_knowledge_fence(explain->session.knowledge);
	struct hp_fence_reads reads = {0};
	hp_cleanup_statement sqlite3_stmt *statement = NULL;
	hp_fence_begin(fence, HP_FENCE_MODE_RULE);
	hp_fence_prepare(fence, rule->sql, rule->file, rule->line, &statement, &reads, NULL);
	hp_db_finish(&statement);
	hp_fence_end(fence);
	const struct hp_column_def **ret = hp_calloc(reads.count + 1, sizeof(const void *));
	for (size_t i = 0, count = 0; i < reads.count; i++) {
		if (reads.items[i].table != HP_TBL_INTENT)
			continue;
		const struct hp_column_def *column = &intent->columns[reads.items[i].column];
		if (!column->key && strcmp(column->domain, "key") != 0)
			ret[count++] = column;
	}
	hp_fence_reads_free(&reads);
	return ret;
}

// -- surfaces --

static bool alike(const struct hp_accelerator *a, const struct hp_accelerator *b)
{
	return a->device && b->device && strcmp(a->device, b->device) == 0 &&
	       a->offer_count == b->offer_count;
}

/* The first of its kind speaks for them. */
static void add_one_of_each(struct hp_explain *explain)
{
	size_t count;
	const struct hp_verdict_host *hosts = hp_verdict_hosts(explain->verdict, &count);
	for (size_t h = 0; h < count; h++)
		for (size_t i = 0; i < hosts[h].accelerator_count; i++) {
			const struct hp_accelerator *accelerator = &hosts[h].accelerators[i];
			if (!i || !alike(accelerator, accelerator - 1))
				add_accelerator(&explain->what, hosts[h].name, accelerator);
		}
}

static bool speaks_of(const struct hp_rule *rule, sqlite3_stmt *shares,
                      const struct hp_explained *what)
{
	bool applies = false;
	sqlite3_reset(shares);
	sqlite3_bind_text(shares, 1, what->surface, -1, SQLITE_STATIC);
	sqlite3_bind_text(shares, 2, what->share, -1, SQLITE_STATIC);
	while (!applies && hp_db_step(shares, NULL) == 1) {
		struct hp_surface_share share = {.surface = hp_db_text(shares, 0),
		                                 .share = hp_db_text(shares, 1),
		                                 .mechanism = hp_db_text(shares, 2)};
		applies = hp_applies(rule->applies, &share);
	}
	return applies;
}

/* A surface, or one share of it: "qemu-vfio:whole". */
static bool find_surface(struct hp_explain *explain, const char *id)
{
	struct hp_explained *what = &explain->what;
	hp_cleanup_statement sqlite3_stmt *shares = NULL;
	hp_cleanup_free char *share = NULL;
	hp_cleanup_free char *surface = split(id, ':', &share);
	if (hp_db_prepare(hp_facts_db(explain->session.facts),
	                  "SELECT surface, share, mechanism FROM surface_share WHERE surface = ?1 "
	                  "AND (?2 IS NULL OR share = ?2)",
	                  &shares, NULL))
		return false;
	sqlite3_bind_text(shares, 1, surface, -1, SQLITE_STATIC);
	sqlite3_bind_text(shares, 2, share, -1, SQLITE_STATIC);
	if (hp_db_step(shares, NULL) != 1)
		return false;
	what->kind = HP_EXPLAINED_SURFACE;
	what->surface = hp_steal(surface);
	what->share = hp_steal(share);
	size_t count;
	const struct hp_rule *rules = hp_knowledge_rules(explain->session.knowledge, &count);
	for (size_t i = 0; i < count; i++)
		if (speaks_of(&rules[i], shares, what))
			add_rule(what, &rules[i]);
	add_one_of_each(explain);
	return true;
}

// -- accelerators --

/* Whether `text` is that address, in full, without its domain, or with an 8-digit domain. */
static bool is_address(const char *text, const char *address)
{
	hp_cleanup_free char *lower = hp_strdup(text);
	for (char *at = lower; *at; at++)
		if (*at >= 'A' && *at <= 'F')
			*at = (char)(*at - 'A' + 'a');
	const char *plain = lower;
	if (strcspn(lower, ":") == 8 && hp_starts_with(lower, "0000"))
		plain += 4;
	return strcmp(plain, address) == 0 ||
	       (hp_starts_with(address, "0000:") && strcmp(plain, address + 5) == 0);
}

static bool find_accelerator(struct hp_explain *explain, const char *id)
{
	size_t count;
	const struct hp_verdict_host *hosts = hp_verdict_hosts(explain->verdict, &count);
	explain->what.kind = HP_EXPLAINED_ACCELERATOR;
	for (size_t h = 0; h < count; h++)
		for (size_t i = 0; i < hosts[h].accelerator_count; i++)
			if (is_address(id, hosts[h].accelerators[i].address))
				add_accelerator(&explain->what, hosts[h].name,
				                &hosts[h].accelerators[i]);
	return explain->what.accelerator_count > 0;
}

bool hp_explain_tells_offer(const struct hp_explained *what, const struct hp_offer *offer)
{
	return strcmp(offer->surface->surface, what->surface) == 0 &&
	       (!what->share || strcmp(offer->surface->share, what->share) == 0);
}

bool hp_explain_hits(const struct hp_offer *offer, const struct hp_finding *finding)
{
	for (size_t i = 0; i < offer->finding_count; i++)
		if (offer->findings[i] == finding)
			return true;
	return false;
}

bool hp_explain_matters(const struct hp_accelerator *accelerator, const struct hp_finding *finding)
{
	bool hit = false;
	for (size_t i = 0; i < accelerator->offer_count; i++) {
		const struct hp_offer *offer = &accelerator->offers[i];
		if (!hp_explain_hits(offer, finding))
			continue;
		if (offer->path != HP_PATH_OFF)
			return true;
		hit = true;
	}
	return !hit;
}

bool hp_explain_find(struct hp_explain *explain, const char *id)
{
	explain->what.id = id;
	return find_rule(explain, id) || find_surface(explain, id) || find_fix(explain, id) ||
	       find_accelerator(explain, id);
}

void hp_explained_finish(struct hp_explained *what)
{
	free(what->subject);
	free(what->surface);
	free(what->share);
	free(what->rules);
	free(what->accelerators);
}
