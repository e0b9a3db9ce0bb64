// happypath check: judges hosts, and is a gate with --require. SPDX-License-Identifier: Apache-2.0
#include "base/cleanup.h"
#include "base/database.h"
#include "base/json.h"
#include "cli.h"
#include "judge/json.h"
#include "paint.h"
#include "print-verdict.h"

#include <errno.h>
#include <string.h>

// -- what is required --

int hp_requirement_known(const struct hp_requirement *requirement, sqlite3 *db,
                         struct hp_error *err)
{
	sqlite3_stmt *statement = NULL;
	int code = hp_db_prepare(
	    db, "SELECT 1 FROM surface_share WHERE surface = ?1 AND (?2 IS NULL OR share = ?2)",
	    &statement, err);
	if (code)
		return code;
	sqlite3_bind_text(statement, 1, requirement->surface, -1, SQLITE_STATIC);
	sqlite3_bind_text(statement, 2, requirement->share, -1, SQLITE_STATIC);
	bool known = hp_db_step(statement, NULL) == 1;
	hp_db_finish(&statement);
	if (known)
		return 0;
	hp_cleanup_free char *surfaces = hp_surface_names(db);
	return hp_fail(err, -EINVAL,
	               "--require: there is no surface and share '%s%s%s'; the surfaces are %s",
	               requirement->surface, requirement->share ? ":" : "",
	               requirement->share ? requirement->share : "", surfaces);
}

int hp_answer_exit(enum hp_answer answer)
{
	static const int codes[] = {[HP_ANSWER_MET] = HP_EXIT_OK,
	                            [HP_ANSWER_UNKNOWN] = HP_EXIT_CANNOT_TELL,
	                            [HP_ANSWER_NOT_MET] = HP_EXIT_NOT_MET};
	return codes[answer];
}

// -- output --

static const struct hp_column columns[] = {
    {.name = "host", .help = "host"},
    {.name = "address", .help = "accelerator"},
    {.name = "name", .help = "its name"},
    {.name = "surface", .help = "way of attaching it"},
    {.name = "share", .help = "how much of it"},
    {.name = "path", .help = "the vendor's stance"},
    {.name = "readiness", .help = "could this host deliver it"},
    {.name = "distance", .help = "the dearest fix that is missing"},
    {.name = "summary", .help = "the one line that matters most"},
    {.name = "path_since", .help = "since when the vendor's stance holds"},
    {.name = "path_source", .help = "where that is said"},
};

static int print_listing(const struct hp_verdict *verdict, enum hp_format format,
                         struct hp_error *err)
{
	struct hp_table *table = hp_table_new(columns, HP_COUNT(columns));
	size_t count;
	const struct hp_verdict_host *hosts = hp_verdict_hosts(verdict, &count);
	for (size_t h = 0; h < count; h++)
		for (size_t i = 0; i < hosts[h].accelerator_count; i++)
			for (size_t o = 0; o < hosts[h].accelerators[i].offer_count; o++) {
				const struct hp_accelerator *accelerator =
				    &hosts[h].accelerators[i];
				const struct hp_offer *offer = &accelerator->offers[o];
				const char *cells[] = {
				    hosts[h].name,
				    accelerator->address,
				    accelerator->name,
				    offer->surface->surface,
				    offer->surface->share,
				    hp_path_name(offer->path),
				    hp_readiness_name(offer->readiness),
				    hp_distance_name(offer->distance),
				    offer->summary,
				    offer->path_since,
				    offer->path_source,
				};
				hp_table_add(table, cells);
			}
	int code = hp_table_print(table, format, NULL, NULL, stdout, err);
	hp_table_free(table);
	return code;
}

static int write_json(struct hp_verdict *verdict, const struct hp_session *session,
                      const struct hp_options *options, FILE *to, struct hp_error *err)
{
	return hp_verdict_write(verdict, session->knowledge, hp_as_of(options), hp_today(), to,
	                        err);
}

static int write_yaml(struct hp_verdict *verdict, const struct hp_session *session,
                      const struct hp_options *options, struct hp_error *err)
{
	char *text = NULL;
	size_t length = 0;
	FILE *memory = open_memstream(&text, &length);
	int code = memory ? write_json(verdict, session, options, memory, err)
	                  : hp_fail(err, -ENOMEM, "out of memory");
	if (memory)
		fclose(memory);
	json_t *document = code ? NULL : json_loadb(text, length, 0, NULL);
	free(text);
	if (!code)
		code = document ? hp_json_print(document, HP_FORMAT_YAML, stdout, err)
		                : hp_fail(err, -EINVAL, "the verdict is no JSON");
	json_decref(document);
	return code;
}

static int print(struct hp_verdict *verdict, const struct hp_session *session,
                 const struct hp_options *options, struct hp_error *err)
{
	switch (options->format) {
	case HP_FORMAT_JSON:
		return write_json(verdict, session, options, stdout, err);
	case HP_FORMAT_YAML:
		return write_yaml(verdict, session, options, err);
	case HP_FORMAT_WIDE:
	case HP_FORMAT_CSV:
		return print_listing(verdict, options->format, err);
	case HP_FORMAT_TABLE:
		break;
	}
	struct hp_verdict_print what = {
	    .verdict = verdict,
	    .knowledge = session->knowledge,
	    .as_of = hp_as_of(options),
	    .today = hp_today(),
	    .color = hp_wants_color(options->no_color),
	    .all = options->all && !options->require,
	};
	hp_print_verdict(&what, stdout);
	return 0;
}

static void complain(void *data HP_UNUSED, const char *message)
{
	hp_say("%s", message);
}

static int judge(const struct hp_session *session, const struct hp_options *options,
                 const struct hp_requirement *requirement, struct hp_error *err)
{
	struct hp_verdict_options how = {.as_of = hp_as_of(options),
	                                 .passes = options->all && !options->require,
	                                 .crew = session->crew,
	                                 .complain = complain};
	struct hp_verdict *verdict = NULL;
	int code = hp_verdict_new(session->facts, session->knowledge, &how, &verdict, err);
	if (!code)
		code = print(verdict, session, options, err);
	if (!code && session->failed)
		code = HP_EXIT_FAILED;
	else if (!code && requirement)
		code = hp_answer_exit(hp_requirement_verdict(requirement, verdict, options->all));
	if (HP_TIDY)
		hp_verdict_free(verdict);
	return code;
}

int hp_cmd_check(const struct hp_command *command HP_UNUSED, struct hp_options *options)
{
	struct hp_error error = {0};
	struct hp_session session = {.judges = true};
	struct hp_requirement requirement = {0};
	if (options->require && hp_requirement_parse(options->require, &requirement, &error)) {
		hp_say("%s", error.message);
		return HP_EXIT_USAGE;
	}
	int code = hp_session_open(options, &session, &error);
	if (!code && options->require &&
	    hp_requirement_known(&requirement, hp_facts_db(session.facts), &error)) {
		hp_say("%s", error.message);
		code = HP_EXIT_USAGE;
	} else {
		code =
		    code ? code
			 : judge(&session, options, options->require ? &requirement : NULL, &error);
		code = code < 0 ? hp_give_up(&error) : code;
	}
	hp_requirement_free(&requirement);
	hp_session_leave(&session);
	return code;
}
