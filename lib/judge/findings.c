// Runs the rules. SPDX-License-Identifier: Apache-2.0
#include "base/cleanup.h"
#include "base/database.h"
#include "base/text.h"
#include "judge/needs.h"
#include "judge/parts.h"

#include <errno.h>
#include <string.h>

/* More than any host has functions and offers: a rule that says more has a join without end. */
enum { ROWS_A_HOST = 10000 };

static const char *host_name(struct hp_findings *findings, const char *host)
{
	/* Rows come host by host: most share the copy of its name. */
	if (!findings->last_host || strcmp(findings->last_host, host) != 0)
		findings->last_host = hp_pool_strdup(findings->pool, host);
	return findings->last_host;
}

struct hp_finding *hp_findings_add(struct hp_findings *findings)
{
	if (findings->count == findings->size) {
		findings->size = findings->size ? 2 * findings->size : 512;
		findings->items =
		    hp_realloc(findings->items, findings->size * sizeof(*findings->items));
	}
	return &findings->items[findings->count++];
}

static struct hp_finding *add(struct hp_findings *findings, const struct hp_rule *rule,
                              const char *host, const char *subject)
{
	struct hp_finding *finding = hp_findings_add(findings);
	*finding = (struct hp_finding){
	    .rule = rule,
	    .host = host_name(findings, host),
	    .id = hp_pool_printf(findings->pool, "%s@%s", rule->id, subject),
	    .result = HP_RESULT_UNKNOWN,
	};
	finding->subject = finding->id + strlen(rule->id) + 1;
	return finding;
}

static void add_row(struct hp_findings *findings, const struct hp_rule *rule, sqlite3_stmt *row)
{
	const char *host = hp_db_text(row, 0), *subject = hp_db_text(row, 1),
		   *evidence = hp_db_text(row, 5);
	struct hp_finding *finding = add(findings, rule, host ? host : "", subject ? subject : "");
	int result = hp_result_parse(hp_db_text(row, 4));
	finding->surface = hp_pool_strdup(findings->pool, hp_db_text(row, 2));
	finding->share = hp_pool_strdup(findings->pool, hp_db_text(row, 3));
	char *copy = hp_pool_strdup(findings->pool, evidence ? evidence : "");
	hp_one_line(copy);
	finding->evidence = copy;
	if (result >= 0)
		finding->result = (enum hp_result)result;
}

int hp_findings_of_rule(struct hp_findings *findings, struct hp_fence *fence,
                        const struct hp_rule *rule, sqlite3_stmt *statement, struct hp_error *err)
{
	int code;
	if (sqlite3_column_count(statement) != 6)
		return hp_fail(err, -EINVAL, "%s:%zu: a rule has six columns", rule->file,
		               rule->line);
	hp_fence_restart(fence);
	while ((code = hp_fence_step(fence, statement, findings->most_rows, err)) == 1)
		add_row(findings, rule, statement);
	return code ? hp_wrap(err, "%s:%zu: rule %s", rule->file, rule->line, rule->id) : 0;
}

static int run_rule(struct hp_findings *findings, struct hp_fence *fence,
                    const struct hp_rule *rule, struct hp_fence_reads *reads, struct hp_error *err)
{
	hp_cleanup_statement sqlite3_stmt *statement = NULL;
	int code =
	    hp_fence_prepare(fence, rule->sql, rule->file, rule->line, &statement, reads, err);
	return code ? code : hp_findings_of_rule(findings, fence, rule, statement, err);
}

/* A rule that cannot be run leaves what it would have said unknown, on every host. */
static int add_failure(struct hp_findings *findings, const struct hp_rule *rule,
                       const struct hp_error *why, struct hp_error *err)
{
	const struct hp_verdict_options *options = findings->options;
	hp_cleanup_statement sqlite3_stmt *hosts = NULL;
	if (options->complain)
		options->complain(options->data, why->message);
	int code = hp_db_prepare(hp_facts_db(findings->facts), "SELECT host FROM host_summary",
	                         &hosts, err);
	while (!code && (code = hp_db_step(hosts, err)) == 1) {
		struct hp_finding *finding = add(findings, rule, hp_db_text(hosts, 0), "");
		finding->evidence =
		    hp_pool_printf(findings->pool, "the rule could not be run: %s", why->message);
		code = 0;
	}
	return code;
}

static int run_here(struct hp_findings *findings, size_t i, struct hp_error *err)
{
	struct hp_fence *fence = hp_knowledge_fence(findings->knowledge);
	const struct hp_rule *rule = &findings->rules[i];
	struct hp_error why = {0};
	size_t before = findings->count;
	findings->wanted[i] = false;
	hp_fence_begin(fence, HP_FENCE_MODE_RULE);
	int failed = run_rule(findings, fence, rule, &findings->reads[i], &why);
	hp_fence_end(fence);
	if (!failed)
		return 0;
	findings->count = before; // half an answer is none
	return add_failure(findings, rule, &why, err);
}

static void find_wanted(struct hp_findings *findings)
{
	struct hp_needs *asked = hp_needs_new(hp_facts_db(findings->facts));
	for (size_t i = 0; i < findings->rule_count; i++)
		findings->wanted[i] =
		    hp_needs_met(asked, findings->rules[i].needs) &&
		    (findings->options->passes || hp_needs_met(asked, findings->rules[i].minds));
	hp_needs_free(asked);
}

void hp_findings_begin(struct hp_facts *facts, const struct hp_knowledge *knowledge,
                       const struct hp_verdict_options *options, struct hp_pool *pool,
                       struct hp_findings *ret)
{
	size_t hosts = (size_t)hp_db_number(hp_facts_db(facts),
	                                    "SELECT max(count(*), 1) FROM host_summary", 1);
	*ret = (struct hp_findings){.facts = facts,
	                            .knowledge = knowledge,
	                            .options = options,
	                            .pool = pool,
	                            .most_rows = ROWS_A_HOST * hosts};
	ret->rules = hp_knowledge_rules(knowledge, &ret->rule_count);
	ret->reads = hp_calloc(ret->rule_count + 1, sizeof(*ret->reads));
	ret->wanted = hp_calloc(ret->rule_count + 1, sizeof(*ret->wanted));
	find_wanted(ret);
	if (!options->crew)
		ret->hired =
		    hp_crew_new(facts, &(struct hp_crew_start){.processors = options->processors,
		                                               .knowledge = knowledge});
	ret->crew = options->crew ? options->crew : ret->hired;
	if (ret->crew && !hp_crew_tell(ret->crew, ret))
		ret->crew = NULL;
}

/* By rule, and of one rule as its rows came. */
static void sort_by_rule(struct hp_findings *findings)
{
	size_t *next = hp_calloc(findings->rule_count + 1, sizeof(*next));
	struct hp_finding *sorted = hp_calloc(findings->count + 1, sizeof(*sorted));
	for (size_t i = 0; i < findings->count; i++)
		next[findings->items[i].rule - findings->rules + 1]++;
	for (size_t i = 1; i < findings->rule_count; i++)
		next[i] += next[i - 1];
	for (size_t i = 0; i < findings->count; i++)
		sorted[next[findings->items[i].rule - findings->rules]++] = findings->items[i];
	free(next);
	free(findings->items);
	findings->items = sorted;
	findings->size = findings->count + 1;
}

/* Children begin with the first rules, we with the last. */
int hp_findings_run(struct hp_findings *findings, struct hp_error *err)
{
	int code = 0;
	for (size_t i = findings->rule_count; !code && i-- > 0;)
		if (findings->wanted[i] && (!findings->crew || hp_crew_leaves(findings->crew, i)))
			code = run_here(findings, i, err);
	if (!code && findings->crew)
		hp_crew_adopt(findings->crew, findings);
	for (size_t i = 0; !code && i < findings->rule_count; i++)
		if (findings->wanted[i])
			code = run_here(findings, i, err);
	sort_by_rule(findings);
	return code;
}

void hp_findings_finish(struct hp_findings *findings)
{
	hp_crew_free(findings->hired);
	for (size_t i = 0; i < findings->rule_count; i++)
		hp_fence_reads_free(&findings->reads[i]);
	free(findings->reads);
	free(findings->wanted);
	free(findings->items);
	*findings = (struct hp_findings){0};
}
