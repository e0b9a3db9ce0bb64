// Runs the rules. SPDX-License-Identifier: Apache-2.0
#include "base/cleanup.h"
#include "base/database.h"
#include "base/text.h"
#include "base/worker.h"
#include "judge/needs.h"
#include "judge/parts.h"

#include <errno.h>
#include <string.h>

/* More than any host has functions and offers: a rule that says more has a join without end. */
enum { ROWS_A_HOST = 10000 };

struct runner {
	struct hp_facts *facts;
	struct hp_fence *fence;
	const struct hp_rule *rules;
	const struct hp_verdict_options *options;
	struct hp_pool *pool;
	struct hp_findings *findings;
	size_t size, most_rows; // of one rule
	char *last_host;        // rows come host by host: most share the copy of its name
};

static const char *host_name(struct runner *runner, const char *host)
{
	if (!runner->last_host || strcmp(runner->last_host, host) != 0)
		runner->last_host = hp_pool_strdup(runner->pool, host);
	return runner->last_host;
}

static struct hp_finding *add_empty(struct runner *runner)
{
	struct hp_findings *findings = runner->findings;
	if (findings->count == runner->size) {
		runner->size = runner->size ? 2 * runner->size : 512;
		findings->items =
		    hp_realloc(findings->items, runner->size * sizeof(*findings->items));
	}
	return &findings->items[findings->count++];
}

static struct hp_finding *add(struct runner *runner, const struct hp_rule *rule, const char *host,
                              const char *subject)
{
	struct hp_finding *finding = add_empty(runner);
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
	hp_one_line(copy);
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
	while ((code = hp_fence_step(runner->fence, statement, runner->most_rows, err)) == 1)
		add_row(runner, rule, statement);
	return code ? hp_wrap(err, "%s:%zu: rule %s", rule->file, rule->line, rule->id) : 0;
}

/* Runs the rules from `from` up to `to`; `failures`, if not NULL, only counts those that cannot be
 * run. */
static int run_rules(struct runner *runner, size_t from, size_t to, size_t *failures,
                     struct hp_error *err)
{
	struct hp_findings *findings = runner->findings;
	struct hp_needs *asked = hp_needs_new(hp_facts_db(runner->facts));
	int code = 0;
	for (size_t i = from; !code && i < to; i++) {
		if (!hp_needs_met(asked, runner->rules[i].needs))
			continue;
		struct hp_error why = {0};
		size_t before = findings->count;
		hp_fence_begin(runner->fence, HP_FENCE_MODE_RULE);
		int failed = run_rule(runner, &runner->rules[i], &findings->reads[i], &why);
		hp_fence_end(runner->fence);
		if (!failed)
			continue;
		findings->count = before; // half an answer is none
		if (failures)
			++*failures;
		else
			code = add_failure(runner, &runner->rules[i], &why, err);
	}
	hp_needs_free(asked);
	return code;
}

/* On several processors: most of the time goes into preparing the rules, each for itself. Children
 * take runs of rules, the last one being our own; what they found comes back in their results. */

enum {
	MOST_PROCESSORS = 4,   // more save less than their forking costs
	FEW_RULES = 32,        // so few are not worth a child
	RESULT_SIZE = 64 << 20 // address space; what is not used costs nothing
};

struct hand {
	struct hp_worker *worker;
	size_t from, to;
};

struct hp_crew {
	struct runner runner;
	struct hand hands[MOST_PROCESSORS];
	size_t count; // of children
	size_t own;   // where our own rules begin
};

/* What a child leaves. */
struct found {
	struct hp_finding *items;
	size_t count;
	struct hp_fence_reads *reads; // of the rules `from` to `to`
};

struct order {
	struct hp_crew *crew;
	struct hand *hand;
};

static const char *put_text(struct hp_worker *worker, const char *text, bool *full)
{
	size_t size = text ? strlen(text) + 1 : 0;
	char *copy = text ? hp_worker_alloc(worker, size) : NULL;
	if (copy)
		memcpy(copy, text, size);
	*full |= text && !copy;
	return copy;
}

static bool put_findings(struct hp_worker *worker, const struct hp_findings *findings,
                         struct found *found)
{
	bool full = false;
	found->count = findings->count;
	found->items = hp_worker_alloc(worker, findings->count * sizeof(*findings->items));
	for (size_t i = 0; found->items && i < findings->count; i++) {
		struct hp_finding *finding = &found->items[i];
		*finding = findings->items[i];
		finding->id = put_text(worker, finding->id, &full);
		finding->host = put_text(worker, finding->host, &full);
		finding->surface = put_text(worker, finding->surface, &full);
		finding->share = put_text(worker, finding->share, &full);
		finding->evidence = put_text(worker, finding->evidence, &full);
	}
	return found->items && !full;
}

static bool put_reads(struct hp_worker *worker, const struct hp_fence_reads *reads, size_t count,
                      struct found *found)
{
	found->reads = hp_worker_alloc(worker, count * sizeof(*reads));
	for (size_t i = 0; found->reads && i < count; i++) {
		size_t size = reads[i].count * sizeof(*reads[i].items);
		found->reads[i] =
		    (struct hp_fence_reads){hp_worker_alloc(worker, size), reads[i].count};
		if (!found->reads[i].items)
			return false;
		if (size)
			memcpy(found->reads[i].items, reads[i].items, size);
	}
	return found->reads;
}

/* A rule that cannot be run is for the parent to tell of: it runs them all again. */
static int work(void *data, struct hp_worker *worker)
{
	const struct order *order = data;
	struct runner *runner = &order->crew->runner;
	size_t failures = 0, from = order->hand->from, to = order->hand->to;
	struct found *found = hp_worker_alloc(worker, sizeof(*found));
	if (run_rules(runner, from, to, &failures, NULL) || failures ||
	    !put_findings(worker, runner->findings, found) ||
	    !put_reads(worker, runner->findings->reads + from, to - from, found))
		return -1;
	return 0;
}

static void adopt(struct runner *runner, const struct hand *hand, const struct found *found)
{
	for (size_t i = 0; i < found->count; i++) {
		const struct hp_finding *from = &found->items[i];
		struct hp_finding *finding =
		    add(runner, from->rule, from->host, from->id + strlen(from->rule->id) + 1);
		finding->result = from->result;
		finding->surface = hp_pool_strdup(runner->pool, from->surface);
		finding->share = hp_pool_strdup(runner->pool, from->share);
		finding->evidence = hp_pool_strdup(runner->pool, from->evidence);
	}
	for (size_t i = hand->from; i < hand->to; i++) {
		const struct hp_fence_reads *from = &found->reads[i - hand->from];
		struct hp_fence_reads *reads = &runner->findings->reads[i];
		size_t size = from->count * sizeof(*from->items);
		*reads = (struct hp_fence_reads){hp_calloc(1, size + 1), from->count};
		memcpy(reads->items, from->items, size);
	}
}

static void hire(struct hp_crew *crew, size_t processors)
{
	size_t rules = crew->runner.findings->rule_count;
	if (processors > MOST_PROCESSORS)
		processors = MOST_PROCESSORS;
	/* We have other things to do first: our share is two thirds of a child's. */
	size_t each = processors > 1 ? rules * 3 / (3 * (processors - 1) + 2) : 0;
	for (size_t i = 0; each >= FEW_RULES && i + 1 < processors; i++) {
		struct hand *hand = &crew->hands[crew->count];
		*hand = (struct hand){.from = crew->own, .to = crew->own + each};
		struct order order = {crew, hand};
		hand->worker = hp_worker_start(work, &order, RESULT_SIZE);
		if (!hand->worker)
			return;
		crew->own = hand->to;
		crew->count++;
	}
}

void hp_findings_begin(struct hp_facts *facts, const struct hp_knowledge *knowledge,
                       const struct hp_verdict_options *options, struct hp_pool *pool,
                       struct hp_findings *ret)
{
	const struct hp_rule *rules = hp_knowledge_rules(knowledge, &ret->rule_count);
	size_t hosts = (size_t)hp_db_number(hp_facts_db(facts),
	                                    "SELECT max(count(*), 1) FROM host_summary", 1);
	ret->reads = hp_calloc(ret->rule_count + 1, sizeof(*ret->reads));
	ret->crew = hp_calloc(1, sizeof(*ret->crew));
	ret->crew->runner = (struct runner){.facts = facts,
	                                    .fence = hp_knowledge_fence(knowledge),
	                                    .rules = rules,
	                                    .options = options,
	                                    .pool = pool,
	                                    .findings = ret,
	                                    .most_rows = ROWS_A_HOST * hosts};
	hire(ret->crew, options->processors ? options->processors : hp_processors());
}

/* Takes what a child found; where it found nothing whole, its rules are ours. */
static int take(struct hp_crew *crew, struct hand *hand, struct hp_error *err)
{
	const struct found *found = hp_worker_result(hand->worker);
	if (!found)
		return run_rules(&crew->runner, hand->from, hand->to, NULL, err);
	adopt(&crew->runner, hand, found);
	hp_worker_free(hp_steal(hand->worker));
	return 0;
}

int hp_findings_run(struct hp_findings *findings, struct hp_error *err)
{
	struct hp_crew *crew = findings->crew;
	struct hp_findings own = {.reads = findings->reads, .rule_count = findings->rule_count};
	struct runner runner = crew->runner;
	runner.findings = &own;
	int code = run_rules(&runner, crew->own, own.rule_count, NULL, err);
	for (size_t i = 0; !code && i < crew->count; i++)
		code = take(crew, &crew->hands[i], err);
	for (size_t i = 0; !code && i < own.count; i++)
		*add_empty(&crew->runner) = own.items[i];
	free(own.items);
	return code;
}

void hp_findings_finish(struct hp_findings *findings)
{
	for (size_t i = 0; findings->crew && i < findings->crew->count; i++)
		hp_worker_free(findings->crew->hands[i].worker);
	free(findings->crew);
	for (size_t i = 0; i < findings->rule_count; i++)
		hp_fence_reads_free(&findings->reads[i]);
	free(findings->reads);
	free(findings->items);
	*findings = (struct hp_findings){0};
}
