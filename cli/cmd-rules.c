// happypath rules: lists them. SPDX-License-Identifier: Apache-2.0
#include "base/cleanup.h"
#include "cli.h"

static const struct hp_column columns[] = {
    {.name = "id", .help = "name of the rule"},
    {.name = "impact", .help = "what its failure does to an offer"},
    {.name = "applies", .help = "offers that it speaks of"},
    {.name = "title", .help = "what holds when it passes"},
    {.name = "fixes", .help = "ways out, cheapest first, with what they cost", .wide = true},
    {.name = "resolution", .help = "what to do when it fails", .wide = true},
    {.name = "reference", .help = "where that is written", .wide = true},
    {.name = "file", .help = "file and line of its view", .wide = true},
};

static char *fixes_of(const struct hp_rule *rule)
{
	struct hp_text text = {0};
	for (size_t i = 0; i < rule->fix_count; i++)
		hp_text_printf(&text, "%s%s (%s)", i ? ", " : "", rule->fixes[i].id,
		               hp_distance_name(rule->fixes[i].distance));
	return text.data;
}

static int list(const struct hp_knowledge *knowledge, enum hp_format format, struct hp_error *err)
{
	size_t count;
	const struct hp_rule *rules = hp_knowledge_rules(knowledge, &count);
	struct hp_table *table = hp_table_new(columns, HP_COUNT(columns));
	for (size_t i = 0; i < count; i++) {
		hp_cleanup_free char *file = hp_asprintf("%s:%zu", rules[i].file, rules[i].line);
		hp_cleanup_free char *fixes = fixes_of(&rules[i]);
		const char *cells[] = {rules[i].id,
		                       hp_impact_name(rules[i].impact),
		                       rules[i].applies,
		                       rules[i].title,
		                       fixes,
		                       rules[i].resolution,
		                       rules[i].reference,
		                       file};
		hp_table_add(table, cells);
	}
	int code = hp_table_print(table, format, "happypath.rules/1", "rules", stdout, err);
	hp_table_free(table);
	return code;
}

int hp_cmd_rules(const struct hp_command *command HP_UNUSED, struct hp_options *options)
{
	struct hp_error error = {0};
	struct hp_session session = {0};
	int code = hp_session_open_knowledge(options, &session, &error);
	if (!code)
		code = list(session.knowledge, options->format, &error);
	hp_session_close(&session);
	return code ? hp_give_up(&error) : HP_EXIT_OK;
}
