// happypath explain: why, by what evidence and source, and what to do.
// SPDX-License-Identifier: Apache-2.0
#include "base/cleanup.h"
#include "base/database.h"
#include "cli.h"
#include "explain.h"
#include "judge/verdict.h"

#include <string.h>

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
	printf("%s (%s)\n  wanted    %s\n  applies   %s\n", rule->id, hp_impact_name(rule->impact),
	       rule->title, rule->applies);
	printf("  to do     %s\n", rule->resolution);
	for (size_t i = 0; i < rule->fix_count; i++)
		print_fix(&rule->fixes[i]);
	if (!rule->fix_count && rule->impact == HP_IMPACT_BLOCKS)
		printf("  way out   none: what it applies to cannot be had while it fails\n");
	print_references(rule->reference);
	printf("  written   %s:%zu\n", rule->file, rule->line);
}

static void print_finding(const struct hp_explain *explain, const struct hp_finding *finding)
{
	const char *subject = *finding->subject ? finding->subject : finding->host;
	bool named = hp_starts_with(finding->evidence, subject);
	printf("  %-9s %s%s%s\n", hp_result_name(finding->result), named ? "" : subject,
	       named ? "" : ": ", finding->evidence);
	if (finding->surface || finding->share)
		printf("            only for %s%s%s\n", finding->surface ? finding->surface : "",
		       finding->share ? ":" : "", finding->share ? finding->share : "");
	for (const char *const *file = hp_verdict_origins(explain->verdict, finding); *file; file++)
		printf("            from %s\n", *file);
}

/* What a rule that says nothing here would have to be told. */
static void print_intents(const struct hp_explain *explain, const struct hp_rule *rule)
{
	hp_cleanup_free const struct hp_column_def **columns = hp_explain_intents(explain, rule);
	for (size_t i = 0; columns[i]; i++)
		printf("  tell it   --assume intent.%s=…: %s\n", columns[i]->name, columns[i]->doc);
}

static void print_findings_of(const struct hp_explain *explain, const struct hp_rule *rule)
{
	size_t count, found = 0;
	const struct hp_finding *findings = hp_verdict_findings(explain->verdict, &count);
	for (size_t i = 0; i < count; i++) {
		if (!hp_explain_tells(&explain->what, rule, &findings[i]))
			continue;
		if (!found++)
			printf("\nHere:\n");
		print_finding(explain, &findings[i]);
	}
	if (found)
		return;
	printf("\nHere: it has nothing to say%s.\n",
	       explain->what.subject ? " of that subject" : "");
	print_intents(explain, rule);
}

static void print_rules(const struct hp_explain *explain)
{
	print_rule(explain->what.rules[0]);
	print_findings_of(explain, explain->what.rules[0]);
}

static void print_ways_out(const struct hp_explain *explain)
{
	const struct hp_explained *what = &explain->what;
	for (size_t i = 0; i < what->rule_count; i++) {
		const struct hp_rule *rule = what->rules[i];
		printf("%s%s is a way out of %s\n", i ? "\n" : "", what->id, rule->id);
		for (size_t f = 0; f < rule->fix_count; f++)
			if (strcmp(rule->fixes[f].id, what->id) == 0)
				print_fix(&rule->fixes[f]);
		printf("  wanted    %s\n  to do     %s\n", rule->title, rule->resolution);
		print_references(rule->reference);
		print_findings_of(explain, rule);
	}
}

// -- surfaces --

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

/* `all`: also what the host lacks for what nobody stands behind; else that is not worth the room.
 */
static void print_offer(const struct hp_accelerator *accelerator, const struct hp_offer *offer,
                        bool all)
{
	printf("\n%s as %s:%s\n", accelerator->address, offer->surface->surface,
	       offer->surface->share);
	print_path(offer);
	if (offer->path == HP_PATH_OFF && !all && !offer->wanted)
		return;
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

static void print_surface_head(const struct hp_explain *explain)
{
	hp_cleanup_statement sqlite3_stmt *surface = NULL;
	if (hp_db_prepare(hp_facts_db(explain->session.facts),
	                  "SELECT title, probed, source FROM surface WHERE surface = ?1", &surface,
	                  NULL))
		return;
	sqlite3_bind_text(surface, 1, explain->what.surface, -1, SQLITE_STATIC);
	if (hp_db_step(surface, NULL) != 1)
		return;
	printf("%s: %s\n", explain->what.surface, hp_db_text(surface, 0));
	if (!sqlite3_column_int(surface, 1))
		printf("  Such hosts are not probed: they are judged by knowledge alone.\n");
	print_references(hp_db_text(surface, 2));
}

static void print_surface(const struct hp_explain *explain)
{
	const struct hp_explained *what = &explain->what;
	print_surface_head(explain);
	for (size_t i = 0; i < what->accelerator_count; i++) {
		const struct hp_accelerator *accelerator = what->accelerators[i].accelerator;
		for (size_t o = 0; o < accelerator->offer_count; o++)
			if (hp_explain_tells_offer(what, &accelerator->offers[o]))
				print_offer(accelerator, &accelerator->offers[o], what->share);
	}
	printf("\nRules that speak of it:\n");
	for (size_t i = 0; i < what->rule_count; i++)
		printf("  %-8s  %s: %s\n", hp_impact_name(what->rules[i]->impact),
		       what->rules[i]->id, what->rules[i]->title);
}

// -- accelerators --

/* The offers that a finding hits and somebody stands behind. */
static void print_concerns(const struct hp_accelerator *accelerator,
                           const struct hp_finding *finding)
{
	enum { NAMED = 6 };
	size_t count = 0;
	for (size_t i = 0; i < accelerator->offer_count; i++) {
		const struct hp_offer *offer = &accelerator->offers[i];
		if (offer->path == HP_PATH_OFF || !hp_explain_hits(offer, finding))
			continue;
		if (count++ < NAMED)
			printf("%s%s:%s", count == 1 ? "  concerns  " : ", ",
			       offer->surface->surface, offer->surface->share);
	}
	if (count > NAMED)
		printf(" and %zu more", count - NAMED);
	if (count)
		putchar('\n');
}

static void print_about(const struct hp_explain *explain, const struct hp_accelerator *accelerator,
                        const struct hp_finding *finding)
{
	printf("\n%s (%s)\n  wanted    %s\n", finding->id, hp_impact_name(finding->rule->impact),
	       finding->rule->title);
	print_finding(explain, finding);
	print_concerns(accelerator, finding);
	if (finding->result == HP_RESULT_FAIL)
		printf("  to do     %s\n", finding->rule->resolution);
}

/* What matters to offers that somebody stands behind at length, the rest by name. */
static void print_accelerator(const struct hp_explain *explain,
                              const struct hp_accelerator *accelerator)
{
	size_t others = 0;
	printf("%s: %s [%s:%s]%s%s\n", accelerator->address,
	       accelerator->name ? accelerator->name : "unknown accelerator",
	       accelerator->vendor ? accelerator->vendor : "?",
	       accelerator->device ? accelerator->device : "?",
	       accelerator->is_vf ? ", a VF of " : "",
	       accelerator->is_vf && accelerator->parent ? accelerator->parent : "");
	printf("  driver    %s\n  group     %s%s\n",
	       accelerator->driver ? accelerator->driver : "not seen",
	       accelerator->iommu_group ? accelerator->iommu_group : "none or not seen",
	       accelerator->group_predicted ? ", as predicted for an IOMMU that is on" : "");
	for (size_t i = 0; i < accelerator->finding_count; i++) {
		const struct hp_finding *finding = accelerator->findings[i];
		if (finding->result != HP_RESULT_PASS && hp_explain_matters(accelerator, finding))
			print_about(explain, accelerator, finding);
	}
	for (size_t i = 0; i < accelerator->finding_count; i++) {
		const struct hp_finding *finding = accelerator->findings[i];
		if (finding->result == HP_RESULT_PASS || hp_explain_matters(accelerator, finding))
			continue;
		printf("%s  %-9s %s\n", others++ ? "" : "\nOf ways alone that are off the path:\n",
		       hp_result_name(finding->result), finding->id);
	}
}

static void print_accelerators(const struct hp_explain *explain)
{
	size_t hosts;
	const struct hp_explained *what = &explain->what;
	hp_verdict_hosts(explain->verdict, &hosts);
	for (size_t i = 0; i < what->accelerator_count; i++) {
		if (hosts > 1)
			printf("%sOn %s\n", i ? "\n" : "", what->accelerators[i].host);
		print_accelerator(explain, what->accelerators[i].accelerator);
	}
}

// -- the verb --

static int print(const struct hp_explain *explain, const struct hp_options *options,
                 struct hp_error *err)
{
	static void (*const printers[])(const struct hp_explain *explain) = {
	    [HP_EXPLAINED_RULE] = print_rules,
	    [HP_EXPLAINED_FIX] = print_ways_out,
	    [HP_EXPLAINED_SURFACE] = print_surface,
	    [HP_EXPLAINED_ACCELERATOR] = print_accelerators,
	};
	if (options->format == HP_FORMAT_JSON || options->format == HP_FORMAT_YAML)
		return hp_explain_print_json(explain, hp_as_of(options), options->format, err);
	printers[explain->what.kind](explain);
	return 0;
}

static int unknown_id(const char *id)
{
	hp_say("'%s' is no rule, surface, way out, finding or accelerator of this host; 'happypath "
	       "rules', 'happypath surfaces' and 'happypath check' name them",
	       id);
	return HP_EXIT_USAGE;
}

int hp_cmd_explain(const struct hp_command *command HP_UNUSED, struct hp_options *options)
{
	struct hp_error error = {0};
	struct hp_explain explain = {.session.judges = true};
	struct hp_verdict_options how = {.as_of = hp_as_of(options), .passes = true};
	const char *id = options->arguments.items[0];
	if (options->format == HP_FORMAT_CSV) {
		hp_say("explain prints text, json or yaml, not csv");
		return HP_EXIT_USAGE;
	}
	int code = hp_session_open(options, &explain.session, &error);
	how.crew = explain.session.crew;
	if (!code)
		code = hp_verdict_new(explain.session.facts, explain.session.knowledge, &how,
		                      &explain.verdict, &error);
	if (!code && !hp_explain_find(&explain, id))
		code = unknown_id(id);
	else if (!code)
		code = print(&explain, options, &error);
	if (code < 0)
		code = hp_give_up(&error);
	else if (!code && explain.session.failed)
		code = HP_EXIT_FAILED;
	hp_explained_finish(&explain.what);
	hp_verdict_free(explain.verdict);
	hp_session_close(&explain.session);
	return code;
}
