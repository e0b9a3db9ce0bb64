// A verdict as JSON. One line a finding, a cost, an offer's head: fit for a person with grep, too.
// SPDX-License-Identifier: Apache-2.0
#include "judge/json.h"
#include "base/cleanup.h"
#include "base/json.h"
#include "base/text.h"

#include <errno.h>
#include <string.h>
#include <time.h>

enum { OLD_DAYS = 180 };

enum { SAME_KEPT = 512 }; // more than there are rows for one vendor and kind

/* What alike accelerators share is made once: the head of an offer up to its path, and its costs.
 */
struct same {
	const void *of; // the list of costs: one for each kind of accelerator and row of the matrix
	char *head, *costs;
};

/* So is what stands in many offers: a finding, and how lists name it. */
struct made {
	char *whole, *id, *title;
};

struct writer {
	struct hp_verdict *verdict;
	const char *today;
	FILE *to;
	struct hp_text text; // what is not written yet: an offer at most
	struct made *findings;
	size_t finding_count;
	struct same same[SAME_KEPT];
	const char *day; // the last one asked for its age
	bool old;
	const struct hp_finding *first;
};

long hp_days_between(const char *from, const char *to)
{
	const char *dates[] = {from, to};
	time_t times[2];
	for (int i = 0; i < 2; i++) {
		struct tm tm = {0};
		if (!dates[i] ||
		    sscanf(dates[i], "%4d-%2d-%2d", &tm.tm_year, &tm.tm_mon, &tm.tm_mday) != 3)
			return 0;
		tm.tm_year -= 1900;
		tm.tm_mon -= 1;
		times[i] = timegm(&tm);
	}
	return (times[1] - times[0]) / 86400;
}

/* `"key": "value"` behind a comma, but for the first of an object. */
static void member(struct hp_text *text, const char *key, const char *value)
{
	bool first = text->length && text->data[text->length - 1] == '{';
	hp_text_puts(text, first ? "\"" : ", \"");
	hp_text_puts(text, key);
	hp_text_puts(text, "\": ");
	hp_json_string(text, value);
}

static void open_list(struct hp_text *text, const char *key)
{
	hp_text_puts(text, ", \"");
	hp_text_puts(text, key);
	hp_text_puts(text, "\": [");
}

static void add_origins(struct writer *writer, const struct hp_finding *finding,
                        struct hp_text *text)
{
	open_list(text, "origin");
	const char *const *origins = hp_verdict_origins(writer->verdict, finding);
	for (size_t i = 0; origins[i]; i++) {
		hp_text_puts(text, i ? ", " : "");
		hp_json_string(text, origins[i]);
	}
	hp_text_puts(text, "]");
}

static char *make_finding(struct writer *writer, const struct hp_finding *finding)
{
	const struct hp_rule *rule = finding->rule;
	struct hp_text text = {0};
	hp_text_puts(&text, "{");
	member(&text, "id", finding->id);
	member(&text, "rule", rule->id);
	member(&text, "subject", finding->subject);
	member(&text, "result", hp_result_name(finding->result));
	member(&text, "impact", hp_impact_name(rule->impact));
	member(&text, "title", rule->title);
	member(&text, "evidence", finding->evidence);
	add_origins(writer, finding, &text);
	member(&text, "fix", rule->fix_count ? rule->fixes[0].id : NULL);
	member(&text, "resolution", rule->resolution);
	member(&text, "reference", rule->reference);
	hp_text_puts(&text, "}");
	return text.data;
}

static char *quoted(const char *string)
{
	struct hp_text text = {0};
	hp_json_string(&text, string);
	return text.data;
}

static const struct made *make(struct writer *writer, const struct hp_finding *finding)
{
	struct made *made = &writer->findings[finding - writer->first];
	if (made->whole)
		return made;
	made->whole = make_finding(writer, finding);
	made->id = quoted(finding->id);
	made->title = quoted(finding->rule->title);
	return made;
}

static void add_findings(struct writer *writer, const struct hp_finding *const *findings,
                         size_t count, bool host_wide, const char *indent)
{
	const char *separator = "";
	open_list(&writer->text, "findings");
	for (size_t i = 0; i < count; i++) {
		if (!host_wide && findings[i]->host_wide)
			continue;
		hp_text_puts(&writer->text, separator);
		hp_text_puts(&writer->text, indent);
		hp_text_puts(&writer->text, make(writer, findings[i])->whole);
		separator = ",";
	}
	hp_text_puts(&writer->text, "]");
}

/* The ids of what blocks and fails, or the titles of what blocks and is unknown. */
static void add_blocking(struct writer *writer, const char *key, const struct hp_offer *offer,
                         enum hp_result result)
{
	struct hp_text *text = &writer->text;
	const char *separator = "";
	open_list(text, key);
	for (size_t i = 0; i < offer->finding_count; i++) {
		const struct hp_finding *finding = offer->findings[i];
		if (finding->rule->impact != HP_IMPACT_BLOCKS || finding->result != result)
			continue;
		hp_text_puts(text, separator);
		const struct made *made = make(writer, finding);
		hp_text_puts(text, result == HP_RESULT_FAIL ? made->id : made->title);
		separator = ", ";
	}
	hp_text_puts(text, "]");
}

static void make_costs(struct hp_text *text, const struct hp_offer *offer)
{
	open_list(text, "costs");
	for (size_t i = 0; i < offer->cost_count; i++) {
		const struct hp_cost *cost = offer->costs[i];
		hp_text_printf(text, "%s\n     {", i ? "," : "");
		member(text, "kind", cost->kind);
		member(text, "value", cost->value);
		hp_text_printf(text, ", \"level\": %d, \"estimate\": %s", cost->level,
		               cost->estimate ? "true" : "false");
		if (cost->amount >= 0)
			hp_text_printf(text, ", \"amount\": %lld", cost->amount);
		if (cost->amount >= 0 && cost->unit)
			member(text, "unit", cost->unit);
		member(text, "source", cost->source);
		hp_text_puts(text, "}");
	}
	hp_text_puts(text, "]");
}

static bool is_old(struct writer *writer, const char *day)
{
	if (!day)
		return false;
	if (!writer->day || strcmp(writer->day, day) != 0) {
		writer->day = day;
		writer->old = hp_days_between(day, writer->today) > OLD_DAYS;
	}
	return writer->old;
}

/* A source that was last read long ago says so. */
static void add_path(struct writer *writer, struct hp_text *text, const struct hp_offer *offer)
{
	bool old = is_old(writer, offer->path_checked);
	hp_cleanup_free char *dated =
	    old ? hp_asprintf("%s (as of %s)", offer->path_source, offer->path_checked) : NULL;
	member(text, "path", hp_path_name(offer->path));
	member(text, "path_source", old ? dated : offer->path_source);
	member(text, "path_since",
	       offer->path_since && *offer->path_since ? offer->path_since : NULL);
	member(text, "path_reason", offer->path_reason);
	member(text, "path_condition", offer->path_condition);
	hp_text_printf(text, ", \"path_approximate\": %s",
	               offer->path_approximate ? "true" : "false");
}

static const struct same *make_same(struct writer *writer, const struct hp_offer *offer,
                                    size_t number)
{
	struct same *same = &writer->same[number % SAME_KEPT];
	if (same->of == offer->costs)
		return same;
	struct hp_text head = {0}, costs = {0};
	hp_text_puts(&head, "\n   {");
	member(&head, "surface", offer->surface->surface);
	member(&head, "share", offer->surface->share);
	add_path(writer, &head, offer);
	make_costs(&costs, offer);
	free(same->head);
	free(same->costs);
	*same = (struct same){.of = offer->costs, .head = head.data, .costs = costs.data};
	return same;
}

static void add_offer(struct writer *writer, const struct hp_offer *offer, size_t number)
{
	struct hp_text *text = &writer->text;
	const struct same *same = make_same(writer, offer, number);
	hp_text_puts(text, same->head);
	member(text, "readiness", hp_readiness_name(offer->readiness));
	member(text, "distance", hp_distance_name(offer->distance));
	hp_text_printf(text, ", \"in_use\": %s", offer->in_use ? "true" : "false");
	member(text, "summary", offer->summary);
	add_blocking(writer, "blocking", offer, HP_RESULT_FAIL);
	add_blocking(writer, "unknown", offer, HP_RESULT_UNKNOWN);
	add_findings(writer, offer->findings, offer->finding_count, false, "\n     ");
	hp_text_puts(text, same->costs);
	hp_text_puts(text, "}");
}

static void flush(struct writer *writer)
{
	fwrite(hp_text_get(&writer->text), 1, writer->text.length, writer->to);
	writer->text.length = 0;
}

static void add_accelerator(struct writer *writer, const struct hp_accelerator *accelerator)
{
	struct hp_text *text = &writer->text;
	hp_text_puts(text, "\n  {");
	member(text, "address", accelerator->address);
	member(text, "parent", accelerator->parent);
	member(text, "vendor", accelerator->vendor);
	member(text, "device", accelerator->device);
	member(text, "kind", accelerator->kind);
	member(text, "name", accelerator->name);
	member(text, "model", accelerator->model);
	open_list(text, "offers");
	for (size_t i = 0; i < accelerator->offer_count; i++) {
		hp_text_puts(text, i ? "," : "");
		add_offer(writer, &accelerator->offers[i], i);
		flush(writer);
	}
	hp_text_puts(text, "]");
	if (!accelerator->offer_count)
		add_findings(writer, accelerator->findings, accelerator->finding_count, true,
		             "\n    ");
	hp_text_puts(text, "}");
}

static void add_gaps(struct hp_text *text, const struct hp_verdict_host *host)
{
	open_list(text, "gaps");
	for (size_t i = 0; i < host->gap_count; i++) {
		hp_text_printf(text, "%s\n  {", i ? "," : "");
		member(text, "what", host->gaps[i].what);
		member(text, "why", host->gaps[i].why);
		member(text, "kind", host->gaps[i].kind);
		hp_text_puts(text, "}");
	}
	hp_text_puts(text, "]");
}

static void write_host(struct writer *writer, const struct hp_verdict_host *host)
{
	struct hp_text *text = &writer->text;
	hp_text_puts(text, "\n {");
	member(text, "host", host->name);
	open_list(text, "accelerators");
	for (size_t i = 0; i < host->accelerator_count; i++) {
		hp_text_puts(text, i ? "," : "");
		add_accelerator(writer, &host->accelerators[i]);
	}
	hp_text_puts(text, "]");
	add_findings(writer, host->findings, host->finding_count, true, "\n  ");
	add_gaps(text, host);
	hp_text_puts(text, "}");
	flush(writer);
}

static void write_head(struct writer *writer, const struct hp_knowledge *knowledge,
                       const char *as_of)
{
	struct hp_text *text = &writer->text;
	const char *day = hp_knowledge_as_of(knowledge);
	hp_text_puts(text, "{");
	member(text, "schema", "happypath.verdict/1");
	hp_text_puts(text, ", \"knowledge\": {");
	member(text, "version", hp_knowledge_version(knowledge));
	member(text, "as_of", day);
	hp_text_printf(text, ", \"age_days\": %ld}", hp_days_between(day, writer->today));
	member(text, "as_of", as_of);
	open_list(text, "hosts");
	flush(writer);
}

static void writer_init(struct writer *ret, struct hp_verdict *verdict, const char *today)
{
	*ret = (struct writer){.verdict = verdict, .today = today};
	ret->first = hp_verdict_findings(verdict, &ret->finding_count);
	ret->findings = hp_calloc(ret->finding_count + 1, sizeof(*ret->findings));
}

static void writer_finish(struct writer *writer)
{
	for (size_t i = 0; i < writer->finding_count; i++) {
		free(writer->findings[i].whole);
		free(writer->findings[i].id);
		free(writer->findings[i].title);
	}
	for (size_t i = 0; i < SAME_KEPT; i++) {
		free(writer->same[i].head);
		free(writer->same[i].costs);
	}
	free(writer->findings);
	hp_text_free(&writer->text);
}

char *hp_finding_json(struct hp_verdict *verdict, const struct hp_finding *finding)
{
	struct writer writer = {.verdict = verdict};
	return make_finding(&writer, finding);
}

char *hp_offer_json(struct hp_verdict *verdict, const struct hp_offer *offer, const char *today)
{
	struct writer writer;
	writer_init(&writer, verdict, today);
	add_offer(&writer, offer, 0);
	char *ret = hp_strdup(hp_text_get(&writer.text));
	writer_finish(&writer);
	return ret;
}

int hp_verdict_write(struct hp_verdict *verdict, const struct hp_knowledge *knowledge,
                     const char *as_of, const char *today, FILE *to, struct hp_error *err)
{
	struct writer writer;
	size_t count;
	const struct hp_verdict_host *hosts = hp_verdict_hosts(verdict, &count);
	writer_init(&writer, verdict, today);
	writer.to = to;
	write_head(&writer, knowledge, as_of);
	for (size_t i = 0; i < count; i++) {
		fputs(i ? "," : "", to);
		write_host(&writer, &hosts[i]);
	}
	fputs("]}\n", to);
	writer_finish(&writer);
	return ferror(to) ? hp_fail(err, -EIO, "cannot write the verdict") : 0;
}
