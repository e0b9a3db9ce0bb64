// happypath diff: what differs between two hosts, or a host then and now.
// SPDX-License-Identifier: Apache-2.0
#include "base/cleanup.h"
#include "cli.h"
#include "facts/diff.h"

#include <string.h>
#include <unistd.h>

static const struct hp_column columns[] = {
    {.name = "table", .help = "table of facts"},
    {.name = "key", .help = "row: an address, a name; empty for tables with one row"},
    {.name = "column", .help = "what differs; empty: the whole row is on one side alone"},
    {.name = "before", .help = "value before; empty: not known", .wraps = true},
    {.name = "after", .help = "value after; empty: not known", .wraps = true},
    {.name = "incidental", .help = "why it may differ on a host that nobody touched", .wide = true},
};

struct listing {
	struct hp_table *table;
	bool all; // incidental differences too
	size_t hidden;
};

static void add(void *data, const struct hp_difference *difference)
{
	struct listing *listing = data;
	if (difference->incidental && !listing->all) {
		listing->hidden++;
		return;
	}
	const char *cells[] = {difference->table,  difference->key,   difference->column,
	                       difference->before, difference->after, difference->incidental};
	hp_table_add(listing->table, cells);
}

/* Whether it is a capture with placeholders, by its head. */
static bool is_redacted(const char *name)
{
	char head[512] = "";
	hp_cleanup_file FILE *file = fopen(name, "re");
	head[file ? fread(head, 1, sizeof(head) - 1, file) : 0] = '\0';
	return hp_starts_with(head, "happypath.capture/") && strstr(head, "\nredacted yes\n");
}

/* This host, told in the placeholders of a capture that it is held against. */
static int add_live(const struct hp_options *options, struct hp_session *session,
                    struct hp_error *err)
{
	const char *before = options->arguments.items[0];
	if (!is_redacted(before))
		return hp_session_add(options, session, NULL, err);
	if (geteuid() != 0)
		hp_say("%s is redacted, and only root can redact this host alike: what is hidden "
		       "there differs here",
		       before);
	return hp_session_add_redacted(options, session, err);
}

/* The hosts under the names that their rows carry; to be freed. */
static int read_hosts(struct hp_options *options, struct hp_session *session, char *names[2],
                      struct hp_error *err)
{
	for (size_t i = 0; i < 2; i++) {
		const char *what =
		    i < options->arguments.count ? options->arguments.items[i] : NULL;
		int code = what ? hp_session_add(options, session, what, err)
		                : add_live(options, session, err);
		if (code)
			return code;
		names[i] = hp_strdup(hp_facts_host(session->facts));
	}
	return 0;
}

static int show(struct hp_session *session, const struct hp_options *options, char *const names[2],
                struct hp_error *err)
{
	struct listing listing = {.table = hp_table_new(columns, HP_COUNT(columns)),
	                          .all = options->all};
	int code = hp_facts_diff(session->facts, names[0], names[1], add, &listing, err);
	if (code >= 0)
		code = hp_table_print(listing.table, options->format, "happypath.diff/1",
		                      "differences", stdout, err);
	bool table = options->format == HP_FORMAT_TABLE || options->format == HP_FORMAT_WIDE;
	if (code >= 0 && table && !hp_table_rows(listing.table))
		printf("no difference between %s and %s\n", names[0], names[1]);
	if (code >= 0 && table && listing.hidden)
		hp_say("left out: %zu difference%s on a host that nobody touched; --all shows %s",
		       listing.hidden,
		       listing.hidden == 1 ? " that comes and goes" : "s that come and go",
		       listing.hidden == 1 ? "it" : "them");
	hp_table_free(listing.table);
	return code;
}

int hp_cmd_diff(const struct hp_command *command HP_UNUSED, struct hp_options *options)
{
	struct hp_error error = {0};
	struct hp_session session = {0};
	char *names[2] = {NULL, NULL};
	int code = hp_session_open_knowledge(options, &session, &error);
	if (!code)
		code = read_hosts(options, &session, names, &error);
	if (code >= 0)
		code = show(&session, options, names, &error);
	free(names[0]);
	free(names[1]);
	hp_session_close(&session);
	return code < 0 ? hp_give_up(&error) : HP_EXIT_OK;
}
