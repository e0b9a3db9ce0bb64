// Runs the rules. SPDX-License-Identifier: Apache-2.0
#include "base/cleanup.h"
#include "base/database.h"
#include "base/text.h"
#include "judge/needs.h"
#include "judge/parts.h"

#include <errno.h>
#include <string.h>

struct runner {
	struct hp_facts *facts;
	struct hp_fence *fence;
	const struct hp_verdict_options *options;
	struct hp_pool *pool;
	struct hp_findings *findings;
	size_t size;
	char *last_host; // rows come host by host: most share the copy of its name
};

static const char *host_name(struct runner *runner, const char *host)
{
	if (!runner->last_host || strcmp(runner->last_host, host) != 0)
		runner->last_host = hp_pool_strdup(runner->pool, host);
	return runner->last_host;
}

static struct hp_finding *add(struct runner *runner, const struct hp_rule *rule, const char *host,
                              const char *subject)
{
	struct hp_findings *findings = runner->findings;
	if (findings->count == runner->size) {
		runner->size = runner->size ? 2 * runner->size : 512;
		findings->items =
		    hp_realloc(findings->items, runner->size * sizeof(*findings->items));
	}
	struct hp_finding *finding = &findings->items[findings->count++];
	*finding = (struct hp_finding){
	    .rule = rule,
	    .host = host_name(runner, host),
	    .id = hp_pool_printf(runner->pool, "%s@%s", rule->id, subject),
	    .result = HP_RESULT_UNKNOWN,
	};
	finding->subject = finding->id + strlen(rule->id) + 1;
	return finding;
}

static void add_row(struct runner *runner, const struct hp_rule *rule, sqlite3_stmt *row)
{
	const char *host = hp_db_text(row, 0), *subject = hp_db_text(row, 1),
		   *evidence = hp_db_text(row, 5);
	struct hp_finding *finding = add(runner, rule, host ? host : "", subject ? subject : "");
	int result = hp_result_parse(hp_db_text(row, 4));
	finding->surface = hp_pool_strdup(runner->pool, hp_db_text(row, 2));
	finding->share = hp_pool_strdup(runner->pool, hp_db_text(row, 3));
	char *copy = hp_pool_strdup(runner->pool, evidence ? evidence : "");
	hp_utf8_repair(copy);
	finding->evidence = copy;
	if (result >= 0)
		finding->result = (enum hp_result)result;
}

/* A rule that cannot be run leaves what it would have said unknown, on every host. */
static int add_failure(struct runner *runner, const struct hp_rule *rule,
                       const struct hp_error *why, struct hp_error *err)
{
	hp_cleanup_statement sqlite3_stmt *hosts = NULL;
	if (runner->options->complain)
		runner->options->complain(runner->options->data, why->message);
	int code =
	    hp_db_prepare(hp_facts_db(runner->facts), "SELECT host FROM host_summary", &hosts, err);
	while (!code && (code = hp_db_step(hosts, err)) == 1) {
		struct hp_finding *finding = add(runner, rule, hp_db_text(hosts, 0), "");
		finding->evidence =
		    hp_pool_printf(runner->pool, "the rule could not be run: %s", why->message);
		code = 0;
	}
	return code;
}

static int run_rule(struct runner *runner, const struct hp_rule *rule, struct hp_fence_reads *reads,
                    struct hp_error *err)
{
	hp_cleanup_statement sqlite3_stmt *statement = NULL;
	int code = hp_fence_prepare(runner->fence, rule->sql, rule->file, rule->line, &statement,
	                            reads, err);
	if (code)
		return code;
	if (sqlite3_column_count(statement) != 6)
		return hp_fail(err, -EINVAL, "%s:%zu: a rule has six columns", rule->file,
		               rule->line);
	while ((code = hp_db_step(statement, err)) == 1)
		add_row(runner, rule, statement);
	return code ? hp_wrap(err, "%s:%zu: rule %s", rule->file, rule->line, rule->id) : 0;
}

int hp_findings_run(struct hp_facts *facts, const struct hp_knowledge *knowledge,
                    const struct hp_verdict_options *options, struct hp_pool *pool,
                    struct hp_findings *ret, struct hp_error *err)
{
	struct runner runner = {.facts = facts,
	                        .fence = hp_knowledge_fence(knowledge),
	                        .options = options,
	                        .pool = pool,
	                        .findings = ret};
	const struct hp_rule *rules = hp_knowledge_rules(knowledge, &ret->rule_count);
	ret->reads = hp_calloc(ret->rule_count + 1, sizeof(*ret->reads));
	struct hp_needs *asked = hp_needs_new(hp_facts_db(facts));
	int code = 0;
	for (size_t i = 0; !code && i < ret->rule_count; i++) {
		if (!hp_needs_met(asked, rules[i].needs))
			continue;
		struct hp_error why = {0};
		size_t before = ret->count;
		hp_fence_begin(runner.fence, HP_FENCE_MODE_RULE);
		int failed = run_rule(&runner, &rules[i], &ret->reads[i], &why);
		hp_fence_end(runner.fence);
		if (!failed)
			continue;
		ret->count = before; // half an answer is none
		code = add_failure(&runner, &rules[i], &why, err);
	}
	hp_needs_free(asked);
	return code;
}

void hp_findings_finish(struct hp_findings *findings)
{
	for (size_t i = 0; i < findings->rule_count; i++)
		hp_fence_reads_free(&findings->reads[i]);
	free(findings->reads);
	free(findings->items);
	*findings = (struct hp_findings){0};
}
