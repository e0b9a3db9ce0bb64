// What follows from the facts alone, and from them with knowledge of ids.
// SPDX-License-Identifier: Apache-2.0
#include "facts/derive.h"
#include "base/cleanup.h"
#include "base/database.h"
#include "base/text.h"
#include "facts/accelerators.h"
#include "facts/cmdline.h"
#include "facts/groups.h"

#include <errno.h>
#include <regex.h>
#include <string.h>

#include "facts/derive-sql.h" // derive_sql[], made from derive.sql

// -- command lines --

struct options {
	struct hp_facts *facts;
	const char *which;
	int64_t position;
};

static void add_option(void *data, const char *name, const char *value)
{
	struct options *options = data;
	struct hp_row row = hp_row_begin(options->facts, HP_TBL_CMDLINE_OPTION);
	hp_row_text(&row, HP_CMDLINE_OPTION_WHICH, options->which);
	hp_row_number(&row, HP_CMDLINE_OPTION_POSITION, options->position++);
	hp_row_text(&row, HP_CMDLINE_OPTION_NAME, name);
	hp_row_text(&row, HP_CMDLINE_OPTION_VALUE, value ? value : "none");
	hp_row_put(&row, NULL);
}

static int parse_cmdlines(struct hp_facts *facts, struct hp_error *err)
{
	static const char *const which[] = {"running", "configured", "next"};
	hp_cleanup_statement sqlite3_stmt *query = NULL;
	int code = hp_db_prepare(
	    hp_facts_db(facts),
	    "SELECT host, cmdline, cmdline_configured, cmdline_next FROM kernel", &query, err);
	if (code)
		return code;
	while ((code = hp_db_step(query, err)) == 1) {
		hp_facts_set_host(facts, hp_db_text(query, 0));
		for (int i = 0; i < (int)HP_COUNT(which); i++) {
			const char *text = hp_db_text(query, i + 1);
			if (!text)
				continue;
			struct options options = {.facts = facts, .which = which[i]};
			if (strcmp(text, "none") != 0)
				hp_cmdline_parse(text, add_option, &options);
			hp_facts_observed(facts, HP_TBL_CMDLINE_OPTION, which[i], "complete", NULL);
		}
	}
	return code;
}

// -- ids that vfio-pci and pci-stub are told to take --

static void add_stub_id(struct hp_facts *facts, const char *driver, const char *id,
                        const char *source)
{
	unsigned vendor, device;
	if (sscanf(id, "%4x:%4x", &vendor, &device) != 2)
		return;
	char text[8];
	struct hp_row row = hp_row_begin(facts, HP_TBL_STUB_ID);
	hp_row_text(&row, HP_STUB_ID_DRIVER, driver);
	snprintf(text, sizeof(text), "%04x", vendor & 0xffff);
	hp_row_text(&row, HP_STUB_ID_VENDOR, text);
	snprintf(text, sizeof(text), "%04x", device & 0xffff);
	hp_row_text(&row, HP_STUB_ID_DEVICE, text);
	hp_row_text(&row, HP_STUB_ID_SOURCE, source);
	hp_row_put(&row, NULL);
}

static void add_stub_ids(struct hp_facts *facts, const char *driver, const char *list,
                         const char *source)
{
	hp_cleanup_free char *copy = hp_strdup(list);
	char *rest = copy, *id;
	while ((id = strsep(&rest, ", \t\"")))
		add_stub_id(facts, driver, id, source);
}

/* `list` is "ids=…" or has it among other options. */
static const char *ids_of(const char *list)
{
	const char *at = strstr(list, "ids=");
	return at ? at + strlen("ids=") : "";
}

/* modprobe reads files by the name of .conf in modprobe.d, whatever else a facts file tells of. */
static int set_unread_aside(struct hp_facts *facts, struct hp_error *err)
{
	return hp_db_exec(
	    hp_facts_db(facts),
	    "UPDATE module_directive SET directive = 'ignored', "
	    "argument = directive || ' ' || coalesce(argument, 'none') "
	    "WHERE directive IN ('options', 'blacklist', 'softdep', 'install', 'alias', 'remove') "
	    "AND (file = '/etc/modprobe.conf' OR file GLOB '/etc/mod*prob*.d/*') "
	    "AND NOT file GLOB '/etc/modprobe.d/*.conf'",
	    err);
}

static int find_stub_ids(struct hp_facts *facts, struct hp_error *err)
{
	hp_cleanup_statement sqlite3_stmt *query = NULL;
	int code = hp_db_prepare(
	    hp_facts_db(facts),
	    "SELECT host, substr(name, 1, length(name) - 4), 'ids=' || value, '/proc/cmdline' FROM "
	    "cmdline_option "
	    "WHERE which = 'running' AND name IN ('vfio_pci.ids', 'pci_stub.ids') UNION ALL "
	    "SELECT host, module, argument, file FROM module_directive "
	    "WHERE directive = 'options' AND module IN ('vfio_pci', 'pci_stub') AND argument IS "
	    "NOT NULL",
	    &query, err);
	if (code)
		return code;
	while ((code = hp_db_step(query, err)) == 1) {
		hp_facts_set_host(facts, hp_db_text(query, 0));
		add_stub_ids(facts, hp_db_text(query, 1), ids_of(hp_db_text(query, 2)),
		             hp_db_text(query, 3));
	}
	return code;
}

// -- kernel messages --

struct pattern {
	char *kind;
	regex_t regex;
};

struct patterns {
	struct pattern *rows;
	size_t count;
};

static void free_patterns(struct patterns *patterns)
{
	for (size_t i = 0; i < patterns->count; i++) {
		free(patterns->rows[i].kind);
		regfree(&patterns->rows[i].regex);
	}
	free(patterns->rows);
}

static int load_patterns(sqlite3 *db, struct patterns *ret, struct hp_error *err)
{
	hp_cleanup_statement sqlite3_stmt *query = NULL;
	int code = hp_db_prepare(
	    db, "SELECT kind, pattern FROM kernel_message_pattern ORDER BY position", &query, err);
	if (code)
		return code;
	while ((code = hp_db_step(query, err)) == 1) {
		struct pattern pattern = {0};
		if (regcomp(&pattern.regex, hp_db_text(query, 1), REG_EXTENDED | REG_NOSUB))
			return hp_fail(err, -EINVAL,
			               "kernel_message_pattern: \"%s\" is no regular expression",
			               hp_db_text(query, 1));
		pattern.kind = hp_strdup(hp_db_text(query, 0));
		ret->rows = hp_realloc(ret->rows, (ret->count + 1) * sizeof(*ret->rows));
		ret->rows[ret->count++] = pattern;
	}
	return code;
}

static const char *classify(const struct patterns *patterns, const char *message)
{
	for (size_t i = 0; i < patterns->count; i++)
		if (regexec(&patterns->rows[i].regex, message, 0, NULL, 0) == 0)
			return patterns->rows[i].kind;
	return "other";
}

/* The first PCI address in a line, full or without its domain, or 'none'. */
static void find_address(const char *message, char *buffer, size_t size)
{
	snprintf(buffer, size, "none");
	for (const char *at = message; *at; at++) {
		unsigned domain = 0, bus, device, function;
		bool labelled =
		    at - message >= 4 && strncmp(at - 4, "PCI:", 4) == 0; // NVRM's PCI:0000:01:00.0
		bool starts =
		    at == message || labelled || !strchr("0123456789abcdefABCDEF:.", at[-1]);
		if (!starts)
			continue;
		if (sscanf(at, "%4x:%2x:%2x.%1x", &domain, &bus, &device, &function) != 4) {
			domain = 0;
			if (sscanf(at, "%2x:%2x.%1x", &bus, &device, &function) != 3)
				continue;
		}
		if (device < 32 && function < 8) {
			snprintf(buffer, size, "%04x:%02x:%02x.%x", domain, bus, device, function);
			return;
		}
	}
}

static int classify_messages(struct hp_facts *facts, const struct patterns *patterns,
                             struct hp_error *err)
{
	sqlite3 *db = hp_facts_db(facts);
	hp_cleanup_statement sqlite3_stmt *query = NULL, *update = NULL;
	int code = hp_db_prepare(db,
	                         "SELECT host, position, message FROM kernel_message WHERE kind IS "
	                         "NULL OR address IS NULL",
	                         &query, err);
	if (!code)
		code = hp_db_prepare(db,
		                     "UPDATE kernel_message SET kind = coalesce(kind, ?3), address "
		                     "= coalesce(address, ?4) "
		                     "WHERE host = ?1 AND position = ?2",
		                     &update, err);
	if (code)
		return code;
	while ((code = hp_db_step(query, err)) == 1) {
		char address[32];
		const char *message = hp_db_text(query, 2);
		find_address(message, address, sizeof(address));
		sqlite3_reset(update);
		sqlite3_bind_text(update, 1, hp_db_text(query, 0), -1, SQLITE_TRANSIENT);
		sqlite3_bind_int64(update, 2, sqlite3_column_int64(query, 1));
		sqlite3_bind_text(update, 3, classify(patterns, message), -1, SQLITE_TRANSIENT);
		sqlite3_bind_text(update, 4, address, -1, SQLITE_TRANSIENT);
		if ((code = hp_db_step(update, err)) < 0)
			return code;
	}
	return code;
}

static int read_messages(struct hp_facts *facts, struct hp_error *err)
{
	/* Most hosts' logs are not readable: compile no pattern for nothing. */
	if (!hp_db_number(hp_facts_db(facts), "SELECT COUNT(*) FROM kernel_message", 0))
		return 0;
	struct patterns patterns = {0};
	int code = load_patterns(hp_facts_db(facts), &patterns, err);
	if (!code)
		code = classify_messages(facts, &patterns, err);
	free_patterns(&patterns);
	return code;
}

// -- all --

static int clear_derived(sqlite3 *db, struct hp_error *err)
{
	for (size_t i = 0; i < hp_table_count; i++) {
		hp_cleanup_free char *sql = hp_asprintf("DELETE FROM %s", hp_tables[i].name);
		int code = hp_tables[i].derived ? hp_db_exec(db, sql, err) : 0;
		if (code)
			return code;
	}
	return 0;
}

/* A host of which nothing is known is a host all the same: what is asked of it stays unknown. */
static int sum_up_bare_hosts(struct hp_facts *facts, struct hp_error *err)
{
	hp_cleanup_statement sqlite3_stmt *insert = NULL;
	int code = hp_db_prepare(
	    hp_facts_db(facts),
	    "INSERT OR IGNORE INTO host_summary VALUES (?1, 0, 0, 0, 0, NULL, 0, 0)", &insert, err);
	size_t count;
	const char *const *hosts = hp_facts_begun(facts, &count);
	for (size_t i = 0; !code && i < count; i++) {
		sqlite3_reset(insert);
		sqlite3_bind_text(insert, 1, hosts[i], -1, SQLITE_STATIC);
		code = hp_db_step(insert, err);
	}
	return code;
}

static int derive(struct hp_facts *facts, struct hp_error *err)
{
	sqlite3 *db = hp_facts_db(facts);
	int code = clear_derived(db, err);
	if (!code)
		code = parse_cmdlines(facts, err);
	if (!code)
		code = set_unread_aside(facts, err);
	if (!code)
		code = find_stub_ids(facts, err);
	if (!code)
		code = read_messages(facts, err);
	if (!code)
		code = hp_facts_predict_groups(facts, err);
	if (!code)
		code = hp_facts_find_accelerators(facts, err);
	if (!code)
		code = hp_db_exec(db, derive_sql, err);
	return code ? code : sum_up_bare_hosts(facts, err);
}

int hp_facts_derive(struct hp_facts *facts, struct hp_error *err)
{
	hp_cleanup_free char *host = hp_strdup(hp_facts_host(facts));
	int code = derive(facts, err);
	hp_facts_set_host(facts, host);
	return code ? hp_wrap(err, "deriving facts"), code : 0;
}
