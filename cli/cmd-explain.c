// happypath explain: why, by what evidence and source, and what to do.
// SPDX-License-Identifier: Apache-2.0
#include "base/cleanup.h"
#include "base/database.h"
#include "cli.h"
#include "judge/verdict.h"

#include <string.h>

struct view {
	const struct hp_knowledge *knowledge;
	struct hp_verdict *verdict;
	sqlite3 *db;
};

// -- rules, fixes, findings --

static void print_references(const char *references)
{
	hp_cleanup_free char *copy = hp_strdup(references);
	char *rest = copy;
	for (char *next; rest; rest = next) {
		next = strstr(rest, " | ");
		if (next) {
			*next = '\0';
			next += strlen(" | ");
		}
		printf("  source    %s\n", rest);
	}
}

static void print_fix(const struct hp_fix *fix)
{
	printf("  way out   %s: %s\n            costs: %s; done by: %s%s%s\n", fix->id, fix->title,
	       hp_distance_name(fix->distance), fix->kind, *fix->undo ? "; undo: " : "", fix->undo);
}

static void print_rule(const struct hp_rule *rule)
{
	printf("%s (%s)\n  holds     %s\n  applies   %s\n", rule->id, hp_impact_name(rule->impact),
	       rule->title, rule->applies);
	printf("  to do     %s\n", rule->resolution);
	for (size_t i = 0; i < rule->fix_count; i++)
		print_fix(&rule->fixes[i]);
	if (!rule->fix_count && rule->impact == HP_IMPACT_BLOCKS)
		printf("  way out   none: what it applies to cannot be had while it fails\n");
	print_references(rule->reference);
	printf("  written   %s:%zu\n", rule->file, rule->line);
}

static void print_finding(const struct view *view, const struct hp_finding *finding)
{
	const char *subject = *finding->subject ? finding->subject : finding->host;
	bool named = hp_starts_with(finding->evidence, subject);
	printf("  %-9s %s%s%s\n", hp_result_name(finding->result), named ? "" : subject,
	       named ? "" : ": ", finding->evidence);
	if (finding->surface || finding->share)
		printf("            only for %s%s%s\n", finding->surface ? finding->surface : "",
		       finding->share ? ":" : "", finding->share ? finding->share : "");
	for (const char *const *file = hp_verdict_origins(view->verdict, finding); *file; file++)
		printf("            from %s\n", *file);
}

/* What a rule that says nothing here would have to be told. */
static void print_intent(const struct view *view, const struct hp_rule *rule)
{
	const struct hp_table_def *intent = &hp_tables[HP_TBL_INTENT];
	struct hp_fence *fence = hp_knowledge_fence(view->knowledge);
	struct hp_fence_reads reads = {0};
	hp_cleanup_statement sqlite3_stmt *statement = NULL;
	hp_fence_begin(fence, HP_FENCE_MODE_RULE);
	hp_fence_prepare(fence, rule->sql, rule->file, rule->line, &statement, &reads, NULL);
	hp_db_finish(&statement);
	hp_fence_end(fence);
	for (size_t i = 0; i < reads.count; i++) {
		if (reads.items[i].table != HP_TBL_INTENT)
			continue;
		const struct hp_column_def *column = &intent->columns[reads.items[i].column];
		if (!column->key && strcmp(column->domain, "key") != 0)
			printf("  tell it   --assume intent.%s=…: %s\n", column->name, column->doc);
	}
	hp_fence_reads_free(&reads);
}

/* The findings of a rule here: all, or those of one subject. Returns how many there are. */
static size_t print_findings_of(const struct view *view, const struct hp_rule *rule,
                                const char *subject)
{
	size_t count, found = 0;
	const struct hp_finding *findings = hp_verdict_findings(view->verdict, &count);
	for (size_t i = 0; i < count; i++) {
		if (findings[i].rule != rule ||
		    (subject && strcmp(findings[i].subject, subject) != 0))
			continue;
		if (!found++)
			printf("\nHere:\n");
		print_finding(view, &findings[i]);
	}
	if (found)
		return found;
	printf("\nHere: it has nothing to say%s.\n", subject ? " of that subject" : "");
	print_intent(view, rule);
	return 0;
}

static bool explain_rule(const struct view *view, const char *id)
{
	const char *at = strchr(id, '@');
	hp_cleanup_free char *name = at ? hp_strndup(id, (size_t)(at - id)) : hp_strdup(id);
	const struct hp_rule *rule = hp_knowledge_rule(view->knowledge, name);
	if (!rule)
		return false;
	print_rule(rule);
	print_findings_of(view, rule, at ? at + 1 : NULL);
	return true;
}

static bool explain_fix(const struct view *view, const char *id)
{
	size_t count;
	bool found = false;
	const struct hp_rule *rules = hp_knowledge_rules(view->knowledge, &count);
	for (size_t i = 0; i < count; i++)
		for (size_t f = 0; f < rules[i].fix_count; f++) {
			if (strcmp(rules[i].fixes[f].id, id) != 0)
				continue;
			printf("%s%s is a way out of %s\n", found ? "\n" : "", id, rules[i].id);
			print_fix(&rules[i].fixes[f]);
			printf("  to do     %s\n", rules[i].resolution);
			print_references(rules[i].reference);
			print_findings_of(view, &rules[i], NULL);
			found = true;
		}
	return found;
}

// -- surfaces and accelerators --

static void print_path(const struct hp_offer *offer)
{
	printf("  path      %s", hp_path_name(offer->path));
	if (offer->path_since && *offer->path_since)
		printf(" since %s%s", offer->path_since, offer->path_approximate ? " (about)" : "");
	if (offer->path_checked)
		printf(", read %s", offer->path_checked);
	putchar('\n');
	if (offer->path_condition)
		printf("  asks for  %s\n", offer->path_condition);
	if (offer->path_reason)
		printf("  because   %s\n", offer->path_reason);
	if (offer->path_source)
		print_references(offer->path_source);
}

static void print_offer(const struct hp_accelerator *accelerator, const struct hp_offer *offer)
{
	printf("\n%s as %s:%s\n", accelerator->address, offer->surface->surface,
	       offer->surface->share);
	print_path(offer);
	if (offer->path == HP_PATH_OFF)
		return; // what the host lacks for it is not worth the room
	printf("  here      %s, distance %s: %s\n", hp_readiness_name(offer->readiness),
	       hp_distance_name(offer->distance), offer->summary);
	for (size_t i = 0; i < offer->finding_count; i++) {
		const struct hp_finding *finding = offer->findings[i];
		if (finding->result == HP_RESULT_PASS)
			continue;
		printf("  %-9s %s (%s): %s\n", hp_result_name(finding->result), finding->id,
		       hp_impact_name(finding->rule->impact), finding->evidence);
	}
	for (size_t i = 0; i < offer->cost_count; i++)
		printf("  cost      %s: %s%s [%s]\n", offer->costs[i]->kind, offer->costs[i]->value,
		       offer->costs[i]->estimate ? " (our estimate)" : "", offer->costs[i]->source);
}

static bool alike(const struct hp_accelerator *a, const struct hp_accelerator *b)
{
	return a->device && b->device && strcmp(a->device, b->device) == 0 &&
	       a->offer_count == b->offer_count;
}

static void print_surface_here(const struct view *view, const char *surface)
{
	size_t count;
	const struct hp_verdict_host *hosts = hp_verdict_hosts(view->verdict, &count);
	for (size_t h = 0; h < count; h++)
		for (size_t i = 0; i < hosts[h].accelerator_count; i++) {
			const struct hp_accelerator *accelerator = &hosts[h].accelerators[i];
			if (i && alike(accelerator, &hosts[h].accelerators[i - 1]))
				continue; // the first of its kind speaks for them
			for (size_t o = 0; o < accelerator->offer_count; o++)
				if (strcmp(accelerator->offers[o].surface->surface, surface) == 0)
					print_offer(accelerator, &accelerator->offers[o]);
		}
}

static void print_rules_of(const struct view *view, const char *surface)
{
	size_t count;
	const struct hp_rule *rules = hp_knowledge_rules(view->knowledge, &count);
	hp_cleanup_statement sqlite3_stmt *shares = NULL;
	printf("\nRules that speak of it:\n");
	for (size_t i = 0; i < count; i++) {
		bool applies = false;
		if (hp_db_prepare(
			view->db,
			"SELECT surface, share, mechanism FROM surface_share WHERE surface = ?1",
			&shares, NULL))
			return;
		sqlite3_bind_text(shares, 1, surface, -1, SQLITE_STATIC);
		while (!applies && hp_db_step(shares, NULL) == 1) {
			struct hp_surface_share share = {.surface = hp_db_text(shares, 0),
			                                 .share = hp_db_text(shares, 1),
			                                 .mechanism = hp_db_text(shares, 2)};
			applies = hp_applies(rules[i].applies, &share);
		}
		if (applies)
			printf("  %-8s  %s: %s\n", hp_impact_name(rules[i].impact), rules[i].id,
			       rules[i].title);
		hp_db_finish(&shares);
	}
}

static bool explain_surface(const struct view *view, const char *name)
{
	hp_cleanup_statement sqlite3_stmt *surface = NULL;
	if (hp_db_prepare(
		view->db,
		"SELECT surface, title, family, probed, source FROM surface WHERE surface = ?1",
		&surface, NULL))
		return false;
	sqlite3_bind_text(surface, 1, name, -1, SQLITE_STATIC);
	if (hp_db_step(surface, NULL) != 1)
		return false;
	printf("%s: %s\n", hp_db_text(surface, 0), hp_db_text(surface, 1));
	if (!sqlite3_column_int(surface, 3))
		printf("  Such hosts are not probed: they are judged by knowledge alone.\n");
	print_references(hp_db_text(surface, 4));
	print_rules_of(view, name);
	print_surface_here(view, name);
	return true;
}

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

static void print_accelerator(const struct view *view, const struct hp_accelerator *accelerator)
{
	printf("%s: %s [%s:%s]%s%s\n", accelerator->address,
	       accelerator->name ? accelerator->name : "unknown accelerator",
	       accelerator->vendor ? accelerator->vendor : "?",
	       accelerator->device ? accelerator->device : "?",
	       accelerator->is_vf ? ", a VF of " : "",
	       accelerator->is_vf && accelerator->parent ? accelerator->parent : "");
	printf("  driver    %s\n  group     %s\n",
	       accelerator->driver ? accelerator->driver : "not seen",
	       accelerator->iommu_group ? accelerator->iommu_group : "none or not seen");
	for (size_t i = 0; i < accelerator->finding_count; i++) {
		const struct hp_finding *finding = accelerator->findings[i];
		if (finding->result == HP_RESULT_PASS)
			continue;
		printf("\n%s (%s, applies to %s)\n  holds     %s\n", finding->id,
		       hp_impact_name(finding->rule->impact), finding->rule->applies,
		       finding->rule->title);
		print_finding(view, finding);
		if (finding->result == HP_RESULT_FAIL)
			printf("  to do     %s\n", finding->rule->resolution);
	}
}

static bool explain_accelerator(const struct view *view, const char *id)
{
	size_t count;
	bool found = false;
	const struct hp_verdict_host *hosts = hp_verdict_hosts(view->verdict, &count);
	for (size_t h = 0; h < count; h++)
		for (size_t i = 0; i < hosts[h].accelerator_count; i++) {
			if (!is_address(id, hosts[h].accelerators[i].address))
				continue;
			if (count > 1)
				printf("%sOn %s\n", found ? "\n" : "", hosts[h].name);
			print_accelerator(view, &hosts[h].accelerators[i]);
			found = true;
		}
	return found;
}

static bool explain(const struct view *view, const char *id)
{
	return explain_rule(view, id) || explain_surface(view, id) || explain_fix(view, id) ||
	       explain_accelerator(view, id);
}

int hp_cmd_explain(const struct hp_command *command HP_UNUSED, struct hp_options *options)
{
	struct hp_error error = {0};
	struct hp_session session = {0};
	struct hp_verdict_options how = {.as_of = hp_as_of(options), .passes = true};
	struct view view = {0};
	int code = hp_session_open(options, &session, &error);
	if (!code)
		code =
		    hp_verdict_new(session.facts, session.knowledge, &how, &view.verdict, &error);
	if (code) {
		hp_session_close(&session);
		return hp_give_up(&error);
	}
	view.knowledge = session.knowledge;
	view.db = hp_facts_db(session.facts);
	const char *id = options->arguments.items[0];
	code = explain(&view, id) ? HP_EXIT_OK : HP_EXIT_USAGE;
	if (code)
		hp_say("'%s' is no rule, surface, way out, finding or accelerator of this host; "
		       "'happypath rules' and"
		       " 'happypath surfaces' list them",
		       id);
	code = !code && session.failed ? HP_EXIT_FAILED : code;
	hp_verdict_free(view.verdict);
	hp_session_close(&session);
	return code;
}
