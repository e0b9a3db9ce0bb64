// A verdict as test cases. SPDX-License-Identifier: Apache-2.0
#include "base/cleanup.h"
#include "base/text.h"
#include "base/xml.h"
#include "emit/report.h"
#include "judge/digest.h"

#include <string.h>

enum outcome { PASSED, FAILED, SKIPPED };

struct test_case {
	const struct hp_accelerator *accelerator; // NULL: there is none
	const char *surface;
	const struct hp_offer *offer; // its best, NULL without one
	enum outcome outcome;
	char *why; // unless it passed
};

struct suite {
	struct test_case *cases;
	size_t count;
	size_t of[SKIPPED + 1];
};

static void add_case(struct suite *suite, struct test_case test)
{
	suite->cases = hp_realloc(suite->cases, (suite->count + 1) * sizeof(*suite->cases));
	suite->cases[suite->count++] = test;
	suite->of[test.outcome]++;
}

static bool is_of(const struct hp_offer *offer, const char *surface)
{
	return strcmp(offer->surface->surface, surface) == 0;
}

static bool is_meant(const struct hp_report *report, const struct hp_offer *offer)
{
	const char *share = report->requirement ? report->requirement->share : NULL;
	return !share || strcmp(offer->surface->share, share) == 0;
}

/* Of what could be done, what is nearest. */
static const struct hp_offer *best_of(const struct hp_report *report,
                                      const struct hp_accelerator *accelerator, const char *surface,
                                      bool meant)
{
	static const int order[] = {[HP_READINESS_READY] = 0,
	                            [HP_READINESS_UNKNOWN] = 1,
	                            [HP_READINESS_REACHABLE] = 2,
	                            [HP_READINESS_UNREACHABLE] = 3};
	const struct hp_offer *best = NULL;
	for (size_t i = 0; i < accelerator->offer_count; i++) {
		const struct hp_offer *offer = &accelerator->offers[i];
		if (is_of(offer, surface) && (!meant || is_meant(report, offer)) &&
		    (!best || order[offer->readiness] < order[best->readiness]))
			best = offer;
	}
	return best;
}

static char *in_words(const struct hp_offer *offer)
{
	return hp_asprintf(
	    "%s:%s: path %s, %s%s%s: %s", offer->surface->surface, offer->surface->share,
	    hp_path_name(offer->path), hp_readiness_name(offer->readiness),
	    offer->distance == HP_DISTANCE_NONE ? "" : ", distance ",
	    offer->distance == HP_DISTANCE_NONE ? "" : hp_distance_name(offer->distance),
	    offer->summary);
}

/* What is in use must be ready. */
static void judge_unrequired(struct test_case *test)
{
	const struct hp_offer *offer = test->offer;
	hp_cleanup_free char *words = in_words(offer);
	if (!offer->in_use) {
		test->outcome = SKIPPED;
		test->why = hp_asprintf("not asked for; %s", words);
	} else if (offer->readiness != HP_READINESS_READY) {
		test->outcome = offer->readiness == HP_READINESS_UNKNOWN ? SKIPPED : FAILED;
		test->why = hp_steal(words);
	}
}

static void judge_required(const struct hp_report *report, const struct hp_verdict_host *host,
                           struct test_case *test)
{
	enum hp_answer answer = hp_requirement_accelerator(report->requirement, test->accelerator);
	if (answer == HP_ANSWER_MET)
		return;
	hp_cleanup_free char *words =
	    test->offer ? in_words(test->offer) : hp_strdup("no such offer");
	enum hp_answer whole = hp_requirement_host(report->requirement, host, report->each);
	bool others = answer == HP_ANSWER_NOT_MET && !report->each && whole != HP_ANSWER_NOT_MET;
	test->outcome = answer == HP_ANSWER_NOT_MET && !others ? FAILED : SKIPPED;
	test->why = others ? hp_asprintf("any accelerator will do, and another decides; %s", words)
	                   : hp_steal(words);
}

static bool is_required(const struct hp_report *report, const char *surface)
{
	return report->requirement && strcmp(report->requirement->surface, surface) == 0;
}

static void add_surface(const struct hp_report *report, const struct hp_verdict_host *host,
                        const struct hp_accelerator *accelerator, const char *surface,
                        struct suite *suite)
{
	bool required = is_required(report, surface);
	struct test_case test = {.accelerator = accelerator,
	                         .surface = surface,
	                         .offer = best_of(report, accelerator, surface, required)};
	if (required) {
		judge_required(report, host, &test);
	} else if (report->requirement) {
		hp_cleanup_free char *words = in_words(test.offer);
		test.outcome = SKIPPED;
		test.why = hp_asprintf("not required; %s", words);
	} else {
		judge_unrequired(&test);
	}
	add_case(suite, test);
}

static bool is_listed(const struct hp_report *report, const struct hp_offer *offer)
{
	return report->all || offer->surface->first_nine || offer->in_use ||
	       is_required(report, offer->surface->surface);
}

/* A case for each surface; the offers of one stand side by side. */
static void add_accelerator(const struct hp_report *report, const struct hp_verdict_host *host,
                            const struct hp_accelerator *accelerator, struct suite *suite)
{
	const char *last = "";
	bool found = false;
	for (size_t i = 0; i < accelerator->offer_count; i++) {
		const struct hp_offer *offer = &accelerator->offers[i];
		const char *surface = offer->surface->surface;
		if (strcmp(surface, last) == 0 || !is_listed(report, offer))
			continue;
		last = surface;
		found |= is_required(report, surface);
		add_surface(report, host, accelerator, surface, suite);
	}
	if (report->requirement && !found)
		add_surface(report, host, accelerator, report->requirement->surface, suite);
}

static void make_suite(const struct hp_report *report, const struct hp_verdict_host *host,
                       struct suite *suite)
{
	for (size_t i = 0; i < host->accelerator_count; i++) {
		const struct hp_accelerator *accelerator = &host->accelerators[i];
		if (!accelerator->is_vf || accelerator->offer_count)
			add_accelerator(report, host, accelerator, suite);
	}
	if (suite->count || !report->requirement)
		return;
	struct test_case none = {
	    .surface = report->requirement->surface,
	    .outcome = host->pci_seen ? FAILED : SKIPPED,
	    .why =
		hp_strdup(host->pci_seen ? "the host has no accelerator"
	                                 : "no accelerator was seen, but PCI was not seen whole"),
	};
	add_case(suite, none);
}

/* What stands behind it, for who reads the log. */
static void write_findings(struct hp_xml *xml, const struct hp_offer *offer)
{
	for (size_t i = 0; offer && i < offer->finding_count; i++) {
		const struct hp_finding *finding = offer->findings[i];
		if (finding->rule->impact != HP_IMPACT_BLOCKS || finding->result == HP_RESULT_PASS)
			continue;
		hp_xml_textf(xml, "\n%s (%s): %s\n  %s\n  %s", hp_result_name(finding->result),
		             finding->id, finding->evidence, finding->rule->resolution,
		             finding->rule->reference);
	}
}

static void write_case(struct hp_xml *xml, const struct hp_verdict_host *host,
                       const struct test_case *test)
{
	const struct hp_accelerator *accelerator = test->accelerator;
	hp_xml_start(xml, "testcase");
	hp_xml_attributef(xml, "classname", "%s %s%s%s", host->name,
	                  accelerator ? accelerator->address : "host",
	                  accelerator && accelerator->name ? " " : "",
	                  accelerator && accelerator->name ? accelerator->name : "");
	hp_xml_attribute(xml, "name", test->surface);
	hp_xml_attribute(xml, "time", "0");
	if (test->outcome != PASSED) {
		hp_xml_start(xml, test->outcome == FAILED ? "failure" : "skipped");
		hp_xml_attribute(xml, "message", test->why);
		if (test->outcome == FAILED) {
			hp_xml_attribute(xml, "type",
			                 test->offer ? hp_readiness_name(test->offer->readiness)
			                             : "absent");
			write_findings(xml, test->offer);
		}
		hp_xml_end(xml);
	}
	hp_xml_end(xml);
}

static void write_property(struct hp_xml *xml, const char *name, const char *value)
{
	hp_xml_start(xml, "property");
	hp_xml_attribute(xml, "name", name);
	hp_xml_attribute(xml, "value", value);
	hp_xml_end(xml);
}

static void write_suite(const struct hp_report *report, const struct hp_verdict_host *host,
                        const struct suite *suite, struct hp_xml *xml)
{
	hp_xml_start(xml, "testsuite");
	hp_xml_attributef(xml, "name", "happypath %s", host->name);
	hp_xml_attributef(xml, "tests", "%zu", suite->count);
	hp_xml_attributef(xml, "failures", "%zu", suite->of[FAILED]);
	hp_xml_attribute(xml, "errors", "0");
	hp_xml_attributef(xml, "skipped", "%zu", suite->of[SKIPPED]);
	hp_xml_start(xml, "properties");
	write_property(xml, "happypath", HP_VERSION);
	write_property(xml, "knowledge", hp_knowledge_version(report->knowledge));
	write_property(xml, "knowledge-of", hp_knowledge_as_of(report->knowledge));
	write_property(xml, "as-of", report->as_of);
	hp_xml_end(xml);
	for (size_t i = 0; i < suite->count; i++)
		write_case(xml, host, &suite->cases[i]);
	hp_xml_end(xml);
}

int hp_report_junit(const struct hp_report *report, char **ret, struct hp_error *err)
{
	struct hp_xml *xml = NULL;
	size_t count;
	const struct hp_verdict_host *hosts = hp_verdict_hosts(report->verdict, &count);
	int code = hp_xml_new(true, &xml, err);
	if (code)
		return code;
	hp_xml_declare(xml);
	hp_xml_start(xml, "testsuites");
	for (size_t i = 0; i < count; i++) {
		struct suite suite = {0};
		make_suite(report, &hosts[i], &suite);
		write_suite(report, &hosts[i], &suite, xml);
		for (size_t k = 0; k < suite.count; k++)
			free(suite.cases[k].why);
		free(suite.cases);
	}
	code = hp_xml_finish(xml, ret, err);
	hp_xml_free(xml);
	return code;
}
