// happypath report: a verdict as a page for people, or as test cases for a pipeline.
// SPDX-License-Identifier: Apache-2.0
#include "base/cleanup.h"
#include "cli.h"
#include "emit/report.h"
#include "judge/json.h"

#include <string.h>

static int write_html(const struct hp_report *report, struct hp_error *err)
{
	hp_cleanup_free char *page = NULL;
	int code = hp_report_html(report, &page, err);
	if (!code)
		fputs(page, stdout);
	return code;
}

static int write_junit(const struct hp_report *report, struct hp_error *err)
{
	hp_cleanup_free char *document = NULL;
	int code = hp_report_junit(report, &document, err);
	if (!code)
		fputs(document, stdout);
	return code;
}

static int write_json(const struct hp_report *report, struct hp_error *err)
{
	return hp_verdict_write(report->verdict, report->knowledge, report->as_of, report->today,
	                        stdout, err);
}

static const struct {
	const char *name;
	int (*write)(const struct hp_report *report, struct hp_error *err);
} forms[] = {{"html", write_html}, {"junit", write_junit}, {"json", write_json}};

static void complain(void *data HP_UNUSED, const char *message)
{
	hp_say("%s", message);
}

static int write_report(const struct hp_session *session, const struct hp_options *options,
                        const struct hp_requirement *requirement, struct hp_error *err)
{
	struct hp_verdict_options how = {.as_of = hp_as_of(options), .complain = complain};
	struct hp_verdict *verdict = NULL;
	int code = hp_verdict_new(session->facts, session->knowledge, &how, &verdict, err);
	if (code)
		return code;
	struct hp_report report = {.db = hp_facts_db(session->facts),
	                           .verdict = verdict,
	                           .knowledge = session->knowledge,
	                           .as_of = hp_as_of(options),
	                           .today = hp_today(),
	                           .requirement = requirement,
	                           .each = requirement && options->all,
	                           .all = !requirement && options->all};
	for (size_t i = 0; i < HP_COUNT(forms); i++)
		if (strcmp(options->output ? options->output : forms[0].name, forms[i].name) == 0)
			code = forms[i].write(&report, err);
	int answer = requirement
	                 ? hp_answer_exit(hp_requirement_verdict(requirement, verdict, report.each))
	                 : HP_EXIT_OK;
	hp_verdict_free(verdict);
	return code ? code : session->failed ? HP_EXIT_FAILED : answer;
}

static int judge_and_write(struct hp_options *options, struct hp_error *err)
{
	struct hp_requirement requirement = {0};
	struct hp_session session = {0};
	int code = 0;
	if (options->require && (hp_requirement_parse(options->require, &requirement, err)))
		return err->code = HP_MISUSE;
	code = hp_session_open(options, &session, err);
	if (!code && options->require &&
	    hp_requirement_known(&requirement, hp_facts_db(session.facts), err))
		code = err->code = HP_MISUSE;
	if (!code)
		code = write_report(&session, options, options->require ? &requirement : NULL, err);
	hp_requirement_free(&requirement);
	hp_session_close(&session);
	return code;
}

int hp_cmd_report(const struct hp_command *command HP_UNUSED, struct hp_options *options)
{
	struct hp_error error = {0};
	int code = judge_and_write(options, &error);
	return code < 0 ? hp_give_up(&error) : code;
}
