// A verdict as one HTML page. SPDX-License-Identifier: Apache-2.0
#include "emit/report.h"
#include "base/cleanup.h"
#include "base/database.h"
#include "base/text.h"
#include "base/xml.h"
#include "emit/topology.h"
#include "judge/digest.h"
#include "judge/json.h"

#include "report-css.h"

#include <errno.h>
#include <string.h>

struct page {
	const struct hp_report *report;
	const struct hp_verdict_host *host;
	size_t number; // of the host: ids of the page carry it
	struct hp_xml *xml;
};

// -- small parts --

static void open_(struct hp_xml *xml, const char *element, const char *class)
{
	hp_xml_start(xml, element);
	hp_xml_attribute(xml, "class", class);
}

static void part(struct hp_xml *xml, const char *element, const char *class, const char *text)
{
	open_(xml, element, class);
	hp_xml_text(xml, text);
	hp_xml_end(xml);
}

/* A cell; on a telephone its head stands before it. */
static void begin_cell(struct hp_xml *xml, const char *head, const char *class)
{
	open_(xml, "td", class);
	hp_xml_attribute(xml, "data-head", head);
}

static void head_row(struct hp_xml *xml, const char *const *heads, size_t count)
{
	hp_xml_start(xml, "table");
	hp_xml_start(xml, "thead");
	hp_xml_start(xml, "tr");
	for (size_t i = 0; i < count; i++)
		hp_xml_element(xml, "th", heads[i]);
	hp_xml_end(xml);
	hp_xml_end(xml);
	hp_xml_start(xml, "tbody");
}

static void end_table(struct hp_xml *xml)
{
	hp_xml_end(xml);
	hp_xml_end(xml);
}

static bool is_address(const char *text)
{
	return hp_starts_with(text, "https://") || hp_starts_with(text, "http://");
}

/* References, apart by " | ": those on the web are links. */
static void references(struct hp_xml *xml, const char *list)
{
	hp_cleanup_free char *copy = hp_strdup(list ? list : "");
	for (char *at = copy, *next; at && *at; at = next) {
		next = strstr(at, " | ");
		if (next) {
			*next = '\0';
			next += strlen(" | ");
		}
		hp_xml_text(xml, at == copy ? "" : " · ");
		size_t length = strcspn(at, " ");
		hp_cleanup_free char *address = hp_strndup(at, length);
		if (is_address(at)) {
			hp_xml_start(xml, "a");
			hp_xml_attribute(xml, "href", address);
			hp_xml_attribute(xml, "rel", "noreferrer");
			hp_xml_text(xml, at);
			hp_xml_end(xml);
		} else {
			hp_xml_text(xml, at);
		}
	}
}

static const char *path_class(enum hp_path path)
{
	static const char *const classes[] = {[HP_PATH_ON] = "pill good",
	                                      [HP_PATH_CAUTION] = "pill warn",
	                                      [HP_PATH_OFF] = "pill bad",
	                                      [HP_PATH_UNKNOWN] = "pill open"};
	return classes[path];
}

static const char *readiness_class(enum hp_readiness readiness)
{
	static const char *const classes[] = {[HP_READINESS_READY] = "pill good",
	                                      [HP_READINESS_REACHABLE] = "pill near",
	                                      [HP_READINESS_UNREACHABLE] = "pill bad",
	                                      [HP_READINESS_UNKNOWN] = "pill open"};
	return classes[readiness];
}

/* Where a rule stands on the page. */
static char *anchor(const struct page *page, const struct hp_rule *rule, enum hp_result result)
{
	return hp_asprintf("h%zu-%s-%s", page->number, hp_result_name(result), rule->id);
}

static void heading(const struct page *page, const char *id, const char *title)
{
	hp_xml_start(page->xml, "h2");
	hp_xml_attributef(page->xml, "id", "h%zu-%s", page->number, id);
	hp_xml_text(page->xml, title);
	hp_xml_end(page->xml);
}

// -- the host --

static const struct {
	const char *label, *sql;
} host_facts[] = {
    {"Machine", "SELECT vendor || ' ' || product FROM machine WHERE host = ?1"},
    {"Firmware",
     "SELECT bios_version || coalesce(' of ' || bios_date, '') FROM machine WHERE host = ?1"},
    {"System", "SELECT distribution_name FROM machine WHERE host = ?1"},
    {"Runs under", "SELECT hypervisor FROM machine WHERE host = ?1 AND hypervisor <> 'none'"},
    {"Kernel", "SELECT release FROM kernel WHERE host = ?1"},
    {"Command line", "SELECT cmdline FROM kernel WHERE host = ?1"},
    {"Processor", "SELECT model FROM cpu WHERE host = ?1"},
    {"Memory",
     "SELECT size_text(total_bytes / 1073741824 * 1073741824) FROM memory WHERE host = ?1"},
    {"IOMMU", "SELECT state || coalesce(' (' || nullif(kind, 'none') || ')', '') FROM iommu WHERE "
              "host = ?1"},
    {"NVIDIA driver",
     "SELECT loaded_version || coalesce(', ' || loaded_flavour, '') FROM nvidia_driver"
     " WHERE host = ?1 AND loaded_version <> 'none'"},
};

static void write_host_facts(const struct page *page)
{
	struct hp_xml *xml = page->xml;
	hp_xml_start(xml, "dl");
	for (size_t i = 0; i < HP_COUNT(host_facts); i++) {
		hp_cleanup_statement sqlite3_stmt *row = NULL;
		if (hp_db_prepare(page->report->db, host_facts[i].sql, &row, NULL))
			continue;
		sqlite3_bind_text(row, 1, page->host->name, -1, SQLITE_STATIC);
		const char *value = hp_db_step(row, NULL) == 1 ? hp_db_text(row, 0) : NULL;
		if (!value)
			continue;
		hp_xml_element(xml, "dt", host_facts[i].label);
		hp_xml_element(xml, "dd", value);
	}
	hp_xml_element(xml, "dt", "Seen");
	hp_xml_element(xml, "dd",
	               page->host->root == 1   ? "as root"
	               : page->host->root == 0 ? "without root's privilege"
	                                       : "with privileges that are not known");
	hp_xml_end(xml);
}

static void write_requirement(const struct page *page)
{
	static const struct {
		const char *class, *words;
	} answers[] = {
	    [HP_ANSWER_MET] = {"banner good", "met"},
	    [HP_ANSWER_UNKNOWN] = {"banner open", "cannot be told: what is unknown could meet it"},
	    [HP_ANSWER_NOT_MET] = {"banner bad", "not met"},
	};
	const struct hp_report *report = page->report;
	const struct hp_requirement *requirement = report->requirement;
	if (!requirement)
		return;
	enum hp_answer answer = hp_requirement_host(requirement, page->host, report->each);
	open_(page->xml, "p", answers[answer].class);
	hp_xml_textf(page->xml, "Required: %s%s%s%s%s, of %s: %s", requirement->surface,
	             requirement->share ? ":" : "", requirement->share ? requirement->share : "",
	             requirement->has_path ? ", path " : "",
	             requirement->has_path ? hp_path_name(requirement->path) : "",
	             report->each ? "each accelerator" : "any accelerator", answers[answer].words);
	hp_xml_end(page->xml);
}

// -- offers --

static void write_path(const struct page *page, const struct hp_offer *offer)
{
	enum { OLD_DAYS = 180 };
	struct hp_xml *xml = page->xml;
	begin_cell(xml, "Path", NULL);
	part(xml, "span", path_class(offer->path), hp_path_name(offer->path));
	if (offer->path_reason)
		hp_xml_textf(xml, " %s", offer->path_reason);
	if (offer->path_condition)
		hp_xml_textf(xml, " (%s)", offer->path_condition);
	if (offer->path_source) {
		bool since = offer->path_since && *offer->path_since;
		bool old = hp_days_between(offer->path_checked, page->report->today) > OLD_DAYS;
		open_(xml, "div", "quiet");
		if (since)
			hp_xml_textf(xml, "since %s%s; ", offer->path_approximate ? "about " : "",
			             offer->path_since);
		hp_xml_textf(xml, "%s%s: ", old ? "as of " : "read ",
		             offer->path_checked ? offer->path_checked : "on a day not noted");
		references(xml, offer->path_source);
		hp_xml_end(xml);
	}
	hp_xml_end(xml);
}

static bool hinders(const struct hp_finding *finding)
{
	return finding->rule->impact == HP_IMPACT_BLOCKS && finding->result != HP_RESULT_PASS;
}

static void write_hindrance(const struct page *page, const struct hp_finding *finding,
                            const char *words)
{
	hp_cleanup_free char *to = anchor(page, finding->rule, finding->result);
	hp_xml_start(page->xml, "li");
	hp_xml_start(page->xml, "a");
	hp_xml_attributef(page->xml, "href", "#%s", to);
	hp_xml_text(page->xml, words);
	hp_xml_end(page->xml);
	hp_xml_end(page->xml);
}

/* The summary is told where it is not the first of what hinders. */
static void write_hindrances(const struct page *page, const struct hp_offer *offer)
{
	struct hp_xml *xml = page->xml;
	size_t count = 0;
	begin_cell(xml, "What stands between", NULL);
	for (size_t i = 0; i < offer->finding_count; i++) {
		const struct hp_finding *finding = offer->findings[i];
		if (!hinders(finding))
			continue;
		hp_cleanup_free char *words =
		    finding->result == HP_RESULT_FAIL
			? hp_digest_failure(finding)
			: hp_asprintf("Not known: %s", finding->rule->title);
		if (!count++) {
			hp_xml_text(xml, strcmp(words, offer->summary) == 0 ? "" : offer->summary);
			open_(xml, "ul", NULL);
		}
		write_hindrance(page, finding, words);
	}
	if (count)
		hp_xml_end(xml);
	else
		hp_xml_text(xml, offer->summary);
	hp_xml_end(xml);
}

static void write_row(const struct page *page, const struct hp_digest_row *row)
{
	struct hp_xml *xml = page->xml;
	const struct hp_offer *offer = row->offer;
	open_(xml, "tr", row->asked ? "asked" : hp_digest_is_grey(row) ? "unasked" : NULL);
	begin_cell(xml, "Surface", "surface");
	hp_xml_text(xml, offer->surface->surface);
	part(xml, "div", "quiet", row->asked ? "in use, or wanted" : NULL);
	hp_xml_end(xml);
	begin_cell(xml, "Share", NULL);
	hp_xml_text(xml, row->shares);
	hp_xml_end(xml);
	write_path(page, offer);
	begin_cell(xml, "Readiness", "word");
	part(xml, "span", readiness_class(offer->readiness), hp_readiness_name(offer->readiness));
	hp_xml_end(xml);
	begin_cell(xml, "Distance", "word");
	hp_xml_text(xml, hp_digest_distance(offer));
	hp_xml_end(xml);
	write_hindrances(page, offer);
	hp_xml_end(xml);
	hp_xml_raw(xml, "\n");
}

static void write_group(const struct page *page, const struct hp_accelerator *const *group,
                        size_t count)
{
	static const char *const heads[] = {"Surface",   "Share",    "Path",
	                                    "Readiness", "Distance", "What stands between"};
	const struct hp_accelerator *first = group[0];
	struct hp_xml *xml = page->xml;
	hp_cleanup_free char *title = hp_digest_title(first, count);
	hp_xml_element(xml, "h3", title);
	open_(xml, "p", "quiet");
	for (size_t i = 0; i < count; i++)
		hp_xml_textf(xml, "%s%s", i ? " · " : "", group[i]->address);
	if (first->is_vf && !first->offer_count)
		hp_xml_textf(xml, " (VFs of %s, judged with it)",
		             first->parent ? first->parent : "?");
	hp_xml_end(xml);
	if (!first->offer_count)
		return;
	struct hp_digest_row *rows = hp_calloc(first->offer_count + 1, sizeof(*rows));
	size_t row_count = hp_digest_rows(first, page->report->all, rows);
	head_row(xml, heads, HP_COUNT(heads));
	for (size_t i = 0; i < row_count; i++)
		write_row(page, &rows[i]);
	end_table(xml);
	free(rows);
}

static void write_accelerators(const struct page *page)
{
	const struct hp_verdict_host *host = page->host;
	hp_cleanup_free bool *done = hp_calloc(host->accelerator_count + 1, sizeof(*done));
	hp_cleanup_free const struct hp_accelerator **group =
	    hp_calloc(host->accelerator_count + 1, sizeof(*group));
	heading(page, "verdict", "Verdict");
	for (size_t i = 0; i < host->accelerator_count; i++) {
		size_t members = hp_digest_group(host, i, done, group);
		if (members)
			write_group(page, group, members);
	}
	if (!host->accelerator_count)
		hp_xml_element(page->xml, "p",
		               host->pci_seen
		                   ? "No accelerator was found."
		                   : "No accelerator is known of this host, but there may be "
		                     "one: PCI was not seen whole.");
}

static void write_topology(const struct page *page)
{
	struct hp_topology *topology = NULL;
	struct hp_error error = {0};
	hp_cleanup_free char *svg = NULL;
	heading(page, "topology", "Topology");
	int code = hp_topology_new(page->report->db, page->host, false, &topology, &error);
	if (!code && topology->count)
		code = hp_topology_svg(topology, &svg, &error);
	if (svg) {
		hp_xml_start(page->xml, "figure");
		hp_xml_raw(page->xml, svg);
		hp_xml_end(page->xml);
	} else {
		open_(page->xml, "p", "quiet");
		hp_xml_textf(page->xml, "No picture: %s.",
		             code ? error.message : "no PCI function is known");
		hp_xml_end(page->xml);
	}
	hp_topology_free(topology);
}

// -- findings --

static void write_evidence(const struct page *page, const struct hp_finding *finding)
{
	struct hp_xml *xml = page->xml;
	hp_xml_start(xml, "li");
	bool named = strstr(finding->evidence, finding->subject); // '' is in every text
	hp_xml_textf(xml, "%s%s%s", named ? "" : finding->subject, named ? "" : ": ",
	             finding->evidence);
	const char *const *origins = hp_verdict_origins(page->report->verdict, finding);
	for (size_t i = 0; origins[i]; i++) {
		hp_xml_text(xml, " ");
		part(xml, "span", "origin", origins[i]);
	}
	hp_xml_end(xml);
}

static void write_rule_head(const struct page *page, const struct hp_rule *rule,
                            enum hp_result result)
{
	struct hp_xml *xml = page->xml;
	hp_cleanup_free char *id = anchor(page, rule, result);
	hp_xml_start(xml, "article");
	hp_xml_attribute(xml, "id", id);
	hp_xml_start(xml, "h4");
	part(xml, "span",
	     result == HP_RESULT_UNKNOWN        ? "pill open"
	     : rule->impact == HP_IMPACT_BLOCKS ? "pill bad"
	                                        : "pill warn",
	     hp_result_name(result));
	hp_xml_textf(xml, " %s ", rule->title);
	part(xml, "code", NULL, rule->id);
	hp_xml_end(xml);
}

static void write_ways(const struct page *page, const struct hp_rule *rule)
{
	struct hp_xml *xml = page->xml;
	hp_xml_start(xml, "p");
	hp_xml_element(xml, "strong", "What to do: ");
	hp_xml_text(xml, rule->resolution);
	for (size_t i = 0; i < rule->fix_count; i++)
		hp_xml_textf(
		    xml, "%s %s (%s%s%s)", i ? "; or" : " By a step:", rule->fixes[i].title,
		    hp_distance_name(rule->fixes[i].distance), rule->fixes[i].undo ? ", undo " : "",
		    rule->fixes[i].undo ? rule->fixes[i].undo : "");
	hp_xml_end(xml);
	if (!rule->reference || !*rule->reference)
		return;
	open_(xml, "p", "quiet");
	hp_xml_text(xml, "References: ");
	references(xml, rule->reference);
	hp_xml_end(xml);
}

static bool is_here(const struct page *page, const struct hp_finding *finding,
                    enum hp_result result)
{
	return finding->result == result && strcmp(finding->host, page->host->name) == 0;
}

/* The findings of one rule that ended so; they stand side by side. */
static void write_rule(const struct page *page, const struct hp_finding *findings, size_t count,
                       enum hp_result result)
{
	const struct hp_rule *rule = findings[0].rule;
	bool begun = false;
	for (size_t i = 0; i < count && findings[i].rule == rule; i++) {
		if (!is_here(page, &findings[i], result))
			continue;
		if (!begun) {
			write_rule_head(page, rule, result);
			hp_xml_start(page->xml, "ul");
		}
		begun = true;
		write_evidence(page, &findings[i]);
	}
	if (!begun)
		return;
	hp_xml_end(page->xml);
	write_ways(page, rule);
	hp_xml_end(page->xml);
	hp_xml_raw(page->xml, "\n");
}

static bool has_rule(const struct page *page, const struct hp_finding *findings, size_t count,
                     enum hp_result result, enum hp_impact impact)
{
	for (size_t i = 0; i < count; i++)
		if (findings[i].rule->impact == impact && is_here(page, &findings[i], result))
			return true;
	return false;
}

static void write_class(const struct page *page, enum hp_result result, enum hp_impact impact,
                        const char *title)
{
	size_t count;
	const struct hp_finding *findings = hp_verdict_findings(page->report->verdict, &count);
	if (!has_rule(page, findings, count, result, impact))
		return;
	hp_xml_element(page->xml, "h3", title);
	for (size_t i = 0; i < count; i++)
		if (findings[i].rule->impact == impact &&
		    (!i || findings[i - 1].rule != findings[i].rule))
			write_rule(page, &findings[i], count - i, result);
}

/* A row for each rule, the evidence of each subject in it. */
static void write_passes(const struct page *page)
{
	static const char *const heads[] = {"Rule", "Evidence"};
	struct hp_xml *xml = page->xml;
	const struct hp_rule *last = NULL;
	size_t count;
	const struct hp_finding *findings = hp_verdict_findings(page->report->verdict, &count);
	hp_xml_element(xml, "h3", "Proven to hold");
	head_row(xml, heads, HP_COUNT(heads));
	for (size_t i = 0; i < count; i++) {
		if (!is_here(page, &findings[i], HP_RESULT_PASS))
			continue;
		if (findings[i].rule != last) {
			hp_xml_raw(xml, last ? "</td></tr>\n" : "");
			hp_xml_raw(xml, "<tr>");
			begin_cell(xml, NULL, NULL);
			hp_xml_text(xml, findings[i].rule->title);
			hp_xml_end(xml);
			hp_xml_raw(xml, "<td class=\"quiet\">");
		}
		last = findings[i].rule;
		hp_xml_element(xml, "div", findings[i].evidence);
	}
	hp_xml_raw(xml, last ? "</td></tr>\n" : "");
	end_table(xml);
}

static void write_findings(const struct page *page)
{
	static const struct {
		enum hp_result result;
		enum hp_impact impact;
		const char *title;
	} classes[] = {
	    {HP_RESULT_FAIL, HP_IMPACT_BLOCKS, "Fails, and blocks"},
	    {HP_RESULT_FAIL, HP_IMPACT_DEGRADES, "Fails, and makes things worse"},
	    {HP_RESULT_FAIL, HP_IMPACT_NOTES, "To be noted"},
	    {HP_RESULT_UNKNOWN, HP_IMPACT_BLOCKS, "Not known, and could block"},
	    {HP_RESULT_UNKNOWN, HP_IMPACT_DEGRADES, "Not known, and could make things worse"},
	    {HP_RESULT_UNKNOWN, HP_IMPACT_NOTES, "Not known, for the record"},
	};
	heading(page, "findings", "Findings");
	for (size_t i = 0; i < HP_COUNT(classes); i++)
		write_class(page, classes[i].result, classes[i].impact, classes[i].title);
	write_passes(page);
}

static void write_gaps(const struct page *page)
{
	static const char *const heads[] = {"What", "Why"};
	const struct hp_verdict_host *host = page->host;
	heading(page, "gaps", "What could not be seen");
	if (!host->gap_count) {
		hp_xml_element(page->xml, "p", "Nothing was skipped or refused.");
		return;
	}
	head_row(page->xml, heads, HP_COUNT(heads));
	for (size_t i = 0; i < host->gap_count; i++) {
		hp_xml_start(page->xml, "tr");
		begin_cell(page->xml, NULL, "origin");
		hp_xml_text(page->xml, host->gaps[i].what);
		hp_xml_end(page->xml);
		begin_cell(page->xml, NULL, NULL);
		hp_xml_text(page->xml, host->gaps[i].why);
		hp_xml_end(page->xml);
		hp_xml_end(page->xml);
	}
	end_table(page->xml);
}

// -- the page --

static void write_origin(const struct page *page)
{
	const struct hp_report *report = page->report;
	const char *of = hp_knowledge_as_of(report->knowledge);
	open_(page->xml, "p", "quiet");
	hp_xml_textf(page->xml,
	             "Judged by happypath %s on %s with knowledge %s, of %s (%ld days old); the "
	             "vendors' stance as of %s.",
	             HP_VERSION, report->today, hp_knowledge_version(report->knowledge), of,
	             hp_days_between(of, report->today), report->as_of);
	hp_xml_end(page->xml);
}

static void write_host(const struct page *page)
{
	hp_cleanup_free char *title = hp_digest_host(page->host);
	hp_xml_start(page->xml, "section");
	hp_xml_element(page->xml, "h1", title);
	write_origin(page);
	write_host_facts(page);
	write_requirement(page);
	write_accelerators(page);
	write_topology(page);
	write_findings(page);
	write_gaps(page);
	hp_xml_end(page->xml);
}

static void write_foot(struct hp_xml *xml)
{
	part(
	    xml, "footer", NULL,
	    "Path is the device vendor's dated stance; readiness, whether this host could deliver "
	    "it; distance, the dearest step that is missing. What could not be seen is never taken "
	    "for good.");
}

static void write_head(const struct hp_verdict_host *hosts, size_t count, struct hp_xml *xml)
{
	static const char *const metas[][2] = {
	    {"viewport", "width=device-width, initial-scale=1"},
	    {"color-scheme", "light dark"},
	    {"generator", "happypath " HP_VERSION},
	};
	hp_xml_start(xml, "head");
	hp_xml_start(xml, "meta");
	hp_xml_attribute(xml, "charset", "utf-8");
	hp_xml_end_void(xml);
	for (size_t i = 0; i < HP_COUNT(metas); i++) {
		hp_xml_start(xml, "meta");
		hp_xml_attribute(xml, "name", metas[i][0]);
		hp_xml_attribute(xml, "content", metas[i][1]);
		hp_xml_end_void(xml);
	}
	hp_xml_start(xml, "title");
	hp_xml_textf(xml, "happypath: %s", count == 1 ? hosts[0].name : "several hosts");
	hp_xml_end(xml);
	hp_xml_start(xml, "style");
	hp_xml_raw(xml, report_css);
	hp_xml_end(xml);
	hp_xml_end(xml);
}

int hp_report_html(const struct hp_report *report, char **ret, struct hp_error *err)
{
	size_t count;
	const struct hp_verdict_host *hosts = hp_verdict_hosts(report->verdict, &count);
	struct hp_xml *xml = NULL;
	int code = hp_xml_new(false, &xml, err);
	if (code)
		return code;
	hp_xml_doctype(xml, "html");
	hp_xml_start(xml, "html");
	hp_xml_attribute(xml, "lang", "en");
	write_head(hosts, count, xml);
	hp_xml_start(xml, "body");
	for (size_t i = 0; i < count; i++) {
		struct page page = {.report = report, .host = &hosts[i], .number = i, .xml = xml};
		write_host(&page);
	}
	write_foot(xml);
	code = hp_xml_finish(xml, ret, err);
	hp_xml_free(xml);
	return code;
}
