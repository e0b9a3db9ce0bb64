// From failing findings to steps: the cheapest way out of each, each step once, in walking order.
// SPDX-License-Identifier: Apache-2.0
#include "base/cleanup.h"
#include "base/database.h"
#include "base/text.h"
#include "plan/parts.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { MOST_ROWS = 10000 }; // of the view of a fix's steps

/* A step in the making; the words of several fixes may meet in one. */
struct draft {
	const struct hp_kind *kind;
	char *subject;
	struct hp_names words;
	char *fix;
	json_t *findings, *alternatives, *before, *after;
};

struct maker {
	struct hp_planner *planner;
	struct draft *drafts;
	size_t count;
};

static void draft_finish(struct draft *draft)
{
	free(draft->subject);
	hp_names_free(&draft->words);
	free(draft->fix);
	json_decref(draft->findings);
	json_decref(draft->alternatives);
	json_decref(draft->before);
	json_decref(draft->after);
}

// -- what no step can do --

/* The other ways out of what a fix mends. */
static json_t *alternatives(const struct hp_rule *rule, const struct hp_fix *fix)
{
	json_t *list = json_array();
	for (size_t i = 0; i < rule->fix_count; i++)
		if (&rule->fixes[i] != fix)
			json_array_append_new(list, json_string(rule->fixes[i].title));
	return list;
}

/* How the machine's maker calls it, where that is known. */
static void add_words(struct maker *maker, const struct hp_fix *fix, json_t *item)
{
	static const struct {
		const char *key, *sql;
	} columns[] = {
	    {"words",
	     "SELECT f.words FROM firmware_menu f JOIN machine m ON m.host = ?1 WHERE f.fix "
	     "= ?2 AND substr(lower(m.vendor), 1, length(f.maker)) = f.maker"},
	    {"words_source", "SELECT f.source FROM firmware_menu f JOIN machine m ON m.host = ?1 "
	                     "WHERE f.fix = ?2 AND "
	                     "substr(lower(m.vendor), 1, length(f.maker)) = f.maker"},
	};
	for (size_t i = 0; fix && i < HP_COUNT(columns); i++) {
		hp_cleanup_free char *text = hp_plan_text(maker->planner->db, columns[i].sql,
		                                          maker->planner->verdict->name, fix->id);
		if (text)
			json_object_set_new(item, columns[i].key, json_string(text));
	}
}

/* The same advice once, with all its findings. */
static void advise(struct maker *maker, const char *title, const struct hp_finding *finding,
                   const struct hp_fix *fix, const char *why)
{
	json_t *list = maker->planner->plan->advice, *item;
	size_t i;
	json_array_foreach(list, i, item)
	{
		const char *same = json_string_value(json_object_get(item, "title"));
		json_t *ids = json_object_get(item, "findings");
		if (strcmp(same, title) != 0)
			continue;
		json_array_append_new(ids, json_string(finding->id));
		return;
	}
	item = json_pack("{s:s, s:s, s:s*, s:s, s:s, s:s, s:s, s:s*, s:o, s:[s]}", "title", title,
	                 "distance", hp_distance_name(fix ? fix->distance : HP_DISTANCE_NONE),
	                 "fix", fix ? fix->id : NULL, "rule", finding->rule->id, "resolution",
	                 finding->rule->resolution, "evidence", finding->evidence, "reference",
	                 finding->rule->reference, "why", why, "alternatives",
	                 alternatives(finding->rule, fix), "findings", finding->id);
	add_words(maker, fix, item);
	json_array_append_new(list, item);
}

static void leave_open(struct maker *maker, const char *id, const char *title, const char *why)
{
	json_array_append_new(
	    maker->planner->plan->open,
	    json_pack("{s:s, s:s, s:s}", "finding", id, "title", title, "evidence", why));
}

// -- states --

/* The state that the words ask for, one after the other, and whether none takes back another. */
static int want_all(struct maker *maker, const struct draft *draft, json_t **ret,
                    struct hp_error *err)
{
	struct hp_host *host = maker->planner->host;
	json_t *after = json_incref(draft->before);
	int code = 0;
	for (size_t i = 0; !code && i < draft->words.count; i++) {
		json_t *next = NULL;
		code = draft->kind->want(host, draft->subject, draft->words.names[i], after, &next,
		                         err);
		if (code)
			break;
		json_decref(after);
		after = next;
	}
	for (size_t i = 0; !code && i + 1 < draft->words.count; i++) {
		json_t *again = NULL;
		code = draft->kind->want(host, draft->subject, draft->words.names[i], after, &again,
		                         err);
		if (!code && !json_equal(again, after))
			code = hp_fail(err, -EINVAL, "%s %s: '%s' contradicts '%s'",
			               draft->kind->name, draft->subject, draft->words.names[i],
			               draft->words.names[draft->words.count - 1]);
		json_decref(again);
	}
	if (code)
		json_decref(after);
	else
		*ret = after;
	return code;
}

static void add_word(struct hp_names *words, const char *word)
{
	words->names = hp_realloc(words->names, (words->count + 1) * sizeof(*words->names));
	words->names[words->count++] = hp_strdup(word);
}

static bool has_word(const struct hp_names *words, const char *word)
{
	for (size_t i = 0; i < words->count; i++)
		if (strcmp(words->names[i], word) == 0)
			return true;
	return false;
}

static struct draft *find_draft(struct maker *maker, const struct hp_kind *kind,
                                const char *subject)
{
	for (size_t i = 0; i < maker->count; i++)
		if (maker->drafts[i].kind == kind && strcmp(maker->drafts[i].subject, subject) == 0)
			return &maker->drafts[i];
	return NULL;
}

static struct draft *new_draft(struct maker *maker, const struct hp_kind *kind, const char *subject,
                               const struct hp_rule *rule, const struct hp_fix *fix)
{
	maker->drafts = hp_realloc(maker->drafts, (maker->count + 1) * sizeof(*maker->drafts));
	struct draft *draft = &maker->drafts[maker->count++];
	*draft = (struct draft){
	    .kind = kind,
	    .subject = hp_strdup(subject),
	    .fix = hp_strdup(fix->id),
	    .findings = json_array(),
	    .alternatives = alternatives(rule, fix),
	    .before = json_null(),
	    .after = json_null(),
	};
	return draft;
}

/* Reads the state before; a host that is not there knows none. */
static int read_before(struct maker *maker, struct draft *draft, struct hp_error *err)
{
	json_t *before = NULL;
	if (!maker->planner->host)
		return 0;
	int code = draft->kind->read(maker->planner->host, draft->subject, &before, err);
	if (code)
		return code;
	json_decref(draft->before);
	draft->before = before;
	return 0;
}

/* Adds a word to a draft; one that the others do not suffer is taken back. */
static int add_want(struct maker *maker, struct draft *draft, const char *word,
                    struct hp_error *err)
{
	json_t *after = NULL;
	if (has_word(&draft->words, word))
		return 0;
	add_word(&draft->words, word);
	int code = maker->planner->host ? want_all(maker, draft, &after, err) : 0;
	if (code) {
		free(draft->words.names[--draft->words.count]);
		return code;
	}
	if (after) {
		json_decref(draft->after);
		draft->after = after;
	}
	return 0;
}

static void drop_empty(struct maker *maker)
{
	if (maker->count && !maker->drafts[maker->count - 1].words.count)
		draft_finish(&maker->drafts[--maker->count]);
}

/* One row of a fix's view. What cannot be walked is told as advice with its reason. */
static void take_row(struct maker *maker, const struct hp_finding *finding,
                     const struct hp_fix *fix, const char *kind_name, const char *subject,
                     const char *word)
{
	struct hp_error error = {0};
	const struct hp_kind *kind = hp_kind_find(kind_name, &error);
	struct draft *draft = kind ? find_draft(maker, kind, subject) : NULL;
	int code = kind ? 0 : error.code;
	if (kind && !draft) {
		draft = new_draft(maker, kind, subject, finding->rule, fix);
		code = read_before(maker, draft, &error);
	}
	if (!code)
		code = add_want(maker, draft, word, &error);
	if (!code) {
		json_array_append_new(draft->findings, json_string(finding->id));
		return;
	}
	drop_empty(maker);
	advise(maker, fix->title, finding, fix, error.message);
}

// -- the fixes of a finding --

struct row {
	char *kind, *target, *want;
};

struct rows {
	struct row *items;
	size_t count;
};

static void rows_finish(struct rows *rows)
{
	for (size_t i = 0; i < rows->count; i++) {
		free(rows->items[i].kind);
		free(rows->items[i].target);
		free(rows->items[i].want);
	}
	free(rows->items);
	*rows = (struct rows){0};
}

static int by_kind(const void *a_, const void *b_)
{
	const struct row *a = a_, *b = b_;
	int order = strcmp(a->kind, b->kind);
	if (!order)
		order = strcmp(a->target, b->target);
	return order ? order : strcmp(a->want, b->want);
}

static bool is_of(sqlite3_stmt *row, const struct hp_finding *finding)
{
	const char *host = hp_db_text(row, 0), *subject = hp_db_text(row, 1);
	return host && subject && strcmp(host, finding->host) == 0 &&
	       strcmp(subject, finding->subject) == 0 && hp_db_text(row, 2) && hp_db_text(row, 3) &&
	       hp_db_text(row, 4);
}

static void add_row(struct rows *rows, sqlite3_stmt *row)
{
	rows->items = hp_realloc(rows->items, (rows->count + 1) * sizeof(*rows->items));
	rows->items[rows->count++] = (struct row){
	    .kind = hp_strdup(hp_db_text(row, 2)),
	    .target = hp_strdup(hp_db_text(row, 3)),
	    .want = hp_strdup(hp_db_text(row, 4)),
	};
}

/* The steps that a fix has for a finding: none where the facts do not say enough. */
static int rows_of(struct maker *maker, const struct hp_finding *finding, const struct hp_fix *fix,
                   struct rows *ret, struct hp_error *err)
{
	struct hp_fence *fence = hp_knowledge_fence(maker->planner->knowledge);
	hp_cleanup_statement sqlite3_stmt *statement = NULL;
	if (!*fix->sql)
		return 0;
	hp_fence_begin(fence, HP_FENCE_MODE_RULE);
	int code = hp_fence_prepare(fence, fix->sql, fix->file, fix->line, &statement, NULL, err);
	while (!code && (code = hp_fence_step(fence, statement, MOST_ROWS, err)) == 1) {
		code = 0;
		if (is_of(statement, finding))
			add_row(ret, statement);
	}
	hp_db_finish(&statement);
	hp_fence_end(fence);
	if (ret->count)
		qsort(ret->items, ret->count, sizeof(*ret->items), by_kind);
	return code;
}

/* The cheapest fix that has steps, else the cheapest as advice. */
static int mend(struct maker *maker, const struct hp_finding *finding, struct hp_error *err)
{
	const struct hp_rule *rule = finding->rule;
	struct rows rows = {0};
	int code = 0;
	size_t at = 0;
	for (; !code && at < rule->fix_count; at++) {
		code = rows_of(maker, finding, &rule->fixes[at], &rows, err);
		if (rows.count)
			break;
	}
	for (size_t i = 0; i < rows.count; i++)
		take_row(maker, finding, &rule->fixes[at], rows.items[i].kind, rows.items[i].target,
		         rows.items[i].want);
	if (!code && !rows.count)
		advise(maker, rule->fix_count ? rule->fixes[0].title : rule->title, finding,
		       rule->fix_count ? &rule->fixes[0] : NULL, NULL);
	rows_finish(&rows);
	return code;
}

static bool was_seen(const struct hp_candidate *candidate, size_t until,
                     const struct hp_finding *finding)
{
	for (size_t i = 0; i < until; i++)
		for (size_t f = 0; f < candidate->offers[i]->finding_count; f++)
			if (candidate->offers[i]->findings[f] == finding)
				return true;
	return false;
}

static int mend_offer(struct maker *maker, const struct hp_candidate *candidate, size_t at,
                      struct hp_error *err)
{
	const struct hp_offer *offer = candidate->offers[at];
	int code = 0;
	for (size_t i = 0; !code && i < offer->finding_count; i++) {
		const struct hp_finding *finding = offer->findings[i];
		if (finding->rule->impact != HP_IMPACT_BLOCKS || was_seen(candidate, at, finding))
			continue;
		if (finding->result == HP_RESULT_FAIL)
			code = mend(maker, finding, err);
		else if (finding->result == HP_RESULT_UNKNOWN)
			leave_open(maker, finding->id, finding->rule->title, finding->evidence);
	}
	return code;
}

// -- from drafts to steps --

static size_t place(const struct draft *draft)
{
	return hp_step_place(&(struct hp_step){.kind = draft->kind, .after = draft->after});
}

static int by_place(const void *a_, const void *b_)
{
	const struct draft *a = a_, *b = b_;
	size_t left = place(a), right = place(b);
	return left != right ? (left > right) - (left < right) : strcmp(a->subject, b->subject);
}

/* It is so already, and the finding stands all the same: what reads it has not read it yet. */
static bool is_done(struct maker *maker, const struct draft *draft)
{
	if (json_is_null(draft->before) || !json_equal(draft->before, draft->after))
		return false;
	static const char *const words[] = {
	    [HP_EFFECT_NOW] = "it is so already",
	    [HP_EFFECT_SERVICE] = "it is written already, and takes effect once what reads it is "
				  "restarted",
	    [HP_EFFECT_REBOOT] = "it is written already, and takes effect with the next boot",
	};
	const char *id = json_string_value(json_array_get(draft->findings, 0));
	hp_cleanup_free char *title = hp_asprintf(
	    "%s %s", draft->kind->name, *draft->subject ? draft->subject : draft->words.names[0]);
	json_array_append_new(
	    maker->planner->plan->advice,
	    json_pack("{s:s, s:s, s:s, s:s, s:O}", "title", title, "distance",
	              draft->kind->effect == HP_EFFECT_REBOOT ? "reboot" : "reload", "fix",
	              draft->fix, "why", words[draft->kind->effect], "findings", draft->findings));
	return id != NULL;
}

static char *join(const struct hp_names *words)
{
	struct hp_text text = {0};
	for (size_t i = 0; i < words->count; i++)
		hp_text_printf(&text, "%s%s", i ? " " : "", words->names[i]);
	return text.data;
}

static void add_step(struct maker *maker, const struct draft *draft)
{
	struct hp_plan *plan = maker->planner->plan;
	struct hp_step *step = hp_steps_add(&plan->steps, draft->kind, draft->subject);
	json_decref(step->before);
	json_decref(step->after);
	step->before = json_incref(draft->before);
	step->after = json_incref(draft->after);
	step->why = hp_strdup(json_string_value(json_array_get(draft->findings, 0)));
	step->fix = hp_strdup(draft->fix);
	plan->details = hp_realloc(plan->details, plan->steps.count * sizeof(*plan->details));
	plan->details[plan->steps.count - 1] =
	    (struct hp_step_detail){.want = join(&draft->words),
	                            .findings = json_incref(draft->findings),
	                            .alternatives = json_incref(draft->alternatives)};
	plan->reboot |= draft->kind->effect == HP_EFFECT_REBOOT;
}

/* What somebody must do by hand with a reboot, or in the firmware, comes before what does not last.
 */
static bool advises_reboot(const json_t *advice)
{
	size_t i;
	const json_t *item;
	json_array_foreach(advice, i, item)
	{
		const char *distance = json_string_value(json_object_get(item, "distance"));
		if (hp_distance_parse(distance) >= HP_DISTANCE_REBOOT)
			return true;
	}
	return false;
}

/* Who is hurt: the kind asks the host; without one, what the facts know. */
static int find_hurt(struct maker *maker, struct hp_error *err)
{
	struct hp_plan *plan = maker->planner->plan;
	bool reboot = plan->reboot || advises_reboot(plan->advice);
	int code = 0;
	for (size_t i = 0; !code && i < plan->steps.count; i++) {
		const struct hp_step *step = &plan->steps.items[i];
		struct hp_step_detail *detail = &plan->details[i];
		struct hp_error error = {0};
		detail->after_reboot =
		    reboot && !step->kind->lasts && step->kind->effect != HP_EFFECT_REBOOT;
		if (!maker->planner->host)
			code = hp_hurt_by_facts(maker->planner, step, &detail->obstacles, err);
		else if (step->kind->obstacles &&
		         step->kind->obstacles(maker->planner->host, step->subject, step->before,
		                               step->after, &detail->obstacles, &error))
			leave_open(maker, step->why, "Who is hurt could not be told",
			           error.message);
	}
	return code;
}

static int make_steps(struct maker *maker, struct hp_error *err)
{
	if (maker->count)
		qsort(maker->drafts, maker->count, sizeof(*maker->drafts), by_place);
	for (size_t i = 0; i < maker->count; i++)
		if (!is_done(maker, &maker->drafts[i]))
			add_step(maker, &maker->drafts[i]);
	return find_hurt(maker, err);
}

int hp_find_steps(struct hp_planner *planner, struct hp_error *err)
{
	struct maker maker = {.planner = planner};
	const struct hp_plan *plan = planner->plan;
	const struct hp_candidate *first = plan->candidates;
	int code = 0;
	if (!plan->candidate_count || plan->met == HP_WISH_BROKEN)
		return 0;
	for (size_t i = 0; !code && i < first->count; i++)
		code = mend_offer(&maker, first, i, err);
	if (!code)
		code = make_steps(&maker, err);
	for (size_t i = 0; i < maker.count; i++)
		draft_finish(&maker.drafts[i]);
	free(maker.drafts);
	return code;
}
